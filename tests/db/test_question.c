/* Questions to a site and the clocks that they stop; receipts of printing. Against a ledger. */
#include <criterion/criterion.h>
#include <string.h>

#include "lib/domain/question.h"
#include "lib/domain/receipt.h"
#include "tests/db/county.h"

static struct county *county;
static struct task_lease lease;

static void setup(void)
{
	struct err err;

	ledger_setup();
	county = county_new();
	county_add_task(county);
	county_run(county, "UPDATE reading_task SET due_at = yq_now() + interval '2 hours' WHERE public_id = $task");
	cr_assert(task_take(county->gateway, county->author, county->task, &lease, &err), "%s", err.text);
}

static void teardown(void)
{
	county_free(county);
}

TestSuite(question, .init = setup, .fini = teardown, .timeout = 120);

static struct task_claim claim(void)
{
	struct task_claim claim = {county->author, county->task, lease.token};

	return claim;
}

static void ask(char id[TEXT_UUID_SIZE])
{
	struct task_claim mine = claim();
	struct err err;

	cr_assert(question_ask(county->gateway, &mine, "何时起病？", id, &err), "%s", err.text);
}

static void answer(const char *id)
{
	struct err err;

	cr_assert(question_answer(county->gateway, county->radiographer, id, "三天前", &err), "%s", err.text);
}

static void expect_kind(bool ok, const struct err *err, enum err_kind want, const char *what)
{
	cr_expect_not(ok, "%s: it worked", what);
	if (!ok)
		cr_expect_eq(err->kind, want, "%s: got %s (%s)", what, err_kind_info(err->kind)->name, err->text);
}

/* The clock stands for as long as the test says. */
static void stood(const char *interval)
{
	char sql[200];

	snprintf(sql, sizeof sql,
	         "UPDATE reading_task SET paused_at = paused_at - interval '%s' WHERE public_id = $task", interval);
	county_run(county, sql);
}

/* How long the clocks stood in all, how far the due time moved, and whether they stand now; in minutes. */
static void expect_clock(const char *want, const char *what)
{
	county_expect(county,
	              "SELECT concat_ws(' ', round(extract(epoch FROM paused_for) / 60)::integer,"
	              "   round(extract(epoch FROM due_at - opened_at) / 60)::integer - 120, paused_at IS NOT NULL)"
	              " FROM reading_task WHERE public_id = $task",
	              want, what);
}

Test(question, the_clock_stands_and_the_reader_keeps_the_task)
{
	struct task_claim mine = claim();
	char id[TEXT_UUID_SIZE];
	struct err err;

	ask(id);
	expect_clock("0 0 t", "asked");
	cr_expect(task_renew(county->gateway, &mine, NULL, &err), "the lease goes on: %s", err.text);
	stood("30 minutes");
	answer(id);
	expect_clock("30 30 f", "answered");
	county_expect(county, "SELECT state FROM reading_task WHERE public_id = $task", "writing", "still his");
	county_expect(
	    county,
	    "SELECT string_agg(kind, ' ' ORDER BY event_id) FROM event WHERE subject_id = $task AND kind LIKE '%sk%'"
	    " AND kind ~ 'ask$|question'",
	    "task.ask task.question_answered", "events");
}

Test(question, one_is_open_at_a_time_and_answered_once)
{
	struct task_claim mine = claim();
	char id[TEXT_UUID_SIZE], other[TEXT_UUID_SIZE];
	struct err err;

	ask(id);
	expect_kind(question_ask(county->gateway, &mine, "还有？", other, &err), &err, ERR_CONFLICT, "a second");
	answer(id);
	expect_kind(question_answer(county->gateway, county->radiographer, id, "又答", &err), &err, ERR_CONFLICT,
	            "twice");
	ask(other);
	cr_expect_str_neq(id, other);
}

