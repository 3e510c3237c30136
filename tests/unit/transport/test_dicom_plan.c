#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/base/text.h"
#include "lib/domain/delivery.h"
#include "lib/transport/dicom_parts.h"

#define JPEG_BASELINE "1.2.840.10008.1.2.4.50"
#define JPEG_LOSSLESS "1.2.840.10008.1.2.4.70"
#define JPEG_LS "1.2.840.10008.1.2.4.80"
#define JPEG_2000 "1.2.840.10008.1.2.4.90"
#define MPEG4 "1.2.840.10008.1.2.4.102"

static void join(const char *const *syntaxes, size_t count, char *out, size_t out_size)
{
	size_t length = 0;

	out[0] = '\0';
	for (size_t i = 0; i < count; i++)
		length += (size_t)snprintf(out + length, out_size - length, "%s%s", i ? " " : "", syntaxes[i]);
}

Test(dicom_plan, choices_are_in_the_order_of_preference)
{
	static const struct {
		const char *stored;
		bool wants_lossless;
		const char *want;
	} cases[] = {
	    {DICOM_EXPLICIT, false, DICOM_EXPLICIT " " DICOM_IMPLICIT},
	    {DICOM_IMPLICIT, false, DICOM_IMPLICIT " " DICOM_EXPLICIT},
	    {DICOM_DEFLATED, false, DICOM_DEFLATED " " DICOM_EXPLICIT " " DICOM_IMPLICIT},
	    {DICOM_EXPLICIT, true, JPEG_LS " " JPEG_2000 " " JPEG_LOSSLESS " " DICOM_EXPLICIT " " DICOM_IMPLICIT},
	    {JPEG_LOSSLESS, false, JPEG_LOSSLESS " " DICOM_EXPLICIT " " DICOM_IMPLICIT},
	    {JPEG_LOSSLESS, true, JPEG_LOSSLESS " " JPEG_LS " " JPEG_2000 " " DICOM_EXPLICIT " " DICOM_IMPLICIT},
	    {JPEG_BASELINE, true, JPEG_BASELINE " " DICOM_EXPLICIT " " DICOM_IMPLICIT},
	    {MPEG4, true, MPEG4},
	};

	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		const char *choices[DICOM_CHOICES_MAX];
		char got[600];

		join(choices, dicom_choices(cases[i].stored, cases[i].wants_lossless, choices), got, sizeof got);
		cr_expect_str_eq(got, cases[i].want, "%s: got %s", cases[i].stored, got);
	}
}

enum { CLASSES = 70 };

static struct delivery_job job_of(size_t count)
{
	struct delivery_job job = {.items = calloc(count, sizeof *job.items), .item_count = count};

	cr_assert_not_null(job.items);
	for (size_t i = 0; i < count; i++) {
		snprintf(job.items[i].sop_class_uid, TEXT_UID_SIZE, "1.2.3.%zu", i % CLASSES + 1);
		snprintf(job.items[i].sop_instance_uid, TEXT_UID_SIZE, "1.2.4.%zu", i + 1);
		text_copy(job.items[i].transfer_syntax_uid, TEXT_UID_SIZE, DICOM_EXPLICIT);
	}
	return job;
}

/* 70 classes in two syntaxes each are more contexts than an association has. */
Test(dicom_plan, every_item_is_in_one_plan_with_its_contexts)
{
	struct delivery_job job = job_of(2 * CLASSES);
	struct dicom_plan plan = {.items = calloc(job.item_count, sizeof *plan.items)};
	bool seen[2 * CLASSES] = {false};
	size_t at = 0;
	int plans = 0;

	cr_assert_not_null(plan.items);
	while (dicom_plan_next(&job, false, &at, &plan), plan.item_count > 0) {
		plans++;
		cr_expect_leq(plan.proposal_count, DICOM_PROPOSALS_MAX);
		for (size_t i = 0; i < plan.item_count; i++) {
			bool has_context = false;

			cr_expect_not(seen[plan.items[i]], "item %zu twice", plan.items[i]);
			seen[plan.items[i]] = true;
			for (size_t p = 0; p < plan.proposal_count; p++)
				has_context |= strcmp(plan.proposals[p].sop_class_uid,
				                      job.items[plan.items[i]].sop_class_uid) == 0;
			cr_expect(has_context, "item %zu", plan.items[i]);
		}
	}
	for (size_t i = 0; i < job.item_count; i++)
		cr_expect(seen[i], "item %zu is in no plan", i);
	cr_expect_eq(plans, 3, "%d plans", plans);
	free(plan.items);
	free(job.items);
}

Test(dicom_plan, only_pending_items_go_and_unusable_ones_ask_for_nothing)
{
	struct delivery_job job = job_of(3);
	struct dicom_plan plan = {.items = calloc(job.item_count, sizeof *plan.items)};
	size_t at = 0;

	cr_assert_not_null(plan.items);
	job.items[0].state = DELIVERY_ITEM_CONFIRMED;
	text_copy(job.items[1].sop_class_uid, TEXT_UID_SIZE, "");
	dicom_plan_next(&job, false, &at, &plan);
	cr_expect_eq(plan.item_count, 2);
	cr_expect_eq(plan.items[0], 1);
	cr_expect_eq(plan.items[1], 2);
	cr_expect_eq(plan.proposal_count, 2);
	free(plan.items);
	free(job.items);
}
