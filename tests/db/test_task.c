/* Leases of reading tasks, against a ledger. */
#include <criterion/criterion.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/domain/task_step.h"
#include "tests/db/county.h"

static struct county *county;

static void setup(void)
{
	ledger_setup();
	county = county_new();
	county_add_task(county);
}

static void teardown(void)
{
	county_free(county);
}

TestSuite(task, .init = setup, .fini = teardown, .timeout = 120);

static struct task_lease take(const char *person)
{
	struct task_lease lease;
	struct err err;

	cr_assert(task_take(county->gateway, person, county->task, &lease, &err), "%s", err.text);
	return lease;
}

static struct task_claim claim_of(const char *person, const struct task_lease *lease)
{
	struct task_claim claim = {person, county->task, lease ? lease->token : NULL};

	return claim;
}

static void expect_state(const char *want, const char *what)
{
	county_expect(county, "SELECT state FROM reading_task WHERE public_id = $task", want, what);
}

static void expect_workitems(const char *want, const char *what)
{
	county_expect(county,
	              "SELECT string_agg(concat_ws(' ', w.state, nullif(w.reason, '')), ', ' ORDER BY w.workitem_id)"
	              " FROM workitem w JOIN reading_task t USING (task_id) WHERE t.public_id = $task",
	              want, what);
}

static void expect_kind(bool ok, const struct err *err, enum err_kind want, const char *what)
{
	cr_expect_not(ok, "%s: it worked", what);
	if (!ok)
		cr_expect_eq(err->kind, want, "%s: got %s (%s), want %s", what, err_kind_info(err->kind)->name,
		             err->text, err_kind_info(want)->name);
}

/* The step that report_submit() makes. */
static bool submit_work(struct db *db, void *context, struct err *err)
{
	struct task_facts facts;

	return task_lock_claim(db, context, &facts, err) &&
	       task_step(db, &facts, TASK_EVENT_SUBMIT, facts.holder_id, NULL, NULL, err);
}

static void submit(const char *person)
{
	struct task_lease lease = take(person);
	struct task_claim claim = claim_of(person, &lease);
	struct err err;

	cr_assert(db_transact(county->gateway, person, submit_work, &claim, &err), "%s", err.text);
}

/* ---- many at once ------------------------------------------------------------------------------------------------------------- */

enum { TAKERS = 50 };

struct taker {
	pthread_barrier_t *start;
	const char *person;
	bool won;
	struct err err;
};

static void *run_taker(void *context)
{
	struct taker *taker = context;
	struct task_lease lease;

	pthread_barrier_wait(taker->start);
	taker->won = task_take(county->gateway, taker->person, county->task, &lease, &taker->err);
	return NULL;
}

Test(task, of_fifty_who_take_it_at_once_exactly_one_wins)
{
	static struct taker takers[TAKERS];
	pthread_t threads[TAKERS];
	pthread_barrier_t start;
	int i, won = 0;

	pthread_barrier_init(&start, NULL, TAKERS);
	for (i = 0; i < TAKERS; i++) {
		takers[i].start = &start;
		takers[i].person = i % 2 ? county->author : county->reviewer;
		cr_assert_eq(pthread_create(&threads[i], NULL, run_taker, &takers[i]), 0);
	}
	for (i = 0; i < TAKERS; i++) {
		pthread_join(threads[i], NULL);
		won += takers[i].won;
		if (!takers[i].won)
			cr_expect_eq(takers[i].err.kind, ERR_CONFLICT, "a loser got %s", takers[i].err.text);
	}
	cr_expect_eq(won, 1, "%d won", won);
	expect_state("writing", "afterwards");
	expect_workitems("IN PROGRESS", "one attempt");
	county_expect(county, "SELECT count(*) FROM event WHERE subject_id = $task AND kind = 'task.take'", "1",
	              "one event");
	county_expect(county, "SELECT count(*) FROM audit WHERE subject = $task AND action = 'task.take'", "1",
	              "one record");
	pthread_barrier_destroy(&start);
}

/* ---- leases --------------------------------------------------------------------------------------------------------------------- */

