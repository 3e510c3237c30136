#include "lib/domain/rule_form.h"

#include <string.h>

#include "lib/base/text.h"
#include "lib/domain/rule.h"

/* ---- texts ------------------------------------------------------------------------------------------------------------- */

bool rule_form_text(const char *text, const char *what, size_t max, struct err *err)
{
	if (!text || !text[strspn(text, " ")])
		return err_set(err, ERR_INVALID, "%s is missing", what);
	if (!text_is_utf8(text, strlen(text)) || text_utf8_count(text) > max)
		return err_set(err, ERR_INVALID, "%s wants at most %zu characters of UTF-8", what, max);
	for (const char *at = text; *at;) {
		uint32_t character = text_utf8_next(&at);

		if (character < 0x20 || (character >= 0x7f && character < 0xa0) || character == 0x2028 ||
		    character == 0x2029 || (character >= 0x202a && character <= 0x202e) ||
		    (character >= 0x2066 && character <= 0x2069))
			return err_set(err, ERR_INVALID, "%s has a control character", what);
	}
	return true;
}

static bool is_word_of(const char *word, const char *words)
{
	size_t length = strlen(word);

	for (const char *at = words; length && (at = strstr(at, word)); at++)
		if ((at == words || at[-1] == ' ') && (at[length] == ' ' || !at[length]))
			return true;
	return false;
}

static bool is_code(const char *text)
{
	size_t length = strlen(text);

	return length >= 1 && length <= 16 && strspn(text, "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_ ") == length;
}

/* ---- conditions ---------------------------------------------------------------------------------------------------------- */

static const char *const words_of[RULE_FIELD_COUNT] = {
    [RULE_SITE_TYPE] =
        "township_health_centre community_health_centre hospital village_clinic public_health sub_community",
    [RULE_PATIENT_CLASS] = "emergency outpatient inpatient health_check",
    [RULE_PRIORITY] = "urgent green_channel routine",
    [RULE_WEEKDAY] = "1 2 3 4 5 6 7",
    [RULE_DAY] = "working off holiday adjusted",
};

static bool is_wanted(enum rule_field field, const char *value, const char **out_wanted)
{
	int from, to;
	char unit;

	switch (field) {
	case RULE_SITE:
	case RULE_GRID:
	case RULE_COMMUNITY:
	case RULE_DEVICE:
		*out_wanted = "an id";
		return text_is_uuid(value);
	case RULE_MODALITY:
		*out_wanted = "a code of A-Z and 0-9, as CT";
		return is_code(value);
	case RULE_HOUR:
		*out_wanted = "hours, as 18:00-08:00";
		return rule_hours_read(value, &from, &to);
	case RULE_AGE:
		*out_wanted = "ages, as 0-14, 65- or 0-28D";
		return rule_ages_read(value, &from, &to, &unit);
	case RULE_BODY_PART:
	case RULE_STUDY_DESCRIPTION:
	case RULE_SERIES_DESCRIPTION:
		return true; /* any text of one line */
	default:
		*out_wanted = words_of[field];
		return is_word_of(value, words_of[field]);
	}
}

static bool check_value(enum rule_field field, const json_t *value, struct err *err)
{
	const char *text = json_string_value(value), *wanted = "";

	if (!rule_form_text(text, rule_field_name(field), RULE_TEXT_MAX, err))
		return false;
	return is_wanted(field, text, &wanted) ||
	       err_set(err, ERR_INVALID, "%s cannot be '%.60s': %s is wanted", rule_field_name(field), text, wanted);
}

static bool check_values(enum rule_field field, const json_t *values, struct err *err)
{
	const json_t *value;
	size_t i;

	if (json_array_size(values) < 1 || json_array_size(values) > RULE_VALUES_MAX)
		return err_set(err, ERR_INVALID, "%s wants 1 to %d values", rule_field_name(field), RULE_VALUES_MAX);
	json_array_foreach(values, i, value) if (!check_value(field, value, err)) return false;
	return true;
}

static bool check_missing(enum rule_field field, enum rule_op op, const json_t *values, struct err *err)
{
	if (field == RULE_HOUR || field == RULE_WEEKDAY || field == RULE_DAY)
		return err_set(err, ERR_INVALID, "%s is always there: is or not is wanted", rule_field_name(field));
	return json_array_size(values) == 0 ||
	       err_set(err, ERR_INVALID, "%s with %s takes no values", rule_field_name(field), rule_op_name(op));
}

