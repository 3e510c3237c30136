/*
 * The fast lane of the receiving journal: one pre-written file of equal chunks, written over and over.
 *
 *	offset 0                     a page that says whether anything may be in it: "clean" or "dirty"
 *	4096 + i * RING_CHUNK        chunk i: a page for a head, then RING_PAYLOAD bytes of an object
 *
 * An object is a chain of chunks. The head of its first chunk names them in order, with the record (record.h) and a digest of all
 * that; bytes from a sender never lie where a head is looked for. No length needs to be known beforehand. Since the blocks are
 * there and written before, the sync of an object changes nothing of the file system's own data, and one sync serves all
 * objects that end at the same time.
 *
 * An object is in the ring when its head is whole and its bytes agree with the digest in the record. One of which only the one is
 * true was never acknowledged, or has left: heads are cleared when an object leaves, without a sync of its own, so a power cut may
 * bring one back. Whoever finds it places the same bytes under the same key again.
 *
 * Threads: any, except for open, scan and close. An object belongs to one thread.
 */
#ifndef YQ_INTAKE_RING_H
#define YQ_INTAKE_RING_H

#include "lib/intake/record.h"

enum {
	RING_CHUNK = 128 * 1024,
	RING_PAGE = 4096,
	RING_PAYLOAD = RING_CHUNK - RING_PAGE,
	RING_OBJECT_CHUNKS = 400, /* a larger object takes the other lane */
	RING_GROWTH = 128         /* chunks, at least */
};

struct ring;

/* Where the bytes of one object lie. Zero: nowhere yet. */
struct ring_object {
	uint64_t sequence;
	uint64_t length;
	uint32_t count;
	bool has_head;
	uint32_t chunks[RING_OBJECT_CHUNKS];
};

/* The ring of a slot whose lock the caller has. A file is made when the ring first grows. */
bool ring_open(const char *directory, struct ring **out, struct err *err);
/* Says that it is clean when nothing is left in it. NULL is fine. */
void ring_close(struct ring *ring);
/* Removes the file of a ring in which nothing is left, and closes it. */
void ring_remove(struct ring *ring);

/* Objects that were whole, in order of arrival, with the bytes not yet compared. Once, after open. each takes over nothing. */
typedef bool ring_found(void *context, const struct ring_object *object, const struct intake_record *record,
                        struct err *err);
bool ring_scan(struct ring *ring, ring_found *each, void *context, struct err *err);

/* Chunks for length bytes in all. False: none is free, or the object is too large; what it has stays. */
bool ring_reserve(struct ring *ring, struct ring_object *object, uint64_t length);
/* Waits up to wait_ms until chunks are free, but not again for a while when none came. True: try again. */
bool ring_wait(struct ring *ring, int64_t wait_ms);
/*
 * Behind what is there, which is a whole number of pages; the chunks are reserved. A last piece that is no whole page is padded,
 * and then nothing follows. The object's length grows by length.
 */
bool ring_write(struct ring *ring, struct ring_object *object, const void *bytes, size_t length, struct err *err);
bool ring_read(const struct ring *ring, const struct ring_object *object, uint64_t offset, void *out, size_t length,
               size_t *out_length, struct err *err);
/*
 * Writes the head and makes everything durable. After true it survives power loss. After false, ring_free(). A sync that failed is
 * never tried again: the ring then takes no more objects until the program starts anew.
 */
bool ring_commit(struct ring *ring, struct ring_object *object, const struct intake_record *record, struct err *err);
/* Gives the chunks back and clears the head. */
void ring_free(struct ring *ring, struct ring_object *object);

/* Share of `journal_ring` that is in use, in percent; 100 when nothing can be taken. */
int ring_used_percent(struct ring *ring);
/* More than half of what was written so far is in use, and `journal_ring` allows more. */
bool ring_wants_growth(struct ring *ring);
/* What ring_grow() would write. For the thread that calls it. */
uint64_t ring_growth_bytes(const struct ring *ring);
/* Writes more chunks; they are in use from then on. Takes as long as the disk needs. */
bool ring_grow(struct ring *ring, struct err *err);

/* For other processes: each whole head of the ring in a slot's directory, read only, without its bytes. */
bool ring_look(const char *directory, ring_found *each, void *context, struct err *err);
/* Could anything be in it? */
bool ring_is_dirty(const char *directory);

#endif
