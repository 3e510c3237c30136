#include "lib/domain/delivery_rule.h"

#include <string.h>

static const char *const item_names[] = {"pending", "unknown", "confirmed", "refused"};

const char *delivery_item_state_name(enum delivery_item_state state)
{
	return item_names[state];
}

int delivery_item_state_find(const char *name)
{
	int i;

	for (i = DELIVERY_ITEM_PENDING; i <= DELIVERY_ITEM_REFUSED; i++)
		if (strcmp(name, item_names[i]) == 0)
			return i;
	return -1;
}

static enum delivery_item_state judge_status(uint16_t status)
{
	switch (status) {
	case 0x0000:
	case 0x0001: /* requested optional attributes not supported */
	case 0x0107: /* attribute list error: stored */
	case 0x0116: /* attribute value out of range: stored */
	case 0x0111: /* duplicate SOP instance: it is there */
		return DELIVERY_ITEM_CONFIRMED;
	case 0x0112: /* no such SOP instance */
	case 0x0117: /* invalid SOP instance */
	case 0x0118: /* no such SOP class */
	case 0x0119: /* class-instance conflict */
	case 0x0122: /* SOP class not supported */
	case 0x0124: /* not authorised */
	case 0x0210: /* duplicate invocation */
	case 0x0211: /* unrecognised operation */
	case 0x0212: /* mistyped argument */
		return DELIVERY_ITEM_REFUSED;
	}
	if (status >> 12 == 0xB)
		return DELIVERY_ITEM_CONFIRMED;
	if (status >> 8 == 0xA9 || status >> 12 == 0xC)
		return DELIVERY_ITEM_REFUSED;
	return DELIVERY_ITEM_PENDING;
}

enum delivery_item_state delivery_item_judge(enum dicom_sent sent, uint16_t dimse_status)
{
	switch (sent) {
	case DICOM_SENT_ANSWERED:
		return judge_status(dimse_status);
	case DICOM_SENT_NO_CONTEXT:
		return DELIVERY_ITEM_REFUSED;
	case DICOM_SENT_UNKNOWN:
		return DELIVERY_ITEM_UNKNOWN;
	case DICOM_SENT_UNREADABLE:
		break;
	}
	return DELIVERY_ITEM_PENDING;
}

void delivery_tally_add(struct delivery_tally *tally, enum delivery_item_state state)
{
	switch (state) {
	case DELIVERY_ITEM_PENDING:
		tally->pending++;
		break;
	case DELIVERY_ITEM_UNKNOWN:
		tally->unknown++;
		break;
	case DELIVERY_ITEM_CONFIRMED:
		tally->confirmed++;
		break;
	case DELIVERY_ITEM_REFUSED:
		tally->refused++;
		break;
	}
}

enum delivery_event delivery_judge(const struct delivery_tally *tally, bool is_stopped)
{
	if (tally->unknown > 0)
		return DELIVERY_EVENT_LOSE;
	if (tally->pending > 0)
		return is_stopped ? DELIVERY_EVENT_YIELD : DELIVERY_EVENT_FAIL;
	return tally->refused > 0 || tally->confirmed == 0 ? DELIVERY_EVENT_REFUSE : DELIVERY_EVENT_CONFIRM;
}

int64_t delivery_backoff_ms(int failures, int64_t min_ms, int64_t max_ms, uint32_t random)
{
	int64_t wait_ms = min_ms < max_ms ? min_ms : max_ms, fifth_ms, share = (int64_t)(random % 1001);
	int i;

	/* Doubling stops before it could overflow. */
	for (i = 1; i < failures && wait_ms < max_ms; i++)
		wait_ms = wait_ms > max_ms / 2 ? max_ms : wait_ms * 2;
	fifth_ms = wait_ms / 5;
	return wait_ms - fifth_ms + fifth_ms / 500 * share + fifth_ms % 500 * share / 500;
}
