#include <limits.h>
#include <stdlib.h>
#include <string.h>

#include "lib/base/conf.h"
#include "lib/base/text.h"
#include "lib/store/backend.h"

struct store {
	const struct store_backend *backend;
	void *self;
};

/* file:DIRECTORY, absolute or below YQ_HOME. */
static bool open_file_store(const char *directory, const struct store_backend **backend, void **self, struct err *err)
{
	char path[PATH_MAX];

	if (directory[0] == '\0')
		return err_set(err, ERR_INVALID, "cannot open the object store: \"file:\" needs a directory");
	if (directory[0] != '/') {
		if (!conf_path(path, sizeof path, err, "%s", directory))
			return err_context(err, "object store");
	} else if (!text_copy(path, sizeof path, directory)) {
		return err_set(err, ERR_INVALID, "cannot open the object store: its path is too long");
	}
	return store_file_new(path, backend, self, err);
}

static const struct scheme {
	const char *prefix;
	bool (*open)(const char *rest, const struct store_backend **backend, void **self, struct err *err);
} schemes[] = {
    {"file:", open_file_store},
};

bool store_open(const char *url, struct store **out, struct err *err)
{
	for (size_t i = 0; i < sizeof schemes / sizeof schemes[0]; i++) {
		size_t length = strlen(schemes[i].prefix);
		const struct store_backend *backend;
		void *self;

		if (strncmp(url, schemes[i].prefix, length) != 0)
			continue;
		if (!schemes[i].open(url + length, &backend, &self, err))
			return false;
		*out = malloc(sizeof **out);
		if (!*out)
			err_panic("out of memory");
		(*out)->backend = backend;
		(*out)->self = self;
		return true;
	}
	return err_set(err, ERR_INVALID, "cannot open the object store \"%s\": only file:DIRECTORY is known", url);
}

void store_close(struct store *store)
{
	if (!store)
		return;
	store->backend->close(store->self);
	free(store);
}

void store_key_new(char out[STORE_KEY_SIZE])
{
	uint8_t bytes[(STORE_KEY_SIZE - 1) / 2];

	text_random(bytes, sizeof bytes);
	text_hex(bytes, sizeof bytes, out);
}

bool store_key_is_valid(const char *key)
{
	return strspn(key, "0123456789abcdef") == STORE_KEY_SIZE - 1 && key[STORE_KEY_SIZE - 1] == '\0';
}

/* A key becomes a part of a path: the one place where that is made safe. */
static bool check_key(const char *key, struct err *err)
{
	return store_key_is_valid(key) ||
	       err_set(err, ERR_INVALID, "cannot use an object key that is not 32 hexadecimal digits");
}

bool store_put_bytes(struct store *store, const char *key, const void *bytes, size_t length, struct err *err)
{
	return check_key(key, err) && store->backend->put_bytes(store->self, key, bytes, length, err);
}

struct store_batch {
	struct store *store;
	void *self;
};

struct store_batch *store_batch_new(struct store *store)
{
	struct store_batch *batch = malloc(sizeof *batch);

	if (!batch)
		err_panic("out of memory");
	batch->store = store;
	batch->self = store->backend->batch_new(store->self);
	return batch;
}

bool store_batch_begin(struct store_batch *batch, const char *key, struct err *err)
{
	return check_key(key, err) && batch->store->backend->batch_begin(batch->store->self, batch->self, key, err);
}

bool store_batch_append(struct store_batch *batch, const void *bytes, size_t length, struct err *err)
{
	return batch->store->backend->batch_append(batch->store->self, batch->self, bytes, length, err);
}

void store_batch_end(struct store_batch *batch)
{
	batch->store->backend->batch_end(batch->store->self, batch->self);
}

void store_batch_drop(struct store_batch *batch)
{
	batch->store->backend->batch_drop(batch->store->self, batch->self);
}

bool store_batch_put_file(struct store_batch *batch, const char *key, const char *path, struct err *err)
{
	struct store *store = batch->store;

	return check_key(key, err) && store->backend->batch_put_file(store->self, batch->self, key, path, err);
}

bool store_batch_commit(struct store_batch *batch, struct err *err)
{
	return batch->store->backend->batch_commit(batch->store->self, batch->self, err);
}

void store_batch_free(struct store_batch *batch)
{
	if (!batch)
		return;
	batch->store->backend->batch_free(batch->store->self, batch->self);
	free(batch);
}

bool store_open_object(struct store *store, const char *key, int *out_fd, uint64_t *out_size, struct err *err)
{
	return check_key(key, err) && store->backend->open_object(store->self, key, out_fd, out_size, err);
}

bool store_file_name(struct store *store, const char *key, char out[STORE_FILE_SIZE])
{
	if (store->backend->file_name == NULL || !store_key_is_valid(key))
		return false;
	store->backend->file_name(store->self, key, out);
	return true;
}

bool store_remove(struct store *store, const char *key, struct err *err)
{
	return check_key(key, err) && store->backend->remove(store->self, key, err);
}

bool store_walk(struct store *store, store_each *each, void *context, struct err *err)
{
	return store->backend->walk(store->self, each, context, err);
}

bool store_space(struct store *store, struct store_space *out, struct err *err)
{
	return store->backend->space(store->self, out, err);
}

bool store_room(struct store *store, uint64_t *out_bytes, struct err *err)
{
	return store->backend->room(store->self, out_bytes, err);
}
