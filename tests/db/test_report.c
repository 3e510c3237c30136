/* Reports against the ledger: the whole path, what the signing policy refuses, and what a crash may leave. */
#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "lib/base/file.h"
#include "lib/domain/report_body.h"
#include "lib/store/store.h"
#include "tests/db/report_world.h"

TestSuite(report, .timeout = 180);

static char *paper_of(struct world *world, const char *kind, size_t *length)
{
	char sql[300];
	const char *key;
	uint64_t size = 0;
	char *bytes;
	int fd = -1;
	struct err err;

	snprintf(sql, sizeof sql,
	         "SELECT object_key FROM artefact a JOIN report_version v USING (report_version_id) JOIN report r "
	         "USING (report_id)"
	         " JOIN reading_task t USING (task_id) WHERE t.public_id = $task AND a.kind = '%s' ORDER BY "
	         "artefact_id DESC",
	         kind);
	key = world_value(world, sql);
	cr_assert(store_open_object(world->desk.store, key, &fd, &size, &err), "%s", err.text);
	bytes = malloc(size);
	cr_assert_eq(read(fd, bytes, size), (ssize_t)size);
	close(fd);
	*length = size;
	return bytes;
}

static enum report_standing verify(struct world *world, const char *bytes, size_t length, json_t **out)
{
	char path[] = "/tmp/yq-paper-XXXXXX";
	enum report_standing standing;
	int fd = mkstemp(path);
	struct err err;

	cr_assert(file_write_all(fd, bytes, length, &err));
	close(fd);
	cr_assert(report_verify_file(world->pool, path, &standing, out, &err), "%s", err.text);
	unlink(path);
	return standing;
}

/* The gateway sees nothing without a person: verification is the operator's here. */
static enum report_standing standing_of(struct world *world, const char *bytes, size_t length)
{
	struct db_pool *gateway = world->pool;
	enum report_standing standing;
	json_t *verdict = NULL;

	world->pool = ledger_pool("yq_operator", 1);
	standing = verify(world, bytes, length, &verdict);
	db_pool_free(world->pool);
	world->pool = gateway;
	json_decref(verdict);
	return standing;
}

Test(report, the_same_save_again_is_the_save_that_is_there)
{
	struct world *world = world_new();
	struct task_lease lease = world_take(world, world->author);
	struct task_claim claim = {world->author, world->task, lease.token};
	struct report_body body = {.findings = "双肺纹理清晰。", .impression = "未见异常。"};
	char report_id[TEXT_UUID_SIZE];
	int revision = 0;
	struct err err;

	for (int i = 0; i < 3; i++) {
		cr_assert(report_draft_save(&world->desk, &claim, 0, &body, &revision, report_id, &err), "%s",
		          err.text);
		cr_expect_eq(revision, 1, "save %d of the first draft gave %d", i, revision);
	}
	body.findings = "双肺纹理增多。";
	for (int i = 0; i < 3; i++) {
		cr_assert(report_draft_save(&world->desk, &claim, 1, &body, &revision, report_id, &err), "%s",
		          err.text);
		cr_expect_eq(revision, 2, "save %d of the second gave %d", i, revision);
	}
	cr_expect_str_eq(world_value(world, "SELECT count(*) FROM report_revision r JOIN report_version v USING "
	                                    "(report_version_id) JOIN person p ON p.person_id = v.author_id"
	                                    " WHERE p.public_id = $author"),
	                 "2");
	body.impression = "支气管炎。";
	cr_assert_not(report_draft_save(&world->desk, &claim, 1, &body, &revision, report_id, &err),
	              "another text over a revision that was not seen was kept");
	cr_expect_eq(err.kind, ERR_CONFLICT, "%s", err.text);
	world_free(world);
}

