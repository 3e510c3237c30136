/* What follows a correction: reports under way and issued, images that come in later; and what a person says about two identities. */
#include <criterion/criterion.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/domain/request.h"
#include "tests/db/correcting.h"
#include "tests/db/report_world.h"

TestSuite(correction_after, .init = correcting_setup, .fini = correcting_teardown, .timeout = 120);

/* ---- images that come in later ------------------------------------------------------------------------------------------- */

static void expect_images(const char *study, const char *want, const char *what)
{
	correcting_expect_of(
	    study,
	    "SELECT concat_ws(' ', instance_count, (SELECT count(*) FROM instance i JOIN series r USING (series_id)"
	    " WHERE r.study_id = s.study_id)) FROM study s WHERE public_id = '%s'",
	    want, what);
}

Test(correction_after, late_images_follow_their_series_and_come_back_with_it)
{
	char series[TEXT_UID_SIZE], uid[TEXT_UID_SIZE], first[TEXT_UUID_SIZE], made[TEXT_UUID_SIZE],
	    split[TEXT_UUID_SIZE];

	correcting_add_study_of_two(series);
	correcting_keep_study(first);
	correcting_uid_of(first, uid);
	correcting_correct(first, correcting_split_of(series, "李四"), split, made);
	correcting_bring_in(uid, series, "Ceshi^Yi=测试^一", "1");
	expect_images(made, "4 4", "the name on it is the wrong one still");
	expect_images(first, "1 1", "nothing of it stays");
	correcting_bring_in(uid, "1.2.3.4.5", "Ceshi^Yi=测试^一", "1");
	expect_images(first, "2 2", "another series stays");
	correcting_bring_in(uid, "1.2.3.4.6", "LI^SI=李^四", "TS-900");
	expect_images(made, "5 5", "with the right name by itself");
	correcting_undo_well(split);
	expect_images(first, "6 6", "all of it comes back");
	expect_images(made, "1 1", "what came by its own name stays");
	correcting_expect_of(made, "SELECT state <> 'merged' FROM study WHERE public_id = '%s'", "t",
	                     "and can be seen");
	correcting_bring_in(uid, series, "Ceshi^Yi=测试^一", "1");
	expect_images(first, "7 7", "as before the split");
}

Test(correction_after, late_images_follow_through_moves_and_merges)
{
	char series[TEXT_UID_SIZE], uid[TEXT_UID_SIZE], first[TEXT_UUID_SIZE], second[TEXT_UUID_SIZE],
	    third[TEXT_UUID_SIZE];
	char move[TEXT_UUID_SIZE], merge[TEXT_UUID_SIZE];

	correcting_add_study_of_two(series);
	correcting_keep_study(first);
	correcting_uid_of(first, uid);
	county_add_task(county);
	correcting_keep_study(second);
	county_add_task(county);
	correcting_keep_study(third);
	correcting_correct(first, correcting_move_of(series, second), move, NULL);
	correcting_correct(second, correcting_merge_into(third), merge, NULL);
	correcting_bring_in(uid, series, "Ceshi^Yi=测试^一", "1");
	expect_images(third, "6 6", "to where the series is now");
	correcting_uid_of(second, uid);
	correcting_bring_in(uid, "1.2.3.4.7", "Ceshi^Yi=测试^一", "1");
	expect_images(third, "7 7", "what would come to a merged study goes on");
	correcting_undo_well(merge);
	expect_images(
	    second, "6 6",
	    "its own come back, the late ones of its series too; that of a series of its own came with the merge");
}

