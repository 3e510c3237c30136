/*
 * A picture for what has none (reports, documents, waveforms, ...): it says what it is, in Chinese and English. Knows SOP classes, no objects.
 */
#ifndef YQ_GATEWAY_PLACEHOLDER_H
#define YQ_GATEWAY_PLACEHOLDER_H

#include "lib/dicom/dicom.h"

enum { PLACEHOLDER_SIDE = 512, PLACEHOLDER_SIDE_MAX = 2048 };

/*
 * Exactly of the size that how allows at most (0: PLACEHOLDER_SIDE), up to PLACEHOLDER_SIDE_MAX. has_pixels: there is a picture, which cannot be shown.
 * *out: free(3). Any thread.
 */
bool placeholder_draw(const char *sop_class_uid, bool has_pixels, const struct dicom_render *how, uint8_t **out,
                      size_t *out_length, struct err *err);

#endif
