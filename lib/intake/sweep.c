#include <stdlib.h>
#include <string.h>

#include "lib/intake/apart.h"
#include "lib/intake/redrive.h"

enum { KEYS_A_TURN = 1000 };

static bool finish(struct store *store, const struct db_rows *rows, int row, struct err *err)
{
	const char *key = db_get_text(rows, row, "object_key");

	/* Of a duplicate the first copy is there. */
	return (strcmp(db_get_text(rows, row, "outcome"), "duplicate") != 0 || store_remove(store, key, err)) &&
	       apart_remove(key, err);
}

static bool sweep_some(struct db *db, struct store *store, char (*keys)[STORE_KEY_SIZE], size_t count, int *out_count,
                       struct err *err)
{
	const char *texts[KEYS_A_TURN];
	struct db_rows *rows;
	bool ok = true;

	for (size_t i = 0; i < count; i++)
		texts[i] = keys[i];
	if (!db_exec(db, STMT_QUARANTINE_FINISHED, DB_PARAMS(db_texts(texts, count)), &rows, err))
		return false;
	for (int i = 0; ok && i < db_rows_count(rows); i++) {
		ok = finish(store, rows, i, err);
		*out_count += ok;
	}
	db_rows_free(rows);
	return ok;
}

bool redrive_sweep(struct db_pool *pool, struct store *store, int *out_count, struct err *err)
{
	char(*keys)[STORE_KEY_SIZE];
	size_t count;
	struct db *db = NULL;
	bool ok;

	*out_count = 0;
	if (!apart_keys(&keys, &count, err))
		return false;
	ok = count == 0 || db_take(pool, &db, err);
	for (size_t at = 0; ok && at < count; at += KEYS_A_TURN)
		ok = sweep_some(db, store, keys + at, count - at < KEYS_A_TURN ? count - at : KEYS_A_TURN, out_count,
		                err);
	db_give(db);
	free(keys);
	return ok;
}
