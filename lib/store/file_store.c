#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lib/base/clock.h"
#include "lib/base/conf.h"
#include "lib/base/file.h"
#include "lib/base/text.h"
#include "lib/store/file_store.h"

enum { COPY_CHUNK = 256 * 1024, STALE_SECONDS = 24 * 3600 };

void file_store_directory(const struct file_store *store, const char *key, char out[PATH_MAX])
{
	snprintf(out, PATH_MAX, "%s/%.2s/%.2s", store->root, key, key + 2);
}

static void file_name(void *self, const char *key, char out[STORE_FILE_SIZE])
{
	(void)self;
	snprintf(out, STORE_FILE_SIZE, "%.2s/%.2s/%s", key, key + 2, key);
}

void file_store_path(const struct file_store *store, const char *key, char out[PATH_MAX])
{
	char name[STORE_FILE_SIZE];
	file_name(NULL, key, name);
	snprintf(out, PATH_MAX, "%s/%s", store->root, name);
}

static bool read_some(int fd, char *out, size_t size, size_t *length, struct err *err)
{
	size_t got = 0;

	while (got < size) {
		ssize_t more = read(fd, out + got, size - got);

		if (more < 0 && errno == EINTR)
			continue;
		if (more < 0)
			return err_set_errno(err, ERR_TEMPORARY, errno, "could not read an object");
		if (more == 0)
			break;
		got += (size_t)more;
	}
	*length = got;
	return true;
}

static bool compare(int one, int other, char *buffer, bool *same, struct err *err)
{
	for (;;) {
		size_t one_length, other_length;

		if (!read_some(one, buffer, COPY_CHUNK, &one_length, err) ||
		    !read_some(other, buffer + COPY_CHUNK, COPY_CHUNK, &other_length, err))
			return false;
		*same = one_length == other_length && memcmp(buffer, buffer + COPY_CHUNK, one_length) == 0;
		if (!*same || one_length == 0)
			return true;
	}
}

/* The same file under two names is the everyday case of a replay and needs no reading. */
bool file_store_same(const char *one, const char *other, bool *same, struct err *err)
{
	struct stat one_info, other_info;
	int one_fd, other_fd = -1;
	char *buffer = NULL;
	bool ok = false;

	one_fd = open(one, O_RDONLY | O_CLOEXEC);
	if (one_fd >= 0)
		other_fd = open(other, O_RDONLY | O_CLOEXEC);
	if (other_fd < 0 || fstat(one_fd, &one_info) != 0 || fstat(other_fd, &other_info) != 0) {
		err_set_errno(err, ERR_TEMPORARY, errno, "could not compare two objects");
		goto out;
	}
	ok = true;
	*same = one_info.st_dev == other_info.st_dev && one_info.st_ino == other_info.st_ino;
	if (!*same && one_info.st_size == other_info.st_size) {
		buffer = malloc(2 * COPY_CHUNK);
		if (!buffer)
			err_panic("out of memory");
		ok = compare(one_fd, other_fd, buffer, same, err);
	}
out:
	free(buffer);
	if (one_fd >= 0)
		close(one_fd);
	if (other_fd >= 0)
		close(other_fd);
	return ok;
}

/*
 * Gives a finished, synced file its name. The directory is synced also when the name was there: an earlier put may have been
 * cut off between its link and its sync.
 */
static bool link_in(const struct file_store *store, const char *key, const char *path, struct err *err)
{
	char directory[PATH_MAX], name[PATH_MAX];
	bool same = true;

	file_store_directory(store, key, directory);
	file_store_path(store, key, name);
	if (!file_make_dirs(directory, 0750, err))
		return false;
	file_kill_point("store-before-link");
	if (link(path, name) != 0) {
		if (errno != EEXIST)
			return err_set_errno(err, ERR_TEMPORARY, errno, "could not place object %s", key);
		if (!file_store_same(path, name, &same, err))
			return false;
		if (!same)
			return err_set(err, ERR_CONFLICT, "cannot place object %s: the key has other bytes", key);
	}
	file_kill_point("store-after-link");
	return file_sync_dir(directory, err);
}

