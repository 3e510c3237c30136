#include "lib/dicom/picture.h"

#include <setjmp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <zlib.h>

#include <jpeglib.h>

#include "lib/base/text.h"

/* ---- JPEG ----------------------------------------------------------------------------------------------------- */

struct jpeg_fault {
	struct jpeg_error_mgr manager;
	jmp_buf back;
};

static void jpeg_leave(j_common_ptr jpeg)
{
	longjmp(((struct jpeg_fault *)jpeg->err)->back, 1);
}

static void jpeg_silent(j_common_ptr jpeg)
{
	(void)jpeg;
}

static void jpeg_write(struct jpeg_compress_struct *jpeg, const struct picture *picture, int quality)
{
	size_t stride = (size_t)picture->width * (size_t)picture->samples;

	jpeg->image_width = picture->width;
	jpeg->image_height = picture->height;
	jpeg->input_components = picture->samples;
	jpeg->in_color_space = picture->samples == 3 ? JCS_RGB : JCS_GRAYSCALE;
	jpeg_set_defaults(jpeg);
	jpeg_set_quality(jpeg, quality, TRUE);
	jpeg_start_compress(jpeg, TRUE);
	while (jpeg->next_scanline < jpeg->image_height) {
		JSAMPROW row = (JSAMPROW)(picture->pixels + jpeg->next_scanline * stride);

		(void)jpeg_write_scanlines(jpeg, &row, 1);
	}
	jpeg_finish_compress(jpeg);
}

bool picture_jpeg(const struct picture *picture, int quality, uint8_t **out, size_t *out_length, struct err *err)
{
	struct jpeg_compress_struct jpeg;
	struct jpeg_fault fault;
	/* libjpeg writes these behind our back across longjmp(3). */
	unsigned char *volatile bytes = NULL;
	unsigned char *buffer = NULL;
	unsigned long length = 0;

	jpeg.err = jpeg_std_error(&fault.manager);
	fault.manager.error_exit = jpeg_leave;
	fault.manager.output_message = jpeg_silent;
	if (setjmp(fault.back) != 0) {
		jpeg_destroy_compress(&jpeg);
		free(bytes);
		return err_set(err, ERR_INVALID, "cannot make a JPEG picture of %u x %u pixels", picture->width,
		               picture->height);
	}
	jpeg_create_compress(&jpeg);
	jpeg_mem_dest(&jpeg, &buffer, &length);
	jpeg_write(&jpeg, picture, quality);
	bytes = buffer;
	jpeg_destroy_compress(&jpeg);
	*out = bytes;
	*out_length = length;
	return true;
}

/* ---- PNG ------------------------------------------------------------------------------------------------------ */

static void put32(uint8_t out[4], uint32_t value)
{
	for (int i = 0; i < 4; i++)
		out[i] = (uint8_t)(value >> (24 - 8 * i));
}

static bool put_chunk(struct text_buf *buf, const char type[4], const uint8_t *bytes, size_t length)
{
	uint8_t size[4], check[4];
	uLong crc = crc32(0, (const Bytef *)type, 4);

	if (length > 0)
		crc = crc32(crc, bytes, (uInt)length);
	put32(size, (uint32_t)length);
	put32(check, (uint32_t)crc);
	return text_buf_append(buf, size, 4) && text_buf_append(buf, type, 4) && text_buf_append(buf, bytes, length) &&
	       text_buf_append(buf, check, 4);
}

/* Each row behind its filter type 0. *out: free(3). */
static bool squeeze_rows(const struct picture *picture, uint8_t **out, uLong *out_length)
{
	size_t stride = (size_t)picture->width * (size_t)picture->samples;
	size_t raw_length = (stride + 1) * picture->height;
	uint8_t *raw = malloc(raw_length);
	bool ok;

	*out_length = compressBound(raw_length);
	*out = malloc(*out_length);
	if (raw == NULL || *out == NULL)
		err_panic("out of memory");
	for (uint32_t row = 0; row < picture->height; row++) {
		raw[row * (stride + 1)] = 0;
		memcpy(raw + row * (stride + 1) + 1, picture->pixels + row * stride, stride);
	}
	ok = compress2(*out, out_length, raw, raw_length, Z_BEST_SPEED) == Z_OK;
	free(raw);
	return ok;
}

bool picture_png(const struct picture *picture, uint8_t **out, size_t *out_length, struct err *err)
{
	static const uint8_t signature[8] = {0x89, 'P', 'N', 'G', '\r', '\n', 0x1a, '\n'};
	uint8_t header[13] = {[8] = 8, [9] = picture->samples == 3 ? 2 : 0};
	struct text_buf buf;
	uint8_t *squeezed;
	uLong length;
	bool ok;

	put32(header, picture->width);
	put32(header + 4, picture->height);
	ok = squeeze_rows(picture, &squeezed, &length);
	text_buf_init(&buf, length + 128);
	ok = ok && text_buf_append(&buf, signature, sizeof signature) &&
	     put_chunk(&buf, "IHDR", header, sizeof header) && put_chunk(&buf, "IDAT", squeezed, length) &&
	     put_chunk(&buf, "IEND", (const uint8_t *)"", 0);
	free(squeezed);
	if (!ok) {
		text_buf_fini(&buf);
		return err_set(err, ERR_INVALID, "cannot make a PNG picture of %u x %u pixels", picture->width,
		               picture->height);
	}
	*out = (uint8_t *)buf.data;
	*out_length = buf.length;
	return true;
}
