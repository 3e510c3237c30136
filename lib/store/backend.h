/*
 * What a back end of the object store offers: the functions of store.h on its own state. store.c checks keys before it calls
 * one, so a back end may build names from them. A back end for S3 fills the same table.
 */
#ifndef YQ_STORE_BACKEND_H
#define YQ_STORE_BACKEND_H

#include "lib/store/store.h"

struct store_backend {
	void (*close)(void *self);
	bool (*put_bytes)(void *self, const char *key, const void *bytes, size_t length, struct err *err);
	void *(*batch_new)(void *self);
	bool (*batch_begin)(void *self, void *batch, const char *key, struct err *err);
	bool (*batch_append)(void *self, void *batch, const void *bytes, size_t length, struct err *err);
	void (*batch_end)(void *self, void *batch);
	void (*batch_drop)(void *self, void *batch);
	bool (*batch_put_file)(void *self, void *batch, const char *key, const char *path, struct err *err);
	bool (*batch_commit)(void *self, void *batch, struct err *err);
	void (*batch_free)(void *self, void *batch);
	bool (*open_object)(void *self, const char *key, int *out_fd, uint64_t *out_size, struct err *err);
	void (*file_name)(void *self, const char *key, char out[STORE_FILE_SIZE]); /* NULL: objects are no files */
	bool (*remove)(void *self, const char *key, struct err *err);
	bool (*walk)(void *self, store_each *each, void *context, struct err *err);
	bool (*room)(void *self, uint64_t *out_bytes, struct err *err);
	bool (*space)(void *self, struct store_space *out, struct err *err);
};

/* A directory: absolute, made if absent. */
bool store_file_new(const char *directory, const struct store_backend **out, void **out_self, struct err *err);

#endif
