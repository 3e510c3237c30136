/*
 * The secret of a destination: a JSON object with the names of struct destination_secret, sealed in its row (signer_seal.h).
 */
#ifndef YQ_DOMAIN_DESTINATION_SECRET_H
#define YQ_DOMAIN_DESTINATION_SECRET_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/base/err.h"

struct db_rows;

/* Of column secret_sealed of row 0; *out: destination_secret_wipe(). ERR_CORRUPT: it does not open under this installation's key file. */
bool destination_secret_open(const struct db_rows *rows, const char *destination_id, json_t **out, struct err *err);
/* *out: free(3); NULL with length 0 for an empty object. */
bool destination_secret_seal(const json_t *secret, const char *destination_id, uint8_t **out, size_t *out_length,
                             struct err *err);
/* Takes it. NULL is fine. */
void destination_secret_wipe(json_t *secret);

#endif
