/* Pixels of 8 bits, grey or RGB, as a JPEG (ISO 10918-1) or PNG (ISO 15948) picture in memory. Private to lib/dicom. */
#ifndef YQ_DICOM_PICTURE_H
#define YQ_DICOM_PICTURE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/base/err.h"

#ifdef __cplusplus
extern "C" {
#endif

struct picture {
	const uint8_t *pixels; /* row by row, no padding */
	uint32_t width, height;
	int samples; /* 1 or 3 */
};

/* *out: free(3). quality 1..100. */
bool picture_jpeg(const struct picture *picture, int quality, uint8_t **out, size_t *out_length, struct err *err);
bool picture_png(const struct picture *picture, uint8_t **out, size_t *out_length, struct err *err);

#ifdef __cplusplus
}
#endif
#endif
