#include "lib/intake/journal.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lib/base/clock.h"
#include "lib/base/conf.h"
#include "lib/base/file.h"
#include "lib/base/log.h"
#include "lib/intake/index_log.h"
#include "lib/intake/names.h"
#include "lib/intake/ring.h"

enum { SLOT_MAX = 10000 };

struct slot {
	char name[16];
	char path[PATH_MAX - 128]; /* room for a file's name behind it */
	int lock_fd;
	_Atomic uint64_t last_sequence;
};

/* ---- what is in a slot ----------------------------------------------------------------------------------------------- */

static int compare_entries(const void *one, const void *other)
{
	const struct slot_entry *a = one, *b = other;

	if (a->sequence != b->sequence)
		return a->sequence < b->sequence ? -1 : 1;
	return strcmp(a->key, b->key);
}

static struct slot_entry *grow(struct slot_entry *entries, size_t *capacity)
{
	*capacity = *capacity ? 2 * *capacity : 256;
	entries = reallocarray(entries, *capacity, sizeof *entries);
	if (!entries)
		err_panic("out of memory");
	return entries;
}

bool slot_scan(const struct slot *slot, struct slot_entry **out, size_t *out_count, struct err *err)
{
	struct slot_entry *entries = NULL;
	size_t count = 0, capacity = 0;
	struct journal_name name;
	struct dirent *found;
	DIR *dir = opendir(slot->path);

	if (!dir)
		return err_set_errno(err, ERR_TEMPORARY, errno, "could not read journal %s", slot->name);
	while ((found = readdir(dir))) {
		if (!journal_name_parse(found->d_name, &name) || name.kind != JOURNAL_RECORD)
			continue;
		if (count == capacity)
			entries = grow(entries, &capacity);
		entries[count].sequence = name.sequence;
		memcpy(entries[count++].key, name.key, STORE_KEY_SIZE);
	}
	closedir(dir);
	if (count)
		qsort(entries, count, sizeof *entries, compare_entries);
	*out = entries;
	*out_count = count;
	return true;
}

/* ---- recovery ------------------------------------------------------------------------------------------------------- */

static bool read_record(const char *path, enum record_shape *shape, struct intake_record *out, struct err *err)
{
	char *text;
	size_t length;

	if (!file_read_all(path, RECORD_MAX + 1, &text, &length, err))
		return false;
	*shape = record_decode(text, length, out);
	free(text);
	return true;
}

/* A torn record is no record. Its part goes with it in the second pass. */
static bool drop_torn_record(struct slot *slot, const struct journal_name *name, struct err *err)
{
	struct intake_record record;
	enum record_shape shape;
	char path[PATH_MAX];

	snprintf(path, sizeof path, "%s/%s", slot->path, name->text);
	if (!read_record(path, &shape, &record, err)) {
		/* Nobody knows what it was, so it stays, for the indexer to try or to set apart; reception goes on. */
		log_err(LOG_JOURNAL_RECOVERED, err, "slot=%s sequence=%llu", slot->name,
		        (unsigned long long)name->sequence);
		shape = RECORD_DAMAGED;
	}
	if (shape == RECORD_TORN && unlink(path) != 0)
		return err_set_errno(err, ERR_TEMPORARY, errno, "could not remove a torn record");
	if (shape != RECORD_TORN && name->sequence > slot->last_sequence)
		slot->last_sequence = name->sequence;
	return true;
}

static int compare_keys(const void *one, const void *other)
{
	return strcmp(((const struct slot_entry *)one)->key, ((const struct slot_entry *)other)->key);
}

