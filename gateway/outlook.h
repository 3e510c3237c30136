/* How long the store will do, from what came in lately. Pure. */
#ifndef YQ_GATEWAY_OUTLOOK_H
#define YQ_GATEWAY_OUTLOOK_H

#include <stdint.h>

enum { OUTLOOK_UNKNOWN = -1, OUTLOOK_DAYS_MAX = 36500 };

/*
 * Whole days until the room above the reserve is used up, when it goes on as it did: grown_bytes in grown_ms. OUTLOOK_UNKNOWN when nothing came
 * in or grown_ms is 0.
 */
int64_t outlook_days_left(uint64_t free_bytes, uint64_t reserve_bytes, int64_t grown_bytes, int64_t grown_ms);

#endif
