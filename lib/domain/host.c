#include "lib/domain/host.h"

static bool find(struct db *db, const char *id_or_name, char out_id[TEXT_UUID_SIZE], struct err *err)
{
	struct db_rows *rows;
	int count;

	if (!db_exec(db, STMT_HOST_FIND, DB_PARAMS(db_text(id_or_name)), &rows, err))
		return false;
	count = db_rows_count(rows);
	if (count == 1)
		text_copy(out_id, TEXT_UUID_SIZE, db_get_text(rows, 0, "id"));
	db_rows_free(rows);
	if (count == 0)
		return err_set(err, ERR_NOT_FOUND, "there is no host '%.60s'; `yqctl host list` shows all", id_or_name);
	if (count > 1)
		return err_set(err, ERR_INVALID,
		               "%d hosts are called '%.60s'; give the id that `yqctl host list` shows", count,
		               id_or_name);
	return true;
}

bool host_forget(struct db *db, const char *id_or_name, struct host_forgotten *out, struct err *err)
{
	struct host_forgotten forgotten;
	struct db_rows *rows;

	if (!find(db, id_or_name, forgotten.id, err) ||
	    !db_exec(db, STMT_HOST_FORGET, DB_PARAMS(db_text(forgotten.id), db_int(HOST_SILENT_MS)), &rows, err))
		return false;
	if (db_rows_count(rows) == 0) {
		db_rows_free(rows);
		return err_set(err, ERR_CONFLICT, "cannot forget a host that reports; stop its programs first");
	}
	text_copy(forgotten.name, sizeof forgotten.name, db_get_text(rows, 0, "name"));
	forgotten.waiting_objects = db_get_int(rows, 0, "waiting_objects");
	forgotten.unplaced_objects = db_get_int(rows, 0, "unplaced_objects");
	forgotten.quarantined_objects = db_get_int(rows, 0, "quarantined_objects");
	db_rows_free(rows);
	*out = forgotten;
	return true;
}
