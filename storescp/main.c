/*
 * yq-storescp: every DICOM association that others open to us.
 *
 * Goes on receiving while the ledger is away: devices from the durable snapshot, objects into the journal, audit into its spool. One thread of
 * our own keeps up with the ledger: devices, contacts, audit, presence, and what this host has that nobody else has yet.
 */
#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include <jansson.h>

#include "lib/base/clock.h"
#include "lib/base/conf.h"
#include "lib/base/daemon.h"
#include "lib/base/listen.h"
#include "lib/base/log.h"
#include "lib/domain/presence.h"
#include "lib/store/store.h"
#include "storescp/service.h"
#include "storescp/tls_files.h"
#include "storescp/watch.h"

enum { POOL_MAX = 6, DRAIN_MS = 30 * 1000, INDEX_DRAIN_MS = 10 * 1000 };
/* While somebody waits for what was acknowledged: looks so far apart, and with at least so much rest for each time that a look took. */
enum { AWAITED_MS = 250, REST = 4 };
/* Its socket and the object that it is sending, written and read; beside them ledger, journal, store, log. */
enum { FILES_PER_ASSOCIATION = 3, FILES_BESIDE = 200 };

static struct {
	struct store *store;
	struct db_pool *pool;
	struct db_listener *listener;
	struct presence *presence;
	struct watch *watch;
	struct dicom_scp *scp;
	struct tls_files *tls;
	struct service service;
	pthread_t keeper;
	bool has_keeper;
} app;

/* ---- keeping up with the ledger ------------------------------------------------------------------------------- */

static void note(const struct err *err, const char *what)
{
	if (err->kind != ERR_TEMPORARY)
		log_err(LOG_LEDGER_FAILED, err, "what=%s", what);
}

static void beat(bool *is_there)
{
	json_t *detail = json_pack("{s:i, s:I, s:i, s:I, s:o}", "associations", dicom_scp_associations(app.scp),
	                           "devices", (json_int_t)directory_count(app.service.directory), "port",
	                           (int)dicom_scp_port(app.scp), "audit_spooled_bytes",
	                           (json_int_t)audit_spooled_bytes(app.service.audit), "tls", tls_files_json(app.tls));
	char *text = detail != NULL ? json_dumps(detail, JSON_COMPACT) : NULL;
	struct err err;

	if (text == NULL)
		err_panic("out of memory");
	json_decref(detail);
	*is_there = presence_beat(app.presence, text, &err);
	if (!*is_there)
		note(&err, "presence");
	free(text);
}

/* Returns how long to wait for a word of the ledger. */
static int64_t tell_host(bool is_there)
{
	int64_t began_ms = clock_monotonic_ms(), took_ms, wait_ms = conf_number(CONF_POLL_INTERVAL);

	if (!watch_report(app.watch, is_there, false))
		return wait_ms;
	took_ms = (clock_monotonic_ms() - began_ms) * REST;
	took_ms = took_ms > AWAITED_MS ? took_ms : AWAITED_MS;
	return took_ms < wait_ms ? took_ms : wait_ms;
}

/* Needs no ledger: what cannot go there goes to the spool. */
static void write_rejections(bool everything)
{
	struct rejection_due due;

	while (rejections_take(app.service.rejections, clock_monotonic_ms(), everything, &due))
		rejection_write(app.service.audit, &due);
}

/* False: the ledger is away. */
static bool catch_up(void)
{
	struct err err;
	int count;

	write_rejections(false);

	if (!directory_reload(app.service.directory, &err)) {
		note(&err, "devices");
		return false; /* the others would only wait, too */
	}
	if (!contacts_flush(app.service.contacts, app.pool, conf_text(CONF_TIME_ZONE), &err))
		note(&err, "contacts");
	if (audit_spooled_bytes(app.service.audit) > 0 && !audit_replay(app.service.audit, &count, &err))
		note(&err, "audit");
	return true;
}

static void *keep_up(void *unused)
{
	int64_t next_beat_ms = 0;
	bool is_there = true;

	(void)unused;
	while (!daemon_stopping()) {
		bool was_there = is_there;
		bool has_news = watch_room(app.watch);

		has_news |= tls_files_look(app.tls, app.scp);
		is_there = catch_up();
		/* A ledger that came back is told at once how much waits for it, before that shrinks. */
		if (has_news || (is_there && !was_there) || clock_monotonic_ms() >= next_beat_ms) {
			beat(&is_there);
			next_beat_ms = clock_monotonic_ms() + PRESENCE_BEAT_MS;
		}
		db_wait(app.listener, tell_host(is_there), daemon_stop_fd());
	}
	return NULL;
}

/* ---- start, run, stop ----------------------------------------------------------------------------------------- */

/* An absent ledger is no reason not to receive; a ledger of another version is. */
static bool check_ledger(struct err *err)
{
	struct db *db = NULL;

	if (!db_take(app.pool, &db, err)) {
		if (err->kind != ERR_TEMPORARY)
			return false;
		log_err(LOG_LEDGER_AWAY, err, "what=%s", "start");
	}
	db_give(db);
	return true;
}

static bool open_ledger(struct err *err)
{
	static const char *const channels[] = {"yq_device", "yq_intake"};

	if (!db_pool_new("yq_storescp", "yq-storescp", POOL_MAX, &app.pool, err) || !check_ledger(err))
		return false;
	app.service.pool = app.pool;
	return db_listener_new("yq_storescp", channels, 2, &app.listener, err) &&
	       audit_new("yq-storescp", app.pool, &app.service.audit, err) &&
	       directory_new(app.pool, conf_text(CONF_AE_TITLE), &app.service.directory, err);
}