static bool make_new_file(const struct file_store *store, const char *key, char path[PATH_MAX], int *fd,
                          struct err *err)
{
	snprintf(path, PATH_MAX, "%s/.new/%s.XXXXXX", store->root, key);
	*fd = mkostemp(path, O_CLOEXEC);
	if (*fd < 0)
		return err_set_errno(err, ERR_TEMPORARY, errno, "could not write object %s", key);
	if (fchmod(*fd, 0640) != 0) {
		err_set_errno(err, ERR_TEMPORARY, errno, "could not write object %s", key);
		close(*fd);
		unlink(path);
		return false;
	}
	return true;
}

/* Ends make_new_file(): written decides whether the file gets its name; it loses the temporary one in every case. */
static bool finish_new_file(const struct file_store *store, const char *key, const char *path, int fd, bool written,
                            struct err *err)
{
	bool ok = written && file_sync(fd, path, err);

	close(fd);
	ok = ok && link_in(store, key, path, err);
	unlink(path);
	return ok;
}

static bool file_put_bytes(void *self, const char *key, const void *bytes, size_t length, struct err *err)
{
	const struct file_store *store = self;
	char path[PATH_MAX];
	int fd;

	if (!make_new_file(store, key, path, &fd, err))
		return false;
	return finish_new_file(store, key, path, fd, file_write_all(fd, bytes, length, err), err);
}

static bool file_open_object(void *self, const char *key, int *out_fd, uint64_t *out_size, struct err *err)
{
	char path[PATH_MAX];
	struct stat info;
	int fd;

	file_store_path(self, key, path);
	fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
	if (fd < 0)
		return err_set_errno(err, errno == ENOENT ? ERR_NOT_FOUND : ERR_TEMPORARY, errno,
		                     "could not open object %s", key);
	if (fstat(fd, &info) != 0 || !S_ISREG(info.st_mode)) {
		close(fd);
		return err_set(err, ERR_CORRUPT, "cannot open object %s: it is no regular file", key);
	}
	*out_fd = fd;
	*out_size = (uint64_t)info.st_size;
	return true;
}

static bool file_remove(void *self, const char *key, struct err *err)
{
	char path[PATH_MAX], directory[PATH_MAX];

	file_store_path(self, key, path);
	file_store_directory(self, key, directory);
	if (unlink(path) == 0)
		return file_sync_dir(directory, err);
	if (errno == ENOENT)
		return true;
	return err_set_errno(err, ERR_TEMPORARY, errno, "could not remove object %s", key);
}

/* Age is asked of the file system's own clock, so a moved clock of tests does not make files old. */
static bool visit(const char *directory, const char *key, store_each *each, void *context, struct err *err)
{
	char path[PATH_MAX];
	struct stat info;
	int64_t now_ms = (clock_wall_us() - clock_offset_us()) / 1000, age_ms;

	if (snprintf(path, sizeof path, "%s/%s", directory, key) >= (int)sizeof path || lstat(path, &info) != 0)
		return true; /* removed while we walk */
	if (!S_ISREG(info.st_mode))
		return true;
	age_ms = now_ms - ((int64_t)info.st_ctim.tv_sec * 1000 + info.st_ctim.tv_nsec / 1000000);
	return each(context, key, (uint64_t)info.st_size, age_ms > 0 ? age_ms : 0, err);
}

static bool is_branch(const char *name)
{
	return strspn(name, "0123456789abcdef") == 2 && name[2] == '\0';
}

