#include "lib/intake/apart.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lib/base/conf.h"
#include "lib/base/file.h"
#include "lib/intake/names.h"

static bool path_of(const char *key, const char *suffix, char *out, size_t out_size, struct err *err)
{
	if (!store_key_is_valid(key))
		return err_set(err, ERR_INVALID, "cannot find an object: its key is malformed");
	return conf_path(out, out_size, err, "journal/quarantine/%s%s", key, suffix);
}

bool apart_path(const char *key, char *out, size_t out_size, struct err *err)
{
	return path_of(key, ".part", out, out_size, err);
}

bool apart_has(const char *key, bool *out, struct err *err)
{
	char path[PATH_MAX];

	if (!apart_path(key, path, sizeof path, err))
		return false;
	*out = access(path, R_OK) == 0;
	return true;
}

bool apart_open(const char *key, int *out_fd, uint64_t *out_size, struct err *err)
{
	char path[PATH_MAX];
	struct stat info;
	int fd;

	if (!apart_path(key, path, sizeof path, err))
		return false;
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0 && errno == ENOENT)
		return err_set(err, ERR_NOT_FOUND,
		               "the bytes are not in the journal of this host: they lie on another one, or came in");
	if (fd < 0 || fstat(fd, &info) != 0) {
		err_set_errno(err, ERR_TEMPORARY, errno, "could not open an object that was set apart");
		if (fd >= 0)
			close(fd);
		return false;
	}
	*out_fd = fd;
	*out_size = (uint64_t)info.st_size;
	return true;
}

/* Its sequence stands in the name, and only there; empty: there is none. */
static bool find_record(const char *key, char *out, size_t out_size, struct err *err)
{
	char directory[PATH_MAX];
	struct journal_name name;
	struct dirent *entry;
	bool ok = true;
	DIR *dir;

	out[0] = '\0';
	if (!conf_path(directory, sizeof directory, err, "journal/quarantine"))
		return false;
	dir = opendir(directory);
	if (!dir)
		return errno == ENOENT || err_set_errno(err, ERR_TEMPORARY, errno, "could not read %s", directory);
	while (ok && !out[0] && (entry = readdir(dir)))
		if (journal_name_parse(entry->d_name, &name) && name.kind == JOURNAL_RECORD &&
		    strcmp(name.key, key) == 0)
			ok = conf_path(out, out_size, err, "journal/quarantine/%s", entry->d_name);
	closedir(dir);
	return ok;
}

bool apart_record(const char *key, struct intake_record *out, struct err *err)
{
	char path[PATH_MAX], *text;
	enum record_shape shape;
	size_t length;

	if (!find_record(key, path, sizeof path, err))
		return false;
	if (!path[0])
		return err_set(err, ERR_CORRUPT, "cannot drive the object again: the journal has no record of it");
	if (!file_read_all(path, RECORD_MAX, &text, &length, err))
		return false;
	shape = record_decode(text, length, out);
	free(text);
	return (shape == RECORD_WHOLE && strcmp(out->key, key) == 0) ||
	       err_set(err, ERR_CORRUPT, "cannot drive the object again: its record in the journal is damaged");
}

static void add_key(char (**keys)[STORE_KEY_SIZE], size_t *count, size_t *capacity, const char *key)
{
	if (*count == *capacity) {
		*capacity = *capacity ? 2 * *capacity : 64;
		*keys = reallocarray(*keys, *capacity, sizeof **keys);
		if (!*keys)
			err_panic("out of memory");
	}
	memcpy((*keys)[(*count)++], key, STORE_KEY_SIZE);
}

bool apart_keys(char (**out)[STORE_KEY_SIZE], size_t *out_count, struct err *err)
{
	char directory[PATH_MAX], (*keys)[STORE_KEY_SIZE] = NULL;
	size_t count = 0, capacity = 0;
	struct journal_name name;
	struct dirent *entry;
	DIR *dir;

	if (!conf_path(directory, sizeof directory, err, "journal/quarantine"))
		return false;
	dir = opendir(directory);
	if (!dir && errno != ENOENT)
		return err_set_errno(err, ERR_TEMPORARY, errno, "could not read %s", directory);
	while (dir && (entry = readdir(dir)))
		if (journal_name_parse(entry->d_name, &name) && name.kind == JOURNAL_RECORD)
			add_key(&keys, &count, &capacity, name.key);
	if (dir)
		closedir(dir);
	*out = keys;
	*out_count = count;
	return true;
}

static bool remove_file(const char *path, struct err *err)
{
	return unlink(path) == 0 || errno == ENOENT ||
	       err_set_errno(err, ERR_TEMPORARY, errno, "could not remove what was set apart");
}

bool apart_remove(const char *key, struct err *err)
{
	char record[PATH_MAX], path[PATH_MAX], directory[PATH_MAX];

	return find_record(key, record, sizeof record, err) &&
	       conf_path(directory, sizeof directory, err, "journal/quarantine") &&
	       (!record[0] || (remove_file(record, err) && file_sync_dir(directory, err))) &&
	       path_of(key, ".why", path, sizeof path, err) && remove_file(path, err) &&
	       apart_path(key, path, sizeof path, err) && remove_file(path, err);
}
