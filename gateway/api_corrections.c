/* 更正: split, merge, move, edit, their history and undo; what is proposed for issued reports; who is who. */
#include <string.h>

#include "gateway/answer.h"
#include "gateway/caller.h"
#include "gateway/handlers.h"
#include "gateway/input.h"
#include "lib/domain/correction.h"

enum {
	PAGE_DEFAULT = 50,
	PAGE_MAX = 200,
	REVISION_MAX = 64,
	STATUS_OK = 200,
	STATUS_MADE = 201,
	STATUS_CONFLICT = 409
};

static struct correction_maker maker_of(const struct http_request *request)
{
	return (struct correction_maker){.person_id = caller_id(request)};
}

/* Takes result. A refusal that says more than a line is a problem with more members (RFC 9457 section 3.2). */
static bool reply_result(struct http_request *request, int status, json_t *result, struct err *err)
{
	const char *why = correction_refusal(result);
	if (why == NULL)
		return http_reply_json(request, status, result, err);
	json_t *problem = json_pack("{s:s, s:i, s:s, s:s, s:s}", "title", "Conflict", "status", STATUS_CONFLICT, "kind",
	                            err_kind_info(ERR_CONFLICT)->name, "detail", why, "request_id", http_id(request));
	json_object_update_missing(problem, result);
	json_decref(result);
	return http_reply_json(request, STATUS_CONFLICT, problem, err);
}

/* ---- make -------------------------------------------------------------------------------------------------------------- */

/* What a preview shows is of patients, perhaps of another one: the look is noted. */
static bool note_look(struct http_request *request, const char *action, const char *kind, const char *subject,
                      struct err *err)
{
	return caller_audit(request, action, kind, subject, NULL, NULL, err);
}

bool handle_correction_preview(struct http_request *request, void *context, struct err *err)
{
	struct gateway *gateway = context;
	struct correction_maker maker = maker_of(request);
	const char *study;
	json_t *body, *result = NULL;
	return input_path_id(request, "study", &study, err) && http_body_json(request, &body, err) &&
	       note_look(request, "correction.preview", "study", study, err) &&
	       correction_preview(gateway->pool, &maker, study, body, &result, err) &&
	       reply_result(request, STATUS_OK, result, err);
}

bool handle_correction_make(struct http_request *request, void *context, struct err *err)
{
	struct gateway *gateway = context;
	struct correction_maker maker = maker_of(request);
	const char *study;
	json_t *body, *result = NULL;
	return input_path_id(request, "study", &study, err) && http_body_json(request, &body, err) &&
	       correction_apply(gateway->pool, &maker, study, body, &result, err) &&
	       reply_result(request, STATUS_MADE, result, err);
}

/* ---- history ----------------------------------------------------------------------------------------------------------- */

bool handle_study_corrections(struct http_request *request, void *context, struct err *err)
{
	(void)context;
	const char *study;
	struct db *db;
	struct db_rows *rows = NULL;
	if (!input_path_id(request, "study", &study, err) || !caller_db(request, &db, err) ||
	    !db_exec_one(db, STMT_CORRECTION_OF_STUDY, DB_PARAMS(db_text(study)), "the study", &rows, err))
		return false;
	json_t *list = json_pack("{s:o}", "corrections", answer_row(rows, 0));
	bool ok = caller_audit(request, "correction.list", "study", study, db_get_text(rows, 0, "site_id"), NULL, err);
	db_rows_free(rows);
	if (ok)
		return http_reply_json(request, STATUS_OK, list, err);
	json_decref(list);
	return false;
}

bool handle_corrections(struct http_request *request, void *context, struct err *err)
{
	(void)context;
	const char *after;
	int limit = 0;
	struct db *db;
	struct db_rows *rows = NULL;
	if (!input_query_id(request, "after", &after, err) ||
	    !input_query_int(request, "limit", 1, PAGE_MAX, PAGE_DEFAULT, &limit, err) ||
	    !note_look(request, "correction.list", NULL, NULL, err) || !caller_db(request, &db, err) ||
	    !db_exec(db, STMT_CORRECTION_LIST, DB_PARAMS(db_text(after), db_int(limit + 1)), &rows, err))
		return false;
	json_t *page = answer_page(rows, "corrections", limit);
	db_rows_free(rows);
	return http_reply_json(request, STATUS_OK, page, err);
}

bool handle_correction(struct http_request *request, void *context, struct err *err)
{
	(void)context;
	const char *correction;
	struct db *db;
	struct db_rows *rows = NULL;
	if (!input_path_id(request, "correction", &correction, err) || !caller_db(request, &db, err) ||
	    !db_exec_one(db, STMT_CORRECTION_SHOW, DB_PARAMS(db_text(correction)), "the correction", &rows, err))
		return false;
	json_t *fact = answer_row(rows, 0);
	bool ok = caller_audit(request, "correction.view", "correction", correction, db_get_text(rows, 0, "site_id"),
	                       NULL, err);
	db_rows_free(rows);
	if (ok)
		return http_reply_json(request, STATUS_OK, fact, err);
	json_decref(fact);
	return false;
}