/* After the torn records are gone: a part whose key has no record was never acknowledged, or has left. */
static bool drop_lone_parts(struct slot *slot, DIR *dir, size_t *records, size_t *parts, struct err *err)
{
	struct slot_entry *entries, wanted;
	struct journal_name name;
	struct dirent *entry;
	char path[PATH_MAX];
	bool ok = true;

	if (!slot_scan(slot, &entries, records, err))
		return false;
	if (*records)
		qsort(entries, *records, sizeof *entries, compare_keys);
	rewinddir(dir);
	while (ok && (entry = readdir(dir))) {
		if (!journal_name_parse(entry->d_name, &name) || name.kind != JOURNAL_PART)
			continue;
		memcpy(wanted.key, name.key, sizeof wanted.key);
		if (*records && bsearch(&wanted, entries, *records, sizeof *entries, compare_keys))
			continue;
		snprintf(path, sizeof path, "%s/%s", slot->path, name.text);
		if (unlink(path) != 0 && errno != ENOENT)
			ok = err_set_errno(err, ERR_TEMPORARY, errno, "could not remove what was half received in %s",
			                   slot->name);
		(*parts)++;
	}
	free(entries);
	return ok;
}

/* Called with the lock, before anybody writes. */
static bool recover(struct slot *slot, struct err *err)
{
	size_t records = 0, parts = 0;
	struct journal_name name;
	struct dirent *entry;
	bool ok = true;
	DIR *dir = opendir(slot->path);

	if (!dir)
		return err_set_errno(err, ERR_TEMPORARY, errno, "could not read journal %s", slot->name);
	while (ok && (entry = readdir(dir)))
		if (journal_name_parse(entry->d_name, &name) && name.kind == JOURNAL_RECORD)
			ok = drop_torn_record(slot, &name, err);
	ok = ok && drop_lone_parts(slot, dir, &records, &parts, err);
	closedir(dir);
	if (ok && records + parts)
		log_info(LOG_JOURNAL_RECOVERED, "slot=%s objects=%zu dropped=%zu", slot->name, records, parts);
	return ok;
}

/* ---- slots ---------------------------------------------------------------------------------------------------------- */

static bool slot_open(const char *name, int lock_fd, struct slot **out, struct err *err)
{
	struct slot *slot = calloc(1, sizeof *slot);

	if (!slot)
		err_panic("out of memory");
	slot->lock_fd = lock_fd;
	text_copy(slot->name, sizeof slot->name, name);
	if (conf_path(slot->path, sizeof slot->path, err, "journal/%s", name) && recover(slot, err)) {
		*out = slot;
		return true;
	}
	slot_release(slot);
	return false;
}

/* Held by another: *fd is -1. */
static bool try_lock(const char *name, int *fd, struct err *err)
{
	char path[PATH_MAX];

	*fd = -1;
	if (!conf_path(path, sizeof path, err, "journal/%s/lock", name))
		return false;
	return file_lock(path, fd, err) || err->kind == ERR_CONFLICT;
}

bool slot_claim(struct slot **out, struct err *err)
{
	char name[24], path[PATH_MAX];
	int fd;

	for (int i = 0; i < SLOT_MAX; i++) {
		snprintf(name, sizeof name, "slot-%04d", i);
		if (!conf_path(path, sizeof path, err, "journal/%s", name) || !file_make_dirs(path, 0700, err) ||
		    !try_lock(name, &fd, err))
			return err_context(err, "could not claim a place in the receiving journal");
		if (fd >= 0)
			return slot_open(name, fd, out, err);
	}
	return err_set(err, ERR_TEMPORARY, "could not claim a place in the receiving journal: all %d are taken",
	               SLOT_MAX);
}

/* Looked at without the lock, as a hint: is there anything to adopt? */
static bool has_files(const char *name)
{
	struct journal_name parsed;
	struct dirent *entry;
	char path[PATH_MAX];
	struct err ignored;
	bool found = false;
	DIR *dir;

	if (!conf_path(path, sizeof path, &ignored, "journal/%s", name))
		return false;
	dir = opendir(path);
	while (dir && !found && (entry = readdir(dir)))
		found = journal_name_parse(entry->d_name, &parsed) || index_log_is_name(entry->d_name);
	if (dir)
		closedir(dir);
	return found || ring_is_dirty(path);
}

