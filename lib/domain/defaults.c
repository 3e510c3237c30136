#include "lib/domain/defaults.h"

#include <string.h>

#include "lib/db/db.h"

/* The statement's affected rows. */
static bool count_made(struct db *db, enum db_statement statement, const struct db_param *params, size_t count,
                       int *out, struct err *err)
{
	struct db_rows *rows;

	if (!db_exec(db, statement, params, count, &rows, err))
		return false;
	*out = (int)db_rows_affected(rows);
	db_rows_free(rows);
	return true;
}

static bool make_policy(struct db *db, struct db_param now, int *out, struct err *err)
{
	return db_exec(db, STMT_DEFAULTS_POLICY, DB_NO_PARAMS, NULL, err) &&
	       count_made(db, STMT_DEFAULTS_POLICY_VERSION, DB_PARAMS(now), out, err);
}

/* The old set ends at the moment at which the new one begins: at no time is there none. */
static bool make_rules(struct db *db, struct db_param now, struct defaults_made *made, struct err *err)
{
	struct db_rows *rows;
	bool is_needed;

	if (!db_exec_one(db, STMT_DEFAULTS_RULES_STATE, DB_NO_PARAMS, "the rule set", &rows, err))
		return false;
	made->rules_are_own = db_get_bool(rows, 0, "is_own");
	is_needed = db_get_bool(rows, 0, "is_needed");
	db_rows_free(rows);
	return !is_needed || (db_exec(db, STMT_DEFAULTS_RULES_END, DB_PARAMS(now), NULL, err) &&
	                      db_exec(db, STMT_DEFAULTS_RULES_BEGIN, DB_PARAMS(now), NULL, err) &&
	                      count_made(db, STMT_DEFAULTS_RULES, DB_PARAMS(now), &made->rules, err));
}

bool defaults_make(struct db *db, struct defaults_made *out, struct err *err)
{
	struct defaults_made made = {0};
	struct db_param now;
	struct db_rows *rows;

	if (!db_exec(db, STMT_DEFAULTS_LOCK, DB_NO_PARAMS, NULL, err) ||
	    !db_exec_one(db, STMT_DEFAULTS_NOW, DB_NO_PARAMS, "the time", &rows, err))
		return false;
	now = db_time(db_get_time(rows, 0, "now"));
	db_rows_free(rows);
	if (!make_policy(db, now, &made.policies, err) ||
	    !count_made(db, STMT_DEFAULTS_QUEUES, DB_NO_PARAMS, &made.queues, err) ||
	    !make_rules(db, now, &made, err) || !count_made(db, STMT_DEFAULTS_LIMITS, DB_NO_PARAMS, &made.limits, err))
		return false;
	*out = made;
	return true;
}
