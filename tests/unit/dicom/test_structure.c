#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <zlib.h>

#include "lib/dicom/source.h"
#include "lib/dicom/structure.h"
#include "tests/unit/dicom/dataset.h"

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))
#define SEQUENCE 0x00081140u
#define PIXELS 0x7fe00010u
#define ITEM 0xe000
#define ITEM_END 0xe00d
#define SEQUENCE_END 0xe0dd

static size_t want_none(void *context, const struct structure_element *element)
{
	(void)context;
	(void)element;
	return 0;
}

static void take_none(void *context, const struct structure_element *element, const char *bytes, size_t length)
{
	(void)context;
	(void)element;
	(void)bytes;
	(void)length;
}

static bool walk(const char *path, struct err *err)
{
	const struct structure_visitor visitor = {want_none, take_none, NULL, NULL};
	char syntax[DICOM_UID_SIZE];

	return structure_walk(path, &visitor, syntax, err);
}

/* ---- what is good and what is broken, in each form ------------------------------------------------------------- */

static void good_sequence_of_length(struct dataset *d)
{
	dataset_header(d, SEQUENCE, "SQ", 8 + 8 + 4);
	dataset_item(d, ITEM, 12);
	dataset_text(d, 0x00080050, "SH", "abcd");
}

static void good_sequence_undefined(struct dataset *d)
{
	dataset_header(d, SEQUENCE, "SQ", UNDEFINED);
	dataset_item(d, ITEM, UNDEFINED);
	dataset_text(d, 0x00080050, "SH", "abcd");
	dataset_item(d, ITEM_END, 0);
	dataset_item(d, ITEM, 0);
	dataset_item(d, SEQUENCE_END, 0);
}

static void good_un_sequence(struct dataset *d)
{
	struct dataset inner;

	dataset_header(d, 0x00091010, "UN", UNDEFINED);
	dataset_item(d, ITEM, UNDEFINED);
	dataset_init(&inner, IMPLICIT);
	dataset_text(&inner, 0x00080050, "SH", "abcd");
	dataset_raw(d, inner.bytes, inner.length);
	dataset_item(d, ITEM_END, 0);
	dataset_item(d, SEQUENCE_END, 0);
}

static void good_zeros_behind_pixels(struct dataset *d)
{
	char zeros[300] = {0};

	dataset_bytes(d, PIXELS, "OW", "abcd", 4);
	dataset_raw(d, zeros, sizeof zeros);
}

static void good_odd_length(struct dataset *d)
{
	dataset_bytes(d, 0x00100010, "PN", "Odd^Len", 7);
}

static void bad_length(struct dataset *d)
{
	dataset_header(d, 0x00080080, "LO", 1000);
	dataset_raw(d, "short", 5);
}

static void bad_tag_cut(struct dataset *d)
{
	dataset_raw(d, "\x08\x00\x80", 3);
}

static void bad_item_beyond_sequence(struct dataset *d)
{
	dataset_header(d, SEQUENCE, "SQ", 20);
	dataset_item(d, ITEM, 40);
	dataset_text(d, 0x00080050, "SH", "abcd");
	dataset_text(d, 0x00080060, "CS", "CTCTCTCTCTCTCTCTCTCTCTCT");
}

static void bad_sequence_off_by_one(struct dataset *d)
{
	dataset_header(d, SEQUENCE, "SQ", 21);
	dataset_item(d, ITEM, 12);
	dataset_text(d, 0x00080050, "SH", "abcd");
	dataset_text(d, 0x00080060, "CS", "CT");
}

static void bad_no_item(struct dataset *d)
{
	dataset_header(d, SEQUENCE, "SQ", UNDEFINED);
	dataset_text(d, 0x00080050, "SH", "abcd");
}

static void bad_never_ends(struct dataset *d)
{
	dataset_header(d, SEQUENCE, "SQ", UNDEFINED);
	dataset_item(d, ITEM, UNDEFINED);
	dataset_text(d, 0x00080050, "SH", "abcd");
}

static void bad_stray_delimiter(struct dataset *d)
{
	dataset_item(d, SEQUENCE_END, 0);
}

static void bad_delimiter_in_sized_item(struct dataset *d)
{
	dataset_header(d, SEQUENCE, "SQ", 28);
	dataset_item(d, ITEM, 20);
	dataset_text(d, 0x00080050, "SH", "abcd");
	dataset_item(d, ITEM_END, 0);
}

static void bad_delimiter_with_length(struct dataset *d)
{
	dataset_header(d, SEQUENCE, "SQ", UNDEFINED);
	dataset_item(d, SEQUENCE_END, 4);
	dataset_raw(d, "abcd", 4);
}

static void bad_deep(struct dataset *d)
{
	for (int i = 0; i < STRUCTURE_DEPTH_MAX; i++) {
		dataset_header(d, SEQUENCE, "SQ", UNDEFINED);
		dataset_item(d, ITEM, UNDEFINED);
	}
	for (int i = 0; i < STRUCTURE_DEPTH_MAX; i++) {
		dataset_item(d, ITEM_END, 0);
		dataset_item(d, SEQUENCE_END, 0);
	}
}

