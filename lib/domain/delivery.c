#include "lib/domain/delivery.h"

#include <stdlib.h>
#include <string.h>

#include "lib/base/conf.h"
#include "lib/base/file.h"
#include "lib/db/db.h"
#include "lib/domain/delivery_settle.h"

enum { BATCH = 100 };

void delivery_job_free(struct delivery_job *job)
{
	if (!job)
		return;
	free(job->items);
	free(job);
}

/* For statements that give back columns delivery and site of what they changed. */
static bool record_rows(struct db *db, const struct db_rows *rows, const char *state, struct err *err)
{
	int i;

	for (i = 0; i < db_rows_count(rows); i++)
		if (!delivery_record(db, db_get_text(rows, i, "delivery"), db_get_text(rows, i, "site"), state, true,
		                     err))
			return false;
	return true;
}

/* ---- made, found ---------------------------------------------------------------------------------------------------------- */

struct batch {
	int64_t deadline_ms, since_ms;
	int count;
};

static bool create_work(struct db *db, void *context, struct err *err)
{
	struct batch *batch = context;
	struct db_rows *rows;
	bool ok;

	if (!db_exec(db, STMT_DELIVERY_CREATE,
	             DB_PARAMS(db_int(batch->deadline_ms), db_int(BATCH), db_int(batch->since_ms)), &rows, err))
		return false;
	batch->count = db_rows_count(rows);
	ok = record_rows(db, rows, "create", err);
	db_rows_free(rows);
	file_kill_point("delivery_create");
	return ok;
}

bool delivery_create_due(struct db_pool *pool, int64_t deadline_ms, int64_t since_ms, int *out_count, struct err *err)
{
	struct batch batch = {.deadline_ms = deadline_ms, .since_ms = since_ms};

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
	ok = db_exec(db, STMT_DELIVERY_OUTLOOK, DB_PARAMS(db_int(conf_number(CONF_DELIVERY_WORKERS))), &rows, err);
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
	int worst_rank;
	struct delivery_job *job;
};

static void read_job(const struct db_rows *rows, struct delivery_job *job)
{
	text_copy(job->id, sizeof(job->id), db_get_text(rows, 0, "delivery"));
	text_copy(job->site_id, sizeof(job->site_id), db_get_text(rows, 0, "site"));
	text_copy(job->destination_id, sizeof(job->destination_id), db_get_text(rows, 0, "destination"));
	job->state = (enum delivery_state)machine_state_find(delivery_machine(), db_get_text(rows, 0, "state"));
	job->rank = (int)db_get_int(rows, 0, "rank");
	job->attempts = (int)db_get_int(rows, 0, "attempts");
	job->failures = (int)db_get_int(rows, 0, "failures");
	job->proof_rounds = (int)db_get_int(rows, 0, "proof_rounds");
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
	             DB_PARAMS(db_text(claim->destination_id), db_text(claim->worker_id), db_int(claim->lease_ms),
	                       db_int(conf_number(CONF_DELIVERY_WORKERS)), db_int(claim->worst_rank)),
	             &rows, err))
		return false;
	if (db_rows_count(rows) == 0) {
		db_rows_free(rows);
		return true;
	}
	claim->job = new_job(rows, claim->worker_id);
	db_rows_free(rows);
	if (claim->job->state == DELIVERY_DEAD)
		return delivery_record(db, claim->job->id, claim->job->site_id, "dead", true, err);
	if (!load_items(db, claim->job, err))
		return false;
	return claim->job->state != DELIVERY_SENDING ||
	       (db_exec(db, STMT_DELIVERY_ATTEMPT_BEGIN, DB_PARAMS(db_text(claim->job->id)), NULL, err) &&
	        delivery_record(db, claim->job->id, claim->job->site_id, "sending", false, err));
}

bool delivery_claim(struct db_pool *pool, const char *destination_id, const char *worker_id, int64_t lease_ms,
                    int worst_rank, struct delivery_job **out, struct err *err)
{
	struct claim claim = {
	    .destination_id = destination_id, .worker_id = worker_id, .lease_ms = lease_ms, .worst_rank = worst_rank};
	int given_up = 0;

	/* What was given up is no work; the rest of it is the sweep's. */
	do {
		if (!db_transact(pool, NULL, claim_work, &claim, err)) {
			delivery_job_free(claim.job);
			return false;
		}
	} while (claim.job && claim.job->state == DELIVERY_DEAD && ++given_up < BATCH);
	if (claim.job && claim.job->state == DELIVERY_DEAD) {
		delivery_job_free(claim.job);
		claim.job = NULL;
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

/* ---- sweeps --------------------------------------------------------------------------------------------------------------- */

static bool lose_row(struct db *db, const struct db_rows *rows, int row, struct err *err)
{
	struct delivery_job job = {.state = DELIVERY_SENDING};

	text_copy(job.id, sizeof(job.id), db_get_text(rows, row, "delivery"));
	text_copy(job.site_id, sizeof(job.site_id), db_get_text(rows, row, "site"));
	text_copy(job.worker_id, sizeof(job.worker_id), db_get_text(rows, row, "worker"));
	job.failures = (int)db_get_int(rows, row, "failures");
	job.proof_rounds = (int)db_get_int(rows, row, "proof_rounds");
	return delivery_lose(db, &job, err);
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
		ok = lose_row(db, rows, i, err);
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