Test(task, a_lease_runs_out_by_the_clock_of_the_ledger)
{
	struct task_lease lease = take(county->author);
	struct task_claim claim = claim_of(county->author, &lease);
	struct err err;

	county_expect(county,
	              "SELECT lease_until - yq_now() BETWEEN interval '14 min' AND interval '15 min' FROM reading_task"
	              " WHERE public_id = $task",
	              "t", "fifteen minutes");
	county_run(county, "UPDATE reading_task SET lease_until = yq_now() WHERE public_id = $task");
	expect_kind(task_renew(county->gateway, &claim, NULL, &err), &err, ERR_CONFLICT, "renewed too late");
	expect_kind(task_release(county->gateway, &claim, &err), &err, ERR_CONFLICT, "released too late");
	expect_state("writing", "nobody has swept yet");
	lease = take(county->reviewer);
	expect_state("writing", "the next one need not wait for a sweep");
	expect_workitems("CANCELED expire, IN PROGRESS", "two attempts");
	county_expect(county, "SELECT string_agg(kind, ',' ORDER BY event_id) FROM event WHERE subject_id = $task",
	              "task.open,task.take,task.expire,task.take", "events");
}

static bool expire_work(struct db *db, void *context, struct err *err)
{
	return task_expire_leases(db, 100, context, err);
}

Test(task, the_router_gives_back_what_was_left)
{
	struct err err;
	int count = -1;

	take(county->author);
	cr_assert(db_transact(county->router, NULL, expire_work, &count, &err), "%s", err.text);
	expect_state("writing", "a living lease is left alone");
	county_run(county, "UPDATE reading_task SET lease_until = yq_now() WHERE public_id = $task");
	cr_assert(db_transact(county->router, NULL, expire_work, &count, &err), "%s", err.text);
	cr_expect_geq(count, 1);
	expect_state("awaiting", "given back");
	expect_workitems("CANCELED expire, SCHEDULED", "a new attempt waits");
	county_expect(county,
	              "SELECT a.public_id = $author FROM reading_task t JOIN person a ON a.person_id = t.author_id"
	              " WHERE t.public_id = $task",
	              "t", "the draft stays its author's");
	county_expect(county, "SELECT actor_kind FROM audit WHERE subject = $task AND action = 'task.expire'",
	              "program", "audit");
}

Test(task, a_review_that_is_left_stays_in_progress_for_the_next_reviewer)
{
	struct task_lease lease;
	struct err err;
	int count;

	submit(county->author);
	cr_assert(task_take_review(county->gateway, county->reviewer, county->task, &lease, &err), "%s", err.text);
	county_run(county, "UPDATE reading_task SET lease_until = yq_now() WHERE public_id = $task");
	cr_assert(db_transact(county->router, NULL, expire_work, &count, &err), "%s", err.text);
	expect_state("awaiting_review", "given back");
	expect_workitems("CANCELED expire, IN PROGRESS", "workitems");
	cr_assert(task_take_review(county->gateway, county->reviewer, county->task, &lease, &err), "%s", err.text);
	expect_state("reviewing", "taken again");
}

Test(task, only_the_right_token_in_the_right_hands_counts)
{
	struct task_lease lease = take(county->author), other = lease;
	struct task_claim wrong_token = claim_of(county->author, &other),
	                  wrong_person = claim_of(county->reviewer, &lease);
	struct task_claim no_token = claim_of(county->author, NULL), right = claim_of(county->author, &lease);
	int64_t until_us = 0;
	struct err err;

	text_uuid_new(other.token);
	expect_kind(task_renew(county->gateway, &wrong_token, NULL, &err), &err, ERR_CONFLICT, "another token");
	expect_kind(task_renew(county->gateway, &wrong_person, NULL, &err), &err, ERR_CONFLICT, "another person");
	expect_kind(task_renew(county->gateway, &no_token, NULL, &err), &err, ERR_CONFLICT, "no token");
	expect_kind(task_release(county->gateway, &wrong_token, &err), &err, ERR_CONFLICT,
	            "release with another token");
	expect_kind(task_release(county->gateway, &wrong_person, &err), &err, ERR_CONFLICT,
	            "release by another person");
	expect_kind(task_release(county->gateway, &no_token, &err), &err, ERR_CONFLICT, "release without token");
	cr_expect(task_renew(county->gateway, &right, &until_us, &err), "%s", err.text);
	cr_expect_geq(until_us, lease.until_us);
	cr_expect(task_release(county->gateway, &right, &err), "%s", err.text);
	expect_state("awaiting", "released");
	expect_workitems("CANCELED release, SCHEDULED", "workitems");
	expect_kind(task_release(county->gateway, &right, &err), &err, ERR_CONFLICT, "released twice");
}

Test(task, an_answer_that_was_lost_is_asked_for)
{
	struct task_lease lease = take(county->author), again;
	struct err err;

	cr_assert(task_resume(county->gateway, county->author, county->task, &again, &err), "%s", err.text);
	cr_expect_str_eq(again.token, lease.token);
	cr_expect_eq(again.state, TASK_WRITING);
	cr_expect_eq(again.study_version, 1);
	expect_kind(task_resume(county->gateway, county->reviewer, county->task, &again, &err), &err, ERR_CONFLICT,
	            "not his");
	expect_kind(task_take(county->gateway, county->author, county->task, &again, &err), &err, ERR_CONFLICT,
	            "taken again by the same person");
}

