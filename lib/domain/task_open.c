#include "lib/domain/task_open.h"

#include <string.h>

#include "lib/db/db.h"
#include "lib/domain/task_route.h"

/* The tasks that a study has, and what rules and persons did with it so far. */
struct standing {
	bool is_open, is_awaiting, has_task, is_on_hold, is_released, is_to_reroute;
	int done_version, cancelled_version;
	char reason[2048]; /* of who asks for another route: 500 characters of UTF-8 */
	struct task_sent sent;
};

static bool load(struct db *db, const char *study_id, struct standing *out, struct err *err)
{
	struct db_rows *rows;
	const char *state, *reason;

	if (!db_exec_one(db, STMT_TASK_OF_STUDY, DB_PARAMS(db_text(study_id)), "study", &rows, err))
		return false;
	state = db_get_text(rows, 0, "open_state");
	reason = db_get_text(rows, 0, "reroute_reason");
	out->is_open = state != NULL;
	out->is_awaiting = state && strcmp(state, "awaiting") == 0;
	out->has_task = db_get_bool(rows, 0, "has_task");
	out->is_on_hold = !db_is_null(rows, 0, "hold");
	out->is_released = db_get_bool(rows, 0, "is_released");
	out->is_to_reroute = reason != NULL;
	text_copy(out->reason, sizeof(out->reason), reason ? reason : "");
	out->done_version = (int)db_get_int(rows, 0, "done_version");
	out->cancelled_version = (int)db_get_int(rows, 0, "cancelled_version");
	out->sent.version = (int)db_get_int(rows, 0, "forwarded_version");
	out->sent.rule_set_id = db_get_int(rows, 0, "rule_set_id");
	db_rows_free(rows);
	return true;
}

static bool open_recheck(struct db *db, struct task_follow *follow, struct err *err)
{
	struct db_rows *rows;

	return db_exec_one(db, STMT_TASK_OPEN_RECHECK, DB_PARAMS(db_text(follow->study_id)), "study", &rows, err) &&
	       task_finish_open(db, rows, follow, err);
}

/* Where nobody took it yet: a person asks for it, or 急诊 was pressed after the task was opened. */
static bool move(struct db *db, struct task_follow *follow, const struct standing *standing, struct err *err)
{
	const struct task_cause asked = {"rerouted", ROUTING_SET_IN_FORCE, standing->reason};
	const struct task_cause class = {"class", ROUTING_SET_KEPT, ""};
	bool ok = true;

	if (standing->is_to_reroute && standing->is_awaiting)
		return task_route_again(db, follow, &asked, &standing->sent, err);
	if (follow->is_class_changed) {
		ok = task_route_again(db, follow, &class, &standing->sent, err);
		follow->rerouted_id[0] = '\0'; /* what follows is told of it */
	}
	return ok;
}

static bool inform(struct db *db, struct task_follow *follow, const struct standing *standing, struct err *err)
{
	struct db_rows *rows;

	if (!move(db, follow, standing, err) ||
	    !db_exec(db, STMT_TASK_LEARN, DB_PARAMS(db_text(follow->study_id)), &rows, err))
		return false;
	if (db_rows_count(rows) > 0)
		text_copy(follow->informed_id, sizeof(follow->informed_id), db_get_text(rows, 0, "task"));
	db_rows_free(rows);
	return !follow->is_offered || follow->forwards.count > 0 || task_route_late(db, follow, &standing->sent, err);
}

static bool route(struct db *db, struct task_follow *follow, const struct standing *standing, struct err *err)
{
	struct task_cause cause = {"offered", ROUTING_SET_IN_FORCE, ""};

	if (standing->is_to_reroute) {
		cause.name = "rerouted";
		cause.reason = standing->reason;
	} else if (standing->is_released) {
		cause.name = "released";
		cause.set = ROUTING_SET_KEPT;
	}
	if (standing->is_on_hold && !db_exec(db, STMT_HOLD_LIFT, DB_PARAMS(db_text(follow->study_id)), NULL, err))
		return false;
	return task_route_new(db, follow, &cause, &standing->sent, err);
}

bool task_follow_study(struct db *db, struct task_follow *follow, struct err *err)
{
	struct standing standing;

	if (!load(db, follow->study_id, &standing, err))
		return false;
	if (standing.is_open)
		return inform(db, follow, &standing, err);
	if (!follow->is_offered)
		return true;
	/* A task that a duty leader cancelled comes back only with new images, or when a person asks for it. */
	if (!standing.has_task && standing.cancelled_version >= follow->version && !standing.is_to_reroute)
		return true;
	if (!standing.has_task && (!standing.is_on_hold || standing.is_to_reroute))
		return route(db, follow, &standing, err);
	if (!task_route_late(db, follow, &standing.sent, err))
		return false;
	return standing.done_version == 0 || standing.done_version >= follow->version || open_recheck(db, follow, err);
}