static bool open_provider(struct err *err)
{
	struct dicom_scp_settings settings = {
	    .address = conf_text(CONF_DICOM_ADDRESS),
	    .port = (uint16_t)conf_number(CONF_DICOM_PORT),
	    .association_max = (int)conf_number(CONF_ASSOCIATION_MAX),
	    .association_timeout_ms = conf_number(CONF_ASSOCIATION_TIMEOUT),
	    .pdu_timeout_ms = conf_number(CONF_PDU_TIMEOUT),
	    .dimse_timeout_ms = conf_number(CONF_DIMSE_TIMEOUT),
	    .idle_timeout_ms = conf_number(CONF_IDLE_TIMEOUT),
	    .message_rate_min = conf_number(CONF_OBJECT_RATE_MIN),
	    .message_grace_ms = conf_number(CONF_OBJECT_GRACE),
	    .accept_unknown_sop_classes = conf_bool(CONF_ACCEPT_UNKNOWN_SOP_CLASSES),
	    .tls_ports = conf_text(CONF_DICOM_TLS_PORTS),
	    .asks_certificate = tls_clients_wanted() != TLS_CLIENTS_OFF,
	    .handlers = service_handlers,
	    .context = &app.service,
	};

	app.service.object_max = conf_number(CONF_OBJECT_MAX);
	app.service.linger_ms = conf_number(CONF_COMMITMENT_LINGER);
	app.service.answer_ms = conf_number(CONF_DIMSE_TIMEOUT);
	app.service.needs_certificate = tls_clients_wanted() == TLS_CLIENTS_REQUIRED;
	text_uuid_new(app.service.worker);
	if (!listen_inherited("dicom", &settings.listening, err) ||
	    !listen_complete(&settings.listening, "DICOM", settings.address, settings.port,
	                     conf_text(CONF_DICOM_MORE_PORTS), err) ||
	    !listen_complete(&settings.listening, "DICOM", settings.address, settings.port,
	                     conf_text(CONF_DICOM_TLS_PORTS), err) ||
	    !dicom_scp_new(&settings, &app.scp, err))
		return false;
	/* Without a certificate that can be used the other ports are served all the same; log and status say so. */
	(void)tls_files_look(app.tls, app.scp);
	return true;
}

static bool start_keeper(struct err *err)
{
	int error;

	app.presence = presence_new(app.pool, "yq-storescp");
	app.watch = watch_new(app.store, app.pool, app.service.audit);
	error = pthread_create(&app.keeper, NULL, keep_up, NULL);
	if (error != 0)
		return err_set_errno(err, ERR_TEMPORARY, error, "could not start a thread");
	app.has_keeper = true;
	return true;
}

static void stop(void)
{
	struct err err;

	if (app.has_keeper)
		pthread_join(app.keeper, NULL);
	write_rejections(true);
	intake_close(app.service.intake, INDEX_DRAIN_MS);
	if (app.service.contacts != NULL && app.pool != NULL &&
	    !contacts_flush(app.service.contacts, app.pool, conf_text(CONF_TIME_ZONE), &err))
		note(&err, "contacts");
	if (app.watch != NULL)
		(void)watch_report(app.watch, true, true);
	watch_free(app.watch);
	presence_end(app.presence);
	dicom_scp_free(app.scp);
	tls_files_free(app.tls);
	directory_free(app.service.directory);
	audit_free(app.service.audit);
	rejections_free(app.service.rejections);
	contacts_free(app.service.contacts);
	db_listener_free(app.listener);
	db_pool_free(app.pool);
	store_close(app.store);
}

/* Too few files are no reason not to receive: associations that find none are kept waiting. */
static void raise_files(void)
{
	uint64_t wanted = (uint64_t)conf_number(CONF_ASSOCIATION_MAX) * FILES_PER_ASSOCIATION + FILES_BESIDE;
	uint64_t limit = daemon_raise_files();

	if (limit < wanted)
		log_warning(LOG_LIMIT_LOW, "what=%s have=%llu want=%llu association_max=%lld", "open_files",
		            (unsigned long long)limit, (unsigned long long)wanted,
		            (long long)conf_number(CONF_ASSOCIATION_MAX));
}

static bool start(struct err *err)
{
	if (!text_is_ae_title(conf_text(CONF_AE_TITLE)))
		return err_set(err, ERR_INVALID, "cannot start: ae_title is no AE title");
	raise_files();
	app.service.contacts = contacts_new();
	app.service.rejections = rejections_new();
	app.tls = tls_files_new();
	/* The port first: a second instance ends here, before it adopts anything. One whose socket was handed over may run beside another. */
	return dicom_init(err) && open_provider(err) && store_open(conf_text(CONF_STORE), &app.store, err) &&
	       open_ledger(err) && intake_open(app.store, app.pool, &app.service.intake, err) && start_keeper(err);
}

static bool run(struct err *err)
{
	return dicom_scp_run(app.scp, daemon_stop_fd(), DRAIN_MS, err);
}

static const struct daemon_spec spec = {"yq-storescp", start, run, stop};

int main(int argc, char **argv)
{
	return daemon_main(&spec, argc, argv);
}
