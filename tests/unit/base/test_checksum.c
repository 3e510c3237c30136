#include <criterion/criterion.h>
#include <string.h>

#include "lib/base/checksum.h"
#include "lib/base/text.h"

static void expect_sum(struct checksum *checksum, const char *hex)
{
	uint8_t sum[CHECKSUM_SIZE];
	char got[CHECKSUM_HEX_SIZE];

	checksum_final(checksum, sum);
	text_hex(sum, sizeof sum, got);
	cr_expect_str_eq(got, hex, "got %s, want %s", got, hex);
}

/* The value of no bytes is published with the algorithm; pieces make no difference; it starts anew by itself. */
Test(checksum, is_that_of_all_bytes_however_they_come)
{
	struct checksum *checksum = checksum_new();
	uint8_t whole[CHECKSUM_SIZE], parts[CHECKSUM_SIZE];
	char bytes[5000];

	expect_sum(checksum, "99aa06d3014798d86001c324468d497f");
	for (size_t i = 0; i < sizeof bytes; i++)
		bytes[i] = (char)(i * 7);
	checksum_update(checksum, bytes, sizeof bytes);
	checksum_final(checksum, whole);
	for (size_t i = 0; i < sizeof bytes; i += 100)
		checksum_update(checksum, bytes + i, 100);
	checksum_final(checksum, parts);
	cr_expect_arr_eq(whole, parts, sizeof whole);
	bytes[4999] ^= 1;
	checksum_update(checksum, bytes, sizeof bytes);
	checksum_final(checksum, parts);
	cr_expect_neq(memcmp(whole, parts, sizeof whole), 0, "a changed bit was not seen");
	checksum_free(checksum);
}
