/* 匹配: which request a study is of. */
#include "gateway/answer.h"
#include "gateway/caller.h"
#include "gateway/handlers.h"
#include "gateway/input.h"
#include "lib/domain/request.h"

enum { CANDIDATES_MAX = 50 };

/* Of another patient, too: the look is audited. */
static bool audit_look(struct http_request *request, struct db *db, const char *study, struct err *err)
{
	struct db_rows *rows = NULL;
	if (!db_exec_one(db, STMT_GATEWAY_STUDY_SITE, DB_PARAMS(db_text(study)), "the study", &rows, err))
		return false;
	bool ok =
	    caller_audit(request, "study.match_candidates", "study", study, db_get_text(rows, 0, "site_id"), NULL, err);
	db_rows_free(rows);
	return ok;
}

bool handle_match_candidates(struct http_request *request, void *context, struct err *err)
{
	(void)context;
	const char *study;
	struct db *db;
	struct db_rows *rows = NULL;
	if (!input_path_id(request, "study", &study, err) || !caller_db(request, &db, err) ||
	    !audit_look(request, db, study, err) ||
	    !db_exec(db, STMT_GATEWAY_MATCH_CANDIDATES, DB_PARAMS(db_text(study), db_int(CANDIDATES_MAX)), &rows, err))
		return false;
	json_t *list = answer_list(rows, "candidates");
	db_rows_free(rows);
	if (!db_exec_one(db, STMT_GATEWAY_MATCH_DECISION, DB_PARAMS(db_text(study)), "the study", &rows, err)) {
		json_decref(list);
		return false;
	}
	json_object_set_new(list, "decision", answer_row(rows, 0));
	db_rows_free(rows);
	return http_reply_json(request, 200, list, err);
}

bool handle_match(struct http_request *request, void *context, struct err *err)
{
	struct gateway *gateway = context;
	const char *study, *id, *reason;
	json_t *body;
	return input_path_id(request, "study", &study, err) && http_body_json(request, &body, err) &&
	       input_id(body, "request_id", true, &id, err) &&
	       input_text(body, "reason", REQUEST_REASON_MAX, false, &reason, err) &&
	       request_match(gateway->pool, caller_id(request), study, id, reason, err) && answer_done(request, err);
}

bool handle_unmatch(struct http_request *request, void *context, struct err *err)
{
	struct gateway *gateway = context;
	const char *study, *reason;
	json_t *body;
	return input_path_id(request, "study", &study, err) && http_body_json(request, &body, err) &&
	       input_text(body, "reason", REQUEST_REASON_MAX, true, &reason, err) &&
	       request_unmatch(gateway->pool, caller_id(request), study, reason, err) && answer_done(request, err);
}
