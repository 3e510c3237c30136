/* What stands beside a report while it is written: earlier examinations and earlier texts. */
#include <stdlib.h>
#include <string.h>

#include "gateway/answer.h"
#include "gateway/caller.h"
#include "gateway/handlers.h"
#include "gateway/input.h"

enum { PRIORS_MAX = 100 };

static bool find_site(struct http_request *request, const char *study, char site[TEXT_UUID_SIZE], struct err *err)
{
	struct db *db;
	struct db_rows *rows = NULL;
	if (!caller_db(request, &db, err) ||
	    !db_exec_one(db, STMT_DESK_STUDY_SITE, DB_PARAMS(db_text(study)), "the study", &rows, err))
		return false;
	text_copy(site, TEXT_UUID_SIZE, db_get_text(rows, 0, "site_id"));
	db_rows_free(rows);
	return true;
}

bool handle_study_priors(struct http_request *request, void *context, struct err *err)
{
	(void)context;
	const char *study;
	char site[TEXT_UUID_SIZE];
	struct db *db;
	struct db_rows *rows = NULL;
	if (!input_path_id(request, "study", &study, err) || !find_site(request, study, site, err) ||
	    !caller_db(request, &db, err) ||
	    !db_exec(db, STMT_DESK_PRIORS, DB_PARAMS(db_text(study), db_int(PRIORS_MAX)), &rows, err))
		return false;
	bool ok = caller_audit(request, "study.priors", "study", study, site, NULL, err);
	json_t *answer = ok ? answer_list(rows, "priors") : NULL;
	db_rows_free(rows);
	return ok && http_reply_json(request, 200, answer, err);
}

/* ---- earlier texts ------------------------------------------------------------------------------------------------------- */

/* The revision of the path: digits without a leading zero; anything else is absent. */
static bool path_revision(const struct http_request *request, int64_t *out, struct err *err)
{
	const char *text = http_param(request, "revision");
	size_t length = text != NULL ? strlen(text) : 0;
	if (length == 0 || length > 7 || text[0] == '0' || strspn(text, "0123456789") != length)
		return err_set(err, ERR_NOT_FOUND, "cannot find the revision");
	*out = strtol(text, NULL, 10);
	return true;
}

static bool audit_text(struct http_request *request, const char *task, struct err *err)
{
	struct db *db;
	struct db_rows *rows = NULL;
	if (!caller_db(request, &db, err) ||
	    !db_exec_one(db, STMT_GATEWAY_TASK_SITE, DB_PARAMS(db_text(task)), "the task", &rows, err))
		return false;
	bool ok = caller_audit(request, "report.view", "task", task, db_get_text(rows, 0, "site_id"), NULL, err);
	db_rows_free(rows);
	return ok;
}

static bool reply_text(struct http_request *request, const char *task, const char *name, const struct db_rows *rows,
                       struct err *err)
{
	return audit_text(request, task, err) &&
	       http_reply_json(request, 200, json_pack("{s:o}", name, answer_row(rows, 0)), err);
}

bool handle_task_revisions(struct http_request *request, void *context, struct err *err)
{
	(void)context;
	const char *task;
	struct db *db;
	struct db_rows *rows = NULL;
	if (!input_path_id(request, "task", &task, err) || !caller_db(request, &db, err) ||
	    !db_exec_one(db, STMT_DESK_REVISIONS, DB_PARAMS(db_text(caller_id(request)), db_text(task)), "the task",
	                 &rows, err))
		return false;
	bool ok = reply_text(request, task, "revisions", rows, err);
	db_rows_free(rows);
	return ok;
}

bool handle_task_revision(struct http_request *request, void *context, struct err *err)
{
	(void)context;
	const char *task;
	int64_t revision = 0;
	struct db *db;
	struct db_rows *rows = NULL;
	if (!input_path_id(request, "task", &task, err) || !path_revision(request, &revision, err) ||
	    !caller_db(request, &db, err) ||
	    !db_exec_one(db, STMT_DESK_REVISION,
	                 DB_PARAMS(db_text(caller_id(request)), db_text(task), db_int(revision)), "the revision", &rows,
	                 err))
		return false;
	bool ok = reply_text(request, task, "body", rows, err);
	db_rows_free(rows);
	return ok;
}
