/*
 * What the workers of this router share at one destination: its rate, and what is known of who goes next there (delivery_lane.h). The facts are of the
 * ledger, so that a delivery under way hears of a more urgent one whichever router has it.
 */
#ifndef YQ_ROUTER_LANE_H
#define YQ_ROUTER_LANE_H

#include <stdbool.h>
#include <stdint.h>

struct db_pool;
struct lanes;
struct lane;

struct lanes *lanes_new(struct db_pool *pool);
/* When no worker is left. */
void lanes_free(struct lanes *lanes);
/* Borrowed, until lanes_free(). Any thread. */
struct lane *lanes_get(struct lanes *lanes, const char *destination_id);

/* A delivery under way there. */
struct lane_stay {
	int rank;
	bool has_answer;    /* of the peer, in this try */
	int64_t started_ms; /* on the monotonic clock */
	int64_t rate;       /* bytes a second of all deliveries of all routers there; 0: no cap */
};

enum lane_word {
	LANE_GO,
	LANE_STOP, /* somebody more urgent needs the place, or nothing may be sent there now, or the program stops */
	LANE_TURN  /* its turn is over */
};

/* Before so many bytes go out: waits for the rate, and while somebody more urgent sends. Any thread, several of one delivery at once. */
enum lane_word lane_wait(struct lane *lane, const struct lane_stay *stay, uint64_t size_bytes);

/* How long nothing can go out there because of the rate. */
int64_t lane_debt_ms(struct lane *lane);

#endif
