#include <criterion/criterion.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/base/clock.h"
#include "lib/base/conf.h"
#include "lib/domain/event.h"
#include "tests/db/ledger.h"

#define SUBJECT "00000000-0000-4000-8000-000000000001"

TestSuite(db_pool, .init = ledger_setup, .timeout = 60);

static struct db *take(struct db_pool *pool)
{
	struct db *db;
	struct err err;

	cr_assert(db_take(pool, &db, &err), "%s", err.text);
	return db;
}

static bool read_head(struct db *db, struct err *err)
{
	char cursor[EVENT_CURSOR_MAX];

	return event_head(db, cursor, err);
}

static void use_own_name(struct db_pool **pool, char name[40], PGconn **owner)
{
	struct err err;

	ledger_name(name);
	cr_assert(db_pool_new("yq_owner", name, 2, pool, &err));
	*owner = ledger_connect("yq_owner");
}

static void end_named(PGconn *owner, const char *name)
{
	char sql[256];

	snprintf(sql, sizeof(sql),
	         "SELECT pg_terminate_backend(pid, 30000) FROM pg_stat_activity WHERE application_name = '%s'", name);
	ledger_run(owner, sql);
}

Test(db_pool, hands_out_as_many_as_it_has_and_then_says_busy)
{
	struct db_pool *pool;
	struct db *a, *b, *c;
	struct err err;

	setenv("YQ_LEDGER_TIMEOUT", "200 ms", 1);
	cr_assert(conf_load(&err));
	pool = ledger_pool("yq_router", 2);
	a = take(pool);
	b = take(pool);
	cr_expect_not(db_take(pool, &c, &err));
	cr_expect_eq(err.kind, ERR_TEMPORARY);
	cr_expect(strstr(err.text, "busy") != NULL, "got %s", err.text);
	db_give(a);
	c = take(pool);
	db_give(b);
	db_give(c);
	db_give(NULL);
	db_pool_free(pool);
}

Test(db_pool, who_waits_gets_what_is_given_back)
{
	struct db_pool *pool = ledger_pool("yq_router", 1);
	struct db *first = take(pool);
	pthread_t thread;

	cr_assert_eq(pthread_create(&thread, NULL, (void *(*)(void *))take, pool), 0);
	db_give(first);
	pthread_join(thread, (void **)&first);
	db_give(first);
	db_pool_free(pool);
}

Test(db_pool, every_role_may_log_in)
{
	static const char *const roles[] = {"yq_storescp", "yq_router", "yq_gateway", "yq_operator", "yq_owner"};
	struct err err;
	size_t i;

	for (i = 0; i < sizeof(roles) / sizeof(roles[0]); i++) {
		struct db_pool *pool = ledger_pool(roles[i], 1);
		struct db *db = take(pool);

		cr_expect(read_head(db, &err), "%s: %s", roles[i], err.text);
		db_give(db);
		db_pool_free(pool);
	}
}

Test(db_pool, an_idle_session_that_the_server_ended_is_replaced_when_taken)
{
	struct db_pool *pool;
	char name[40];
	PGconn *owner;
	struct db *db;
	struct err err;

	use_own_name(&pool, name, &owner);
	db = take(pool);
	cr_assert(read_head(db, &err), "%s", err.text);
	db_give(db);
	end_named(owner, name);
	db = take(pool);
	cr_expect(read_head(db, &err), "%s", err.text);
	db_give(db);
	db_pool_free(pool);
	PQfinish(owner);
}

Test(db_pool, a_taken_session_outside_a_transaction_is_replaced_at_use)
{
	struct db_pool *pool;
	char name[40];
	PGconn *owner;
	struct db *db;
	struct err err;

	use_own_name(&pool, name, &owner);
	db = take(pool);
	cr_assert(db_set_person(db, SUBJECT, &err), "%s", err.text);
	end_named(owner, name);
	cr_expect(read_head(db, &err), "%s", err.text);
	end_named(owner, name);
	cr_expect(db_begin(db, &err), "%s", err.text);
	cr_expect(db_commit(db, &err), "%s", err.text);
	db_give(db);
	db_pool_free(pool);
	PQfinish(owner);
}

