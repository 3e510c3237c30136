#include <criterion/criterion.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lib/base/file.h"
#include "lib/dicom/dicom.h"
#include "tests/unit/dicom/dataset.h"

#define JPEG_LOSSLESS "1.2.840.10008.1.2.4.70"
#define JPEG_LS "1.2.840.10008.1.2.4.80"
#define JPEG_2000 "1.2.840.10008.1.2.4.90"
#define ROOM ((uint64_t)64 << 20)

static void set_up(void)
{
	struct err err;

	cr_assert(dicom_init(&err), "%s", err.text);
}

TestSuite(transcode, .init = set_up, .fini = scratch_remove, .timeout = 120);

/* ---- images -------------------------------------------------------------------------------------------------------------- */

struct image {
	const char *what, *colours;
	uint16_t columns, rows, samples, allocated, stored, is_signed;
	int frames;
	bool has_overlay; /* in the bits above the stored ones */
	bool has_tail, is_signed_digitally;
};

static const struct image images[] = {
    {"12 of 16 bits", "MONOCHROME2", 37, 41, 1, 16, 12, 0, 1, false, false, false},
    {"16 bits with a sign", "MONOCHROME2", 64, 32, 1, 16, 16, 1, 1, false, true, false},
    {"8 bits, an odd number", "MONOCHROME1", 5, 3, 1, 8, 8, 0, 1, false, true, false},
    {"colours", "RGB", 24, 18, 3, 8, 8, 0, 1, false, false, false},
    {"frames", "MONOCHROME2", 16, 16, 1, 16, 10, 0, 5, false, false, false},
    {"frames of an odd size", "MONOCHROME2", 5, 7, 1, 8, 8, 0, 3, false, true, false},
};
enum { IMAGES = sizeof images / sizeof images[0] };

/* A slope with a little noise, and what else is asked for. */
static unsigned sample(const struct image *image, size_t index)
{
	unsigned most = (1u << image->stored) - 1;
	unsigned value = (unsigned)(index * 3 + (index * 2654435761u >> 29)) & most;

	if (image->is_signed)
		value = (value - (most >> 1)) & 0xffff;
	return value | (image->has_overlay && index % 3 == 0 ? 1u << image->stored : 0);
}

static void put_pixels(struct dataset *d, const struct image *image)
{
	static unsigned char pixels[100000];
	size_t count = (size_t)image->columns * image->rows * image->samples * (size_t)image->frames, length = 0;

	for (size_t i = 0; i < count; i++) {
		unsigned value = sample(image, i);

		if (d->is_big_endian && image->allocated > 8)
			pixels[length++] = (unsigned char)(value >> 8);
		pixels[length++] = (unsigned char)value;
		if (!d->is_big_endian && image->allocated > 8)
			pixels[length++] = (unsigned char)(value >> 8);
	}
	if (length % 2)
		pixels[length++] = 0;
	dataset_bytes(d, 0x7fe00010, image->allocated > 8 ? "OW" : "OB", pixels, length);
}

static const char *write_image(const struct image *image, const char *syntax, const char *name)
{
	static struct dataset d;
	static char path[256];
	char frames[12];

	dataset_init(&d, strcmp(syntax, DEFLATED) == 0 ? EXPLICIT : syntax);
	dataset_identify(&d);
	dataset_us(&d, 0x00280002, image->samples);
	dataset_text(&d, 0x00280004, "CS", image->colours);
	if (image->samples > 1)
		dataset_us(&d, 0x00280006, 0);
	snprintf(frames, sizeof frames, "%d", image->frames);
	if (image->frames > 1)
		dataset_text(&d, 0x00280008, "IS", frames);
	dataset_us(&d, 0x00280010, image->rows);
	dataset_us(&d, 0x00280011, image->columns);
	dataset_us(&d, 0x00280100, image->allocated);
	dataset_us(&d, 0x00280101, image->stored);
	dataset_us(&d, 0x00280102, (uint16_t)(image->stored - 1));
	dataset_us(&d, 0x00280103, image->is_signed);
	if (image->is_signed_digitally) {
		dataset_header(&d, 0x4ffe0001, "SQ", UNDEFINED);
		dataset_item(&d, 0xe0dd, 0);
	}
	put_pixels(&d, image);
	if (image->has_tail)
		dataset_bytes(&d, 0xfffcfffc, "OB", "\0\0\0", 4);
	if (strcmp(syntax, DEFLATED) == 0)
		dataset_deflate(&d);
	(void)snprintf(path, sizeof path, "%s", scratch_path(name));
	cr_assert_eq(rename(dataset_file(&d, syntax), path), 0);
	return path;
}

/* ---- there and back -------------------------------------------------------------------------------------------------------- */

static bool transcode_to(const char *from, const char *syntax, const char *name, char path[256], struct err *err)
{
	uint64_t size = 0;
	struct stat info;
	bool ok;
	int fd;

	(void)snprintf(path, 256, "%s", scratch_path(name));
	fd = open(path, O_CREAT | O_TRUNC | O_RDWR | O_CLOEXEC, 0600);
	cr_assert_geq(fd, 0);
	ok = dicom_transcode(from, syntax, fd, ROOM, &size, err);
	cr_assert_eq(fstat(fd, &info), 0);
	if (ok)
		cr_expect_eq((uint64_t)info.st_size, size, "%s", syntax);
	close(fd);
	return ok;
}

