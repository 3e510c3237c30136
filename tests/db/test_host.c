#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

#include "lib/base/file.h"
#include "lib/domain/host.h"
#include "lib/intake/host_beat.h"
#include "tests/db/intake_fixture.h"

static struct host_beat *beat;
static char id[TEXT_UUID_SIZE];

static void setup(void)
{
	fixture_setup();
	fixture_open();
	beat = host_beat_new(fix.store, fix.pool, "yq-storescp");
	cr_assert(host_id(id, &fix_err), "%s", fix_err.text);
}

/* Studies of other tests must not wait for a host that was only invented. */
static void teardown(void)
{
	char sql[100];

	snprintf(sql, sizeof sql, "DELETE FROM host WHERE host_id = '%s'", id);
	ledger_run(fix.connection, sql);
	host_beat_free(beat);
	fixture_teardown();
}

TestSuite(host, .init = setup, .fini = teardown, .timeout = 60);

static const struct host_look *report(bool has_ended)
{
	const struct host_look *look;
	bool is_awaited;

	cr_assert(host_beat_ask_time(beat, &fix_err) && host_beat_look(beat, &look, &fix_err) &&
	              host_beat_report(beat, has_ended, &is_awaited, &fix_err),
	          "%s", fix_err.text);
	return look;
}

/* The value of columns of the own row. */
static const char *row(const char *columns)
{
	char sql[512];

	snprintf(sql, sizeof sql, "SELECT concat_ws(' ', %s) FROM host WHERE host_id = '%s'", columns, id);
	return ledger_value(fix.connection, sql);
}

static void change(const char *assignments)
{
	char sql[512];

	snprintf(sql, sizeof sql, "UPDATE host SET %s WHERE host_id = '%s'", assignments, id);
	ledger_run(fix.connection, sql);
}

#define EXPECT_ROW(wanted, columns) cr_expect_str_eq(row(columns), wanted, "%s: got %s", columns, row(columns))

Test(host, reports_itself_in_one_row)
{
	report(false);
	EXPECT_ROW("yq-storescp 1 0 0 0 fine fine t",
	           "program, slots, waiting_objects, unplaced_objects, waiting_peak, store_state, journal_state, "
	           "left((oldest_at IS NULL AND ended_at IS NULL)::text, 1)");
	change("reported_at = yq_now() - interval '1 h', name = 'before'");
	report(false);
	EXPECT_ROW("t t",
	           "left((reported_at > yq_now() - interval '1 min')::text, 1), left((name <> 'before')::text, 1)");
}

Test(host, a_last_report_says_so_and_a_later_one_takes_it_back)
{
	report(true);
	EXPECT_ROW("t", "left((ended_at IS NOT NULL)::text, 1)");
	report(false);
	EXPECT_ROW("t", "left((ended_at IS NULL)::text, 1)");
}

Test(host, the_peak_of_a_receiver_before_counts_until_nothing_waits)
{
	const char *record = home_path("journal/slot-0000/0000000000000001-11111111111111111111111111111111.rec");

	fixture_close(0);
	cr_assert(file_replace(record, "x", 1, 0600, &fix_err), "%s", fix_err.text);
	report(false);
	EXPECT_ROW("1 1 1 0 t",
	           "waiting_objects, unplaced_objects, waiting_peak, slots, left((oldest_at <= yq_now())::text, 1)");
	change("waiting_peak = 40");
	report(false);
	EXPECT_ROW("1 40", "waiting_objects, waiting_peak");
}

/* However late it arrives: what was acknowledged since it looked is not known. */
Test(host, a_report_speaks_of_the_time_before_its_look)
{
	const struct host_look *look;
	bool is_awaited;

	cr_assert(host_beat_ask_time(beat, &fix_err), "%s", fix_err.text);
	ledger_run(fix.connection, "CREATE TEMP TABLE asked AS SELECT yq_now() AS at");
	cr_assert(host_beat_look(beat, &look, &fix_err) && host_beat_report(beat, false, &is_awaited, &fix_err), "%s",
	          fix_err.text);
	EXPECT_ROW("t", "left((known_until <= (SELECT at FROM asked))::text, 1)");
}

