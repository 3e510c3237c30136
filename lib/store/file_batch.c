#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lib/base/file.h"
#include "lib/base/text.h"
#include "lib/store/file_store.h"

/*
 * Two syncs a batch: first the bytes of all files, then all their names. From FEW objects on each is one syncfs(2), which costs about
 * the same for two files and for sixty; below, the files and directories are synced singly, so as not to drag along whatever else
 * is being written to the disk.
 */
enum { FEW = 4, COPY_CHUNK = 256 * 1024 };

struct batch_item {
	char key[STORE_KEY_SIZE];
	char path[PATH_MAX]; /* in .new */
	int fd;
	bool is_ours; /* the file is still there */
};

struct file_batch {
	struct batch_item *items;
	size_t count, capacity;
};

void *file_batch_new(void *self)
{
	struct file_batch *batch = calloc(1, sizeof *batch);

	(void)self;
	if (!batch)
		err_panic("out of memory");
	return batch;
}

void file_batch_free(void *self, void *opaque)
{
	struct file_batch *batch = opaque;

	(void)self;
	for (size_t i = 0; i < batch->count; i++) {
		if (batch->items[i].fd >= 0)
			close(batch->items[i].fd);
		if (batch->items[i].is_ours)
			unlink(batch->items[i].path);
	}
	free(batch->items);
	free(batch);
}

static struct batch_item *add_item(const struct file_store *store, struct file_batch *batch, const char *key)
{
	struct batch_item *item;

	if (batch->count == batch->capacity) {
		batch->capacity = batch->capacity ? 2 * batch->capacity : 64;
		batch->items = reallocarray(batch->items, batch->capacity, sizeof *batch->items);
		if (!batch->items)
			err_panic("out of memory");
	}
	item = &batch->items[batch->count++];
	*item = (struct batch_item){.fd = -1};
	text_copy(item->key, sizeof item->key, key);
	snprintf(item->path, sizeof item->path, "%s/.new/%s", store->root, key);
	return item;
}

/* What could not be put is no part of the batch. */
void file_batch_drop(void *self, void *opaque)
{
	struct file_batch *batch = opaque;
	struct batch_item *item = &batch->items[--batch->count];

	(void)self;
	if (item->fd >= 0)
		close(item->fd);
	if (item->is_ours)
		unlink(item->path);
}

/* ---- put ------------------------------------------------------------------------------------------------------------- */

/* A crash may have left one of that name: the key is its own, so it can only be the same object. */
bool file_batch_begin(void *self, void *opaque, const char *key, struct err *err)
{
	struct batch_item *item = add_item(self, opaque, key);

	item->fd = open(item->path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0640);
	if (item->fd < 0) {
		err_set_errno(err, ERR_TEMPORARY, errno, "could not write object %s", key);
		file_batch_drop(self, opaque);
		return false;
	}
	item->is_ours = true;
	return true;
}

bool file_batch_append(void *self, void *opaque, const void *bytes, size_t length, struct err *err)
{
	struct file_batch *batch = opaque;

	(void)self;
	return file_write_all(batch->items[batch->count - 1].fd, bytes, length, err);
}

void file_batch_end(void *self, void *opaque)
{
	struct file_batch *batch = opaque;

	(void)self;
	/* On its way to the disk while the next one is written. */
	(void)sync_file_range(batch->items[batch->count - 1].fd, 0, 0, SYNC_FILE_RANGE_WRITE);
}

static bool copy_file(void *self, struct file_batch *batch, int from, const char *key, struct err *err)
{
	char *buffer = malloc(COPY_CHUNK);
	ssize_t got = 0;
	bool ok = file_batch_begin(self, batch, key, err);

	if (!buffer)
		err_panic("out of memory");
	if (!ok) {
		free(buffer);
		return false;
	}
	do {
		got = read(from, buffer, COPY_CHUNK);
		if (got < 0 && errno == EINTR)
			continue;
		if (got < 0)
			ok = err_set_errno(err, ERR_TEMPORARY, errno, "could not read the file of object %s", key);
		ok = ok && file_batch_append(self, batch, buffer, (size_t)(got > 0 ? got : 0), err);
	} while (ok && got != 0);
	free(buffer);
	if (ok)
		file_batch_end(self, batch);
	else
		file_batch_drop(self, batch);
	return ok;
}

