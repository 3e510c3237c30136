#include "lib/domain/study.h"

#include <string.h>

#include "lib/base/conf.h"

/* A signal says "that was all": an image that came later takes its word back. */
static bool counts(const struct study_facts *facts, int64_t signal_us)
{
	return signal_us != 0 && signal_us >= facts->last_arrival_us;
}

static bool misses_views(const struct study_facts *facts)
{
	return facts->expected_views > 0 && facts->images < facts->expected_views;
}

static enum study_reason strongest(const struct study_facts *facts)
{
	if (counts(facts, facts->by_hand_us))
		return STUDY_REASON_BY_HAND;
	if (counts(facts, facts->commitment_us))
		return STUDY_REASON_COMMITMENT;
	if (counts(facts, facts->submitted_us))
		return STUDY_REASON_SUBMITTED;
	if (counts(facts, facts->mpps_completed_us))
		return STUDY_REASON_MPPS;
	if (facts->expected_views > 0 && !misses_views(facts))
		return STUDY_REASON_VIEWS;
	if (!misses_views(facts) && facts->now_us >= facts->last_arrival_us + facts->quiet_us)
		return STUDY_REASON_QUIET;
	return STUDY_REASON_NONE;
}

static struct study_verdict change(enum study_event event, enum study_reason reason)
{
	struct study_verdict verdict = {.is_change = true, .event = event, .reason = reason};

	return verdict;
}

/* Nothing to do now: when would time alone decide? */
static struct study_verdict wait_for(const struct study_facts *facts)
{
	struct study_verdict verdict = {.is_change = false};
	int64_t quiet_end_us = facts->last_arrival_us + facts->quiet_us;

	if (!misses_views(facts))
		verdict.look_again_us = quiet_end_us;
	if (facts->state == STUDY_RECEIVING && (verdict.look_again_us == 0 || facts->cap_at_us < verdict.look_again_us))
		verdict.look_again_us = facts->cap_at_us;
	return verdict;
}

struct study_verdict study_decide(const struct study_facts *facts)
{
	struct study_verdict nothing = {.is_change = false};
	enum study_reason reason;

	if (facts->images == 0)
		return nothing;
	if (facts->state != STUDY_RECEIVING && facts->has_new_images)
		return change(STUDY_EVENT_LATE_IMAGE, STUDY_REASON_LATE_IMAGE);
	if (facts->state == STUDY_COMPLETE)
		return nothing;
	reason = strongest(facts);
	if (reason != STUDY_REASON_NONE)
		return change(STUDY_EVENT_COMPLETED, reason);
	if (facts->state == STUDY_RECEIVING && facts->is_emergency)
		return change(STUDY_EVENT_CAP_REACHED, STUDY_REASON_EMERGENCY);
	if (facts->state == STUDY_RECEIVING && facts->now_us >= facts->cap_at_us)
		return change(STUDY_EVENT_CAP_REACHED, STUDY_REASON_CAP);
	return wait_for(facts);
}

const char *study_reason_name(enum study_reason reason)
{
	static const char *const names[] = {"none",           "by_hand", "commitment", "submitted", "mpps_completed",
	                                    "expected_views", "quiet",   "cap",        "emergency", "late_image"};

	return names[reason];
}

int64_t study_quiet_ms(const char *modality)
{
	return conf_number(strcmp(modality, "US") == 0 ? CONF_QUIET_US : CONF_QUIET_DEFAULT);
}

bool study_is_patient_class(const char *text)
{
	static const char *const classes[] = {"emergency", "outpatient", "inpatient", "health_check"};
	size_t i;

	for (i = 0; i < sizeof(classes) / sizeof(classes[0]); i++)
		if (strcmp(text, classes[i]) == 0)
			return true;
	return false;
}
