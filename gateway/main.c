/* yq-gateway: JSON API, pictures, events, metrics over HTTP. */
#include <string.h>

#include "gateway/accel.h"
#include "gateway/ahead.h"
#include "gateway/feed.h"
#include "gateway/gate.h"
#include "gateway/own_objects.h"
#include "gateway/routes.h"
#include "gateway/viewer_files.h"
#include "gateway/web_files.h"
#include "lib/base/clock.h"
#include "lib/base/conf.h"
#include "lib/base/daemon.h"
#include "lib/base/log.h"
#include "lib/dicom/dicom.h"
#include "lib/domain/presence.h"

enum {
	INTAKE_CONNECTIONS = 2,
	DRAIN_MS = 5000,
	SETTLE_EVERY_MS = 30 * 1000,
	OTHER_CONNECTIONS = 3,
	SEARCHES_MAX = 4,
	NOT_SEARCHING = 2
};

static struct gateway gateway;
static struct db_pool *intake_pool;
static struct presence *presence;

/* An absent ledger is waited for, with answers of 503; one of another version is no ledger to work with. */
static bool check_ledger(struct err *err)
{
	struct db *db = NULL;
	if (!db_take(gateway.pool, &db, err)) {
		if (err->kind != ERR_TEMPORARY)
			return false;
		log_err(LOG_LEDGER_AWAY, err, "what=%s", "start");
	}
	db_give(db);
	return true;
}

static bool open_ledger(struct err *err)
{
	int connections = (int)conf_number(CONF_HTTP_THREADS) + OTHER_CONNECTIONS;
	return db_pool_new("yq_gateway", "yq-gateway", connections, &gateway.pool, err) && check_ledger(err);
}

/*
 * Our own reports and what people store come in by the same door as the images of devices. That part writes for every site, so it works as the receiver does, not with
 * the eyes of a person.
 */
static bool open_intake(struct err *err)
{
	return store_open(conf_text(CONF_STORE), &gateway.store, err) &&
	       db_pool_new("yq_storescp", "yq-gateway intake", INTAKE_CONNECTIONS, &intake_pool, err) &&
	       intake_open(gateway.store, intake_pool, &gateway.intake, err);
}

/* The API works without pages; whoever opens one is told. */
static void open_web(void)
{
	struct err err = {0};
	if (!web_files_open(&gateway.web, &err))
		log_err(LOG_WEB_MISSING, &err, "what=%s", "pages");
	if (!viewer_files_open(&gateway.viewer, &err))
		log_err(LOG_WEB_MISSING, &err, "what=%s", "viewer");
}

/* Of one person: most threads stay with others. */
static int searches_at_once(void)
{
	int half = (int)conf_number(CONF_HTTP_THREADS) / 2;
	return half < 1 ? 1 : half > SEARCHES_MAX ? SEARCHES_MAX : half;
}

/* Of everybody: some threads stay for what is no search, however many people search. */
static int searches_in_all(void)
{
	int rest = (int)conf_number(CONF_HTTP_THREADS) - NOT_SEARCHING;
	return rest < 1 ? 1 : rest;
}

static bool open_server(struct err *err)
{
	struct http_settings settings = {
	    .address = conf_text(CONF_HTTP_ADDRESS),
	    .port = (uint16_t)conf_number(CONF_HTTP_PORT),
	    .threads = (int)conf_number(CONF_HTTP_THREADS),
	    .gate = gate_enter,
	    .done = gate_leave,
	    .lane = gate_lane,
	    .lane_width = searches_at_once(),
	    .lanes_width = searches_in_all(),
	    .context = &gateway,
	};
	settings.routes = routes_all(&settings.route_count);
	return http_server_new(&settings, &gateway.server, err);
}

static bool start(struct err *err)
{
	audit_writer("yq-gateway", gateway.writer);
	if (!accel_check(conf_text(CONF_STORE_ACCEL), err) || !dicom_init(err) || !open_ledger(err) ||
	    !audit_new("yq-gateway", gateway.pool, &gateway.audit, err) || !open_intake(err))
		return false;
	gateway.desk = (struct report_desk){gateway.pool, gateway.store, own_objects_sink(gateway.intake)};
	presence = presence_new(gateway.pool, "yq-gateway");
	open_web();
	return open_server(err) && ahead_start(&gateway, &gateway.ahead, err) &&
	       feed_start(&gateway, &gateway.feed, err);
}

/* What a crash left behind, and the sign of life. The ledger may be away: then the next turn does it. */
static void housekeep(int64_t *settled_ms)
{
	struct err err = {0};
	int count = 0;
	if (!presence_beat(presence, NULL, &err))
		log_err(LOG_LEDGER_FAILED, &err, "what=%s", "presence");
	if (!audit_replay(gateway.audit, &count, &err))
		log_err(LOG_AUDIT_SPOOLED, &err, "spooled_bytes=%lld", (long long)audit_spooled_bytes(gateway.audit));
	int64_t now_ms = clock_monotonic_ms();
	if (*settled_ms != 0 && now_ms - *settled_ms < SETTLE_EVERY_MS)
		return;
	*settled_ms = now_ms;
	if (!report_settle(&gateway.desk, &count, &err))
		log_err(LOG_LEDGER_FAILED, &err, "what=%s", "settling reports");
}

static bool run(struct err *err)
{
	(void)err;
	int64_t settled_ms = 0;
	do
		housekeep(&settled_ms);
	while (daemon_sleep(PRESENCE_BEAT_MS));
	return true;
}

static void stop(void)
{
	if (gateway.server != NULL)
		http_server_stop(gateway.server);
	feed_stop(gateway.feed);
	ahead_stop(gateway.ahead);
	http_server_free(gateway.server);
	web_files_free(gateway.web);
	viewer_files_free(gateway.viewer);
	if (gateway.intake != NULL)
		intake_close(gateway.intake, DRAIN_MS);
	presence_end(presence);
	audit_free(gateway.audit);
	store_close(gateway.store);
	db_pool_free(intake_pool);
	db_pool_free(gateway.pool);
}

int main(int argc, char **argv)
{
	static const struct daemon_spec spec = {"yq-gateway", start, run, stop};
	return daemon_main(&spec, argc, argv);
}
