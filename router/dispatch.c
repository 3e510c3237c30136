#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "lib/base/clock.h"
#include "lib/base/conf.h"
#include "lib/base/daemon.h"
#include "lib/base/log.h"
#include "lib/base/text.h"
#include "lib/domain/delivery.h"
#include "lib/domain/delivery_lane.h"
#include "lib/domain/presence.h"
#include "router/lane.h"
#include "router/router.h"

enum { WORKERS_MAX = 2000, STACK_BYTES = 1024 * 1024, DEBT_STEP_MS = 1000 };

/* A thread that sends to one destination until nothing is due there any more. */
struct worker {
	struct dispatch *dispatch;
	struct worker *next;
	struct lane *lane;
	char destination_id[TEXT_UUID_SIZE];
	char job_id[TEXT_UUID_SIZE]; /* under way, or empty */
};

struct dispatch {
	struct router *router;
	struct lanes *lanes;
	pthread_mutex_t lock;
	pthread_cond_t ended;
	struct worker *workers;
	int count;
};

struct dispatch *dispatch_new(struct router *router)
{
	struct dispatch *dispatch = calloc(1, sizeof(*dispatch));
	pthread_condattr_t attributes;

	if (!dispatch)
		err_panic("out of memory");
	dispatch->router = router;
	dispatch->lanes = lanes_new(router->pool);
	pthread_mutex_init(&dispatch->lock, NULL);
	pthread_condattr_init(&attributes);
	pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
	pthread_cond_init(&dispatch->ended, &attributes);
	pthread_condattr_destroy(&attributes);
	return dispatch;
}

/* ---- one worker --------------------------------------------------------------------------------------------------------------- */

static void set_job(struct worker *worker, const char *job_id)
{
	pthread_mutex_lock(&worker->dispatch->lock);
	text_copy(worker->job_id, sizeof(worker->job_id), job_id);
	pthread_mutex_unlock(&worker->dispatch->lock);
}

/* While the rate of the destination is used up only emergencies go there. */
static bool claim(struct worker *worker, int64_t debt_ms, struct delivery_job **job)
{
	struct router *router = worker->dispatch->router;
	struct err err;

	if (delivery_claim(router->pool, worker->destination_id, presence_id(router->presence), router->lease_ms,
	                   debt_ms > 0 ? 0 : DELIVERY_RANKS - 1, job, &err))
		return true;
	log_err(LOG_LEDGER_FAILED, &err, "step=claim_delivery destination=%s", worker->destination_id);
	return false;
}

static bool work_once(struct worker *worker)
{
	int64_t debt_ms = lane_debt_ms(worker->lane);
	struct delivery_job *job;

	if (!claim(worker, debt_ms, &job))
		return false;
	if (!job)
		return debt_ms > 0 && daemon_sleep(debt_ms < DEBT_STEP_MS ? debt_ms : DEBT_STEP_MS);
	set_job(worker, job->id);
	send_job(worker->dispatch->router, job, worker->lane);
	set_job(worker, "");
	delivery_job_free(job);
	return true;
}

static void leave(struct worker *worker)
{
	struct dispatch *dispatch = worker->dispatch;
	struct worker **link;

	pthread_mutex_lock(&dispatch->lock);
	for (link = &dispatch->workers; *link != worker; link = &(*link)->next)
		;
	*link = worker->next;
	dispatch->count--;
	pthread_cond_signal(&dispatch->ended);
	pthread_mutex_unlock(&dispatch->lock);
	free(worker);
}

static void *run_worker(void *context)
{
	struct worker *worker = context;

	while (!daemon_stopping() && work_once(worker))
		;
	leave(worker);
	return NULL;
}

/* ---- who works ------------------------------------------------------------------------------------------------------------------ */

/* Workers that are about to claim: the ledger has not counted them yet. */
static int count_idle(const struct dispatch *dispatch, const char *destination_id)
{
	const struct worker *worker;
	int count = 0;

	for (worker = dispatch->workers; worker; worker = worker->next)
		count += !worker->job_id[0] && strcmp(worker->destination_id, destination_id) == 0;
	return count;
}

