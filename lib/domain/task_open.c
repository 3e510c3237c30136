#include "lib/domain/task_open.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/base/conf.h"
#include "lib/db/db.h"
#include "lib/domain/rule.h"

/* Where a study goes, as the rules in force say. Texts are borrowed from `rows`. */
struct route {
	struct db_rows *rows;
	struct rule *rules;
	const struct rule *rule;
	struct rule_case study;
	char *days;
	int due_in; /* minutes; -1: no limit */
};

static void route_fini(struct route *route)
{
	free(route->rules);
	free(route->days);
	db_rows_free(route->rows);
}

static void *allocate(size_t count, size_t size)
{
	void *memory = calloc(count ? count : 1, size);

	if (!memory)
		err_panic("out of memory");
	return memory;
}

static void read_rule(const struct db_rows *rows, int row, struct rule *out)
{
	out->id = db_get_int(rows, row, "rule_id");
	out->ordinal = (int)db_get_int(rows, row, "ordinal");
	out->covers_site = db_get_bool(rows, row, "covers_site");
	out->patient_class = db_get_text(rows, row, "patient_class");
	out->modality = db_get_text(rows, row, "modality");
	out->minute_from = (int)db_get_int(rows, row, "minute_from");
	out->minute_to = (int)db_get_int(rows, row, "minute_to");
	out->queue_id = db_get_text(rows, row, "queue");
	out->reading_mode = db_get_text(rows, row, "reading_mode");
	out->priority = (int)db_get_int(rows, row, "priority");
}

static bool load_rules(struct db *db, const char *study_id, struct route *route, struct err *err)
{
	int i, count;

	if (!db_exec(db, STMT_RULE_LIST, DB_PARAMS(db_text(study_id)), &route->rows, err))
		return false;
	count = db_rows_count(route->rows);
	route->rules = allocate((size_t)count, sizeof(*route->rules));
	for (i = 0; i < count; i++)
		read_rule(route->rows, i, &route->rules[i]);
	return true;
}

static bool load_calendar(struct db *db, struct route *route, struct err *err)
{
	struct db_rows *rows;

	if (!db_exec_one(db, STMT_CALENDAR_AHEAD, DB_NO_PARAMS, "calendar", &rows, err))
		return false;
	route->study.minute = (int)db_get_int(rows, 0, "minute");
	route->days = strdup(db_get_text(rows, 0, "days"));
	db_rows_free(rows);
	if (!route->days)
		err_panic("out of memory");
	return true;
}

static int due_in(const struct db_rows *rows, const struct route *route)
{
	struct rule_calendar calendar = {.days = route->days};
	int i, count = db_rows_count(rows), minutes = -1;
	struct rule_limit *limits = allocate((size_t)count, sizeof(*limits));
	const struct rule_limit *limit;

	for (i = 0; i < count; i++) {
		limits[i].scope_depth = (int)db_get_int(rows, i, "scope_depth");
		limits[i].patient_class = db_get_text(rows, i, "patient_class");
		limits[i].modality = db_get_text(rows, i, "modality");
		limits[i].minutes = (int)db_get_int(rows, i, "minutes");
		limits[i].is_working_time = db_get_bool(rows, i, "is_working_time");
	}
	limit = rule_limit_pick(limits, (size_t)count, &route->study);
	calendar.work_from = (int)(conf_number(CONF_WORK_FROM) / 60000);
	calendar.work_to = (int)(conf_number(CONF_WORK_TO) / 60000);
	if (limit)
		minutes = rule_due_in(limit, route->study.minute, &calendar);
	free(limits);
	return minutes;
}

static bool load_due(struct db *db, const char *study_id, struct route *route, struct err *err)
{
	struct db_rows *rows;

	if (!db_exec(db, STMT_LIMIT_LIST, DB_PARAMS(db_text(study_id)), &rows, err))
		return false;
	route->due_in = due_in(rows, route);
	db_rows_free(rows);
	return true;
}

/* True with route->rule NULL: no rule takes it, and why. */
static bool find_route(struct db *db, struct task_follow *follow, struct route *route, struct err *err)
{
	route->study.patient_class = follow->patient_class;
	route->study.modality = follow->modality;
	if (!load_calendar(db, route, err) || !load_rules(db, follow->study_id, route, err) ||
	    !load_due(db, follow->study_id, route, err))
		return false;
	route->rule = rule_match(route->rules, (size_t)db_rows_count(route->rows), &route->study);
	if (db_rows_count(route->rows) == 0)
		snprintf(follow->unrouted_reason, sizeof(follow->unrouted_reason), "no routing rule is in force");
	else if (!route->rule)
		snprintf(follow->unrouted_reason, sizeof(follow->unrouted_reason),
		         "no routing rule fits this site with class %s, modality %s, at %02d:%02d",
		         follow->patient_class, follow->modality[0] ? follow->modality : "(none)",
		         route->study.minute / 60, route->study.minute % 60);
	return true;
}

