/* Submission, completion, routing and late images, against a ledger. */
#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>

#include "lib/base/conf.h"
#include "lib/domain/study.h"
#include "lib/domain/task.h"
#include "tests/db/county.h"

static struct county *county;

static void setup(void)
{
	ledger_setup();
	county = county_new();
}

static void teardown(void)
{
	county_free(county);
}

TestSuite(study, .init = setup, .fini = teardown, .timeout = 120);

static void expect_study(const char *want, const char *what)
{
	county_expect(county, "SELECT state || ' ' || version FROM study WHERE public_id = $study", want, what);
}

static void expect_tasks(const char *want, const char *what)
{
	county_expect(county,
	              "SELECT coalesce(string_agg(concat_ws(' ', t.kind, t.state, 'v' || t.study_version), ', ' ORDER "
	              "BY t.task_id), '')"
	              " FROM reading_task t JOIN study s USING (study_id) WHERE s.public_id = $study",
	              want, what);
}

Test(study, waits_for_quiet_time_and_then_opens_a_task)
{
	county_add_study(county, "DR", "1 min");
	county_settle(county);
	expect_study("receiving 1", "one minute after the image");
	expect_tasks("", "still receiving");
	county_expect(
	    county,
	    "SELECT due_at = last_arrival_at + interval '5 min' AND cap_at = first_arrival_at + interval '4 hours'"
	    " FROM study WHERE public_id = $study",
	    "t", "when to look again");
	county_run(county, "UPDATE study SET last_arrival_at = yq_now() - interval '6 min', due_at = yq_now() WHERE "
	                   "public_id = $study");
	county_settle(county);
	expect_study("complete 1", "after quiet time");
	expect_tasks("primary awaiting v1", "offered");
	county_expect(county,
	              "SELECT t.rule_id IS NOT NULL AND t.reading_mode = 'central' AND s.reading_mode = 'central' AND"
	              " s.unrouted_reason = '' AND s.completed_at IS NOT NULL AND s.due_at IS NULL"
	              " FROM reading_task t JOIN study s USING (study_id) WHERE s.public_id = $study",
	              "t", "the rule is recorded");
	county_expect(county,
	              "SELECT string_agg(w.state, ',') FROM workitem w JOIN reading_task t USING (task_id)"
	              " JOIN study s ON s.study_id = t.study_id WHERE s.public_id = $study",
	              "SCHEDULED", "its workitem");
	county_expect(county,
	              "SELECT string_agg(e.kind, ',' ORDER BY e.event_id) FROM event e WHERE e.subject_id = $study",
	              "study.arrived,study.complete", "events");
	county_expect(county,
	              "SELECT detail ->> 'reason' FROM audit WHERE subject = $study AND action = 'study.complete'",
	              "quiet", "audit");
}

Test(study, quiet_time_is_longer_for_ultrasound)
{
	county_add_study(county, "US", "6 min");
	county_settle(county);
	expect_study("receiving 1", "ultrasound after six minutes");
	county_add_study(county, "CT", "6 min");
	county_settle(county);
	expect_study("complete 1", "CT after six minutes");
}

Test(study, submission_completes_at_once_and_twice_is_once)
{
	struct err err;

	county_add_study(county, "CT", "10 s");
	cr_assert(study_submit(county->gateway, county->radiographer, county->study, "inpatient", &err), "%s",
	          err.text);
	cr_assert(study_submit(county->gateway, county->radiographer, county->study, NULL, &err), "%s", err.text);
	county_settle(county);
	expect_study("complete 1", "submitted");
	expect_tasks("primary awaiting v1", "one task");
	county_expect(county,
	              "SELECT patient_class || ' ' || (submitted_at IS NOT NULL) FROM study WHERE public_id = $study",
	              "inpatient true", "class of the first press, kept by the second");
	cr_assert(study_submit(county->gateway, county->radiographer, county->study, NULL, &err), "%s", err.text);
	county_settle(county);
	expect_study("complete 1", "pressed again");
	expect_tasks("primary awaiting v1", "still one task");
	county_expect(county,
	              "SELECT count(*) FROM study_signal g JOIN study s USING (study_id) WHERE s.public_id = $study"
	              " AND handled_at IS NULL",
	              "0", "signals are handled");
}

