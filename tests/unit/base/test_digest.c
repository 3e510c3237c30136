#include <criterion/criterion.h>
#include <string.h>

#include "lib/base/digest.h"
#include "lib/base/text.h"

/* The example values of FIPS 180-4. */
static const struct {
	const char *text, *want;
} cases[] = {
    {"", "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"},
    {"abc", "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"},
    {"abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq",
     "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1"},
};

Test(digest, known_values_at_once_and_byte_by_byte)
{
	struct digest *digest = digest_new();
	uint8_t hash[DIGEST_SIZE];
	char hex[DIGEST_HEX_SIZE];
	size_t i, k;

	for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		digest_bytes(cases[i].text, strlen(cases[i].text), hash);
		text_hex(hash, DIGEST_SIZE, hex);
		cr_expect_str_eq(hex, cases[i].want);
		for (k = 0; cases[i].text[k]; k++)
			digest_update(digest, cases[i].text + k, 1);
		/* Also proves that digest_final() starts anew. */
		digest_final(digest, hash);
		text_hex(hash, DIGEST_SIZE, hex);
		cr_expect_str_eq(hex, cases[i].want);
	}
	digest_free(digest);
	digest_free(NULL);
}
