#include "tests/unit/dicom/dataset.h"

#include <criterion/criterion.h>
#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <zlib.h>

#include "lib/dicom/dicom.h"

static char folder[64];
static char path[512];

static void put(struct dataset *dataset, uint32_t value, size_t width, bool big)
{
	unsigned char out[4];

	for (size_t i = 0; i < width; i++)
		out[i] = (unsigned char)(value >> (8 * (big ? width - 1 - i : i)));
	dataset_raw(dataset, out, width);
}

void dataset_init(struct dataset *dataset, const char *syntax)
{
	memset(dataset, 0, sizeof *dataset);
	dataset->is_implicit = strcmp(syntax, IMPLICIT) == 0;
	dataset->is_big_endian = strcmp(syntax, BIG_ENDIAN_EXPLICIT) == 0;
}

void dataset_raw(struct dataset *dataset, const void *bytes, size_t length)
{
	cr_assert_leq(dataset->length + length, sizeof dataset->bytes);
	memcpy(dataset->bytes + dataset->length, bytes, length);
	dataset->length += length;
}

void dataset_header(struct dataset *dataset, uint32_t tag, const char *vr, uint32_t length)
{
	bool is_long = strstr("OB OW OF OD SQ UN UT UC UR", vr) != NULL;

	put(dataset, tag >> 16, 2, dataset->is_big_endian);
	put(dataset, tag & 0xffff, 2, dataset->is_big_endian);
	if (dataset->is_implicit) {
		put(dataset, length, 4, false);
		return;
	}
	dataset_raw(dataset, vr, 2);
	if (is_long)
		put(dataset, 0, 2, false);
	put(dataset, length, is_long ? 4 : 2, dataset->is_big_endian);
}

void dataset_bytes(struct dataset *dataset, uint32_t tag, const char *vr, const void *bytes, size_t length)
{
	dataset_header(dataset, tag, vr, (uint32_t)length);
	dataset_raw(dataset, bytes, length);
}

void dataset_text(struct dataset *dataset, uint32_t tag, const char *vr, const char *text)
{
	size_t length = strlen(text);

	dataset_header(dataset, tag, vr, (uint32_t)(length + length % 2));
	dataset_raw(dataset, text, length);
	if (length % 2)
		dataset_raw(dataset, strcmp(vr, "UI") == 0 ? "" : " ", 1);
}

void dataset_us(struct dataset *dataset, uint32_t tag, uint16_t value)
{
	dataset_header(dataset, tag, "US", 2);
	put(dataset, value, 2, dataset->is_big_endian);
}

void dataset_item(struct dataset *dataset, uint16_t element, uint32_t length)
{
	put(dataset, 0xfffe, 2, dataset->is_big_endian);
	put(dataset, element, 2, dataset->is_big_endian);
	put(dataset, length, 4, dataset->is_big_endian);
}

void dataset_identify(struct dataset *dataset)
{
	dataset_text(dataset, 0x00080016, "UI", SECONDARY_CAPTURE);
	dataset_text(dataset, 0x00080018, "UI", "1.2.3.4");
	dataset_text(dataset, 0x0020000d, "UI", "1.2.3");
	dataset_text(dataset, 0x0020000e, "UI", "1.2.3.1");
}

const char *scratch_path(const char *name)
{
	if (folder[0] == '\0') {
		(void)snprintf(folder, sizeof folder, "/tmp/yq-unit-dicom.XXXXXX");
		cr_assert_not_null(mkdtemp(folder));
	}
	(void)snprintf(path, sizeof path, "%s/%s", folder, name);
	return path;
}

void scratch_remove(void)
{
	DIR *dir = folder[0] != '\0' ? opendir(folder) : NULL;
	struct dirent *entry;

	if (dir == NULL)
		return;
	while ((entry = readdir(dir)) != NULL)
		if (entry->d_name[0] != '.')
			(void)unlinkat(dirfd(dir), entry->d_name, 0);
	closedir(dir);
	(void)rmdir(folder);
	folder[0] = '\0';
}

const char *bytes_file(const void *bytes, size_t length)
{
	FILE *file = fopen(scratch_path("object.dcm"), "wb");

	cr_assert_not_null(file);
	cr_assert_eq(fwrite(bytes, 1, length, file), length);
	cr_assert_eq(fclose(file), 0);
	return path;
}

const char *dataset_file(const struct dataset *dataset, const char *syntax)
{
	static unsigned char all[sizeof dataset->bytes + 1024];
	uint8_t *header;
	size_t length;
	struct err err;

	cr_assert(dicom_meta_header(SECONDARY_CAPTURE, "1.2.3.4", syntax, "TEST", &header, &length, &err), "%s",
	          err.text);
	cr_assert_leq(length, 1024);
	memcpy(all, header, length);
	memcpy(all + length, dataset->bytes, dataset->length);
	free(header);
	return bytes_file(all, length + dataset->length);
}

void dataset_deflate(struct dataset *dataset)
{
	unsigned char *out = malloc(sizeof dataset->bytes);
	z_stream stream = {.next_in = dataset->bytes,
	                   .avail_in = (uInt)dataset->length,
	                   .next_out = out,
	                   .avail_out = sizeof dataset->bytes};

	cr_assert_eq(deflateInit2(&stream, 9, Z_DEFLATED, -MAX_WBITS, 9, Z_DEFAULT_STRATEGY), Z_OK);
	cr_assert_eq(deflate(&stream, Z_FINISH), Z_STREAM_END);
	dataset->length = stream.total_out;
	memcpy(dataset->bytes, out, dataset->length);
	deflateEnd(&stream);
	free(out);
}
