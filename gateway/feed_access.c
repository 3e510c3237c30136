#include "gateway/feed_access.h"

#include <stdlib.h>
#include <string.h>

#include "lib/base/digest.h"

void feed_access_name(const char *token, char out[FEED_ACCESS_SIZE])
{
	uint8_t hash[DIGEST_SIZE];
	if (text_is_uuid(token)) {
		text_copy(out, FEED_ACCESS_SIZE, token);
		return;
	}
	digest_bytes(token, strlen(token), hash);
	text_hex(hash, sizeof hash, out);
}

void feed_accesses_add(struct feed_accesses *accesses, const char *name)
{
	if (accesses->count == accesses->room) {
		accesses->room = accesses->room * 2 + 8;
		void *more = realloc(accesses->names, accesses->room * sizeof *accesses->names);
		if (more == NULL)
			err_panic("out of memory");
		accesses->names = more;
	}
	text_copy(accesses->names[accesses->count++], FEED_ACCESS_SIZE, name);
}

bool feed_accesses_have(const struct feed_accesses *accesses, const char *name)
{
	for (size_t i = 0; i < accesses->count; i++)
		if (strcmp(accesses->names[i], name) == 0)
			return true;
	return false;
}

void feed_accesses_fini(struct feed_accesses *accesses)
{
	free(accesses->names);
	*accesses = (struct feed_accesses){0};
}

bool feed_accesses_ended(struct db *db, const struct feed_accesses *open, struct feed_accesses *out, struct err *err)
{
	/* Sessions from the front, workstations from the back. */
	const char **names = calloc(open->count + 1, sizeof *names);
	size_t sessions = 0, workstations = 0;
	struct db_rows *rows = NULL;
	if (names == NULL)
		err_panic("out of memory");
	for (size_t i = 0; i < open->count; i++)
		if (text_is_uuid(open->names[i]))
			names[open->count - ++workstations] = open->names[i];
		else
			names[sessions++] = open->names[i];
	bool ok = db_exec(db, STMT_ACCOUNT_ACCESS_ENDED,
	                  DB_PARAMS(db_texts(names, sessions), db_texts(names + sessions, workstations)), &rows, err);
	free(names);
	for (int row = 0; ok && row < db_rows_count(rows); row++)
		feed_accesses_add(out, db_get_text(rows, row, "access"));
	db_rows_free(rows);
	return ok;
}