Test(study, submission_is_for_people_of_the_site)
{
	char stranger[TEXT_UUID_SIZE], clinician[TEXT_UUID_SIZE], elsewhere[TEXT_UUID_SIZE];
	struct err err;

	county_add_study(county, "CT", "10 s");
	county_add_site(county, "另一个卫生院", true, elsewhere);
	county_add_person(county, "radiographer", elsewhere, elsewhere, stranger);
	county_add_person(county, "clinician", county->site, county->site, clinician);
	cr_expect_not(study_submit(county->gateway, stranger, county->study, NULL, &err));
	cr_expect_eq(err.kind, ERR_NOT_FOUND, "a stranger sees nothing: %s", err.text);
	cr_expect_not(study_submit(county->gateway, clinician, county->study, NULL, &err));
	cr_expect_eq(err.kind, ERR_REFUSED, "a clinician does not submit: %s", err.text);
	cr_expect_not(study_submit(county->gateway, county->radiographer, county->study, "royal", &err));
	cr_expect_eq(err.kind, ERR_INVALID, "%s", err.text);
	cr_expect_not(study_submit(county->gateway, county->radiographer, "1", NULL, &err));
	cr_expect_eq(err.kind, ERR_NOT_FOUND, "%s", err.text);
	county_expect(county,
	              "SELECT count(*) FROM study_signal WHERE kind = 'submit' AND study_id ="
	              " (SELECT study_id FROM study WHERE public_id = $study)",
	              "0", "nothing was signalled");
}

Test(study, the_operator_may_submit_too)
{
	struct db_pool *pool = ledger_pool("yq_operator", 1);
	struct err err;

	county_add_study(county, "CT", "10 s");
	cr_expect(study_submit(pool, NULL, county->study, "emergency", &err), "%s", err.text);
	county_expect(county, "SELECT actor_kind FROM audit WHERE subject = $study AND action = 'study.submit'",
	              "operator", "audit");
	db_pool_free(pool);
}

Test(study, an_emergency_is_offered_incomplete_at_its_first_image)
{
	county_add_study(county, "CT", "1 s");
	county_run(county, "UPDATE study SET patient_class = 'emergency' WHERE public_id = $study");
	county_settle(county);
	expect_study("incomplete 1", "first image");
	expect_tasks("primary awaiting v1", "offered");
	county_expect(
	    county,
	    "SELECT t.patient_class FROM reading_task t JOIN study s USING (study_id) WHERE s.public_id = $study",
	    "emergency", "class of the task");
	county_add_image(county);
	county_settle(county);
	expect_study("incomplete 2", "more images");
	expect_tasks("primary awaiting v2", "the task knows");
	county_run(county, "UPDATE study SET last_arrival_at = yq_now() - interval '6 min', due_at = yq_now() WHERE "
	                   "public_id = $study");
	county_settle(county);
	expect_study("complete 2", "quiet");
	expect_tasks("primary awaiting v2", "the same task");
}

Test(study, a_task_in_the_queue_becomes_urgent_when_the_class_changes)
{
	struct err err;

	county_add_task(county);
	cr_assert(study_submit(county->gateway, county->radiographer, county->study, "emergency", &err), "%s",
	          err.text);
	county_settle(county);
	county_expect(county, "SELECT patient_class FROM reading_task WHERE public_id = $task", "emergency",
	              "class of the task");
	expect_study("complete 1", "it stays complete");
}

Test(study, missing_views_make_it_incomplete_after_the_cap)
{
	county_add_study(county, "DR", "5 hours");
	county_run(
	    county,
	    "WITH i AS (INSERT INTO item_code (local_code, name, expected_views)"
	    "   VALUES (gen_random_uuid()::text, '胸部正侧位', 2) RETURNING item_code_id),"
	    " r AS (INSERT INTO request (site_id, claim_id, accession_number, year, patient_class, item_code_id)"
	    "   SELECT s.site_id, s.claim_id, left(gen_random_uuid()::text, 16), 2026, 'outpatient', i.item_code_id"
	    "   FROM study s, i WHERE s.public_id = $study RETURNING request_id, site_id)"
	    " INSERT INTO request_match (site_id, request_id, study_id, method, score)"
	    " SELECT r.site_id, r.request_id, s.study_id, 'automatic', 1 FROM r, study s WHERE s.public_id = $study");
	county_settle(county);
	expect_study("incomplete 1", "one of two views after the cap");
	expect_tasks("primary awaiting v1", "offered in red");
	county_add_image(county);
	county_settle(county);
	expect_study("complete 2", "the second view");
	expect_tasks("primary awaiting v2", "the task knows");
}

