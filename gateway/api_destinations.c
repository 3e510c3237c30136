/* Destinations: what they are, their queues; add, change, remove; hold, release, retry. The rules are those of lib/domain/operate.h. */
#include "gateway/answer.h"
#include "gateway/caller.h"
#include "gateway/handlers.h"
#include "gateway/input.h"
#include "lib/base/clock.h"
#include "lib/base/conf.h"
#include "lib/domain/destination_pem.h"
#include "lib/domain/operate.h"

enum { REASON_MAX = 2000, REVISION_MAX = 64 };

static bool add_sites(json_t *to, struct db *db, struct err *err)
{
	struct db_rows *rows = NULL;
	if (!db_exec(db, STMT_DESTINATION_SITES, DB_NO_PARAMS, &rows, err))
		return false;
	json_t *sites = answer_list(rows, "sites");
	json_object_update(to, sites);
	json_decref(sites);
	db_rows_free(rows);
	return true;
}

bool handle_destinations(struct http_request *request, void *context, struct err *err)
{
	(void)context;
	struct db *db;
	struct db_rows *rows = NULL;
	if (!caller_db(request, &db, err) ||
	    !db_exec(db, STMT_DESTINATION_OVERVIEW, DB_PARAMS(db_null(), db_bool(false), db_bool(false)), &rows, err))
		return false;
	json_t *list = answer_list(rows, "destinations");
	db_rows_free(rows);
	if (!add_sites(list, db, err)) {
		json_decref(list);
		return false;
	}
	return http_reply_json(request, 200, list, err);
}

/* ---- one ---------------------------------------------------------------------------------------------------------------- */

/* What was taken in can be read; what cannot be, for whatever reason, is shown as it stands. */
static void add_certificates(json_t *to, const char *name, const char *pem)
{
	struct err unreadable = {0};
	json_t *list = NULL;
	if (!destination_pem_read(pem, "certificate", clock_wall_us(), &list, &unreadable))
		list = json_array();
	json_object_set_new(to, name, list);
}

static bool reply_destination(struct http_request *request, int status, const char *destination, struct err *err)
{
	struct db *db;
	struct db_rows *rows = NULL;
	if (!caller_db(request, &db, err) ||
	    !db_exec_one(db, STMT_DESTINATION_OVERVIEW, DB_PARAMS(db_text(destination), db_bool(false), db_bool(true)),
	                 "the destination", &rows, err))
		return false;
	json_t *one = answer_row(rows, 0);
	json_object_set_new(one, "may", json_boolean(db_get_bool(rows, 0, "may")));
	add_certificates(one, "certificates", db_get_text(rows, 0, "certificate_pem"));
	add_certificates(one, "trusted", db_get_text(rows, 0, "trust_pem"));
	db_rows_free(rows);
	return http_reply_json(request, status, one, err);
}

bool handle_destination(struct http_request *request, void *context, struct err *err)
{
	(void)context;
	const char *destination;
	return input_path_id(request, "destination", &destination, err) &&
	       reply_destination(request, 200, destination, err);
}

bool handle_destination_add(struct http_request *request, void *context, struct err *err)
{
	struct gateway *gateway = context;
	char id[TEXT_UUID_SIZE];
	const char *site;
	json_t *body;
	return http_body_json(request, &body, err) && input_id(body, "site", true, &site, err) &&
	       operate_destination_create(gateway->pool, caller_id(request), site, body, id, err) &&
	       reply_destination(request, 201, id, err);
}

bool handle_destination_change(struct http_request *request, void *context, struct err *err)
{
	struct gateway *gateway = context;
	const char *destination, *seen;
	json_t *body;
	return input_path_id(request, "destination", &destination, err) && http_body_json(request, &body, err) &&
	       input_text(body, "updated_at", REVISION_MAX, true, &seen, err) &&
	       operate_destination_edit(gateway->pool, caller_id(request), destination, body, err) &&
	       reply_destination(request, 200, destination, err);
}

bool handle_destination_remove(struct http_request *request, void *context, struct err *err)
{
	struct gateway *gateway = context;
	const char *destination;
	return input_path_id(request, "destination", &destination, err) &&
	       operate_destination_remove(gateway->pool, caller_id(request), destination, err) &&
	       answer_done(request, err);
}

/* ---- its queue ---------------------------------------------------------------------------------------------------------- */

bool handle_destination_hold(struct http_request *request, void *context, struct err *err)
{
	struct gateway *gateway = context;
	const char *destination, *reason;
	json_t *body;
	return input_path_id(request, "destination", &destination, err) && http_body_json(request, &body, err) &&
	       input_text(body, "reason", REASON_MAX, true, &reason, err) &&
	       operate_hold(gateway->pool, caller_id(request), destination, reason, err) && answer_done(request, err);
}

bool handle_destination_release(struct http_request *request, void *context, struct err *err)
{
	struct gateway *gateway = context;
	const char *destination;
	return input_path_id(request, "destination", &destination, err) &&
	       operate_hold(gateway->pool, caller_id(request), destination, NULL, err) && answer_done(request, err);
}

bool handle_destination_retry(struct http_request *request, void *context, struct err *err)
{
	struct gateway *gateway = context;
	const char *destination;
	int count = 0;
	return input_path_id(request, "destination", &destination, err) &&
	       operate_retry_all(gateway->pool, caller_id(request), destination, conf_number(CONF_DELIVERY_DEADLINE),
	                         &count, err) &&
	       http_reply_json(request, 200, json_pack("{s:i}", "requeued", count), err);
}