Test(question, who_may_ask_and_who_may_answer)
{
	struct task_claim mine = claim(), his = {county->reviewer, county->task, lease.token};
	char id[TEXT_UUID_SIZE];
	struct err err;

	expect_kind(question_ask(county->gateway, &his, "?", id, &err), &err, ERR_CONFLICT, "not the holder");
	expect_kind(question_ask(county->gateway, &mine, " \n", id, &err), &err, ERR_INVALID, "nothing asked");
	ask(id);
	expect_kind(question_answer(county->gateway, county->author, id, "x", &err), &err, ERR_REFUSED, "the reader");
	expect_kind(question_answer(county->gateway, county->radiographer, "x", "x", &err), &err, ERR_NOT_FOUND,
	            "nonsense");
	expect_kind(question_answer(county->gateway, county->radiographer, id, "", &err), &err, ERR_INVALID,
	            "no answer");
}

Test(question, given_back_the_clock_stands_on)
{
	struct task_claim mine = claim();
	char id[TEXT_UUID_SIZE];
	struct err err;

	ask(id);
	cr_assert(task_release(county->gateway, &mine, &err), "%s", err.text);
	stood("20 minutes");
	expect_clock("0 0 t", "released");
	answer(id);
	expect_clock("20 20 f", "answered");
}

/* Asked, returned 10 minutes later, the return answered after another 20, the question after another 5: 35 minutes in all. */
Test(question, a_return_meanwhile_counts_no_minute_twice_and_none_is_lost)
{
	struct task_claim mine = claim();
	char id[TEXT_UUID_SIZE];
	struct err err;

	ask(id);
	stood("10 minutes");
	cr_assert(task_return(county->gateway, &mine, TASK_RETURN_REQUEST, "缺病史", &err), "%s", err.text);
	expect_clock("0 0 t", "returned");
	stood("20 minutes");
	cr_assert(task_answer(county->gateway, county->radiographer, county->task, "已补", &err), "%s", err.text);
	expect_clock("30 30 t", "the return is answered, the question is not");
	stood("5 minutes");
	answer(id);
	expect_clock("35 35 f", "both");
}

Test(question, an_answer_during_a_return_leaves_the_clock_to_the_return)
{
	struct task_claim mine = claim();
	char id[TEXT_UUID_SIZE];
	struct err err;

	ask(id);
	stood("10 minutes");
	cr_assert(task_return(county->gateway, &mine, TASK_RETURN_REQUEST, "缺病史", &err), "%s", err.text);
	answer(id);
	expect_clock("0 0 t", "still returned");
	stood("5 minutes");
	cr_assert(task_answer(county->gateway, county->radiographer, county->task, "已补", &err), "%s", err.text);
	expect_clock("15 15 f", "answered");
}

Test(question, a_cancelled_task_does_not_wait)
{
	char id[TEXT_UUID_SIZE];
	struct err err;

	ask(id);
	stood("7 minutes");
	cr_assert(task_cancel(county->gateway, county->duty, county->task, "重复", &err), "%s", err.text);
	expect_clock("7 7 f", "cancelled");
	answer(id);
	expect_clock("7 7 f", "a late answer moves nothing");
}

Test(question, printing_is_counted)
{
	char report[TEXT_UUID_SIZE];
	int64_t count = 0;
	struct err err;

	county_add_report(county, "1 hour", false, report);
	for (int i = 1; i <= 3; i++) {
		cr_assert(receipt_print(county->gateway, county->radiographer, report, &count, &err), "%s", err.text);
		cr_expect_eq(count, i);
	}
	county_expect(county,
	              "SELECT concat_ws(' ', count(*), bool_and(e.at_site_id = e.site_id)) FROM receipt e"
	              " JOIN scope s ON s.scope_id = e.site_id WHERE s.public_id = $site AND e.kind = 'printed'",
	              "3 t", "facts");
	expect_kind(receipt_print(county->gateway, county->radiographer, county->task, &count, &err), &err,
	            ERR_NOT_FOUND, "no report");
}
