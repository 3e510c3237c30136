#include "gateway/yqctl/rule_text.h"

#include <stdio.h>
#include <string.h>

#include "lib/db/db.h"
#include "lib/domain/find_one.h"
#include "lib/domain/rule.h"
#include "lib/domain/site.h"

enum { VALUE_BYTES_MAX = 1000, FIELD_BYTES_MAX = 40 };

/* ---- reading ------------------------------------------------------------------------------------------------------------ */

static void skip_blanks(const char **at)
{
	*at += strspn(*at, " \t\n");
}

static bool take_field(const char **at, char out[FIELD_BYTES_MAX], struct err *err)
{
	size_t length;

	skip_blanks(at);
	length = strspn(*at, "abcdefghijklmnopqrstuvwxyz_");
	if (length == 0 || length >= FIELD_BYTES_MAX)
		return err_set(err, ERR_INVALID, "the name of a condition is wanted at '%.40s'", *at);
	memcpy(out, *at, length);
	out[length] = '\0';
	*at += length;
	skip_blanks(at);
	return true;
}

static bool take_word(const char **at, const char *word)
{
	size_t length = strlen(word);

	if (strncmp(*at, word, length) != 0)
		return false;
	*at += length;
	return true;
}

static bool take_op(const char **at, enum rule_op *out, struct err *err)
{
	if (take_word(at, "!="))
		*out = RULE_NOT;
	else if (take_word(at, "="))
		*out = RULE_IS;
	else if (take_word(at, "missing"))
		*out = RULE_MISSING;
	else if (take_word(at, "any"))
		*out = RULE_ANY;
	else
		return err_set(err, ERR_INVALID, "=, !=, missing or any is wanted at '%.40s'", *at);
	return true;
}

/* Behind the opening quote; two quotes are one. */
static bool take_quoted(const char **at, char *out, struct err *err)
{
	size_t length = 0;

	for (; (*at)[0] != '"' || (*at)[1] == '"'; (*at)++) {
		if (!**at || length + 1 >= VALUE_BYTES_MAX)
			return err_set(err, ERR_INVALID, "a value does not end");
		if (**at == '"')
			(*at)++;
		out[length++] = **at;
	}
	(*at)++;
	out[length] = '\0';
	return true;
}

static bool take_bare(const char **at, char *out, struct err *err)
{
	size_t length = strcspn(*at, ",;\""), end = length;

	if (length >= VALUE_BYTES_MAX)
		return err_set(err, ERR_INVALID, "a value is too long");
	while (end > 0 && strchr(" \t\n", (*at)[end - 1]))
		end--;
	memcpy(out, *at, end);
	out[end] = '\0';
	*at += length;
	return end > 0 || err_set(err, ERR_INVALID, "a value is wanted at '%.40s'", *at);
}

static bool take_values(const char **at, json_t *values, struct err *err)
{
	char value[VALUE_BYTES_MAX];

	do {
		bool ok;

		skip_blanks(at);
		ok = take_word(at, "\"") ? take_quoted(at, value, err) : take_bare(at, value, err);
		if (!ok)
			return false;
		if (json_array_append_new(values, json_string(value)) != 0)
			return err_set(err, ERR_INVALID, "a value is no UTF-8");
		skip_blanks(at);
	} while (take_word(at, ","));
	return true;
}

static bool take_condition(const char **at, json_t *list, struct err *err)
{
	char field[FIELD_BYTES_MAX];
	json_t *values = json_array();
	enum rule_op op = RULE_ANY;

	if (!take_field(at, field, err) || !take_op(at, &op, err) ||
	    ((op == RULE_IS || op == RULE_NOT) && !take_values(at, values, err))) {
		json_decref(values);
		return false;
	}
	json_array_append_new(list,
	                      json_pack("{s:s, s:s, s:o}", "field", field, "op", rule_op_name(op), "values", values));
	skip_blanks(at);
	return !**at || take_word(at, ";") || err_set(err, ERR_INVALID, "do not know what to do with '%.40s'", *at);
}

