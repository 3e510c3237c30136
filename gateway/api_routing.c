/* Beside the rules: what waits for a person because of them, agreements, the duty table, studies routed by hand. */
#include <string.h>

#include "gateway/answer.h"
#include "gateway/caller.h"
#include "gateway/handlers.h"
#include "gateway/input.h"
#include "lib/domain/duty.h"
#include "lib/domain/reroute.h"
#include "lib/domain/row_json.h"

enum { REASON_MAX = 2000, TEXT_MAX = 2000, DAY_MAX = 10 };

static bool reply_list(struct http_request *request, enum db_statement statement, const char *name, struct err *err)
{
	struct db *db;
	struct db_rows *rows = NULL;
	if (!caller_db(request, &db, err) || !db_exec(db, statement, DB_NO_PARAMS, &rows, err))
		return false;
	json_t *list = json_array();
	for (int i = 0; i < db_rows_count(rows); i++)
		json_array_append_new(list, row_json(rows, i));
	db_rows_free(rows);
	return http_reply_json(request, 200, json_pack("{s:o}", name, list), err);
}

bool handle_rule_waiting(struct http_request *request, void *context, struct err *err)
{
	(void)context;
	return reply_list(request, STMT_ROUTING_WAITING, "studies", err);
}

bool handle_agreements(struct http_request *request, void *context, struct err *err)
{
	(void)context;
	return reply_list(request, STMT_AGREEMENT_LIST, "agreements", err);
}

bool handle_duties(struct http_request *request, void *context, struct err *err)
{
	(void)context;
	return reply_list(request, STMT_DUTY_LIST, "duties", err);
}

bool handle_calendar(struct http_request *request, void *context, struct err *err)
{
	(void)context;
	return reply_list(request, STMT_CALENDAR_LIST, "days", err);
}

/* ---- agreements, duty table ------------------------------------------------------------------------------------------- */

static bool act(struct http_request *request, struct gateway *gateway, struct duty_act *act, struct err *err)
{
	act->person_id = caller_id(request);
	caller_rest(request);
	return duty_act_make(gateway->pool, act, err) &&
	       http_reply_json(request, 200, json_pack("{s:b, s:s}", "ok", 1, "id", act->id), err);
}

bool handle_agreement_add(struct http_request *request, void *context, struct err *err)
{
	struct duty_act add = {.kind = DUTY_ACT_AGREE};
	struct agreement_new *new = &add.agreement;
	json_t *body;
	return http_body_json(request, &body, err) && input_id(body, "hospital_id", true, &new->hospital_id, err) &&
	       input_id(body, "scope_id", true, &new->scope_id, err) &&
	       input_text(body, "from_day", DAY_MAX, true, &new->from_day, err) &&
	       input_text(body, "until_day", DAY_MAX, false, &new->until_day, err) &&
	       input_text(body, "note", TEXT_MAX, false, &new->note, err) && act(request, context, &add, err);
}

bool handle_agreement_end(struct http_request *request, void *context, struct err *err)
{
	struct duty_act end = {.kind = DUTY_ACT_AGREEMENT_END};
	const char *id;
	json_t *body;
	if (!input_path_id(request, "agreement", &id, err) || !http_body_json(request, &body, err) ||
	    !input_text(body, "last_day", DAY_MAX, true, &end.last_day, err))
		return false;
	text_copy(end.id, sizeof end.id, id);
	return act(request, context, &end, err);
}

bool handle_duty_add(struct http_request *request, void *context, struct err *err)
{
	struct duty_act add = {.kind = DUTY_ACT_ADD};
	struct duty_new *new = &add.duty;
	json_t *body;
	return http_body_json(request, &body, err) && input_id(body, "queue_id", true, &new->queue_id, err) &&
	       input_id(body, "by_queue_id", true, &new->by_queue_id, err) &&
	       input_text(body, "weekdays", TEXT_MAX, false, &new->weekdays, err) &&
	       input_text(body, "day_kind", TEXT_MAX, false, &new->day_kind, err) &&
	       input_text(body, "hours", TEXT_MAX, false, &new->hours, err) &&
	       input_text(body, "from_day", DAY_MAX, false, &new->from_day, err) &&
	       input_text(body, "until_day", DAY_MAX, false, &new->until_day, err) &&
	       input_text(body, "note", TEXT_MAX, false, &new->note, err) && act(request, context, &add, err);
}

bool handle_duty_end(struct http_request *request, void *context, struct err *err)
{
	struct duty_act end = {.kind = DUTY_ACT_END};
	const char *id;
	if (!input_path_id(request, "duty", &id, err))
		return false;
	text_copy(end.id, sizeof end.id, id);
	return act(request, context, &end, err);
}

/* ---- studies ---------------------------------------------------------------------------------------------------------- */

bool handle_reroute_preview(struct http_request *request, void *context, struct err *err)
{
	(void)context;
	struct reroute reroute = {.person_id = caller_id(request)};
	struct db *db;
	struct db_rows *rows = NULL;
	json_t *preview;
	if (!input_path_id(request, "study", &reroute.study_id, err) || !caller_db(request, &db, err) ||
	    !db_exec_one(db, STMT_GATEWAY_STUDY_SITE, DB_PARAMS(db_text(reroute.study_id)), "the study", &rows, err))
		return false;
	bool ok = caller_audit(request, "study.reroute_preview", "study", reroute.study_id,
	                       db_get_text(rows, 0, "site_id"), NULL, err);
	db_rows_free(rows);
	return ok && reroute_preview(db, &reroute, &preview, err) && http_reply_json(request, 200, preview, err);
}

static bool ask_work(struct db *db, void *context, struct err *err)
{
	return reroute_ask(db, context, err);
}

static bool release_work(struct db *db, void *context, struct err *err)
{
	return reroute_release(db, context, err);
}

static bool deed(struct http_request *request, struct gateway *gateway, db_work *work, struct err *err)
{
	struct reroute reroute = {.person_id = caller_id(request)};
	json_t *body;
	return input_path_id(request, "study", &reroute.study_id, err) && http_body_json(request, &body, err) &&
	       input_text(body, "reason", REASON_MAX, true, &reroute.reason, err) &&
	       db_transact(gateway->pool, reroute.person_id, work, &reroute, err) && answer_done(request, err);
}

bool handle_reroute(struct http_request *request, void *context, struct err *err)
{
	return deed(request, context, ask_work, err);
}

bool handle_release(struct http_request *request, void *context, struct err *err)
{
	return deed(request, context, release_work, err);
}
