/* 危急值. The rules are those of lib/domain/critical_value.h. */
#include "gateway/answer.h"
#include "gateway/caller.h"
#include "gateway/handlers.h"
#include "gateway/input.h"
#include "lib/domain/critical_value.h"

enum { LIST_MAX = 500 };

static bool reply_value(struct http_request *request, const char *id, struct err *err)
{
	struct db *db;
	struct db_rows *rows = NULL;
	if (!caller_db(request, &db, err) ||
	    !db_exec_one(db, STMT_GATEWAY_CRITICAL_VALUE, DB_PARAMS(db_text(id)), "the critical value", &rows, err))
		return false;
	json_t *json = answer_row(rows, 0);
	db_rows_free(rows);
	return http_reply_json(request, 200, json, err);
}

bool handle_critical_values(struct http_request *request, void *context, struct err *err)
{
	(void)context;
	const char *open, *site;
	struct db *db;
	struct db_rows *rows = NULL;
	if (!input_query_word(request, "open", "yes no", &open, err) || !input_query_id(request, "site", &site, err) ||
	    !caller_db(request, &db, err) ||
	    !db_exec(db, STMT_GATEWAY_CRITICAL_LIST,
	             DB_PARAMS(db_bool(open != NULL && open[0] == 'y'), db_text(site), db_int(LIST_MAX)), &rows, err))
		return false;
	bool ok = db_rows_count(rows) == 0 || caller_audit(request, "critical_value.list", NULL, NULL, NULL, NULL, err);
	json_t *list = ok ? answer_list(rows, "critical_values") : NULL;
	db_rows_free(rows);
	return ok && http_reply_json(request, 200, list, err);
}

bool handle_critical_raise(struct http_request *request, void *context, struct err *err)
{
	struct gateway *gateway = context;
	const char *study, *item;
	char id[TEXT_UUID_SIZE];
	json_t *body;
	return input_path_id(request, "study", &study, err) && http_body_json(request, &body, err) &&
	       input_text(body, "item", CRITICAL_VALUE_LINE_MAX, true, &item, err) &&
	       critical_value_raise(gateway->pool, caller_id(request), study, item, id, err) &&
	       reply_value(request, id, err);
}

bool handle_critical_notify(struct http_request *request, void *context, struct err *err)
{
	struct gateway *gateway = context;
	const char *id, *contact;
	json_t *body;
	if (!input_path_id(request, "value", &id, err) || !http_body_json(request, &body, err) ||
	    !input_text(body, "contact", CRITICAL_VALUE_LINE_MAX, true, &contact, err))
		return false;
	const json_t *physician = json_object_get(body, "is_physician");
	if (!json_is_boolean(physician))
		return err_set(err, ERR_INVALID, "is_physician is neither true nor false");
	return critical_value_notify(gateway->pool, caller_id(request), id, contact, json_is_true(physician), err) &&
	       reply_value(request, id, err);
}

bool handle_critical_read_back(struct http_request *request, void *context, struct err *err)
{
	struct gateway *gateway = context;
	const char *id, *words, *physician;
	json_t *body;
	return input_path_id(request, "value", &id, err) && http_body_json(request, &body, err) &&
	       input_text(body, "read_back", CRITICAL_VALUE_TEXT_MAX, true, &words, err) &&
	       input_text(body, "physician_name", CRITICAL_VALUE_LINE_MAX, true, &physician, err) &&
	       critical_value_read_back(gateway->pool, caller_id(request), id, words, physician, err) &&
	       reply_value(request, id, err);
}

bool handle_critical_handle(struct http_request *request, void *context, struct err *err)
{
	struct gateway *gateway = context;
	const char *id, *handling;
	json_t *body;
	return input_path_id(request, "value", &id, err) && http_body_json(request, &body, err) &&
	       input_text(body, "handling", CRITICAL_VALUE_TEXT_MAX, true, &handling, err) &&
	       critical_value_handle(gateway->pool, caller_id(request), id, handling, err) &&
	       reply_value(request, id, err);
}

bool handle_critical_close(struct http_request *request, void *context, struct err *err)
{
	struct gateway *gateway = context;
	const char *id;
	json_t *body;
	return input_path_id(request, "value", &id, err) && http_body_json(request, &body, err) &&
	       critical_value_close(gateway->pool, caller_id(request), id, err) && reply_value(request, id, err);
}
