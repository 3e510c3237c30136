/*
 * Bytes of a part 10 file, in order: buffered, skipping without reading where it can, inflating behind the meta header
 * for the deflated transfer syntax (PS3.5 section A.5). Knows no elements.
 *
 * Inflating is bounded: 64 MiB whatever the compressed size; 200 times that size up to 1 GiB; 8 times beyond. Measured: 1 GiB is two seconds of a core.
 */
#ifndef YQ_DICOM_SOURCE_H
#define YQ_DICOM_SOURCE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/base/err.h"
#include "lib/dicom/dicom.h"

struct source;

/* *out is the caller's, source_close(). ERR_TEMPORARY when the file cannot be read, ERR_NOT_FOUND when it is absent. */
bool source_open(const char *path, struct source **out, struct err *err);
/* The same over bytes that lie elsewhere; bytes is copied, its context borrowed until source_close(). */
void source_open_bytes(const struct dicom_bytes *bytes, struct source **out);
void source_close(struct source *source);

/* Everything that follows is inflated; offsets go on from where they are. Once. */
void source_inflate(struct source *source);

/* Bytes consumed so far (behind source_inflate(): of the inflated stream, counted on). */
uint64_t source_offset(const struct source *source);
/* True when not a byte is left. A fault in the deflate stream shows at the next read. */
bool source_at_end(struct source *source, bool *out_end, struct err *err);
/* Known end of the stream, or UINT64_MAX while inflating. */
uint64_t source_limit(const struct source *source);

/* Exactly length bytes; ERR_INVALID when the file ends before. */
bool source_read(struct source *source, void *out, size_t length, struct err *err);
/* As many as there are, at most length; fewer only at the end. */
bool source_read_some(struct source *source, void *out, size_t length, size_t *out_length, struct err *err);
bool source_skip(struct source *source, uint64_t length, struct err *err);
/* Looks at the next bytes without consuming them; at most 64. *out_length is less than length at the end. */
bool source_peek(struct source *source, void *out, size_t length, size_t *out_length, struct err *err);

#endif