static struct db_param due_param(const struct route *route)
{
	return route->due_in < 0 ? db_null() : db_int(route->due_in);
}

static bool open_workitem(struct db *db, const char *task_id, struct err *err)
{
	char uid[TEXT_UID_SIZE];

	text_uid_new(uid);
	return db_exec(db, STMT_WORKITEM_OPEN,
	               DB_PARAMS(db_text(task_id), db_text(uid), db_text("SCHEDULED"), db_null(), db_null()), NULL,
	               err);
}

static bool finish_open(struct db *db, struct db_rows *rows, struct task_follow *follow, struct err *err)
{
	text_copy(follow->opened_id, sizeof(follow->opened_id), db_get_text(rows, 0, "task"));
	db_rows_free(rows);
	return open_workitem(db, follow->opened_id, err);
}

static bool open_primary(struct db *db, const struct route *route, struct task_follow *follow, struct err *err)
{
	const struct rule *rule = route->rule;
	struct db_rows *rows;

	return db_exec_one(db, STMT_TASK_OPEN,
	                   DB_PARAMS(db_text(follow->study_id), db_text(rule->queue_id), db_int(rule->id),
	                             db_text(rule->reading_mode), db_int(rule->priority), due_param(route)),
	                   "study", &rows, err) &&
	       finish_open(db, rows, follow, err) &&
	       db_exec(db, STMT_STUDY_ROUTED,
	               DB_PARAMS(db_text(follow->study_id), db_text(rule->reading_mode), db_text("")), NULL, err);
}

static bool route_study(struct db *db, struct task_follow *follow, struct err *err)
{
	struct route route = {.due_in = -1};
	bool ok = find_route(db, follow, &route, err);

	if (ok && route.rule)
		ok = open_primary(db, &route, follow, err);
	else if (ok)
		ok = db_exec(db, STMT_STUDY_ROUTED,
		             DB_PARAMS(db_text(follow->study_id), db_null(), db_text(follow->unrouted_reason)), NULL,
		             err);
	route_fini(&route);
	return ok;
}

static bool open_recheck(struct db *db, struct task_follow *follow, struct err *err)
{
	struct db_rows *rows;

	return db_exec_one(db, STMT_TASK_OPEN_RECHECK, DB_PARAMS(db_text(follow->study_id)), "study", &rows, err) &&
	       finish_open(db, rows, follow, err);
}

/* 急诊 pressed after the task was opened: where nobody took it yet it goes where the rules send it now. */
static bool reroute(struct db *db, struct task_follow *follow, struct err *err)
{
	struct route route = {.due_in = -1};
	bool ok = find_route(db, follow, &route, err);

	if (ok && route.rule)
		ok = db_exec(db, STMT_TASK_REROUTE,
		             DB_PARAMS(db_text(follow->study_id), db_text(route.rule->queue_id), db_int(route.rule->id),
		                       db_text(route.rule->reading_mode), db_int(route.rule->priority),
		                       due_param(&route)),
		             NULL, err);
	/* The task stays where it is when no rule takes the new class. */
	follow->unrouted_reason[0] = '\0';
	route_fini(&route);
	return ok;
}

static bool inform(struct db *db, struct task_follow *follow, struct err *err)
{
	struct db_rows *rows;

	if (follow->is_class_changed && !reroute(db, follow, err))
		return false;
	if (!db_exec(db, STMT_TASK_LEARN, DB_PARAMS(db_text(follow->study_id)), &rows, err))
		return false;
	if (db_rows_count(rows) > 0)
		text_copy(follow->informed_id, sizeof(follow->informed_id), db_get_text(rows, 0, "task"));
	db_rows_free(rows);
	return true;
}

bool task_follow_study(struct db *db, struct task_follow *follow, struct err *err)
{
	int done_version, cancelled_version;
	bool is_open, has_task;
	struct db_rows *rows;

	if (!db_exec_one(db, STMT_TASK_OF_STUDY, DB_PARAMS(db_text(follow->study_id)), "study", &rows, err))
		return false;
	is_open = !db_is_null(rows, 0, "open_task");
	has_task = db_get_bool(rows, 0, "has_task");
	done_version = (int)db_get_int(rows, 0, "done_version");
	cancelled_version = (int)db_get_int(rows, 0, "cancelled_version");
	db_rows_free(rows);
	if (is_open)
		return inform(db, follow, err);
	/* A task that a duty leader cancelled comes back only with new images. */
	if (!follow->is_offered || (!has_task && cancelled_version >= follow->version))
		return true;
	if (!has_task)
		return route_study(db, follow, err);
	return done_version == 0 || done_version >= follow->version || open_recheck(db, follow, err);
}
