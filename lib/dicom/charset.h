/*
 * Character sets of text values: what was declared in (0008,0005), what the bytes are, and the way from there to UTF-8.
 *
 * Knows bytes and the defined terms of PS3.3 C.12.1.1.2 (and the misspellings that devices send), no elements and no files.
 * Works on iconv(3) with a decoder of its own for code extensions (ISO 2022, PS3.5 section 6.1.2.5), since no library in use
 * reads ISO 2022 IR 58 in every form that devices write.
 *
 * The everyday fault is Chinese text in GB18030/GBK declared as ISO_IR 100, as ISO_IR 192 or not at all; a tally over all text
 * values of a dataset decides once, so that a short value is read like its longer neighbours.
 */
#ifndef YQ_DICOM_CHARSET_H
#define YQ_DICOM_CHARSET_H

#include <stdbool.h>
#include <stddef.h>

#include "lib/dicom/dicom.h"

#ifdef __cplusplus
extern "C" {
#endif

/* What the bytes of all text values look like. All zero is the start. */
struct charset_tally {
	size_t high;          /* bytes of 0x80 and above */
	size_t escapes;       /* known designators of ISO 2022 */
	char escape_term[24]; /* the defined term of the first multi-byte one, else of the first */
	bool escape_double;   /* escape_term is a multi-byte one */
	bool utf8_broken, gb_broken, big5_broken;
	size_t utf8_two, utf8_more; /* characters of two bytes, of three and four */
	size_t gb_pairs, gb_common, gb_level2,
	    gb_unassigned; /* characters; GB 2312 level 1 and symbols; level 2; user-defined area */
	size_t big5_pairs, big5_common;
	size_t latin_single, latin_run; /* one high letter of Latin-1 beside ASCII letters; other runs of high bytes */
	size_t
	    latin_pair; /* of those runs: two bytes beside a small ASCII letter, as UTF-8 of Western names has them */
};

/* One value, as it stands in the dataset. A character cut at the end of a value is not held against an encoding. */
void charset_tally_add(struct charset_tally *tally, const char *bytes, size_t length);
/* Well-formed UTF-8 with a character of three bytes or more in it. */
bool charset_is_utf8_text(const char *bytes, size_t length);

struct charset_term; /* static storage */
struct charset {
	const struct charset_term *base; /* encoding outside of escape sequences */
	bool extensions;                 /* escape sequences are followed */
	bool is_mixed;                   /* UTF-8 was declared, and not every value is: one that is, is read so */
	char used[33];                   /* defined term, or "Big5" */
	enum dicom_charset_verdict verdict;
};

/* declared is the raw value of (0008,0005), NUL-terminated, "" when absent. */
void charset_decide(const char *declared, const struct charset_tally *tally, struct charset *out);
/* The same with what is known of the device: where the bytes do not decide and can be in that set, it is believed. "": nothing is known. */
void charset_decide_for(const char *declared, const char *of_device, const struct charset_tally *tally,
                        struct charset *out);

/*
 * To UTF-8, NUL-terminated, outer blanks and padding removed, line ends and tabs as blanks, other control characters and what cannot be read as
 * U+FFFD, cut at a character boundary. False when it was cut.
 */
bool charset_decode(const struct charset *charset, const char *bytes, size_t length, char *out, size_t out_size);

/* ---- outward: worklists, queries, objects of our own ---------------------------------------------------------------- */

/* Value representations that the specific character set applies to, PS3.5 section 6.2, with their most characters. */
enum charset_vr { CHARSET_SH, CHARSET_LO, CHARSET_PN, CHARSET_ST, CHARSET_LT, CHARSET_UC, CHARSET_UT };

enum charset_outcome {
	CHARSET_ENCODED,
	CHARSET_CUT,        /* encoded up to what the value representation, or out_size, has room for */
	CHARSET_CANNOT,     /* the set has no such character, or the text is none for this value representation */
	CHARSET_UNKNOWN_SET /* no set of this declaration can be written */
};

/*
 * One value from UTF-8 to what declared, a value of (0008,0005) such as "GB18030" or "\\ISO 2022 IR 58", announces. Bytes, not terminated; not
 * padded. CHARSET_CANNOT leaves the choice to the caller: another set, the Latin group alone, nothing; out is undefined then.
 *
 * Code extensions (PS3.5 section 6.1.2.5): a designation stands before the first character that needs it, anew behind every delimiter and line
 * end, and a value ends in its initial state. A name whose first group the first set cannot take goes to the second group, where the standard
 * has it (section 6.2.1). Cut between characters only, each group of a name by itself.
 *
 * A backslash in a value that may be multiple, and control characters, would be read as something else and are CHARSET_CANNOT.
 */
enum charset_outcome charset_encode(const char *declared, enum charset_vr vr, const char *text, char *out,
                                    size_t out_size, size_t *out_length);

#ifdef __cplusplus
}
#endif
#endif
