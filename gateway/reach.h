/* Is somebody there, step by step: address, tcp, association, echo. Bounded in time; knows no ledger. */
#ifndef YQ_GATEWAY_REACH_H
#define YQ_GATEWAY_REACH_H

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

#include "lib/base/err.h"

enum { REACH_STEP_MS = 5000 }; /* the longest of each step */

struct reach_peer {
	const char *ae_title, *host;
	uint16_t port;
};

/* Two look at once: they hold threads that answer people. ERR_REFUSED with HTTP status 429; else reach_leave() afterwards. */
bool reach_enter(struct err *err);
void reach_leave(void);

/*
 * [{"step","ok","detail"}]: the steps as far as they were taken, the last one perhaps failed. A new array. Blocks at most four times
 * REACH_STEP_MS. ERR_REFUSED with HTTP status 429 while others look: they hold threads that answer people.
 */
bool reach_test(const struct reach_peer *peer, json_t **out, struct err *err);

#endif
