/*
 * What the outcome of sending means, pure: per object, per delivery, and how long to wait before the next try. PS3.4 table B.2-1,
 * PS3.7 annex C.
 */
#ifndef YQ_DOMAIN_DELIVERY_RULE_H
#define YQ_DOMAIN_DELIVERY_RULE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/dicom/dicom.h"
#include "lib/domain/machines.h"

/* As stored in delivery_item.state. */
enum delivery_item_state {
	DELIVERY_ITEM_PENDING, /* not sent, or sent and to be sent again */
	DELIVERY_ITEM_UNKNOWN, /* bytes went out, no answer came */
	DELIVERY_ITEM_CONFIRMED,
	DELIVERY_ITEM_REFUSED /* for good */
};
const char *delivery_item_state_name(enum delivery_item_state state);
/* -1: no such state. */
int delivery_item_state_find(const char *name);

/*
 * 0000, the warnings (Bxxx, 0001, 0107, 0116) and "duplicate SOP instance" (0111: the peer has it) are confirmed. A7xx and failures
 * that say nothing about the object stay pending. A9xx, Cxxx, unsupported class, not authorised and no presentation
 * context are refused.
 */
enum delivery_item_state delivery_item_judge(enum dicom_sent sent, uint16_t dimse_status);

struct delivery_tally {
	int pending, unknown, confirmed, refused;
};
void delivery_tally_add(struct delivery_tally *tally, enum delivery_item_state state);

/*
 * What follows for the delivery in `sending`: lose > fail > refuse > confirm, so that what was refused stops none of the others. is_stopped: by ourselves,
 * with objects left: yield. Without any object there is nothing to send: refuse.
 */
enum delivery_event delivery_judge(const struct delivery_tally *tally, bool is_stopped);

/* min_ms doubled with each failed try up to max_ms, then +-20 % by random (any number). failures: 1.. */
int64_t delivery_backoff_ms(int failures, int64_t min_ms, int64_t max_ms, uint32_t random);

#endif
