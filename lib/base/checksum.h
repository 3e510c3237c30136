/*
 * A fast checksum of 128 bits (XXH3) against torn and spoiled bytes. No defence against anybody who means harm: what must not be
 * forged has a digest (digest.h).
 */
#ifndef YQ_BASE_CHECKSUM_H
#define YQ_BASE_CHECKSUM_H

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

enum { CHECKSUM_SIZE = 16, CHECKSUM_HEX_SIZE = 33 };

struct checksum; /* one running sum; not shared between threads */
struct checksum *checksum_new(void);
void checksum_update(struct checksum *checksum, const void *bytes, size_t length);
/* Writes the sum, canonical (big endian), and resets for the next use. */
void checksum_final(struct checksum *checksum, uint8_t out[CHECKSUM_SIZE]);
void checksum_free(struct checksum *checksum);

#ifdef __cplusplus
}
#endif
#endif
