#include "lib/domain/delivery_settle.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/base/conf.h"
#include "lib/base/file.h"
#include "lib/base/log.h"
#include "lib/db/db.h"
#include "lib/domain/breaker.h"
#include "lib/domain/change.h"
#include "lib/domain/delivery.h"

enum { COMMENT_MAX = 200, REASON_MAX = 500, PASSING_MAX = 10 /* let pass by who had its turn */ };

bool delivery_record(struct db *db, const char *delivery_id, const char *site_id, const char *state, bool is_audited,
                     struct err *err)
{
	char name[64];
	struct change change = {.event = name,
	                        .action = is_audited ? name : NULL,
	                        .subject_kind = "delivery",
	                        .subject_id = delivery_id,
	                        .site_id = site_id};

	snprintf(name, sizeof(name), "delivery.%s", state);
	log_info(LOG_DELIVERY_STATE, "delivery=%s state=%s", delivery_id, state);
	return change_record(db, &change, err);
}

bool delivery_item_settle(struct db_pool *pool, const struct delivery_job *job, const struct delivery_item *item,
                          enum delivery_item_state state, int dimse_status, const char *comment, struct err *err)
{
	char text[COMMENT_MAX + 1];
	struct db *db;
	bool ok;

	text_copy(text, sizeof(text), comment ? comment : "");
	if (!db_take(pool, &db, err))
		return false;
	ok = db_exec(db, STMT_DELIVERY_ITEM_WRITE,
	             DB_PARAMS(db_text(job->id), db_text(item->instance_id), db_text(delivery_item_state_name(state)),
	                       dimse_status < 0 ? db_null() : db_int(dimse_status),
	                       db_text(text_is_utf8(text, strlen(text)) ? text : "")),
	             NULL, err);
	db_give(db);
	return ok;
}

/* ---- the row -------------------------------------------------------------------------------------------------------------- */

struct settle {
	const struct delivery_job *job;
	struct delivery_outcome outcome;
	enum delivery_state to;
	bool is_probe; /* the destination was in doubt before */
	char reason[REASON_MAX + 1];
};

static const char *attempt_outcome(enum delivery_event event)
{
	switch (event) {
	case DELIVERY_EVENT_CONFIRM:
	case DELIVERY_EVENT_PROVE:
		return "confirmed";
	case DELIVERY_EVENT_REFUSE:
		return "refused";
	case DELIVERY_EVENT_LOSE:
		return "unknown";
	case DELIVERY_EVENT_YIELD:
		return "yielded";
	default:
		return "failed";
	}
}

static struct db_param next_try(const struct settle *settle)
{
	const struct delivery_outcome *outcome = &settle->outcome;

	if (outcome->next != DELIVERY_NEXT_IN)
		return db_null();
	return db_int(outcome->asked_ms > outcome->next_in_ms ? outcome->asked_ms : outcome->next_in_ms);
}

static bool write_row(struct db *db, const struct settle *settle, bool *is_ours, struct err *err)
{
	const struct delivery_outcome *outcome = &settle->outcome;
	struct db_rows *rows;

	if (!db_exec(db, STMT_DELIVERY_WRITE,
	             DB_PARAMS(db_text(settle->job->id), db_text(delivery_state_name(settle->job->state)),
	                       db_text(settle->job->worker_id), db_text(delivery_state_name(settle->to)),
	                       next_try(settle), db_text(settle->reason), db_int(outcome->failures),
	                       outcome->proof ? db_text(outcome->proof) : db_null(),
	                       outcome->note[0] ? db_text(outcome->note) : db_null(), db_int(outcome->proof_rounds),
	                       db_int(settle->is_probe)),
	             &rows, err))
		return false;
	*is_ours = db_rows_count(rows) > 0;
	db_rows_free(rows);
	return true;
}

/* The row, if it is still this worker's. */
static bool write_delivery(struct db *db, const struct settle *settle, struct err *err)
{
	bool is_ours;

	if (!write_row(db, settle, &is_ours, err))
		return false;
	if (!is_ours)
		return err_set(err, ERR_CONFLICT, "cannot settle a delivery that somebody else has taken over");
	return settle->outcome.next != DELIVERY_NEXT_TURN ||
	       db_exec(db, STMT_DELIVERY_STEP_BACK, DB_PARAMS(db_text(settle->job->id), db_int(PASSING_MAX)), NULL,
	               err);
}

