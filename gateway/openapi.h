/* docs/openapi.json (OpenAPI 3.1), as it was when this program was built. */
#ifndef YQ_GATEWAY_OPENAPI_H
#define YQ_GATEWAY_OPENAPI_H

#include <stddef.h>

extern const char openapi_text[]; /* UTF-8, ends with a NUL */
extern const size_t openapi_length;

#endif
