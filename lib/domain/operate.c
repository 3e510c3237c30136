#include "lib/domain/operate.h"

#include <jansson.h>
#include <stdlib.h>

#include "lib/base/text.h"
#include "lib/db/db.h"
#include "lib/domain/change.h"
#include "lib/domain/delivery_hand.h"
#include "lib/domain/destination.h"

enum operation { HOLD, RELEASE, RETRY_ALL, RETRY, CANCEL };

static const char *const actions[] = {"destination.hold", "destination.release", "destination.retry",
                                      "delivery.requeue", "delivery.cancel"};

struct act {
	enum operation operation;
	const char *person_id, *subject_id, *reason;
	int64_t deadline_ms;
	int count;
};

static bool is_of_delivery(const struct act *act)
{
	return act->operation == RETRY || act->operation == CANCEL;
}

static bool look(struct db *db, const struct act *act, char out_site[TEXT_UUID_SIZE], struct err *err)
{
	bool is_delivery = is_of_delivery(act), may;
	struct db_rows *rows;

	if (!db_exec_one(db, is_delivery ? STMT_OPERATIONS_DELIVERY : STMT_OPERATIONS_DESTINATION,
	                 DB_PARAMS(db_text(act->subject_id)), is_delivery ? "the delivery" : "the destination", &rows,
	                 err))
		return false;
	may = db_get_bool(rows, 0, "may");
	text_copy(out_site, TEXT_UUID_SIZE, db_get_text(rows, 0, "site_id"));
	db_rows_free(rows);
	return may || err_set(err, ERR_REFUSED, "cannot do this: you are no operator at its site");
}

static bool perform(struct db *db, struct act *act, struct err *err)
{
	char id[TEXT_UUID_SIZE];

	switch (act->operation) {
	case HOLD:
	case RELEASE:
		return destination_hold(db, act->subject_id, act->reason, id, err);
	case RETRY_ALL:
		return delivery_requeue_all(db, act->subject_id, act->deadline_ms, &act->count, err);
	case RETRY:
		return delivery_requeue(db, act->subject_id, act->deadline_ms, err);
	default:
		return delivery_cancel_by_hand(db, act->subject_id, err);
	}
}

/* What the audit keeps of it; free(3), or NULL. */
static char *detail_of(const struct act *act)
{
	json_t *detail = act->operation == HOLD        ? json_pack("{ss}", "reason", act->reason)
	                 : act->operation == RETRY_ALL ? json_pack("{si}", "requeued", act->count)
	                                               : NULL;
	char *text = json_dumps(detail, JSON_COMPACT);

	json_decref(detail);
	return text;
}

static bool work(struct db *db, void *context, struct err *err)
{
	struct act *act = context;
	char site[TEXT_UUID_SIZE], *detail;
	struct change change = {.action = actions[act->operation],
	                        .person_id = act->person_id,
	                        .subject_kind = is_of_delivery(act) ? "delivery" : "destination",
	                        .subject_id = act->subject_id,
	                        .site_id = site};
	bool ok;

	if (!look(db, act, site, err) || !perform(db, act, err))
		return false;
	change.detail = detail = detail_of(act);
	ok = change_record(db, &change, err);
	free(detail);
	return ok;
}

bool operate_hold(struct db_pool *pool, const char *person_id, const char *destination_id, const char *reason,
                  struct err *err)
{
	struct act act = {reason ? HOLD : RELEASE, person_id, destination_id, reason, 0, 0};

	return db_transact(pool, person_id, work, &act, err);
}

bool operate_retry_all(struct db_pool *pool, const char *person_id, const char *destination_id, int64_t deadline_ms,
                       int *out_count, struct err *err)
{
	struct act act = {RETRY_ALL, person_id, destination_id, NULL, deadline_ms, 0};

	if (!db_transact(pool, person_id, work, &act, err))
		return false;
	*out_count = act.count;
	return true;
}

bool operate_retry(struct db_pool *pool, const char *person_id, const char *delivery_id, int64_t deadline_ms,
                   struct err *err)
{
	struct act act = {RETRY, person_id, delivery_id, NULL, deadline_ms, 0};

	return db_transact(pool, person_id, work, &act, err);
}

bool operate_cancel(struct db_pool *pool, const char *person_id, const char *delivery_id, struct err *err)
{
	struct act act = {CANCEL, person_id, delivery_id, NULL, 0, 0};

	return db_transact(pool, person_id, work, &act, err);
}