/* ---- objects -------------------------------------------------------------------------------------------------------------- */

static bool is_confirmed(const struct delivery_item *item)
{
	return item->state == DELIVERY_ITEM_CONFIRMED;
}

static bool is_missing(const struct delivery_item *item)
{
	return item->is_missing;
}

static bool write_items(struct db *db, const struct delivery_job *job, enum db_statement statement,
                        bool (*belongs)(const struct delivery_item *item), struct err *err)
{
	const char **ids = calloc(job->item_count + 1, sizeof(*ids));
	size_t count = 0, i;
	bool ok;

	if (!ids)
		err_panic("out of memory");
	for (i = 0; i < job->item_count; i++)
		if (belongs(&job->items[i]))
			ids[count++] = job->items[i].instance_id;
	ok = count == 0 || db_exec(db, statement, DB_PARAMS(db_text(job->id), db_texts(ids, count)), NULL, err);
	free(ids);
	return ok;
}

/*
 * Also what the peer has answered for and the ledger did not hear of at the time, because it was away just then. Beyond the deadline nothing is sent
 * again: what is unknown stays so on record, until somebody requeues it.
 */
static bool write_objects(struct db *db, const struct settle *settle, struct err *err)
{
	const struct delivery_job *job = settle->job;
	bool is_again = job->state == DELIVERY_VERIFYING && settle->to == DELIVERY_WAITING && !job->is_overdue;

	return write_items(db, job, STMT_DELIVERY_ITEMS_CONFIRM, is_confirmed, err) &&
	       write_items(db, job, STMT_DELIVERY_ITEMS_MISSING, is_missing, err) &&
	       (!is_again || db_exec(db, STMT_DELIVERY_ITEMS_AGAIN, DB_PARAMS(db_text(job->id)), NULL, err));
}

/* ---- the destination -------------------------------------------------------------------------------------------------------- */

static int64_t or_default(int64_t value, enum conf_id option)
{
	return value ? value : conf_number(option);
}

static void read_breaker(const struct db_rows *rows, struct breaker *breaker, struct breaker_limits *limits)
{
	breaker->failures = (int)db_get_int(rows, 0, "failures");
	breaker->resting_until_us = db_get_time(rows, 0, "resting_until");
	breaker->slow_start = (int)db_get_int(rows, 0, "slow_start");
	limits->places = (int)or_default(db_get_int(rows, 0, "deliveries_max"), CONF_DELIVERY_WORKERS);
	limits->rest_min_ms = or_default(db_get_int(rows, 0, "backoff_min_ms"), CONF_DELIVERY_BACKOFF_MIN);
	limits->rest_max_ms = or_default(db_get_int(rows, 0, "backoff_max_ms"), CONF_DELIVERY_BACKOFF_MAX);
	text_random(&limits->random, sizeof(limits->random));
}

static bool write_breaker(struct db *db, const struct settle *settle, const struct breaker *breaker, struct err *err)
{
	return db_exec(db, STMT_DESTINATION_WRITE,
	               DB_PARAMS(db_text(settle->job->destination_id), db_int(breaker->failures),
	                         breaker->resting_until_us ? db_time(breaker->resting_until_us) : db_null(),
	                         db_int(breaker->slow_start), db_bool(settle->to == DELIVERY_DELIVERED),
	                         db_text(settle->outcome.event == DELIVERY_EVENT_YIELD ? "" : settle->reason)),
	               NULL, err);
}

static void conclude_without_way(struct settle *settle, const struct breaker *breaker,
                                 const struct breaker_limits *limits, bool is_answered)
{
	struct delivery_past past = {
	    .backoff_min_ms = limits->rest_min_ms, .backoff_max_ms = limits->rest_max_ms, .random = limits->random};

	settle->is_probe = breaker->failures > 0 && !is_answered;
	delivery_without_way(&settle->outcome, settle->is_probe, &past);
}

