#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "lib/base/clock.h"
#include "lib/base/conf.h"
#include "lib/db/internal.h"

struct db_pool {
	char role[64], application[64];
	pthread_mutex_t lock;
	pthread_cond_t given_back;
	int max;
	struct db sessions[]; /* max of them */
};

bool db_pool_new(const char *role, const char *application, int max, struct db_pool **out, struct err *err)
{
	pthread_condattr_t attributes;
	struct db_pool *pool;
	int i;

	if (max < 1 || max > 1000)
		return err_set(err, ERR_INVALID, "cannot have %d connections to the ledger", max);
	pool = calloc(1, sizeof(*pool) + (size_t)max * sizeof(struct db));
	if (!pool)
		err_panic("out of memory");
	text_copy(pool->role, sizeof(pool->role), role);
	text_copy(pool->application, sizeof(pool->application), application);
	pool->max = max;
	for (i = 0; i < max; i++)
		pool->sessions[i] = (struct db){.pool = pool, .role = pool->role, .application = pool->application};
	pthread_mutex_init(&pool->lock, NULL);
	pthread_condattr_init(&attributes);
	pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
	pthread_cond_init(&pool->given_back, &attributes);
	pthread_condattr_destroy(&attributes);
	*out = pool;
	return true;
}

void db_pool_free(struct db_pool *pool)
{
	int i;

	if (!pool)
		return;
	for (i = 0; i < pool->max; i++) {
		if (pool->sessions[i].is_taken)
			err_panic("a session is still taken while its pool is freed");
		db_session_close(&pool->sessions[i]);
	}
	pthread_cond_destroy(&pool->given_back);
	pthread_mutex_destroy(&pool->lock);
	free(pool);
}

/* A connected one before one that has yet to connect. With the lock held. */
static struct db *find_free(struct db_pool *pool)
{
	struct db *found = NULL;
	int i;

	for (i = 0; i < pool->max; i++) {
		struct db *db = &pool->sessions[i];

		if (db->is_taken)
			continue;
		if (db->connection && !db->is_lost)
			return db;
		if (!found)
			found = db;
	}
	return found;
}

static struct timespec deadline_in(int64_t timeout_ms)
{
	int64_t until_ms = clock_monotonic_ms() + timeout_ms;

	return (struct timespec){.tv_sec = until_ms / 1000, .tv_nsec = until_ms % 1000 * 1000000};
}

static bool busy(const struct db_pool *pool, struct err *err)
{
	return err_set(err, ERR_TEMPORARY, "could not reach the ledger: all %d connections are busy", pool->max);
}

/* Waits until one may be free, or it is time to look at the watch. With the lock held. */
static bool wait_given_back(struct db_pool *pool, const struct db_watch *watch, int64_t until_ms, struct err *err)
{
	int64_t left_ms = until_ms - clock_monotonic_ms();

	if (left_ms <= 0)
		return busy(pool, err);
	if (watch->is_wanted && left_ms > DB_LOOK_EVERY_MS)
		left_ms = DB_LOOK_EVERY_MS;
	struct timespec until = deadline_in(left_ms);
	pthread_cond_timedwait(&pool->given_back, &pool->lock, &until);
	return true;
}

static bool wait_free(struct db_pool *pool, const struct db_watch *watch, struct db **out, struct err *err)
{
	int64_t until_ms = clock_monotonic_ms() + conf_number(CONF_LEDGER_TIMEOUT);
	struct db *db = NULL;
	bool ok;

	pthread_mutex_lock(&pool->lock);
	do
		ok = db_watch_ask(watch, err);
	while (ok && !(db = find_free(pool)) && (ok = wait_given_back(pool, watch, until_ms, err)));
	if (db) {
		db->is_taken = true;
		db->watch = *watch;
	} else if (!ok) {
		/* The wake-up that may have come to us is for whoever waits still. */
		pthread_cond_signal(&pool->given_back);
	}
	pthread_mutex_unlock(&pool->lock);
	*out = db;
	return ok;
}

static void put_back(struct db *db)
{
	struct db_pool *pool = db->pool;

	pthread_mutex_lock(&pool->lock);
	db->is_taken = false;
	db->watch = (struct db_watch){0};
	pthread_cond_signal(&pool->given_back);
	pthread_mutex_unlock(&pool->lock);
}

bool db_take(struct db_pool *pool, struct db **out, struct err *err)
{
	return db_take_watched(pool, (struct db_watch){0}, out, err);
}

bool db_take_watched(struct db_pool *pool, struct db_watch watch, struct db **out, struct err *err)
{
	struct db *db;

	if (!wait_free(pool, &watch, &db, err))
		return false;
	if (!db_session_ready(db, err)) {
		put_back(db);
		return false;
	}
	*out = db;
	return true;
}

void db_give(struct db *db)
{
	struct err ignored;

	if (!db)
		return;
	db_rollback(db);
	/* A session that cannot forget whose eyes it has must not see anybody else. */
	if (db->person[0] && !db->is_lost && !db_set_person(db, NULL, &ignored))
		db->is_lost = true;
	db->person[0] = '\0';
	put_back(db);
}

bool db_set_person(struct db *db, const char *person_public_id, struct err *err)
{
	if (person_public_id && !text_is_uuid(person_public_id))
		return err_set(err, ERR_INVALID, "cannot look with the eyes of a person without public id");
	/* A rollback would bring the person before back, unseen. */
	if (db->in_transaction)
		return err_set(err, ERR_REFUSED, "cannot change the person inside a transaction");
	if (!db_session_ready(db, err))
		return false;
	if (!db_exec(db, STMT_DB_SESSION_PERSON, DB_PARAMS(db_text(person_public_id ? person_public_id : "")), NULL,
	             err)) {
		db->is_lost = true;
		return false;
	}
	text_copy(db->person, sizeof(db->person), person_public_id ? person_public_id : "");
	return true;
}
