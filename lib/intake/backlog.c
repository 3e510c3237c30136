#include <dirent.h>
#include <errno.h>
#include <limits.h>
#include <stdio.h>
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

static int64_t age_since(int64_t arrived_us)
{
	return (clock_wall_us() - arrived_us) / 1000;
}

static bool count_ringed(void *context, const struct ring_object *object, const struct intake_record *record,
                         struct err *err)
{
	(void)err;
	count_one(context, false, object->length, age_since(record->arrived_us));
	return true;
}

static bool count_line(void *context, const struct index_line *line, struct err *err)
{
	(void)err;
	count_one(context, true, line->size_bytes, age_since((int64_t)line->arrived_us));
	return true;
}

/* File times are the machine's, so a moved clock of tests is taken off. A file that is gone again was placed while we look. */
static void count_part(const char *directory, const struct journal_name *name, struct intake_backlog *backlog)
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
	count_one(backlog, false, size, age_ms);
}

static bool count_parts(const char *directory, bool is_quarantine, struct intake_backlog *backlog, struct err *err)
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
			backlog->quarantined++;
		else
			count_part(directory, &name, backlog);
	}
	closedir(dir);
	return true;
}

/* In the order in which an object moves: one that moves while we look is counted twice rather than not at all. */
static bool count_slot(void *context, const char *directory, bool is_quarantine, struct err *err)
{
	struct intake_backlog *backlog = context;

	if (!count_parts(directory, is_quarantine, backlog, err))
		return false;
	return is_quarantine || (ring_look(directory, count_ringed, backlog, err) &&
	                         index_log_look(directory, count_line, backlog, err));
}

bool intake_backlog_read(struct intake_backlog *out, struct err *err)
{
	struct intake_backlog backlog = {0};

	if (!visit_slots(count_slot, &backlog, err))
		return err_context(err, "receiving journal");
	*out = backlog;
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
