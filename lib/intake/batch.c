#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lib/base/clock.h"
#include "lib/base/file.h"
#include "lib/base/log.h"
#include "lib/intake/index.h"
#include "lib/intake/internal.h"

enum { READ_CHUNK = 256 * 1024 };

/* One object on its way from the journal into store and ledger. */
struct item {
	struct intake_record record;
	struct dicom_fields fields;
	bool has_record, is_placed;
	enum { ITEM_READY, ITEM_INDEXED, ITEM_POISON, ITEM_FAILED } state;
	bool is_duplicate;
	struct err why; /* of POISON and FAILED */
};

/* Kinds that a wait may cure; everything else is the object's own fault. */
static bool may_pass(const struct err *err)
{
	return err_kind_info(err->kind)->retry || err->kind == ERR_NO_SPACE || err->kind == ERR_CANCELLED ||
	       err->kind == ERR_UNKNOWN_OUTCOME;
}

/* ---- prepare: read, check, place --------------------------------------------------------------------------------------- */

static bool digest_part(int fd, uint64_t skip, uint8_t out[DIGEST_SIZE], struct err *err)
{
	char *buffer = malloc(READ_CHUNK);
	struct digest *digest = digest_new();
	off_t at = (off_t)skip;
	ssize_t got = 0;

	if (!buffer)
		err_panic("out of memory");
	do {
		got = pread(fd, buffer, READ_CHUNK, at);
		if (got > 0)
			digest_update(digest, buffer, (size_t)got);
		at += got > 0 ? got : 0;
	} while (got > 0 || (got < 0 && errno == EINTR));
	digest_final(digest, out);
	digest_free(digest);
	free(buffer);
	return got == 0 || err_set_errno(err, ERR_TEMPORARY, errno, "could not read from the journal");
}

/* After a stop the bytes are read once more: what the disk did meanwhile must not reach the store unseen. */
static bool verify_part(const char *path, const struct intake_record *record, struct err *err)
{
	uint8_t digest[DIGEST_SIZE];
	struct stat info;
	bool ok;
	int fd = open(path, O_RDONLY | O_CLOEXEC);

	if (fd < 0)
		return err_set_errno(err, errno == ENOENT ? ERR_CORRUPT : ERR_TEMPORARY, errno,
		                     "could not read from the journal");
	ok = fstat(fd, &info) == 0 && (uint64_t)info.st_size == record->header_bytes + record->size_bytes;
	if (!ok)
		err_set(err, ERR_CORRUPT, "cannot index: the bytes in the journal have another length than the record");
	ok = ok && digest_part(fd, record->header_bytes, digest, err);
	if (ok && memcmp(digest, record->sha256, sizeof digest) != 0)
		ok = err_set(err, ERR_CORRUPT, "cannot index: the bytes in the journal do not agree with their digest");
	close(fd);
	return ok;
}

static bool read_item(struct slot *slot, const struct slot_entry *entry, struct item *item, struct err *err)
{
	enum record_shape shape;

	if (!slot_read(slot, entry, &shape, &item->record, err))
		return false;
	item->has_record = shape == RECORD_WHOLE && strcmp(item->record.key, entry->key) == 0;
	return item->has_record || err_set(err, ERR_CORRUPT, "cannot index: the record in the journal is damaged");
}

static bool prepare(struct intake *intake, struct slot *slot, struct slot_entry *entry, struct item *item,
                    struct err *err)
{
	char path[PATH_MAX];

	if (!read_item(slot, entry, item, err) || !slot_part_path(slot, entry->key, path, sizeof path, err))
		return false;
	if (!entry->is_checked && !verify_part(path, &item->record, err))
		return false;
	entry->is_checked = true;
	if (!dicom_read_fields(path, &item->fields, err))
		return false;
	file_kill_point("intake-before-place");
	if (!store_put_file(intake->store, entry->key, path, err))
		return false;
	item->is_placed = true;
	file_kill_point("intake-after-place");
	return true;
}

/* ---- index --------------------------------------------------------------------------------------------------------------- */

static bool index_ready(struct intake *intake, struct item *items, size_t count, struct err *err)
{
	struct index_item *work = calloc(count, sizeof *work);
	size_t used = 0, next = 0;
	bool ok;

	if (!work)
		err_panic("out of memory");
	for (size_t i = 0; i < count; i++)
		if (items[i].state == ITEM_READY) {
			work[used].record = &items[i].record;
			work[used++].fields = &items[i].fields;
		}
	file_kill_point("intake-before-index");
	ok = used == 0 || index_objects(intake->pool, work, used, err);
	for (size_t i = 0; ok && i < count; i++)
		if (items[i].state == ITEM_READY) {
			items[i].is_duplicate = work[next++].outcome == INDEX_DUPLICATE;
			items[i].state = ITEM_INDEXED;
		}
	free(work);
	if (ok)
		file_kill_point("intake-after-index");
	return ok;
}

