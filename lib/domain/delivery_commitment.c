#include "lib/domain/delivery_commitment.h"

#include <stdlib.h>
#include <string.h>

#include "lib/db/db.h"
#include "lib/domain/delivery.h"

static bool run(struct db_pool *pool, enum db_statement statement, const struct db_param *params, size_t count,
                struct db_rows **rows, struct err *err)
{
	struct db *db;
	bool ok;

	if (!db_take(pool, &db, err))
		return false;
	ok = db_exec(db, statement, params, count, rows, err);
	db_give(db);
	return ok;
}

bool delivery_commitment_latest(struct db_pool *pool, const char *delivery_id, struct delivery_commitment *out,
                                struct err *err)
{
	struct db_rows *rows;

	if (!run(pool, STMT_DELIVERY_COMMITMENT_LATEST, DB_PARAMS(db_text(delivery_id)), &rows, err))
		return false;
	*out = (struct delivery_commitment){.state = DELIVERY_COMMITMENT_NONE};
	if (db_rows_count(rows) > 0) {
		out->state =
		    db_get_bool(rows, 0, "is_answered") ? DELIVERY_COMMITMENT_ANSWERED : DELIVERY_COMMITMENT_OPEN;
		out->age_ms = db_get_int(rows, 0, "age_ms");
		text_copy(out->transaction_uid, sizeof out->transaction_uid, db_get_text(rows, 0, "transaction_uid"));
	}
	db_rows_free(rows);
	return true;
}

bool delivery_commitment_ask(struct db_pool *pool, const char *delivery_id, const char *transaction_uid,
                             const char *our_ae, const char *peer_ae, struct err *err)
{
	return run(pool, STMT_DELIVERY_COMMITMENT_ASK,
	           DB_PARAMS(db_text(delivery_id), db_text(transaction_uid), db_text(our_ae), db_text(peer_ae)), NULL,
	           err);
}

bool delivery_commitment_answer(struct db_pool *pool, const char *peer_ae, const struct dicom_commitment_told *told,
                                struct err *err)
{
	const char **held = calloc(told->count + 1, sizeof *held);
	struct db_rows *rows;
	size_t count = 0;
	bool ok;

	if (!held)
		err_panic("out of memory");
	for (size_t i = 0; i < told->count; i++)
		if (told->items[i].failure_reason == 0)
			held[count++] = told->items[i].instance.sop_instance_uid;
	ok = run(pool, STMT_DELIVERY_COMMITMENT_ANSWER,
	         DB_PARAMS(db_text(told->transaction_uid), db_text(peer_ae), db_texts(held, count)), &rows, err);
	free(held);
	if (!ok)
		return false;
	ok = db_rows_count(rows) > 0;
	db_rows_free(rows);
	return ok || err_set(err, ERR_NOT_FOUND, "cannot take this report: no such commitment was asked of its sender");
}

static int compare_uids(const void *a, const void *b)
{
	return strcmp(*(const char *const *)a, *(const char *const *)b);
}

bool delivery_commitment_read(struct db_pool *pool, const char *transaction_uid, const struct delivery_job *job,
                              bool *is_held, size_t *out_held, struct err *err)
{
	struct db_rows *rows;
	const char **uids;
	size_t count, held = 0;

	if (!run(pool, STMT_DELIVERY_COMMITMENT_HELD, DB_PARAMS(db_text(transaction_uid)), &rows, err))
		return false;
	count = (size_t)db_rows_count(rows);
	uids = calloc(count + 1, sizeof *uids);
	if (!uids)
		err_panic("out of memory");
	for (size_t i = 0; i < count; i++)
		uids[i] = db_get_text(rows, (int)i, "uid");
	qsort(uids, count, sizeof *uids, compare_uids);
	for (size_t i = 0; i < job->item_count; i++) {
		const char *uid = job->items[i].sop_instance_uid;

		is_held[i] = bsearch(&uid, uids, count, sizeof *uids, compare_uids) != NULL;
		held += is_held[i];
	}
	free(uids);
	db_rows_free(rows);
	*out_held = held;
	return true;
}

bool delivery_commitment_awaited(struct db_pool *pool, const char *peer_ae, const char *our_ae, bool *out,
                                 struct err *err)
{
	struct db_rows *rows;

	if (!run(pool, STMT_DELIVERY_COMMITMENT_AWAITED, DB_PARAMS(db_text(peer_ae), db_text(our_ae)), &rows, err))
		return false;
	*out = db_rows_count(rows) > 0 && db_get_bool(rows, 0, "is_awaited");
	db_rows_free(rows);
	return true;
}

bool delivery_places(struct db_pool *pool, const char *delivery_id, delivery_each_place *each, void *context,
                     struct err *err)
{
	struct db_rows *rows;
	bool go_on = true;

	if (!run(pool, STMT_DELIVERY_PLACES, DB_PARAMS(db_text(delivery_id)), &rows, err))
		return false;
	for (int i = 0; i < db_rows_count(rows) && go_on; i++)
		go_on = each(context, db_get_text(rows, i, "sop"), db_get_text(rows, i, "study"),
		             db_get_text(rows, i, "series"));
	db_rows_free(rows);
	return true;
}