Test(report, who_lost_a_task_hears_who_has_it_and_keeps_the_draft)
{
	struct world *world = world_new();
	struct task_lease lease = world_take(world, world->author), taken;
	struct task_claim claim = {world->author, world->task, lease.token}, taker;
	struct report_body body = {.findings = "x", .impression = "y"};
	char report_id[TEXT_UUID_SIZE], want[200];
	int revision = world_draft(world, world->author, lease.token, 0, "炎症。");
	struct err err;

	cr_assert(task_hand_over(world->pool, &claim, world->reviewer, "急会诊", &err), "%s", err.text);
	cr_assert_not(report_draft_save(&world->desk, &claim, revision, &body, &revision, report_id, &err));
	snprintf(want, sizeof want, "%s holds it now",
	         world_value(world, "SELECT name FROM person WHERE public_id = $reviewer"));
	cr_expect_eq(err.kind, ERR_CONFLICT, "%s", err.text);
	cr_expect(strstr(err.text, want), "got \"%s\", want \"%s\"", err.text, want);
	cr_expect_str_eq(
	    world_value(world, "SELECT v.body ->> 'impression' FROM report_version v JOIN report r USING (report_id)"
	                       " JOIN reading_task t USING (task_id) JOIN person p ON p.person_id = v.author_id"
	                       " WHERE t.public_id = $task AND p.public_id = $author"),
	    "炎症。", "the draft stays, in the name of who wrote it");

	cr_assert(task_resume(world->pool, world->reviewer, world->task, &taken, &err), "%s", err.text);
	taker = (struct task_claim){world->reviewer, world->task, taken.token};
	cr_assert(task_release(world->pool, &taker, &err), "%s", err.text);
	cr_assert_not(report_draft_save(&world->desk, &claim, revision, &body, &revision, report_id, &err));
	cr_expect(strstr(err.text, "it is awaiting"), "%s", err.text);
	world_free(world);
}

Test(report, goes_from_draft_to_issue_with_a_return_between)
{
	struct world *world = world_new();
	struct task_lease lease = world_take(world, world->author);
	struct task_claim claim = {world->author, world->task, lease.token};
	int revision = world_draft(world, world->author, lease.token, 0, "炎症。");
	struct report_body body = {.findings = "x", .impression = "y"};
	char report_id[TEXT_UUID_SIZE];
	struct err err;

	cr_assert_not(report_draft_save(&world->desk, &claim, 0, &body, &revision, report_id, &err),
	              "a stale draft was kept");
	cr_assert_eq(err.kind, ERR_CONFLICT, "%s", err.text);
	cr_assert_not(
	    report_submit(&world->desk, &claim, "wrong password", revision, &(struct report_seen){1, -1}, &err));
	cr_assert_eq(err.kind, ERR_REFUSED, "%s", err.text);
	cr_assert_not(
	    report_submit(&world->desk, &claim, WORLD_PASSWORD, revision + 1, &(struct report_seen){1, -1}, &err));
	cr_assert_eq(err.kind, ERR_CONFLICT, "%s", err.text);
	cr_assert_not(report_submit(&world->desk, &claim, WORLD_PASSWORD, revision, &(struct report_seen){2, -1}, &err),
	              "another study was read");
	cr_assert_eq(err.kind, ERR_CONFLICT, "%s", err.text);
	cr_assert(report_submit(&world->desk, &claim, WORLD_PASSWORD, revision, &(struct report_seen){1, -1}, &err),
	          "%s", err.text);
	cr_assert(report_submit(&world->desk, &claim, WORLD_PASSWORD, revision, &(struct report_seen){1, -1}, &err),
	          "again: %s", err.text);

	lease = world_take_review(world, world->reviewer);
	claim = (struct task_claim){world->reviewer, world->task, lease.token};
	cr_assert_not(report_send_back(&world->desk, &claim, "", &err));
	cr_assert(report_send_back(&world->desk, &claim, "请描述纵隔。", &err), "%s", err.text);
	cr_assert_str_eq(world_value(world,
	                             "SELECT count(*) FROM report_signature s JOIN person p USING (person_id) WHERE"
	                             " p.public_id = $author AND voided_at IS NOT NULL"),
	                 "1");

	cr_assert(task_resume(world->pool, world->author, world->task, &lease, &err), "%s", err.text);
	claim = (struct task_claim){world->author, world->task, lease.token};
	revision = world_draft(world, world->author, lease.token, revision, "炎症。纵隔未见异常。");
	cr_assert_eq(revision, 2, "got %d", revision);
	cr_assert(report_submit(&world->desk, &claim, WORLD_PASSWORD, revision, &(struct report_seen){1, -1}, &err),
	          "%s", err.text);

	lease = world_take_review(world, world->reviewer);
	claim = (struct task_claim){world->reviewer, world->task, lease.token};
	cr_assert(report_issue(&world->desk, &claim, WORLD_PASSWORD, &err), "%s", err.text);
	cr_assert(report_issue(&world->desk, &claim, WORLD_PASSWORD, &err), "again: %s", err.text);
	cr_assert_str_eq(
	    world_value(world,
	                "SELECT t.state || ' ' || v.state || ' ' || (v.settled_at IS NOT NULL) || ' ' || v.revision"
	                " FROM reading_task t JOIN report USING (task_id) JOIN report_version v USING (report_id)"
	                " WHERE t.public_id = $task"),
	    "done issued true 2");
	cr_assert_eq(world->object_count, 2, "got %d", world->object_count);
	cr_assert_str_eq(world->objects[0].patient_name, "LI^JIXIANG=李^𠮷祥");
	cr_assert_str_eq(
	    world_value(world,
	                "SELECT string_agg(a.kind, ' ' ORDER BY a.kind) FROM artefact a JOIN report_version v USING"
	                " (report_version_id) JOIN report r USING (report_id) JOIN reading_task t USING (task_id)"
	                " WHERE t.public_id = $task AND a.voided_at IS NULL"),
	    "encapsulated_pdf pdf pdf_submitted sr");
	world_free(world);
}

