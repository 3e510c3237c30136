/* /metrics: gauges of the ledger, coverage, hosts, room, the receiving journal and this process. No patients. */
#include <string.h>

#include "gateway/caller.h"
#include "gateway/handlers.h"
#include "gateway/metrics.h"
#include "gateway/metrics_deliveries.h"
#include "lib/domain/coverage.h"
#include "lib/domain/host.h"
#include "lib/intake/intake.h"
#include "lib/intake/room.h"

enum { METRICS_MAX = 4 * 1024 * 1024 };

struct gauge {
	const char *name, *help;
};

static const struct gauge ledger_gauges[] = {
    {"reading_tasks", "reading tasks by queue and state"},
    {"reading_tasks_late", "open reading tasks past their due time"},
    {"deliveries", "deliveries by state"},
    {"studies", "studies by state"},
    {"study_signals_open", "signals that the router has not handled yet"},
    {"program_seen_seconds_ago", "age of the last sign of life of a running program"},
};

static const struct gauge destination_gauges[] = {
    {"destination_waiting",
     "deliveries that wait to be sent, by rank: 0 emergency, 1 urgent, 2 routine, 3 health check"},
    {"destination_under_way", "deliveries that are being sent or looked into"},
    {"destination_refused", "deliveries that the peer refused: they wait for a person"},
    {"destination_dead", "deliveries given up at their deadline: they wait for a person"},
    {"destination_oldest_seconds", "age of the oldest delivery that is neither done nor given up"},
    {"destination_failures", "failures in a row of the way there"},
    {"destination_resting", "1: nothing is tried for now after failures"},
    {"destination_held", "1: an operator holds it"},
    {"destination_success_seconds_ago", "since something was delivered there last"},
};

static const struct gauge device_gauges[] = {
    {"devices", "devices that may send"},
    {"devices_silent", "of these: silent against their own usual weekday"},
    {"device_silent", "1: nothing came by the time by which this device usually has sent"},
    {"device_seen_seconds_ago", "since it was heard of last"},
    {"device_clock_offset_seconds", "its clock minus ours, as measured last"},
};

static const struct gauge certificate_gauges[] = {
    {"certificate_ends_seconds", "until the certificate of a device or of a receiver ends; negative: it has"},
};

static const struct gauge completion_gauges[] = {
    {"commitments", "storage commitments by state"},
    {"performed_steps", "performed procedure steps by state"},
};

static bool append_gauge(struct text_buf *out, const struct db_rows *rows, const struct gauge *gauge)
{
	if (!metrics_head(out, gauge->name, gauge->help))
		return false;
	for (int i = 0; i < db_rows_count(rows); i++) {
		if (strcmp(db_get_text(rows, i, "name"), gauge->name) != 0)
			continue;
		json_t *labels = json_loads(db_get_text(rows, i, "labels"), 0, NULL);
		bool ok = metrics_sample(out, gauge->name, labels, (double)db_get_int(rows, i, "value"));
		json_decref(labels);
		if (!ok)
			return false;
	}
	return true;
}

static bool append_gauges(struct text_buf *out, struct db *db, enum db_statement statement, const struct gauge *gauges,
                          size_t count, struct err *err)
{
	struct db_rows *rows = NULL;
	if (!db_exec(db, statement, DB_NO_PARAMS, &rows, err))
		return false;
	bool ok = true;
	for (size_t i = 0; ok && i < count; i++)
		ok = append_gauge(out, rows, &gauges[i]);
	db_rows_free(rows);
	return ok || err_set(err, ERR_NO_SPACE, "the metrics are too long");
}

static bool append_ledger(struct text_buf *out, struct db *db, struct err *err)
{
	return append_gauges(out, db, STMT_GATEWAY_GAUGES, ledger_gauges,
	                     sizeof ledger_gauges / sizeof ledger_gauges[0], err) &&
	       append_gauges(out, db, STMT_GATEWAY_DEVICE_GAUGES, device_gauges,
	                     sizeof device_gauges / sizeof device_gauges[0], err) &&
	       append_gauges(out, db, STMT_GATEWAY_CERTIFICATE_GAUGES, certificate_gauges,
	                     sizeof certificate_gauges / sizeof certificate_gauges[0], err) &&
	       append_gauges(out, db, STMT_DESTINATION_GAUGES, destination_gauges,
	                     sizeof destination_gauges / sizeof destination_gauges[0], err) &&
	       append_gauges(out, db, STMT_GATEWAY_COMPLETION_GAUGES, completion_gauges,
	                     sizeof completion_gauges / sizeof completion_gauges[0], err) &&
	       metrics_deliveries(out, db, err);
}