/* The bytes behind the meta header. */
static char *dataset_of(const char *path, size_t *out_length)
{
	struct dicom_fields fields;
	uint8_t *head;
	size_t length, head_length;
	struct err err;
	char *all;

	cr_assert(dicom_read_fields(path, &fields, &err), "%s", err.text);
	cr_expect_str_eq(fields.sop_instance_uid, "1.2.3.4");
	cr_assert(file_read_all(path, 1 << 20, &all, &length, &err), "%s", err.text);
	cr_assert(dicom_meta_header(fields.sop_class_uid, fields.sop_instance_uid, fields.transfer_syntax_uid, NULL,
	                            &head, &head_length, &err));
	free(head);
	memmove(all, all + head_length, length - head_length);
	*out_length = length - head_length;
	return all;
}

/* Pixels of 8 bits may be OB or OW (PS3.5 section A.2), and implicit VR does not say which. */
static void level_vr(char *bytes, size_t length)
{
	static const char tag[] = {'\xe0', '\x7f', '\x10', '\x00', 'O', 'B'};
	char *found = memmem(bytes, length, tag, sizeof tag);

	if (found)
		found[5] = 'W';
}

static void expect_same_dataset(const char *path, const char *other_path, const char *what, const char *syntax)
{
	size_t length, other_length;
	char *bytes = dataset_of(path, &length), *other = dataset_of(other_path, &other_length);

	level_vr(bytes, length);
	level_vr(other, other_length);
	cr_expect_eq(length, other_length, "%s by %s: %zu, %zu bytes", what, syntax, length, other_length);
	cr_expect(length == other_length && memcmp(bytes, other, length) == 0, "%s by %s: other bytes", what, syntax);
	free(bytes);
	free(other);
}

/* What dataset_file() writes has a shorter meta header: the first step gives ours to both. */
static void expect_round_trip(const struct image *image, const char *syntax)
{
	char implicit[256], first[256], there[256], back[256];
	struct err err;

	cr_assert(transcode_to(write_image(image, EXPLICIT, "image"), IMPLICIT, "implicit", implicit, &err), "%s: %s",
	          image->what, err.text);
	cr_assert(transcode_to(implicit, EXPLICIT, "first", first, &err), "%s: %s", image->what, err.text);
	cr_assert(transcode_to(first, syntax, "there", there, &err), "%s by %s: %s", image->what, syntax, err.text);
	cr_assert(transcode_to(there, EXPLICIT, "back", back, &err), "%s by %s: %s", image->what, syntax, err.text);
	expect_same_dataset(first, back, image->what, syntax);
}

Test(transcode, every_lossless_syntax_brings_back_the_same_dataset)
{
	static const char *const syntaxes[] = {IMPLICIT, JPEG_LS, JPEG_2000, JPEG_LOSSLESS};

	for (size_t i = 0; i < IMAGES; i++)
		for (size_t s = 0; s < sizeof syntaxes / sizeof syntaxes[0]; s++)
			expect_round_trip(&images[i], syntaxes[s]);
}

Test(transcode, one_lossless_syntax_becomes_another)
{
	char first[256], one[256], other[256], back[256];
	struct err err;

	cr_assert(transcode_to(write_image(&images[4], IMPLICIT, "image"), EXPLICIT, "first", first, &err));
	cr_assert(transcode_to(first, JPEG_LOSSLESS, "one", one, &err), "%s", err.text);
	cr_assert(transcode_to(one, JPEG_2000, "other", other, &err), "%s", err.text);
	cr_assert(transcode_to(other, EXPLICIT, "back", back, &err), "%s", err.text);
	expect_same_dataset(first, back, "frames", JPEG_2000);
}

Test(transcode, byte_order_and_deflation_are_undone)
{
	static const char *const syntaxes[] = {BIG_ENDIAN_EXPLICIT, DEFLATED};
	char implicit[256], want[256], got[256];
	struct err err;

	for (size_t i = 0; i < IMAGES; i++)
		for (size_t s = 0; s < 2; s++) {
			cr_assert(
			    transcode_to(write_image(&images[i], IMPLICIT, "plain"), EXPLICIT, "want", want, &err));
			cr_assert(
			    transcode_to(write_image(&images[i], syntaxes[s], "image"), EXPLICIT, "got", got, &err),
			    "%s: %s", syntaxes[s], err.text);
			cr_assert(transcode_to(got, IMPLICIT, "implicit", implicit, &err), "%s", err.text);
			cr_assert(transcode_to(implicit, EXPLICIT, "got", got, &err), "%s", err.text);
			expect_same_dataset(want, got, images[i].what, syntaxes[s]);
		}
}

/* ---- what is not done --------------------------------------------------------------------------------------------------------- */

