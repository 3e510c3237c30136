#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

#include "lib/dicom/dicom.h"
#include "tests/unit/dicom/dataset.h"

#define JPEG_LS "1.2.840.10008.1.2.4.80"
#define HTJ2K "1.2.840.10008.1.2.4.201"
#define NO_IMAGE "1.2.840.10008.1.2.4.102"

static void set_up(void)
{
	struct err err;

	cr_assert(dicom_init(&err), "%s", err.text);
}

TestSuite(frames, .init = set_up, .fini = scratch_remove);

static void shape(struct dataset *d, const char *syntax, const char *count, uint16_t allocated)
{
	dataset_init(d, syntax);
	dataset_identify(d);
	dataset_us(d, 0x00280002, 1);
	dataset_text(d, 0x00280004, "CS", "MONOCHROME2");
	dataset_text(d, 0x00280008, "IS", count);
	dataset_us(d, 0x00280010, 3);
	dataset_us(d, 0x00280011, 3);
	dataset_us(d, 0x00280100, allocated);
	dataset_us(d, 0x00280101, allocated);
	dataset_us(d, 0x00280102, (uint16_t)(allocated - 1));
	dataset_us(d, 0x00280103, 0);
}

/* Two fragments, "ab" and "cdef", behind an empty table. */
static void fragments(struct dataset *d)
{
	dataset_header(d, 0x7fe00010, "OB", UNDEFINED);
	dataset_item(d, 0xe000, 0);
	dataset_item(d, 0xe000, 2);
	dataset_raw(d, "ab", 2);
	dataset_item(d, 0xe000, 4);
	dataset_raw(d, "cdef", 4);
	dataset_item(d, 0xe0dd, 0);
}

static void expect(struct dicom_frames *frames, int frame, const char *syntax, const void *want, size_t length)
{
	uint8_t *got = NULL;
	size_t got_length = 0;
	struct err err;

	cr_assert(dicom_frames_read(frames, frame, syntax, &got, &got_length, &err), "%d: %s", frame, err.text);
	cr_expect_eq(got_length, length, "frame %d: %zu bytes", frame, got_length);
	cr_expect(got_length == length && memcmp(got, want, length) == 0, "frame %d", frame);
	free(got);
}

static void refuse(struct dicom_frames *frames, int frame, const char *syntax, enum err_kind kind)
{
	uint8_t *got = NULL;
	size_t length = 0;
	struct err err = {0};

	cr_expect_not(dicom_frames_read(frames, frame, syntax, &got, &length, &err), "frame %d", frame);
	cr_expect_eq(err.kind, kind, "frame %d: %s", frame, err.text);
}

Test(frames, are_cut_out_of_native_pixels)
{
	struct dicom_frames *frames;
	struct dataset d;
	struct err err;

	shape(&d, EXPLICIT, "2", 8);
	dataset_bytes(&d, 0x7fe00010, "OB", "abcdefghiABCDEFGHI", 18);
	cr_assert(dicom_frames_open(dataset_file(&d, EXPLICIT), &frames, &err), "%s", err.text);
	expect(frames, 2, NULL, "ABCDEFGHI", 9);
	expect(frames, 1, DICOM_EXPLICIT, "abcdefghi", 9);
	refuse(frames, 0, NULL, ERR_NOT_FOUND);
	refuse(frames, 3, NULL, ERR_NOT_FOUND);
	refuse(frames, 1, HTJ2K, ERR_REFUSED);
	dicom_frames_close(frames);
}

Test(frames, are_little_endian)
{
	struct dicom_frames *frames;
	struct dataset d;
	struct err err;

	shape(&d, BIG_ENDIAN_EXPLICIT, "1", 16);
	dataset_bytes(&d, 0x7fe00010, "OW", "AaBbCcDdEeFfGgHhIi", 18);
	cr_assert(dicom_frames_open(dataset_file(&d, BIG_ENDIAN_EXPLICIT), &frames, &err), "%s", err.text);
	expect(frames, 1, DICOM_EXPLICIT, "aAbBcCdDeEfFgGhHiI", 18);
	dicom_frames_close(frames);
}

Test(frames, end_where_the_pixels_end)
{
	struct dicom_frames *frames;
	struct dataset d;
	struct err err;

	shape(&d, EXPLICIT, "1000", 8);
	dataset_bytes(&d, 0x7fe00010, "OB", "abcdefghi", 9);
	cr_assert(dicom_frames_open(dataset_file(&d, EXPLICIT), &frames, &err), "%s", err.text);
	expect(frames, 1, NULL, "abcdefghi", 9);
	refuse(frames, 1000, NULL, ERR_INVALID);
	dicom_frames_close(frames);
}

/* Whatever DCMTK knows of the syntax: fragments are joined, and nothing in them is believed. */
Test(frames, are_joined_as_they_are_coded)
{
	static const char *const syntaxes[] = {JPEG_BASELINE, JPEG_LS, HTJ2K, NO_IMAGE, "1.2.840.10008.1.2.8.1"};

	for (size_t i = 0; i < sizeof syntaxes / sizeof syntaxes[0]; i++) {
		struct dicom_frames *frames;
		struct dataset d;
		struct err err;

		shape(&d, EXPLICIT, "1", 8);
		fragments(&d);
		cr_assert(dicom_frames_open(dataset_file(&d, syntaxes[i]), &frames, &err), "%s: %s", syntaxes[i],
		          err.text);
		expect(frames, 1, NULL, "abcdef", 6);
		refuse(frames, 1, DICOM_EXPLICIT, ERR_INVALID);
		refuse(frames, 2, DICOM_EXPLICIT, ERR_NOT_FOUND);
		dicom_frames_close(frames);
	}
}

Test(frames, are_in_images_only)
{
	struct dicom_frames *frames;
	struct dataset d;
	struct err err = {0};

	dataset_init(&d, EXPLICIT);
	dataset_identify(&d);
	cr_expect_not(dicom_frames_open(dataset_file(&d, EXPLICIT), &frames, &err));
	cr_expect_eq(err.kind, ERR_NOT_FOUND);
	cr_expect_not(dicom_frames_open(bytes_file("no DICOM", 8), &frames, &err));
	cr_expect_eq(err.kind, ERR_INVALID);
}