bool slot_adopt(struct slot **out, struct err *err)
{
	struct dirent *entry;
	char path[PATH_MAX];
	bool ok = true;
	DIR *dir;
	int fd;

	*out = NULL;
	if (!conf_path(path, sizeof path, err, "journal"))
		return false;
	dir = opendir(path);
	if (!dir)
		return errno == ENOENT || err_set_errno(err, ERR_TEMPORARY, errno, "could not read %s", path);
	while (ok && !*out && (entry = readdir(dir))) {
		if (!journal_is_slot(entry->d_name) || !has_files(entry->d_name))
			continue;
		ok = try_lock(entry->d_name, &fd, err);
		if (ok && fd >= 0)
			ok = slot_open(entry->d_name, fd, out, err);
	}
	closedir(dir);
	return ok;
}

void slot_release(struct slot *slot)
{
	if (!slot)
		return;
	close(slot->lock_fd);
	free(slot);
}

const char *slot_name(const struct slot *slot)
{
	return slot->name;
}

const char *slot_path(const struct slot *slot)
{
	return slot->path;
}

/* ---- objects ---------------------------------------------------------------------------------------------------------- */

bool slot_part_path(const struct slot *slot, const char *key, char *out, size_t out_size, struct err *err)
{
	if (snprintf(out, out_size, "%s/%s.part", slot->path, key) >= (int)out_size)
		return err_set(err, ERR_INVALID, "cannot use a path of more than %zu bytes", out_size - 1);
	return true;
}

static void record_path(const struct slot *slot, const struct slot_entry *entry, char out[PATH_MAX])
{
	snprintf(out, PATH_MAX, "%s/%016llx-%s.rec", slot->path, (unsigned long long)entry->sequence, entry->key);
}

bool slot_part_new(struct slot *slot, const char *key, int *out_fd, struct err *err)
{
	char path[PATH_MAX];

	if (!slot_part_path(slot, key, path, sizeof path, err))
		return false;
	/* 0640: the file becomes the stored object by a link. */
	*out_fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0640);
	return *out_fd >= 0 || err_set_errno(err, ERR_TEMPORARY, errno, "could not write to journal %s", slot->name);
}

void slot_drop(struct slot *slot, const char *key)
{
	struct err ignored;
	char path[PATH_MAX];

	if (slot_part_path(slot, key, path, sizeof path, &ignored))
		unlink(path);
}

uint64_t slot_next_sequence(struct slot *slot)
{
	uint64_t last = atomic_load(&slot->last_sequence), next;

	do {
		uint64_t now = (uint64_t)clock_wall_us();

		next = now > last ? now : last + 1;
	} while (!atomic_compare_exchange_weak(&slot->last_sequence, &last, next));
	return next;
}

void slot_seen_sequence(struct slot *slot, uint64_t sequence)
{
	if (sequence > atomic_load(&slot->last_sequence))
		atomic_store(&slot->last_sequence, sequence);
}

static bool write_record(const char *path, const struct intake_record *record, struct err *err)
{
	struct text_buf text;
	bool ok;
	int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);

	if (fd < 0)
		return err_set_errno(err, ERR_TEMPORARY, errno, "could not write a record");
	text_buf_init(&text, RECORD_MAX);
	record_encode(record, &text);
	ok = file_write_all(fd, text.data, text.length, err);
	text_buf_fini(&text);
	file_kill_point("intake-after-record-write");
	ok = ok && file_sync(fd, path, err);
	close(fd);
	return ok;
}

