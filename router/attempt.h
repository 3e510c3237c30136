/* One delivery in the hands of a worker: what sending (send.c) and asking (prove.c) share. */
#ifndef YQ_ROUTER_ATTEMPT_H
#define YQ_ROUTER_ATTEMPT_H

#include <pthread.h>
#include <stdbool.h>

#include "lib/domain/delivery.h"
#include "router/lane.h"

struct router;
struct destination_settings;
struct transport;

struct attempt {
	struct router *router;
	struct delivery_job *job;
	struct lane *lane;
	struct lane_stay stay;
	struct destination_settings *to;
	const struct transport *transport;
	pthread_mutex_t lock; /* of the items' states and what follows: transports report from threads of their own */
	int answers, put_off; /* delivery_try */
	enum delivery_stop stop;
	char reason[300]; /* the first thing that went wrong */
	int64_t asked_ms; /* as the peer asked to be left alone; 0: it did not */
};

struct delivery_tally attempt_tally(const struct attempt *attempt);
struct delivery_past attempt_past(const struct attempt *attempt);
/*
 * Tells the ledger, however long it is away: the peer has what it has. If we end before, the lease brings the delivery up again.
 * Logs the outcome.
 */
void attempt_settle(const struct attempt *attempt, const struct delivery_outcome *outcome);
/* Whether the peer is asked what it holds before what it acknowledged counts as delivered. */
bool attempt_wants_proof(const struct attempt *attempt);

/* ---- prove.c ---- */

/* Asks the peer of a delivery in verifying what it holds, and settles it. */
void prove_job(struct attempt *attempt);

#endif
