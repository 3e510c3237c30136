/* Workitems of workstations: the same gate as lib/domain/task.h, and who is told of what. */
#include <criterion/criterion.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/db/db.h"
#include "lib/domain/task.h"
#include "lib/domain/workitem.h"
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

TestSuite(workitem, .init = setup, .fini = teardown, .timeout = 120);

#define MINE "FROM workitem w JOIN reading_task t USING (task_id) WHERE t.public_id = $task"

/* SOP Instance UID of the last attempt. */
static void last(char out[TEXT_UID_SIZE])
{
	text_copy(out, TEXT_UID_SIZE,
	          county_value(county, "SELECT w.sop_instance_uid " MINE " ORDER BY w.workitem_id DESC LIMIT 1"));
}

static void expect_items(const char *want, const char *what)
{
	county_expect(county, "SELECT string_agg(w.state, ', ' ORDER BY w.workitem_id) " MINE, want, what);
}

static uint32_t change(const char *person, const char *uid, const char *state, const char *transaction)
{
	enum workitem_status warning = WORKITEM_SUCCESS;
	struct err err = {0};

	if (workitem_change_state(county->gateway, person, uid, state, transaction, &warning, &err))
		return warning;
	return err.source == ERR_SOURCE_DIMSE ? err.code : 0x10000u + err.kind;
}

Test(workitem, a_transaction_uid_is_a_lease_token)
{
	static const struct {
		const char *uid, *token;
	} cases[] = {
	    {"2.25.0", "00000000-0000-0000-0000-000000000000"},
	    {"2.25.329800735698586629295641978511506172918", "f81d4fae-7dec-11d0-a765-00a0c91e6bf6"},
	    {"2.25.340282366920938463463374607431768211455", "ffffffff-ffff-ffff-ffff-ffffffffffff"},
	};
	char token[TEXT_UUID_SIZE], other[TEXT_UUID_SIZE];
	size_t i;

	for (i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		workitem_token(cases[i].uid, token);
		cr_expect_str_eq(token, cases[i].token, "%s: got %s", cases[i].uid, token);
	}
	/* One more than 128 bits hold, and what has no number in it: still one token each. */
	workitem_token("2.25.340282366920938463463374607431768211456", token);
	workitem_token("2.25.1.2", other);
	cr_expect(text_is_uuid(token) && text_is_uuid(other) && strcmp(token, other) != 0, "got %s, %s", token, other);
}

enum { TAKERS = 30 };

struct taker {
	pthread_barrier_t *start;
	const char *person, *uid;
	bool on_the_page, won;
};

static void *run_taker(void *context)
{
	struct taker *taker = context;
	struct task_lease lease;
	struct err err;
	char transaction[TEXT_UID_SIZE];

	text_uid_new(transaction);
	pthread_barrier_wait(taker->start);
	taker->won = taker->on_the_page ? task_take(county->gateway, taker->person, county->task, &lease, &err)
	                                : change(taker->person, taker->uid, "IN PROGRESS", transaction) == 0;
	return NULL;
}

Test(workitem, of_pages_and_workstations_at_once_exactly_one_gets_it)
{
	static struct taker takers[TAKERS];
	pthread_t threads[TAKERS];
	pthread_barrier_t start;
	char uid[TEXT_UID_SIZE];
	int i, won = 0;

	last(uid);
	pthread_barrier_init(&start, NULL, TAKERS);
	for (i = 0; i < TAKERS; i++) {
		takers[i] = (struct taker){&start, i % 4 < 2 ? county->author : county->reviewer, uid, i % 2, false};
		cr_assert_eq(pthread_create(&threads[i], NULL, run_taker, &takers[i]), 0);
	}
	for (i = 0; i < TAKERS; i++) {
		pthread_join(threads[i], NULL);
		won += takers[i].won;
	}
	cr_expect_eq(won, 1, "%d won", won);
	expect_items("IN PROGRESS", "one attempt");
	pthread_barrier_destroy(&start);
}

