/* Destinations: their queues; hold, release, retry, test. The rules are those of lib/domain/operate.h. */
#include "gateway/answer.h"
#include "gateway/caller.h"
#include "gateway/handlers.h"
#include "gateway/input.h"
#include "gateway/reach.h"
#include "lib/base/conf.h"
#include "lib/domain/operate.h"

enum { REASON_MAX = 2000, HOST_SIZE = 254, AE_SIZE = 17 };

bool handle_destinations(struct http_request *request, void *context, struct err *err)
{
	(void)context;
	struct db *db;
	struct db_rows *rows = NULL;
	if (!caller_db(request, &db, err) || !db_exec(db, STMT_OPERATIONS_DESTINATIONS, DB_NO_PARAMS, &rows, err))
		return false;
	json_t *list = json_array();
	for (int i = 0; i < db_rows_count(rows); i++)
		json_array_append_new(list, answer_row(rows, i));
	db_rows_free(rows);
	return http_reply_json(request, 200, json_pack("{s:o}", "destinations", list), err);
}

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

/* ---- test ------------------------------------------------------------------------------------------------------------- */

struct target {
	char site[TEXT_UUID_SIZE], ae_title[AE_SIZE], host[HOST_SIZE];
	uint16_t port;
};

static bool take_target(const struct db_rows *rows, struct target *out, struct err *err)
{
	if (!db_get_bool(rows, 0, "may"))
		return err_set(err, ERR_REFUSED, "cannot do this: you are no operator at its site");
	if (db_is_null(rows, 0, "ae_title") || db_is_null(rows, 0, "host") || db_is_null(rows, 0, "port"))
		return err_set(err, ERR_CONFLICT, "cannot test this destination: it is no DICOM destination");
	text_copy(out->site, sizeof out->site, db_get_text(rows, 0, "site_id"));
	text_copy(out->ae_title, sizeof out->ae_title, db_get_text(rows, 0, "ae_title"));
	text_copy(out->host, sizeof out->host, db_get_text(rows, 0, "host"));
	out->port = (uint16_t)db_get_int(rows, 0, "port");
	return true;
}

/* Gives the session of the ledger back: what follows waits for somebody far away. */
static bool find_target(struct http_request *request, const char *destination, struct target *out, struct err *err)
{
	struct db *db;
	struct db_rows *rows = NULL;
	if (!caller_db(request, &db, err) ||
	    !db_exec_one(db, STMT_OPERATIONS_DESTINATION, DB_PARAMS(db_text(destination)), "the destination", &rows,
	                 err))
		return false;
	bool ok = take_target(rows, out, err);
	db_rows_free(rows);
	caller_rest(request);
	return ok;
}

static bool note_test(struct http_request *request, const char *destination, const struct target *target,
                      const json_t *steps, struct err *err)
{
	const json_t *last = json_array_get(steps, json_array_size(steps) - 1);
	bool ok = json_is_true(json_object_get(last, "ok"));
	char detail[80];
	snprintf(detail, sizeof detail, "{\"step\":\"%s\",\"ok\":%s}", json_string_value(json_object_get(last, "step")),
	         ok ? "true" : "false");
	return caller_audit(request, "destination.test", "destination", destination, target->site, detail, err);
}

bool handle_destination_test(struct http_request *request, void *context, struct err *err)
{
	(void)context;
	const char *destination;
	struct target target;
	json_t *steps = NULL;
	if (!input_path_id(request, "destination", &destination, err) ||
	    !find_target(request, destination, &target, err))
		return false;
	struct reach_peer peer = {target.ae_title, target.host, target.port};
	if (!reach_test(&peer, &steps, err))
		return false;
	if (!note_test(request, destination, &target, steps, err)) {
		json_decref(steps);
		return false;
	}
	return http_reply_json(request, 200, json_pack("{s:o}", "steps", steps), err);
}
