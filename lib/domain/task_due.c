#include "lib/domain/task_due.h"

#include <stdlib.h>

#include "lib/base/conf.h"
#include "lib/db/db.h"
#include "lib/domain/rule_limit.h"

static const struct rule_limit *pick(const struct db_rows *rows, struct rule_limit *limits, const char *patient_class,
                                     const char *modality)
{
	int i, count = db_rows_count(rows);

	for (i = 0; i < count; i++) {
		limits[i].scope_depth = (int)db_get_int(rows, i, "scope_depth");
		limits[i].patient_class = db_get_text(rows, i, "patient_class");
		limits[i].modality = db_get_text(rows, i, "modality");
		limits[i].minutes = (int)db_get_int(rows, i, "minutes");
		limits[i].is_working_time = db_get_bool(rows, i, "is_working_time");
	}
	return rule_limit_pick(limits, (size_t)count, patient_class, modality);
}

static int due_in(const struct db_rows *now, const struct rule_limit *limit)
{
	struct rule_calendar calendar = {.days = db_get_text(now, 0, "days"),
	                                 .work_from = (int)(conf_number(CONF_WORK_FROM) / 60000),
	                                 .work_to = (int)(conf_number(CONF_WORK_TO) / 60000)};

	return limit ? rule_due_in(limit, (int)db_get_int(now, 0, "minute"), &calendar) : -1;
}

bool task_due_in(struct db *db, const char *study_id, const char *patient_class, const char *modality, int *out_minutes,
                 struct err *err)
{
	struct db_rows *now, *rows;
	struct rule_limit *limits;

	if (!db_exec_one(db, STMT_CALENDAR_AHEAD, DB_NO_PARAMS, "calendar", &now, err))
		return false;
	if (!db_exec(db, STMT_LIMIT_LIST, DB_PARAMS(db_text(study_id)), &rows, err)) {
		db_rows_free(now);
		return false;
	}
	limits = calloc((size_t)db_rows_count(rows) + 1, sizeof(*limits));
	if (!limits)
		err_panic("out of memory");
	*out_minutes = due_in(now, pick(rows, limits, patient_class, modality));
	free(limits);
	db_rows_free(rows);
	db_rows_free(now);
	return true;
}
