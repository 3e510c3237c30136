/* Who waits for an answer may go: what only reads ends, what writes does not, and the session serves the next one. */
#include <criterion/criterion.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>

#include "lib/domain/event.h"
#include "tests/db/ledger.h"

#define SUBJECT "00000000-0000-4000-8000-000000000001"

TestSuite(db_watch, .init = ledger_setup, .timeout = 60);

static bool is_wanted(void *is_gone)
{
	return !atomic_load((atomic_bool *)is_gone);
}

static struct db *take(struct db_pool *pool, atomic_bool *is_gone)
{
	struct db *db;
	struct err err;

	cr_assert(db_take_watched(pool, (struct db_watch){is_wanted, is_gone}, &db, &err), "%s", err.text);
	return db;
}

struct question {
	struct db *db;
	bool writes, streams, ok;
	struct err err;
	pthread_t thread;
};

static bool take_row(void *context, const struct db_rows *row, struct err *err)
{
	(void)context;
	(void)row;
	(void)err;
	return true;
}

static void *ask(void *context)
{
	struct question *question = context;
	bool held;

	if (question->writes)
		question->ok = event_append(question->db, "test.watch", SUBJECT, NULL, &question->err);
	else if (question->streams)
		question->ok =
		    db_stream(question->db, STMT_EVENT_HELD_BACK, DB_NO_PARAMS, take_row, NULL, &question->err);
	else
		question->ok = event_is_held_back(question->db, &held, &question->err);
	return NULL;
}

static void start(struct question *question)
{
	cr_assert_eq(pthread_create(&question->thread, NULL, ask, question), 0);
}

struct world {
	char name[40];
	struct db_pool *pool;
	PGconn *owner;
	PGconn *onlooker; /* inside of its transaction the owner would see what it saw first */
};

/* The events are locked from here on, so that who reads or writes them waits. */
static void open_world(struct world *world)
{
	struct err err;

	ledger_name(world->name);
	cr_assert(db_pool_new("yq_router", world->name, 2, &world->pool, &err));
	world->owner = ledger_connect("yq_owner");
	world->onlooker = ledger_connect("yq_owner");
	ledger_run(world->owner, "BEGIN");
	ledger_run(world->owner, "LOCK TABLE event IN ACCESS EXCLUSIVE MODE");
}

static void close_world(struct world *world)
{
	db_pool_free(world->pool);
	PQfinish(world->onlooker);
	PQfinish(world->owner);
}

static void await_waiting(struct world *world, int count)
{
	char sql[200];

	snprintf(sql, sizeof(sql),
	         "SELECT count(*) = %d FROM pg_locks WHERE relation = 'event'::regclass AND NOT granted", count);
	ledger_await(world->onlooker, sql);
}

static void find_backends(struct world *world, char out[64])
{
	char sql[300];

	snprintf(sql, sizeof(sql),
	         "SELECT string_agg(pid::text, ' ' ORDER BY pid) FROM pg_stat_activity WHERE application_name = '%s'",
	         world->name);
	snprintf(out, 64, "%s", ledger_value(world->onlooker, sql));
}

Test(db_watch, a_reading_statement_that_nobody_wants_ends_and_its_session_serves_the_next)
{
	atomic_bool is_gone;
	struct world world;
	char before[64], after[64];
	int i;

	open_world(&world);
	for (i = 0; i < 2; i++) {
		struct question question = {.streams = i == 1};

		atomic_store(&is_gone, false);
		question.db = take(world.pool, &is_gone);
		start(&question);
		await_waiting(&world, 1);
		find_backends(&world, before);
		atomic_store(&is_gone, true);
		pthread_join(question.thread, NULL);
		cr_expect_not(question.ok);
		cr_expect_eq(question.err.kind, ERR_CANCELLED, "got %s", question.err.text);
		await_waiting(&world, 0);
		db_give(question.db);
	}

	ledger_run(world.owner, "COMMIT");
	atomic_store(&is_gone, false);
	struct question again = {.db = take(world.pool, &is_gone)};
	ask(&again);
	cr_expect(again.ok, "%s", again.err.text);
	find_backends(&world, after);
	cr_expect_str_eq(after, before, "the session was replaced");
	db_give(again.db);
	close_world(&world);
}

Test(db_watch, a_writing_statement_and_a_transaction_go_on_to_their_end)
{
	atomic_bool is_gone = false, stays = false;
	struct world world;
	struct err err;

	open_world(&world);
	struct question writing = {.db = take(world.pool, &is_gone), .writes = true};
	struct question reading = {.db = take(world.pool, &stays)};
	cr_assert(db_begin(reading.db, &err), "%s", err.text);
	start(&writing);
	start(&reading);
	await_waiting(&world, 2);
	atomic_store(&is_gone, true);
	atomic_store(&stays, true);

	/* One more that began later and may be ended tells when both have had their chance. */
	struct db_pool *other = ledger_pool("yq_router", 1);
	atomic_bool third_is_gone = false;
	struct question third = {.db = take(other, &third_is_gone)};
	atomic_store(&third_is_gone, true);
	ask(&third);
	cr_expect_eq(third.err.kind, ERR_CANCELLED, "got %s", third.err.text);
	db_give(third.db);
	db_pool_free(other);

	ledger_run(world.owner, "COMMIT");
	pthread_join(writing.thread, NULL);
	pthread_join(reading.thread, NULL);
	cr_expect(writing.ok, "%s", writing.err.text);
	cr_expect(reading.ok, "%s", reading.err.text);
	db_give(writing.db);
	db_give(reading.db);
	close_world(&world);
}

struct wish {
	struct db_pool *pool;
	atomic_bool is_gone;
	struct db *db;
	struct err err;
	bool ok;
};

static void *wish_for(void *context)
{
	struct wish *wish = context;

	wish->ok = db_take_watched(wish->pool, (struct db_watch){is_wanted, &wish->is_gone}, &wish->db, &wish->err);
	return NULL;
}

Test(db_watch, nobody_waits_for_a_session_of_a_busy_pool_in_vain)
{
	struct wish left = {.is_gone = true}, staying = {.is_gone = false};
	struct db *first, *second;
	pthread_t threads[2];
	struct err err;

	left.pool = staying.pool = ledger_pool("yq_router", 1);
	wish_for(&left);
	cr_expect(!left.ok && left.err.kind == ERR_CANCELLED, "it was begun: %s", left.err.text);

	cr_assert(db_take(left.pool, &first, &err), "%s", err.text);
	atomic_store(&left.is_gone, false);
	cr_assert_eq(pthread_create(&threads[0], NULL, wish_for, &left), 0);
	cr_assert_eq(pthread_create(&threads[1], NULL, wish_for, &staying), 0);
	atomic_store(&left.is_gone, true);
	pthread_join(threads[0], NULL);
	cr_expect(!left.ok && left.err.kind == ERR_CANCELLED, "got %s", left.err.text);
	db_give(first);
	pthread_join(threads[1], NULL);
	cr_expect(staying.ok, "%s", staying.err.text);
	db_give(staying.db);
	cr_assert(db_take(left.pool, &second, &err), "%s", err.text);
	db_give(second);
	db_pool_free(left.pool);
}