static const char *const bases[] = {"connected", "served", "regular"};

static bool append_community(struct text_buf *out, const json_t *community, const char *what)
{
	bool ok = true;
	for (size_t i = 0; ok && i < sizeof bases / sizeof bases[0]; i++) {
		const json_t *value = strcmp(what, "coverage_rate") == 0
		                          ? json_object_get(json_object_get(community, "rate"), bases[i])
		                          : json_object_get(community, bases[i]);
		if (!json_is_number(value))
			continue;
		json_t *labels =
		    json_pack("{s:O, s:s}", "community", json_object_get(community, "name"), "basis", bases[i]);
		ok = metrics_sample(out, what, labels, json_number_value(value));
		json_decref(labels);
	}
	return ok;
}

static bool append_site_count(struct text_buf *out, const json_t *community)
{
	json_t *labels = json_pack("{s:O}", "community", json_object_get(community, "name"));
	bool ok =
	    metrics_sample(out, "coverage_sites_all", labels, json_number_value(json_object_get(community, "sites")));
	json_decref(labels);
	return ok;
}

/* The running month, as yqctl coverage and the API give it without a period. */
static bool append_coverage(struct text_buf *out, struct db *db, struct err *err)
{
	struct coverage_query query = {0};
	json_t *coverage = NULL;
	if (!coverage_read(db, &query, &coverage, err))
		return false;
	json_t *community, *communities = json_object_get(coverage, "communities");
	size_t i;
	bool ok = metrics_head(out, "coverage_rate", "coverage of the running month, 0 to 1");
	json_array_foreach(communities, i, community) ok = ok && append_community(out, community, "coverage_rate");
	ok = ok && metrics_head(out, "coverage_sites", "sites covered in the running month");
	json_array_foreach(communities, i, community) ok = ok && append_community(out, community, "coverage_sites");
	ok = ok && metrics_head(out, "coverage_sites_all", "sites that count as township health centres");
	json_array_foreach(communities, i, community) ok = ok && append_site_count(out, community);
	json_decref(coverage);
	return ok || err_set(err, ERR_NO_SPACE, "the metrics are too long");
}

/* ---- room and hosts ------------------------------------------------------------------------------------------------ */

static bool append_area(struct text_buf *out, const char *name, const char *what, uint64_t value)
{
	json_t *labels = json_pack("{s:s}", "of", what);
	bool ok = metrics_sample(out, name, labels, (double)value);
	json_decref(labels);
	return ok;
}

static bool append_areas(struct text_buf *out, const char *name, const char *help, uint64_t store, uint64_t journal)
{
	return metrics_head(out, name, help) && append_area(out, name, "store", store) &&
	       append_area(out, name, "journal", journal);
}

static bool append_room(struct text_buf *out, struct gateway *gateway, struct err *err)
{
	struct room room;
	if (!room_read(gateway->store, &room, err))
		return false;
	bool ok = append_areas(out, "room_free_bytes", "free in the file system of the object store and of the journal",
	                       room.store.free_bytes, room.journal.free_bytes) &&
	          append_areas(out, "room_total_bytes", "its size", room.store.total_bytes, room.journal.total_bytes) &&
	          append_areas(out, "room_warn_bytes", "less room than this is low", room.store.warn_bytes,
	                       room.journal.warn_bytes) &&
	          append_areas(out, "room_reserve_bytes", "with less room than this objects are refused",
	                       room.store.reserve_bytes, room.journal.reserve_bytes) &&
	          append_areas(out, "room_state", "0 fine, 1 low, 2 full: objects are refused", room.store.state,
	                       room.journal.state);
	return ok || err_set(err, ERR_NO_SPACE, "the metrics are too long");
}

