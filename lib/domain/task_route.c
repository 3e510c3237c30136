#include "lib/domain/task_route.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/db/db.h"
#include "lib/domain/delivery_forward.h"
#include "lib/domain/task_due.h"

static struct db_param text_or_null(const char *text)
{
	return text && text[0] ? db_text(text) : db_null();
}

/* ---- records ------------------------------------------------------------------------------------------------------------ */

/* Internal keys of the rules that counted, as texts. */
struct keys {
	char (*texts)[24];
	const char **items;
	size_t count;
};

static struct keys keys_of(const struct rule_decision *decision)
{
	struct keys keys = {calloc(decision->counted_count + 1, sizeof(*keys.texts)),
	                    calloc(decision->counted_count + 1, sizeof(*keys.items)), decision->counted_count};

	if (!keys.texts || !keys.items)
		err_panic("out of memory");
	for (size_t i = 0; i < keys.count; i++) {
		snprintf(keys.texts[i], sizeof(keys.texts[i]), "%lld", (long long)decision->counted[i]->rule_id);
		keys.items[i] = keys.texts[i];
	}
	return keys;
}

static bool record(struct db *db, const struct task_follow *follow, const struct routing *routing,
                   const struct task_cause *cause, const char *outcome, struct err *err)
{
	bool is_routed = strcmp(outcome, "routed") == 0;
	struct keys keys = keys_of(&routing->decision);
	bool ok = db_exec(db, STMT_ROUTING_RECORD,
	                  DB_PARAMS(db_text(follow->study_id), db_int(routing->set->rule_set_id), db_text(cause->name),
	                            db_text(outcome), db_texts(keys.items, keys.count),
	                            is_routed ? db_text(routing->queue_id) : db_null(),
	                            is_routed ? text_or_null(routing->covered_queue_id) : db_null(),
	                            is_routed ? db_text(routing->reading_mode) : db_null(),
	                            is_routed ? db_int(routing->priority) : db_null(), db_text(cause->reason)),
	                  NULL, err);

	free(keys.texts);
	free(keys.items);
	return ok;
}

static bool write_study(struct db *db, const struct task_follow *follow, const struct routing *routing,
                        const char *reading_mode, int64_t set, struct err *err)
{
	char *detail = routing->detail && follow->unrouted_reason[0] ? json_dumps(routing->detail, JSON_COMPACT) : NULL;
	bool ok = db_exec(db, STMT_STUDY_ROUTED,
	                  DB_PARAMS(db_text(follow->study_id), db_text(reading_mode), db_text(follow->unrouted_reason),
	                            db_text(follow->unrouted_reason[0] ? routing->code : ""),
	                            db_text(detail ? detail : "{}"), set > 0 ? db_int(set) : db_null()),
	                  NULL, err);

	free(detail);
	return ok;
}

/* ---- destinations -------------------------------------------------------------------------------------------------------- */

static bool is_urgent(const struct routing *routing)
{
	for (size_t i = 0; i < routing->study->counts[RULE_PRIORITY]; i++)
		if (strcmp(routing->study->values[RULE_PRIORITY][i], "routine") != 0)
			return true;
	return routing->priority > 0;
}

static int rank_of(const struct task_follow *follow, const struct routing *routing)
{
	if (strcmp(follow->patient_class, "emergency") == 0)
		return 0;
	if (is_urgent(routing))
		return 1;
	return strcmp(follow->patient_class, "health_check") == 0 ? 3 : 2;
}

/* Once for each version of the study and of the rules. */
static bool plan_forwards(struct db *db, struct task_follow *follow, const struct routing *routing,
                          const struct task_sent *sent, struct err *err)
{
	const struct rule_decision *decision = &routing->decision;
	struct task_forwards *forwards = &follow->forwards;

	if (!routing->set || (sent->version >= follow->version && sent->rule_set_id == routing->set->rule_set_id))
		return true;
	forwards->rank = rank_of(follow, routing);
	for (size_t i = 0; i < decision->forward_count; i++) {
		struct task_forward *item = &forwards->items[forwards->count++];

		text_copy(item->destination_id, sizeof(item->destination_id), decision->forwards[i].destination_id);
		item->rule_id = decision->forwards[i].rule->rule_id;
	}
	return db_exec(db, STMT_ROUTING_FORWARDED,
	               DB_PARAMS(db_text(follow->study_id), db_int(routing->set->rule_set_id)), NULL, err);
}

bool task_follow_forward(struct db *db, const struct task_follow *follow, struct err *err)
{
	for (size_t i = 0; i < follow->forwards.count; i++) {
		const struct task_forward *item = &follow->forwards.items[i];
		const char *destination_id = item->destination_id;

		if (!delivery_forward_study(db, follow->study_id, &destination_id, 1, follow->forwards.rank,
		                            item->rule_id, err))
			return false;
	}
	return true;
}

bool task_route_late(struct db *db, struct task_follow *follow, const struct task_sent *sent, struct err *err)
{
	const struct task_cause cause = {"late_image", ROUTING_SET_KEPT, ""};
	struct routing routing;
	bool ok;

	/* What no rules routed, has none to follow. */
	if (sent->version >= follow->version || sent->rule_set_id == 0)
		return true;
	if (!routing_of_study(db, follow->study_id, cause.set, &routing, err))
		return false;
	ok = plan_forwards(db, follow, &routing, sent, err) &&
	     (follow->forwards.count == 0 || record(db, follow, &routing, &cause, "forwarded", err));
	routing_fini(&routing);
	return ok;
}

/* ---- tasks ------------------------------------------------------------------------------------------------------------------ */