/*
 * The batch was refused as a whole: each object alone shows which one it was. An error that is not plainly about data only counts against
 * an object when others of the same pass went through; else the ledger itself is at fault and everybody waits.
 */
static bool index_one_by_one(struct intake *intake, struct item *items, size_t count, struct err *err)
{
	size_t indexed = 0, waiting = 0;

	for (size_t i = 0; i < count; i++) {
		if (items[i].state != ITEM_READY)
			continue;
		if (index_ready(intake, &items[i], 1, err)) {
			indexed++;
		} else if (may_pass(err)) {
			return false;
		} else {
			items[i].state = index_is_poison(err) ? ITEM_POISON : ITEM_FAILED;
			items[i].why = *err;
		}
	}
	for (size_t i = 0; i < count; i++) {
		if (items[i].state != ITEM_FAILED)
			continue;
		if (indexed)
			items[i].state = ITEM_POISON;
		else
			waiting++;
	}
	return waiting == 0 || err_context(err, "%zu objects wait", waiting);
}

/* ---- finish -------------------------------------------------------------------------------------------------------------- */

/* The ledger has said that the first copy is there: the second one goes, before the journal forgets it. */
static bool drop_duplicates(struct intake *intake, const struct item *items, const struct slot_entry *entries,
                            size_t count, struct err *err)
{
	for (size_t i = 0; i < count; i++)
		if (items[i].state == ITEM_INDEXED && items[i].is_duplicate &&
		    !store_remove(intake->store, entries[i].key, err))
			return false;
	return true;
}

static bool finish(struct intake *intake, struct slot *slot, const struct item *items, const struct slot_entry *entries,
                   size_t count, bool *done, struct err *err)
{
	struct slot_entry *finished = calloc(count, sizeof *finished);
	size_t used = 0;
	bool ok;

	if (!finished)
		err_panic("out of memory");
	for (size_t i = 0; i < count; i++)
		if (items[i].state == ITEM_INDEXED)
			finished[used++] = entries[i];
	ok = drop_duplicates(intake, items, entries, count, err) &&
	     (used == 0 || slot_finish(slot, finished, used, err));
	for (size_t i = 0; ok && i < count; i++)
		done[i] = items[i].state == ITEM_INDEXED;
	free(finished);
	if (ok && used)
		log_info(LOG_OBJECT_INDEXED, "objects=%zu slot=%s", used, slot_name(slot));
	return ok;
}

/* Nothing is lost: the bytes go to journal/quarantine, the ledger shows them when it can, the others go on. */
static bool set_apart(struct intake *intake, struct slot *slot, const struct slot_entry *entry, const struct item *item,
                      struct err *err)
{
	struct err shown;

	log_err(LOG_OBJECT_REFUSED, &item->why, "key=%s queue=intake action=set_apart", entry->key);
	if (!index_set_apart(intake->pool, entry->key, item->has_record ? &item->record : NULL, item->why.text,
	                     &shown) &&
	    may_pass(&shown)) {
		*err = shown;
		return false;
	}
	if (!slot_set_apart(slot, entry, item->why.text, err))
		return false;
	/* What was placed already is the same file under a second name; without a row it would be an orphan. */
	return !item->is_placed || store_remove(intake->store, entry->key, err);
}

static bool run_items(struct intake *intake, struct slot *slot, struct slot_entry *entries, size_t count,
                      struct item *items, bool *done, struct err *err)
{
	bool ok = true;

	for (size_t i = 0; i < count; i++) {
		if (prepare(intake, slot, &entries[i], &items[i], err))
			continue;
		if (may_pass(err))
			return false;
		items[i].state = ITEM_POISON;
		items[i].why = *err;
	}
	if (!index_ready(intake, items, count, err))
		ok = !may_pass(err) && index_one_by_one(intake, items, count, err);
	/* What came through is finished even when others wait. */
	if (!finish(intake, slot, items, entries, count, done, ok ? err : &(struct err){0}))
		return false;
	for (size_t i = 0; i < count; i++)
		if (items[i].state == ITEM_POISON) {
			if (!set_apart(intake, slot, &entries[i], &items[i], err))
				return false;
			done[i] = true;
		}
	return ok;
}

bool batch_run(struct intake *intake, struct slot *slot, struct slot_entry *entries, size_t count, bool *done,
               struct err *err)
{
	struct item *items = calloc(count, sizeof *items);
	bool ok;

	if (!items)
		err_panic("out of memory");
	ok = run_items(intake, slot, entries, count, items, done, err);
	free(items);
	return ok;
}