Test(study, a_late_image_reopens_and_the_task_learns)
{
	county_add_task(county);
	county_add_image(county);
	county_settle(county);
	expect_study("receiving 2", "late image");
	expect_tasks("primary awaiting v2", "the task knows");
	county_run(county, "UPDATE study SET last_arrival_at = yq_now() - interval '6 min', due_at = yq_now() WHERE "
	                   "public_id = $study");
	county_settle(county);
	expect_study("complete 2", "quiet again");
	expect_tasks("primary awaiting v2", "still one task");
	county_expect(county, "SELECT string_agg(kind, ',' ORDER BY event_id) FROM event WHERE subject_id = $study",
	              "study.arrived,study.complete,study.reopened,study.complete", "events");
}

/* A task that ended; how it came so is not the matter here. */
static void end_task(const char *state)
{
	char sql[300];

	snprintf(sql, sizeof(sql),
	         "ALTER TABLE reading_task DISABLE TRIGGER USER; UPDATE reading_task SET state = '%s' WHERE public_id "
	         "= $task;"
	         " ALTER TABLE reading_task ENABLE TRIGGER USER",
	         state);
	county_run(county, sql);
}

Test(study, a_late_image_after_issue_opens_a_recheck_and_only_one)
{
	county_add_task(county);
	end_task("done");
	county_add_image(county);
	county_settle(county);
	expect_tasks("primary done v1", "not offered while images arrive");
	county_run(county, "UPDATE study SET last_arrival_at = yq_now() - interval '6 min', due_at = yq_now() WHERE "
	                   "public_id = $study");
	county_settle(county);
	expect_tasks("primary done v1, recheck awaiting v2", "复核");
	county_add_image(county);
	county_settle(county);
	expect_tasks("primary done v1, recheck awaiting v3", "another image");
}

Test(study, a_cancelled_task_comes_back_only_with_new_images)
{
	county_add_task(county);
	end_task("cancelled");
	county_run(county, "UPDATE study SET due_at = yq_now() WHERE public_id = $study");
	county_settle(county);
	expect_tasks("primary cancelled v1", "looked at again");
	county_add_image(county);
	county_run(county, "UPDATE study SET last_arrival_at = yq_now() - interval '6 min', due_at = yq_now() WHERE "
	                   "public_id = $study");
	county_settle(county);
	expect_tasks("primary cancelled v1, primary awaiting v2", "new images");
}

/* The task in a state that people brought it to; how is not the matter here. */
static void set_task(const char *state)
{
	char sql[600];

	snprintf(sql, sizeof(sql),
	         "ALTER TABLE reading_task DISABLE TRIGGER USER; UPDATE reading_task SET state = '%s', holder_id = "
	         "CASE WHEN "
	         "'%s' IN ('writing', 'reviewing') THEN (SELECT person_id FROM person WHERE public_id = $author) END,"
	         " lease_token = CASE WHEN '%s' IN ('writing', 'reviewing') THEN gen_random_uuid() END,"
	         " lease_until = CASE WHEN '%s' IN ('writing', 'reviewing') THEN yq_now() + interval '1 h' END"
	         " WHERE public_id = $task; ALTER TABLE reading_task ENABLE TRIGGER USER",
	         state, state, state, state);
	county_run(county, sql);
}

/*
 * Whoever holds the task keeps it and sees that the study is a newer one than was read; who had finished gets a 复核; a task that a duty
 * leader cancelled is opened anew.
 */