static json_t *read_condition(const json_t *input, struct err *err)
{
	const char *field_text = json_string_value(json_object_get(input, "field"));
	const char *op_text = json_string_value(json_object_get(input, "op"));
	const json_t *values = json_object_get(input, "values");
	int field = field_text ? rule_field_find(field_text) : -1, op = op_text ? rule_op_find(op_text) : -1;
	bool ok;

	if (field < 0)
		err_set(err, ERR_INVALID, "there is no condition '%.40s'", field_text ? field_text : "");
	else if (op < 0)
		err_set(err, ERR_INVALID, "%s wants is, not, missing or any", field_text);
	if (field < 0 || op < 0)
		return NULL;
	ok = op == RULE_IS || op == RULE_NOT ? check_values((enum rule_field)field, values, err)
	                                     : check_missing((enum rule_field)field, (enum rule_op)op, values, err);
	if (!ok)
		return NULL;
	return json_pack("{s:s, s:s, s:o}", "field", field_text, "op", op_text, "values",
	                 json_is_array(values) ? json_deep_copy(values) : json_array());
}

static bool read_conditions(const json_t *input, json_t *out, struct err *err)
{
	const json_t *conditions = json_object_get(input, "conditions"), *one;
	json_t *list = json_array();
	size_t i;

	json_object_set_new(out, "conditions", list);
	if (conditions && !json_is_null(conditions) && !json_is_array(conditions))
		return err_set(err, ERR_INVALID, "conditions wants a list");
	if (json_array_size(conditions) > RULE_CONDITIONS_MAX)
		return err_set(err, ERR_INVALID, "a rule has at most %d conditions", RULE_CONDITIONS_MAX);
	json_array_foreach(conditions, i, one)
	{
		json_t *condition = read_condition(one, err);

		if (!condition)
			return false;
		json_array_append_new(list, condition);
	}
	return true;
}

/* ---- actions --------------------------------------------------------------------------------------------------------------- */

static bool read_text(const json_t *input, const char *name, size_t max, json_t *out, struct err *err)
{
	const json_t *value = json_object_get(input, name);

	if (!value || json_is_null(value))
		return json_object_set_new(out, name, json_null()) == 0;
	if (!rule_form_text(json_string_value(value), name, max, err))
		return false;
	return json_object_set_new(out, name, json_deep_copy(value)) == 0;
}

static bool read_queue(const json_t *input, json_t *out, struct err *err)
{
	const char *mode;

	if (!read_text(input, "queue", TEXT_UUID_SIZE, out, err) ||
	    !read_text(input, "reading_mode", RULE_NAME_MAX, out, err))
		return false;
	if (json_is_string(json_object_get(out, "queue")) &&
	    !text_is_uuid(json_string_value(json_object_get(out, "queue"))))
		return err_set(err, ERR_INVALID, "queue wants the id of a queue");
	mode = json_string_value(json_object_get(out, "reading_mode"));
	return !mode || is_word_of(mode, "central local_draft local") ||
	       err_set(err, ERR_INVALID, "reading_mode wants central, local_draft or local");
}

static bool read_priority(const json_t *input, json_t *out, struct err *err)
{
	const json_t *priority = json_object_get(input, "priority");

	if (!priority || json_is_null(priority))
		return json_object_set_new(out, "priority", json_null()) == 0;
	if (!json_is_integer(priority) || json_integer_value(priority) < -RULE_PRIORITY_MAX ||
	    json_integer_value(priority) > RULE_PRIORITY_MAX)
		return err_set(err, ERR_INVALID, "priority wants a number from -%d to %d", RULE_PRIORITY_MAX,
		               RULE_PRIORITY_MAX);
	return json_object_set_new(out, "priority", json_deep_copy(priority)) == 0;
}

static bool read_destinations(const json_t *input, const char *name, json_t *out, struct err *err)
{
	const json_t *list = json_object_get(input, name), *id;
	json_t *ids = json_array();
	size_t i;

	json_object_set_new(out, name, ids);
	if (list && !json_is_null(list) && !json_is_array(list))
		return err_set(err, ERR_INVALID, "%s wants a list of ids", name);
	json_array_foreach(list, i, id)
	{
		if (!json_is_string(id) || !text_is_uuid(json_string_value(id)))
			return err_set(err, ERR_INVALID, "%s wants ids of destinations", name);
		json_array_append_new(ids, json_deep_copy(id));
	}
	return true;
}

