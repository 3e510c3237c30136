#include "lib/intake/redrive_file.h"

#include <errno.h>
#include <stdlib.h>
#include <unistd.h>

enum { READ_CHUNK = 256 * 1024 };

bool redrive_digest(int fd, uint32_t header_bytes, uint8_t out[DIGEST_SIZE], struct err *err)
{
	struct digest *digest = digest_new();
	char *buffer = malloc(READ_CHUNK);
	off_t at = header_bytes;
	ssize_t got;

	if (!buffer)
		err_panic("out of memory");
	while ((got = pread(fd, buffer, READ_CHUNK, at)) > 0) {
		digest_update(digest, buffer, (size_t)got);
		at += got;
	}
	free(buffer);
	digest_final(digest, out);
	digest_free(digest);
	return got == 0 || err_set_errno(err, ERR_TEMPORARY, errno, "could not read an object");
}

bool redrive_put(struct store *store, const char *key, const char *path, struct err *err)
{
	struct store_batch *batch = store_batch_new(store);
	bool ok = store_batch_put_file(batch, key, path, err) && store_batch_commit(batch, err);

	store_batch_free(batch);
	return ok;
}