Test(correction_after, a_study_that_an_undo_ended_takes_nothing_more)
{
	char series[TEXT_UID_SIZE], uid[TEXT_UID_SIZE], first[TEXT_UUID_SIZE], made[TEXT_UUID_SIZE],
	    split[TEXT_UUID_SIZE];

	correcting_add_study_of_two(series);
	correcting_keep_study(first);
	correcting_uid_of(first, uid);
	correcting_correct(first, correcting_split_of(series, "李四"), split, made);
	correcting_undo_well(split);
	correcting_bring_in(uid, "1.2.3.4.8", "LI^SI=李^四", "TS-900");
	expect_images(first, "4 4", "another patient is kept out");
	expect_images(made, "0 0", "and does not wake what was ended");
	correcting_expect_of(first,
	                     "SELECT split_no || ' ' || instance_count FROM study o WHERE study_instance_uid ="
	                     " (SELECT study_instance_uid FROM study WHERE public_id = '%s') AND state <> 'merged'"
	                     " ORDER BY study_id DESC LIMIT 1",
	                     "2 1", "it has a study of its own");
}

struct sender {
	char uid[TEXT_UID_SIZE], series[TEXT_UID_SIZE];
	PGconn *connection;
};

enum { LATE_IMAGES = 40 };

static void *send_late(void *context)
{
	struct sender *sender = context;

	for (int i = 0; i < LATE_IMAGES; i++)
		correcting_bring_in_by(sender->connection, sender->uid, sender->series, "Ceshi^Yi=测试^一", "1");
	return NULL;
}

/* A preview is stale whenever an image came: looks again, as a person would. */
static void split_at_last(const char *study, const char *series, char out_id[TEXT_UUID_SIZE])
{
	json_t *result;

	for (;;) {
		result = correcting_apply(study, correcting_previewed(study, correcting_split_of(series, "李四")));
		if (!correction_refusal(result))
			break;
		json_decref(result);
	}
	text_copy(out_id, TEXT_UUID_SIZE, correcting_member(result, "id"));
	json_decref(result);
}

static void undo_at_last(const char *correction)
{
	json_t *result = correcting_undo(correction);

	while (correction_refusal(result)) {
		cr_assert_str_eq(correcting_member(result, "code"), "stale");
		json_decref(result);
		result = correcting_undo(correction);
	}
	json_decref(result);
}

Test(correction_after, images_that_come_while_people_correct_are_all_there)
{
	struct sender sender = {.connection = ledger_connect("yq_owner")};
	char first[TEXT_UUID_SIZE], split[TEXT_UUID_SIZE];
	pthread_t thread;

	correcting_add_study_of_two(sender.series);
	correcting_keep_study(first);
	correcting_uid_of(first, sender.uid);
	cr_assert_eq(pthread_create(&thread, NULL, send_late, &sender), 0);
	for (int round = 0; round < 5; round++) {
		split_at_last(first, sender.series, split);
		undo_at_last(split);
	}
	pthread_join(thread, NULL);
	PQfinish(sender.connection);
	expect_images(first, "44 44", "every one, and under the right study");
}

Test(correction_after, what_was_typed_and_taken_back_is_asked_of_nobody)
{
	char first[TEXT_UUID_SIZE], id[TEXT_UUID_SIZE];
	static const char open[] = "SELECT count(*) FROM identity_review r JOIN scope ON scope_id = site_id"
	                           " WHERE scope.public_id = $site AND NOT identity_is_moot(r)";

	county_add_task(county);
	correcting_name_patient("张三", "TS-1");
	correcting_keep_study(first);
	county_add_task(county);
	correcting_name_patient("王五", "TS-2");
	correcting_correct(first, json_pack("{s:s, s:{s:s}}", "kind", "edit_patient", "patient", "patient_id", "TS-2"),
	                   id, NULL);
	county_expect(county, open, "1", "two names under one ID");
	correcting_undo_well(id);
	county_expect(county, open, "0", "the ID was taken back");
}

Test(correction_after, images_of_an_edited_study_still_find_it)
{
	char uid[TEXT_UID_SIZE], id[TEXT_UUID_SIZE];

	county_add_task(county);
	correcting_uid_of(county->study, uid);
	correcting_correct(county->study, correcting_edit_to("李四"), id, NULL);
	correcting_bring_in(uid, "1.2.3.4.9", "Ceshi^Yi=测试^一", "1");
	expect_images(county->study, "2 2", "what its images say is known");
	county_expect(
	    county,
	    "SELECT count(*) FROM identity_review JOIN scope ON scope_id = site_id WHERE scope.public_id = $site", "0",
	    "nothing is doubtful about it");
}

