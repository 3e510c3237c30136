/*
 * The circuit breaker of a destination, pure: one that cannot be reached rests, for a time that doubles, and what waits for it keeps its place; then one
 * delivery tries the way, and when it gets through twice as many follow with each that does. The states (breaker.def) are derived:
 *
 *   closed      no failures, no slow start
 *   open        failures, and it rests
 *   half_open   failures, and the rest is over: one at a time (delivery_places() in the ledger)
 *   slow        no failures, and a number of places while it comes back
 *
 * The columns belong to the ledger, so that every router respects them.
 */
#ifndef YQ_DOMAIN_BREAKER_H
#define YQ_DOMAIN_BREAKER_H

#include <stdbool.h>
#include <stdint.h>

#include "lib/domain/machines.h"

struct breaker {
	int failures; /* in a row */
	int64_t resting_until_us;
	int slow_start; /* places; 0: as always */
};

struct breaker_limits {
	int64_t rest_min_ms, rest_max_ms;
	int places;      /* of the destination, as always */
	uint32_t random; /* any number: the jitter */
};

enum breaker_state breaker_state(const struct breaker *breaker, int64_t now_us);

/*
 * A way that broke. One that rests already does not rest longer: what was under way when it broke fails together. is_progress: something got
 * through before; then the rest is the shortest.
 */
void breaker_fail(struct breaker *breaker, const struct breaker_limits *limits, bool is_progress, int64_t now_us);

/* The peer answered, whatever it said. */
void breaker_answer(struct breaker *breaker, const struct breaker_limits *limits);

#endif