/* State of the workitem x wanted state, by its holder and by somebody else. */
Test(workitem, every_change_from_every_state)
{
	char uid[TEXT_UID_SIZE], mine[TEXT_UID_SIZE], other[TEXT_UID_SIZE];
	const char *author = county->author;

	text_uid_new(mine);
	text_uid_new(other);
	last(uid);
	cr_expect_eq(change(author, uid, "SCHEDULED", mine), WORKITEM_SCHEDULED_AT_BIRTH);
	cr_expect_eq(change(author, uid, "COMPLETED", mine), WORKITEM_NOT_IN_PROGRESS);
	cr_expect_eq(change(author, uid, "CANCELED", mine), WORKITEM_NOT_IN_PROGRESS);
	cr_expect_eq(change(author, uid, "in progress", mine), 0x10000u + ERR_INVALID);
	cr_expect_eq(change(author, uid, "IN PROGRESS", NULL), WORKITEM_OTHER_TRANSACTION);
	cr_expect_eq(change(author, uid, "IN PROGRESS", "1..2"), WORKITEM_OTHER_TRANSACTION);
	cr_expect_eq(change(county->radiographer, uid, "IN PROGRESS", mine), 0x10000u + ERR_REFUSED,
	             "no right to write");
	cr_expect_eq(change(author, other, "IN PROGRESS", mine), 0x10000u + ERR_NOT_FOUND);
	expect_items("SCHEDULED", "refusals change nothing");

	cr_expect_eq(change(author, uid, "IN PROGRESS", mine), WORKITEM_SUCCESS);
	cr_expect_eq(change(author, uid, "IN PROGRESS", mine), WORKITEM_ALREADY_IN_PROGRESS);
	cr_expect_eq(change(author, uid, "COMPLETED", mine), WORKITEM_UNFINISHED);
	cr_expect_eq(change(author, uid, "COMPLETED", other), WORKITEM_OTHER_TRANSACTION);
	cr_expect_eq(change(county->reviewer, uid, "CANCELED", mine), WORKITEM_OTHER_TRANSACTION);
	expect_items("IN PROGRESS", "nobody else ends it");
	cr_expect_eq(change(author, uid, "CANCELED", mine), WORKITEM_SUCCESS);
	expect_items("CANCELED, SCHEDULED", "given back");
	county_expect(county, "SELECT count(*) FROM audit WHERE subject = $task AND action = 'task.release'", "1",
	              "noted as on the page");
	cr_expect_eq(change(author, uid, "CANCELED", mine), WORKITEM_ALREADY_CANCELED);
	cr_expect_eq(change(author, uid, "IN PROGRESS", mine), WORKITEM_ENDED);
	cr_expect_eq(change(author, uid, "COMPLETED", mine), WORKITEM_ENDED);
}

/* The workitem with what the reader needs of it, as JSON, to the eyes of the reviewer. */
static void expect_shown(const char *uid, const char *path, const char *want)
{
	struct db *db;
	struct db_rows *rows;
	struct err err = {0};
	char *sql = NULL;

	cr_assert(db_take(county->gateway, &db, &err) && db_set_person(db, county->reviewer, &err), "%s", err.text);
	cr_assert(db_exec_one(db, STMT_WORKITEM_SHOW, DB_PARAMS(db_text(uid), db_text("https://here/dicom-web")),
	                      "the workitem", &rows, &err),
	          "%s", err.text);
	cr_assert(asprintf(&sql, "SELECT jsonb_path_query_array($json$%s$json$, '%s')", db_get_text(rows, 0, "json"),
	                   path) > 0);
	county_expect(county, sql, want, path);
	free(sql);
	db_rows_free(rows);
	db_give(db);
}

