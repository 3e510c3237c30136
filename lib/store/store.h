/*
 * The object store: immutable objects by key. Knows no DICOM and no ledger.
 *
 * A key is 128 random bits made at reception, as 32 lower-case hexadecimal digits; never made from a UID or a sequence.
 * An object is whole or absent: readers never see a part. Putting the same key twice with the same bytes is success
 * (replay), with other bytes ERR_CONFLICT.
 * Back ends: file:DIRECTORY (this one: aa/bb/key, 0640, files synced and entries synced before put returns, or at the end of a batch). S3 comes behind
 * the same struct.
 * Threads: a store is shared; a reader belongs to one thread.
 */
#ifndef YQ_STORE_STORE_H
#define YQ_STORE_STORE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "lib/base/err.h"

enum { STORE_KEY_SIZE = 33 };

struct store;
bool store_open(const char *url, struct store **out, struct err *err); /* relative directories are below conf_home() */
void store_close(struct store *store);

void store_key_new(char out[STORE_KEY_SIZE]);
bool store_key_is_valid(const char *key);

/* After true the object survives power loss. */
bool store_put_bytes(struct store *store, const char *key, const void *bytes, size_t length, struct err *err);

/*
 * Many objects that become durable together: one sync for all instead of several for each. A batch belongs to one thread. An object is
 * begun, gets its bytes, and is ended (or dropped) before the next one; or the file at path is taken, which stays the caller's and may
 * be linked, so it is not written to afterwards. An object has its name only after store_batch_commit(), and after true every object of
 * the batch survives power loss. After false some may be there, whole; putting them again is success. A put that failed leaves the
 * batch as it was before that object.
 */
struct store_batch;
struct store_batch *store_batch_new(struct store *store);
bool store_batch_begin(struct store_batch *batch, const char *key, struct err *err);
bool store_batch_append(struct store_batch *batch, const void *bytes, size_t length, struct err *err);
void store_batch_end(struct store_batch *batch);
void store_batch_drop(
    struct store_batch *batch); /* the object that was begun last, ended or not, and not dropped yet */
bool store_batch_put_file(struct store_batch *batch, const char *key, const char *path, struct err *err);
bool store_batch_commit(struct store_batch *batch, struct err *err);
void store_batch_free(struct store_batch *batch); /* after commit, or instead of it. NULL is fine. */

/*
 * An open object for reading, with its size. *out_fd is the caller's to close: a regular file (the file itself, or a spooled copy),
 * so that it can be given to sendfile(2) or, as /dev/fd/N, to lib/dicom. ERR_NOT_FOUND when absent.
 */
bool store_open_object(struct store *store, const char *key, int *out_fd, uint64_t *out_size, struct err *err);
/*
 * The object's file below the place of store_space(), for who serves that directory himself; whether it is there is not asked. False: the back end has no
 * such directory (or the key is none).
 */
enum { STORE_FILE_SIZE = 64 };
bool store_file_name(struct store *store, const char *key, char out[STORE_FILE_SIZE]);
/* Idempotent: an absent object is success. */
bool store_remove(struct store *store, const char *key, struct err *err);
/* Every object, in no order, with its age (now - last change). each ends the walk by false. */
typedef bool store_each(void *context, const char *key, uint64_t size_bytes, int64_t age_ms, struct err *err);
bool store_walk(struct store *store, store_each *each, void *context, struct err *err);
/* Bytes that can still be put before `store_reserve` is reached; UINT64_MAX when the back end has no such limit. */
bool store_room(struct store *store, uint64_t *out_bytes, struct err *err);
/* Where it is and how full, for whoever watches; the reserve is not taken off. */
struct store_space {
	const char *place; /* its directory, borrowed from the store */
	uint64_t total_bytes, free_bytes;
};
bool store_space(struct store *store, struct store_space *out, struct err *err);

#endif