static void issue(struct world *world)
{
	struct task_lease lease = world_take_review(world, world->reviewer);
	const struct task_claim claim = {world->reviewer, world->task, lease.token};
	struct err err;

	cr_assert(report_issue(&world->desk, &claim, WORLD_PASSWORD, &err), "%s", err.text);
}

Test(report, a_paper_is_recognised_and_a_changed_one_refused)
{
	struct world *world = world_new();
	size_t length = 0;
	char *pdf, *candidate, *stream;

	world_submit(world, "炎症。");
	issue(world);
	pdf = paper_of(world, "pdf", &length);
	cr_assert_eq(standing_of(world, pdf, length), REPORT_CURRENT);
	stream = memmem(pdf, length, "stream\n", 7);
	stream[50] ^= 1;
	cr_assert_eq(standing_of(world, pdf, length), REPORT_ALTERED, "a changed paper passed");
	stream[50] ^= 1;
	/* Inside the signature value, where no signature looks: 'a' and 'A' are the same digit. */
	stream = memmem(pdf, length, "/Contents <3082", 15);
	stream = strpbrk(stream + 15, "abcdef");
	*stream = (char)(*stream - 32);
	cr_assert_eq(standing_of(world, pdf, length), REPORT_ALTERED, "a changed signature value passed");
	*stream = (char)(*stream + 32);
	world_run(world,
	          "UPDATE report_version SET state = 'superseded' WHERE report_id = (SELECT report_id FROM report JOIN"
	          " reading_task USING (task_id) WHERE reading_task.public_id = $task)");
	cr_assert_eq(standing_of(world, pdf, length), REPORT_SUPERSEDED);
	candidate = paper_of(world, "pdf_submitted", &length);
	cr_assert_eq(standing_of(world, candidate, length), REPORT_UNISSUED);
	free(pdf);
	free(candidate);
	world_free(world);
}

Test(report, author_and_reviewer_are_different_persons)
{
	struct world *world = world_new();
	struct task_lease lease;
	struct err err;

	world_run(world, "INSERT INTO person_right (person_id, role, scope_id) SELECT person_id, 'reviewer', scope_id "
	                 "FROM person, scope"
	                 " WHERE person.public_id = $author AND scope.public_id IN ($site, $lead)");
	world_run(world,
	          "INSERT INTO qualification (person_id, kind, scope_id, valid) SELECT person_id, 'review', scope_id,"
	          " daterange(current_date - 1, NULL) FROM person, scope WHERE person.public_id = $author"
	          " AND scope.public_id = $site");
	world_submit(world, "炎症。");
	cr_assert_not(task_take_review(world->pool, world->author, world->task, &lease, &err));
	cr_assert_eq(err.kind, ERR_REFUSED, "%s", err.text);
	/* Past the program: the same person's second signature does not issue it. */
	world_run(
	    world,
	    "INSERT INTO report_signature (site_id, report_version_id, role, person_id, content_sha256, canonical)"
	    " SELECT v.site_id, v.report_version_id, 'reviewer', v.author_id, v.content_sha256, v.canonical"
	    " FROM report_version v JOIN report r USING (report_id) JOIN reading_task t USING (task_id)"
	    " WHERE t.public_id = $task");
#define ISSUE_BY(who)                                                                                                  \
	"UPDATE report_version v SET state = 'issued', issued_at = yq_now(),"                                          \
	" reviewer_id = (SELECT person_id FROM person WHERE public_id = " who "),"                                     \
	" policy_version_id = (SELECT w.policy_version_id FROM reading_queue q"                                        \
	" JOIN signing_policy_version w USING (policy_id) WHERE q.public_id = $queue AND w.in_force @> yq_now())"      \
	" WHERE v.report_id = (SELECT r.report_id FROM report r JOIN reading_task t USING (task_id) WHERE "            \
	"t.public_id = $task)"
	world_refused(world, ISSUE_BY("$author"), "different persons");
	world_free(world);
}