/* depth 0: root, 1: aa, 2: bb with the objects. */
static bool walk_level(const char *directory, int depth, store_each *each, void *context, struct err *err)
{
	char below[PATH_MAX];
	struct dirent *entry;
	bool ok = true;
	DIR *dir = opendir(directory);

	if (!dir)
		return errno == ENOENT ||
		       err_set_errno(err, ERR_TEMPORARY, errno, "could not read the directory %s", directory);
	while (ok && (entry = readdir(dir))) {
		if (depth == 2) {
			if (store_key_is_valid(entry->d_name))
				ok = visit(directory, entry->d_name, each, context, err);
		} else if (is_branch(entry->d_name) &&
		           snprintf(below, sizeof below, "%s/%s", directory, entry->d_name) < (int)sizeof below) {
			ok = walk_level(below, depth + 1, each, context, err);
		}
	}
	closedir(dir);
	return ok;
}

static bool file_walk(void *self, store_each *each, void *context, struct err *err)
{
	const struct file_store *store = self;

	return walk_level(store->root, 0, each, context, err);
}

static bool file_room(void *self, uint64_t *out_bytes, struct err *err)
{
	const struct file_store *store = self;
	uint64_t free_bytes, reserve = (uint64_t)conf_number(CONF_STORE_RESERVE);

	if (!file_free_bytes(store->root, &free_bytes, err))
		return false;
	*out_bytes = free_bytes > reserve ? free_bytes - reserve : 0;
	return true;
}

static bool file_store_space(void *self, struct store_space *out, struct err *err)
{
	const struct file_store *store = self;

	out->place = store->root;
	return file_space(store->root, &out->total_bytes, &out->free_bytes, err);
}

/* What a crash left under a temporary name never was an object. A day is far longer than any put. */
static void clean_new(const char *directory)
{
	int64_t now = (clock_wall_us() - clock_offset_us()) / 1000000;
	struct dirent *entry;
	char path[PATH_MAX];
	struct stat info;
	DIR *dir = opendir(directory);

	if (!dir)
		return;
	while ((entry = readdir(dir))) {
		if (snprintf(path, sizeof path, "%s/%s", directory, entry->d_name) >= (int)sizeof path ||
		    lstat(path, &info) != 0)
			continue;
		if (S_ISREG(info.st_mode) && now - info.st_mtim.tv_sec > STALE_SECONDS)
			unlink(path);
	}
	closedir(dir);
}

static void file_close(void *self)
{
	struct file_store *store = self;

	close(store->root_fd);
	free(store);
}

static const struct store_backend file_backend = {
    .close = file_close,
    .put_bytes = file_put_bytes,
    .batch_new = file_batch_new,
    .batch_begin = file_batch_begin,
    .batch_append = file_batch_append,
    .batch_end = file_batch_end,
    .batch_drop = file_batch_drop,
    .batch_put_file = file_batch_put_file,
    .batch_commit = file_batch_commit,
    .batch_free = file_batch_free,
    .open_object = file_open_object,
    .file_name = file_name,
    .remove = file_remove,
    .walk = file_walk,
    .room = file_room,
    .space = file_store_space,
};

bool store_file_new(const char *directory, const struct store_backend **out, void **out_self, struct err *err)
{
	struct file_store *store = calloc(1, sizeof *store);
	char fresh[PATH_MAX];

	if (!store)
		err_panic("out of memory");
	if (!text_copy(store->root, sizeof store->root, directory)) {
		free(store);
		return err_set(err, ERR_INVALID, "cannot open the object store: its path is too long");
	}
	snprintf(fresh, sizeof fresh, "%s/.new", store->root);
	if (!file_make_dirs(fresh, 0750, err)) {
		free(store);
		return err_context(err, "could not open the object store");
	}
	/* Held open, so that a sync of the file system reports every fault since now. */
	store->root_fd = open(store->root, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (store->root_fd < 0) {
		err_set_errno(err, ERR_TEMPORARY, errno, "could not open the object store");
		free(store);
		return false;
	}
	clean_new(fresh);
	*out = &file_backend;
	*out_self = store;
	return true;
}
