#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>
#include <zlib.h>

#include "lib/http/internal.h"

Test(negotiate, gzip)
{
	static const struct {
		const char *header;
		bool want;
	} cases[] = {
	    {NULL, false},
	    {"", false},
	    {"gzip", true},
	    {"GZIP", true},
	    {"x-gzip", true},
	    {"gzip, deflate, br, zstd", true},
	    {"br;q=1.0, gzip;q=0.8, *;q=0.1", true},
	    {"deflate,br", false},
	    {"identity", false},
	    {"gzip;q=0", false},
	    {"gzip; q=0.000 , br", false},
	    {"gzip;Q=0", false},
	    {"gzip;q=0.001", true},
	    {"gzip;q=nonsense", true},
	    {"gzip ; level=9;q=0", false},
	    {"*", true},
	    {"*;q=0", false},
	    {"*;q=0, gzip", true},
	    {"gzip;q=0, *", false},
	    {"gzipped", false},
	    {"a-gzip", false},
	    {",,, ,gzip", true},
	    {";;;", false},
	};
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		bool got = negotiate_gzip(cases[i].header);
		cr_expect(got == cases[i].want, "%s: got %d", cases[i].header, got);
	}
}

Test(negotiate, tags)
{
	static const struct {
		const char *header;
		bool want;
	} cases[] = {
	    {NULL, false},
	    {"", false},
	    {"\"a\"", true},
	    {"W/\"a\"", true},
	    {"\"b\", \"a\"", true},
	    {"\"b\",W/\"a\" ", true},
	    {"*", true},
	    {"\"b\"", false},
	    {"\"a\"x", false},
	    {"a", false},
	    {"\"a-gz\"", false},
	    {"\"aa\"", false},
	    {",,,", false},
	};
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		bool got = negotiate_has_tag(cases[i].header, "\"a\"");
		cr_expect(got == cases[i].want, "%s: got %d", cases[i].header, got);
	}
}

Test(negotiate, packs_what_unpacks)
{
	enum { LENGTH = 100000 };
	static unsigned char text[LENGTH], back[LENGTH + 1];
	for (size_t i = 0; i < LENGTH; i++)
		text[i] = (unsigned char)(i * i % 251);
	size_t lengths[] = {0, 1, 1024, LENGTH};
	for (size_t i = 0; i < sizeof lengths / sizeof lengths[0]; i++) {
		size_t packed = 0;
		unsigned char *bytes = negotiate_pack(text, lengths[i], &packed);
		z_stream stream = {
		    .next_in = bytes, .avail_in = (uInt)packed, .next_out = back, .avail_out = sizeof back};
		cr_assert(inflateInit2(&stream, 15 + 16) == Z_OK);
		cr_expect(inflate(&stream, Z_FINISH) == Z_STREAM_END);
		cr_expect(stream.total_out == lengths[i] && memcmp(back, text, lengths[i]) == 0);
		inflateEnd(&stream);
		free(bytes);
	}
}
