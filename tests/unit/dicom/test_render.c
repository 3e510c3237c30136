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

/* width x height grey pixels of 16 bits, rising from left to right; as many frames. */
static void image(struct dataset *d, uint16_t width, uint16_t height, int frames, bool is_inverse)
{
	static uint16_t pixels[1 << 16];
	char text[16];

	for (size_t i = 0; i < (size_t)width * height * (size_t)frames; i++)
		pixels[i] = (uint16_t)(i % width * 4);
	(void)snprintf(text, sizeof text, "%d", frames);
	dataset_init(d, EXPLICIT);
	dataset_identify(d);
	dataset_us(d, 0x00280002, 1);
	dataset_text(d, 0x00280004, "CS", is_inverse ? "MONOCHROME1" : "MONOCHROME2");
	dataset_text(d, 0x00280008, "IS", text);
	dataset_us(d, 0x00280010, height);
	dataset_us(d, 0x00280011, width);
	dataset_us(d, 0x00280100, 16);
	dataset_us(d, 0x00280101, 16);
	dataset_us(d, 0x00280102, 15);
	dataset_us(d, 0x00280103, 0);
	dataset_bytes(d, 0x7fe00010, "OW", pixels, (size_t)width * height * (size_t)frames * 2);
}

static uint32_t big32(const uint8_t *p)
{
	return (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 | (uint32_t)p[2] << 8 | p[3];
}

Test(render, keeps_the_aspect_ratio_and_never_enlarges, .init = set_up, .fini = scratch_remove)
{
	static const struct {
		int width_max, height_max;
		uint32_t width, height;
	} cases[] = {{0, 0, 100, 50}, {50, 0, 50, 25}, {0, 10, 20, 10}, {50, 10, 20, 10}, {400, 400, 100, 50}};
	struct dataset d;

	image(&d, 100, 50, 1, false);
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		struct dicom_render how = {.frame = 1,
		                           .width_max = cases[i].width_max,
		                           .height_max = cases[i].height_max,
		                           .media = DICOM_MEDIA_PNG};
		uint8_t *bytes = NULL;
		size_t length;
		struct err err;

		cr_assert(dicom_render(dataset_file(&d, EXPLICIT), &how, &bytes, &length, &err), "case %zu: %s", i,
		          err.text);
		cr_assert_gt(length, 33);
		cr_expect_eq(memcmp(bytes, "\x89PNG\r\n\x1a\n", 8), 0);
		cr_expect_eq(big32(bytes + 16), cases[i].width, "case %zu: width %u", i, big32(bytes + 16));
		cr_expect_eq(big32(bytes + 20), cases[i].height, "case %zu: height %u", i, big32(bytes + 20));
		free(bytes);
	}
}

Test(render, makes_a_jpeg_by_default_window, .init = set_up, .fini = scratch_remove)
{
	struct dicom_render how = {.frame = 2, .media = DICOM_MEDIA_JPEG, .quality = 90};
	struct dataset d;
	uint8_t *bytes = NULL;
	size_t length;
	struct err err;

	image(&d, 64, 64, 2, true);
	cr_assert(dicom_render(dataset_file(&d, EXPLICIT), &how, &bytes, &length, &err), "%s", err.text);
	cr_expect_eq(memcmp(bytes, "\xff\xd8\xff", 3), 0);
	cr_expect_eq(memcmp(bytes + length - 2, "\xff\xd9", 2), 0);
	free(bytes);
}

Test(render, window_decides_what_is_seen, .init = set_up, .fini = scratch_remove)
{
	struct dicom_render wide = {.frame = 1, .media = DICOM_MEDIA_PNG};
	struct dicom_render narrow = {
	    .frame = 1, .media = DICOM_MEDIA_PNG, .has_window = true, .window_center = 10, .window_width = 2};
	struct dataset d;
	uint8_t *first, *second;
	size_t first_length, second_length;
	struct err err;

	image(&d, 64, 64, 1, false);
	cr_assert(dicom_render(dataset_file(&d, EXPLICIT), &wide, &first, &first_length, &err), "%s", err.text);
	cr_assert(dicom_render(dataset_file(&d, EXPLICIT), &narrow, &second, &second_length, &err), "%s", err.text);
	cr_expect(first_length != second_length || memcmp(first, second, first_length) != 0);
	free(first);
	free(second);
}

Test(render, refuses_what_is_no_picture, .init = set_up, .fini = scratch_remove)
{
	struct dicom_render how = {.frame = 1, .media = DICOM_MEDIA_PNG};
	struct dataset d;
	uint8_t *bytes = NULL;
	size_t length;
	struct err err = {0};

	dataset_init(&d, EXPLICIT);
	dataset_identify(&d);
	cr_expect_not(dicom_render(dataset_file(&d, EXPLICIT), &how, &bytes, &length, &err), "no pixels");
	cr_expect_eq(err.kind, ERR_INVALID);
	image(&d, 16, 16, 2, false);
	for (how.frame = -1; how.frame <= 3; how.frame++)
		if (how.frame < 1 || how.frame > 2)
			cr_expect_not(dicom_render(dataset_file(&d, EXPLICIT), &how, &bytes, &length, &err), "frame %d",
			              how.frame);
	how.frame = 1;
	dataset_init(&d, EXPLICIT);
	dataset_identify(&d);
	dataset_us(&d, 0x00280010, 65535);
	dataset_us(&d, 0x00280011, 65535);
	cr_expect_not(dicom_render(dataset_file(&d, EXPLICIT), &how, &bytes, &length, &err), "too large");
	cr_expect_not_null(strstr(err.text, "too large"), "%s", err.text);
	cr_expect_not(dicom_render(bytes_file("no DICOM", 8), &how, &bytes, &length, &err), "no DICOM");
	cr_expect_null(bytes);
}
