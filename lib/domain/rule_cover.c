#include "lib/domain/rule_cover.h"

#include <string.h>

#include "lib/domain/rule.h"

enum { HOPS_MAX = 8 };

static bool is_day(const struct rule_cover *cover, const struct rule_cover_day *day)
{
	if (!strchr(cover->weekdays, '0' + day->weekday))
		return false;
	if (strcmp(cover->day_kind, "any") == 0)
		return true;
	for (size_t i = 0; i < day->kind_count; i++)
		if (strcmp(cover->day_kind, day->kinds[i]) == 0)
			return true;
	return false;
}

bool rule_cover_holds(const struct rule_cover *cover, const struct rule_cover_moment *moment)
{
	bool is_overnight = cover->minute_to <= cover->minute_from;

	if (is_overnight && moment->minute < cover->minute_to)
		return cover->was_valid && is_day(cover, &moment->yesterday);
	return rule_hours_hold(cover->minute_from, cover->minute_to, moment->minute) && cover->is_valid &&
	       is_day(cover, &moment->today);
}

static const struct rule_cover *cover_of(const struct rule_cover *covers, size_t count, const char *queue_id,
                                         const struct rule_cover_moment *moment)
{
	for (size_t i = 0; i < count; i++)
		if (strcmp(covers[i].queue_id, queue_id) == 0 && rule_cover_holds(&covers[i], moment))
			return &covers[i];
	return NULL;
}

const struct rule_cover *rule_cover_find(const struct rule_cover *covers, size_t count, const char *queue_id,
                                         const struct rule_cover_moment *moment)
{
	const struct rule_cover *found = NULL, *next = cover_of(covers, count, queue_id, moment);

	for (int hop = 0; next && hop < HOPS_MAX; hop++) {
		found = next;
		next = cover_of(covers, count, found->by_queue_id, moment);
	}
	return next ? NULL : found;
}
