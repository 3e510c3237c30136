#include "lib/domain/name_index.h"

#include <stdlib.h>

#include "lib/db/db.h"
#include "lib/domain/name_key.h"

/* Keys of some claims as columns. Everything borrowed from rows and the keys beside. */
struct columns {
	const char **claims, **keys, **kinds;
	size_t count;
};

static void *allocate(size_t count, size_t size)
{
	void *memory = calloc(count, size);

	if (!memory)
		err_panic("out of memory");
	return memory;
}

static void fill(struct columns *out, const char *claim, const struct name_keys *keys)
{
	for (size_t i = 0; i < keys->count; i++) {
		out->claims[out->count] = claim;
		out->keys[out->count] = keys->keys[i].text;
		out->kinds[out->count++] = name_key_kind_name(keys->keys[i].kind);
	}
}

static bool write_keys(struct db *db, const struct db_rows *rows, struct name_keys *keys, struct columns *columns,
                       struct err *err)
{
	int count = db_rows_count(rows);
	const char **done = allocate((size_t)count, sizeof *done);
	bool ok;

	for (int i = 0; i < count; i++) {
		done[i] = db_get_text(rows, i, "claim");
		name_keys_make(db_get_text(rows, i, "name"), db_get_text(rows, i, "typed_id"), &keys[i]);
		fill(columns, done[i], &keys[i]);
	}
	ok = db_exec(db, STMT_NAME_KEYS_ADD,
	             DB_PARAMS(db_texts(columns->claims, columns->count), db_texts(columns->keys, columns->count),
	                       db_texts(columns->kinds, columns->count)),
	             NULL, err) &&
	     db_exec(db, STMT_NAME_KEYS_DONE, DB_PARAMS(db_texts(done, (size_t)count)), NULL, err);
	free(done);
	return ok;
}

static bool index_rows(struct db *db, const struct db_rows *rows, struct err *err)
{
	size_t claims = (size_t)db_rows_count(rows), most = claims * NAME_KEYS_MAX;
	struct columns columns = {0};
	struct name_keys *keys;
	bool ok;

	if (claims == 0)
		return true;
	keys = allocate(claims, sizeof *keys);
	columns.claims = allocate(most, sizeof *columns.claims);
	columns.keys = allocate(most, sizeof *columns.keys);
	columns.kinds = allocate(most, sizeof *columns.kinds);
	ok = write_keys(db, rows, keys, &columns, err);
	free(columns.claims);
	free(columns.keys);
	free(columns.kinds);
	free(keys);
	return ok;
}

bool name_index_own(struct db *db, struct err *err)
{
	struct db_rows *rows;
	bool ok;

	if (!db_exec(db, STMT_NAME_WANTED_OWN, DB_NO_PARAMS, &rows, err))
		return false;
	ok = index_rows(db, rows, err);
	db_rows_free(rows);
	return ok;
}

struct turn {
	int max, count;
};

static bool index_turn(struct db *db, void *context, struct err *err)
{
	struct turn *turn = context;
	struct db_rows *rows;
	bool ok;

	if (!db_exec(db, STMT_NAME_WANTED, DB_PARAMS(db_int(turn->max)), &rows, err))
		return false;
	turn->count = db_rows_count(rows);
	ok = index_rows(db, rows, err);
	db_rows_free(rows);
	return ok;
}

bool name_index_more(struct db_pool *pool, int max, int *out_count, struct err *err)
{
	struct turn turn = {.max = max};

	if (!db_transact(pool, NULL, index_turn, &turn, err))
		return err_context(err, "could not make the keys of names");
	*out_count = turn.count;
	return true;
}

static bool candidate_turn(struct db *db, void *context, struct err *err)
{
	struct turn *turn = context;
	struct db_rows *rows;

	if (!db_exec(db, STMT_NAME_CANDIDATES, DB_PARAMS(db_int(turn->max)), &rows, err))
		return false;
	turn->count = (int)db_get_int(rows, 0, "claims");
	db_rows_free(rows);
	return true;
}

bool name_find_candidates(struct db_pool *pool, int max, int *out_count, struct err *err)
{
	struct turn turn = {.max = max};

	if (!db_transact(pool, NULL, candidate_turn, &turn, err))
		return err_context(err, "could not look for candidates");
	*out_count = turn.count;
	return true;
}
