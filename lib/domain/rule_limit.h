/* Turnaround limits, pure: which one holds for a study, and when its report is due. */
#ifndef YQ_DOMAIN_RULE_LIMIT_H
#define YQ_DOMAIN_RULE_LIMIT_H

#include <stdbool.h>
#include <stddef.h>

/* Texts are borrowed; NULL: any. */
struct rule_limit {
	int scope_depth; /* 0: every site, 1: community, 2: grid, 3: the site itself */
	const char *patient_class, *modality;
	int minutes;
	bool is_working_time;
};

/* The most specific that fits: nearest scope, then a named modality, then a named class. NULL: none. All given ones hold the site. */
const struct rule_limit *rule_limit_pick(const struct rule_limit *limits, size_t count, const char *patient_class,
                                         const char *modality);

/* Working hours of a working day, minutes of the day. */
struct rule_calendar {
	const char *days; /* '1' for a working day, '0' else; the first is today */
	int work_from, work_to;
};

/* Minutes from now (minute of today) until the limit ends. -1: not within the days of the calendar. */
int rule_due_in(const struct rule_limit *limit, int minute, const struct rule_calendar *calendar);

#endif
