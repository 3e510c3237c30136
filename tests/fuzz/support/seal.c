#include "tests/fuzz/support/seal.h"

#include <stdint.h>
#include <string.h>

#include "lib/base/digest.h"
#include "lib/base/text.h"

void seal_put(char *text, size_t length, const char *word)
{
	size_t size = strlen(word);
	uint8_t digest[DIGEST_SIZE];
	char hex[DIGEST_HEX_SIZE];

	if (length < size + DIGEST_HEX_SIZE - 1)
		return;
	for (size_t at = length - (size + DIGEST_HEX_SIZE - 1) + 1; at-- > 0;)
		if (memcmp(text + at, word, size) == 0) {
			digest_bytes(text, at, digest);
			text_hex(digest, sizeof digest, hex);
			memcpy(text + at + size, hex, DIGEST_HEX_SIZE - 1);
			return;
		}
}
