#include "lib/domain/rule.h"

#include <string.h>

static const char *const field_names[] = {"site",
                                          "site_type",
                                          "grid",
                                          "community",
                                          "device",
                                          "modality",
                                          "body_part",
                                          "study_description",
                                          "series_description",
                                          "patient_class",
                                          "priority",
                                          "hour",
                                          "weekday",
                                          "day",
                                          "age"};
static const char *const op_names[] = {"is", "not", "missing", "any"};

static int find_word(const char *const *words, int count, const char *word)
{
	for (int i = 0; i < count; i++)
		if (strcmp(words[i], word) == 0)
			return i;
	return -1;
}

const char *rule_field_name(enum rule_field field)
{
	return field_names[field];
}

int rule_field_find(const char *name)
{
	return find_word(field_names, RULE_FIELD_COUNT, name);
}

const char *rule_op_name(enum rule_op op)
{
	return op_names[op];
}

int rule_op_find(const char *name)
{
	return find_word(op_names, RULE_OP_COUNT, name);
}

/* ---- one value ----------------------------------------------------------------------------------------------------------- */

static bool is_age(const char *value, const struct rule_age *age)
{
	int from, to, years;
	char unit;

	if (!age->is_known || !rule_ages_read(value, &from, &to, &unit))
		return false;
	years = unit == 'Y' ? age->years : unit == 'M' ? age->months : unit == 'W' ? age->weeks : age->days;
	return years >= from && years <= to;
}

static bool is_hour(const char *value, int minute)
{
	int from, to;

	return rule_hours_read(value, &from, &to) && rule_hours_hold(from, to, minute);
}

static bool is_text(enum rule_field field, const char *value, const char *text)
{
	bool is_pattern =
	    field == RULE_BODY_PART || field == RULE_STUDY_DESCRIPTION || field == RULE_SERIES_DESCRIPTION;

	return is_pattern ? rule_like(value, text) : strcmp(value, text) == 0;
}

static bool is_value(enum rule_field field, const char *value, const struct rule_case *study)
{
	if (field == RULE_AGE)
		return is_age(value, &study->age);
	if (field == RULE_HOUR)
		return is_hour(value, study->minute);
	for (size_t i = 0; i < study->counts[field]; i++)
		if (is_text(field, value, study->values[field][i]))
			return true;
	return false;
}

static bool is_said(enum rule_field field, const struct rule_case *study)
{
	if (field == RULE_AGE)
		return study->age.is_known;
	return field == RULE_HOUR || study->counts[field] > 0;
}

static bool is_one_of(const struct rule_condition *condition, const struct rule_case *study)
{
	for (size_t i = 0; i < condition->value_count; i++)
		if (is_value(condition->field, condition->values[i], study))
			return true;
	return false;
}

bool rule_condition_fits(const struct rule_condition *condition, const struct rule_case *study)
{
	switch (condition->op) {
	case RULE_IS:
		return is_one_of(condition, study);
	case RULE_NOT:
		return !is_one_of(condition, study);
	case RULE_MISSING:
		return !is_said(condition->field, study);
	case RULE_ANY:
		return is_said(condition->field, study);
	case RULE_OP_COUNT:
		break;
	}
	return false;
}

bool rule_fits(const struct rule *rule, const struct rule_case *study)
{
	if (!rule->is_enabled)
		return false;
	for (size_t i = 0; i < rule->condition_count; i++)
		if (!rule_condition_fits(&rule->conditions[i], study))
			return false;
	return true;
}

/* ---- what follows ---------------------------------------------------------------------------------------------------------- */

static void add_forward(struct rule_decision *out, const struct rule *rule, const char *destination_id)
{
	for (size_t i = 0; i < out->forward_count; i++)
		if (strcmp(out->forwards[i].destination_id, destination_id) == 0)
			return;
	if (out->forward_count < RULE_FORWARDS_MAX)
		out->forwards[out->forward_count++] = (struct rule_forward){destination_id, rule};
}

static void count_rule(struct rule_decision *out, const struct rule *rule)
{
	if (out->counted_count == RULE_RULES_MAX)
		return;
	out->counted[out->counted_count++] = rule;
	if (!out->queue && rule->queue_id)
		out->queue = rule;
	if (!out->mode && rule->reading_mode)
		out->mode = rule;
	if (!out->priority && rule->has_priority)
		out->priority = rule;
	if (!out->hold && rule->hold)
		out->hold = rule;
	for (size_t i = 0; i < rule->forward_count + rule->ai_count; i++)
		add_forward(out, rule, rule->destinations[i]);
}

static void decide_group(const struct rule_group *group, const struct rule_case *study, struct rule_decision *out)
{
	for (size_t i = 0; i < group->rule_count; i++) {
		if (!rule_fits(&group->rules[i], study))
			continue;
		count_rule(out, &group->rules[i]);
		if (group->is_first)
			return;
	}
}

void rule_decide(const struct rule_set *set, const struct rule_case *study, struct rule_decision *out)
{
	memset(out, 0, sizeof(*out));
	for (size_t i = 0; i < set->group_count; i++)
		decide_group(&set->groups[i], study, out);
}
