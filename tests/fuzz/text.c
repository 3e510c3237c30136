/* What is typed or comes along as text: identifiers, the national identity number, days, networks, entity tags, codings, addresses. */
#include <stdlib.h>
#include <string.h>

#include "lib/base/text.h"
#include "lib/domain/day.h"
#include "lib/domain/national_id.h"
#include "lib/domain/network.h"
#include "lib/domain/report_content.h"
#include "lib/http/internal.h"
#include "tests/fuzz/support/fuzz.h"

static void read_utf8(const char *text)
{
	size_t length = strlen(text), cut;
	char *made = fuzz_text((const uint8_t *)text, length), small[9];
	bool is_utf8 = text_is_utf8(text, length);

	text_make_utf8(made);
	FUZZ_CLAIM(text_is_utf8(made, strlen(made)), "made UTF-8, and it is none");
	FUZZ_CLAIM(!is_utf8 || strcmp(made, text) == 0, "it was UTF-8, and something was changed");
	cut = text_utf8_cut(made, 7);
	FUZZ_CLAIM(cut <= 7 && text_is_utf8(made, cut), "cut inside a character");
	FUZZ_CLAIM(text_utf8_count(made) <= strlen(made), "more characters than bytes");
	FUZZ_CLAIM(text_copy(small, sizeof small, made) == (strlen(made) < sizeof small),
	           "cut, or not, and said the contrary");
	FUZZ_CLAIM(text_is_utf8(small, strlen(small)), "copied a part of a character");
	fuzz_free(made);
}

static void read_identifiers(const char *text)
{
	struct national_id id, again;
	uint8_t bytes[8];
	char hex[17], out[TEXT_UUID_SIZE], code[REPORT_CODE_SIZE];
	struct err err;

	if (national_id_parse(text, &id, &err)) {
		FUZZ_CLAIM(strlen(id.text) == 18 && day_is_valid(id.birth) && (id.sex == 'M' || id.sex == 'F'),
		           "no identity");
		FUZZ_CLAIM(national_id_parse(id.text, &again, &err), "taken, and not taken again");
	} else {
		FUZZ_CLAIM(strlen(text) < 18 || !strstr(err.text, text), "the number stands in the reason");
	}
	if (text_unhex(text, bytes, sizeof bytes)) {
		text_hex(bytes, sizeof bytes, hex);
		FUZZ_CLAIM(strcasecmp(hex, text) == 0, "there and back, and not the same");
	}
	FUZZ_CLAIM(!text_is_uid(text) || (strlen(text) <= 64 && !strpbrk(text, "/\\' ")), "a UID that is none");
	FUZZ_CLAIM(!text_is_uuid(text) || strlen(text) == 36, "a UUID that is none");
	FUZZ_CLAIM(!text_is_ae_title(text) || strlen(text) <= 16, "an AE title that is none");
	if (report_code_to_id(text, out))
		FUZZ_CLAIM(text_is_uuid(out) && report_code_of_id(out, code), "a code that is none");
}

static void read_network(const char *text)
{
	char out[NETWORK_TEXT_MAX], again[NETWORK_TEXT_MAX];
	struct err err;

	if (network_parse(text, out, &err))
		FUZZ_CLAIM(network_parse(out, again, &err) && strcmp(out, again) == 0,
		           "written otherwise the second time");
	(void)network_host_is_valid(text);
}

static void read_headers(const char *text)
{
	char *decoded = NULL;
	struct err err;

	(void)negotiate_gzip(text);
	(void)negotiate_has_tag(text, "\"abc\"");
	if (route_decode(text, strlen(text), &decoded, &err)) {
		FUZZ_CLAIM(strlen(decoded) <= strlen(text) && text_is_utf8(decoded, strlen(decoded)),
		           "decoded to no text");
		free(decoded);
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length)
{
	char *text = fuzz_text(bytes, length);

	read_utf8(text);
	read_identifiers(text);
	read_network(text);
	read_headers(text);
	(void)day_is_valid(text);
	fuzz_free(text);
	return 0;
}