static void bad_command_element(struct dataset *d)
{
	dataset_text(d, 0x00000002, "UI", "1.2.3");
}

static void bad_garbage_behind_pixels(struct dataset *d)
{
	dataset_bytes(d, PIXELS, "OW", "abcd", 4);
	dataset_raw(d, "\0\0\0\0\0\0\0\0\0\1", 10);
}

static const struct {
	const char *what;
	void (*make)(struct dataset *dataset);
	bool is_good;
} shapes[] = {
    {"sequence with lengths", good_sequence_of_length, true},
    {"sequence without lengths", good_sequence_undefined, true},
    {"sequence under UN", good_un_sequence, true},
    {"zeros behind the pixels", good_zeros_behind_pixels, true},
    {"value of odd length", good_odd_length, true},
    {"length beyond the end", bad_length, false},
    {"tag cut", bad_tag_cut, false},
    {"item longer than its sequence", bad_item_beyond_sequence, false},
    {"sequence one byte longer than its items", bad_sequence_off_by_one, false},
    {"sequence without item", bad_no_item, false},
    {"sequence that never ends", bad_never_ends, false},
    {"delimiter outside of a sequence", bad_stray_delimiter, false},
    {"delimiter in an item of given length", bad_delimiter_in_sized_item, false},
    {"delimiter with a length", bad_delimiter_with_length, false},
    {"nesting too deep", bad_deep, false},
    {"command element", bad_command_element, false},
    {"garbage behind the pixels", bad_garbage_behind_pixels, false},
};

static void check_shape(size_t i, const char *syntax)
{
	struct dataset *d = malloc(sizeof *d);
	struct err err = {0};
	bool ok;

	cr_assert_not_null(d);
	dataset_init(d, syntax);
	if (d->is_big_endian && shapes[i].make == good_un_sequence) {
		free(d); /* PS3.5 knows UN of undefined length only in little endian */
		return;
	}
	dataset_identify(d);
	shapes[i].make(d);
	ok = walk(dataset_file(d, syntax), &err);
	cr_expect_eq(ok, shapes[i].is_good, "%s in %s: %s", shapes[i].what, syntax, ok ? "taken" : err.text);
	if (!ok)
		cr_expect_eq(err.kind, ERR_INVALID, "%s in %s: kind %d", shapes[i].what, syntax, (int)err.kind);
	free(d);
}

Test(structure, takes_what_adds_up_and_nothing_else, .fini = scratch_remove)
{
	static const char *const syntaxes[] = {IMPLICIT, EXPLICIT, BIG_ENDIAN_EXPLICIT};

	for (size_t i = 0; i < COUNT(shapes); i++)
		for (size_t s = 0; s < COUNT(syntaxes); s++)
			check_shape(i, syntaxes[s]);
}

/* ---- fragments ------------------------------------------------------------------------------------------------- */

Test(structure, fragments_end_where_they_say, .fini = scratch_remove)
{
	static const struct {
		const char *what, *syntax;
		uint32_t second_length;
		bool has_end, is_good;
	} cases[] = {
	    {"offset table and a fragment", JPEG_BASELINE, 4, true, true},
	    {"no delimiter", JPEG_BASELINE, 4, false, false},
	    {"fragment beyond the end", JPEG_BASELINE, 4000, true, false},
	    {"fragment without length", JPEG_BASELINE, UNDEFINED, true, false},
	    {"under a native syntax", EXPLICIT, 4, true, false},
	    {"under an unknown syntax", "1.2.3.4.5", 4, true, true},
	};

	for (size_t i = 0; i < COUNT(cases); i++) {
		struct dataset d;
		struct err err = {0};

		dataset_init(&d, cases[i].syntax);
		dataset_identify(&d);
		dataset_header(&d, PIXELS, "OB", UNDEFINED);
		dataset_item(&d, ITEM, 0);
		dataset_item(&d, ITEM, cases[i].second_length);
		dataset_raw(&d, "\xff\xd8\xff\xd9", 4);
		if (cases[i].has_end)
			dataset_item(&d, SEQUENCE_END, 0);
		cr_expect_eq(walk(dataset_file(&d, cases[i].syntax), &err), cases[i].is_good, "%s: %s", cases[i].what,
		             err.text);
	}
}

Test(structure, native_pixels_under_an_encapsulated_syntax_are_refused, .fini = scratch_remove)
{
	struct dataset d;
	struct err err = {0};

	dataset_init(&d, EXPLICIT);
	dataset_identify(&d);
	dataset_bytes(&d, PIXELS, "OB", "abcd", 4);
	cr_expect_not(walk(dataset_file(&d, JPEG_BASELINE), &err));
}

/* ---- every cut and every flipped byte --------------------------------------------------------------------------- */