Test(db_pool, inside_a_transaction_the_loss_is_told_until_it_is_rolled_back)
{
	struct db_pool *pool;
	char name[40];
	PGconn *owner;
	struct db *db;
	struct err err;

	use_own_name(&pool, name, &owner);
	db = take(pool);
	cr_assert(db_begin(db, &err));
	cr_assert(event_append(db, "test.lost", SUBJECT, NULL, &err), "%s", err.text);
	end_named(owner, name);
	cr_expect_not(event_append(db, "test.lost", SUBJECT, NULL, &err));
	cr_expect_eq(err.kind, ERR_TEMPORARY, "got %s", err.text);
	cr_expect_not(read_head(db, &err));
	cr_expect_eq(err.kind, ERR_TEMPORARY, "got %s", err.text);
	db_rollback(db);
	cr_expect(read_head(db, &err), "%s", err.text);
	db_give(db);
	db_pool_free(pool);
	PQfinish(owner);
}

Test(db_pool, an_absent_ledger_is_temporary_and_comes_back)
{
	struct db_pool *pool;
	struct db *db;
	struct err err;

	ledger_hide();
	pool = ledger_pool("yq_router", 1);
	cr_expect_not(db_take(pool, &db, &err));
	cr_expect_eq(err.kind, ERR_TEMPORARY, "got %s", err.text);
	ledger_redirect(NULL);
	db = take(pool);
	cr_expect(read_head(db, &err), "%s", err.text);
	db_give(db);
	db_pool_free(pool);
}

Test(db_pool, a_bad_connection_string_never_shows_its_password)
{
	struct db_pool *pool = ledger_pool("yq_router", 1);
	struct db *db;
	struct err err;

	setenv("YQ_LEDGER", "password=secret-word host", 1);
	cr_assert(conf_load(&err));
	cr_expect_not(db_take(pool, &db, &err));
	cr_expect_eq(err.kind, ERR_INVALID);
	cr_expect_null(strstr(err.text, "secret-word"), "got %s", err.text);
	db_pool_free(pool);
}

Test(db_pool, a_session_knows_clock_zone_and_encoding)
{
	struct db_pool *pool;
	char name[40], sql[200];
	PGconn *owner;
	struct db_rows *rows;
	struct db *db;
	struct err err;
	int64_t now_us;

	setenv("YQ_CLOCK_OFFSET", "+3 days", 1);
	cr_assert(clock_init(&err));
	use_own_name(&pool, name, &owner);
	db = take(pool);
	cr_assert(event_append(db, "test.clock", SUBJECT, NULL, &err), "%s", err.text);
	snprintf(sql, sizeof(sql),
	         "SELECT (created_at - now() > interval '71 hours')::text FROM event WHERE kind = 'test.clock'"
	         " ORDER BY event_id DESC LIMIT 1");
	cr_expect_str_eq(ledger_value(owner, sql), "true");
	cr_assert(db_exec(db, STMT_MIGRATION_LIST, DB_NO_PARAMS, &rows, &err), "%s", err.text);
	cr_assert_gt(db_rows_count(rows), 0);
	now_us = db_get_time(rows, 0, "applied_at");
	cr_expect_gt(now_us, 1700000000000000);
	/* RFC 3339 in the zone of the installation. */
	cr_expect(strstr(db_get_text(rows, 0, "applied_at"), "+08:00") != NULL, "got %s",
	          db_get_text(rows, 0, "applied_at"));
	cr_expect_eq(db_get_text(rows, 0, "applied_at")[10], 'T');
	cr_expect_eq(db_column_kind(rows, 3, NULL), DB_TIME);
	db_rows_free(rows);
	db_give(db);
	db_pool_free(pool);
	PQfinish(owner);
}

