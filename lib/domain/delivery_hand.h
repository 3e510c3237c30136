/*
 * Deliveries moved by the operator's hand: what was refused or has died is driven again, what is not wanted any more is cancelled.
 * Sending itself is the router's business.
 */
#ifndef YQ_DOMAIN_DELIVERY_HAND_H
#define YQ_DOMAIN_DELIVERY_HAND_H

#include <stdbool.h>
#include <stdint.h>

#include "lib/base/err.h"

struct db;

/*
 * quarantined, dead -> pending, due now, with a new deadline of `deadline_ms`; one in waiting is due now. What its peer confirmed is not sent again. In the caller's
 * transaction, with its event. ERR_NOT_FOUND; ERR_CONFLICT: it is in another state (the text names it).
 */
bool delivery_requeue(struct db *db, const char *delivery_id, int64_t deadline_ms, struct err *err);
/*
 * The same for everything at a destination that is quarantined or dead, at most DELIVERY_REQUEUE_MAX of it; *out_count: how many. None is
 * success.
 */
enum { DELIVERY_REQUEUE_MAX = 5000 };
bool delivery_requeue_all(struct db *db, const char *destination_id, int64_t deadline_ms, int *out_count,
                          struct err *err);
/* Any state before delivered -> cancelled. */
bool delivery_cancel_by_hand(struct db *db, const char *delivery_id, struct err *err);

#endif