Test(structure, no_cut_file_is_taken, .fini = scratch_remove)
{
	struct dataset d;
	unsigned char whole[4096];
	struct err err;
	size_t length, taken = 0;

	dataset_init(&d, EXPLICIT);
	dataset_identify(&d);
	good_sequence_undefined(&d);
	dataset_bytes(&d, PIXELS, "OW", "abcd", 4);
	{
		FILE *file = fopen(dataset_file(&d, EXPLICIT), "rb");

		cr_assert_not_null(file);
		length = fread(whole, 1, sizeof whole, file);
		(void)fclose(file);
	}
	for (size_t cut = 0; cut < length; cut++)
		taken += walk(bytes_file(whole, cut), &err);
	/* Only a cut between two elements of the top level cannot be seen: it gives a whole, shorter dataset. */
	cr_expect_eq(taken, 5, "%zu of %zu cuts were taken", taken, length);
	cr_expect(walk(bytes_file(whole, length), &err));
}

Test(structure, any_flipped_byte_is_survived, .fini = scratch_remove)
{
	struct dataset d;
	struct err err;

	dataset_init(&d, EXPLICIT);
	dataset_identify(&d);
	good_sequence_undefined(&d);
	for (size_t i = 0; i < d.length; i++) {
		d.bytes[i] ^= 0xff;
		(void)walk(dataset_file(&d, EXPLICIT), &err);
		d.bytes[i] ^= 0xff;
	}
	cr_expect(walk(dataset_file(&d, EXPLICIT), &err));
}

/* ---- deflate ---------------------------------------------------------------------------------------------------- */

Test(structure, deflated_dataset_is_walked_inside, .fini = scratch_remove)
{
	struct dataset d;
	struct err err = {0};

	dataset_init(&d, DEFLATED);
	dataset_identify(&d);
	good_sequence_undefined(&d);
	dataset_deflate(&d);
	cr_expect(walk(dataset_file(&d, DEFLATED), &err), "%s", err.text);
	d.length -= 4;
	cr_expect_not(walk(dataset_file(&d, DEFLATED), &err));
	memset(d.bytes, 0xee, d.length);
	cr_expect_not(walk(dataset_file(&d, DEFLATED), &err));
}

Test(structure, inflating_is_bounded, .fini = scratch_remove)
{
	static const char zeros[65000];
	struct dataset d;
	struct err err = {0};
	struct dataset bomb;

	dataset_init(&bomb, DEFLATED);
	dataset_identify(&bomb);
	dataset_header(&bomb, PIXELS, "OB", 64u << 20);
	dataset_init(&d, DEFLATED);
	/* A stream of stored and repeated blocks: 64 MiB of zeros come from some tens of KiB. */
	{
		static unsigned char out[sizeof d.bytes];
		z_stream stream = {
		    .next_in = bomb.bytes, .avail_in = (unsigned)bomb.length, .next_out = out, .avail_out = sizeof out};

		cr_assert_eq(deflateInit2(&stream, 9, Z_DEFLATED, -MAX_WBITS, 9, Z_DEFAULT_STRATEGY), Z_OK);
		cr_assert_eq(deflate(&stream, Z_NO_FLUSH), Z_OK);
		for (size_t sent = 0; sent < 64u << 20; sent += sizeof zeros) {
			stream.next_in = (unsigned char *)zeros;
			stream.avail_in = sizeof zeros;
			cr_assert_eq(deflate(&stream, Z_NO_FLUSH), Z_OK);
		}
		cr_assert_eq(deflate(&stream, Z_FINISH), Z_STREAM_END);
		dataset_raw(&d, out, stream.total_out);
		deflateEnd(&stream);
	}
	cr_expect_not(walk(dataset_file(&d, DEFLATED), &err));
	cr_expect_not_null(strstr(err.text, "inflates"), "%s", err.text);
}

/* The file with another text of the same length in the place of its transfer syntax. */
static const char *file_with_syntax(const char *syntax)
{
	static unsigned char bytes[4096];
	struct dataset d;
	FILE *file;
	size_t length;
	unsigned char *at;

	dataset_init(&d, EXPLICIT);
	dataset_identify(&d);
	file = fopen(dataset_file(&d, EXPLICIT), "rbe");
	cr_assert(file != NULL);
	length = fread(bytes, 1, sizeof bytes, file);
	fclose(file);
	at = memmem(bytes, length, EXPLICIT "\0", sizeof EXPLICIT);
	cr_assert(at != NULL && strlen(syntax) == strlen(EXPLICIT));
	memcpy(at, syntax, strlen(syntax));
	return bytes_file(bytes, length);
}

Test(structure, a_transfer_syntax_is_made_of_digits_and_dots, .fini = scratch_remove)
{
	static const char *const cases[] = {"1.2.840.10008.1.\xff\xff\x31", "1.2.840.10008.1\n3.1",
	                                    "<b>840.10008.1.2.1>", "1.2.840.10008.1.2 1"};
	struct err err = {0};

	cr_assert(walk(file_with_syntax(EXPLICIT), &err), "%s", err.text);
	for (size_t i = 0; i < COUNT(cases); i++) {
		cr_expect_not(walk(file_with_syntax(cases[i]), &err), "%s", cases[i]);
		cr_expect(err.kind == ERR_INVALID && strstr(err.text, "transfer syntax that is no UID") != NULL, "%s",
		          err.text);
	}
}
