/* What runs, how full it is, what waits: the operator's first look. The numbers are those of `yqctl status`, of the sites in reach. */
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "gateway/answer.h"
#include "gateway/caller.h"
#include "gateway/handlers.h"
#include "gateway/outlook.h"
#include "lib/base/clock.h"
#include "lib/domain/host.h"
#include "lib/domain/row_json.h"
#include "lib/domain/signer_cert.h"
#include "lib/intake/intake.h"
#include "lib/intake/room_json.h"

enum { GROWTH_DAYS = 14, CERTIFICATE_DAYS = 60, SUBJECT_SIZE = 300 };

static json_t *list_of(const struct db_rows *rows)
{
	json_t *list = json_array();
	for (int i = 0; i < db_rows_count(rows); i++)
		json_array_append_new(list, row_json(rows, i));
	return list;
}

static bool add_list(json_t *to, const char *name, struct db *db, enum db_statement statement, struct db_param param,
                     struct err *err)
{
	struct db_rows *rows = NULL;
	if (!db_exec(db, statement, DB_PARAMS(param), &rows, err))
		return false;
	json_object_set_new(to, name, list_of(rows));
	db_rows_free(rows);
	return true;
}

static bool add_row(json_t *to, const char *name, struct db *db, enum db_statement statement, struct err *err)
{
	struct db_rows *rows = NULL;
	if (!db_exec_one(db, statement, DB_NO_PARAMS, "the status", &rows, err))
		return false;
	json_object_set_new(to, name, row_json(rows, 0));
	db_rows_free(rows);
	return true;
}

/* The store is on the host of this process, and so is the journal. */
static bool add_store(json_t *to, const struct gateway *gateway, struct db *db, struct err *err)
{
	char host[HOST_NAME_MAX + 1] = "";
	struct room room;
	struct db_rows *rows = NULL;
	if (!room_read(gateway->store, &room, err) ||
	    !db_exec_one(db, STMT_OPERATIONS_STORE, DB_PARAMS(db_int(GROWTH_DAYS)), "the store", &rows, err))
		return false;
	gethostname(host, HOST_NAME_MAX);
	int64_t days = outlook_days_left(room.store.free_bytes, room.store.reserve_bytes,
	                                 db_get_int(rows, 0, "grown_bytes"), db_get_int(rows, 0, "grown_ms"));
	json_t *store = json_pack("{s:s, s:s, s:I, s:I, s:I, s:b, s:o, s:I, s:I}", "host", host, "path",
	                          room.store_place, "total_bytes", (json_int_t)room.store.total_bytes, "free_bytes",
	                          (json_int_t)room.store.free_bytes, "reserve_bytes",
	                          (json_int_t)room.store.reserve_bytes, "is_refusing", room.state == ROOM_FULL,
	                          "days_left", days == OUTLOOK_UNKNOWN ? json_null() : json_integer(days), "objects",
	                          (json_int_t)db_get_int(rows, 0, "objects"), "object_bytes",
	                          (json_int_t)db_get_int(rows, 0, "object_bytes"));
	db_rows_free(rows);
	json_object_set_new(to, "store", store);
	json_object_set_new(to, "room", room_json(&room));
	return store != NULL || err_set(err, ERR_INVALID, "cannot show a path or host name that is no UTF-8");
}

static bool add_journal(json_t *to, struct err *err)
{
	struct intake_backlog backlog = {0};
	if (!intake_backlog_read(&backlog, err))
		return false;
	json_object_set_new(to, "journal",
	                    json_pack("{s:I, s:I, s:I, s:I, s:I}", "objects", (json_int_t)backlog.objects, "bytes",
	                              (json_int_t)backlog.bytes, "oldest_s", (json_int_t)(backlog.oldest_ms / 1000),
	                              "unplaced_objects", (json_int_t)backlog.unplaced_objects, "unplaced_bytes",
	                              (json_int_t)backlog.unplaced_bytes));
	return true;
}

/* A certificate that cannot be read is shown without its subject. */
static json_t *certificate_json(const struct db_rows *rows, int row)
{
	char subject[SUBJECT_SIZE] = "";
	struct err unreadable = {0};
	uint8_t *der = NULL;
	size_t length = 0;
	db_get_bytes(rows, row, "certificate", &der, &length);
	if (!signer_certificate_subject(der, length, subject, sizeof subject, &unreadable))
		subject[0] = '\0';
	free(der);
	return json_pack("{s:s, s:s, s:s, s:s, s:I}", "kind", "person", "person", db_get_text(rows, row, "person"),
	                 "subject", subject, "not_after", db_get_text(rows, row, "not_after"), "days_left",
	                 (json_int_t)db_get_int(rows, row, "days_left"));
}

/* Those of devices and receivers stand behind those of people. */
static bool add_machine_certificates(json_t *list, struct db *db, struct err *err)
{
	struct db_rows *rows = NULL;
	if (!db_exec(db, STMT_OPERATIONS_MACHINE_CERTIFICATES, DB_PARAMS(db_int(CERTIFICATE_DAYS)), &rows, err))
		return false;
	json_t *machines = answer_list(rows, "certificates");
	db_rows_free(rows);
	json_array_extend(list, json_object_get(machines, "certificates"));
	json_decref(machines);
	return true;
}

static bool add_certificates(json_t *to, struct db *db, struct err *err)
{
	struct db_rows *rows = NULL;
	if (!db_exec(db, STMT_OPERATIONS_CERTIFICATES, DB_PARAMS(db_int(CERTIFICATE_DAYS)), &rows, err))
		return false;
	json_t *list = json_array();
	for (int i = 0; i < db_rows_count(rows); i++)
		json_array_append_new(list, certificate_json(rows, i));
	db_rows_free(rows);
	json_object_set_new(to, "certificates", list);
	return add_machine_certificates(list, db, err);
}

static bool add_ledger(json_t *to, struct db *db, struct err *err)
{
	return add_list(to, "programs", db, STMT_STATUS_PROGRAMS, db_int(3 * PRESENCE_BEAT_MS), err) &&
	       add_list(to, "hosts", db, STMT_HOST_LIST, db_int(HOST_SILENT_MS), err) &&
	       add_row(to, "ledger", db, STMT_STATUS_LEDGER, err) &&
	       add_row(to, "waiting", db, STMT_STATUS_QUEUES, err) &&
	       add_list(to, "tasks", db, STMT_STATUS_STATES, db_text("task"), err) &&
	       add_list(to, "deliveries", db, STMT_STATUS_STATES, db_text("delivery"), err) &&
	       add_certificates(to, db, err);
}

bool handle_operations(struct http_request *request, void *context, struct err *err)
{
	struct gateway *gateway = context;
	char now[CLOCK_TEXT_MAX];
	struct db *db;
	if (!caller_db(request, &db, err))
		return false;
	clock_format(clock_wall_us(), now);
	json_t *all = json_pack("{s:s}", "at", now);
	if (!add_ledger(all, db, err) || !add_store(all, gateway, db, err) || !add_journal(all, err)) {
		json_decref(all);
		return false;
	}
	return http_reply_json(request, 200, all, err);
}
