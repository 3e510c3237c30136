#include "lib/db/migrate.h"

#include <string.h>

#include "gen/migrations.h"
#include "lib/base/log.h"
#include "lib/db/internal.h"

/*
 * The first `count` rows of the ledger are the first migrations of the program, unchanged; then *out_recorded of them are there.
 */
static bool compare(struct db *db, int *out_recorded, struct err *err)
{
	struct db_rows *rows;
	bool ok = true;
	int i;

	if (!db_exec(db, STMT_MIGRATION_LIST, DB_NO_PARAMS, &rows, err))
		return false;
	for (i = 0; ok && i < db_rows_count(rows); i++) {
		int number = (int)db_get_int(rows, i, "number");
		const char *name = db_get_text(rows, i, "name");

		if (i >= migration_count)
			ok = err_set(err, ERR_CONFLICT, "cannot use the ledger: it has migration %s of a newer release",
			             name);
		else if (number != migrations[i].number ||
		         strcmp(db_get_text(rows, i, "sha256"), migrations[i].sha256) != 0)
			ok = err_set(err, ERR_CONFLICT,
			             "cannot use the ledger: its migration %s differs from this release's %s", name,
			             migrations[i].name);
	}
	if (ok)
		*out_recorded = db_rows_count(rows);
	db_rows_free(rows);
	return ok;
}

static bool apply(struct db *db, const struct migration *migration, struct err *err)
{
	bool ok;

	if (!db_begin(db, err))
		return false;
	ok = db_session_command(db, migration->sql, "it", NULL, err) &&
	     db_exec(db, STMT_MIGRATION_RECORD,
	             DB_PARAMS(db_int(migration->number), db_text(migration->name), db_text(migration->sha256)), NULL,
	             err);
	if (!ok) {
		db_rollback(db);
		return err_context(err, "migration %s", migration->name);
	}
	if (!db_commit(db, err))
		return err_context(err, "migration %s", migration->name);
	log_info(LOG_SCHEMA_MIGRATED, "name=%s", migration->name);
	return true;
}

/* With the lock held, which lives and dies with the session: a lost connection ends the run. */
static bool apply_pending(struct db *db, int *out_applied, struct err *err)
{
	int recorded, i;

	if (!db_exec(db, STMT_MIGRATION_TABLE, DB_NO_PARAMS, NULL, err) ||
	    !db_exec(db, STMT_MIGRATION_TABLE_GRANT, DB_NO_PARAMS, NULL, err) || !compare(db, &recorded, err))
		return false;
	for (i = recorded; i < migration_count; i++)
		if (!apply(db, &migrations[i], err))
			return false;
	*out_applied = migration_count - recorded;
	return true;
}

bool migrate_up(int *out_applied, struct err *err)
{
	struct db db = {.role = "yq_owner", .application = "migrate", .is_pinned = true};
	struct err ignored;
	bool ok;

	/* No time-out: another one may be at work for long. The end of the session is the end of the lock. */
	ok = db_session_open(&db, -1, err) &&
	     db_exec(&db, STMT_DB_SESSION_TIMEOUT, DB_PARAMS(db_text("0")), NULL, err) &&
	     db_exec(&db, STMT_MIGRATION_LOCK, DB_NO_PARAMS, NULL, err);
	if (ok) {
		ok = apply_pending(&db, out_applied, err);
		if (!db_exec(&db, STMT_MIGRATION_UNLOCK, DB_NO_PARAMS, NULL, &ignored))
			db.is_lost = true;
	}
	db_session_close(&db);
	return ok;
}

bool migrate_check(struct db *db, struct err *err)
{
	int recorded;

	if (!compare(db, &recorded, err)) {
		/* 42P01: the table of migrations is not there */
		if (err->source == ERR_SOURCE_SQL && err->code == err_sqlstate_pack("42P01"))
			return err_set(err, ERR_CONFLICT, "cannot use the ledger: no migration was applied to it yet");
		return false;
	}
	if (recorded < migration_count)
		return err_set(err, ERR_CONFLICT, "cannot use the ledger: it has %d of %d migrations; apply them first",
		               recorded, migration_count);
	return true;
}
