#include "lib/base/checksum.h"

#include <string.h>
/* The state is a whole type only for those who ask. */
#define XXH_STATIC_LINKING_ONLY
#include <xxhash.h>

#include "lib/base/err.h"

struct checksum {
	XXH3_state_t state; /* aligned beyond malloc(3): made by its own library */
};

static void restart(struct checksum *checksum)
{
	if (XXH3_128bits_reset(&checksum->state) != XXH_OK)
		err_panic("XXH3 failed");
}

struct checksum *checksum_new(void)
{
	struct checksum *checksum = (struct checksum *)(void *)XXH3_createState();

	if (!checksum)
		err_panic("out of memory");
	restart(checksum);
	return checksum;
}

void checksum_update(struct checksum *checksum, const void *bytes, size_t length)
{
	if (XXH3_128bits_update(&checksum->state, bytes, length) != XXH_OK)
		err_panic("XXH3 failed");
}

void checksum_final(struct checksum *checksum, uint8_t out[CHECKSUM_SIZE])
{
	XXH128_canonical_t canonical;

	XXH128_canonicalFromHash(&canonical, XXH3_128bits_digest(&checksum->state));
	memcpy(out, canonical.digest, CHECKSUM_SIZE);
	restart(checksum);
}

void checksum_free(struct checksum *checksum)
{
	if (checksum)
		XXH3_freeState(&checksum->state);
}