bool slot_record(struct slot *slot, int fd, const struct intake_record *record, struct slot_entry *out, struct err *err)
{
	struct slot_entry entry = {.sequence = slot_next_sequence(slot)};
	char path[PATH_MAX];
	bool ok;

	memcpy(entry.key, record->key, sizeof entry.key);
	record_path(slot, &entry, path);
	/*
	 * 1. The part's bytes and length. Before the record, so that a whole record found after a crash proves that the bytes behind it
	 *    are on the disk; with both in flight at once a record could survive bytes that did not.
	 */
	file_kill_point("intake-before-data-sync");
	ok = file_sync(fd, slot->path, err);
	file_kill_point("intake-after-data-sync");
	/*
	 * 2. The record, under its final name: it carries its own digest, so a torn one is recognised without a rename, and the
	 *    directory changes only once per file. On ext4 and XFS this sync commits the creation of both files, too.
	 */
	ok = ok && write_record(path, record, err);
	file_kill_point("intake-after-record-sync");
	/*
	 * 3. The directory, which POSIX asks for before the two names are safe. It comes last and once, for both; where step 2 has
	 *    already carried the names to the disk it finds nothing to do. From here on the object may be acknowledged.
	 */
	ok = ok && file_sync_dir(slot->path, err);
	if (!ok) {
		/* A sync that failed is never tried again: what it left is unknown. Refused, so the sender keeps the object. */
		unlink(path);
		slot_drop(slot, record->key);
		return false;
	}
	file_kill_point("intake-after-commit");
	*out = entry;
	return true;
}

/* ---- the queue -------------------------------------------------------------------------------------------------------- */

bool slot_read(const struct slot *slot, const struct slot_entry *entry, enum record_shape *shape,
               struct intake_record *out, struct err *err)
{
	char path[PATH_MAX];

	record_path(slot, entry, path);
	return read_record(path, shape, out, err);
}

static bool unlink_quietly(const char *path, struct err *err)
{
	if (unlink(path) == 0 || errno == ENOENT)
		return true;
	return err_set_errno(err, ERR_TEMPORARY, errno, "could not remove from the journal");
}

/*
 * Records first, made durable, then the parts: the other way round a power cut could keep a record whose part is gone. The last
 * removals need no sync of their own, since a part without a record means nothing.
 */
bool slot_finish(struct slot *slot, const struct slot_entry *entries, size_t count, struct err *err)
{
	char path[PATH_MAX];

	for (size_t i = 0; i < count; i++) {
		record_path(slot, &entries[i], path);
		if (!unlink_quietly(path, err))
			return false;
	}
	file_kill_point("intake-before-forget");
	if (!file_sync_dir(slot->path, err))
		return false;
	file_kill_point("intake-after-forget");
	for (size_t i = 0; i < count; i++)
		if (!slot_part_path(slot, entries[i].key, path, sizeof path, err) || !unlink_quietly(path, err))
			return false;
	return true;
}

static bool link_quietly(const char *from, const char *to, struct err *err)
{
	if (link(from, to) == 0 || errno == EEXIST || errno == ENOENT)
		return true;
	return err_set_errno(err, ERR_TEMPORARY, errno, "could not set an object apart");
}

/* Second names first, made durable, then out of the slot: at no moment has the object no name. */
bool slot_set_apart(struct slot *slot, const struct slot_entry *entry, const char *reason, struct err *err)
{
	char apart[PATH_MAX - 128], from[PATH_MAX], to[PATH_MAX];

	if (!conf_path(apart, sizeof apart, err, "journal/quarantine") || !file_make_dirs(apart, 0700, err))
		return false;
	snprintf(to, sizeof to, "%s/%s.part", apart, entry->key);
	if (!slot_part_path(slot, entry->key, from, sizeof from, err) || !link_quietly(from, to, err))
		return false;
	record_path(slot, entry, from);
	snprintf(to, sizeof to, "%s/%016llx-%s.rec", apart, (unsigned long long)entry->sequence, entry->key);
	if (!link_quietly(from, to, err))
		return false;
	snprintf(to, sizeof to, "%s/%s.why", apart, entry->key);
	if (!file_replace(to, reason, strlen(reason), 0600, err)) /* its sync of the directory covers the two links */
		return false;
	return slot_finish(slot, entry, 1, err);
}
