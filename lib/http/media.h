/* Values of Content-Type (RFC 9110 section 8.3.1). Pure; a text that is NULL has no type and no parameters. */
#ifndef YQ_HTTP_MEDIA_H
#define YQ_HTTP_MEDIA_H

#include <stdbool.h>
#include <stddef.h>

/* "type/subtype", in any case, whatever parameters follow. */
bool media_is(const char *text, const char *type);
/* The value of a parameter, without its quotes. False: absent, malformed, or too long for out. */
bool media_parameter(const char *text, const char *name, char *out, size_t out_size);

#endif