Test(db_pool, the_next_one_does_not_see_with_the_eyes_of_the_last)
{
	struct db_pool *pool = ledger_pool("yq_gateway", 1);
	struct db *db = take(pool);
	struct err err;

	cr_expect_not(db_set_person(db, "not-an-id", &err));
	cr_expect_eq(err.kind, ERR_INVALID);
	cr_assert(db_set_person(db, SUBJECT, &err), "%s", err.text);
	cr_assert(db_begin(db, &err));
	cr_expect_not(db_set_person(db, SUBJECT, &err));
	cr_expect_eq(err.kind, ERR_REFUSED);
	db_give(db);
	db = take(pool);
	cr_assert(db_begin(db, &err), "the transaction of the last one is still open: %s", err.text);
	db_give(db);
	db_pool_free(pool);
}

struct walk {
	int seen, stop_after;
	struct db *db;
};

static bool count_row(void *context, const struct db_rows *row, struct err *err)
{
	struct walk *walk = context;
	struct err inner;

	cr_expect_eq(db_rows_count(row), 1);
	cr_expect_not(read_head(walk->db, &inner), "a busy session ran a statement");
	cr_expect_eq(inner.kind, ERR_REFUSED);
	if (++walk->seen == walk->stop_after)
		return err_set(err, ERR_CANCELLED, "enough");
	return true;
}

Test(db_pool, streams_row_by_row_and_can_be_stopped)
{
	struct db_pool *pool = ledger_pool("yq_owner", 1);
	struct db *db = take(pool);
	struct walk all = {0, -1, db}, some = {0, 1, db};
	struct err err;

	cr_expect(db_stream(db, STMT_MIGRATION_LIST, DB_NO_PARAMS, count_row, &all, &err), "%s", err.text);
	cr_expect_gt(all.seen, 1);
	cr_expect_not(db_stream(db, STMT_MIGRATION_LIST, DB_NO_PARAMS, count_row, &some, &err));
	cr_expect_eq(err.kind, ERR_CANCELLED);
	cr_expect_str_eq(err.text, "enough");
	cr_expect_eq(some.seen, 1);
	/* The session is good for more. */
	cr_expect(read_head(db, &err), "%s", err.text);
	db_give(db);
	db_pool_free(pool);
}

Test(db_pool, errors_name_the_statement_and_no_value)
{
	struct db_pool *pool = ledger_pool("yq_owner", 1);
	struct db *db = take(pool);
	struct err err;

	cr_expect_not(event_append(db, "test.value", "zhang-san-19500101", NULL, &err));
	cr_expect_eq(err.kind, ERR_INVALID);
	cr_expect_eq(err.source, ERR_SOURCE_SQL);
	cr_expect_eq(err.code, err_sqlstate_pack("22P02"));
	cr_expect(strstr(err.text, "event_append") != NULL, "got %s", err.text);
	cr_expect_null(strstr(err.text, "zhang"), "got %s", err.text);
	cr_expect_not(event_append(db, "no kind at all", SUBJECT, NULL, &err));
	cr_expect_eq(err.kind, ERR_INVALID);
	cr_expect_eq(err.code, err_sqlstate_pack("23514"));
	cr_expect_not(event_append(db, "test.value", SUBJECT, SUBJECT, &err));
	cr_expect_eq(err.kind, ERR_NOT_FOUND);
	db_give(db);
	db_pool_free(pool);
}

Test(db_pool, a_statement_that_takes_too_long_is_temporary)
{
	struct db_pool *pool;
	PGconn *owner = ledger_connect("yq_owner");
	struct db *db;
	struct err err;

	setenv("YQ_LEDGER_TIMEOUT", "300 ms", 1);
	cr_assert(conf_load(&err));
	pool = ledger_pool("yq_owner", 1);
	db = take(pool);
	ledger_run(owner, "BEGIN; LOCK TABLE audit_seal IN ACCESS EXCLUSIVE MODE");
	cr_expect_not(db_exec(db, STMT_AUDIT_SEALED_HEADS_MISSING, DB_NO_PARAMS, NULL, &err));
	cr_expect_eq(err.kind, ERR_TEMPORARY, "got %s", err.text);
	ledger_run(owner, "ROLLBACK");
	cr_expect(db_exec(db, STMT_AUDIT_SEALED_HEADS_MISSING, DB_NO_PARAMS, NULL, &err), "%s", err.text);
	db_give(db);
	db_pool_free(pool);
	PQfinish(owner);
}
