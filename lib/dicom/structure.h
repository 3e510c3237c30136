/*
 * The element structure of a part 10 file, walked to the end: every length adds up, every sequence and fragment list ends where it says.
 * Values are passed over, except those that the caller wants (PS3.5 section 7, annex A; PS3.10 section 7.1).
 *
 * Knows no attribute but the ones that give structure (Pixel Data), holds one small buffer, recurses not at all. Bounded: 128 levels,
 * 16 million elements, and what lib/dicom/source.h says on inflating.
 */
#ifndef YQ_DICOM_STRUCTURE_H
#define YQ_DICOM_STRUCTURE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/base/err.h"
#include "lib/dicom/dicom.h"

#ifdef __cplusplus
extern "C" {
#endif

enum { STRUCTURE_DEPTH_MAX = 128, STRUCTURE_ELEMENTS_MAX = 16 << 20, STRUCTURE_VALUE_MAX = 16384 };

struct structure_element {
	uint32_t tag;    /* group << 16 | element */
	uint32_t parent; /* tag of the outermost sequence around it, 0 at the top level */
	uint32_t item;   /* 1..: which item of that sequence; 0 at the top level */
	int depth;       /* 0: top level; 1: in an item of a sequence there, ... */
	uint64_t length; /* UINT64_MAX: undefined */
	bool is_big_endian;
};

struct structure_visitor {
	/* How many bytes of the value are wanted, at most STRUCTURE_VALUE_MAX. 0: pass over. Not asked for sequences; for fragments the answer is moot. */
	size_t (*want)(void *context, const struct structure_element *element);
	/* The first bytes of a wanted value; borrowed. */
	void (*value)(void *context, const struct structure_element *element, const char *bytes, size_t length);
	void *context;
	/* Where each fragment of the pixels lies, the table of offsets first; NULL: moot. */
	void (*fragment)(void *context, uint64_t offset, uint64_t length);
};

/*
 * out_syntax: the transfer syntax of the meta header. Any broken structure is ERR_INVALID with the place in the text. Elements of the file meta
 * information are not visited. Equal tags twice and tags out of order are let through: they cannot be read wrongly.
 */
bool structure_walk(const char *path, const struct structure_visitor *visitor, char out_syntax[DICOM_UID_SIZE],
                    struct err *err);

/* The same over bytes that lie elsewhere. */
bool structure_walk_bytes(const struct dicom_bytes *bytes, const struct structure_visitor *visitor,
                          char out_syntax[DICOM_UID_SIZE], struct err *err);

/*
 * Opens a part 10 file at the first byte of its dataset, still deflated if it is; *out is the caller's, source_close(). Only the
 * meta header is looked at.
 */
struct source;
bool structure_open_dataset(const char *path, struct source **out, char out_syntax[DICOM_UID_SIZE], struct err *err);

/* The dictionary's word on elements of defined length in implicit VR. */
bool structure_is_sequence(uint16_t group, uint16_t element);

#ifdef __cplusplus
}
#endif

#endif