Test(host, nothing_that_waits_ends_the_peak)
{
	report(false);
	change("waiting_objects = 7, waiting_peak = 40, oldest_at = yq_now()");
	report(false);
	EXPECT_ROW("0 0", "waiting_objects, waiting_peak");
}

static const char *state(void)
{
	static char found[32];
	struct db_rows *rows;
	struct db *db;

	cr_assert(db_take(fix.pool, &db, &fix_err), "%s", fix_err.text);
	cr_assert(db_exec(db, STMT_HOST_LIST, DB_PARAMS(db_int(HOST_SILENT_MS)), &rows, &fix_err), "%s", fix_err.text);
	found[0] = '\0';
	for (int i = 0; i < db_rows_count(rows); i++)
		if (strcmp(db_get_text(rows, i, "id"), id) == 0)
			text_copy(found, sizeof found, db_get_text(rows, i, "state"));
	db_rows_free(rows);
	db_give(db);
	return found;
}

Test(host, what_is_only_on_a_host_that_does_not_report_is_stranded)
{
	static const struct {
		const char *change, *state;
	} cases[] = {
	    {"ended_at = NULL", "reporting"},
	    {"ended_at = yq_now()", "stopped"},
	    {"ended_at = yq_now(), quarantined_objects = 1", "stranded"},
	    {"ended_at = NULL, quarantined_objects = 0, reported_at = yq_now() - interval '25 s'", "reporting"},
	    {"reported_at = yq_now() - interval '31 s'", "silent"},
	    {"waiting_objects = 1, waiting_peak = 1, oldest_at = yq_now()", "stranded"},
	    {"reported_at = yq_now()", "reporting"},
	    {"ended_at = yq_now()", "stranded"},
	};

	report(false);
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		change(cases[i].change);
		cr_expect_str_eq(state(), cases[i].state, "case %zu: %s, got %s", i, cases[i].change, state());
	}
}

Test(host, a_change_of_its_room_is_an_event)
{
	char sql[200];

	snprintf(sql, sizeof sql, "SELECT count(*) FROM event WHERE kind = 'host.room' AND subject_id = '%s'", id);
	report(false);
	report(false);
	cr_expect_str_eq(ledger_value(fix.connection, sql), "0");
	home_set("YQ_STORE_WARN", "1000000 TiB");
	report(false);
	report(false);
	cr_expect_str_eq(ledger_value(fix.connection, sql), "1");
	EXPECT_ROW("low low", "store_state, journal_state");
	home_set("YQ_STORE_RESERVE", "1000000 TiB");
	report(false);
	home_set("YQ_STORE_RESERVE", "0 B");
	home_set("YQ_STORE_WARN", "0 B");
	report(false);
	cr_expect_str_eq(ledger_value(fix.connection, sql), "3");
}

Test(host, is_forgotten_only_when_it_does_not_report)
{
	struct db_pool *operators = ledger_pool("yq_operator", 1);
	struct host_forgotten forgotten;
	struct db *db;

	cr_assert(db_take(operators, &db, &fix_err), "%s", fix_err.text);
	report(false);
	cr_expect_not(host_forget(db, id, &forgotten, &fix_err));
	cr_expect_eq(fix_err.kind, ERR_CONFLICT);
	change("reported_at = yq_now() - interval '1 day', waiting_objects = 3, waiting_peak = 3, oldest_at = "
	       "yq_now(), name = host_id::text");
	cr_expect(host_forget(db, id, &forgotten, &fix_err), "%s", fix_err.text);
	cr_expect_str_eq(forgotten.id, id);
	cr_expect_eq(forgotten.waiting_objects, 3);
	cr_expect_not(host_forget(db, id, &forgotten, &fix_err));
	cr_expect_eq(fix_err.kind, ERR_NOT_FOUND);
	report(false);
	cr_expect_str_eq(state(), "reporting", "one that comes back is there again");
	db_give(db);
	db_pool_free(operators);
}
