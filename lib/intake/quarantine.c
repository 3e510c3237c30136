#include <jansson.h>
#include <stdlib.h>

#include "lib/domain/change.h"
#include "lib/intake/redrive.h"

/* One act of a person on an object that was set apart, but for driving it again. */
struct act {
	const char *person_id, *id, *reason, *action;
	char *fields; /* of a correction */
	int revision;
	bool is_closed;
};

static bool record(struct db *db, const struct act *act, struct db_rows *rows, const char *detail, struct err *err)
{
	struct change change = {.event = "quarantine.change",
	                        .action = act->action,
	                        .person_id = act->person_id,
	                        .is_operator = true,
	                        .subject_kind = "quarantine",
	                        .subject_id = act->id,
	                        .site_id = db_get_text(rows, 0, "site"),
	                        .detail = detail};
	bool ok = change_record(db, &change, err);

	db_rows_free(rows);
	return ok;
}

/* Which fields, not what is in them: they name a patient. */
static char *names_of(const char *fields)
{
	json_t *all = json_loads(fields, 0, NULL), *names = json_array(), *value, *detail;
	const char *name;
	char *text;

	json_object_foreach(all, name, value) json_array_append_new(names, json_string(name));
	detail = json_pack("{s:o}", "fields", names);
	text = json_dumps(detail, JSON_COMPACT);
	if (!text)
		err_panic("could not write JSON");
	json_decref(detail);
	json_decref(all);
	return text;
}

static bool correct(struct db *db, void *context, struct err *err)
{
	struct act *act = context;
	struct db_rows *rows;
	char *names;
	bool ok;

	if (!db_exec_one(db, STMT_QUARANTINE_CORRECT,
	                 DB_PARAMS(db_text(act->id), db_int(act->revision), db_text(act->fields), db_text(act->reason)),
	                 "the object", &rows, err))
		return false;
	names = names_of(act->fields);
	ok = record(db, act, rows, names, err);
	free(names);
	return ok;
}

bool quarantine_correct(struct db_pool *pool, const char *person_id, const char *quarantine_id, int revision,
                        const json_t *fields, const char *reason, int *out_revision, struct err *err)
{
	struct act act = {
	    .person_id = person_id, .id = quarantine_id, .reason = reason, .action = "quarantine.correct"};
	json_t *checked = redrive_check(fields, err);
	bool ok;

	if (!checked)
		return false;
	act.revision = revision;
	act.fields = json_dumps(checked, JSON_COMPACT);
	json_decref(checked);
	if (!act.fields)
		err_panic("could not write JSON");
	ok = db_transact(pool, person_id, correct, &act, err);
	free(act.fields);
	if (ok)
		*out_revision = revision + 1;
	return ok;
}

static bool close_or_open(struct db *db, void *context, struct err *err)
{
	struct act *act = context;
	struct db_rows *rows;

	return db_exec_one(db, STMT_QUARANTINE_CLOSE,
	                   DB_PARAMS(db_text(act->id), db_bool(act->is_closed), db_text(act->reason)), "the object",
	                   &rows, err) &&
	       record(db, act, rows, NULL, err);
}

bool quarantine_close(struct db_pool *pool, const char *person_id, const char *quarantine_id, bool is_closed,
                      const char *reason, struct err *err)
{
	struct act act = {.person_id = person_id,
	                  .id = quarantine_id,
	                  .reason = reason,
	                  .action = is_closed ? "quarantine.close" : "quarantine.reopen",
	                  .is_closed = is_closed};

	return db_transact(pool, person_id, close_or_open, &act, err);
}
