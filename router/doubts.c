#include <errno.h>
#include <pthread.h>
#include <semaphore.h>
#include <time.h>

#include "lib/base/clock.h"
#include "lib/base/conf.h"
#include "lib/base/daemon.h"
#include "lib/base/log.h"
#include "lib/domain/conflict.h"
#include "lib/intake/redrive.h"
#include "router/router.h"

/* Comparing decodes whole objects, so it has a thread of its own and bounds; what is beyond them waits for a person. */
static const struct conflict_limits limits = {
    .bytes_max = (uint64_t)512 << 20, .time_ms = 30 * 1000, .lease_ms = 5 * 60 * 1000};

enum { SWEEP_EVERY_MS = 10 * 60 * 1000 };

static int64_t sweep(struct router *router)
{
	struct err err;
	int count;

	if (!redrive_sweep(router->pool, router->store, &count, &err) && err.kind != ERR_TEMPORARY)
		log_err(LOG_LEDGER_FAILED, &err, "step=%s", "sweep_quarantine");
	return clock_monotonic_ms() + SWEEP_EVERY_MS;
}

static sem_t ended;

void doubts_prepare(void)
{
	sem_init(&ended, 0, 0);
}

void *doubts_run(void *context)
{
	struct router *router = context;
	int64_t next_sweep_ms = 0;
	bool any;

	do {
		struct err err;

		if (clock_monotonic_ms() >= next_sweep_ms)
			next_sweep_ms = sweep(router);
		any = false;
		if (!conflict_compare_next(router->pool, router->store, &limits, &any, &err) &&
		    err.kind != ERR_TEMPORARY)
			log_err(LOG_LEDGER_FAILED, &err, "step=%s", "compare_conflict");
	} while (!daemon_stopping() && (any || daemon_sleep(conf_number(CONF_POLL_INTERVAL))));
	sem_post(&ended);
	return NULL;
}

bool doubts_join(pthread_t thread, int64_t wait_ms)
{
	int64_t until_ms = clock_monotonic_ms() + wait_ms;
	struct timespec until = {until_ms / 1000, until_ms % 1000 * 1000000};

	/* Waited for apart from the join, whose form with a deadline the race detector of Debian 12 does not know. */
	while (sem_clockwait(&ended, CLOCK_MONOTONIC, &until) != 0)
		if (errno != EINTR)
			return false;
	return pthread_join(thread, NULL) == 0;
}
