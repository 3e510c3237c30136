#include <dirent.h>
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lib/base/clock.h"
#include "lib/base/conf.h"
#include "lib/intake/index_log.h"
#include "lib/intake/journal.h"
#include "lib/intake/names.h"
#include "lib/intake/ring.h"

typedef bool each_slot(void *context, const char *directory, bool is_quarantine, struct err *err);

static bool visit_slots(each_slot *each, void *context, struct err *err)
{
	char path[PATH_MAX], below[PATH_MAX];
	struct dirent *entry;
	bool ok = true;
	DIR *dir;

	if (!conf_path(path, sizeof path, err, "journal"))
		return false;
	dir = opendir(path);
	if (!dir)
		return errno == ENOENT || err_set_errno(err, ERR_TEMPORARY, errno, "could not read %s", path);
	while (ok && (entry = readdir(dir))) {
		bool is_quarantine = strcmp(entry->d_name, "quarantine") == 0;

		if (!is_quarantine && !journal_is_slot(entry->d_name))
			continue;
		ok = conf_path(below, sizeof below, err, "journal/%s", entry->d_name) &&
		     each(context, below, is_quarantine, err);
	}
	closedir(dir);
	return ok;
}

/* ---- how much waits ------------------------------------------------------------------------------------------------------ */

/* Keys of what is in the journal: an object that is on its way to the backlog while we look stands in both, and is one. */
struct count {
	struct intake_backlog backlog;
	uint64_t files
	    [256]; /* of the backlog that were looked into; one that moves to another slot meanwhile is met twice */
	size_t file_count;
	bool is_seen; /* the one at hand is met again */
	char (*keys)[STORE_KEY_SIZE];
	size_t key_count, capacity;
};

static void count_one(struct intake_backlog *backlog, bool is_placed, uint64_t size_bytes, int64_t age_ms)
{
	backlog->objects++;
	backlog->bytes += size_bytes;
	if (!is_placed) {
		backlog->unplaced_objects++;
		backlog->unplaced_bytes += size_bytes;
	}
	age_ms = age_ms > 1 ? age_ms : 1;
	if (age_ms > backlog->oldest_ms)
		backlog->oldest_ms = age_ms;
}

static void note_key(struct count *count, const char *key)
{
	if (count->key_count == count->capacity) {
		count->capacity = count->capacity ? 2 * count->capacity : 64;
		count->keys = reallocarray(count->keys, count->capacity, sizeof *count->keys);
		if (!count->keys)
			err_panic("out of memory");
	}
	memcpy(count->keys[count->key_count++], key, STORE_KEY_SIZE);
}

static int compare_keys(const void *one, const void *other)
{
	return strcmp(one, other);
}

static int64_t age_since(int64_t arrived_us)
{
	return (clock_wall_us() - arrived_us) / 1000;
}

static bool count_ringed(void *context, const struct ring_object *object, const struct intake_record *record,
                         struct err *err)
{
	struct count *count = context;

	(void)object;
	(void)err;
	note_key(count, record->key);
	count_one(&count->backlog, false, record->size_bytes, age_since(record->arrived_us));
	return true;
}

static void note_file(struct count *count, uint64_t file)
{
	count->is_seen = false;
	for (size_t i = 0; i < count->file_count; i++)
		count->is_seen = count->is_seen || count->files[i] == file;
	if (!count->is_seen && count->file_count < sizeof count->files / sizeof count->files[0])
		count->files[count->file_count++] = file;
}

static bool count_line(void *context, const struct index_line *line, struct err *err)
{
	struct count *count = context;

	(void)err;
	if (line->is_first)
		note_file(count, line->file);
	if (count->is_seen)
		return true;
	if (!count->key_count || !bsearch(line->key, count->keys, count->key_count, sizeof *count->keys, compare_keys))
		count_one(&count->backlog, true, line->size_bytes, age_since((int64_t)line->arrived_us));
	return true;
}