/* ---- rights ---------------------------------------------------------------------------------------------------------------------- */

Test(task, taking_asks_for_the_right_and_the_place)
{
	char township[TEXT_UUID_SIZE], stranger[TEXT_UUID_SIZE], elsewhere[TEXT_UUID_SIZE], nobody[TEXT_UUID_SIZE];
	struct task_lease lease;
	struct err err;

	county_add_site(county, "邻镇卫生院", true, elsewhere);
	county_add_person(county, "reporter", county->site, county->site, township);
	county_add_person(county, "reporter", elsewhere, elsewhere, stranger);
	text_uuid_new(nobody);
	expect_kind(task_take(county->gateway, county->radiographer, county->task, &lease, &err), &err, ERR_REFUSED,
	            "radiographer");
	expect_kind(task_take(county->gateway, county->duty, county->task, &lease, &err), &err, ERR_REFUSED,
	            "duty leader");
	expect_kind(task_take(county->gateway, stranger, county->task, &lease, &err), &err, ERR_NOT_FOUND,
	            "foreign site");
	expect_kind(task_take(county->gateway, nobody, county->task, &lease, &err), &err, ERR_NOT_FOUND,
	            "no such person");
	expect_kind(task_take(county->gateway, township, county->task, &lease, &err), &err, ERR_REFUSED,
	            "a township doctor takes what the lead reads");
	county_run(county, "UPDATE reading_task SET reading_mode = 'local_draft' WHERE public_id = $task");
	cr_expect(task_take(county->gateway, township, county->task, &lease, &err), "a township doctor drafts: %s",
	          err.text);
	expect_kind(task_take(county->gateway, county->author, "not-an-id", &lease, &err), &err, ERR_NOT_FOUND,
	            "no such id");
}

Test(task, author_and_reviewer_are_two_persons)
{
	struct task_lease lease;
	struct err err;

	submit(county->reviewer);
	expect_state("awaiting_review", "submitted");
	expect_kind(task_take_review(county->gateway, county->reviewer, county->task, &lease, &err), &err, ERR_REFUSED,
	            "own report");
	expect_kind(task_take_review(county->gateway, county->author, county->task, &lease, &err), &err, ERR_REFUSED,
	            "no reviewer");
}

Test(task, nobody_reads_while_images_arrive)
{
	struct task_lease lease;
	struct err err;

	county_add_image(county);
	county_settle(county);
	expect_kind(task_take(county->gateway, county->author, county->task, &lease, &err), &err, ERR_CONFLICT,
	            "receiving");
	county_run(county, "UPDATE study SET last_arrival_at = yq_now() - interval '6 min', due_at = yq_now() WHERE "
	                   "public_id = $study");
	county_settle(county);
	cr_assert(task_take(county->gateway, county->author, county->task, &lease, &err), "%s", err.text);
	cr_expect_eq(lease.study_version, 2);
}

/* ---- returns -------------------------------------------------------------------------------------------------------------------- */

Test(task, a_return_stops_the_clock_until_it_is_answered)
{
	struct task_lease lease = take(county->author);
	struct task_claim claim = claim_of(county->author, &lease);
	struct err err;

	expect_kind(task_return(county->gateway, &claim, TASK_RETURN_RETAKE, "", &err), &err, ERR_INVALID, "no reason");
	cr_assert(task_return(county->gateway, &claim, TASK_RETURN_RETAKE, "体位不正，请重拍", &err), "%s", err.text);
	expect_state("returned", "退回重拍");
	expect_workitems("CANCELED return, SCHEDULED", "workitems");
	county_run(county, "UPDATE reading_task SET paused_at = yq_now() - interval '1 hour', due_at = yq_now() WHERE "
	                   "public_id = $task");
	expect_kind(task_answer(county->gateway, county->author, county->task, "好", &err), &err, ERR_REFUSED,
	            "not for a reader");
	cr_assert(task_answer(county->gateway, county->radiographer, county->task, "已重拍", &err), "%s", err.text);
	expect_state("awaiting", "answered");
	county_expect(county,
	              "SELECT paused_for BETWEEN interval '60 min' AND interval '61 min' AND paused_at IS NULL"
	              " AND due_at > yq_now() + interval '59 min' FROM reading_task WHERE public_id = $task",
	              "t", "the hour does not count");
	county_expect(
	    county,
	    "SELECT concat_ws(' ', r.kind, r.reason, r.answer) FROM task_return r JOIN reading_task t USING (task_id)"
	    " WHERE t.public_id = $task",
	    "retake 体位不正，请重拍 已重拍", "the return");
	expect_kind(task_answer(county->gateway, county->radiographer, county->task, "再答", &err), &err, ERR_CONFLICT,
	            "answered twice");
}

