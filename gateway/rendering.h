/*
 * What a client asks of a picture: Accept, viewport, window (DICOM PS3.18 section 8.3.5.1). Pure.
 */
#ifndef YQ_GATEWAY_RENDERING_H
#define YQ_GATEWAY_RENDERING_H

#include "lib/dicom/dicom.h"

enum { RENDERING_SIDE_MAX = 8192 };

/*
 * Each may be NULL: absent. accept: RFC 9110 section 12.5.1, with weights; ERR_REFUSED with 406 when neither JPEG nor PNG is wanted. viewport: "w,h"; window:
 * "centre,width,function" of which only the function linear is served. ERR_INVALID
 */
bool rendering_parse(const char *accept, const char *viewport, const char *window, struct dicom_render *out,
                     struct err *err);
const char *rendering_type(enum dicom_media media); /* "image/jpeg", ... */

#endif
