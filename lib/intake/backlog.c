#include <dirent.h>
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lib/base/clock.h"
#include "lib/base/conf.h"
#include "lib/intake/journal.h"
#include "lib/intake/names.h"

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

/* File times are the machine's, so a moved clock of tests is taken off. */
static int64_t age_ms(const struct stat *info)
{
	int64_t now_ms = (clock_wall_us() - clock_offset_us()) / 1000;
	int64_t age = now_ms - ((int64_t)info->st_mtim.tv_sec * 1000 + info->st_mtim.tv_nsec / 1000000);

	return age > 1 ? age : 1;
}

/* A file that is gone again reached the ledger while we look. */
static void count_record(const char *directory, const struct journal_name *name, struct intake_backlog *backlog)
{
	char path[PATH_MAX];
	struct stat info;

	if (snprintf(path, sizeof path, "%s/%s", directory, name->text) >= (int)sizeof path || lstat(path, &info) != 0)
		return;
	if (age_ms(&info) > backlog->oldest_ms)
		backlog->oldest_ms = age_ms(&info);
	backlog->objects++;
	if (snprintf(path, sizeof path, "%s/%s.part", directory, name->key) < (int)sizeof path &&
	    lstat(path, &info) == 0)
		backlog->bytes += (uint64_t)info.st_size;
}

static bool count_slot(void *context, const char *directory, bool is_quarantine, struct err *err)
{
	struct intake_backlog *backlog = context;
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
			count_record(directory, &name, backlog);
	}
	closedir(dir);
	return true;
}

bool intake_backlog_read(struct intake_backlog *out, struct err *err)
{
	struct intake_backlog backlog = {0};

	if (!visit_slots(count_slot, &backlog, err))
		return err_context(err, "receiving journal");
	*out = backlog;
	return true;
}

struct key_search {
	const char *key;
	bool found;
};

static bool look_for_key(void *context, const char *directory, bool is_quarantine, struct err *err)
{
	struct key_search *search = context;
	char path[PATH_MAX];

	(void)is_quarantine;
	if (snprintf(path, sizeof path, "%s/%s.part", directory, search->key) >= (int)sizeof path)
		return err_set(err, ERR_INVALID, "cannot use a path of more than %d bytes", PATH_MAX - 1);
	search->found = search->found || access(path, F_OK) == 0;
	return true;
}

bool journal_has_key(const char *key, bool *out, struct err *err)
{
	struct key_search search = {.key = key};

	if (!visit_slots(look_for_key, &search, err))
		return false;
	*out = search.found;
	return true;
}