Test(transcode, a_signed_object_stays_as_it_is)
{
	static const char *const syntaxes[] = {IMPLICIT, JPEG_LS, JPEG_2000, JPEG_LOSSLESS};
	struct image image = images[0];
	char path[256];

	image.is_signed_digitally = true;
	for (size_t s = 0; s < sizeof syntaxes / sizeof syntaxes[0]; s++) {
		struct err err = {0};

		cr_expect_not(transcode_to(write_image(&image, EXPLICIT, "image"), syntaxes[s], "there", path, &err));
		cr_expect_eq(err.kind, ERR_REFUSED, "%s: %s", syntaxes[s], err.text);
	}
}

/* JPEG 2000 is told how many bits there are; the others take all that are allocated. */
Test(transcode, bits_that_would_be_lost_keep_it_as_it_is)
{
	struct image image = images[0];
	char path[256];
	struct err err = {0};

	image.has_overlay = true;
	cr_expect_not(transcode_to(write_image(&image, EXPLICIT, "image"), JPEG_2000, "there", path, &err));
	cr_expect_eq(err.kind, ERR_REFUSED, "%s", err.text);
	expect_round_trip(&image, JPEG_LS);
	expect_round_trip(&image, JPEG_LOSSLESS);
}

Test(transcode, what_has_no_pixels_is_not_compressed)
{
	static struct dataset d;
	char from[256], path[256];
	struct err err = {0};

	dataset_init(&d, EXPLICIT);
	dataset_identify(&d);
	(void)snprintf(from, sizeof from, "%s", dataset_file(&d, EXPLICIT));
	cr_expect_not(transcode_to(from, JPEG_LS, "there", path, &err));
	cr_expect_eq(err.kind, ERR_REFUSED, "%s", err.text);
	cr_expect(transcode_to(from, IMPLICIT, "there", path, &err), "%s", err.text);
}

Test(transcode, too_little_room_is_said)
{
	const char *path = write_image(&images[0], EXPLICIT, "image");
	static const char *const syntaxes[] = {IMPLICIT, JPEG_LS};

	for (size_t s = 0; s < 2; s++) {
		int fd = open(scratch_path("there"), O_CREAT | O_TRUNC | O_RDWR | O_CLOEXEC, 0600);
		struct err err = {0};
		uint64_t size;

		cr_expect_not(dicom_transcode(path, syntaxes[s], fd, 1000, &size, &err));
		cr_expect_eq(err.kind, ERR_NO_SPACE, "%s: %s", syntaxes[s], err.text);
		cr_expect_leq(lseek(fd, 0, SEEK_END), 1000);
		close(fd);
	}
}

/* Bytes of a coded frame changed one by one: a picture or a refusal, never a crash, and nothing without end. */
Test(transcode, broken_frames_are_refused_or_decoded)
{
	static const char *const syntaxes[] = {JPEG_LS, JPEG_2000, JPEG_LOSSLESS};
	char there[256], broken[256], path[256];
	struct image image = images[0];
	struct err err;

	image.columns = image.rows = 8;
	for (size_t s = 0; s < sizeof syntaxes / sizeof syntaxes[0]; s++) {
		char *all;
		size_t length;

		cr_assert(transcode_to(write_image(&image, EXPLICIT, "image"), syntaxes[s], "there", there, &err));
		cr_assert(file_read_all(there, 1 << 20, &all, &length, &err));
		for (size_t back = 9; back < 220 && back < length; back++) {
			char was = all[length - back];

			all[length - back] = (char)(was ^ 0xa5);
			(void)snprintf(broken, sizeof broken, "%s", bytes_file(all, length));
			(void)transcode_to(broken, EXPLICIT, "back", path, &err);
			all[length - back] = was;
		}
		free(all);
	}
}

Test(transcode, the_syntaxes_say_what_can_be)
{
	static const struct {
		const char *from, *to;
		bool want;
	} cases[] = {
	    {EXPLICIT, IMPLICIT, true},
	    {EXPLICIT, JPEG_LS, true},
	    {JPEG_LS, EXPLICIT, true},
	    {JPEG_BASELINE, EXPLICIT, true},
	    {JPEG_BASELINE, JPEG_LS, false},             /* lossy stays lossy, and grows */
	    {EXPLICIT, JPEG_BASELINE, false},            /* never with loss */
	    {EXPLICIT, BIG_ENDIAN_EXPLICIT, false},      /* retired */
	    {"1.2.840.10008.1.2.4.201", EXPLICIT, true}, /* HTJ2K */
	    {"1.2.840.10008.1.2.4.203", EXPLICIT, true},
	    {"1.2.840.10008.1.2.4.203", JPEG_LS, false},
	    {EXPLICIT, "1.2.840.10008.1.2.4.201", false}, /* nothing here writes it */
	    {"1.2.840.10008.1.2.4.102", EXPLICIT, false}, /* MPEG-4 */
	    {"1.2.840.113619.5.2", EXPLICIT, false},      /* private */
	};

	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++)
		cr_expect_eq(dicom_can_transcode(cases[i].from, cases[i].to), cases[i].want, "%s to %s", cases[i].from,
		             cases[i].to);
}