Test(task, a_request_goes_back_from_the_queue_too)
{
	struct task_claim from_queue = claim_of(county->author, NULL),
	                  by_radiographer = claim_of(county->radiographer, NULL);
	struct err err;

	expect_kind(task_return(county->gateway, &by_radiographer, TASK_RETURN_REQUEST, "无病史", &err), &err,
	            ERR_REFUSED, "no right");
	cr_assert(task_return(county->gateway, &from_queue, TASK_RETURN_REQUEST, "无病史", &err), "%s", err.text);
	expect_state("returned", "退回申请");
	expect_workitems("SCHEDULED", "no claim was there");
	expect_kind(task_return(county->gateway, &from_queue, TASK_RETURN_REQUEST, "无病史", &err), &err, ERR_CONFLICT,
	            "twice");
}

/* ---- 指派, 转派, 接管 -------------------------------------------------------------------------------------------------------------- */

Test(task, a_duty_leader_assigns_and_the_chosen_one_picks_it_up)
{
	struct task_lease lease;
	struct err err;

	expect_kind(task_assign(county->gateway, county->author, county->task, county->author, "自取", &err), &err,
	            ERR_REFUSED, "no duty leader");
	expect_kind(task_assign(county->gateway, county->duty, county->task, county->radiographer, "急", &err), &err,
	            ERR_REFUSED, "to somebody who may not write");
	expect_kind(task_assign(county->gateway, county->duty, county->task, "x", "急", &err), &err, ERR_INVALID,
	            "to nobody");
	cr_assert(task_assign(county->gateway, county->duty, county->task, county->author, "急诊请先看", &err), "%s",
	          err.text);
	expect_state("writing", "指派");
	cr_assert(task_resume(county->gateway, county->author, county->task, &lease, &err), "%s", err.text);
	county_expect(county,
	              "SELECT a.kind || ' ' || a.reason FROM task_assignment a JOIN reading_task t USING (task_id)"
	              " WHERE t.public_id = $task",
	              "assign 急诊请先看", "who moved it, and why");
}

Test(task, a_task_moves_to_other_hands_under_a_new_token)
{
	struct task_lease lease = take(county->author), moved;
	struct task_claim mine = claim_of(county->author, &lease), leader = claim_of(county->duty, NULL);
	char second[TEXT_UUID_SIZE];
	struct err err;

	county_add_person(county, "reporter", county->community, county->lead, second);
	cr_assert(task_hand_over(county->gateway, &mine, second, "下班", &err), "转派: %s", err.text);
	expect_kind(task_renew(county->gateway, &mine, NULL, &err), &err, ERR_CONFLICT, "the old token");
	cr_assert(task_resume(county->gateway, second, county->task, &moved, &err), "%s", err.text);
	cr_expect_str_neq(moved.token, lease.token);
	expect_workitems("CANCELED hand_over, IN PROGRESS", "workitems");
	cr_assert(task_hand_over(county->gateway, &leader, county->author, "无应答", &err), "接管: %s", err.text);
	county_expect(county,
	              "SELECT string_agg(a.kind, ',' ORDER BY a.assignment_id) FROM task_assignment a"
	              " JOIN reading_task t USING (task_id) WHERE t.public_id = $task",
	              "transfer,transfer", "both moves");
	leader.person_id = second;
	expect_kind(task_hand_over(county->gateway, &leader, second, "要回", &err), &err, ERR_REFUSED,
	            "without token, no leader");
}

Test(task, a_cancelled_task_stays_cancelled_and_says_why)
{
	struct task_lease lease;
	struct err err;

	expect_kind(task_cancel(county->gateway, county->author, county->task, "重复", &err), &err, ERR_REFUSED,
	            "no duty leader");
	cr_assert(task_cancel(county->gateway, county->duty, county->task, "重复检查", &err), "%s", err.text);
	expect_state("cancelled", "cancelled");
	expect_workitems("CANCELED 重复检查", "workitems");
	expect_kind(task_take(county->gateway, county->author, county->task, &lease, &err), &err, ERR_CONFLICT,
	            "taken afterwards");
	expect_kind(task_cancel(county->gateway, county->duty, county->task, "重复", &err), &err, ERR_CONFLICT,
	            "twice");
}