static bool open_workitem(struct db *db, const char *task_id, struct err *err)
{
	char uid[TEXT_UID_SIZE];

	text_uid_new(uid);
	return db_exec(db, STMT_WORKITEM_OPEN,
	               DB_PARAMS(db_text(task_id), db_text(uid), db_text("SCHEDULED"), db_null(), db_null()), NULL,
	               err);
}

bool task_finish_open(struct db *db, struct db_rows *rows, struct task_follow *follow, struct err *err)
{
	text_copy(follow->opened_id, sizeof(follow->opened_id), db_get_text(rows, 0, "task"));
	db_rows_free(rows);
	return open_workitem(db, follow->opened_id, err);
}

/* Of STMT_TASK_OPEN and STMT_TASK_REROUTE, which take the same. */
static bool write_task(struct db *db, enum db_statement statement, const struct task_follow *follow,
                       const struct routing *routing, struct db_rows **rows, struct err *err)
{
	int due;

	return task_due_in(db, follow->study_id, follow->patient_class, follow->modality, &due, err) &&
	       db_exec(db, statement,
	               DB_PARAMS(db_text(follow->study_id), db_text(routing->queue_id),
	                         db_int(routing->decision.queue->rule_id), db_text(routing->reading_mode),
	                         db_int(routing->priority), due < 0 ? db_null() : db_int(due),
	                         text_or_null(routing->covered_queue_id)),
	               rows, err);
}

static bool open_task(struct db *db, struct task_follow *follow, const struct routing *routing, struct err *err)
{
	struct db_rows *rows;

	return write_task(db, STMT_TASK_OPEN, follow, routing, &rows, err) && task_finish_open(db, rows, follow, err) &&
	       write_study(db, follow, routing, routing->reading_mode, routing->set->rule_set_id, err);
}

static bool is_to_hold(struct db *db, const struct task_follow *follow, const struct routing *routing, bool *out,
                       struct err *err)
{
	const struct rule *hold = routing->decision.hold;
	struct db_rows *rows;

	*out = false;
	if (!hold)
		return true;
	if (!db_exec_one(db, STMT_HOLD_WAS_RELEASED, DB_PARAMS(db_text(follow->study_id), db_int(hold->rule_id)),
	                 "the hold", &rows, err))
		return false;
	*out = !db_get_bool(rows, 0, "is_released");
	db_rows_free(rows);
	return true;
}

static bool place_hold(struct db *db, struct task_follow *follow, const struct routing *routing, struct err *err)
{
	const struct rule *hold = routing->decision.hold;

	follow->is_held = true;
	return db_exec(db, STMT_HOLD_PLACE,
	               DB_PARAMS(db_text(follow->study_id), db_int(hold->rule_id), db_text(hold->hold)), NULL, err) &&
	       write_study(db, follow, routing, NULL, routing->set->rule_set_id, err);
}

static bool keep_unrouted(struct db *db, struct task_follow *follow, const struct routing *routing, struct err *err)
{
	text_copy(follow->unrouted_reason, sizeof(follow->unrouted_reason), routing->reason);
	return write_study(db, follow, routing, NULL, 0, err);
}

static bool act(struct db *db, struct task_follow *follow, const struct routing *routing,
                const struct task_cause *cause, struct err *err)
{
	bool is_held;

	if (!is_to_hold(db, follow, routing, &is_held, err))
		return false;
	if (is_held)
		return place_hold(db, follow, routing, err) && record(db, follow, routing, cause, "held", err);
	if (routing->has_queue)
		return open_task(db, follow, routing, err) && record(db, follow, routing, cause, "routed", err);
	return keep_unrouted(db, follow, routing, err) &&
	       (follow->forwards.count == 0 || record(db, follow, routing, cause, "forwarded", err));
}

bool task_route_new(struct db *db, struct task_follow *follow, const struct task_cause *cause,
                    const struct task_sent *sent, struct err *err)
{
	struct routing routing;
	bool ok;

	if (!routing_of_study(db, follow->study_id, cause->set, &routing, err))
		return false;
	ok = plan_forwards(db, follow, &routing, sent, err) && act(db, follow, &routing, cause, err);
	routing_fini(&routing);
	return ok;
}

/* ---- again ------------------------------------------------------------------------------------------------------------------ */

static bool move_task(struct db *db, struct task_follow *follow, const struct routing *routing,
                      const struct task_cause *cause, struct err *err)
{
	struct db_rows *rows;

	if (!write_task(db, STMT_TASK_REROUTE, follow, routing, &rows, err))
		return false;
	if (db_rows_count(rows) > 0)
		text_copy(follow->rerouted_id, sizeof(follow->rerouted_id), db_get_text(rows, 0, "task"));
	db_rows_free(rows);
	return write_study(db, follow, routing, routing->reading_mode, routing->set->rule_set_id, err) &&
	       record(db, follow, routing, cause, "routed", err);
}

bool task_route_again(struct db *db, struct task_follow *follow, const struct task_cause *cause,
                      const struct task_sent *sent, struct err *err)
{
	struct routing routing;
	bool ok, is_held;

	if (!routing_of_study(db, follow->study_id, cause->set, &routing, err))
		return false;
	ok = is_to_hold(db, follow, &routing, &is_held, err);
	if (ok && routing.has_queue && !is_held)
		ok = plan_forwards(db, follow, &routing, sent, err) && move_task(db, follow, &routing, cause, err);
	else if (ok && routing.set)
		ok = record(db, follow, &routing, cause, "unchanged", err);
	routing_fini(&routing);
	return ok;
}
