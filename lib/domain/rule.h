/*
 * Routing rules, pure: which of them fit a study, and what follows. Where the rows come from is lib/domain/rule_ledger.h; what may be
 * written into them rule_form.h; turnaround limits are in rule_limit.h, the duty table in rule_cover.h.
 *
 * A set has groups, asked one after the other; a group gives its first rule that fits, or every one. All conditions of a rule must hold, of the
 * values of one condition any. Of several rules that count, the first that says something about the queue decides the queue, and so with the
 * reading mode, the priority and the hold; destinations add up. Texts are borrowed.
 */
#ifndef YQ_DOMAIN_RULE_H
#define YQ_DOMAIN_RULE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum rule_field {
	RULE_SITE, /* public ids, as of grid, community, device */
	RULE_SITE_TYPE,
	RULE_GRID,
	RULE_COMMUNITY,
	RULE_DEVICE,
	RULE_MODALITY,
	RULE_BODY_PART, /* patterns: * for anything, else as written, but for the case of A-Z */
	RULE_STUDY_DESCRIPTION,
	RULE_SERIES_DESCRIPTION,
	RULE_PATIENT_CLASS,
	RULE_PRIORITY, /* of the request: urgent, green_channel, routine */
	RULE_HOUR,     /* "18:00-08:00", from included, to not */
	RULE_WEEKDAY,  /* "1" Monday ... "7" Sunday */
	RULE_DAY, /* working, off; holiday: off by the calendar (法定节假日); adjusted: a weekend day that is worked (调休) */
	RULE_AGE, /* "0-14", "65-", "0-28D": whole years, or M months, W weeks, D days, both ends included */
	RULE_FIELD_COUNT
};
/* As stored; -1: no such word. */
const char *rule_field_name(enum rule_field field);
int rule_field_find(const char *name);

/* missing: the study says nothing of it; any: it says something. not: what is does not hold, also when it is missing. */
enum rule_op { RULE_IS, RULE_NOT, RULE_MISSING, RULE_ANY, RULE_OP_COUNT };
const char *rule_op_name(enum rule_op op);
int rule_op_find(const char *name);

enum {
	RULE_CONDITIONS_MAX = 20,
	RULE_VALUES_MAX = 50,
	RULE_DESTINATIONS_MAX = 20, /* of one rule */
	RULE_GROUPS_MAX = 50,
	RULE_RULES_MAX = 500, /* of a set */
	RULE_FORWARDS_MAX = 100
};

struct rule_condition {
	enum rule_field field;
	enum rule_op op;
	const char **values;
	size_t value_count;
};

struct rule {
	int64_t rule_id;
	const char *key, *name; /* the same in every version */
	bool is_enabled;
	struct rule_condition *conditions;
	size_t condition_count;
	const char *queue_id, *reading_mode; /* NULL: says nothing of it */
	bool has_priority;
	int priority;
	const char *hold;          /* why it is held, or NULL */
	const char **destinations; /* forward_count of them, then ai_count AI nodes */
	size_t forward_count, ai_count;
};

struct rule_group {
	const char *name;
	bool is_first;
	struct rule *rules;
	size_t rule_count;
};

struct rule_set {
	int64_t rule_set_id;
	int version;
	struct rule_group *groups;
	size_t group_count;
};

/* In whole units; a unit that is finer than what is known counts from the beginning of the coarser one. */
struct rule_age {
	bool is_known;
	int years, months, weeks, days;
};

/* What is known of a study and of the moment. */
struct rule_case {
	const char **values[RULE_FIELD_COUNT]; /* hour and age are below */
	size_t counts[RULE_FIELD_COUNT];
	int minute; /* of the day */
	struct rule_age age;
};

bool rule_condition_fits(const struct rule_condition *condition, const struct rule_case *study);
/* Enabled, and every condition holds. */
bool rule_fits(const struct rule *rule, const struct rule_case *study);

struct rule_forward {
	const char *destination_id;
	const struct rule *rule;
};

struct rule_decision {
	const struct rule *queue, *mode, *priority, *hold; /* NULL: no rule that counts says something of it */
	const struct rule *counted[RULE_RULES_MAX];
	size_t counted_count;
	struct rule_forward forwards[RULE_FORWARDS_MAX]; /* each destination once */
	size_t forward_count;
};
void rule_decide(const struct rule_set *set, const struct rule_case *study, struct rule_decision *out);

/* ---- texts of values ------------------------------------------------------------------------------------------------- */

/* Is text like pattern? Takes at most the product of both lengths. */
bool rule_like(const char *pattern, const char *text);
/* "18:00-08:00"; to may be 24:00, and lies on the next day when it is not behind from. */
bool rule_hours_read(const char *text, int *out_from, int *out_to);
bool rule_hours_hold(int from, int to, int minute);
/* "0-14", "65-", "-1M"; *out_to is INT_MAX without an end. unit: Y, M, W or D. */
bool rule_ages_read(const char *text, int *out_from, int *out_to, char *out_unit);
/*
 * The age of somebody born on birth ("1981-02-03", or NULL) on the day on, else as the device says it ("045Y", PS3.5 AS; leading zeros may be
 * missing). Neither: unknown.
 */
struct rule_age rule_age_of(const char *birth, const char *on, const char *text);

#endif
