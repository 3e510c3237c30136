#include "lib/domain/study.h"

#include <stdio.h>
#include <string.h>

#include "lib/base/clock.h"
#include "lib/base/conf.h"

enum {
	BEHIND_US = 15 * 1000000,  /* receivers that were through so long ago keep up */
	LOOK_AGAIN_US = 500 * 1000 /* a word waits for what was acknowledged before it */
};

/* A signal says "that was all": an image that came later takes its word back. */
static bool counts(const struct study_facts *facts, int64_t signal_us)
{
	return signal_us != 0 && signal_us >= facts->last_arrival_us;
}

static bool misses_images(const struct study_facts *facts)
{
	return facts->mpps_missing > 0 || (facts->expected_views > 0 && facts->images < facts->expected_views);
}

/*
 * What was acknowledged before the word is in the ledger, or was waited for long enough. Of a silence it is enough that receivers keep up:
 * they say so every ten seconds.
 */
static bool is_known(const struct study_facts *facts, enum study_reason reason)
{
	int64_t said_us, needed_us;

	switch (reason) {
	case STUDY_REASON_BY_HAND:
		said_us = needed_us = facts->by_hand_us;
		break;
	case STUDY_REASON_SUBMITTED:
		said_us = needed_us = facts->submitted_us;
		break;
	case STUDY_REASON_MPPS:
		said_us = needed_us = facts->mpps_completed_us;
		break;
	case STUDY_REASON_QUIET:
		said_us = facts->last_arrival_us + facts->quiet_us;
		needed_us = facts->now_us - BEHIND_US;
		break;
	default:
		return true;
	}
	return facts->known_us >= needed_us || facts->now_us >= said_us + facts->patience_us;
}

static enum study_reason strongest(const struct study_facts *facts)
{
	if (counts(facts, facts->by_hand_us))
		return STUDY_REASON_BY_HAND;
	if (facts->is_committed)
		return STUDY_REASON_COMMITMENT;
	if (facts->commitment_missing > 0)
		return STUDY_REASON_NONE;
	if (counts(facts, facts->submitted_us))
		return STUDY_REASON_SUBMITTED;
	if (counts(facts, facts->mpps_completed_us))
		return STUDY_REASON_MPPS;
	if (facts->expected_views > 0 && !misses_images(facts))
		return STUDY_REASON_VIEWS;
	if (!misses_images(facts) && facts->now_us >= facts->last_arrival_us + facts->quiet_us)
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

	if (!misses_images(facts) && facts->commitment_missing == 0)
		verdict.look_again_us = quiet_end_us;
	if (facts->state == STUDY_RECEIVING && (verdict.look_again_us == 0 || facts->cap_at_us < verdict.look_again_us))
		verdict.look_again_us = facts->cap_at_us;
	return verdict;
}

/* Submitted, while a commitment names what did not come. */
static bool is_held_back(const struct study_facts *facts)
{
	return facts->commitment_missing > 0 && counts(facts, facts->submitted_us);
}

/* Why the study is offered although it is not whole; STUDY_REASON_NONE: not now. */
static enum study_reason unwhole(const struct study_facts *facts)
{
	if (facts->is_emergency)
		return STUDY_REASON_EMERGENCY;
	if (is_held_back(facts) && is_known(facts, STUDY_REASON_SUBMITTED))
		return STUDY_REASON_SUBMITTED;
	return facts->now_us >= facts->cap_at_us ? STUDY_REASON_CAP : STUDY_REASON_NONE;
}

struct study_verdict study_decide(const struct study_facts *facts)
{
	struct study_verdict verdict = {.is_change = false};
	enum study_reason reason;

	if (facts->images == 0)
		return verdict;
	if (facts->state != STUDY_RECEIVING && facts->has_new_images)
		return change(STUDY_EVENT_LATE_IMAGE, STUDY_REASON_LATE_IMAGE);
	if (facts->state == STUDY_COMPLETE)
		return verdict;
	reason = strongest(facts);
	if (reason != STUDY_REASON_NONE && is_known(facts, reason))
		return change(STUDY_EVENT_COMPLETED, reason);
	if (facts->state == STUDY_RECEIVING && unwhole(facts) != STUDY_REASON_NONE)
		return change(STUDY_EVENT_CAP_REACHED, unwhole(facts));
	verdict = wait_for(facts);
	if (reason != STUDY_REASON_NONE || (facts->state == STUDY_RECEIVING && is_held_back(facts)))
		verdict.look_again_us = facts->now_us + LOOK_AGAIN_US;
	return verdict;
}

const char *study_reason_name(enum study_reason reason)
{
	static const char *const names[] = {"none",           "by_hand", "commitment", "submitted", "mpps_completed",
	                                    "expected_views", "quiet",   "cap",        "emergency", "late_image"};

	return names[reason];
}

/* ---- quiet time ----------------------------------------------------------------------------------------------------- */

/* One entry of quiet_by_modality, "MR 20 min"; *text moves behind it. */
static bool next_quiet(const char **text, char modality[17], int64_t *out_ms, struct err *err)
{
	size_t length = strcspn(*text, ",");
	char duration[32] = "";
	char entry[64];

	if (length >= sizeof entry)
		return err_set(err, ERR_INVALID, "cannot read quiet_by_modality: an entry is too long");
	memcpy(entry, *text, length);
	entry[length] = '\0';
	*text += length + ((*text)[length] == ',');
	if (sscanf(entry, " %16[A-Z0-9_] %31[0-9a-z ]", modality, duration) != 2)
		return err_set(err, ERR_INVALID, "cannot read quiet_by_modality: MR 20 min, MG 10 min is wanted");
	for (size_t n = strlen(duration); n > 0 && duration[n - 1] == ' '; n--)
		duration[n - 1] = '\0';
	return clock_parse_duration(duration, out_ms, err) || err_context(err, "quiet_by_modality");
}

bool study_quiet_check(struct err *err)
{
	const char *text = conf_text(CONF_QUIET_BY_MODALITY);
	char modality[17];
	int64_t ms;

	while (*text)
		if (!next_quiet(&text, modality, &ms, err))
			return false;
	return true;
}

int64_t study_quiet_ms(const char *modality)
{
	const char *text = conf_text(CONF_QUIET_BY_MODALITY);
	char found[17];
	struct err ignored;
	int64_t ms;

	while (*text && next_quiet(&text, found, &ms, &ignored))
		if (strcmp(found, modality) == 0)
			return ms;
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
