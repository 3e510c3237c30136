/* 登记: requests, and what can be asked for. */
#include <stdlib.h>
#include <string.h>

#include "gateway/answer.h"
#include "gateway/caller.h"
#include "gateway/handlers.h"
#include "gateway/input.h"
#include "lib/domain/name_key.h"
#include "lib/domain/request.h"

enum { PAGE_DEFAULT = 50, PAGE_MAX = 500, AUDITED_MAX = 400, SEARCH_MAX = 100 };

static bool read_who(const json_t *body, struct request_form *out, struct err *err)
{
	return input_text(body, "name", (size_t)4 * REQUEST_NAME_MAX, true, &out->name, err) &&
	       input_word(body, "sex", "M F O", true, &out->sex, err) &&
	       input_text(body, "birth_date", 10, false, &out->birth_date, err) &&
	       input_text(body, "age_text", 8, false, &out->age_text, err) &&
	       input_text(body, "patient_id", 64, false, &out->patient_id, err) &&
	       input_text(body, "document", 18, false, &out->document, err) &&
	       input_text(body, "phone", 32, false, &out->phone, err);
}

static bool read_visit(const json_t *body, struct request_form *out, struct err *err)
{
	const json_t *urgent = json_object_get(body, "is_urgent");
	if (urgent != NULL && !json_is_boolean(urgent) && !json_is_null(urgent))
		return err_set(err, ERR_INVALID, "is_urgent is neither true nor false");
	out->is_urgent = json_is_true(urgent);
	return input_word(body, "patient_class", "emergency outpatient inpatient health_check", true,
	                  &out->patient_class, err) &&
	       input_text(body, "visit_number", 64, false, &out->visit_number, err) &&
	       input_text(body, "department", REQUEST_LINE_MAX, false, &out->department, err) &&
	       input_text(body, "doctor", REQUEST_LINE_MAX, false, &out->doctor, err) &&
	       input_text(body, "request_number", 64, false, &out->request_number, err);
}

static bool read_what(const json_t *body, struct request_form *out, struct err *err)
{
	return input_text(body, "item_code_id", 36, false, &out->item_code_id, err) &&
	       input_text(body, "item_name", REQUEST_LINE_MAX, false, &out->item_name, err) &&
	       input_text(body, "modality", 16, false, &out->modality, err) &&
	       input_text(body, "body_part", REQUEST_LINE_MAX, false, &out->body_part, err) &&
	       input_text(body, "laterality", 8, false, &out->laterality, err) &&
	       input_text(body, "purpose", REQUEST_TEXT_MAX, false, &out->purpose, err) &&
	       input_text(body, "history", REQUEST_TEXT_MAX, false, &out->history, err) &&
	       input_text(body, "clinical_diagnosis", REQUEST_TEXT_MAX, false, &out->clinical_diagnosis, err);
}

static bool read_details(const json_t *body, struct request_form *out, struct err *err)
{
	const json_t *details = json_object_get(body, "details");
	if (details == NULL || json_is_null(details))
		return true;
	if (!json_is_object(details))
		return err_set(err, ERR_INVALID, "details is no object");
	return input_text(details, "pregnancy", REQUEST_LINE_MAX, false, &out->pregnancy, err) &&
	       input_text(details, "allergy", REQUEST_LINE_MAX, false, &out->allergy, err) &&
	       input_text(details, "renal_function", REQUEST_LINE_MAX, false, &out->renal_function, err) &&
	       input_text(details, "operations", REQUEST_LINE_MAX, false, &out->operations, err) &&
	       input_text(details, "specimen", REQUEST_LINE_MAX, false, &out->specimen, err);
}

static bool read_form(struct http_request *request, struct request_form *out, struct err *err)
{
	json_t *body;
	return http_body_json(request, &body, err) && input_id(body, "site_id", false, &out->site_id, err) &&
	       read_who(body, out, err) && read_visit(body, out, err) && read_what(body, out, err) &&
	       read_details(body, out, err);
}

static bool reply_request(struct http_request *request, const char *id, const char *action, struct err *err)
{
	struct db *db;
	struct db_rows *rows = NULL;
	if (!caller_db(request, &db, err) ||
	    !db_exec_one(db, STMT_GATEWAY_REQUEST, DB_PARAMS(db_text(id)), "the request", &rows, err))
		return false;
	bool ok =
	    action == NULL || caller_audit(request, action, "request", id, db_get_text(rows, 0, "site_id"), NULL, err);
	json_t *json = ok ? answer_row(rows, 0) : NULL;
	db_rows_free(rows);
	return ok && http_reply_json(request, 200, json, err);
}

