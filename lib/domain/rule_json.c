#include "lib/domain/rule_json.h"

#include <stdlib.h>
#include <string.h>

#include "lib/base/err.h"
#include "lib/base/text.h"

static void *allocate(size_t count, size_t size)
{
	void *memory = calloc(count ? count : 1, size);

	if (!memory)
		err_panic("out of memory");
	return memory;
}

/* Texts of an array, or of a single text; other items are left out. */
static const char **texts_of(const json_t *json, size_t *out_count)
{
	const char **texts = allocate(json_is_array(json) ? json_array_size(json) : 1, sizeof(*texts));
	const json_t *item;
	size_t i;

	*out_count = 0;
	if (json_is_string(json))
		texts[(*out_count)++] = json_string_value(json);
	json_array_foreach(json, i, item) if (json_is_string(item)) texts[(*out_count)++] = json_string_value(item);
	return texts;
}

/* ---- a version of the rules ---------------------------------------------------------------------------------------------- */

static void read_condition(const json_t *json, struct rule_condition *out)
{
	const char *field = json_string_value(json_object_get(json, "field"));
	const char *op = json_string_value(json_object_get(json, "op"));
	int field_found = field ? rule_field_find(field) : -1, op_found = op ? rule_op_find(op) : -1;

	if (field_found < 0 || op_found < 0)
		err_panic("the ledger has a condition that is none: %s", field ? field : "(nothing)");
	out->field = (enum rule_field)field_found;
	out->op = (enum rule_op)op_found;
	out->values = texts_of(json_object_get(json, "values"), &out->value_count);
}

static void read_destinations(const json_t *json, struct rule *out)
{
	const json_t *forward = json_object_get(json, "forward"), *ai = json_object_get(json, "ai");
	size_t i = 0;

	out->forward_count = json_array_size(forward);
	out->ai_count = json_array_size(ai);
	out->destinations = allocate(out->forward_count + out->ai_count, sizeof(*out->destinations));
	for (; i < out->forward_count; i++)
		out->destinations[i] = json_string_value(json_array_get(forward, i));
	for (; i < out->forward_count + out->ai_count; i++)
		out->destinations[i] = json_string_value(json_array_get(ai, i - out->forward_count));
}

static void read_rule(const json_t *json, struct rule *out)
{
	const json_t *conditions = json_object_get(json, "conditions"), *priority = json_object_get(json, "priority");

	out->rule_id = json_integer_value(json_object_get(json, "rule_id"));
	out->key = json_string_value(json_object_get(json, "id"));
	out->name = json_string_value(json_object_get(json, "name"));
	out->is_enabled = json_is_true(json_object_get(json, "is_enabled"));
	out->queue_id = json_string_value(json_object_get(json, "queue"));
	out->reading_mode = json_string_value(json_object_get(json, "reading_mode"));
	out->hold = json_string_value(json_object_get(json, "hold"));
	out->has_priority = json_is_integer(priority);
	out->priority = (int)json_integer_value(priority);
	read_destinations(json, out);
	out->condition_count = json_array_size(conditions);
	out->conditions = allocate(out->condition_count, sizeof(*out->conditions));
	for (size_t i = 0; i < out->condition_count; i++)
		read_condition(json_array_get(conditions, i), &out->conditions[i]);
}

static void read_group(const json_t *json, struct rule_group *out)
{
	const char *mode = json_string_value(json_object_get(json, "mode"));
	const json_t *rules = json_object_get(json, "rules");

	out->name = json_string_value(json_object_get(json, "name"));
	out->is_first = !mode || strcmp(mode, "all") != 0;
	out->rule_count = json_array_size(rules);
	out->rules = allocate(out->rule_count, sizeof(*out->rules));
	for (size_t i = 0; i < out->rule_count; i++)
		read_rule(json_array_get(rules, i), &out->rules[i]);
}

struct rule_set *rule_set_new(const json_t *document)
{
	struct rule_set *set = allocate(1, sizeof(*set));
	const json_t *groups = json_object_get(document, "groups");

	set->rule_set_id = json_integer_value(json_object_get(document, "rule_set_id"));
	set->version = (int)json_integer_value(json_object_get(document, "version"));
	set->group_count = json_array_size(groups);
	set->groups = allocate(set->group_count, sizeof(*set->groups));
	for (size_t i = 0; i < set->group_count; i++)
		read_group(json_array_get(groups, i), &set->groups[i]);
	return set;
}

static void free_rule(struct rule *rule)
{
	for (size_t i = 0; i < rule->condition_count; i++)
		free(rule->conditions[i].values);
	free(rule->conditions);
	free(rule->destinations);
}

void rule_set_free(struct rule_set *set)
{
	if (!set)
		return;
	for (size_t i = 0; i < set->group_count; i++) {
		for (size_t j = 0; j < set->groups[i].rule_count; j++)
			free_rule(&set->groups[i].rules[j]);
		free(set->groups[i].rules);
	}
	free(set->groups);
	free(set);
}

/* ---- what is known ---------------------------------------------------------------------------------------------------------- */

