/* Shared by the parts of lib/intake: the open intake, its queues and its two threads. */
#ifndef YQ_INTAKE_INTERNAL_H
#define YQ_INTAKE_INTERNAL_H

#include <pthread.h>
#include <stdatomic.h>

#include "lib/intake/index_log.h"
#include "lib/intake/journal.h"
#include "lib/intake/ring.h"

/* One acknowledged object of a slot that is not yet in the store. */
struct pending {
	uint64_t sequence;
	char key[STORE_KEY_SIZE];
	bool is_fresh;                /* committed by this process; else found after a stop */
	struct ring_object *place;    /* NULL: in the other lane */
	struct intake_record *record; /* NULL: in the slot */
	struct dicom_fields *fields;  /* NULL: still to be read */
};

/*
 * Those of a slot, in order. What is in the ring brings its record and fields along, some kilobytes, bounded by the number of
 * chunks; what is in the other lane takes 80 bytes, and the disk is full long before that matters.
 */
struct queue {
	struct slot *slot;
	struct ring *ring;
	struct pending *entries;
	size_t first, count, capacity;
};

struct intake {
	struct store *store;  /* borrowed */
	struct db_pool *pool; /* borrowed */
	struct index_log *log;
	pthread_mutex_t lock;      /* guards own's entries and all below up to the threads */
	pthread_cond_t changed;    /* something was committed, an object ended, chunks are wanted, or we are stopping */
	pthread_cond_t placed;     /* something waits for the ledger, or the placer has ended */
	struct queue own, adopted; /* adopted is the placer's alone */
	int open_objects;
	bool is_closing; /* waiting for the objects at hand */
	bool is_stopping, has_placer_ended, wants_chunks;
	uint64_t placings; /* rises with everything that came to the backlog */
	int64_t give_up_at_ms;
	int64_t waiting_since_ms, last_commit_ms; /* monotonic; of own */
	atomic_bool is_behind;
	pthread_t placer, indexer;
	bool has_placer, has_indexer;
};

/* Takes over what the entry owns. */
void queue_add(struct queue *queue, const struct pending *entry);
/* Reads what a claimed or adopted slot has. */
bool queue_load(struct queue *queue, struct slot *slot, struct err *err);
/* Entry i of those that wait; borrowed. */
struct pending *queue_at(struct queue *queue, size_t i);
/* Of the first count, those that are done are forgotten, the others keep their order. */
void queue_settle(struct queue *queue, const bool *done, size_t count);
/* The first count go behind the others. */
void queue_defer(struct queue *queue, size_t count);
/* Gives slot and ring back and forgets the entries. is_emptied: nothing is left, so the ring's file goes, too. */
void queue_fini(struct queue *queue, bool is_emptied);

/* The threads; context is the intake. */
void *intake_placer(void *context);
void *intake_indexer(void *context);

/*
 * Brings entries of a queue into the store and the index backlog, out of the journal. Sets done[i] for those that left the queue; with
 * true, the others have to be set apart, and the ledger that shows them to people is away.
 * False: something is away that will come back; nothing is lost, try again later.
 */
bool place_batch(struct intake *intake, struct queue *queue, struct pending *entries, size_t count, bool *done,
                 struct err *err);

/* Takes the next lines of the index backlog into the ledger. *out_count: how many there were. */
bool index_batch(struct intake *intake, size_t *out_count, struct err *err);

/* Errors that a wait may cure; everything else is the object's own fault. */
bool intake_may_pass(const struct err *err);

/* How the bytes of a pending object are read; valid while entry and queue are. */
struct pending_bytes {
	struct dicom_bytes bytes;
	const struct ring *ring;
	const struct ring_object *place;
	int fd;
};
bool pending_open(const struct queue *queue, const struct pending *entry, const struct intake_record *record,
                  struct pending_bytes *out, struct err *err);
void pending_close(struct pending_bytes *bytes);

#endif
