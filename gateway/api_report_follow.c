/* 更正, 补充: the version that follows an issued report; and 收回旧报告 at the site. The rules are those of lib/domain/report_follow.h. */
#include "gateway/answer.h"
#include "gateway/caller.h"
#include "gateway/handlers.h"
#include "gateway/input.h"
#include "lib/domain/report_follow.h"

bool handle_report_follow(struct http_request *request, void *context, struct err *err)
{
	struct gateway *gateway = context;
	const char *report, *kind, *reason;
	char task[TEXT_UUID_SIZE], next[TEXT_UUID_SIZE];
	json_t *body;
	return input_path_id(request, "report", &report, err) && http_body_json(request, &body, err) &&
	       input_word(body, "kind", "correction supplement", true, &kind, err) &&
	       input_text(body, "reason", REPORT_FOLLOW_REASON_MAX, true, &reason, err) &&
	       report_follow(gateway->pool, caller_id(request), report, kind, reason, task, next, err) &&
	       http_reply_json(request, 201, json_pack("{s:s, s:s}", "task_id", task, "report_id", next), err);
}

bool handle_report_recalled(struct http_request *request, void *context, struct err *err)
{
	struct gateway *gateway = context;
	const char *report;
	json_t *body;
	return input_path_id(request, "report", &report, err) && http_body_json(request, &body, err) &&
	       report_recall_done(gateway->pool, caller_id(request), report, err) && answer_done(request, err);
}