/* ---- issued reports -------------------------------------------------------------------------------------------------------- */

static void expect_proposal(const char *report, const char *want, const char *what)
{
	correcting_expect_of(report,
	                     "SELECT coalesce(string_agg(p.state, ' ' ORDER BY proposal_id), '') FROM report_proposal p"
	                     " JOIN report_version v USING (report_version_id) WHERE v.public_id = '%s'",
	                     want, what);
}

/* A study with an issued report, its task done. */
static void add_issued(char out_report[TEXT_UUID_SIZE], char out_series[TEXT_UID_SIZE])
{
	correcting_add_study_of_two(out_series);
	county_add_report(county, "1 hour", false, out_report);
	county_run(county, "ALTER TABLE reading_task DISABLE TRIGGER USER");
	county_run(county, "UPDATE reading_task SET state = 'done', done_at = yq_now() WHERE public_id = $task");
	county_run(county, "ALTER TABLE reading_task ENABLE TRIGGER USER");
}

Test(correction_after, an_issued_report_gets_a_proposal_and_never_changes_by_itself)
{
	char report[TEXT_UUID_SIZE], series[TEXT_UID_SIZE], split[TEXT_UUID_SIZE];

	add_issued(report, series);
	correcting_correct(county->study, correcting_split_of(series, "李四"), split, NULL);
	expect_proposal(report, "open", "after the split");
	correcting_expect_of(report, "SELECT state || ' ' || canonical FROM report_version WHERE public_id = '%s'",
	                     "issued x", "the report");
	county_settle(county);
	county_expect(county,
	              "SELECT count(*) FROM reading_task t JOIN study s USING (study_id) WHERE s.public_id = $study",
	              "1", "no recheck beside the proposal");
	correcting_expect_of(
	    report, "SELECT count(*) FROM event WHERE subject_id = '%s' AND kind = 'report.correction_proposed'", "1",
	    "who signed is told");
	correcting_undo_well(split);
	expect_proposal(report, "withdrawn", "after the undo");
}

Test(correction_after, the_signer_says_that_it_has_no_influence)
{
	char report[TEXT_UUID_SIZE], series[TEXT_UID_SIZE], id[TEXT_UUID_SIZE], proposal[TEXT_UUID_SIZE];
	struct err err = {0};

	add_issued(report, series);
	correcting_correct(county->study, correcting_edit_to("李四"), id, NULL);
	text_copy(proposal, sizeof proposal,
	          county_value(county, "SELECT p.public_id FROM report_proposal p JOIN scope ON scope_id = site_id "
	                               "WHERE scope.public_id = $site"));
	correcting_expect_kind(correction_dismiss(county->gateway, county->author, proposal, "错别字", &err), &err,
	                       ERR_REFUSED, "who does not sign");
	correcting_expect_kind(correction_dismiss(county->gateway, county->reviewer, proposal, " ", &err), &err,
	                       ERR_INVALID, "without a reason");
	cr_assert(correction_dismiss(county->gateway, county->reviewer, proposal, "错别字，不影响诊断", &err), "%s",
	          err.text);
	expect_proposal(report, "no_influence", "settled");
	correcting_expect_kind(correction_dismiss(county->gateway, county->reviewer, proposal, "又一次", &err), &err,
	                       ERR_CONFLICT, "twice");
	correcting_undo_well(id);
	expect_proposal(report, "no_influence", "an undo says nothing new to a report that did not follow");
}

