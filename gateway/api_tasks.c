/* Who holds a task: take, give back, return, move. The rules are those of lib/domain/task.h. */
#include <string.h>

#include "gateway/answer.h"
#include "gateway/caller.h"
#include "gateway/desk.h"
#include "gateway/handlers.h"
#include "gateway/input.h"
#include "lib/base/clock.h"
#include "lib/domain/task.h"

json_t *answer_lease(const struct task_lease *lease)
{
	char until[CLOCK_TEXT_MAX];
	clock_format(lease->until_us, until);
	return json_pack("{s:s, s:s, s:i, s:s}", "lease_token", lease->token, "lease_until", until, "study_version",
	                 lease->study_version, "state", task_state_name(lease->state));
}

static bool reply_lease(struct http_request *request, const struct task_lease *lease, struct err *err)
{
	http_keep_plain(request);
	return http_reply_json(request, 200, answer_lease(lease), err);
}

typedef bool take_function(struct db_pool *pool, const char *person_id, const char *task_id, struct task_lease *out,
                           struct err *err);

static bool take(struct http_request *request, struct gateway *gateway, take_function *function, struct err *err)
{
	const char *task;
	struct task_lease lease;
	return input_path_id(request, "task", &task, err) &&
	       function(gateway->pool, caller_id(request), task, &lease, err) && reply_lease(request, &lease, err);
}

bool handle_task_take(struct http_request *request, void *context, struct err *err)
{
	return take(request, context, task_take, err);
}

bool handle_task_review(struct http_request *request, void *context, struct err *err)
{
	return take(request, context, task_take_review, err);
}

bool handle_task_resume(struct http_request *request, void *context, struct err *err)
{
	return take(request, context, task_resume, err);
}

/* Task from the path, token from the body. */
static bool read_claim(struct http_request *request, bool needs_token, struct task_claim *out, json_t **body,
                       struct err *err)
{
	out->person_id = caller_id(request);
	return input_path_id(request, "task", &out->task_id, err) && http_body_json(request, body, err) &&
	       input_id(*body, "lease_token", needs_token, &out->lease_token, err);
}

bool handle_task_heartbeat(struct http_request *request, void *context, struct err *err)
{
	struct gateway *gateway = context;
	struct task_claim claim;
	json_t *body;
	int64_t until_us = 0;
	char until[CLOCK_TEXT_MAX];
	if (!read_claim(request, true, &claim, &body, err) || !task_renew(gateway->pool, &claim, &until_us, err))
		return false;
	clock_format(until_us, until);
	return http_reply_json(request, 200, json_pack("{s:s}", "lease_until", until), err);
}

bool handle_task_release(struct http_request *request, void *context, struct err *err)
{
	struct gateway *gateway = context;
	struct task_claim claim;
	json_t *body;
	return read_claim(request, true, &claim, &body, err) && task_release(gateway->pool, &claim, err) &&
	       answer_done(request, err);
}

bool handle_task_no_influence(struct http_request *request, void *context, struct err *err)
{
	struct gateway *gateway = context;
	struct task_claim claim;
	const char *reason;
	json_t *body;
	return read_claim(request, true, &claim, &body, err) &&
	       input_text(body, "reason", TASK_REASON_MAX, true, &reason, err) &&
	       task_settle_recheck(gateway->pool, &claim, reason, err) && answer_done(request, err);
}

bool handle_task_return(struct http_request *request, void *context, struct err *err)
{
	struct gateway *gateway = context;
	struct task_claim claim;
	json_t *body;
	const char *kind, *reason;
	if (!read_claim(request, false, &claim, &body, err) ||
	    !input_word(body, "kind", "request retake", true, &kind, err) ||
	    !input_text(body, "reason", TASK_REASON_MAX, true, &reason, err))
		return false;
	enum task_return_kind which = strcmp(kind, "request") == 0 ? TASK_RETURN_REQUEST : TASK_RETURN_RETAKE;
	return task_return(gateway->pool, &claim, which, reason, err) && answer_done(request, err);
}

bool handle_task_answer(struct http_request *request, void *context, struct err *err)
{
	struct gateway *gateway = context;
	const char *task, *answer;
	json_t *body;
	return input_path_id(request, "task", &task, err) && http_body_json(request, &body, err) &&
	       input_text(body, "answer", TASK_REASON_MAX, true, &answer, err) &&
	       task_answer(gateway->pool, caller_id(request), task, answer, err) && answer_done(request, err);
}

bool handle_task_assign(struct http_request *request, void *context, struct err *err)
{
	struct gateway *gateway = context;
	const char *task, *to, *reason;
	json_t *body;
	return input_path_id(request, "task", &task, err) && http_body_json(request, &body, err) &&
	       input_id(body, "to", true, &to, err) &&
	       input_text(body, "reason", TASK_REASON_MAX, false, &reason, err) &&
	       task_assign(gateway->pool, caller_id(request), task, to, reason, err) && answer_done(request, err);
}

bool handle_task_hand_over(struct http_request *request, void *context, struct err *err)
{
	struct gateway *gateway = context;
	struct task_claim claim;
	json_t *body;
	const char *to, *reason;
	return read_claim(request, false, &claim, &body, err) && input_id(body, "to", true, &to, err) &&
	       input_text(body, "reason", TASK_REASON_MAX, false, &reason, err) &&
	       task_hand_over(gateway->pool, &claim, to, reason, err) && answer_done(request, err);
}

bool handle_task_cancel(struct http_request *request, void *context, struct err *err)
{
	struct gateway *gateway = context;
	const char *task, *reason;
	json_t *body;
	return input_path_id(request, "task", &task, err) && http_body_json(request, &body, err) &&
	       input_text(body, "reason", TASK_REASON_MAX, true, &reason, err) &&
	       task_cancel(gateway->pool, caller_id(request), task, reason, err) && answer_done(request, err);
}
