/* The duty table, pure: which queue does the work of another one at a moment. */
#ifndef YQ_DOMAIN_RULE_COVER_H
#define YQ_DOMAIN_RULE_COVER_H

#include <stdbool.h>
#include <stddef.h>

/* Texts are borrowed. A cover beyond midnight (from is not before to) belongs to the day on which it begins. */
struct rule_cover {
	const char *id, *queue_id, *by_queue_id;
	const char *weekdays; /* digits, 1 Monday ... 7 Sunday */
	const char *day_kind; /* any, working, off, holiday, adjusted */
	int minute_from, minute_to;
	bool is_valid, was_valid; /* by its dates: on this day, on the day before */
};

struct rule_cover_day {
	int weekday;
	const char **kinds;
	size_t kind_count;
};

struct rule_cover_moment {
	int minute;
	struct rule_cover_day today, yesterday;
};

bool rule_cover_holds(const struct rule_cover *cover, const struct rule_cover_moment *moment);

/*
 * Who covers for the queue, also when that one is covered itself; of several covers of one queue the first. NULL: nobody, or they
 * cover each other at this moment in a circle.
 */
const struct rule_cover *rule_cover_find(const struct rule_cover *covers, size_t count, const char *queue_id,
                                         const struct rule_cover_moment *moment);

#endif