/* Leaves a submitted report with everything that an issue needs but a reviewer who may. */
static void prepare_by_hand(struct world *world, const char *reviewer)
{
	char sql[1500];

	world_submit(world, "炎症。");
	snprintf(sql, sizeof sql,
	         "INSERT INTO report_signature (site_id, report_version_id, role, person_id, content_sha256, canonical)"
	         " SELECT v.site_id, v.report_version_id, 'reviewer', p.person_id, v.content_sha256, v.canonical"
	         " FROM report_version v JOIN report r USING (report_id) JOIN reading_task t USING (task_id), person p"
	         " WHERE t.public_id = $task AND p.public_id = %s",
	         reviewer);
	world_run(world, sql);
	world_run(world,
	          "INSERT INTO artefact (site_id, report_version_id, kind, object_key, sha256, size_bytes)"
	          " SELECT v.site_id, v.report_version_id, k, md5(random()::text), sha256('x'), 1 FROM report_version v"
	          " JOIN report r USING (report_id) JOIN reading_task t USING (task_id),"
	          " unnest(ARRAY['pdf', 'sr', 'encapsulated_pdf']) k WHERE t.public_id = $task");
}

Test(report, an_unqualified_reviewer_issues_nothing)
{
	struct world *world = world_new();
	struct task_lease lease;
	struct err err;

	prepare_by_hand(world, "$stranger");
	world_refused(world, ISSUE_BY("$stranger"), "not qualified");
	lease = world_take_review(world, world->stranger);
	const struct task_claim claim = {world->stranger, world->task, lease.token};
	cr_assert_not(report_issue(&world->desk, &claim, WORLD_PASSWORD, &err));
	cr_assert_eq(err.kind, ERR_REFUSED, "%s", err.text);
	cr_assert(strstr(err.text, "not qualified"), "%s", err.text);
	cr_assert_eq(world->object_count, 0);
	world_free(world);
}

Test(report, an_expired_qualification_counts_no_more)
{
	struct world *world = world_new();
	struct err err;

	prepare_by_hand(world, "$reviewer");
	world_run(world,
	          "UPDATE qualification SET valid = daterange(current_date - 100, current_date - 1) WHERE person_id ="
	          " (SELECT person_id FROM person WHERE public_id = $reviewer)");
	world_refused(world, ISSUE_BY("$reviewer"), "not qualified");
	struct task_lease lease = world_take_review(world, world->reviewer);
	const struct task_claim claim = {world->reviewer, world->task, lease.token};
	cr_assert_not(report_issue(&world->desk, &claim, WORLD_PASSWORD, &err));
	cr_assert(strstr(err.text, "not qualified"), "%s", err.text);
	world_free(world);
}

Test(report, a_signature_over_another_content_counts_not)
{
	struct world *world = world_new();

	prepare_by_hand(world, "$reviewer");
	world_run(world, "UPDATE report_signature SET voided_at = yq_now() WHERE role = 'reviewer' AND person_id ="
	                 " (SELECT person_id FROM person WHERE public_id = $reviewer)");
	world_run(
	    world,
	    "INSERT INTO report_signature (site_id, report_version_id, role, person_id, content_sha256, canonical)"
	    " SELECT v.site_id, v.report_version_id, 'reviewer', p.person_id, sha256(convert_to('{}', 'UTF8')), '{}'"
	    " FROM report_version v JOIN report r USING (report_id) JOIN reading_task t USING (task_id), person p"
	    " WHERE t.public_id = $task AND p.public_id = $reviewer");
	world_refused(world, ISSUE_BY("$reviewer"), "signature(s) over this content");
	/* And the digest itself cannot lie about its content. */
	world_refused(world,
	              "UPDATE report_version SET canonical = '{}' WHERE report_id = (SELECT report_id FROM report JOIN "
	              "reading_task"
	              " USING (task_id) WHERE reading_task.public_id = $task)",
	              "check constraint");
	world_free(world);
}