Test(correction_after, a_later_version_of_the_report_answers_the_proposal)
{
	char report[TEXT_UUID_SIZE], series[TEXT_UID_SIZE], id[TEXT_UUID_SIZE], sql[1200];

	add_issued(report, series);
	correcting_correct(county->study, correcting_edit_to("李四"), id, NULL);
	snprintf(sql, sizeof sql,
	         "INSERT INTO report_version (site_id, report_id, version, kind, reason, body, study_version, "
	         "author_id, predecessor_id)"
	         " SELECT site_id, report_id, 2, 'correction', '改姓名', '{}', 1, author_id, report_version_id FROM "
	         "report_version"
	         " WHERE public_id = '%s'",
	         report);
	county_run(county, sql);
	county_run(county, "BEGIN; ALTER TABLE report_version DISABLE TRIGGER report_version_guard;"
	                   "ALTER TABLE report_version DISABLE TRIGGER report_version_transition");
	snprintf(sql, sizeof sql,
	         "UPDATE report_version n SET state = 'issued', canonical = 'y', content_sha256 = sha256('y'), "
	         "submitted_at = yq_now(),"
	         " issued_at = yq_now(), policy_version_id = o.policy_version_id FROM report_version o"
	         " WHERE o.public_id = '%s' AND n.report_id = o.report_id AND n.version = 2",
	         report);
	county_run(county, sql);
	county_run(county, "ALTER TABLE report_version ENABLE TRIGGER USER; COMMIT");
	expect_proposal(report, "corrected", "answered");
}

/* ---- a report under way ------------------------------------------------------------------------------------------------------ */

static struct world *world;

static void set_up_world(void)
{
	world = world_new();
	world_run(world,
	          "INSERT INTO person_right (person_id, role, scope_id) SELECT p.person_id, 'radiographer', s.scope_id"
	          " FROM person p, scope s WHERE p.public_id = $stranger AND s.public_id = $site");
}

static void take_down_world(void)
{
	world_free(world);
}

TestSuite(correction_reading, .init = set_up_world, .fini = take_down_world, .timeout = 120);

static void edit_name(const char *name)
{
	struct correction_maker maker = {.person_id = world->stranger};
	json_t *what = correcting_edit_to(name), *result = NULL;
	struct err err;

	cr_assert(correction_preview(world->pool, &maker, world->study, what, &result, &err), "%s", err.text);
	json_object_set(what, "revision", json_object_get(result, "revision"));
	json_object_set_new(what, "reason", json_string("登记错了"));
	json_decref(result);
	cr_assert(correction_apply(world->pool, &maker, world->study, what, &result, &err), "%s", err.text);
	cr_assert_null(correction_refusal(result));
	json_decref(result);
	json_decref(what);
}

Test(correction_reading, a_report_in_writing_is_submitted_only_for_the_patient_that_was_seen)
{
	struct task_lease lease = world_take(world, world->author);
	const struct task_claim claim = {world->author, world->task, lease.token};
	int revision = world_draft(world, world->author, lease.token, 0, "右肺下叶炎症");
	const struct report_seen unsaid = {1, -1}, before = {1, 0}, after = {1, 1};
	struct err err;

	edit_name("李吉祥");
	cr_assert_not(report_submit(&world->desk, &claim, WORLD_PASSWORD, revision, &unsaid, &err));
	cr_expect_eq(err.kind, ERR_CONFLICT, "%s", err.text);
	cr_assert_not(report_submit(&world->desk, &claim, WORLD_PASSWORD, revision, &before, &err));
	cr_expect(strstr(err.text, "patient"), "%s", err.text);
	cr_assert(report_submit(&world->desk, &claim, WORLD_PASSWORD, revision, &after, &err), "%s", err.text);
	cr_expect(strstr(world_value(world, "SELECT v.canonical FROM report_version v JOIN report r USING (report_id)"
	                                    " JOIN study s USING (study_id) WHERE s.public_id = $study"),
	                 "李吉祥"),
	          "the paper has the name that was corrected");
}

Test(correction_reading, a_submitted_report_is_not_issued_over_a_patient_that_changed)
{
	struct task_lease lease;
	struct task_claim claim = {world->reviewer, world->task, NULL};
	struct err err;

	world_submit(world, "右肺下叶炎症");
	lease = world_take_review(world, world->reviewer);
	claim.lease_token = lease.token;
	edit_name("李吉祥");
	cr_assert_not(report_issue(&world->desk, &claim, WORLD_PASSWORD, &err));
	cr_expect_eq(err.kind, ERR_CONFLICT, "%s", err.text);
	cr_assert(report_send_back(&world->desk, &claim, "患者信息已更正", &err), "%s", err.text);
}

