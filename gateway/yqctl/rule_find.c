#include "gateway/yqctl/rule_find.h"

#include <stdio.h>
#include <string.h>

static bool is_meant(const struct rule_found *rule, const char *text)
{
	char number[12];

	snprintf(number, sizeof(number), "%d", rule->number);
	return strcmp(text, rule->id) == 0 || strcmp(text, number) == 0 ||
	       strcmp(text, json_string_value(json_object_get(rule->rule, "name"))) == 0;
}

static int find_in(const json_t *group, const char *text, int *number, struct rule_found *out)
{
	const json_t *rules = json_object_get(group, "rules");
	int count = 0;

	for (size_t i = 0; i < json_array_size(rules); i++) {
		struct rule_found rule = {.rule = json_array_get(rules, i),
		                          .group = json_string_value(json_object_get(group, "name")),
		                          .number = ++*number};

		rule.id = json_string_value(json_object_get(rule.rule, "id"));
		if (!is_meant(&rule, text))
			continue;
		*out = rule;
		count++;
	}
	return count;
}

bool rule_find(const json_t *document, const char *text, struct rule_found *out, struct err *err)
{
	const json_t *groups = json_object_get(document, "groups");
	struct rule_found found = {0};
	int count = 0, number = 0;

	for (size_t i = 0; i < json_array_size(groups); i++)
		count += find_in(json_array_get(groups, i), text, &number, &found);
	if (count == 0)
		return err_set(err, ERR_NOT_FOUND, "there is no rule '%.40s'; `yqctl rule list` shows all", text);
	if (count > 1)
		return err_set(err, ERR_INVALID, "%d rules are called '%.40s'; give the number or the id", count, text);
	*out = found;
	return true;
}