Test(workitem, shows_what_is_read_and_what_came_of_it)
{
	char uid[TEXT_UID_SIZE], mine[TEXT_UID_SIZE], report[TEXT_UUID_SIZE];

	last(uid);
	text_uid_new(mine);
	expect_shown(uid, "$.\"00404021\".Value[*].\"00081199\".Value.size()", "[1]");
	expect_shown(uid,
	             "$.\"00404021\".Value[*].\"0040E025\".Value[0].\"00081190\".Value[0] ? (@ like_regex "
	             "\"^https://here/dicom-web/studies/[0-9.]+/series/[0-9.]+$\").type()",
	             "[\"string\"]");
	expect_shown(uid, "$.\"00741216\".Value.size()", "[]");
	cr_assert_eq(change(county->author, uid, "IN PROGRESS", mine), WORKITEM_SUCCESS);
	expect_shown(uid, "$.\"00741216\".Value[0].\"00404033\".Value.size()", "[]");
	expect_shown(uid, "$.\"00741216\".Value[0].\"00404035\".Value.size()", "[1]");
	expect_shown(uid, "$.**.\"00081195\"", "[]");
	county_add_report(county, "1 min", true, report);
	county_run(county, "UPDATE workitem SET state = 'COMPLETED', ended_at = yq_now() WHERE task_id ="
	                   " (SELECT task_id FROM reading_task WHERE public_id = $task)");
	expect_shown(uid, "$.\"00741216\".Value[0].\"00404033\".Value.size()", "[2]");
	expect_shown(uid, "$.\"00404021\".Value[*].\"00081199\".Value.size()", "[1]");
}

Test(workitem, each_step_is_an_event_of_its_own_and_told_to_who_subscribed)
{
	char uid[TEXT_UID_SIZE], mine[TEXT_UID_SIZE];
	struct workitem_progress progress = {"12.5", NULL};
	struct err err = {0};

	text_uid_new(mine);
	last(uid);
	cr_assert(workitem_subscribe(county->gateway, county->reviewer, WORKITEM_WORKLIST_UID, "WS", "{}", false, &err),
	          "%s", err.text);
	cr_assert(workitem_subscribe(county->gateway, county->reviewer, uid, "WS", "{}", false, &err), "%s", err.text);
	cr_assert_eq(change(county->author, uid, "IN PROGRESS", mine), WORKITEM_SUCCESS);
	cr_assert(workitem_update(county->gateway, county->author, uid, mine, &progress, &err), "%s", err.text);
	cr_assert_eq(change(county->author, uid, "CANCELED", mine), WORKITEM_SUCCESS);
	county_expect(county,
	              "SELECT string_agg(e.kind, ' ' ORDER BY e.event_id) FROM event e JOIN workitem w ON"
	              " w.public_id = e.subject_id JOIN reading_task t USING (task_id) WHERE t.public_id = $task",
	              "workitem.scheduled workitem.in_progress workitem.progress workitem.canceled workitem.scheduled",
	              "in their order");
	county_expect(
	    county,
	    "SELECT string_agg(f.report -> '00741000' -> 'Value' ->> 0, ',' ORDER BY w.workitem_id) " /* once each */
	    "FROM workitem w JOIN reading_task t USING (task_id)"
	    " CROSS JOIN LATERAL yq_workitem_told(w.public_id, 'in_progress') f"
	    " WHERE t.public_id = $task AND f.person = $reviewer",
	    "IN PROGRESS,IN PROGRESS", "by name and by the worklist, one time each");
	/* The rights of now decide. */
	county_run(county, "UPDATE person_right SET revoked_at = yq_now() WHERE person_id ="
	                   " (SELECT person_id FROM person WHERE public_id = $reviewer)");
	county_expect(county,
	              "SELECT count(*) FROM workitem w JOIN reading_task t USING (task_id)"
	              " CROSS JOIN LATERAL yq_workitem_told(w.public_id, 'in_progress') f WHERE t.public_id = $task",
	              "0", "nobody");
}
