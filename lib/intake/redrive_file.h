/* Bytes on the way of redrive.h: digested, and put into the store. */
#ifndef YQ_INTAKE_REDRIVE_FILE_H
#define YQ_INTAKE_REDRIVE_FILE_H

#include "lib/base/digest.h"
#include "lib/store/store.h"

/* Of the dataset behind header_bytes; the position of fd does not matter. */
bool redrive_digest(int fd, uint32_t header_bytes, uint8_t out[DIGEST_SIZE], struct err *err);
/* After true the object survives power loss under the key; the file stays. */
bool redrive_put(struct store *store, const char *key, const char *path, struct err *err);

#endif
