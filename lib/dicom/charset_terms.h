/* The encodings behind defined terms and escape sequences. Private to charset*.c. */
#ifndef YQ_DICOM_CHARSET_TERMS_H
#define YQ_DICOM_CHARSET_TERMS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum charset_form {
	CHARSET_ASCII,
	CHARSET_SINGLE, /* one byte a character in G1 */
	CHARSET_DOUBLE, /* two bytes a character, only through escape sequences */
	CHARSET_WHOLE   /* stands alone, no code extension: UTF-8, GB18030, GBK, Big5 */
};

struct charset_term {
	const char *spelling; /* normalised: upper case, one blank for every run of blank, '_' and '-' */
	const char *term;     /* defined term for what was used */
	const char *iconv;
	enum charset_form form;
	bool extension; /* spelled "ISO 2022 ...": escape sequences are announced */
};

/* NULL: unknown. text need not be terminated or trimmed. */
const struct charset_term *charset_term_find(const char *text, size_t length);

struct charset_escape {
	const char *sequence; /* behind ESC */
	const char *term;
	const char *iconv;
	enum charset_form form;
	uint8_t plane;  /* 0: G0, 1: G1 */
	uint8_t prefix; /* byte before each double-byte character in the iconv encoding, 0: none */
};

/* What designates the characters of a term beyond ASCII, or NULL. */
const struct charset_escape *charset_escape_of(const struct charset_term *term);
/* The designator at bytes (behind ESC), or NULL. */
const struct charset_escape *charset_escape_find(const char *bytes, size_t length);

#endif
