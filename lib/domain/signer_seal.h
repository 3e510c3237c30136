/*
 * Secrets at rest: AES-256-GCM (NIST SP 800-38D) under the installation's key file $YQ_HOME/keys/master.key.
 * A sealed blob is 0x01, a random nonce of 12 bytes, the cipher text, and the tag of 16 bytes. It opens only together with the
 * same `owner` text, so that a row cannot be moved to another person.
 */
#ifndef YQ_DOMAIN_SIGNER_SEAL_H
#define YQ_DOMAIN_SIGNER_SEAL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/base/err.h"

enum { SIGNER_MASTER_KEY_SIZE = 32 };

/* Makes the key file if it is missing; durable on return. Safe for several callers at once. */
bool signer_master_key_init(struct err *err);

/* *out: free(3). ERR_NOT_FOUND: there is no key file. */
bool signer_seal(const void *plain, size_t length, const char *owner, uint8_t **out, size_t *out_length,
                 struct err *err);
/* *out: the caller wipes and frees. ERR_CORRUPT: another key file, another owner, or changed bytes. */
bool signer_unseal(const uint8_t *sealed, size_t length, const char *owner, uint8_t **out, size_t *out_length,
                   struct err *err);

#endif
