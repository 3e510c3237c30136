#include "lib/domain/find_one.h"

bool find_one(struct db *db, enum db_statement statement, const char *what, const char *id_or_name,
              char out_id[TEXT_UUID_SIZE], struct err *err)
{
	struct db_rows *rows;
	int count;

	if (!db_exec(db, statement, DB_PARAMS(db_text(id_or_name)), &rows, err))
		return false;
	count = db_rows_count(rows);
	if (count == 1)
		text_copy(out_id, TEXT_UUID_SIZE, db_get_text(rows, 0, "id"));
	db_rows_free(rows);
	if (count == 0)
		return err_set(err, ERR_NOT_FOUND, "there is no %s '%.40s'; `yqctl %s list` shows all", what,
		               id_or_name, what);
	return count == 1 ||
	       err_set(err, ERR_INVALID, "%d %ss are called '%.40s'; give the id that `yqctl %s list` shows", count,
	               what, id_or_name, what);
}
