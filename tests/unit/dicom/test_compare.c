#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/dicom/dicom.h"
#include "tests/unit/dicom/dataset.h"

static void set_up(void)
{
	struct err err;

	cr_assert(dicom_init(&err), "%s", err.text);
}

static const struct dicom_compare_limits limits = {.bytes_max = 1 << 20, .time_ms = 30000};

/* ---- objects that say the same, each in its own way --------------------------------------------------------------------- */

struct way {
	const char *syntax, *charset, *name, *institution; /* NULL: not written */
	bool has_group_lengths, has_padding, has_stations;
	bool is_planar;
	int seed;         /* of the pixels */
	const char *part; /* body part; NULL: CHEST */
};

static void put_rgb(struct dataset *d, const struct way *way)
{
	unsigned char pixels[8 * 8 * 3];

	for (size_t i = 0; i < 64; i++)
		for (size_t s = 0; s < 3; s++)
			pixels[way->is_planar ? s * 64 + i : i * 3 + s] =
			    (unsigned char)(i * 3 + s * 7 + (size_t)way->seed);
	dataset_us(d, 0x00280002, 3);
	dataset_text(d, 0x00280004, "CS", "RGB");
	dataset_us(d, 0x00280006, way->is_planar);
	dataset_us(d, 0x00280010, 8);
	dataset_us(d, 0x00280011, 8);
	dataset_us(d, 0x00280100, 8);
	dataset_us(d, 0x00280101, 8);
	dataset_us(d, 0x00280102, 7);
	dataset_us(d, 0x00280103, 0);
	dataset_bytes(d, 0x7fe00010, way->syntax && strcmp(way->syntax, IMPLICIT) == 0 ? "OW" : "OB", pixels,
	              sizeof pixels);
}

static const char *written(const struct way *way, const char *name, char path[256])
{
	static struct dataset d;
	const char *syntax = way->syntax ? way->syntax : EXPLICIT;
	uint32_t length = 0;

	dataset_init(&d, syntax);
	if (way->has_group_lengths)
		dataset_bytes(&d, 0x00080000, "UL", &length, sizeof length);
	dataset_text(&d, 0x00080005, "CS", way->charset ? way->charset : "ISO_IR 192");
	dataset_identify(&d);
	if (way->has_stations)
		dataset_text(&d, 0x00080054, "AE", "STATION");
	dataset_text(&d, 0x00100010, "PN", way->name ? way->name : "张^三");
	dataset_text(&d, 0x00180015, "CS", way->part ? way->part : "CHEST");
	put_rgb(&d, way);
	if (way->has_padding)
		dataset_bytes(&d, 0xfffcfffc, "OB", "\0\0\0", 4);
	(void)snprintf(path, 256, "%s", scratch_path(name));
	cr_assert_eq(rename(dataset_file(&d, syntax), path), 0);
	return path;
}

Test(compare, what_is_only_coded_anew_is_the_same, .init = set_up, .fini = scratch_remove)
{
	static const struct {
		const char *what;
		struct way way;
		enum dicom_likeness want;
	} cases[] = {
	    {"the same bytes", {0}, DICOM_LIKENESS_SAME},
	    {"implicit VR", {.syntax = IMPLICIT}, DICOM_LIKENESS_SAME},
	    {"group lengths", {.has_group_lengths = true}, DICOM_LIKENESS_SAME},
	    {"padding", {.has_padding = true}, DICOM_LIKENESS_SAME},
	    {"a station on the way", {.has_stations = true}, DICOM_LIKENESS_SAME},
	    {"colours by plane", {.is_planar = true}, DICOM_LIKENESS_SAME},
	    {"another character set", {.charset = "GB18030", .name = "\xd5\xc5^\xc8\xfd"}, DICOM_LIKENESS_SAME},
	    {"one pixel differs", {.seed = 1}, DICOM_LIKENESS_PIXELS},
	    {"another pixel by plane", {.seed = 1, .is_planar = true}, DICOM_LIKENESS_PIXELS},
	    {"another name", {.name = "李^四"}, DICOM_LIKENESS_HEADER},
	    {"another part", {.part = "HEAD"}, DICOM_LIKENESS_HEADER},
	};
	char first[256], second[256];
	static const struct way plain;

	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		enum dicom_likeness got = DICOM_LIKENESS_COUNT;
		struct err err;

		written(&plain, "first", first);
		written(&cases[i].way, "second", second);
		cr_assert(dicom_compare(first, second, &limits, &got, &err), "%s: %s", cases[i].what, err.text);
		cr_expect_eq(got, cases[i].want, "%s: got %s, want %s", cases[i].what, dicom_likeness_name(got),
		             dicom_likeness_name(cases[i].want));
		cr_assert(dicom_compare(second, first, &limits, &got, &err));
		cr_expect_eq(got, cases[i].want, "%s, the other way round: got %s", cases[i].what,
		             dicom_likeness_name(got));
	}
}

