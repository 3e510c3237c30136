/* Shared by the parts of lib/intake: the open intake, its queues and its worker. */
#ifndef YQ_INTAKE_INTERNAL_H
#define YQ_INTAKE_INTERNAL_H

#include <pthread.h>
#include <stdatomic.h>

#include "lib/intake/journal.h"

/*
 * The objects of a slot that wait for the ledger, in order. Grows with the backlog: 40 bytes an object, so a million objects that wait
 * for PostgreSQL take 40 MB, and the disk is full long before that matters.
 */
struct queue {
	struct slot *slot;
	struct slot_entry *entries;
	size_t count, capacity;
};

struct intake {
	struct store *store;  /* borrowed */
	struct db_pool *pool; /* borrowed */
	pthread_mutex_t lock; /* guards own's entries, open_objects, is_stopping, give_up_at_ms */
	pthread_cond_t changed;
	struct queue own, adopted; /* adopted is the worker's alone */
	int open_objects;
	bool is_stopping;
	int64_t give_up_at_ms;
	atomic_bool is_behind;
	pthread_t thread;
};

void queue_add(struct queue *queue, const struct slot_entry *entry);
/* Reads what a claimed or adopted slot has. */
bool queue_load(struct queue *queue, struct slot *slot, struct err *err);
/* Gives the slot back and forgets the entries. */
void queue_fini(struct queue *queue);

/* The indexing thread; context is the intake. */
void *intake_worker(void *context);

/*
 * Brings entries of a slot into store and ledger. Sets done[i] for those that left the journal, and is_checked of those whose bytes were
 * compared. False: something is away that will come back; nothing is lost, try again later.
 */
bool batch_run(struct intake *intake, struct slot *slot, struct slot_entry *entries, size_t count, bool *done,
               struct err *err);

#endif