Test(report, an_issue_without_its_papers_is_refused)
{
	struct world *world = world_new();

	prepare_by_hand(world, "$reviewer");
	world_run(
	    world,
	    "UPDATE artefact SET voided_at = yq_now() WHERE kind = 'sr' AND report_version_id IN (SELECT"
	    " report_version_id FROM report_version JOIN report USING (report_id) JOIN reading_task t USING (task_id)"
	    " WHERE t.public_id = $task)");
	world_refused(world, ISSUE_BY("$reviewer"), "must be kept first");
	world_free(world);
}

Test(report, what_was_issued_stays_as_it_is)
{
	struct world *world = world_new();

	world_submit(world, "炎症。");
	issue(world);
#define OF_TASK                                                                                                        \
	" WHERE report_version_id IN (SELECT report_version_id FROM report_version JOIN report USING (report_id) JOIN" \
	" reading_task t USING (task_id) WHERE t.public_id = $task)"
	world_refused(world, "UPDATE report_version SET body = '{}'" OF_TASK, "cannot change an issued report");
	world_refused(world, "UPDATE report_signature SET voided_at = yq_now()" OF_TASK, "cannot change");
	world_refused(world, "UPDATE artefact SET object_key = md5('x')" OF_TASK, "cannot change");
	world_refused(world, "DELETE FROM artefact" OF_TASK, "cannot change");
	world_free(world);
}

Test(report, objects_that_a_fault_kept_out_are_brought_in_later_and_once)
{
	struct world *world = world_new();
	int count = 0;
	struct err err;

	world_submit(world, "炎症。");
	world->sink_failures = 1;
	issue(world);
	cr_assert_eq(world->object_count, 0);
	cr_assert_str_eq(world_value(world, "SELECT v.settled_at IS NULL FROM report_version v" OF_TASK), "t");
	world->sink_failures = 0;
	cr_assert(report_settle(&world->desk, &count, &err), "%s", err.text);
	cr_assert_geq(count, 2, "got %d", count);
	cr_assert_eq(world->object_count, 2, "got %d", world->object_count);
	cr_assert_str_eq(world_value(world, "SELECT v.settled_at IS NULL FROM report_version v" OF_TASK), "f");
	world_free(world);
}

Test(report, a_late_image_stops_the_issue)
{
	struct world *world = world_new();
	struct task_lease lease;
	struct err err;

	world_submit(world, "炎症。");
	lease = world_take_review(world, world->reviewer);
	world_run(world, "UPDATE study SET version = 2 WHERE public_id = $study");
	world_run(world, "UPDATE reading_task SET study_version = 2 WHERE public_id = $task");
	const struct task_claim claim = {world->reviewer, world->task, lease.token};
	cr_assert_not(report_issue(&world->desk, &claim, WORLD_PASSWORD, &err));
	cr_assert_eq(err.kind, ERR_CONFLICT, "%s", err.text);
	world_free(world);
}

Test(report, drafts_are_for_those_who_read)
{
	struct world *world = world_new();
	struct task_lease lease = world_take(world, world->author);
	json_t *shown = NULL, *report;
	struct err err;

	cr_assert(report_show(&world->desk, world->author, world->task, NULL, &shown, &err), "%s", err.text);
	cr_assert(json_is_null(json_object_get(shown, "report")));
	json_decref(shown);
	world_draft(world, world->author, lease.token, 0, "炎症。");
	cr_assert(report_show(&world->desk, world->author, world->task, NULL, &shown, &err), "%s", err.text);
	report = json_object_get(shown, "report");
	cr_assert_str_eq(json_string_value(json_object_get(json_object_get(report, "body"), "impression")), "炎症。");
	json_decref(shown);
	/* A clinician of the site sees that there is one, not what it says. */
	world_run(world,
	          "UPDATE person_right SET role = 'clinician' WHERE person_id = (SELECT person_id FROM person WHERE"
	          " public_id = $stranger)");
	cr_assert(report_show(&world->desk, world->stranger, world->task, NULL, &shown, &err), "%s", err.text);
	report = json_object_get(shown, "report");
	cr_assert(json_is_null(json_object_get(report, "body")), "a draft was shown to a clinician");
	json_decref(shown);
	world_run(world,
	          "UPDATE person_right SET revoked_at = yq_now() WHERE person_id = (SELECT person_id FROM person WHERE"
	          " public_id = $stranger)");
	cr_assert_not(report_show(&world->desk, world->stranger, world->task, NULL, &shown, &err));
	cr_assert_eq(err.kind, ERR_NOT_FOUND, "%s", err.text);
	world_free(world);
}
