#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/base/text.h"
#include "lib/dicom/dicom.h"
#include "tests/unit/dicom/dataset.h"

#define JPEG_LS "1.2.840.10008.1.2.4.80"

static void set_up(void)
{
	struct err err;

	cr_assert(dicom_init(&err), "%s", err.text);
}

TestSuite(json, .init = set_up, .fini = scratch_remove);

static const uint32_t left_out[] = {0x00100010, 0x00204000};
static const struct dicom_json_options options = {left_out, 2, ""};

static void identify(struct dataset *d, const char *syntax)
{
	dataset_init(d, syntax);
	dataset_identify(d);
}

static void expect_vr(const char *json, const char *tag, const char *vr)
{
	char want[40];

	snprintf(want, sizeof want, "\"%s\":{\"vr\":\"%s\"", tag, vr);
	cr_expect(strstr(json, want), "no %s in %s", want, json);
}

static void write_json(const struct dataset *d, const char *syntax, struct text_buf *out)
{
	struct err err;

	text_buf_init(out, 1 << 20);
	cr_assert(dicom_json(dataset_file(d, syntax), &options, out, &err), "%s", err.text);
}

/* PS3.5 section 8.2: as the data set says; where it says nothing, OW; what is encapsulated, OB. */
Test(json, pixels_have_the_vr_of_the_object)
{
	static const struct {
		const char *syntax, *vr, *want;
	} cases[] = {
	    {EXPLICIT, "OW", "OW"},
	    {EXPLICIT, "OB", "OB"},
	    {BIG_ENDIAN_EXPLICIT, "OW", "OW"},
	    {IMPLICIT, "OW", "OW"},
	};
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		struct text_buf json;
		struct dataset d;

		identify(&d, cases[i].syntax);
		dataset_bytes(&d, 0x60003000, cases[i].vr, "abcd", 4);
		dataset_bytes(&d, 0x7fe00010, cases[i].vr, "abcdefgh", 8);
		write_json(&d, cases[i].syntax, &json);
		expect_vr(json.data, "7FE00010", cases[i].want);
		expect_vr(json.data, "60003000", cases[i].want);
		cr_expect(strstr(json.data, "\"InlineBinary\":"), "the overlay is in it");
		text_buf_fini(&json);
	}
}

Test(json, encapsulated_pixels_are_bytes)
{
	struct text_buf json;
	struct dataset d;

	identify(&d, JPEG_LS);
	dataset_header(&d, 0x7fe00010, "OB", UNDEFINED);
	dataset_item(&d, 0xe000, 0);
	dataset_item(&d, 0xe000, 2);
	dataset_raw(&d, "ab", 2);
	dataset_item(&d, 0xe0dd, 0);
	write_json(&d, JPEG_LS, &json);
	expect_vr(json.data, "7FE00010", "OB");
	text_buf_fini(&json);
}

/* DCMTK calls them "lt" and "??". */
Test(json, every_vr_is_one_of_the_standard)
{
	static const unsigned char table[] = {1, 0, 2, 0};
	struct text_buf json;
	struct dataset d;

	identify(&d, IMPLICIT);
	dataset_text(&d, 0x00290010, "LO", "HOUSE");
	dataset_bytes(&d, 0x00291001, "UN", "\xab\xcd", 2);
	dataset_bytes(&d, 0x00283006, "US", table, sizeof table);
	write_json(&d, IMPLICIT, &json);
	cr_expect(strstr(json.data, "\"00291001\":{\"vr\":\"UN\",\"InlineBinary\":\"q80=\"}"), "%s", json.data);
	cr_expect(strstr(json.data, "\"00283006\":{\"vr\":\"OW\",\"InlineBinary\":\"AQACAA==\"}"), "%s", json.data);
	text_buf_fini(&json);
}

/* ---- values by their address ------------------------------------------------------------------------------------------- */

static void long_text(struct dataset *d, uint32_t tag, const char *vr, const char *start)
{
	static char text[70000];

	memset(text, 'x', sizeof text);
	memcpy(text, start, strlen(start));
	dataset_bytes(d, tag, vr, text, sizeof text);
}

Test(json, what_stands_as_an_address_is_given)
{
	static const char gb18030[] = "\xd6\xd0\xce\xc4"; /* 中文 */
	static char bytes[1026];
	struct text_buf json;
	struct dataset d;
	struct err err = {0};
	uint8_t *got;
	size_t length;

	identify(&d, EXPLICIT);
	dataset_text(&d, 0x00081030, "LO", "\xd0\xd8\xb2\xbf");
	dataset_text(&d, 0x00100020, "LO", "P1");
	long_text(&d, 0x00104000, "UT", gb18030);
	long_text(&d, 0x00204000, "UT", gb18030);
	dataset_bytes(&d, 0x00420011, "OB", bytes, sizeof bytes);
	dataset_bytes(&d, 0x7fe00010, "OW", "abcd", 4);
	write_json(&d, EXPLICIT, &json);
	cr_expect(strstr(json.data, "@/bulkdata/00104000\"") && strstr(json.data, "@/bulkdata/00420011\"") &&
	          strstr(json.data, "@/bulkdata/7FE00010\"") && !strstr(json.data, "00204000"));
	text_buf_fini(&json);

	const char *path = dataset_file(&d, EXPLICIT);
	cr_assert(dicom_value(path, &options, "00104000", &got, &length, &err), "%s", err.text);
	cr_expect(length == 70002 && memcmp(got, "中文xx", 8) == 0, "in UTF-8, as the metadata says: %zu", length);
	free(got);
	cr_assert(dicom_value(path, &options, "7FE00010", &got, &length, &err), "%s", err.text);
	cr_expect(length == 4 && memcmp(got, "abcd", 4) == 0);
	free(got);
	/* Short ones, one that the caller writes himself, none. */
	static const char *const others[] = {"00100020", "00081030", "00204000", "00080018", "00104001", "7FE0001", ""};
	for (size_t i = 0; i < sizeof others / sizeof others[0]; i++)
		cr_expect(!dicom_value(path, &options, others[i], &got, &length, &err) && err.kind == ERR_NOT_FOUND,
		          "%s: %s", others[i], err.text);
}
