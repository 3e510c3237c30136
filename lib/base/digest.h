/* SHA-256 over OpenSSL, incremental. FIPS 180-4. */
#ifndef YQ_BASE_DIGEST_H
#define YQ_BASE_DIGEST_H

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

enum { DIGEST_SIZE = 32, DIGEST_HEX_SIZE = 65 };

struct digest; /* one running hash; not shared between threads */
struct digest *digest_new(void);
void digest_update(struct digest *digest, const void *bytes, size_t length);
/* Writes the hash and resets for the next use. */
void digest_final(struct digest *digest, uint8_t out[DIGEST_SIZE]);
void digest_free(struct digest *digest);
void digest_bytes(const void *bytes, size_t length, uint8_t out[DIGEST_SIZE]);

#ifdef __cplusplus
}
#endif
#endif
