/* What answers of a peer mean, and how long to wait. */
#include <criterion/criterion.h>

#include "lib/domain/delivery_rule.h"

TestSuite(delivery_rule, .timeout = 60);

Test(delivery_rule, an_answer_is_confirmed_refused_or_worth_another_try)
{
	static const struct {
		enum dicom_sent sent;
		uint16_t status;
		enum delivery_item_state want;
		const char *what;
	} cases[] = {
	    {DICOM_SENT_ANSWERED, 0x0000, DELIVERY_ITEM_CONFIRMED, "success"},
	    {DICOM_SENT_ANSWERED, 0xB000, DELIVERY_ITEM_CONFIRMED, "coercion of data elements"},
	    {DICOM_SENT_ANSWERED, 0xB006, DELIVERY_ITEM_CONFIRMED, "elements discarded"},
	    {DICOM_SENT_ANSWERED, 0xB007, DELIVERY_ITEM_CONFIRMED, "dataset does not match SOP class (warning)"},
	    {DICOM_SENT_ANSWERED, 0x0001, DELIVERY_ITEM_CONFIRMED, "warning"},
	    {DICOM_SENT_ANSWERED, 0x0107, DELIVERY_ITEM_CONFIRMED, "attribute list error"},
	    {DICOM_SENT_ANSWERED, 0x0111, DELIVERY_ITEM_CONFIRMED, "duplicate: it has it"},
	    {DICOM_SENT_ANSWERED, 0xA700, DELIVERY_ITEM_PENDING, "out of resources"},
	    {DICOM_SENT_ANSWERED, 0xA7FF, DELIVERY_ITEM_PENDING, "out of resources"},
	    {DICOM_SENT_ANSWERED, 0x0110, DELIVERY_ITEM_PENDING, "processing failure"},
	    {DICOM_SENT_ANSWERED, 0xFE00, DELIVERY_ITEM_PENDING, "cancel"},
	    {DICOM_SENT_ANSWERED, 0xA900, DELIVERY_ITEM_REFUSED, "dataset does not match SOP class"},
	    {DICOM_SENT_ANSWERED, 0xA9FF, DELIVERY_ITEM_REFUSED, "dataset does not match SOP class"},
	    {DICOM_SENT_ANSWERED, 0xC000, DELIVERY_ITEM_REFUSED, "cannot understand"},
	    {DICOM_SENT_ANSWERED, 0xCFFF, DELIVERY_ITEM_REFUSED, "cannot understand"},
	    {DICOM_SENT_ANSWERED, 0x0122, DELIVERY_ITEM_REFUSED, "SOP class not supported"},
	    {DICOM_SENT_ANSWERED, 0x0124, DELIVERY_ITEM_REFUSED, "not authorised"},
	    {DICOM_SENT_NO_CONTEXT, 0x0000, DELIVERY_ITEM_REFUSED, "no presentation context"},
	    {DICOM_SENT_UNREADABLE, 0x0000, DELIVERY_ITEM_PENDING, "our own fault"},
	    {DICOM_SENT_UNKNOWN, 0x0000, DELIVERY_ITEM_UNKNOWN, "no answer"},
	};
	size_t i;

	for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		enum delivery_item_state got = delivery_item_judge(cases[i].sent, cases[i].status);

		cr_expect_eq(got, cases[i].want, "%04X %s: got %s, want %s", cases[i].status, cases[i].what,
		             delivery_item_state_name(got), delivery_item_state_name(cases[i].want));
	}
}

Test(delivery_rule, what_is_left_to_do_decides)
{
	static const struct {
		struct delivery_tally tally;
		bool is_stopped;
		enum delivery_event want;
	} cases[] = {
	    {{.confirmed = 2}, false, DELIVERY_EVENT_CONFIRM},
	    {{.confirmed = 1, .pending = 1}, false, DELIVERY_EVENT_FAIL},
	    {{.pending = 1, .unknown = 1}, false, DELIVERY_EVENT_LOSE},
	    {{.unknown = 1, .refused = 1}, false, DELIVERY_EVENT_LOSE},
	    {{.confirmed = 1, .refused = 1}, false, DELIVERY_EVENT_REFUSE},
	    {{.pending = 1, .refused = 1}, false, DELIVERY_EVENT_FAIL},
	    {{.pending = 2, .confirmed = 1}, true, DELIVERY_EVENT_YIELD},
	    {{.pending = 2, .unknown = 1}, true, DELIVERY_EVENT_LOSE},
	    {{.confirmed = 2}, true, DELIVERY_EVENT_CONFIRM},
	    {{.confirmed = 0}, false, DELIVERY_EVENT_REFUSE},
	};
	size_t i;

	for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		enum delivery_event got = delivery_judge(&cases[i].tally, cases[i].is_stopped);

		cr_expect_eq(got, cases[i].want, "case %zu: got %s, want %s", i, delivery_event_name(got),
		             delivery_event_name(cases[i].want));
	}
}

Test(delivery_rule, names_find_their_item_states)
{
	int i;

	for (i = DELIVERY_ITEM_PENDING; i <= DELIVERY_ITEM_REFUSED; i++)
		cr_expect_eq(delivery_item_state_find(delivery_item_state_name((enum delivery_item_state)i)), i);
	cr_expect_eq(delivery_item_state_find("nonsense"), -1);
}
