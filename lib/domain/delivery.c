#include "lib/domain/delivery.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/base/file.h"
#include "lib/base/log.h"
#include "lib/db/db.h"
#include "lib/domain/change.h"

enum { BATCH = 100, COMMENT_MAX = 200, REASON_MAX = 500 };

void delivery_job_free(struct delivery_job *job)
{
	if (!job)
		return;
	free(job->items);
	free(job);
}

/* Finals are audited; tries are not, delivery_attempt has them. */
static bool record(struct db *db, const char *delivery_id, const char *site_id, const char *state, bool is_audited,
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

/* For statements that give back columns delivery and site of what they changed. */
static bool record_rows(struct db *db, const struct db_rows *rows, const char *state, struct err *err)
{
	int i;

	for (i = 0; i < db_rows_count(rows); i++)
		if (!record(db, db_get_text(rows, i, "delivery"), db_get_text(rows, i, "site"), state, true, err))
			return false;
	return true;
}

/* ---- made, found ---------------------------------------------------------------------------------------------------------- */

struct batch {
	int64_t deadline_ms;
	int count;
};

static bool create_work(struct db *db, void *context, struct err *err)
{
	struct batch *batch = context;
	struct db_rows *rows;
	bool ok;

	if (!db_exec(db, STMT_DELIVERY_CREATE, DB_PARAMS(db_int(batch->deadline_ms), db_int(BATCH)), &rows, err))
		return false;
	batch->count = db_rows_count(rows);
	ok = record_rows(db, rows, "create", err);
	db_rows_free(rows);
	file_kill_point("delivery_create");
	return ok;
}

bool delivery_create_due(struct db_pool *pool, int64_t deadline_ms, int *out_count, struct err *err)
{
	struct batch batch = {.deadline_ms = deadline_ms};

	if (!db_transact(pool, NULL, create_work, &batch, err))
		return false;
	*out_count = batch.count;
	return true;
}

bool delivery_destinations_due(struct db_pool *pool, delivery_each_destination *each, void *context, struct err *err)
{
	struct db_rows *rows;
	struct db *db;
	bool ok;
	int i;

	if (!db_take(pool, &db, err))
		return false;
	ok = db_exec(db, STMT_DELIVERY_DESTINATIONS_DUE, DB_NO_PARAMS, &rows, err);
	db_give(db);
	if (!ok)
		return false;
	for (i = 0; i < db_rows_count(rows); i++)
		each(context, db_get_text(rows, i, "destination"), (int)db_get_int(rows, i, "due"));
	db_rows_free(rows);
	return true;
}

/* ---- claim ---------------------------------------------------------------------------------------------------------------- */

struct claim {
	const char *destination_id, *worker_id;
	int64_t lease_ms;
	struct delivery_job *job;
};

static void read_job(const struct db_rows *rows, struct delivery_job *job)
{
	text_copy(job->id, sizeof(job->id), db_get_text(rows, 0, "delivery"));
	text_copy(job->site_id, sizeof(job->site_id), db_get_text(rows, 0, "site"));
	text_copy(job->destination_id, sizeof(job->destination_id), db_get_text(rows, 0, "destination"));
	job->state = (enum delivery_state)machine_state_find(delivery_machine(), db_get_text(rows, 0, "state"));
	job->attempts = (int)db_get_int(rows, 0, "attempts");
	job->is_overdue = db_get_bool(rows, 0, "is_overdue");
}

static void read_item(const struct db_rows *rows, int row, struct delivery_item *item)
{
	text_copy(item->instance_id, sizeof(item->instance_id), db_get_text(rows, row, "instance"));
	text_copy(item->object_key, sizeof(item->object_key), db_get_text(rows, row, "object_key"));
	text_copy(item->sop_class_uid, sizeof(item->sop_class_uid), db_get_text(rows, row, "sop_class_uid"));
	text_copy(item->sop_instance_uid, sizeof(item->sop_instance_uid), db_get_text(rows, row, "sop_instance_uid"));
	text_copy(item->transfer_syntax_uid, sizeof(item->transfer_syntax_uid),
	          db_get_text(rows, row, "transfer_syntax_uid"));
	item->state = (enum delivery_item_state)delivery_item_state_find(db_get_text(rows, row, "state"));
}

static bool load_items(struct db *db, struct delivery_job *job, struct err *err)
{
	struct db_rows *rows;
	size_t i;

	if (!db_exec(db, STMT_DELIVERY_ITEMS, DB_PARAMS(db_text(job->id)), &rows, err))
		return false;
	job->item_count = (size_t)db_rows_count(rows);
	job->items = calloc(job->item_count + 1, sizeof(*job->items));
	if (!job->items)
		err_panic("out of memory");
	for (i = 0; i < job->item_count; i++)
		read_item(rows, (int)i, &job->items[i]);
	db_rows_free(rows);
	return true;
}

static struct delivery_job *new_job(const struct db_rows *rows, const char *worker_id)
{
	struct delivery_job *job = calloc(1, sizeof(*job));

	if (!job)
		err_panic("out of memory");
	read_job(rows, job);
	text_copy(job->worker_id, sizeof(job->worker_id), worker_id);
	return job;
}

static bool claim_work(struct db *db, void *context, struct err *err)
{
	struct claim *claim = context;
	struct db_rows *rows;

	delivery_job_free(claim->job);
	claim->job = NULL;
	if (!db_exec(db, STMT_DELIVERY_CLAIM,
	             DB_PARAMS(db_text(claim->destination_id), db_text(claim->worker_id), db_int(claim->lease_ms)),
	             &rows, err))
		return false;
	if (db_rows_count(rows) == 0) {
		db_rows_free(rows);
		return true;
	}
	claim->job = new_job(rows, claim->worker_id);
	db_rows_free(rows);
	if (!load_items(db, claim->job, err))
		return false;
	return claim->job->state != DELIVERY_SENDING ||
	       (db_exec(db, STMT_DELIVERY_ATTEMPT_BEGIN, DB_PARAMS(db_text(claim->job->id)), NULL, err) &&
	        record(db, claim->job->id, claim->job->site_id, "sending", false, err));
}

bool delivery_claim(struct db_pool *pool, const char *destination_id, const char *worker_id, int64_t lease_ms,
                    struct delivery_job **out, struct err *err)
{
	struct claim claim = {.destination_id = destination_id, .worker_id = worker_id, .lease_ms = lease_ms};

	if (!db_transact(pool, NULL, claim_work, &claim, err)) {
		delivery_job_free(claim.job);
		return false;
	}
	*out = claim.job;
	return true;
}

bool delivery_keep(struct db_pool *pool, const char *worker_id, const char *const *ids, size_t count, int64_t lease_ms,
                   struct err *err)
{
	struct db *db;
	bool ok;

	if (count == 0)
		return true;
	if (!db_take(pool, &db, err))
		return false;
	ok = db_exec(db, STMT_DELIVERY_KEEP, DB_PARAMS(db_text(worker_id), db_texts(ids, count), db_int(lease_ms)),
	             NULL, err);
	db_give(db);
	return ok;
}

/* ---- settle --------------------------------------------------------------------------------------------------------------- */

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

struct settle {
	const struct delivery_job *job;
	enum delivery_event event;
	enum delivery_state to;
	int64_t next_in_ms;
	char reason[REASON_MAX + 1];
};

static const char *attempt_outcome(enum delivery_event event)
{
	switch (event) {
	case DELIVERY_EVENT_CONFIRM:
		return "confirmed";
	case DELIVERY_EVENT_REFUSE:
		return "refused";
	case DELIVERY_EVENT_LOSE:
		return "unknown";
	default:
		return "failed";
	}
}

/* The row, if it is still this worker's. */
static bool write_delivery(struct db *db, const struct settle *settle, struct err *err)
{
	struct db_rows *rows;
	bool is_ours;

	if (!db_exec(db, STMT_DELIVERY_WRITE,
	             DB_PARAMS(db_text(settle->job->id), db_text(delivery_state_name(settle->job->state)),
	                       db_text(settle->job->worker_id), db_text(delivery_state_name(settle->to)),
	                       db_int(settle->next_in_ms), db_text(settle->reason)),
	             &rows, err))
		return false;
	is_ours = db_rows_count(rows) > 0;
	db_rows_free(rows);
	return is_ours || err_set(err, ERR_CONFLICT, "cannot settle a delivery that somebody else has taken over");
}

static bool write_destination(struct db *db, const struct settle *settle, struct err *err)
{
	if (settle->event == DELIVERY_EVENT_CONFIRM)
		return db_exec(db, STMT_DELIVERY_RECEIPT, DB_PARAMS(db_text(settle->job->id)), NULL, err) &&
		       db_exec(db, STMT_DESTINATION_WORKED, DB_PARAMS(db_text(settle->job->destination_id)), NULL, err);
	return db_exec(db, STMT_DESTINATION_FAILED,
	               DB_PARAMS(db_text(settle->job->destination_id), db_text(settle->reason)), NULL, err);
}

/* What the peer has answered for and the ledger did not hear of at the time, because it was away just then. */
static bool write_confirmed(struct db *db, const struct delivery_job *job, struct err *err)
{
	const char **ids = calloc(job->item_count + 1, sizeof(*ids));
	size_t count = 0, i;
	bool ok;

	if (!ids)
		err_panic("out of memory");
	for (i = 0; i < job->item_count; i++)
		if (job->items[i].state == DELIVERY_ITEM_CONFIRMED)
			ids[count++] = job->items[i].instance_id;
	ok = count == 0 ||
	     db_exec(db, STMT_DELIVERY_ITEMS_CONFIRM, DB_PARAMS(db_text(job->id), db_texts(ids, count)), NULL, err);
	free(ids);
	return ok;
}

static bool settle_work(struct db *db, void *context, struct err *err)
{
	const struct settle *settle = context;
	bool is_from_verifying = settle->job->state == DELIVERY_VERIFYING;

	if (!write_delivery(db, settle, err) || !write_confirmed(db, settle->job, err) ||
	    !db_exec(
	        db, STMT_DELIVERY_ATTEMPT_END,
	        DB_PARAMS(db_text(settle->job->id), db_text(attempt_outcome(settle->event)), db_text(settle->reason)),
	        NULL, err))
		return false;
	/* Beyond the deadline nothing is sent again: what is unknown stays so on record, until somebody requeues it. */
	if (is_from_verifying && settle->event == DELIVERY_EVENT_FAIL && !settle->job->is_overdue &&
	    !db_exec(db, STMT_DELIVERY_ITEMS_AGAIN, DB_PARAMS(db_text(settle->job->id)), NULL, err))
		return false;
	if (!write_destination(db, settle, err))
		return false;
	file_kill_point("delivery_settle");
	return record(db, settle->job->id, settle->job->site_id, delivery_state_name(settle->to),
	              settle->to == DELIVERY_DELIVERED || settle->to == DELIVERY_QUARANTINED, err);
}

static void copy_reason(char out[REASON_MAX + 1], const char *reason)
{
	text_copy(out, REASON_MAX + 1, reason ? reason : "");
	if (!text_is_utf8(out, strlen(out)))
		out[0] = '\0';
}

bool delivery_settle(struct db_pool *pool, const struct delivery_job *job, enum delivery_event event,
                     int64_t next_in_ms, const char *reason, struct err *err)
{
	struct settle settle = {.job = job, .event = event, .next_in_ms = next_in_ms};

	copy_reason(settle.reason, reason);
	if (!delivery_next(job->state, event, &settle.to))
		return err_set(err, ERR_CONFLICT, "cannot settle: no %s from %s", delivery_event_name(event),
		               delivery_state_name(job->state));
	if (!db_transact(pool, NULL, settle_work, &settle, err))
		return false;
	file_kill_point("delivery_settled");
	return true;
}

static bool put_off_work(struct db *db, void *context, struct err *err)
{
	const struct settle *settle = context;

	return write_delivery(db, settle, err) && write_destination(db, settle, err);
}

bool delivery_put_off(struct db_pool *pool, const struct delivery_job *job, int64_t next_in_ms, const char *reason,
                      struct err *err)
{
	struct settle settle = {.job = job, .event = DELIVERY_EVENT_FAIL, .to = job->state, .next_in_ms = next_in_ms};

	copy_reason(settle.reason, reason);
	return db_transact(pool, NULL, put_off_work, &settle, err);
}

/* ---- sweeps --------------------------------------------------------------------------------------------------------------- */

static bool lose(struct db *db, const struct db_rows *rows, int row, struct err *err)
{
	struct delivery_job job = {.state = DELIVERY_SENDING};
	struct settle settle = {.job = &job, .event = DELIVERY_EVENT_LOSE, .to = DELIVERY_VERIFYING};

	text_copy(job.id, sizeof(job.id), db_get_text(rows, row, "delivery"));
	text_copy(job.site_id, sizeof(job.site_id), db_get_text(rows, row, "site"));
	text_copy(job.worker_id, sizeof(job.worker_id), db_get_text(rows, row, "worker"));
	copy_reason(settle.reason, "the program that sent it ended before it could say how it went");
	return write_delivery(db, &settle, err) &&
	       db_exec(db, STMT_DELIVERY_ATTEMPT_END,
	               DB_PARAMS(db_text(job.id), db_text("unknown"), db_text(settle.reason)), NULL, err) &&
	       record(db, job.id, job.site_id, "verifying", false, err);
}

static bool recover_work(struct db *db, void *context, struct err *err)
{
	struct batch *batch = context;
	struct db_rows *rows;
	bool ok = true;
	int i;

	if (!db_exec(db, STMT_DELIVERY_LOST, DB_PARAMS(db_int(BATCH)), &rows, err))
		return false;
	batch->count = db_rows_count(rows);
	for (i = 0; ok && i < batch->count; i++)
		ok = lose(db, rows, i, err);
	db_rows_free(rows);
	return ok;
}

bool delivery_recover(struct db_pool *pool, int *out_count, struct err *err)
{
	struct batch batch = {0};

	if (!db_transact(pool, NULL, recover_work, &batch, err))
		return false;
	*out_count = batch.count;
	return true;
}

static bool give_up_work(struct db *db, void *context, struct err *err)
{
	struct batch *batch = context;
	struct db_rows *rows;
	bool ok;

	if (!db_exec(db, STMT_DELIVERY_OVERDUE, DB_PARAMS(db_int(BATCH)), &rows, err))
		return false;
	batch->count = db_rows_count(rows);
	ok = record_rows(db, rows, "dead", err);
	db_rows_free(rows);
	return ok;
}

bool delivery_give_up(struct db_pool *pool, int *out_count, struct err *err)
{
	struct batch batch = {0};

	if (!db_transact(pool, NULL, give_up_work, &batch, err))
		return false;
	*out_count = batch.count;
	return true;
}
