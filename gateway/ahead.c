#include "gateway/ahead.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "gateway/series_metadata.h"
#include "lib/base/log.h"
#include "lib/base/text.h"

enum { WAITING_MAX = 1000 }; /* a morning's health check; beyond it the newest are left out */

struct ahead {
	struct gateway *gateway;
	pthread_t thread;
	pthread_mutex_t lock;
	pthread_cond_t changed;
	char studies[WAITING_MAX][TEXT_UUID_SIZE]; /* a ring */
	size_t first, count;
	bool is_stopping;
};

/* False: stop. */
static bool take(struct ahead *ahead, char out[TEXT_UUID_SIZE])
{
	bool ok;

	pthread_mutex_lock(&ahead->lock);
	while (ahead->count == 0 && !ahead->is_stopping)
		pthread_cond_wait(&ahead->changed, &ahead->lock);
	ok = !ahead->is_stopping;
	if (ok) {
		text_copy(out, TEXT_UUID_SIZE, ahead->studies[ahead->first]);
		ahead->first = (ahead->first + 1) % WAITING_MAX;
		ahead->count--;
	}
	pthread_mutex_unlock(&ahead->lock);
	return ok;
}

static bool load(struct ahead *ahead, const char *study, struct db_rows **out, struct err *err)
{
	struct db *db;
	bool ok;

	if (!db_take(ahead->gateway->pool, &db, err))
		return false;
	ok = db_exec(db, STMT_DICOMWEB_AHEAD, DB_PARAMS(db_text(study)), out, err);
	db_give(db);
	return ok;
}

static void make_study(struct ahead *ahead, const char *study)
{
	struct db_rows *rows;
	struct err err;
	int first = 0, last;

	if (!load(ahead, study, &rows, &err)) {
		log_err(LOG_LEDGER_FAILED, &err, "what=%s", "metadata ahead");
		return;
	}
	for (; first < db_rows_count(rows); first = last) {
		for (last = first + 1; last < db_rows_count(rows); last++)
			if (strcmp(db_get_text(rows, first, "series"), db_get_text(rows, last, "series")) != 0)
				break;
		series_metadata_make(ahead->gateway->store, rows, first, last);
	}
	db_rows_free(rows);
}

static void *run(void *context)
{
	struct ahead *ahead = context;
	char study[TEXT_UUID_SIZE];

	while (take(ahead, study))
		make_study(ahead, study);
	return NULL;
}

bool ahead_start(struct gateway *gateway, struct ahead **out, struct err *err)
{
	struct ahead *ahead = calloc(1, sizeof *ahead);
	int failed;

	if (!ahead)
		err_panic("out of memory");
	ahead->gateway = gateway;
	pthread_mutex_init(&ahead->lock, NULL);
	pthread_cond_init(&ahead->changed, NULL);
	failed = pthread_create(&ahead->thread, NULL, run, ahead);
	if (failed != 0) {
		free(ahead);
		return err_set_errno(err, ERR_TEMPORARY, failed, "could not start a thread");
	}
	*out = ahead;
	return true;
}

void ahead_stop(struct ahead *ahead)
{
	if (!ahead)
		return;
	pthread_mutex_lock(&ahead->lock);
	ahead->is_stopping = true;
	pthread_cond_signal(&ahead->changed);
	pthread_mutex_unlock(&ahead->lock);
	pthread_join(ahead->thread, NULL);
	pthread_cond_destroy(&ahead->changed);
	pthread_mutex_destroy(&ahead->lock);
	free(ahead);
}

void ahead_tell(struct ahead *ahead, const char *kind, const char *subject)
{
	if (!ahead || (strcmp(kind, "study.complete") != 0 && strcmp(kind, "study.incomplete") != 0))
		return;
	pthread_mutex_lock(&ahead->lock);
	if (ahead->count < WAITING_MAX) {
		text_copy(ahead->studies[(ahead->first + ahead->count) % WAITING_MAX], TEXT_UUID_SIZE, subject);
		ahead->count++;
		pthread_cond_signal(&ahead->changed);
	}
	pthread_mutex_unlock(&ahead->lock);
}
