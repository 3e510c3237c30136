#include "lib/intake/check.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "lib/base/digest.h"
#include "lib/base/text.h"
#include "lib/db/db.h"
#include "lib/intake/journal.h"

enum { READ_CHUNK = 256 * 1024, KEY_BATCH = 500 };

struct check {
	struct store *store;
	struct db_pool *pool;
	const struct check_settings *settings;
	struct check_counts counts;
	struct digest *digest;
	char *buffer;
	char keys[KEY_BATCH][STORE_KEY_SIZE]; /* of the store, not yet asked for */
	size_t key_count;
};

const char *check_fault_name(enum check_fault fault)
{
	static const char *const names[] = {"missing", "mismatched", "orphan"};

	return names[fault];
}

static bool report(struct check *check, enum check_fault fault, const char *key, const char *uid, const char *reason,
                   struct err *err)
{
	const struct check_finding finding = {fault, key, uid, reason};

	check->counts.missing += fault == CHECK_MISSING;
	check->counts.mismatched += fault == CHECK_MISMATCHED;
	check->counts.orphans += fault == CHECK_ORPHAN;
	return !check->settings->each || check->settings->each(check->settings->context, &finding, err);
}

/* ---- ledger against store ---------------------------------------------------------------------------------------------- */

static bool digest_dataset(struct check *check, int fd, uint64_t skip, uint8_t out[DIGEST_SIZE], struct err *err)
{
	off_t at = (off_t)skip;

	for (;;) {
		ssize_t got = pread(fd, check->buffer, READ_CHUNK, at);

		if (got < 0 && errno == EINTR)
			continue;
		if (got < 0)
			return err_set_errno(err, ERR_CORRUPT, errno, "could not read the object");
		if (got == 0)
			break;
		digest_update(check->digest, check->buffer, (size_t)got);
		at += got;
	}
	digest_final(check->digest, out);
	return true;
}

/* NULL: as the ledger says. Else what is wrong; a read error is a finding, too, not the end of the check. */
static const char *compare_object(struct check *check, const struct db_rows *row, int fd, uint64_t size)
{
	uint64_t header = (uint64_t)db_get_int(row, 0, "header_bytes"),
	         bytes = (uint64_t)db_get_int(row, 0, "size_bytes");
	uint8_t expected[DIGEST_SIZE], digest[DIGEST_SIZE];
	struct err read_err;

	if (!text_unhex(db_get_text(row, 0, "sha256_hex"), expected, sizeof expected))
		return "the digest in the ledger is malformed";
	if (size != header + bytes)
		return "another length";
	if (!digest_dataset(check, fd, header, digest, &read_err))
		return "cannot be read";
	return memcmp(digest, expected, sizeof digest) == 0 ? NULL : "other bytes";
}

static bool check_row(void *context, const struct db_rows *row, struct err *err)
{
	struct check *check = context;
	const char *key = db_get_text(row, 0, "object_key"), *uid = db_get_text(row, 0, "sop_instance_uid");
	const char *reason;
	uint64_t size;
	int fd;

	if (strcmp(db_get_text(row, 0, "kind"), "instance") == 0) {
		check->counts.instances++;
		check->counts.bytes += (uint64_t)db_get_int(row, 0, "size_bytes");
	}
	if (!store_open_object(check->store, key, &fd, &size, err)) {
		if (err->kind == ERR_NOT_FOUND)
			return report(check, CHECK_MISSING, key, uid, "not in the store", err);
		return false;
	}
	reason = compare_object(check, row, fd, size);
	close(fd);
	return !reason || report(check, CHECK_MISMATCHED, key, uid, reason, err);
}

static bool check_ledger(struct check *check, struct err *err)
{
	struct db *db;
	bool ok;

	if (!db_take(check->pool, &db, err))
		return false;
	ok = db_stream(db, STMT_INTAKE_CHECK_OBJECTS, DB_NO_PARAMS, check_row, check, err);
	db_give(db);
	return ok;
}

