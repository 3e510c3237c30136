/*
 * What follows from a try, or from asking a peer what it holds, pure: the event of the delivery, when it is next, and what it says about the way to the
 * destination. Two things are kept apart: no way there rests the destination (breaker.h) and lets every delivery keep its place; what a peer says of
 * objects makes that one delivery wait.
 */
#ifndef YQ_DOMAIN_DELIVERY_OUTCOME_H
#define YQ_DOMAIN_DELIVERY_OUTCOME_H

#include <stdbool.h>
#include <stdint.h>

#include "lib/base/err.h"
#include "lib/domain/delivery_rule.h"

enum delivery_next {
	DELIVERY_NEXT_KEEP, /* its place among those that wait */
	DELIVERY_NEXT_IN,   /* in next_in_ms */
	DELIVERY_NEXT_TURN, /* some others of its rank pass first */
	DELIVERY_NEXT_WAY   /* there was no way: delivery_without_way() */
};

enum { DELIVERY_NOTE_SIZE = 80 };

struct delivery_outcome {
	enum delivery_event event;
	bool is_put_off; /* no event: it stays in verifying */
	enum delivery_next next;
	int64_t next_in_ms;
	int64_t asked_ms;           /* as the peer asked to be left alone, at least; 0: it did not */
	int failures, proof_rounds; /* of the delivery, from now on */
	/* The way: the peer answered something; it broke, after progress or without. */
	bool is_answered, is_broken;
	const char *proof; /* commitment, query, answers; NULL: none */
	char note[DELIVERY_NOTE_SIZE];
	char reason[300]; /* empty: nothing went wrong */
};

/* Of the delivery, as it was claimed. */
struct delivery_past {
	int failures, proof_rounds;
	bool is_overdue;
	int64_t backoff_min_ms, backoff_max_ms; /* of its destination */
	uint32_t random;
};

enum delivery_stop { DELIVERY_STOP_NOT, DELIVERY_STOP_OVERTAKEN, DELIVERY_STOP_TURN };

/* A try of a delivery of objects. */
struct delivery_try {
	struct delivery_tally before, after;
	int answers;    /* objects that the peer answered for, whatever it said */
	int put_off;    /* of them: later (A7xx and the like) */
	bool is_broken; /* no way there, or it broke */
	enum delivery_stop stop;
	bool wants_proof; /* the peer is asked what it holds before it counts as delivered */
};
void delivery_conclude(const struct delivery_try *try, const struct delivery_past *past, struct delivery_outcome *out);

/* A try of a document: is_sent, or why not (transport.h). */
void delivery_conclude_document(bool is_sent, enum err_kind why, const struct delivery_past *past,
                                struct delivery_outcome *out);

enum delivery_said {
	DELIVERY_SAID_HELD,   /* what it holds */
	DELIVERY_SAID_CANNOT, /* it cannot be asked */
	DELIVERY_SAID_LATER,  /* it was asked, the answer is still to come */
	DELIVERY_SAID_AWAY    /* no way there */
};

/* The peer was asked what it holds. */
struct delivery_look {
	struct delivery_tally before,
	    after; /* after: what it holds confirmed, what it does not pending; else the same */
	enum delivery_said said;
	const char *proof; /* how it was asked */
	int missing;       /* confirmed before, and not held */
	bool must_prove;   /* the destination wants more than acknowledgements */
};
void delivery_conclude_look(const struct delivery_look *look, const struct delivery_past *past,
                            struct delivery_outcome *out);

/* So often a peer is asked again after differences, or for an answer that it owes, before that ends. */
enum { DELIVERY_PROOF_ROUNDS_MAX = 3, DELIVERY_PROOF_WAITS_MAX = 8 };
/*
 * A try without a way, once it is known whether the destination was in doubt before. If it was, that says nothing about this delivery: it keeps its place. If it was
 * not, this delivery may be what broke the way: the first time it keeps its place, then it waits by itself, longer each time.
 */
void delivery_without_way(struct delivery_outcome *out, bool is_in_doubt, const struct delivery_past *past);

#endif