/* ---- beyond the bounds --------------------------------------------------------------------------------------------------- */

Test(compare, what_cannot_be_judged_is_never_the_same, .init = set_up, .fini = scratch_remove)
{
	static const struct dicom_compare_limits narrow = {.bytes_max = 300, .time_ms = 30000};
	static const struct way plain, changed = {.has_padding = true};
	enum dicom_likeness got = DICOM_LIKENESS_SAME;
	char first[256], second[256], garbage[256];
	struct err err = {0};

	written(&plain, "first", first);
	written(&changed, "second", second);
	(void)snprintf(garbage, sizeof garbage, "%s", bytes_file("GET / HTTP/1.0\r\n\r\n", 18));
	cr_assert(dicom_compare(first, second, &narrow, &got, &err));
	cr_expect_eq(got, DICOM_LIKENESS_TOO_LARGE, "%s", dicom_likeness_name(got));
	cr_assert(dicom_compare(first, garbage, &limits, &got, &err));
	cr_expect_eq(got, DICOM_LIKENESS_UNREADABLE, "%s", dicom_likeness_name(got));
	cr_expect_not(dicom_compare(first, "/nowhere/at/all", &limits, &got, &err));
	cr_expect_eq(err.kind, ERR_TEMPORARY);
}

/* ---- headers for people --------------------------------------------------------------------------------------------------- */

struct seen {
	char text[4096];
};

static void note(void *context, const struct dicom_header_field *field)
{
	struct seen *seen = context;
	size_t length = strlen(seen->text);

	(void)snprintf(seen->text + length, sizeof seen->text - length, "%s %s: %s | %s%s\n", field->tag, field->name,
	               field->value ? field->value : "-", field->other ? field->other : "-",
	               field->is_technical ? " (technical)" : "");
}

Test(compare, differences_are_told_by_name_in_the_right_character_set, .init = set_up, .fini = scratch_remove)
{
	static const struct way plain, changed = {.charset = "GB18030", .name = "\xc0\xee^\xcb\xc4", .part = "HEAD"};
	char first[256], second[256];
	struct seen seen = {""};
	size_t count = 0;
	struct err err;

	written(&plain, "first", first);
	written(&changed, "second", second);
	cr_assert(dicom_header_differences(first, second, 10, note, &seen, &count, &err), "%s", err.text);
	cr_expect_eq(count, 3, "got %zu", count);
	cr_expect_str_eq(seen.text, "(0008,0005) SpecificCharacterSet: ISO_IR 192 | GB18030 (technical)\n"
	                            "(0010,0010) PatientName: 张^三 | 李^四\n"
	                            "(0018,0015) BodyPartExamined: CHEST | HEAD\n");
	seen.text[0] = '\0';
	cr_assert(dicom_header_differences(first, second, 1, note, &seen, &count, &err));
	cr_expect_eq(count, 3, "the count is of all");
	cr_expect_null(strchr(strchr(seen.text, '\n') + 1, '\n'), "one was wanted: %s", seen.text);
}

Test(compare, a_header_is_shown_with_its_sequences_and_without_pixels, .init = set_up, .fini = scratch_remove)
{
	static struct dataset d;
	struct seen seen = {""};
	size_t count = 0;
	struct err err;

	dataset_init(&d, EXPLICIT);
	dataset_header(&d, 0x00081115, "SQ", UNDEFINED);
	dataset_item(&d, 0xe000, UNDEFINED);
	dataset_text(&d, 0x0020000e, "UI", "1.2.3");
	dataset_item(&d, 0xe00d, 0);
	dataset_item(&d, 0xe0dd, 0);
	dataset_text(&d, 0x00091001, "LO", "private");
	dataset_bytes(&d, 0x7fe00010, "OB", "abcd", 4);
	cr_assert(dicom_header_fields(dataset_file(&d, EXPLICIT), 10, note, &seen, &count, &err), "%s", err.text);
	cr_expect_str_eq(seen.text, "(0008,1115) ReferencedSeriesSequence: [1 items] | -\n"
	                            "(0008,1115)[1](0020,000e) SeriesInstanceUID: 1.2.3 | -\n"
	                            "(0009,1001) : private | -\n");
}
