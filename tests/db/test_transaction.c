#include <criterion/criterion.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>

#include "lib/domain/audit.h"
#include "lib/domain/event.h"
#include "tests/db/ledger.h"

#define SUBJECT "00000000-0000-4000-8000-000000000001"

TestSuite(db_transaction, .init = ledger_setup, .timeout = 60);

static const char *count_events(PGconn *owner, const char *kind)
{
	char sql[200];

	snprintf(sql, sizeof(sql), "SELECT count(*) FROM event WHERE kind = 'test.%s'", kind);
	return ledger_value(owner, sql);
}

struct one {
	char kind[60];
	int runs;
	bool fails, breaks, ignores;
};

static bool write_one(struct db *db, void *context, struct err *err)
{
	struct one *one = context;
	struct err ignored;

	one->runs++;
	if (!event_append(db, one->kind, SUBJECT, NULL, err))
		return false;
	if (one->fails)
		return err_set(err, ERR_REFUSED, "no");
	/* A failed statement whose error the caller overlooks. */
	if (one->ignores)
		(void)!event_append(db, one->kind, "no id", NULL, &ignored);
	return true;
}

Test(db_transaction, commits_all_or_nothing)
{
	static const struct {
		bool fails, ignores;
		bool want;
		const char *count;
	} cases[] = {{false, false, true, "1"}, {true, false, false, "0"}, {false, true, false, "0"}};
	struct db_pool *pool = ledger_pool("yq_router", 1);
	PGconn *owner = ledger_connect("yq_owner");
	struct err err;
	char name[40];
	size_t i;

	for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct one one = {.fails = cases[i].fails, .ignores = cases[i].ignores};

		ledger_name(name);
		snprintf(one.kind, sizeof(one.kind), "test.%s", name);
		cr_expect_eq(db_transact(pool, NULL, write_one, &one, &err), cases[i].want, "case %zu", i);
		cr_expect_eq(one.runs, 1, "case %zu: %d runs", i, one.runs);
		cr_expect_str_eq(count_events(owner, name), cases[i].count, "case %zu", i);
		if (!cases[i].want)
			cr_expect_eq(err.kind, ERR_REFUSED, "case %zu: %s", i, err.text);
	}
	db_pool_free(pool);
	PQfinish(owner);
}

Test(db_transaction, begin_and_commit_want_their_order)
{
	struct db_pool *pool = ledger_pool("yq_router", 1);
	struct db *db;
	struct err err;

	cr_assert(db_take(pool, &db, &err), "%s", err.text);
	cr_expect_not(db_commit(db, &err));
	cr_expect_eq(err.kind, ERR_REFUSED);
	db_rollback(db);
	cr_expect(db_begin(db, &err));
	cr_expect_not(db_begin(db, &err));
	cr_expect_eq(err.kind, ERR_REFUSED);
	cr_expect(db_commit(db, &err), "%s", err.text);
	db_give(db);
	db_pool_free(pool);
}

/* Two writers' chains locked in opposite order: one of the two is the victim of the deadlock. */
struct knot {
	struct db_pool *pool;
	const char *first, *second;
	pthread_barrier_t *both_hold_one;
	int runs;
	bool ok;
	struct err err;
};

static bool tie(struct db *db, void *context, struct err *err)
{
	static const struct audit_fact fact = {
	    .action = "test.knot", .actor_kind = "program", .actor = "t", .outcome = "success"};
	struct knot *knot = context;

	if (!audit_append(db, knot->first, &fact, err))
		return false;
	if (knot->runs++ == 0)
		pthread_barrier_wait(knot->both_hold_one);
	return audit_append(db, knot->second, &fact, err);
}

static void *run_knot(void *context)
{
	struct knot *knot = context;

	knot->ok = db_transact(knot->pool, NULL, tie, knot, &knot->err);
	return NULL;
}

Test(db_transaction, the_victim_of_a_deadlock_runs_again)
{
	struct db_pool *pool = ledger_pool("yq_router", 2);
	PGconn *owner = ledger_connect("yq_owner");
	char a[40], b[40], sql[200];
	pthread_barrier_t barrier;
	pthread_t threads[2];
	struct knot knots[2];
	int i;

	ledger_name(a);
	ledger_name(b);
	pthread_barrier_init(&barrier, NULL, 2);
	knots[0] = (struct knot){.pool = pool, .first = a, .second = b, .both_hold_one = &barrier};
	knots[1] = (struct knot){.pool = pool, .first = b, .second = a, .both_hold_one = &barrier};
	for (i = 0; i < 2; i++)
		pthread_create(&threads[i], NULL, run_knot, &knots[i]);
	for (i = 0; i < 2; i++) {
		pthread_join(threads[i], NULL);
		cr_expect(knots[i].ok, "%s", knots[i].err.text);
	}
	cr_expect_gt(knots[0].runs + knots[1].runs, 2);
	snprintf(sql, sizeof(sql), "SELECT count(*) FROM audit WHERE writer IN ('%s', '%s')", a, b);
	cr_expect_str_eq(ledger_value(owner, sql), "4");
	db_pool_free(pool);
	PQfinish(owner);
}

