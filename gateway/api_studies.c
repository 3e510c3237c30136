/* Studies: list, one with all that hangs on it, 提交诊断. */
#include <stdlib.h>

#include "gateway/answer.h"
#include "gateway/caller.h"
#include "gateway/handlers.h"
#include "gateway/input.h"
#include "lib/domain/study.h"

enum { PAGE_DEFAULT = 50, PAGE_MAX = 200 };

/* Which studies were shown, for the audit. *out: free(3). */
static char *shown_ids(const json_t *page)
{
	json_t *ids = json_array();
	size_t i;
	json_t *study;
	json_array_foreach(json_object_get(page, "studies"), i, study)
	    json_array_append(ids, json_object_get(study, "id"));
	json_t *detail = json_pack("{s:o}", "studies", ids);
	char *text = json_dumps(detail, JSON_COMPACT);
	json_decref(detail);
	if (text == NULL)
		err_panic("could not write JSON");
	return text;
}

bool handle_studies(struct http_request *request, void *context, struct err *err)
{
	(void)context;
	const char *state, *site, *day, *after;
	int limit;
	struct db *db;
	struct db_rows *rows = NULL;
	if (!input_query_word(request, "state", "receiving complete incomplete", &state, err) ||
	    !input_query_id(request, "site", &site, err) || !input_query_day(request, "day", &day, err) ||
	    !input_query_id(request, "after", &after, err) ||
	    !input_query_int(request, "limit", 1, PAGE_MAX, PAGE_DEFAULT, &limit, err) || !caller_db(request, &db, err))
		return false;
	if (!db_exec(db, STMT_GATEWAY_STUDY_LIST,
	             DB_PARAMS(db_text(state), db_text(site), db_text(day), db_text(after), db_int(limit + 1)), &rows,
	             err))
		return false;
	json_t *page = answer_page(rows, "studies", limit);
	db_rows_free(rows);
	char *detail = shown_ids(page);
	bool ok = caller_audit(request, "study.list", NULL, NULL, NULL, detail, err);
	free(detail);
	if (!ok) {
		json_decref(page);
		return false;
	}
	return http_reply_json(request, 200, page, err);
}

bool handle_study(struct http_request *request, void *context, struct err *err)
{
	(void)context;
	const char *study;
	struct db *db;
	struct db_rows *rows = NULL;
	if (!input_path_id(request, "study", &study, err) || !caller_db(request, &db, err) ||
	    !db_exec_one(db, STMT_GATEWAY_STUDY, DB_PARAMS(db_text(study)), "the study", &rows, err))
		return false;
	bool ok = caller_audit(request, "study.view", "study", study, db_get_text(rows, 0, "site_id"), NULL, err);
	json_t *json = ok ? answer_row(rows, 0) : NULL;
	db_rows_free(rows);
	return ok && http_reply_json(request, 200, json, err);
}

bool handle_study_submit(struct http_request *request, void *context, struct err *err)
{
	struct gateway *gateway = context;
	const char *study, *patient_class;
	json_t *body;
	if (!input_path_id(request, "study", &study, err) || !http_body_json(request, &body, err) ||
	    !input_word(body, "patient_class", "emergency outpatient inpatient health_check", false, &patient_class,
	                err))
		return false;
	return study_submit(gateway->pool, caller_id(request), study, patient_class, err) && answer_done(request, err);
}
