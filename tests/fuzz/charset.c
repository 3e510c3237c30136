/*
 * Detection and decoding of character sets. The first byte chooses the room for a decoded value; then comes a line with what is declared in
 * (0008,0005), then values, a line each.
 */
#include <stdlib.h>
#include <string.h>

#include "lib/base/text.h"
#include "lib/dicom/charset.h"
#include "tests/fuzz/support/fuzz.h"

enum { DECLARED_MAX = 128, VALUES_MAX = 40, VALUE_MAX = 1024 };

struct value {
	const char *bytes;
	size_t length;
};

static size_t split(const char *text, size_t length, struct value out[VALUES_MAX])
{
	size_t count = 0;

	while (count < VALUES_MAX) {
		const char *end = memchr(text, '\n', length);
		size_t part = end ? (size_t)(end - text) : length;

		out[count++] = (struct value){text, part < VALUE_MAX ? part : VALUE_MAX};
		if (!end)
			break;
		text += part + 1;
		length -= part + 1;
	}
	return count;
}

static bool is_ascii(const struct value *value)
{
	for (size_t i = 0; i < value->length; i++)
		if ((unsigned char)value->bytes[i] >= 0x7f || value->bytes[i] == 0x1b)
			return false;
	return true;
}

/* A copy of exactly the value's size goes in, a buffer of exactly the room comes out. */
static void decode(const struct charset *charset, const struct value *value, size_t room)
{
	char *in = malloc(value->length > 0 ? value->length : 1), *out = malloc(room), *again = malloc(room);
	bool is_whole;

	FUZZ_CLAIM(in && out && again, "out of memory");
	memcpy(in, value->bytes, value->length);
	is_whole = charset_decode(charset, in, value->length, out, room);
	FUZZ_CLAIM(memchr(out, '\0', room), "no end");
	FUZZ_CLAIM(text_is_utf8(out, strlen(out)), "no UTF-8");
	FUZZ_CLAIM(charset_decode(charset, in, value->length, again, room) == is_whole && strcmp(out, again) == 0,
	           "decoded twice, with two results");
	free(in);
	free(out);
	free(again);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length)
{
	size_t room = 1 + fuzz_choice(&bytes, &length, 255);
	char *text = fuzz_text(bytes, length), declared[DECLARED_MAX + 1] = "";
	struct value values[VALUES_MAX];
	size_t count = split(text, length, values);
	struct charset_tally tally = {0};
	struct charset charset;
	bool all_ascii = true;

	memcpy(declared, values[0].bytes, values[0].length < DECLARED_MAX ? values[0].length : DECLARED_MAX);
	for (size_t i = 1; i < count; i++) {
		charset_tally_add(&tally, values[i].bytes, values[i].length);
		all_ascii = all_ascii && is_ascii(&values[i]);
	}
	charset_decide(declared, &tally, &charset);
	FUZZ_CLAIM(charset.base && memchr(charset.used, '\0', sizeof charset.used), "no decision");
	FUZZ_CLAIM(!all_ascii || charset.verdict == DICOM_CHARSET_ASCII,
	           "nothing but ASCII, and called something else");
	for (size_t i = 1; i < count; i++)
		decode(&charset, &values[i], room < 3 ? room : 3 * room);
	fuzz_free(text);
	return 0;
}
