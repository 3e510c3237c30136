/*
 * The head of an object in the ring: one page of text, closed by the SHA-256 of everything before, like a record.
 *
 *	yq-head 1
 *	sequence 0006452a...       the order of arrival
 *	length 526342              of header and dataset
 *	chunks 0 1 2
 *	...                        the record (record.h)
 *	seal SHA-256
 */
#ifndef YQ_INTAKE_RING_HEAD_H
#define YQ_INTAKE_RING_HEAD_H

#include "lib/intake/ring.h"

struct ring_head {
	struct ring_object object;
	struct intake_record record;
};

/* The record has passed record_check(); the object has at least one chunk. */
void ring_head_encode(const struct ring_object *object, const struct intake_record *record, char page[RING_PAGE]);
/* False: no whole head. chunk_count is that of the ring. *out is written in every case. */
bool ring_head_decode(const char page[RING_PAGE], uint32_t chunk_count, struct ring_head *out);

#endif
