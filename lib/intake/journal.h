/*
 * The receiving journal: slot directories under $YQ_HOME/journal, one per process, held by flock.
 *
 *	slot-0000/lock                  whoever has its flock owns the slot
 *	slot-0000/ring                  the fast lane (ring.h)
 *	slot-0000/KEY.part              the other lane, for what finds no room there: preamble, meta header, dataset as received
 *	slot-0000/SEQUENCE-KEY.rec      its record (record.h); SEQUENCE is 16 hexadecimal digits and keeps the order of arrival
 *	slot-0000/backlog-SEQUENCE      what lies in the store and waits for the ledger (index_log.h)
 *	quarantine/                     part and record of objects that the ledger refuses for good, and KEY.why
 *
 * Invariant of parts: a whole record means that its part is there and was durable before. An object is acknowledged when its record is
 * durable; it leaves by losing its record first. So a part without a record was never acknowledged, or has left.
 *
 * Threads: slot_record(), slot_drop() and slot_next_sequence() by any number at once; the rest by one thread, the owner of the queue.
 */
#ifndef YQ_INTAKE_JOURNAL_H
#define YQ_INTAKE_JOURNAL_H

#include "lib/intake/record.h"

struct slot;

struct slot_entry {
	uint64_t sequence;
	char key[STORE_KEY_SIZE];
};

/* Takes the first free slot, or makes one, and recovers it. */
bool slot_claim(struct slot **out, struct err *err);
/* Takes a slot that nobody holds and that has files in it, and recovers it. *out is NULL when there is none. */
bool slot_adopt(struct slot **out, struct err *err);
/* Gives the lock back; what is in the slot stays. NULL is fine. */
void slot_release(struct slot *slot);
const char *slot_name(const struct slot *slot);
const char *slot_path(const struct slot *slot);
/* Wall time in microseconds, so that slots compare; made to rise, so that a clock set back does not change the order. */
uint64_t slot_next_sequence(struct slot *slot);
/* An object that was found in the ring: later ones come behind it. */
void slot_seen_sequence(struct slot *slot, uint64_t sequence);

/* Opens a new part for writing. */
bool slot_part_new(struct slot *slot, const char *key, int *out_fd, struct err *err);
bool slot_part_path(const struct slot *slot, const char *key, char *out, size_t out_size, struct err *err);
/*
 * Makes the object of a part durable: data, record, directory. After true it survives power loss, and *out is its place in the order.
 * After false neither part nor record remains. fd is the part's and stays the caller's.
 */
bool slot_record(struct slot *slot, int fd, const struct intake_record *record, struct slot_entry *out,
                 struct err *err);
/* Removes a part without a record. */
void slot_drop(struct slot *slot, const char *key);

/* All records in order of arrival. Only while nobody writes: right after claim or adoption. *out is the caller's, free(3). */
bool slot_scan(const struct slot *slot, struct slot_entry **out, size_t *out_count, struct err *err);
bool slot_read(const struct slot *slot, const struct slot_entry *entry, enum record_shape *shape,
               struct intake_record *out, struct err *err);
/* Removes objects that the ledger and the store have; idempotent. */
bool slot_finish(struct slot *slot, const struct slot_entry *entries, size_t count, struct err *err);
/* Moves an object that cannot be indexed into journal/quarantine, with the reason beside. Durable on return; idempotent. */
bool slot_set_apart(struct slot *slot, const struct slot_entry *entry, const char *reason, struct err *err);

/* Which of the keys are in a slot, in its backlog or set apart? found has count members. For the store check. */
bool journal_find_keys(const char (*keys)[STORE_KEY_SIZE], size_t count, bool *found, struct err *err);

#endif
