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

/* statement: whose a thing is, and whether the person of this session may act there. */
static bool look_at(struct db *db, enum db_statement statement, const char *id, const char *what,
                    char out_site[TEXT_UUID_SIZE], struct err *err)
{
	struct db_rows *rows;
	bool may;

	if (!db_exec_one(db, statement, DB_PARAMS(db_text(id)), what, &rows, err))
		return false;
	may = db_get_bool(rows, 0, "may");
	text_copy(out_site, TEXT_UUID_SIZE, db_get_text(rows, 0, "site_id"));
	db_rows_free(rows);
	return may || err_set(err, ERR_REFUSED, "cannot do this: you are no operator at its site");
}

static bool look(struct db *db, const struct act *act, char out_site[TEXT_UUID_SIZE], struct err *err)
{
	bool is_delivery = is_of_delivery(act);

	return look_at(db, is_delivery ? STMT_OPERATIONS_DELIVERY : STMT_OPERATIONS_DESTINATION, act->subject_id,
	               is_delivery ? "the delivery" : "the destination", out_site, err);
}

static bool perform(struct db *db, struct act *act, struct err *err)
{
	char id[TEXT_UUID_SIZE];

	switch (act->operation) {
	case HOLD:
	case RELEASE:
		return destination_hold(db, act->subject_id, act->reason, id, err);
	case RETRY_ALL:
		return db_exec(db, STMT_DESTINATION_TRY_NOW,
		               DB_PARAMS(db_text(act->subject_id), db_int(DELIVERY_REQUEUE_MAX)), NULL, err) &&
		       delivery_requeue_all(db, act->subject_id, act->deadline_ms, &act->count, err);
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

/* ---- many ------------------------------------------------------------------------------------------------------------------- */

static bool act_on_many(struct db_pool *pool, const struct act *like, const char *const *ids, size_t count,
                        json_t **out, struct err *err)
{
	json_t *left = json_array();
	int done = 0;

	for (size_t i = 0; i < count; i++) {
		struct act act = *like;
		struct err why;

		act.subject_id = ids[i];
		if (db_transact(pool, act.person_id, work, &act, &why)) {
			done++;
			continue;
		}
		if (why.kind != ERR_CONFLICT && why.kind != ERR_REFUSED && why.kind != ERR_NOT_FOUND) {
			json_decref(left);
			*err = why;
			return err_context(err, "%d of %zu are done", done, count);
		}
		json_array_append_new(left, json_pack("{ss ss}", "id", ids[i], "detail", why.text));
	}
	*out = json_pack("{si so}", "done", done, "left", left);
	return true;
}

bool operate_retry_many(struct db_pool *pool, const char *person_id, const char *const *ids, size_t count,
                        int64_t deadline_ms, json_t **out, struct err *err)
{
	struct act act = {RETRY, person_id, NULL, NULL, deadline_ms, 0};

	return act_on_many(pool, &act, ids, count, out, err);
}

bool operate_cancel_many(struct db_pool *pool, const char *person_id, const char *const *ids, size_t count,
                         json_t **out, struct err *err)
{
	struct act act = {CANCEL, person_id, NULL, NULL, 0, 0};

	return act_on_many(pool, &act, ids, count, out, err);
}

/* ---- destinations ----------------------------------------------------------------------------------------------------------- */

struct form {
	const char *person_id, *id; /* of the destination; of a new one its site */
	const json_t *given;
	char out_id[TEXT_UUID_SIZE];
};

static bool create_work(struct db *db, void *context, struct err *err)
{
	struct form *form = context;
	struct destination_actor actor = {.person_id = form->person_id};
	char site[TEXT_UUID_SIZE];

	return look_at(db, STMT_OPERATIONS_SITE, form->id, "the site", site, err) &&
	       destination_create(db, &actor, form->id, form->given, form->out_id, err);
}

static bool edit_work(struct db *db, void *context, struct err *err)
{
	struct form *form = context;
	struct destination_actor actor = {.person_id = form->person_id};
	char site[TEXT_UUID_SIZE];

	if (!look_at(db, STMT_OPERATIONS_DESTINATION, form->id, "the destination", site, err))
		return false;
	return form->given ? destination_edit(db, &actor, form->id, form->given, err)
	                   : destination_remove(db, &actor, form->id, err);
}

bool operate_destination_create(struct db_pool *pool, const char *person_id, const char *site_id, const json_t *given,
                                char out_id[TEXT_UUID_SIZE], struct err *err)
{
	struct form form = {.person_id = person_id, .id = site_id, .given = given};

	if (!db_transact(pool, person_id, create_work, &form, err))
		return false;
	text_copy(out_id, TEXT_UUID_SIZE, form.out_id);
	return true;
}

bool operate_destination_edit(struct db_pool *pool, const char *person_id, const char *destination_id,
                              const json_t *given, struct err *err)
{
	struct form form = {.person_id = person_id, .id = destination_id, .given = given};

	return db_transact(pool, person_id, edit_work, &form, err);
}

bool operate_destination_remove(struct db_pool *pool, const char *person_id, const char *destination_id,
                                struct err *err)
{
	struct form form = {.person_id = person_id, .id = destination_id};

	return db_transact(pool, person_id, edit_work, &form, err);
}