Test(study, a_late_image_against_every_state_of_the_task)
{
	static const struct {
		const char *state, *receiving, *complete;
	} cases[] = {
	    {"awaiting", "primary awaiting v2", "primary awaiting v2"},
	    {"writing", "primary writing v2", "primary writing v2"},
	    {"awaiting_review", "primary awaiting_review v2", "primary awaiting_review v2"},
	    {"reviewing", "primary reviewing v2", "primary reviewing v2"},
	    {"returned", "primary returned v2", "primary returned v2"},
	    {"done", "primary done v1", "primary done v1, recheck awaiting v2"},
	    {"cancelled", "primary cancelled v1", "primary cancelled v1, primary awaiting v2"},
	};
	const char *holder = "SELECT concat_ws(' ', holder_id, lease_token) FROM reading_task WHERE public_id = $task";
	char held[100];

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		county_add_task(county);
		set_task(cases[i].state);
		text_copy(held, sizeof(held), county_value(county, holder));
		county_add_image(county);
		county_settle(county);
		expect_study("receiving 2", cases[i].state);
		expect_tasks(cases[i].receiving, cases[i].state);
		county_run(county,
		           "UPDATE study SET last_arrival_at = yq_now() - interval '6 min', due_at = yq_now() WHERE "
		           "public_id = $study");
		county_settle(county);
		expect_study("complete 2", cases[i].state);
		expect_tasks(cases[i].complete, cases[i].state);
		county_expect(county, holder, held, "nobody loses the task by it");
	}
}

/* The recheck that the study has, taken by a person. */
static struct task_claim take_recheck(const char *person, struct task_lease *lease)
{
	struct task_claim claim = {.person_id = person, .task_id = county->task};
	struct err err;

	text_copy(
	    county->task, sizeof(county->task),
	    county_value(county,
	                 "SELECT t.public_id FROM reading_task t JOIN study s USING (study_id) WHERE s.public_id = "
	                 "$study AND t.kind = 'recheck'"));
	cr_assert(task_take(county->gateway, person, county->task, lease, &err), "%s", err.text);
	claim.lease_token = lease->token;
	return claim;
}

Test(study, a_signer_says_that_a_late_image_changes_nothing)
{
	struct task_lease lease;
	struct task_claim claim;
	struct err err;

	county_add_task(county);
	end_task("done");
	county_add_image(county);
	county_settle(county);
	county_run(county, "UPDATE study SET last_arrival_at = yq_now() - interval '6 min', due_at = yq_now() WHERE "
	                   "public_id = $study");
	county_settle(county);
	claim = take_recheck(county->author, &lease);
	cr_expect_not(task_settle_recheck(county->gateway, &claim, "重复上传", &err));
	cr_expect_eq(err.kind, ERR_REFUSED, "who may not sign does not settle it: %s", err.text);
	cr_assert(task_release(county->gateway, &claim, &err), "%s", err.text);
	claim = take_recheck(county->reviewer, &lease);
	cr_expect_not(task_settle_recheck(county->gateway, &claim, "", &err));
	cr_expect_eq(err.kind, ERR_INVALID, "%s", err.text);
	cr_assert(task_settle_recheck(county->gateway, &claim, "重复上传的同一投照", &err), "%s", err.text);
	expect_tasks("primary done v1, recheck done v2", "settled");
	county_expect(county,
	              "SELECT o.reason || ' v' || o.study_version FROM recheck_outcome o JOIN reading_task t USING "
	              "(task_id) WHERE "
	              "t.public_id = $task",
	              "重复上传的同一投照 v2", "kept");
	county_expect(county, "SELECT count(*) FROM audit WHERE subject = $task AND action = 'task.no_influence'", "1",
	              "audit");
	county_run(county, "UPDATE study SET due_at = yq_now() WHERE public_id = $study");
	county_settle(county);
	expect_tasks("primary done v1, recheck done v2", "it stays settled");
	county_add_image(county);
	county_run(county, "UPDATE study SET last_arrival_at = yq_now() - interval '6 min', due_at = yq_now() WHERE "
	                   "public_id = $study");
	county_settle(county);
	expect_tasks("primary done v1, recheck done v2, recheck awaiting v3", "another image, another look");
}

Test(study, a_task_that_is_no_recheck_is_not_settled_so)
{
	struct task_lease lease;
	struct task_claim claim;
	struct err err;

	county_add_task(county);
	cr_assert(task_take(county->gateway, county->reviewer, county->task, &lease, &err), "%s", err.text);
	claim = (struct task_claim){county->reviewer, county->task, lease.token};
	cr_expect_not(task_settle_recheck(county->gateway, &claim, "x", &err));
	cr_expect_eq(err.kind, ERR_CONFLICT, "%s", err.text);
}

