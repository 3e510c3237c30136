/*
 * Who goes next at a destination while somebody is sending: facts from the ledger, the same for every router, and the pure rule over them. A more urgent
 * delivery overtakes at the next object; deliveries of one rank take turns, so that a large study does not keep small ones from it.
 */
#ifndef YQ_DOMAIN_DELIVERY_LANE_H
#define YQ_DOMAIN_DELIVERY_LANE_H

#include <stdbool.h>
#include <stdint.h>

#include "lib/base/err.h"

struct db_pool;

enum { DELIVERY_RANKS = 4 };

struct delivery_lane {
	bool may_send; /* neither held nor switched off */
	bool is_open;  /* inside its hours */
	int places;
	bool is_in_doubt;              /* the way is being tried: whoever tries it must get to an answer */
	int due[DELIVERY_RANKS];       /* counted up to a little more than places */
	int under_way[DELIVERY_RANKS]; /* sending, in every router */
	int programs;                  /* routers that send there, at least 1 */
};

/* The cost does not grow with what waits. */
bool delivery_lane_load(struct db_pool *pool, const char *destination_id, struct delivery_lane *out, struct err *err);

enum delivery_turn {
	DELIVERY_TURN_GO,
	DELIVERY_TURN_PAUSE, /* the place is kept, nothing goes out */
	DELIVERY_TURN_YIELD, /* the place is needed, or has been kept in vain for long enough */
	DELIVERY_TURN_OVER   /* its turn is over: others of its rank wait for a place */
};

struct delivery_stay {
	int rank;
	bool has_answer;             /* the peer answered for something in this try */
	int64_t ran_ms, quantum_ms;  /* since it was taken; how long is a turn */
	int64_t paused_ms, pause_ms; /* in this pause; how long one may last */
};

enum delivery_turn delivery_turn(const struct delivery_lane *lane, const struct delivery_stay *stay);

#endif