/* A destination is named once in a rule: as what, would else not be sure. */
static bool check_destinations(const json_t *rule, struct err *err)
{
	const json_t *lists[] = {json_object_get(rule, "forward"), json_object_get(rule, "ai")}, *id;
	size_t count = json_array_size(lists[0]) + json_array_size(lists[1]), i;
	json_t *seen = json_object();

	for (int list = 0; list < 2; list++)
		json_array_foreach(lists[list], i, id) json_object_set_new(seen, json_string_value(id), json_true());
	i = json_object_size(seen);
	json_decref(seen);
	if (count > RULE_DESTINATIONS_MAX)
		return err_set(err, ERR_INVALID, "a rule sends to at most %d destinations", RULE_DESTINATIONS_MAX);
	return i == count || err_set(err, ERR_INVALID, "a rule names a destination twice");
}

static bool check_members(const json_t *input, struct err *err)
{
	const char *name;
	json_t *value;

	if (!json_is_object(input))
		return err_set(err, ERR_INVALID, "a rule is a JSON object");
	json_object_foreach(
	    (json_t *)(uintptr_t)input, name,
	    value) if (!is_word_of(name, "id rule_id name is_enabled conditions queue reading_mode priority hold "
	                                 "forward ai")) return err_set(err, ERR_INVALID, "a rule has no '%.40s'", name);
	return true;
}

static bool does_something(const json_t *rule, struct err *err)
{
	static const char *const actions[] = {"queue", "reading_mode", "priority", "hold"};

	for (size_t i = 0; i < sizeof(actions) / sizeof(actions[0]); i++)
		if (!json_is_null(json_object_get(rule, actions[i])))
			return true;
	return json_array_size(json_object_get(rule, "forward")) + json_array_size(json_object_get(rule, "ai")) > 0 ||
	       err_set(err, ERR_INVALID,
	               "a rule has to do something: a queue, a reading mode, a priority, a hold, or a "
	               "destination is wanted");
}

static bool read_name(const json_t *input, json_t *out, struct err *err)
{
	const json_t *name = json_object_get(input, "name");

	return rule_form_text(json_string_value(name), "name", RULE_NAME_MAX, err) &&
	       json_object_set_new(out, "name", json_deep_copy(name)) == 0;
}

bool rule_form_read(const json_t *input, json_t **out, struct err *err)
{
	json_t *rule = json_object();
	bool ok = check_members(input, err) && read_name(input, rule, err) && read_conditions(input, rule, err) &&
	          read_queue(input, rule, err) && read_priority(input, rule, err) &&
	          read_text(input, "hold", RULE_HOLD_MAX, rule, err) &&
	          read_destinations(input, "forward", rule, err) && read_destinations(input, "ai", rule, err) &&
	          check_destinations(rule, err) && does_something(rule, err);

	json_object_set_new(rule, "is_enabled", json_boolean(!json_is_false(json_object_get(input, "is_enabled"))));
	if (ok)
		*out = rule;
	else
		json_decref(rule);
	return ok;
}

/* ---- a described study -------------------------------------------------------------------------------------------------------- */

static bool check_fact(const char *name, const json_t *values, struct err *err)
{
	int field = rule_field_find(name);
	const json_t *value;
	size_t i;

	if (field < 0 || field == RULE_HOUR || field == RULE_WEEKDAY || field == RULE_DAY)
		return err_set(err, ERR_INVALID, "there is nothing '%.40s' of a study to describe", name);
	if (field == RULE_AGE)
		return true;
	if (!json_is_array(values) || json_array_size(values) > RULE_VALUES_MAX)
		return err_set(err, ERR_INVALID, "%s wants a list of at most %d texts", name, RULE_VALUES_MAX);
	json_array_foreach(
	    values, i, value) if (!rule_form_text(json_string_value(value), name, RULE_TEXT_MAX, err) ||
	                          (words_of[field] && !check_value((enum rule_field)field, value, err))) return false;
	return true;
}

bool rule_form_facts(const json_t *facts, struct err *err)
{
	const char *name;
	json_t *values;

	json_object_foreach((json_t *)(uintptr_t)facts, name, values) if (!check_fact(name, values, err)) return false;
	return true;
}
