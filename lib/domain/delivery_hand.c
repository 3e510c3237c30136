#include "lib/domain/delivery_hand.h"

#include "lib/base/text.h"
#include "lib/db/db.h"
#include "lib/domain/event.h"

static bool refuse_state(struct db *db, const char *delivery_id, const char *what, struct err *err)
{
	struct db_rows *rows;

	if (!db_exec_one(db, STMT_DELIVERY_HAND_STATE, DB_PARAMS(db_text(delivery_id)), "the delivery", &rows, err))
		return false;
	err_set(err, ERR_CONFLICT, "cannot %s this delivery: it is %s", what, db_get_text(rows, 0, "state"));
	db_rows_free(rows);
	return false;
}

static bool move(struct db *db, enum db_statement statement, const struct db_param *params, size_t count,
                 const char *what, const char *kind, struct err *err)
{
	const char *delivery_id = params[0].text;
	struct db_rows *rows;
	bool ok;

	if (!text_is_uuid(delivery_id))
		return err_set(err, ERR_INVALID, "'%.40s' is no id of a delivery; `yqctl delivery list` shows them",
		               delivery_id);
	if (!db_exec(db, statement, params, count, &rows, err))
		return false;
	if (db_rows_count(rows))
		ok = event_append(db, kind, delivery_id, db_get_text(rows, 0, "site_id"), err);
	else
		ok = refuse_state(db, delivery_id, what, err);
	db_rows_free(rows);
	return ok;
}

bool delivery_requeue(struct db *db, const char *delivery_id, int64_t deadline_ms, struct err *err)
{
	return move(db, STMT_DELIVERY_HAND_REQUEUE, DB_PARAMS(db_text(delivery_id), db_int(deadline_ms)), "requeue",
	            "delivery.requeue", err);
}

bool delivery_requeue_all(struct db *db, const char *destination_id, int64_t deadline_ms, int *out_count,
                          struct err *err)
{
	struct db_rows *rows;

	if (!db_exec_one(db, STMT_DELIVERY_HAND_REQUEUE_ALL,
	                 DB_PARAMS(db_text(destination_id), db_int(deadline_ms), db_int(DELIVERY_REQUEUE_MAX)),
	                 "the destination", &rows, err))
		return false;
	*out_count = (int)db_get_int(rows, 0, "count");
	db_rows_free(rows);
	return true;
}

bool delivery_cancel_by_hand(struct db *db, const char *delivery_id, struct err *err)
{
	return move(db, STMT_DELIVERY_HAND_CANCEL, DB_PARAMS(db_text(delivery_id)), "cancel", "delivery.cancel", err);
}
