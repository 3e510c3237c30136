/* The report of a task: draft, submission, sending back, signing; and reading it. The rules are those of lib/domain/report.h. */
#include <unistd.h>

#include "gateway/answer.h"
#include "gateway/caller.h"
#include "gateway/handlers.h"
#include "gateway/input.h"
#include "lib/domain/report_check.h"
#include "lib/domain/task.h"

enum { PASSWORD_BYTES = 1024, REMARK_BYTES = 8000, REVISION_MAX = 1000000 };

static bool read_claim(struct http_request *request, struct task_claim *out, json_t **body, struct err *err)
{
	out->person_id = caller_id(request);
	return input_path_id(request, "task", &out->task_id, err) && http_body_json(request, body, err) &&
	       input_id(*body, "lease_token", true, &out->lease_token, err);
}

bool handle_task_draft(struct http_request *request, void *context, struct err *err)
{
	struct gateway *gateway = context;
	struct task_claim claim;
	struct report_body content;
	json_t *body;
	int seen = 0, revision = 0;
	char report[TEXT_UUID_SIZE];
	if (!read_claim(request, &claim, &body, err) || !input_int(body, "revision", 0, REVISION_MAX, &seen, err))
		return false;
	const json_t *given = json_object_get(body, "body");
	if (!json_is_object(given))
		return err_set(err, ERR_INVALID, "body is no object");
	if (!report_body_from_json(given, &content, err) ||
	    !report_draft_save(&gateway->desk, &claim, seen, &content, &revision, report, err))
		return false;
	return http_reply_json(request, 200, json_pack("{s:s, s:i}", "report_id", report, "revision", revision), err);
}

/* Shows nothing that the caller did not send: not audited. */
bool handle_task_check(struct http_request *request, void *context, struct err *err)
{
	struct gateway *gateway = context;
	struct report_body content;
	const char *task;
	json_t *body, *findings = NULL;
	if (!input_path_id(request, "task", &task, err) || !http_body_json(request, &body, err))
		return false;
	const json_t *given = json_object_get(body, "body");
	if (!json_is_object(given))
		return err_set(err, ERR_INVALID, "body is no object");
	if (!report_body_from_json(given, &content, err) ||
	    !report_check_task(&gateway->desk, caller_id(request), task, &content, &findings, err))
		return false;
	return http_reply_json(request, 200, json_pack("{s:o}", "findings", findings), err);
}

bool handle_task_submit(struct http_request *request, void *context, struct err *err)
{
	struct gateway *gateway = context;
	struct task_claim claim;
	json_t *body;
	const char *password;
	int revision = 0;
	struct report_seen seen = {0, -1};
	return read_claim(request, &claim, &body, err) &&
	       input_int(body, "revision", 1, REVISION_MAX, &revision, err) &&
	       input_int(body, "study_version", 1, REVISION_MAX, &seen.study_version, err) &&
	       (json_object_get(body, "patient_revision") == NULL ||
	        input_int(body, "patient_revision", 0, REVISION_MAX, &seen.patient_revision, err)) &&
	       input_text(body, "password", PASSWORD_BYTES, true, &password, err) &&
	       report_submit(&gateway->desk, &claim, password, revision, &seen, err) && answer_done(request, err);
}

bool handle_task_send_back(struct http_request *request, void *context, struct err *err)
{
	struct gateway *gateway = context;
	struct task_claim claim;
	json_t *body;
	const char *remark;
	return read_claim(request, &claim, &body, err) &&
	       input_text(body, "remark", REMARK_BYTES, true, &remark, err) &&
	       report_send_back(&gateway->desk, &claim, remark, err) && answer_done(request, err);
}

bool handle_task_sign(struct http_request *request, void *context, struct err *err)
{
	struct gateway *gateway = context;
	struct task_claim claim;
	json_t *body;
	const char *password;
	return read_claim(request, &claim, &body, err) &&
	       input_text(body, "password", PASSWORD_BYTES, true, &password, err) &&
	       report_issue(&gateway->desk, &claim, password, err) && answer_done(request, err);
}

static bool audit_view(struct http_request *request, const char *task, struct err *err)
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

static bool show(struct http_request *request, struct gateway *gateway, const char *task, const char *version,
                 struct err *err)
{
	json_t *report = NULL;
	if (!report_show(&gateway->desk, caller_id(request), task, version, &report, err))
		return false;
	if (!audit_view(request, task, err)) {
		json_decref(report);
		return false;
	}
	return http_reply_json(request, 200, report, err);
}

bool handle_task_report(struct http_request *request, void *context, struct err *err)
{
	const char *task;
	return input_path_id(request, "task", &task, err) && show(request, context, task, NULL, err);
}

bool handle_report(struct http_request *request, void *context, struct err *err)
{
	const char *report;
	struct db *db;
	struct db_rows *rows = NULL;
	if (!input_path_id(request, "report", &report, err) || !caller_db(request, &db, err) ||
	    !db_exec_one(db, STMT_GATEWAY_REPORT, DB_PARAMS(db_text(report)), "the report", &rows, err))
		return false;
	char task[TEXT_UUID_SIZE];
	text_copy(task, sizeof task, db_get_text(rows, 0, "task_id"));
	db_rows_free(rows);
	caller_rest(request);
	return show(request, context, task, report, err);
}

bool handle_report_pdf(struct http_request *request, void *context, struct err *err)
{
	struct gateway *gateway = context;
	const char *report;
	int fd = -1;
	uint64_t size = 0;
	if (!input_path_id(request, "report", &report, err) ||
	    !report_open_pdf(&gateway->desk, caller_id(request), report, &fd, &size, err))
		return false;
	/* The look and the receipt (回执) were noted with the opening. */
	if (!http_add_header(request, "Content-Disposition", "inline; filename=\"report.pdf\"", err) ||
	    !http_add_header(request, "Content-Security-Policy", "default-src 'none'; frame-ancestors 'self'", err) ||
	    !http_add_header(request, "X-Frame-Options", "SAMEORIGIN", err)) {
		close(fd);
		return false;
	}
	return http_reply_file(request, "application/pdf", fd, size, err);
}