Test(correction_reading, a_name_by_hand_goes_before_that_of_the_request)
{
	world_run(
	    world,
	    "WITH c AS (INSERT INTO identity_claim (site_id, patient_id, source, trust, typed_id, name, content_hash)"
	    " SELECT s.site_id, c.patient_id, 'request', 10, 'GH0001', '=李登记', sha256(s.public_id::text::bytea) "
	    "FROM study s"
	    " JOIN identity_claim c USING (claim_id) WHERE s.public_id = $study RETURNING claim_id, site_id),"
	    " r AS (INSERT INTO request (site_id, claim_id, accession_number, year, patient_class, state)"
	    " SELECT site_id, claim_id, 'GH1', 2026, 'outpatient', 'matched' FROM c RETURNING request_id, site_id)"
	    " INSERT INTO request_match (site_id, request_id, study_id, method, score)"
	    " SELECT r.site_id, r.request_id, s.study_id, 'automatic', 1 FROM r, study s WHERE s.public_id = $study");
	edit_name("李吉祥");
	struct task_lease lease = world_take(world, world->author);
	const struct task_claim claim = {world->author, world->task, lease.token};
	int revision = world_draft(world, world->author, lease.token, 0, "右肺下叶炎症");
	struct err err;

	cr_assert(report_submit(&world->desk, &claim, WORLD_PASSWORD, revision, &(struct report_seen){1, -1}, &err),
	          "%s", err.text);
	cr_expect(strstr(world_value(world, "SELECT v.canonical FROM report_version v JOIN report r USING (report_id)"
	                                    " JOIN study s USING (study_id) WHERE s.public_id = $study"),
	                 "李吉祥"),
	          "the request's name stands on the paper");
}

/* ---- who is who ------------------------------------------------------------------------------------------------------------ */

/* Two claims that contradict, with a review; the id of the review. */
static void add_review(char out_id[TEXT_UUID_SIZE])
{
	char first[TEXT_UUID_SIZE], sql[800];

	county_add_study(county, "DR", "1 day");
	correcting_name_patient("张三", "TS-1");
	correcting_keep_study(first);
	county_add_study(county, "DR", "1 day");
	correcting_name_patient("李四", "TS-1");
	snprintf(sql, sizeof sql,
	         "INSERT INTO identity_review (site_id, claim_id, other_claim_id, reason)"
	         " SELECT s.site_id, s.claim_id, o.claim_id, 'contradiction' FROM study s, study o"
	         " WHERE s.public_id = $study AND o.public_id = '%s' RETURNING public_id",
	         first);
	text_copy(out_id, TEXT_UUID_SIZE, county_value(county, sql));
}

static void expect_patients(const char *review, const char *want, const char *what)
{
	correcting_expect_of(review,
	                     "SELECT concat_ws(' ', (SELECT count(DISTINCT c.patient_id) FROM identity_claim c"
	                     " WHERE c.claim_id IN (r.claim_id, r.other_claim_id)), coalesce(r.outcome, 'open'))"
	                     " FROM identity_review r WHERE r.public_id = '%s'",
	                     want, what);
}

/* The result; confirmed may be NULL. */
static json_t *settle(const char *review, const char *outcome, json_t *confirmed)
{
	json_t *result = NULL;
	struct err err;

	cr_assert(correction_identity_settle(county->gateway, &radiographer, review, outcome, "问过患者", confirmed,
	                                     &result, &err),
	          "%s", err.text);
	json_decref(confirmed);
	return result;
}

static void expect_code(json_t *result, const char *want, const char *what)
{
	cr_expect_str_eq(correcting_member(result, "code"), want, "%s: got \"%s\"", what,
	                 correcting_member(result, "code"));
	json_decref(result);
}

