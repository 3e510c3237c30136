#include "lib/domain/rule_limit.h"

#include <string.h>

enum { MINUTES_A_DAY = 24 * 60 };

static bool fits_text(const char *wanted, const char *is)
{
	return !wanted || strcmp(wanted, is) == 0;
}

static int weight(const struct rule_limit *limit)
{
	return limit->scope_depth * 4 + (limit->modality ? 2 : 0) + (limit->patient_class ? 1 : 0);
}

const struct rule_limit *rule_limit_pick(const struct rule_limit *limits, size_t count, const char *patient_class,
                                         const char *modality)
{
	const struct rule_limit *best = NULL;
	size_t i;

	for (i = 0; i < count; i++)
		if (fits_text(limits[i].patient_class, patient_class) && fits_text(limits[i].modality, modality) &&
		    (!best || weight(&limits[i]) > weight(best)))
			best = &limits[i];
	return best;
}

int rule_due_in(const struct rule_limit *limit, int minute, const struct rule_calendar *calendar)
{
	int left = limit->minutes, day, from;

	if (!limit->is_working_time)
		return limit->minutes;
	for (day = 0; calendar->days[day]; day++) {
		from = day == 0 && minute > calendar->work_from ? minute : calendar->work_from;
		if (calendar->days[day] != '1' || from >= calendar->work_to)
			continue;
		if (left <= calendar->work_to - from)
			return day * MINUTES_A_DAY + from + left - minute;
		left -= calendar->work_to - from;
	}
	return -1;
}
