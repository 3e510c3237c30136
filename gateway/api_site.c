/* The rest of a site's day: questions of the readers, printing, devices. */
#include "gateway/answer.h"
#include "gateway/caller.h"
#include "gateway/handlers.h"
#include "gateway/input.h"
#include "lib/domain/question.h"
#include "lib/domain/receipt.h"

static bool reply_question(struct http_request *request, const char *id, struct err *err)
{
	struct db *db;
	struct db_rows *rows = NULL;
	if (!caller_db(request, &db, err) ||
	    !db_exec_one(db, STMT_GATEWAY_QUESTION, DB_PARAMS(db_text(id)), "the question", &rows, err))
		return false;
	json_t *json = answer_row(rows, 0);
	db_rows_free(rows);
	return http_reply_json(request, 200, json, err);
}

bool handle_task_question(struct http_request *request, void *context, struct err *err)
{
	struct gateway *gateway = context;
	struct task_claim claim = {.person_id = caller_id(request)};
	const char *question;
	char id[TEXT_UUID_SIZE];
	json_t *body;
	return input_path_id(request, "task", &claim.task_id, err) && http_body_json(request, &body, err) &&
	       input_id(body, "lease_token", true, &claim.lease_token, err) &&
	       input_text(body, "question", TASK_REASON_MAX, true, &question, err) &&
	       question_ask(gateway->pool, &claim, question, id, err) && reply_question(request, id, err);
}

bool handle_question_answer(struct http_request *request, void *context, struct err *err)
{
	struct gateway *gateway = context;
	const char *id, *answer;
	json_t *body;
	return input_path_id(request, "question", &id, err) && http_body_json(request, &body, err) &&
	       input_text(body, "answer", TASK_REASON_MAX, true, &answer, err) &&
	       question_answer(gateway->pool, caller_id(request), id, answer, err) && reply_question(request, id, err);
}

bool handle_report_printed(struct http_request *request, void *context, struct err *err)
{
	struct gateway *gateway = context;
	const char *report;
	int64_t count = 0;
	json_t *body;
	return input_path_id(request, "report", &report, err) && http_body_json(request, &body, err) &&
	       receipt_print(gateway->pool, caller_id(request), report, &count, err) &&
	       http_reply_json(request, 200, json_pack("{s:I}", "printed", (json_int_t)count), err);
}

bool handle_devices(struct http_request *request, void *context, struct err *err)
{
	(void)context;
	const char *site;
	struct db *db;
	struct db_rows *rows = NULL;
	if (!input_query_id(request, "site", &site, err) || !caller_db(request, &db, err) ||
	    !db_exec(db, STMT_GATEWAY_DEVICE_LIST, DB_PARAMS(db_text(site)), &rows, err))
		return false;
	json_t *list = answer_list(rows, "devices");
	db_rows_free(rows);
	return http_reply_json(request, 200, list, err);
}

bool handle_device_test(struct http_request *request, void *context, struct err *err)
{
	(void)context;
	const char *device;
	struct db *db;
	struct db_rows *rows = NULL;
	json_t *body;
	if (!input_path_id(request, "device", &device, err) || !http_body_json(request, &body, err) ||
	    !caller_db(request, &db, err) ||
	    !db_exec_one(db, STMT_GATEWAY_DEVICE_TEST, DB_PARAMS(db_text(device)), "the device", &rows, err))
		return false;
	bool ok = caller_audit(request, "device.test", "device", device, db_get_text(rows, 0, "site_id"), NULL, err);
	json_t *json = ok ? answer_row(rows, 0) : NULL;
	db_rows_free(rows);
	return ok && http_reply_json(request, 200, json, err);
}