bool handle_request_register(struct http_request *request, void *context, struct err *err)
{
	struct gateway *gateway = context;
	struct request_form form = {0};
	char id[TEXT_UUID_SIZE];
	return read_form(request, &form, err) && request_register(gateway->pool, caller_id(request), &form, id, err) &&
	       reply_request(request, id, NULL, err);
}

bool handle_request_change(struct http_request *request, void *context, struct err *err)
{
	struct gateway *gateway = context;
	struct request_form form = {0};
	const char *id;
	return input_path_id(request, "request", &id, err) && read_form(request, &form, err) &&
	       request_change(gateway->pool, caller_id(request), id, &form, err) &&
	       reply_request(request, id, NULL, err);
}

bool handle_request_cancel(struct http_request *request, void *context, struct err *err)
{
	struct gateway *gateway = context;
	const char *id;
	json_t *body;
	return input_path_id(request, "request", &id, err) && http_body_json(request, &body, err) &&
	       request_cancel(gateway->pool, caller_id(request), id, err) && reply_request(request, id, NULL, err);
}

bool handle_request(struct http_request *request, void *context, struct err *err)
{
	(void)context;
	const char *id;
	return input_path_id(request, "request", &id, err) && reply_request(request, id, "request.view", err);
}

/* Which requests were shown; a long page takes more than one record. */
static bool audit_list(struct http_request *request, const struct db_rows *rows, int shown, struct err *err)
{
	int from = 0;
	bool ok;
	do {
		json_t *ids = json_array();
		for (int i = from; i < shown && i < from + AUDITED_MAX; i++)
			json_array_append_new(ids, json_string(db_get_text(rows, i, "id")));
		json_t *detail = json_pack("{s:o}", "requests", ids);
		char *text = json_dumps(detail, JSON_COMPACT);
		if (text == NULL)
			err_panic("could not write JSON");
		ok = caller_audit(request, "request.list", NULL, NULL, NULL, text, err);
		free(text);
		json_decref(detail);
		from += AUDITED_MAX;
	} while (ok && from < shown);
	return ok;
}

bool handle_requests(struct http_request *request, void *context, struct err *err)
{
	(void)context;
	const char *site, *day, *state, *after, *text;
	char term[NAME_KEY_SIZE];
	int limit;
	struct db *db;
	struct db_rows *rows = NULL;
	if (!input_query_id(request, "site", &site, err) || !input_query_day(request, "day", &day, err) ||
	    !input_query_word(request, "state", "registered matched cancelled", &state, err) ||
	    !input_query_text(request, "q", SEARCH_MAX, &text, err) || !input_query_id(request, "after", &after, err) ||
	    !input_query_int(request, "limit", 1, PAGE_MAX, PAGE_DEFAULT, &limit, err))
		return false;
	bool has_term = text != NULL && name_key_term(text, term);
	if (!caller_db(request, &db, err) ||
	    !db_exec(db, STMT_GATEWAY_REQUEST_LIST,
	             DB_PARAMS(db_text(site), db_text(day), db_text(state), db_text(text), db_text(after),
	                       db_int(limit + 1), db_text(has_term ? term : NULL)),
	             &rows, err))
		return false;
	int count = db_rows_count(rows);
	bool ok = audit_list(request, rows, count < limit ? count : limit, err);
	json_t *page = ok ? answer_page(rows, "requests", limit) : NULL;
	db_rows_free(rows);
	return ok && http_reply_json(request, 200, page, err);
}

bool handle_items(struct http_request *request, void *context, struct err *err)
{
	(void)context;
	const char *site;
	struct db *db;
	struct db_rows *rows = NULL;
	if (!input_query_id(request, "site", &site, err) || !caller_db(request, &db, err) ||
	    !db_exec(db, STMT_GATEWAY_ITEMS, DB_PARAMS(db_text(site)), &rows, err))
		return false;
	json_t *list = answer_list(rows, "items");
	db_rows_free(rows);
	return http_reply_json(request, 200, list, err);
}