Test(study, a_person_says_that_nothing_more_will_come)
{
	char clinician[TEXT_UUID_SIZE];
	struct err err;

	county_add_study(county, "DR", "1 min");
	county_add_person(county, "clinician", county->site, county->site, clinician);
	cr_expect_not(study_complete_by_hand(county->gateway, county->radiographer, county->study, "  ", &err));
	cr_expect_eq(err.kind, ERR_INVALID, "%s", err.text);
	cr_expect_not(study_complete_by_hand(county->gateway, clinician, county->study, "侧位不拍了", &err));
	cr_expect_eq(err.kind, ERR_REFUSED, "%s", err.text);
	cr_assert(study_complete_by_hand(county->gateway, county->radiographer, county->study, "侧位不拍了", &err),
	          "%s", err.text);
	county_settle(county);
	expect_study("complete 1", "by hand");
	county_expect(county,
	              "SELECT detail ->> 'reason' FROM audit WHERE subject = $study AND action = 'study.complete'",
	              "by_hand", "why it is complete");
	county_expect(county,
	              "SELECT actor_kind FROM audit WHERE subject = $study AND action = 'study.complete_by_hand'",
	              "person", "who said it");
}

Test(study, without_a_rule_it_says_so_and_is_routed_when_the_rules_change)
{
	county_run(county, "UPDATE routing_rule SET conditions = conditions ||"
	                   " '[{\"field\": \"modality\", \"op\": \"is\", \"values\": [\"MR\"]}]'"
	                   " WHERE queue_id = (SELECT queue_id FROM reading_queue WHERE public_id = $queue)");
	county_add_study(county, "DR", "1 day");
	county_settle(county);
	expect_study("complete 1", "complete");
	expect_tasks("", "nobody reads it");
	county_expect(
	    county,
	    "SELECT unrouted_reason ~ '^no routing rule fits this site with class outpatient, modality DR, at ..:..$'"
	    " AND due_at > yq_now() FROM study WHERE public_id = $study",
	    "t", "why");
	county_expect(county, "SELECT count(*) FROM event WHERE subject_id = $study AND kind = 'study.unrouted'", "1",
	              "said once");
	county_run(county, "UPDATE study SET due_at = yq_now() WHERE public_id = $study");
	county_settle(county);
	county_expect(county, "SELECT count(*) FROM event WHERE subject_id = $study AND kind = 'study.unrouted'", "1",
	              "still once");
	county_run(county, "UPDATE routing_rule SET conditions = conditions - 1"
	                   " WHERE queue_id = (SELECT queue_id FROM reading_queue WHERE public_id = $queue)");
	county_settle(county);
	expect_tasks("primary awaiting v1", "the rules changed");
	county_expect(county, "SELECT unrouted_reason FROM study WHERE public_id = $study", "", "no reason any more");
}

Test(study, the_limit_of_its_class_gives_the_due_time)
{
	county_run(county,
	           "INSERT INTO turnaround_limit (scope_id, modality, minutes) SELECT scope_id, 'DR', 120 FROM scope"
	           " WHERE public_id = $site");
	county_add_task(county);
	county_expect(county,
	              "SELECT due_at - opened_at BETWEEN interval '119 min' AND interval '121 min' FROM reading_task"
	              " WHERE public_id = $task",
	              "t", "due");
}

Test(study, one_that_fails_does_not_hold_up_the_others)
{
	char first[TEXT_UUID_SIZE], id[TEXT_UUID_SIZE];
	const char *skip[1] = {first};
	struct err err;
	int i;

	county_settle(county);
	county_add_study(county, "DR", "1 day");
	text_copy(first, sizeof(first), county->study);
	county_add_study(county, "DR", "1 day");
	for (i = 0, id[0] = 'x'; id[0] && i < 100; i++) {
		cr_assert(study_settle_next(county->router, skip, 1, id, &err), "%s", err.text);
		cr_expect_str_neq(id, first, "what is to be left alone was taken");
	}
	expect_study("complete 1", "the other one");
	text_copy(county->study, sizeof(county->study), first);
	expect_study("receiving 1", "the one left alone");
	county_settle(county);
}