Test(correction_after, two_identities_become_one_only_when_the_contradiction_was_seen)
{
	char review[TEXT_UUID_SIZE];
	json_t *result = NULL;
	struct err err;

	add_review(review);
	expect_code(settle(review, "same", NULL), "unconfirmed", "not shown");
	expect_code(settle(review, "same", json_pack("[s]", "sex")), "unconfirmed", "something else was shown");
	expect_patients(review, "2 open", "nothing moved");
	expect_code(settle(review, "same", json_pack("[s]", "name")), "", "shown");
	expect_patients(review, "1 same", "one person");
	correcting_expect_of(review,
	                     "SELECT count(*) FROM identity_decision d JOIN identity_review r USING (claim_id)"
	                     " WHERE r.public_id = '%s' AND d.decided_by IS NOT NULL AND d.reason = '问过患者'",
	                     "1", "who decided, and why");
	expect_code(settle(review, "different", NULL), "settled", "it is settled");
	cr_assert(correction_identity_undo(county->gateway, &radiographer, review, "问错人了", &result, &err), "%s",
	          err.text);
	expect_code(result, "", "undo");
	expect_patients(review, "2 open", "as before");
	expect_code(settle(review, "different", NULL), "", "different");
	expect_patients(review, "2 different", "apart");
}

Test(correction_after, an_identity_that_was_moved_on_is_not_taken_back)
{
	char review[TEXT_UUID_SIZE], again[TEXT_UUID_SIZE], sql[600];
	json_t *result = NULL;
	struct err err;

	add_review(review);
	snprintf(sql, sizeof sql,
	         "INSERT INTO identity_review (site_id, claim_id, other_claim_id, reason) SELECT site_id, claim_id, "
	         "other_claim_id,"
	         " 'candidate' FROM identity_review WHERE public_id = '%s' RETURNING public_id",
	         review);
	text_copy(again, sizeof again, county_value(county, sql));
	expect_code(settle(review, "same", json_pack("[s]", "name")), "", "one");
	expect_code(settle(again, "different", NULL), "", "two");
	expect_patients(again, "2 different", "parted again");
	cr_assert(correction_identity_undo(county->gateway, &radiographer, review, "x", &result, &err), "%s", err.text);
	cr_expect_str_eq(correcting_member(json_array_get(json_object_get(result, "blocked_by"), 0), "id"), again);
	expect_code(result, "blocked", "moved since");
}

struct judge {
	pthread_barrier_t *start;
	const char *review, *outcome;
	json_t *result;
	struct err err;
	bool ok;
};

static void *run_judge(void *context)
{
	struct judge *judge = context;
	json_t *confirmed = json_pack("[s]", "name");

	pthread_barrier_wait(judge->start);
	judge->ok = correction_identity_settle(county->gateway, &radiographer, judge->review, judge->outcome, "x",
	                                       confirmed, &judge->result, &judge->err);
	json_decref(confirmed);
	return NULL;
}

Test(correction_after, of_two_who_settle_at_once_one_is_heard)
{
	for (int round = 0; round < 10; round++) {
		char review[TEXT_UUID_SIZE];
		struct judge judges[2] = {{.review = review, .outcome = "same"},
		                          {.review = review, .outcome = "different"}};
		pthread_barrier_t start;
		pthread_t threads[2];
		int heard = 0;

		add_review(review);
		pthread_barrier_init(&start, NULL, 2);
		for (int i = 0; i < 2; i++) {
			judges[i].start = &start;
			cr_assert_eq(pthread_create(&threads[i], NULL, run_judge, &judges[i]), 0);
		}
		for (int i = 0; i < 2; i++) {
			pthread_join(threads[i], NULL);
			cr_assert(judges[i].ok, "%s", judges[i].err.text);
			heard += !correction_refusal(judges[i].result);
			json_decref(judges[i].result);
		}
		cr_expect_eq(heard, 1, "round %d", round);
		pthread_barrier_destroy(&start);
	}
}