/* The ledger has one weekday and several kinds of a day. */
static void read_day(struct rule_case *out, const json_t *moment)
{
	static const char *const weekdays[] = {"", "1", "2", "3", "4", "5", "6", "7"};
	json_int_t weekday = json_integer_value(json_object_get(moment, "weekday"));

	out->minute = (int)json_integer_value(json_object_get(moment, "minute"));
	out->values[RULE_DAY] = texts_of(json_object_get(moment, "kinds"), &out->counts[RULE_DAY]);
	out->values[RULE_WEEKDAY] = allocate(1, sizeof(*out->values[RULE_WEEKDAY]));
	if (weekday >= 1 && weekday <= 7)
		out->values[RULE_WEEKDAY][out->counts[RULE_WEEKDAY]++] = weekdays[weekday];
}

struct rule_case *rule_case_new(const json_t *facts, const json_t *moment)
{
	struct rule_case *study = allocate(1, sizeof(*study));
	const json_t *age = json_object_get(facts, "age");

	for (int field = 0; field < RULE_FIELD_COUNT; field++)
		if (field != RULE_DAY && field != RULE_WEEKDAY)
			study->values[field] = texts_of(json_object_get(facts, rule_field_name((enum rule_field)field)),
			                                &study->counts[field]);
	read_day(study, moment);
	study->age =
	    rule_age_of(json_string_value(json_object_get(age, "birth")), json_string_value(json_object_get(age, "on")),
	                json_string_value(json_object_get(age, "text")));
	return study;
}

void rule_case_free(struct rule_case *study)
{
	if (!study)
		return;
	for (int field = 0; field < RULE_FIELD_COUNT; field++)
		free(study->values[field]);
	free(study);
}

static void read_cover_day(struct rule_cover_day *out, const json_t *day)
{
	out->weekday = (int)json_integer_value(json_object_get(day, "weekday"));
	out->kinds = texts_of(json_object_get(day, "kinds"), &out->kind_count);
}

void rule_cover_moment_init(struct rule_cover_moment *out, const json_t *moment)
{
	out->minute = (int)json_integer_value(json_object_get(moment, "minute"));
	read_cover_day(&out->today, moment);
	read_cover_day(&out->yesterday, json_object_get(moment, "before"));
}

void rule_cover_moment_fini(struct rule_cover_moment *moment)
{
	free(moment->today.kinds);
	free(moment->yesterday.kinds);
}

/* ---- why ---------------------------------------------------------------------------------------------------------------------- */

static json_t *explain_condition(const struct rule_condition *condition, const struct rule_case *study)
{
	json_t *values = json_array();

	for (size_t i = 0; i < condition->value_count; i++)
		json_array_append_new(values, json_string(condition->values[i]));
	return json_pack("{s:s, s:s, s:o, s:b}", "field", rule_field_name(condition->field), "op",
	                 rule_op_name(condition->op), "values", values, "fits", rule_condition_fits(condition, study));
}

static json_t *explain_rule(const struct rule *rule, const struct rule_case *study, bool *is_decided, bool is_first)
{
	bool fits = rule_fits(rule, study), counts = fits && !(is_first && *is_decided);
	json_t *conditions = json_array();

	for (size_t i = 0; i < rule->condition_count; i++)
		json_array_append_new(conditions, explain_condition(&rule->conditions[i], study));
	*is_decided = *is_decided || counts;
	return json_pack("{s:s, s:s, s:b, s:b, s:b, s:o}", "id", rule->key, "name", rule->name, "is_enabled",
	                 rule->is_enabled, "fits", fits, "counts", counts, "conditions", conditions);
}

json_t *rule_explain(const struct rule_set *set, const struct rule_case *study)
{
	json_t *groups = json_array();

	for (size_t i = 0; i < set->group_count; i++) {
		const struct rule_group *group = &set->groups[i];
		json_t *rules = json_array();
		bool is_decided = false;

		for (size_t j = 0; j < group->rule_count; j++)
			json_array_append_new(rules,
			                      explain_rule(&group->rules[j], study, &is_decided, group->is_first));
		json_array_append_new(groups, json_pack("{s:s, s:s, s:o}", "name", group->name, "mode",
		                                        group->is_first ? "first" : "all", "rules", rules));
	}
	return groups;
}

static void add_id(json_t *seen, const json_t *json)
{
	const char *text = json_string_value(json);

	if (text && text_is_uuid(text))
		json_object_set_new(seen, text, json_true());
}

static void collect(json_t *seen, const json_t *json) /* as deep as a document is: six levels */
{
	const char *name;
	json_t *member;
	size_t i;

	add_id(seen, json);
	json_array_foreach(json, i, member) collect(seen, member);
	json_object_foreach((json_t *)(uintptr_t)json, name, member) collect(seen, member);
}

json_t *rule_ids(const json_t *json)
{
	json_t *seen = json_object(), *ids = json_array(), *value;
	const char *id;

	collect(seen, json);
	json_object_foreach(seen, id, value) json_array_append_new(ids, json_string(id));
	json_decref(seen);
	return ids;
}