/* ---- undo -------------------------------------------------------------------------------------------------------------- */

bool handle_correction_undo_preview(struct http_request *request, void *context, struct err *err)
{
	struct gateway *gateway = context;
	struct correction_maker maker = maker_of(request);
	const char *correction;
	json_t *result = NULL;
	return input_path_id(request, "correction", &correction, err) &&
	       note_look(request, "correction.preview", "correction", correction, err) &&
	       correction_undo_preview(gateway->pool, &maker, correction, &result, err) &&
	       reply_result(request, STATUS_OK, result, err);
}

bool handle_correction_undo(struct http_request *request, void *context, struct err *err)
{
	struct gateway *gateway = context;
	struct correction_maker maker = maker_of(request);
	const char *correction, *reason, *revision;
	json_t *body, *result = NULL;
	return input_path_id(request, "correction", &correction, err) && http_body_json(request, &body, err) &&
	       input_text(body, "reason", CORRECTION_REASON_MAX, true, &reason, err) &&
	       input_text(body, "revision", REVISION_MAX, true, &revision, err) &&
	       correction_undo(gateway->pool, &maker, correction, reason, revision, &result, err) &&
	       reply_result(request, STATUS_MADE, result, err);
}

/* ---- what is proposed for issued reports --------------------------------------------------------------------------------- */

bool handle_report_proposals(struct http_request *request, void *context, struct err *err)
{
	(void)context;
	const char *open, *after;
	int limit = 0;
	struct db *db;
	struct db_rows *rows = NULL;
	if (!input_query_word(request, "open", "yes no", &open, err) ||
	    !input_query_id(request, "after", &after, err) ||
	    !input_query_int(request, "limit", 1, PAGE_MAX, PAGE_DEFAULT, &limit, err) ||
	    !note_look(request, "report.proposals", NULL, NULL, err) || !caller_db(request, &db, err) ||
	    !db_exec(db, STMT_PROPOSAL_LIST,
	             DB_PARAMS(db_text(caller_id(request)),
	                       open != NULL ? db_bool(strcmp(open, "yes") == 0) : db_null(), db_text(after),
	                       db_int(limit + 1)),
	             &rows, err))
		return false;
	json_t *page = answer_page(rows, "proposals", limit);
	db_rows_free(rows);
	return http_reply_json(request, STATUS_OK, page, err);
}

bool handle_report_proposal_settle(struct http_request *request, void *context, struct err *err)
{
	struct gateway *gateway = context;
	const char *proposal, *outcome, *reason;
	json_t *body;
	return input_path_id(request, "proposal", &proposal, err) && http_body_json(request, &body, err) &&
	       input_word(body, "outcome", "no_influence", true, &outcome, err) &&
	       input_text(body, "reason", CORRECTION_REASON_MAX, true, &reason, err) &&
	       correction_dismiss(gateway->pool, caller_id(request), proposal, reason, err) &&
	       answer_done(request, err);
}

/* ---- who is who -------------------------------------------------------------------------------------------------------- */

/* Takes result. */
static bool reply_settled(struct http_request *request, json_t *result, struct err *err)
{
	if (correction_refusal(result) != NULL)
		return reply_result(request, STATUS_OK, result, err);
	json_decref(result);
	return answer_done(request, err);
}

bool handle_identity_settle(struct http_request *request, void *context, struct err *err)
{
	struct gateway *gateway = context;
	struct correction_maker maker = maker_of(request);
	const char *review, *outcome, *reason;
	json_t *body, *result = NULL;
	return input_path_id(request, "review", &review, err) && http_body_json(request, &body, err) &&
	       input_word(body, "outcome", "same different", true, &outcome, err) &&
	       input_text(body, "reason", CORRECTION_REASON_MAX, true, &reason, err) &&
	       correction_identity_settle(gateway->pool, &maker, review, outcome, reason,
	                                  json_object_get(body, "confirmed"), &result, err) &&
	       reply_settled(request, result, err);
}

bool handle_identity_undo(struct http_request *request, void *context, struct err *err)
{
	struct gateway *gateway = context;
	struct correction_maker maker = maker_of(request);
	const char *review, *reason;
	json_t *body, *result = NULL;
	return input_path_id(request, "review", &review, err) && http_body_json(request, &body, err) &&
	       input_text(body, "reason", CORRECTION_REASON_MAX, true, &reason, err) &&
	       correction_identity_undo(gateway->pool, &maker, review, reason, &result, err) &&
	       reply_settled(request, result, err);
}