static bool start_worker(struct dispatch *dispatch, const char *destination_id)
{
	struct worker *worker = calloc(1, sizeof(*worker));
	pthread_attr_t attributes;
	pthread_t thread;
	int failed;

	if (!worker)
		err_panic("out of memory");
	worker->dispatch = dispatch;
	text_copy(worker->destination_id, sizeof(worker->destination_id), destination_id);
	worker->lane = lanes_get(dispatch->lanes, destination_id);
	pthread_attr_init(&attributes);
	pthread_attr_setdetachstate(&attributes, PTHREAD_CREATE_DETACHED);
	pthread_attr_setstacksize(&attributes, STACK_BYTES);
	failed = pthread_create(&thread, &attributes, run_worker, worker);
	pthread_attr_destroy(&attributes);
	if (failed) {
		free(worker);
		return false;
	}
	worker->next = dispatch->workers;
	dispatch->workers = worker;
	dispatch->count++;
	return true;
}

/* The lock is held, so that a worker that ends at once still finds itself in the list. */
static void staff_destination(void *context, const char *destination_id, int due)
{
	struct dispatch *dispatch = context;
	int wanted = due - count_idle(dispatch, destination_id);

	for (; wanted > 0 && dispatch->count < WORKERS_MAX; wanted--)
		if (!start_worker(dispatch, destination_id))
			break;
}

static void staff_locked(void *context, const char *destination_id, int due)
{
	struct dispatch *dispatch = context;

	pthread_mutex_lock(&dispatch->lock);
	staff_destination(dispatch, destination_id, due);
	pthread_mutex_unlock(&dispatch->lock);
}

bool dispatch_scan(struct dispatch *dispatch, struct err *err)
{
	return daemon_stopping() || delivery_destinations_due(dispatch->router->pool, staff_locked, dispatch, err);
}

bool dispatch_keep(struct dispatch *dispatch, struct err *err)
{
	char(*ids)[TEXT_UUID_SIZE];
	const char **list;
	const struct worker *worker;
	size_t count = 0;
	bool ok;

	pthread_mutex_lock(&dispatch->lock);
	ids = calloc((size_t)dispatch->count + 1, sizeof(*ids));
	list = calloc((size_t)dispatch->count + 1, sizeof(*list));
	if (!ids || !list)
		err_panic("out of memory");
	for (worker = dispatch->workers; worker; worker = worker->next) {
		if (!worker->job_id[0])
			continue;
		text_copy(ids[count], sizeof(ids[count]), worker->job_id);
		list[count] = ids[count];
		count++;
	}
	pthread_mutex_unlock(&dispatch->lock);
	ok = delivery_keep(dispatch->router->pool, presence_id(dispatch->router->presence), list, count,
	                   dispatch->router->lease_ms, err);
	free(list);
	free(ids);
	return ok;
}

int dispatch_running(struct dispatch *dispatch)
{
	int count;

	pthread_mutex_lock(&dispatch->lock);
	count = dispatch->count;
	pthread_mutex_unlock(&dispatch->lock);
	return count;
}

bool dispatch_stop(struct dispatch *dispatch, int64_t wait_ms)
{
	int64_t until_ms = clock_monotonic_ms() + wait_ms;
	struct timespec until;
	bool all_ended;
	int status = 0;

	until.tv_sec = until_ms / 1000;
	until.tv_nsec = until_ms % 1000 * 1000000;
	pthread_mutex_lock(&dispatch->lock);
	while (dispatch->count > 0 && status == 0)
		status = pthread_cond_timedwait(&dispatch->ended, &dispatch->lock, &until);
	all_ended = dispatch->count == 0;
	pthread_mutex_unlock(&dispatch->lock);
	if (!all_ended)
		return false;
	pthread_cond_destroy(&dispatch->ended);
	pthread_mutex_destroy(&dispatch->lock);
	lanes_free(dispatch->lanes);
	free(dispatch);
	return true;
}