/* --- a COMMIT whose answer never came ------------------------------------------------------------------------------------ */

struct committer {
	struct db *db;
	bool ok;
	struct err err;
};

static void *commit(void *context)
{
	struct committer *committer = context;

	committer->ok = db_commit(committer->db, &committer->err);
	return NULL;
}

/* COMMIT runs into a deferred trigger that waits for a lock which the test holds. */
static void make_slow_commit(PGconn *owner, const char *name)
{
	char sql[600];

	snprintf(sql, sizeof(sql),
	         "CREATE FUNCTION %s() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN"
	         " PERFORM pg_advisory_xact_lock(hashtext('%s')); RETURN NULL; END $$;"
	         "CREATE CONSTRAINT TRIGGER %s AFTER INSERT ON event DEFERRABLE INITIALLY DEFERRED FOR EACH ROW"
	         " WHEN (NEW.kind = 'test.%s') EXECUTE FUNCTION %s();"
	         "SELECT pg_advisory_lock(hashtext('%s'))",
	         name, name, name, name, name, name);
	ledger_run(owner, sql);
}

static void drop_slow_commit(PGconn *owner, const char *name)
{
	char sql[300];

	snprintf(sql, sizeof(sql), "SELECT pg_advisory_unlock_all(); DROP TRIGGER %s ON event; DROP FUNCTION %s()",
	         name, name);
	ledger_run(owner, sql);
}

Test(db_transaction, a_lost_commit_is_neither_success_nor_failure)
{
	PGconn *owner = ledger_connect("yq_owner");
	struct committer committer;
	struct db_pool *pool;
	char name[40], kind[60], sql[300];
	pthread_t thread;
	struct err err;

	ledger_name(name);
	snprintf(kind, sizeof(kind), "test.%s", name);
	make_slow_commit(owner, name);
	cr_assert(db_pool_new("yq_owner", name, 1, &pool, &err));
	cr_assert(db_take(pool, &committer.db, &err), "%s", err.text);
	cr_assert(db_begin(committer.db, &err));
	cr_assert(event_append(committer.db, kind, SUBJECT, NULL, &err), "%s", err.text);
	pthread_create(&thread, NULL, commit, &committer);
	snprintf(
	    sql, sizeof(sql),
	    "SELECT EXISTS (SELECT FROM pg_stat_activity WHERE application_name = '%s' AND wait_event_type = 'Lock')",
	    name);
	ledger_await(owner, sql);
	snprintf(sql, sizeof(sql),
	         "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = '%s'", name);
	ledger_run(owner, sql);
	pthread_join(thread, NULL);
	cr_expect_not(committer.ok);
	cr_expect_eq(committer.err.kind, ERR_UNKNOWN_OUTCOME, "got %s", committer.err.text);
	/* The session is replaced, not stuck. */
	cr_expect(db_begin(committer.db, &err), "%s", err.text);
	db_give(committer.db);
	db_pool_free(pool);
	drop_slow_commit(owner, name);
	PQfinish(owner);
}

static void *append_alone(void *context)
{
	struct committer *committer = context;
	struct audit_fact fact = {.action = "test.alone", .actor_kind = "program", .actor = "t", .outcome = "success"};

	committer->ok = audit_append(committer->db, "t_alone", &fact, &committer->err);
	return NULL;
}

Test(db_transaction, a_changing_statement_alone_may_have_happened_too)
{
	PGconn *owner = ledger_connect("yq_owner");
	struct committer committer;
	struct db_pool *pool;
	char name[40], sql[300];
	pthread_t thread;
	struct err err;

	ledger_name(name);
	cr_assert(db_pool_new("yq_owner", name, 1, &pool, &err));
	cr_assert(db_take(pool, &committer.db, &err), "%s", err.text);
	ledger_run(owner, "SELECT pg_advisory_lock(hashtextextended('audit:t_alone', 0))");
	pthread_create(&thread, NULL, append_alone, &committer);
	snprintf(
	    sql, sizeof(sql),
	    "SELECT EXISTS (SELECT FROM pg_stat_activity WHERE application_name = '%s' AND wait_event_type = 'Lock')",
	    name);
	ledger_await(owner, sql);
	snprintf(sql, sizeof(sql),
	         "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = '%s'", name);
	ledger_run(owner, sql);
	pthread_join(thread, NULL);
	cr_expect_not(committer.ok);
	cr_expect_eq(committer.err.kind, ERR_UNKNOWN_OUTCOME, "got %s", committer.err.text);
	ledger_run(owner, "SELECT pg_advisory_unlock_all()");
	db_give(committer.db);
	db_pool_free(pool);
	PQfinish(owner);
}