/* A peer that says how long it wants to be left alone (HTTP Retry-After) is not asked sooner by anything that waits for it. */
static void respect_wish(const struct delivery_outcome *outcome, struct breaker *breaker, int64_t now_us)
{
	int64_t until_us = now_us + 1000 * outcome->asked_ms;

	if (outcome->asked_ms > 0 && breaker->resting_until_us < until_us)
		breaker->resting_until_us = until_us;
}

/* Locks the destination, as every claim does first. */
static bool write_destination(struct db *db, struct settle *settle, struct err *err)
{
	struct delivery_outcome *outcome = &settle->outcome;
	struct breaker_limits limits;
	struct breaker breaker;
	struct db_rows *rows;
	int64_t now_us;

	if (!db_exec_one(db, STMT_DESTINATION_BREAKER, DB_PARAMS(db_text(settle->job->destination_id)),
	                 "the destination", &rows, err))
		return false;
	read_breaker(rows, &breaker, &limits);
	now_us = db_get_time(rows, 0, "now");
	db_rows_free(rows);
	if (outcome->next == DELIVERY_NEXT_WAY)
		conclude_without_way(settle, &breaker, &limits, outcome->is_answered);
	if (outcome->is_answered)
		breaker_answer(&breaker, &limits);
	if (outcome->is_broken)
		breaker_fail(&breaker, &limits, outcome->is_answered, now_us);
	respect_wish(outcome, &breaker, now_us);
	return write_breaker(db, settle, &breaker, err);
}

/* ---- all of it -------------------------------------------------------------------------------------------------------------- */

static bool end_attempt(struct db *db, const struct settle *settle, struct err *err)
{
	return db_exec(db, STMT_DELIVERY_ATTEMPT_END,
	               DB_PARAMS(db_text(settle->job->id), db_text(attempt_outcome(settle->outcome.event)),
	                         db_text(settle->reason)),
	               NULL, err);
}

static bool is_final(enum delivery_state state)
{
	return state == DELIVERY_DELIVERED || state == DELIVERY_QUARANTINED;
}

static bool settle_work(struct db *db, void *context, struct err *err)
{
	struct settle *settle = context;

	if (!write_destination(db, settle, err) || !write_delivery(db, settle, err) ||
	    !write_objects(db, settle, err) || !end_attempt(db, settle, err) ||
	    (settle->to == DELIVERY_DELIVERED &&
	     !db_exec(db, STMT_DELIVERY_RECEIPT, DB_PARAMS(db_text(settle->job->id)), NULL, err)))
		return false;
	file_kill_point("delivery_settle");
	return settle->to == settle->job->state ||
	       delivery_record(db, settle->job->id, settle->job->site_id, delivery_state_name(settle->to),
	                       is_final(settle->to), err);
}

static void copy_reason(char out[REASON_MAX + 1], const char *reason)
{
	text_copy(out, REASON_MAX + 1, reason);
	if (!text_is_utf8(out, strlen(out)))
		out[0] = '\0';
}

bool delivery_settle(struct db_pool *pool, const struct delivery_job *job, const struct delivery_outcome *outcome,
                     struct err *err)
{
	struct settle settle = {.job = job, .outcome = *outcome, .to = job->state};

	copy_reason(settle.reason, outcome->reason);
	if (!outcome->is_put_off && !delivery_next(job->state, outcome->event, &settle.to))
		return err_set(err, ERR_CONFLICT, "cannot settle: no %s from %s", delivery_event_name(outcome->event),
		               delivery_state_name(job->state));
	if (!db_transact(pool, NULL, settle_work, &settle, err))
		return false;
	file_kill_point("delivery_settled");
	return true;
}

/* It may be what ended the program: that counts as a failure of its own. */
bool delivery_lose(struct db *db, const struct delivery_job *job, struct err *err)
{
	struct settle settle = {
	    .job = job,
	    .outcome = {.event = DELIVERY_EVENT_LOSE, .failures = job->failures + 1, .proof_rounds = job->proof_rounds},
	    .to = DELIVERY_VERIFYING};

	copy_reason(settle.reason, "the program that sent it ended before it could say how it went");
	return write_delivery(db, &settle, err) && end_attempt(db, &settle, err) &&
	       delivery_record(db, job->id, job->site_id, "verifying", false, err);
}
