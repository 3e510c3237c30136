/*
 * Text: bounded builders, UTF-8, hexadecimal, identifiers. Knows neither DICOM datasets nor JSON.
 */
#ifndef YQ_BASE_TEXT_H
#define YQ_BASE_TEXT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/base/err.h"

#ifdef __cplusplus
extern "C" {
#endif

/* A growing byte buffer with a maximum. data is always NUL-terminated behind length. Appending beyond max gives false, unchanged. */
struct text_buf {
	char *data;
	size_t length, capacity, max;
};
void text_buf_init(struct text_buf *buf, size_t max);
void text_buf_fini(struct text_buf *buf);
bool text_buf_append(struct text_buf *buf, const void *bytes, size_t length) __attribute__((warn_unused_result));
bool text_buf_printf(struct text_buf *buf, const char *format, ...)
    __attribute__((format(printf, 2, 3), warn_unused_result));

/* Copies with a guarantee of termination; false when it was cut (at a character boundary). */
bool text_copy(char *out, size_t out_size, const char *text);

bool text_is_utf8(const char *bytes, size_t length); /* RFC 3629, no surrogates; NUL bytes are refused */
/* Puts '?' for every byte that belongs to no well-formed character. */
void text_make_utf8(char *text);
/* Bytes up to the last whole character within max. */
size_t text_utf8_cut(const char *text, size_t max);
size_t text_utf8_count(const char *text); /* characters */
/* The character at *text, which is UTF-8 and not at its end; moves on behind it. */
uint32_t text_utf8_next(const char **text);

/* Lower-case hexadecimal; out holds 2 * length + 1. */
void text_hex(const uint8_t *bytes, size_t length, char *out);
bool text_unhex(const char *hex, uint8_t *out, size_t out_length); /* exactly out_length bytes, either case */

enum { TEXT_UUID_SIZE = 37, TEXT_UID_SIZE = 65 };

/* Random from the kernel; cannot fail (panics when the kernel has no entropy source). */
void text_random(void *out, size_t length);
void text_uuid_new(char out[TEXT_UUID_SIZE]); /* RFC 9562 version 4 */
bool text_is_uuid(const char *text);

/* A new DICOM UID: "2.25." + a version 4 UUID as a decimal number, PS3.5 annex B.2. */
void text_uid_new(char out[TEXT_UID_SIZE]);
/* PS3.5 section 9.1: 1-64 characters, digits and dots, no empty component, no leading zero. Checked before a UID touches a path or a query. */
bool text_is_uid(const char *text);
/* PS3.5 section 6.2: 1-16 characters of the default repertoire, no backslash or control, not only blanks. */
bool text_is_ae_title(const char *text);

#ifdef __cplusplus
}
#endif
#endif
