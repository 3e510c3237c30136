/*
 * The back end of a signer whose private key is at hand in memory: keys from the ledger, and of tests.
 * Knows nothing of where the key came from.
 */
#ifndef YQ_DOMAIN_SIGNER_KEY_H
#define YQ_DOMAIN_SIGNER_KEY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/domain/signer.h"

/*
 * key_der: PKCS#8 (RFC 5208) or traditional DER, unencrypted; the caller wipes its own copy. chain: certificates in DER, the
 * person's first, then its issuers; copied. ERR_CORRUPT when they do not parse or do not belong together.
 */
enum { SIGNER_CHAIN_MAX = 4 };
bool signer_key_new(const uint8_t *key_der, size_t key_length, const struct signer_bytes *chain, size_t count,
                    bool is_demo, struct signer **out, struct err *err);

/* Fills *err with OpenSSL's oldest error behind the text, and empties OpenSSL's queue. Returns false. */
bool signer_openssl_error(struct err *err, enum err_kind kind, const char *text);

#endif
