#include <string.h>

#include "lib/base/text.h"
#include "lib/domain/delivery.h"
#include "lib/transport/dicom_parts.h"

static const char jpeg_ls[] = "1.2.840.10008.1.2.4.80", jpeg_2000[] = "1.2.840.10008.1.2.4.90",
                  jpeg_lossless[] = "1.2.840.10008.1.2.4.70";

static void add(const char *syntax, const char *out[DICOM_CHOICES_MAX], size_t *count)
{
	for (size_t i = 0; i < *count; i++)
		if (strcmp(out[i], syntax) == 0)
			return;
	out[(*count)++] = syntax;
}

/* JPEG-LS first: smaller than JPEG lossless and many times as fast as JPEG 2000. */
static void add_lossless(const char *stored, const char *out[DICOM_CHOICES_MAX], size_t *count)
{
	static const char *const syntaxes[] = {jpeg_ls, jpeg_2000, jpeg_lossless};

	for (size_t i = 0; i < sizeof syntaxes / sizeof syntaxes[0]; i++)
		if (dicom_can_transcode(stored, syntaxes[i]))
			add(syntaxes[i], out, count);
}

size_t dicom_choices(const char *stored, bool wants_lossless, const char *out[DICOM_CHOICES_MAX])
{
	bool is_plain = dicom_is_uncompressed(stored);
	size_t count = 0;

	/* What is compressed already is sent so where that is taken. */
	if (!is_plain)
		add(stored, out, &count);
	if (wants_lossless)
		add_lossless(stored, out, &count);
	add(stored, out, &count);
	if (dicom_can_transcode(stored, DICOM_EXPLICIT))
		add(DICOM_EXPLICIT, out, &count);
	if (dicom_can_transcode(stored, DICOM_IMPLICIT))
		add(DICOM_IMPLICIT, out, &count);
	return count;
}

static bool has_proposal(const struct dicom_plan *plan, const char *class, const char *syntax)
{
	for (size_t i = 0; i < plan->proposal_count; i++)
		if (strcmp(plan->proposals[i].sop_class_uid, class) == 0 &&
		    strcmp(plan->proposals[i].transfer_syntax_uid, syntax) == 0)
			return true;
	return false;
}

/* False, with nothing changed, when they do not fit. */
static bool add_proposals(struct dicom_plan *plan, const struct delivery_item *item, bool wants_lossless)
{
	const char *choices[DICOM_CHOICES_MAX];
	size_t choice_count = dicom_choices(item->transfer_syntax_uid, wants_lossless, choices);
	size_t before = plan->proposal_count;

	for (size_t i = 0; i < choice_count; i++) {
		if (has_proposal(plan, item->sop_class_uid, choices[i]))
			continue;
		if (plan->proposal_count == DICOM_PROPOSALS_MAX) {
			plan->proposal_count = before;
			return false;
		}
		plan->proposals[plan->proposal_count++] = (struct dicom_proposal){item->sop_class_uid, choices[i]};
	}
	return true;
}

void dicom_plan_next(const struct delivery_job *job, bool wants_lossless, size_t *at, struct dicom_plan *plan)
{
	plan->proposal_count = plan->item_count = 0;
	for (; *at < job->item_count; ++*at) {
		const struct delivery_item *item = &job->items[*at];

		if (item->state != DELIVERY_ITEM_PENDING)
			continue;
		if (text_is_uid(item->sop_class_uid) && text_is_uid(item->transfer_syntax_uid) &&
		    !add_proposals(plan, item, wants_lossless))
			return;
		plan->items[plan->item_count++] = *at;
	}
}