bool file_batch_put_file(void *self, void *opaque, const char *key, const char *path, struct err *err)
{
	struct batch_item *item;
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	bool ok;

	if (fd < 0)
		return err_set_errno(err, errno == ENOENT ? ERR_NOT_FOUND : ERR_TEMPORARY, errno,
		                     "could not read the file of object %s", key);
	item = add_item(self, opaque, key);
	unlink(item->path);
	if (link(path, item->path) == 0) {
		item->fd = fd;
		return item->is_ours = true;
	}
	/* Another file system, or one without links. */
	file_batch_drop(self, opaque);
	ok = copy_file(self, opaque, fd, key, err);
	close(fd);
	return ok;
}

/* ---- commit ----------------------------------------------------------------------------------------------------------- */

static bool sync_all(const struct file_store *store, struct err *err)
{
	if (syncfs(store->root_fd) == 0)
		return true;
	return err_set_errno(err, ERR_TEMPORARY, errno, "could not make the object store durable");
}

static bool sync_bytes(const struct file_store *store, const struct file_batch *batch, struct err *err)
{
	if (batch->count >= FEW)
		return sync_all(store, err);
	for (size_t i = 0; i < batch->count; i++)
		if (!file_sync(batch->items[i].fd, batch->items[i].path, err))
			return false;
	return true;
}

/* The directories of a batch need no sync of their own when everything is synced behind. */
static bool make_directory(const struct file_store *store, const struct file_batch *batch, const char *key,
                           struct err *err)
{
	char directory[PATH_MAX];
	struct stat info;

	file_store_directory(store, key, directory);
	if (batch->count < FEW)
		return file_make_dirs(directory, 0750, err);
	if (stat(directory, &info) == 0)
		return true;
	directory[strlen(directory) - 3] = '\0';
	if (mkdir(directory, 0750) != 0 && errno != EEXIST)
		return err_set_errno(err, ERR_TEMPORARY, errno, "could not make directory %s", directory);
	directory[strlen(directory)] = '/';
	if (mkdir(directory, 0750) != 0 && errno != EEXIST)
		return err_set_errno(err, ERR_TEMPORARY, errno, "could not make directory %s", directory);
	return true;
}

/* A name that is there already is the same object, put before a crash; anything else under it must not be touched. */
static bool settle_name(const struct batch_item *item, const char *name, struct err *err)
{
	bool same;

	if (!file_store_same(item->path, name, &same, err))
		return false;
	return same || err_set(err, ERR_CONFLICT, "cannot place object %s: the key has other bytes", item->key);
}

/* Moves the file to its name, never over another one. False with errno. */
static bool move_to(struct batch_item *item, const char *name)
{
	if (renameat2(AT_FDCWD, item->path, AT_FDCWD, name, RENAME_NOREPLACE) == 0) {
		item->is_ours = false;
		return true;
	}
	/* A file system that does not know the flag. */
	return errno == EINVAL && link(item->path, name) == 0;
}

static bool give_name(const struct file_store *store, const struct file_batch *batch, struct batch_item *item,
                      struct err *err)
{
	char name[PATH_MAX];

	file_store_path(store, item->key, name);
	if (!make_directory(store, batch, item->key, err))
		return false;
	file_kill_point("store-before-link");
	if (!move_to(item, name)) {
		if (errno != EEXIST)
			return err_set_errno(err, ERR_TEMPORARY, errno, "could not place object %s", item->key);
		if (!settle_name(item, name, err))
			return false;
	}
	file_kill_point("store-after-link");
	return true;
}

static bool sync_names(const struct file_store *store, const struct file_batch *batch, struct err *err)
{
	char directory[PATH_MAX];

	if (batch->count >= FEW)
		return sync_all(store, err);
	for (size_t i = 0; i < batch->count; i++) {
		file_store_directory(store, batch->items[i].key, directory);
		if (!file_sync_dir(directory, err))
			return false;
	}
	return true;
}

bool file_batch_commit(void *self, void *opaque, struct err *err)
{
	const struct file_store *store = self;
	struct file_batch *batch = opaque;

	/* Bytes before names: nobody may find a name whose bytes can still be lost. */
	if (!sync_bytes(store, batch, err))
		return false;
	for (size_t i = 0; i < batch->count; i++)
		if (!give_name(store, batch, &batch->items[i], err))
			return false;
	return sync_names(store, batch, err);
}