/* ---- store against ledger ---------------------------------------------------------------------------------------------- */

static bool drop_journaled(struct check *check, struct err *err)
{
	bool found[KEY_BATCH];
	size_t kept = 0;

	if (check->key_count == 0)
		return true;
	if (!journal_find_keys((const char(*)[STORE_KEY_SIZE])check->keys, check->key_count, found, err))
		return false;
	for (size_t i = 0; i < check->key_count; i++)
		if (!found[i])
			memmove(check->keys[kept++], check->keys[i], STORE_KEY_SIZE);
	check->key_count = kept;
	return true;
}

/* Keeps the keys that the ledger does not know. */
static bool drop_known(struct check *check, struct db *db, struct err *err)
{
	const char *keys[KEY_BATCH];
	struct db_rows *rows;

	if (check->key_count == 0)
		return true;
	for (size_t i = 0; i < check->key_count; i++)
		keys[i] = check->keys[i];
	if (!db_exec(db, STMT_INTAKE_UNKNOWN_KEYS, DB_PARAMS(db_texts(keys, check->key_count)), &rows, err))
		return false;
	check->key_count = 0;
	for (int i = 0; i < db_rows_count(rows); i++)
		text_copy(check->keys[check->key_count++], STORE_KEY_SIZE, db_get_text(rows, i, "object_key"));
	db_rows_free(rows);
	return true;
}

/*
 * Called with every batch of keys. The ledger knows nearly all; the journal is read for the rest; and the ledger is asked once more,
 * since an object that moves from one to the other meanwhile is then in the second.
 */
static bool settle_keys(struct check *check, struct err *err)
{
	struct db *db = NULL;
	bool ok;

	ok = db_take(check->pool, &db, err) && drop_known(check, db, err) && drop_journaled(check, err) &&
	     drop_known(check, db, err);
	db_give(db);
	for (size_t i = 0; ok && i < check->key_count; i++) {
		uint64_t size;
		int fd;

		/* A duplicate's copy leaves the store while the journal forgets it: gone by now is no orphan. */
		if (!store_open_object(check->store, check->keys[i], &fd, &size, err)) {
			ok = err->kind == ERR_NOT_FOUND;
			continue;
		}
		close(fd);
		ok = report(check, CHECK_ORPHAN, check->keys[i], NULL, "neither in the ledger nor in the journal", err);
	}
	check->key_count = 0;
	return ok;
}

static bool take_key(void *context, const char *key, uint64_t size_bytes, int64_t age_ms, struct err *err)
{
	struct check *check = context;

	(void)size_bytes;
	if (age_ms < check->settings->orphan_grace_ms)
		return true;
	memcpy(check->keys[check->key_count++], key, STORE_KEY_SIZE);
	return check->key_count < KEY_BATCH || settle_keys(check, err);
}

static bool run(struct check *check, struct err *err)
{
	struct intake_backlog before, after;

	/* First, so that with nothing pending everything that was acknowledged is in what the ledger says next. */
	if (!intake_backlog_read(&before, err) || !check_ledger(check, err) ||
	    !store_walk(check->store, take_key, check, err) || (check->key_count && !settle_keys(check, err)) ||
	    !intake_backlog_read(&after, err))
		return false;
	check->counts.pending = before.objects;
	check->counts.quarantined = after.quarantined;
	return true;
}

bool check_store(struct store *store, struct db_pool *pool, const struct check_settings *settings,
                 struct check_counts *out, struct err *err)
{
	struct check *check = calloc(1, sizeof *check);
	bool ok;

	if (!check)
		err_panic("out of memory");
	check->store = store;
	check->pool = pool;
	check->settings = settings;
	check->digest = digest_new();
	check->buffer = malloc(READ_CHUNK);
	if (!check->buffer)
		err_panic("out of memory");
	ok = run(check, err);
	if (ok)
		*out = check->counts;
	digest_free(check->digest);
	free(check->buffer);
	free(check);
	return ok || err_context(err, "could not check the store");
}
