#include <pthread.h>
#include <stdio.h>

#include "lib/base/clock.h"
#include "lib/base/conf.h"
#include "lib/base/daemon.h"
#include "lib/base/log.h"
#include "lib/db/db.h"
#include "lib/dicom/dicom.h"
#include "lib/domain/presence.h"
#include "lib/domain/study.h"
#include "lib/store/store.h"
#include "router/router.h"

enum {
	POOL_MAX = 16,
	LEASE_MIN_MS = 3000,
	LEASE_POLLS = 3, /* a router that misses so many polls is taken for dead */
	STOP_WAIT_MS = 10000
};

static struct router router;
static struct db_listener *listener;
static pthread_t keeper, doubts;

static void beat(void)
{
	char detail[64];
	struct err err;

	snprintf(detail, sizeof(detail), "{\"sending\": %d}", dispatch_running(router.dispatch));
	if (!presence_beat(router.presence, detail, &err))
		log_write(ERR_LOG_DEBUG, LOG_LEDGER_FAILED, "step=presence text=%s", err.text);
}

/* Signs of life come from a thread of their own, so that nothing slow lets them fall silent. */
static void *keep(void *context)
{
	int64_t next_beat_ms = 0;
	struct err err;

	(void)context;
	do {
		if (clock_monotonic_ms() >= next_beat_ms) {
			beat();
			next_beat_ms = clock_monotonic_ms() + PRESENCE_BEAT_MS;
		}
		if (!dispatch_keep(router.dispatch, &err))
			log_err(LOG_LEDGER_FAILED, &err, "step=%s", "keep_deliveries");
	} while (daemon_sleep(router.lease_ms / 3));
	return NULL;
}

static bool start(struct err *err)
{
	static const char *const channels[] = {"yq_study", "yq_delivery", "yq_commitment"};

	router.lease_ms = LEASE_POLLS * conf_number(CONF_POLL_INTERVAL);
	if (router.lease_ms < LEASE_MIN_MS)
		router.lease_ms = LEASE_MIN_MS;
	if (!study_quiet_check(err) || !dicom_init(err) || !store_open(conf_text(CONF_STORE), &router.store, err) ||
	    !db_pool_new("yq_router", "yq-router", POOL_MAX, &router.pool, err) ||
	    !db_listener_new("yq_router", channels, 3, &listener, err))
		return false;
	router.presence = presence_new(router.pool, "yq-router");
	router.dispatch = dispatch_new(&router);
	router.reporters = reporters_new(&router);
	doubts_prepare();
	if (pthread_create(&keeper, NULL, keep, NULL) != 0 || pthread_create(&doubts, NULL, doubts_run, &router) != 0)
		return err_set(err, ERR_TEMPORARY, "could not start a thread");
	return true;
}

static bool run(struct err *err)
{
	(void)err;
	while (!daemon_stopping())
		db_wait(listener, router_round(&router), daemon_stop_fd());
	return true;
}

static void stop(void)
{
	bool is_reported = reporters_stop(router.reporters, STOP_WAIT_MS), is_sent, is_compared;

	pthread_join(keeper, NULL);
	/* A worker that hangs in its peer, or in a picture, ends with the process; its lease brings the work to the next router. */
	is_sent = dispatch_stop(router.dispatch, STOP_WAIT_MS);
	is_compared = doubts_join(doubts, STOP_WAIT_MS);
	if (!is_reported || !is_sent || !is_compared)
		return;
	presence_end(router.presence);
	db_listener_free(listener);
	db_pool_free(router.pool);
	store_close(router.store);
}

int main(int argc, char **argv)
{
	static const struct daemon_spec spec = {"yq-router", start, run, stop};

	return daemon_main(&spec, argc, argv);
}
