/*
 * What a client asks of a picture: Accept, viewport, window (DICOM PS3.18 section 8.3.5.1). Pure.
 */
#ifndef YQ_GATEWAY_RENDERING_H
#define YQ_GATEWAY_RENDERING_H

#include "lib/dicom/dicom.h"

enum { RENDERING_SIDE_MAX = 8192 };

/*
 * Each may be NULL: absent. accept: see accept.h; ERR_REFUSED with 406 when neither JPEG nor PNG is taken. viewport: "w,h", or
 * "w,h,x,y,w,h" with what is shown of it; window: "centre,width,function". ERR_INVALID
 */
bool rendering_parse(const char *accept, const char *viewport, const char *window, struct dicom_render *out,
                     struct err *err);
/* Behind rendering_parse(). NULL: absent. ERR_INVALID */
bool rendering_parse_quality(const char *text, struct dicom_render *out, struct err *err);
/* Whether these are words of the standard; they are not burnt in. ERR_INVALID */
bool rendering_check_annotation(const char *text, struct err *err);
const char *rendering_type(enum dicom_media media); /* "image/jpeg", ... */

#endif
