#include "lib/domain/period.h"

#include "lib/base/text.h"
#include "lib/db/db.h"
#include "lib/domain/day.h"

enum { PERIOD_DAYS_MAX = 5 * 366 };

static bool check_day(const char *day, struct err *err)
{
	if (day && !day_is_valid(day))
		return err_set(err, ERR_INVALID, "cannot read \"%.20s\" as a day: write it as 2026-11-01", day);
	return true;
}

bool period_load(struct db *db, const char *from_day, const char *to_day, struct period *out, struct err *err)
{
	struct db_rows *rows;

	if (!check_day(from_day, err) || !check_day(to_day, err) ||
	    !db_exec_one(db, STMT_COVERAGE_PERIOD, DB_PARAMS(db_text(from_day), db_text(to_day)), "period", &rows, err))
		return false;
	text_copy(out->from, sizeof(out->from), db_get_text(rows, 0, "from_day"));
	text_copy(out->to, sizeof(out->to), db_get_text(rows, 0, "to_day"));
	text_copy(out->before_from, sizeof(out->before_from), db_get_text(rows, 0, "before_from"));
	text_copy(out->before_to, sizeof(out->before_to), db_get_text(rows, 0, "before_to"));
	out->months = (int)db_get_int(rows, 0, "months");
	out->days = (int)db_get_int(rows, 0, "days");
	db_rows_free(rows);
	if (out->days < 1)
		return err_set(err, ERR_INVALID, "cannot count from %s to %s: the period ends before it begins",
		               out->from, out->to);
	if (out->days > PERIOD_DAYS_MAX)
		return err_set(err, ERR_INVALID, "cannot count over %d days: at most five years", out->days);
	return true;
}
