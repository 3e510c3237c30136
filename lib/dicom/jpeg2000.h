/*
 * One frame of pixels as a JPEG 2000 codestream and back (ISO 15444-1, PS3.5 section A.4.4), by OpenJPEG. Private to lib/dicom.
 *
 * Pixels are row by row, colours by pixel, samples of 8 or 16 bits, little endian. No colour transform is made; one that the codestream names is undone.
 */
#ifndef YQ_DICOM_JPEG2000_H
#define YQ_DICOM_JPEG2000_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/base/err.h"

#ifdef __cplusplus
extern "C" {
#endif

struct jpeg2000_shape {
	uint32_t columns, rows;
	int samples;                     /* 1 or 3 */
	int bits_allocated, bits_stored; /* 8 or 16; 1..bits_allocated, the low ones */
	bool is_signed;
};

size_t jpeg2000_frame_size(const struct jpeg2000_shape *shape);
/* Reversible, one tile, one layer. *out: free(3). ERR_INVALID when the encoder does not take it. */
bool jpeg2000_encode(const struct jpeg2000_shape *shape, const uint8_t *pixels, uint8_t **out, size_t *out_length,
                     struct err *err);
/* Into jpeg2000_frame_size() bytes. ERR_INVALID: broken, or of another shape; nothing larger than the shape is decoded. */
bool jpeg2000_decode(const struct jpeg2000_shape *shape, const uint8_t *bytes, size_t length, uint8_t *out,
                     struct err *err);

#ifdef __cplusplus
}
#endif
#endif
