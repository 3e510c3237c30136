#include <time.h>

#include "lib/base/conf.h"
#include "lib/base/daemon.h"
#include "lib/base/log.h"
#include "lib/domain/conflict.h"
#include "router/router.h"

/* Comparing decodes whole objects, so it has a thread of its own and bounds; what is beyond them waits for a person. */
static const struct conflict_limits limits = {
    .bytes_max = (uint64_t)512 << 20, .time_ms = 30 * 1000, .lease_ms = 5 * 60 * 1000};

void *doubts_run(void *context)
{
	struct router *router = context;
	bool any;

	do {
		struct err err;

		any = false;
		if (!conflict_compare_next(router->pool, router->store, &limits, &any, &err) &&
		    err.kind != ERR_TEMPORARY)
			log_err(LOG_LEDGER_FAILED, &err, "step=%s", "compare_conflict");
	} while (!daemon_stopping() && (any || daemon_sleep(conf_number(CONF_POLL_INTERVAL))));
	return NULL;
}

bool doubts_join(pthread_t thread, int64_t wait_ms)
{
	struct timespec until;

	clock_gettime(CLOCK_REALTIME, &until);
	until.tv_sec += wait_ms / 1000;
	return pthread_timedjoin_np(thread, NULL, &until) == 0;
}
