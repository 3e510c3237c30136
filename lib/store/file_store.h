/*
 * Objects as files: ROOT/aa/bb/aabb..., and ROOT/.new for files on their way: made there, synced, then given their name, so that
 * an object appears whole and never over another one. Private to lib/store.
 */
#ifndef YQ_STORE_FILE_STORE_H
#define YQ_STORE_FILE_STORE_H

#include <limits.h>

#include "lib/store/backend.h"

struct file_store {
	char root[PATH_MAX - 128]; /* room for /aa/bb/key and /.new/key.XXXXXX behind it */
	int root_fd;
};

void file_store_directory(const struct file_store *store, const char *key, char out[PATH_MAX]);
void file_store_path(const struct file_store *store, const char *key, char out[PATH_MAX]);
bool file_store_same(const char *one, const char *other, bool *same, struct err *err);

void *file_batch_new(void *self);
bool file_batch_begin(void *self, void *batch, const char *key, struct err *err);
bool file_batch_append(void *self, void *batch, const void *bytes, size_t length, struct err *err);
void file_batch_end(void *self, void *batch);
void file_batch_drop(void *self, void *batch);
bool file_batch_put_file(void *self, void *batch, const char *key, const char *path, struct err *err);
bool file_batch_commit(void *self, void *batch, struct err *err);
void file_batch_free(void *self, void *batch);

#endif