/* File times are the machine's, so a moved clock of tests is taken off. A file that is gone again was placed while we look. */
static void count_part(const char *directory, const struct journal_name *name, struct count *count)
{
	char path[PATH_MAX];
	struct stat info;
	uint64_t size = 0;
	int64_t age_ms;

	if (snprintf(path, sizeof path, "%s/%s", directory, name->text) >= (int)sizeof path || lstat(path, &info) != 0)
		return;
	age_ms = (clock_wall_us() - clock_offset_us()) / 1000 -
	         ((int64_t)info.st_mtim.tv_sec * 1000 + info.st_mtim.tv_nsec / 1000000);
	if (snprintf(path, sizeof path, "%s/%s.part", directory, name->key) < (int)sizeof path &&
	    lstat(path, &info) == 0)
		size = (uint64_t)info.st_size;
	note_key(count, name->key);
	count_one(&count->backlog, false, size, age_ms);
}

static bool count_parts(const char *directory, bool is_quarantine, struct count *count, struct err *err)
{
	struct journal_name name;
	struct dirent *entry;
	DIR *dir = opendir(directory);

	if (!dir)
		return err_set_errno(err, ERR_TEMPORARY, errno, "could not read %s", directory);
	while ((entry = readdir(dir))) {
		if (!journal_name_parse(entry->d_name, &name) || name.kind != JOURNAL_RECORD)
			continue;
		if (is_quarantine)
			count->backlog.quarantined++;
		else
			count_part(directory, &name, count);
	}
	closedir(dir);
	return true;
}

static bool count_journal(void *context, const char *directory, bool is_quarantine, struct err *err)
{
	return count_parts(directory, is_quarantine, context, err) &&
	       (is_quarantine || ring_look(directory, count_ringed, context, err));
}

static bool count_backlog(void *context, const char *directory, bool is_quarantine, struct err *err)
{
	return is_quarantine || index_log_look(directory, count_line, context, err);
}

/* In the order in which an object moves: the other way round one that moves while we look would not be seen at all. */
bool intake_backlog_read(struct intake_backlog *out, struct err *err)
{
	struct count count = {0};
	bool ok = visit_slots(count_journal, &count, err);

	if (count.key_count)
		qsort(count.keys, count.key_count, sizeof *count.keys, compare_keys);
	ok = ok && visit_slots(count_backlog, &count, err);
	free(count.keys);
	if (!ok)
		return err_context(err, "receiving journal");
	*out = count.backlog;
	return true;
}

/* ---- is it there ---------------------------------------------------------------------------------------------------------- */

struct key_search {
	const char (*keys)[STORE_KEY_SIZE];
	size_t count;
	bool *found;
};

static void found_key(struct key_search *search, const char *key)
{
	for (size_t i = 0; i < search->count; i++)
		search->found[i] = search->found[i] || strcmp(search->keys[i], key) == 0;
}

static bool found_ringed(void *context, const struct ring_object *object, const struct intake_record *record,
                         struct err *err)
{
	(void)object;
	(void)err;
	found_key(context, record->key);
	return true;
}

static bool found_line(void *context, const struct index_line *line, struct err *err)
{
	(void)err;
	found_key(context, line->key);
	return true;
}

static bool look_for_keys(void *context, const char *directory, bool is_quarantine, struct err *err)
{
	struct key_search *search = context;
	char path[PATH_MAX];

	for (size_t i = 0; i < search->count; i++) {
		if (snprintf(path, sizeof path, "%s/%s.part", directory, search->keys[i]) >= (int)sizeof path)
			return err_set(err, ERR_INVALID, "cannot use a path of more than %d bytes", PATH_MAX - 1);
		search->found[i] = search->found[i] || access(path, F_OK) == 0;
	}
	return is_quarantine ||
	       (ring_look(directory, found_ringed, search, err) && index_log_look(directory, found_line, search, err));
}

bool journal_find_keys(const char (*keys)[STORE_KEY_SIZE], size_t count, bool *found, struct err *err)
{
	struct key_search search = {keys, count, found};

	memset(found, 0, count * sizeof *found);
	return visit_slots(look_for_keys, &search, err);
}
