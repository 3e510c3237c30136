/* Studies: list, one with all that hangs on it, 提交诊断, 人工确认图像已齐. */
#include <stdlib.h>

#include "gateway/answer.h"
#include "gateway/caller.h"
#include "gateway/handlers.h"
#include "gateway/input.h"
#include "lib/domain/name_key.h"
#include "lib/domain/study.h"

enum { PAGE_DEFAULT = 50, PAGE_MAX = 500, IDS_MAX = 100, AUDITED_MAX = 400, SEARCH_MAX = 64, REASON_MAX = 2000 };

/* Ids of the studies from `from` on, at most AUDITED_MAX, as a detail of the audit; free(3). */
static char *shown_ids(const json_t *studies, size_t from)
{
	json_t *ids = json_array();
	for (size_t i = from; i < json_array_size(studies) && i < from + AUDITED_MAX; i++)
		json_array_append(ids, json_object_get(json_array_get(studies, i), "id"));
	json_t *detail = json_pack("{s:o}", "studies", ids);
	char *text = json_dumps(detail, JSON_COMPACT);
	json_decref(detail);
	if (text == NULL)
		err_panic("could not write JSON");
	return text;
}

/* Which studies were shown; a long page takes more than one record. */
static bool audit_list(struct http_request *request, const json_t *page, struct err *err)
{
	const json_t *studies = json_object_get(page, "studies");
	size_t from = 0;
	bool ok;
	do {
		char *detail = shown_ids(studies, from);
		ok = caller_audit(request, "study.list", NULL, NULL, NULL, detail, err);
		free(detail);
		from += AUDITED_MAX;
	} while (ok && from < json_array_size(studies));
	return ok;
}

/* Which studies are asked for. */
struct filter {
	const char *state, *site, *day, *matched, *waiting, *after, *typed;
	char term[NAME_KEY_SIZE]; /* empty: nothing to look for is left of what was typed */
	const char *ids[IDS_MAX];
	size_t id_count; /* 0: all */
	int limit;
};

static bool read_filter(const struct http_request *request, struct filter *out, struct err *err)
{
	return input_query_word(request, "state", "receiving complete incomplete merged", &out->state, err) &&
	       input_query_id(request, "site", &out->site, err) && input_query_day(request, "day", &out->day, err) &&
	       input_query_word(request, "matched", "yes no", &out->matched, err) &&
	       input_query_word(request, "waiting", "yes", &out->waiting, err) &&
	       input_query_id(request, "after", &out->after, err) &&
	       input_query_text(request, "q", SEARCH_MAX, &out->typed, err) &&
	       input_query_int(request, "limit", 1, PAGE_MAX, PAGE_DEFAULT, &out->limit, err);
}

static bool list(struct db *db, const struct filter *filter, struct db_rows **rows, struct err *err)
{
	struct db_param matched = filter->matched != NULL ? db_bool(filter->matched[0] == 'y') : db_null();
	struct db_param ids = filter->id_count > 0 ? db_texts(filter->ids, filter->id_count) : db_null();
	return db_exec(db, STMT_GATEWAY_STUDY_LIST,
	               DB_PARAMS(db_text(filter->state), db_text(filter->site), db_text(filter->day), matched, ids,
	                         db_text(filter->after), db_int(filter->limit + 1),
	                         filter->waiting != NULL ? db_bool(true) : db_null(),
	                         db_text(filter->term[0] != '\0' ? filter->term : NULL), db_text(filter->typed)),
	               rows, err);
}

bool handle_studies(struct http_request *request, void *context, struct err *err)
{
	(void)context;
	struct filter filter;
	char *copy = NULL;
	struct db *db;
	struct db_rows *rows = NULL;
	if (!read_filter(request, &filter, err) ||
	    !input_query_ids(request, "ids", filter.ids, IDS_MAX, &filter.id_count, &copy, err))
		return false;
	if (filter.id_count > 0)
		filter.limit = IDS_MAX;
	if (filter.typed == NULL || !name_key_term(filter.typed, filter.term))
		filter.term[0] = '\0';
	bool ok = caller_db(request, &db, err) && list(db, &filter, &rows, err);
	free(copy);
	if (!ok)
		return false;
	json_t *page = answer_page(rows, "studies", filter.limit);
	db_rows_free(rows);
	if (!audit_list(request, page, err)) {
		json_decref(page);
		return false;
	}
	return http_reply_json(request, 200, page, err);
}

/* By its id, or by the UID under which DICOMweb shows it: whoever comes from there knows no other. */
bool handle_study(struct http_request *request, void *context, struct err *err)
{
	(void)context;
	const char *study, *shown_uid = NULL;
	struct err no_uid = {0};
	struct db *db;
	struct db_rows *rows = NULL;
	if (input_path_uid(request, "study", &shown_uid, &no_uid))
		study = NULL;
	else if (!input_path_id(request, "study", &study, err))
		return false;
	if (!caller_db(request, &db, err) ||
	    !db_exec_one(db, STMT_GATEWAY_STUDY, DB_PARAMS(db_text(study), db_text(shown_uid)), "the study", &rows,
	                 err))
		return false;
	bool ok = caller_audit(request, "study.view", "study", db_get_text(rows, 0, "id"),
	                       db_get_text(rows, 0, "site_id"), NULL, err);
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

bool handle_study_complete(struct http_request *request, void *context, struct err *err)
{
	struct gateway *gateway = context;
	const char *study, *reason;
	json_t *body;
	if (!input_path_id(request, "study", &study, err) || !http_body_json(request, &body, err) ||
	    !input_text(body, "reason", REASON_MAX, true, &reason, err))
		return false;
	return study_complete_by_hand(gateway->pool, caller_id(request), study, reason, err) &&
	       answer_done(request, err);
}
