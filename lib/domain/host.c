#include "lib/domain/host.h"

#include "lib/domain/find_one.h"

bool host_forget(struct db *db, const char *id_or_name, struct host_forgotten *out, struct err *err)
{
	struct host_forgotten forgotten;
	struct db_rows *rows;

	if (!find_one(db, STMT_HOST_FIND, "host", id_or_name, forgotten.id, err) ||
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