static const struct {
	const char *name, *column, *help;
} host_gauges[] = {
    {"host_silent_seconds", "silent_s", "time since the last report of a host that receives"},
    {"host_waiting_objects", "waiting_objects", "objects that it acknowledged and that are not in the ledger"},
    {"host_waiting_bytes", "waiting_bytes", "their bytes"},
    {"host_unplaced_objects", "unplaced_objects", "of these: only in its journal"},
    {"host_unplaced_bytes", "unplaced_bytes", "their bytes"},
    {"host_stranded", "is_stranded", "1: it does not report, and acknowledged objects are only there"},
};

static bool append_host_gauge(struct text_buf *out, const struct db_rows *rows, size_t which)
{
	bool ok = metrics_head(out, host_gauges[which].name, host_gauges[which].help);
	for (int i = 0; ok && i < db_rows_count(rows); i++) {
		json_t *labels =
		    json_pack("{s:s, s:s}", "host", db_get_text(rows, i, "name"), "id", db_get_text(rows, i, "id"));
		int64_t value = strcmp(host_gauges[which].column, "is_stranded") == 0
		                    ? strcmp(db_get_text(rows, i, "state"), "stranded") == 0
		                    : db_get_int(rows, i, host_gauges[which].column);
		ok = metrics_sample(out, host_gauges[which].name, labels, (double)value);
		json_decref(labels);
	}
	return ok;
}

static bool append_hosts(struct text_buf *out, struct db *db, struct err *err)
{
	struct db_rows *rows = NULL;
	if (!db_exec(db, STMT_HOST_LIST, DB_PARAMS(db_int(HOST_SILENT_MS)), &rows, err))
		return false;
	bool ok = true;
	for (size_t i = 0; ok && i < sizeof host_gauges / sizeof host_gauges[0]; i++)
		ok = append_host_gauge(out, rows, i);
	db_rows_free(rows);
	return ok || err_set(err, ERR_NO_SPACE, "the metrics are too long");
}

/* ---- this process ---------------------------------------------------------------------------------------------------- */

static bool append_process(struct text_buf *out, struct gateway *gateway, struct err *err)
{
	struct intake_backlog backlog = {0};
	if (!intake_backlog_read(&backlog, err))
		return false;
	bool ok = metrics_head(out, "journal_backlog_objects", "objects acknowledged and not yet in the ledger") &&
	          metrics_sample(out, "journal_backlog_objects", NULL, (double)backlog.objects) &&
	          metrics_head(out, "journal_backlog_bytes", "their bytes") &&
	          metrics_sample(out, "journal_backlog_bytes", NULL, (double)backlog.bytes) &&
	          metrics_head(out, "journal_backlog_oldest_seconds", "age of the oldest of them") &&
	          metrics_sample(out, "journal_backlog_oldest_seconds", NULL, (double)backlog.oldest_ms / 1000) &&
	          metrics_head(out, "journal_unplaced_objects", "of these: only in the journal") &&
	          metrics_sample(out, "journal_unplaced_objects", NULL, (double)backlog.unplaced_objects) &&
	          metrics_head(out, "journal_unplaced_bytes", "their bytes") &&
	          metrics_sample(out, "journal_unplaced_bytes", NULL, (double)backlog.unplaced_bytes) &&
	          metrics_head(out, "audit_spooled_bytes", "audit records of this program that wait for the ledger") &&
	          metrics_sample(out, "audit_spooled_bytes", NULL, (double)audit_spooled_bytes(gateway->audit)) &&
	          metrics_head(out, "event_streams", "open event streams") &&
	          metrics_sample(out, "event_streams", NULL, http_events_open(gateway->server));
	return ok || err_set(err, ERR_NO_SPACE, "the metrics are too long");
}

bool handle_metrics(struct http_request *request, void *context, struct err *err)
{
	struct gateway *gateway = context;
	struct text_buf out;
	struct db *db = NULL;
	/* Nobody's eyes: what is shown here is the same for every watcher. */
	if (!db_take(gateway->pool, &db, err))
		return false;
	text_buf_init(&out, METRICS_MAX);
	bool ok = append_ledger(&out, db, err) && append_coverage(&out, db, err) && append_hosts(&out, db, err) &&
	          append_room(&out, gateway, err) && append_process(&out, gateway, err) &&
	          http_reply_bytes(request, 200, "text/plain; version=0.0.4; charset=utf-8", out.data, out.length, err);
	db_give(db);
	text_buf_fini(&out);
	return ok;
}
