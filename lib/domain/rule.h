/*
 * Routing rules and turnaround limits, pure: which rule fits a study, and when its report is due. Where the rows come from is
 * lib/domain/task_open.c.
 */
#ifndef YQ_DOMAIN_RULE_H
#define YQ_DOMAIN_RULE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Texts are borrowed; NULL or -1: any. */
struct rule {
	int64_t id;
	int ordinal;
	bool covers_site; /* the rule's scope holds the study's site */
	const char *patient_class, *modality;
	int minute_from, minute_to; /* of the day, [from, to); -1: unbounded on that side */
	const char *queue_id;       /* public id */
	const char *reading_mode;
	int priority;
};

struct rule_case {
	const char *patient_class, *modality;
	int minute; /* of the day, in the zone of the installation */
};

/* The first by ordinal that fits (rules need not be sorted), or NULL. */
const struct rule *rule_match(const struct rule *rules, size_t count, const struct rule_case *study);

/* ---- turnaround limits ---------------------------------------------------------------------------------------------- */

struct rule_limit {
	int scope_depth; /* 0: every site, 1: community, 2: grid, 3: the site itself */
	const char *patient_class, *modality;
	int minutes;
	bool is_working_time;
};

/* The most specific that fits: nearest scope, then a named modality, then a named class. NULL: none. All given ones hold the site. */
const struct rule_limit *rule_limit_pick(const struct rule_limit *limits, size_t count, const struct rule_case *study);

/* Working hours of a working day, minutes of the day. */
struct rule_calendar {
	const char *days; /* '1' for a working day, '0' else; the first is today */
	int work_from, work_to;
};

/* Minutes from now (minute of today) until the limit ends. -1: not within the days of the calendar. */
int rule_due_in(const struct rule_limit *limit, int minute, const struct rule_calendar *calendar);

#endif