bool rule_text_parse(const char *text, json_t **out, struct err *err)
{
	json_t *list = json_array();

	if (strlen(text) > RULE_TEXT_BYTES_MAX) {
		json_decref(list);
		return err_set(err, ERR_INVALID, "the conditions are too long");
	}
	for (skip_blanks(&text); *text; skip_blanks(&text))
		if (!take_condition(&text, list, err)) {
			json_decref(list);
			return false;
		}
	*out = list;
	return true;
}

/* ---- names -------------------------------------------------------------------------------------------------------------- */

static bool find_id(struct db *db, const char *field, const char *text, char out_id[TEXT_UUID_SIZE], struct err *err)
{
	struct scope scope;

	if (strcmp(field, "device") == 0)
		return find_one(db, STMT_DEVICE_FIND, "device", text, out_id, err);
	if (!scope_find(db, text, &scope, err))
		return false;
	if (strcmp(scope.kind, field) != 0)
		return err_set(err, ERR_INVALID, "%.100s is a %s, not a %s", scope.name, scope.kind, field);
	text_copy(out_id, TEXT_UUID_SIZE, scope.public_id);
	return true;
}

bool rule_text_resolve(struct db *db, json_t *conditions, struct err *err)
{
	char id[TEXT_UUID_SIZE];
	json_t *condition, *value;
	size_t i, j;

	json_array_foreach(conditions, i, condition)
	{
		const char *field = json_string_value(json_object_get(condition, "field"));
		int found = rule_field_find(field);

		if (found != RULE_SITE && found != RULE_GRID && found != RULE_COMMUNITY && found != RULE_DEVICE)
			continue;
		json_array_foreach(json_object_get(condition, "values"), j, value)
		{
			if (!find_id(db, field, json_string_value(value), id, err))
				return false;
			json_string_set(value, id);
		}
	}
	return true;
}

/* ---- writing ------------------------------------------------------------------------------------------------------------ */

static void put(struct text_buf *out, const char *text)
{
	if (!text_buf_append(out, text, strlen(text)))
		err_panic("a rule that does not fit");
}

static void put_value(struct text_buf *out, const char *value)
{
	if (value[0] && !strpbrk(value, ",;\"") && value[0] != ' ') {
		put(out, value);
		return;
	}
	put(out, "\"");
	for (; *value; value++) {
		char pair[3] = {*value, *value == '"' ? '"' : '\0', '\0'};

		put(out, pair);
	}
	put(out, "\"");
}

void rule_text_print(struct text_buf *out, const json_t *condition, const json_t *names)
{
	static const char *const words[] = {
	    [RULE_IS] = " = ", [RULE_NOT] = " != ", [RULE_MISSING] = " missing", [RULE_ANY] = " any"};
	int op = rule_op_find(json_string_value(json_object_get(condition, "op")));
	const json_t *values = json_object_get(condition, "values");

	put(out, json_string_value(json_object_get(condition, "field")));
	put(out, words[op < 0 ? RULE_ANY : op]);
	for (size_t i = 0; i < json_array_size(values); i++) {
		const char *value = json_string_value(json_array_get(values, i));
		const char *name = json_string_value(json_object_get(names, value));

		put(out, i ? ", " : "");
		put_value(out, name ? name : value);
	}
}

/* ---- facts -------------------------------------------------------------------------------------------------------------- */

static json_t *age_fact(const json_t *values)
{
	const char *text = json_string_value(json_array_get(values, 0));
	bool is_years = text[strspn(text, "0123456789")] == '\0';
	char age[20];

	snprintf(age, sizeof(age), "%.10s%s", text, is_years ? "Y" : "");
	return json_pack("{s:s}", "text", age);
}

bool rule_text_facts(const json_t *conditions, json_t **out, struct err *err)
{
	json_t *facts = json_object();

	for (size_t i = 0; i < json_array_size(conditions); i++) {
		const json_t *condition = json_array_get(conditions, i);
		const char *field = json_string_value(json_object_get(condition, "field"));
		json_t *values = json_object_get(condition, "values");

		if (strcmp(json_string_value(json_object_get(condition, "op")), "is") != 0) {
			json_decref(facts);
			return err_set(err, ERR_INVALID, "a described study says what is: %s = ...", field);
		}
		json_object_set_new(facts, field, strcmp(field, "age") == 0 ? age_fact(values) : json_incref(values));
	}
	*out = facts;
	return true;
}
