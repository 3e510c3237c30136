#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

#include "storescp/rejection.h"

static const struct dicom_peer stranger = {.calling_ae = "STRANGER", .called_ae = "OURS", .address = "192.0.2.1"};
static const struct dicom_peer another = {.calling_ae = "ANOTHER", .called_ae = "OURS", .address = "192.0.2.1"};

Test(rejection, repetitions_within_a_minute_are_one_record)
{
	struct rejections *rejections = rejections_new();
	struct rejection_due due;

	cr_expect(rejections_note(rejections, &stranger, "unknown_calling_ae", 1000, &due),
	          "the first is written at once");
	cr_expect_eq(due.repeated, 0);
	for (int i = 0; i < 9; i++)
		cr_expect_not(rejections_note(rejections, &stranger, "unknown_calling_ae", 2000 + i, &due));
	cr_expect(rejections_note(rejections, &stranger, "unknown_address", 3000, &due), "another reason");
	cr_expect(rejections_note(rejections, &another, "unknown_calling_ae", 3000, &due), "another caller");
	cr_expect_not(rejections_take(rejections, 3000, false, &due), "the window is open");
	cr_expect(rejections_take(rejections, 1000 + REJECTION_WINDOW_MS, false, &due));
	cr_expect_str_eq(due.peer.calling_ae, "STRANGER");
	cr_expect_str_eq(due.reason, "unknown_calling_ae");
	cr_expect_eq(due.repeated, 8, "one record that stands for nine: %lld", (long long)due.repeated);
	cr_expect_not(rejections_take(rejections, 1000 + REJECTION_WINDOW_MS, false, &due));
	cr_expect(rejections_note(rejections, &stranger, "unknown_calling_ae", 1001 + REJECTION_WINDOW_MS, &due),
	          "a new window");
	rejections_free(rejections);
}

Test(rejection, a_call_behind_the_window_brings_the_count_along)
{
	struct rejections *rejections = rejections_new();
	struct rejection_due due;

	cr_expect(rejections_note(rejections, &stranger, "ambiguous", 0, &due));
	cr_expect_not(rejections_note(rejections, &stranger, "ambiguous", 1, &due));
	cr_expect(rejections_note(rejections, &stranger, "ambiguous", REJECTION_WINDOW_MS, &due));
	cr_expect_eq(due.repeated, 1);
	rejections_free(rejections);
}

Test(rejection, at_the_end_everything_is_taken)
{
	struct rejections *rejections = rejections_new();
	struct rejection_due due;

	cr_expect(rejections_note(rejections, &stranger, "ambiguous", 0, &due));
	cr_expect(rejections_note(rejections, &another, "ambiguous", 0, &due));
	cr_expect_not(rejections_note(rejections, &another, "ambiguous", 1, &due));
	cr_expect(rejections_take(rejections, 2, true, &due));
	cr_expect_str_eq(due.peer.calling_ae, "ANOTHER");
	cr_expect_not(rejections_take(rejections, 2, true, &due));
	rejections_free(rejections);
}

Test(rejection, a_full_table_loses_none)
{
	struct rejections *rejections = rejections_new();
	struct rejection_due due;

	for (int i = 0; i < REJECTION_KINDS_MAX + 50; i++) {
		struct dicom_peer peer = stranger;

		(void)snprintf(peer.calling_ae, sizeof peer.calling_ae, "AE%d", i);
		cr_expect(rejections_note(rejections, &peer, "ambiguous", 0, &due), "caller %d", i);
	}
	rejections_free(rejections);
}
