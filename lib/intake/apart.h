/*
 * Objects that were set apart: their bytes and records under $YQ_HOME/journal/quarantine, by key (journal.h has the names). The ledger's
 * table quarantine says what is known of them.
 *
 * Only this host's journal is looked at. Bytes are never changed.
 */
#ifndef YQ_INTAKE_APART_H
#define YQ_INTAKE_APART_H

#include "lib/intake/record.h"

bool apart_has(const char *key, bool *out, struct err *err);

/*
 * The stored file: preamble, meta header, dataset as received. *out_fd is the caller's to close, a regular file. ERR_NOT_FOUND: not on this host,
 * or gone into the store since.
 */
bool apart_open(const char *key, int *out_fd, uint64_t *out_size, struct err *err);
bool apart_path(const char *key, char *out, size_t out_size, struct err *err);
/* ERR_CORRUPT when it is damaged. */
bool apart_record(const char *key, struct intake_record *out, struct err *err);
/* Keys of all that have a record; *out is the caller's, free(3). */
bool apart_keys(char (**out)[STORE_KEY_SIZE], size_t *out_count, struct err *err);
/* After the object came into store and ledger. Its record goes first and durably; idempotent. */
bool apart_remove(const char *key, struct err *err);

#endif
