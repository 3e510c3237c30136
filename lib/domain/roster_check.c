#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/base/file.h"
#include "lib/base/text.h"
#include "lib/domain/day.h"
#include "lib/domain/roster.h"
#include "lib/domain/roster_parts.h"
#include "lib/domain/site.h"

enum { PLACE_MAX = 160, NAME_CHARACTERS_MAX = 200, TEXT_CHARACTERS_MAX = 1000 };

static const char *const licensed_types[] = {"township_health_centre", "community_health_centre", "hospital",
                                             "village_clinic",         "public_health",           "sub_community"};
enum { LICENSED_TYPE_COUNT = sizeof(licensed_types) / sizeof(licensed_types[0]) };

bool roster_read(const char *path, json_t **out, struct err *err)
{
	char *bytes;
	size_t length;
	json_error_t fault;
	json_t *json;

	if (!file_read_all(path, ROSTER_FILE_MAX, &bytes, &length, err))
		return false;
	json = json_loadb(bytes, length, JSON_REJECT_DUPLICATES, &fault);
	free(bytes);
	if (!json)
		return err_set(err, ERR_INVALID, "cannot read %s: line %d, column %d: %s", path, fault.line,
		               fault.column, fault.text);
	if (!json_is_object(json)) {
		json_decref(json);
		return err_set(err, ERR_INVALID, "cannot read %s: an object {...} is wanted", path);
	}
	*out = json;
	return true;
}

const char *roster_text(const json_t *object, const char *name)
{
	return json_string_value(json_object_get(object, name));
}

bool roster_flag(const json_t *object, const char *name, bool fallback)
{
	const json_t *value = json_object_get(object, name);

	return json_is_boolean(value) ? json_is_true(value) : fallback;
}

static bool has_controls(const char *text)
{
	for (; *text; text++)
		if ((unsigned char)*text < 0x20 || *text == 0x7f)
			return true;
	return false;
}

/* A text of 1 to max characters; absent is fine when it is optional. */
static bool check_text(const json_t *object, const char *place, const char *name, bool is_optional, size_t max,
                       struct err *err)
{
	const json_t *value = json_object_get(object, name);
	const char *text = json_string_value(value);

	if (!value && is_optional)
		return true;
	/* A NUL inside would cut the text short everywhere behind this point. */
	if (!text || strlen(text) != json_string_length(value) || has_controls(text))
		return err_set(err, ERR_INVALID, "%s.%s: a text is wanted", place, name);
	if ((!*text && !is_optional) || text_utf8_count(text) > max)
		return err_set(err, ERR_INVALID, "%s.%s: 1 to %zu characters are wanted", place, name, max);
	return true;
}

static bool check_flag(const json_t *object, const char *place, const char *name, bool is_optional, struct err *err)
{
	const json_t *value = json_object_get(object, name);

	if ((!value && is_optional) || json_is_boolean(value))
		return true;
	return err_set(err, ERR_INVALID, "%s.%s: true or false is wanted", place, name);
}

static bool check_code(const json_t *object, const char *place, const char *name, struct err *err)
{
	const json_t *value = json_object_get(object, name);
	const char *text = json_string_value(value);

	if (!value || (text && strlen(text) == json_string_length(value) && site_code_is_valid(text)))
		return true;
	return err_set(err, ERR_INVALID, "%s.%s: 1 to 32 of A-Z a-z 0-9 _ . - are wanted", place, name);
}

static bool check_licensed_type(const json_t *object, const char *place, const char *name, struct err *err)
{
	const char *text = roster_text(object, name);

	for (int i = 0; text && i < LICENSED_TYPE_COUNT; i++)
		if (strcmp(text, licensed_types[i]) == 0)
			return true;
	return err_set(
	    err, ERR_INVALID,
	    "%s.%s: township_health_centre, community_health_centre, hospital, village_clinic, public_health or "
	    "sub_community is wanted",
	    place, name);
}

static bool check_member(const json_t *member, const char *place, struct err *err)
{
	return check_text(member, place, "name", false, NAME_CHARACTERS_MAX, err) &&
	       check_code(member, place, "code", err) && check_licensed_type(member, place, "licensed_type", err) &&
	       check_flag(member, place, "counts_as_township_health_centre", false, err) &&
	       check_flag(member, place, "has_equipment", true, err) &&
	       check_text(member, place, "note", true, TEXT_CHARACTERS_MAX, err);
}

/* Every item of an array of objects; absent counts as empty. */
static bool check_each(const json_t *object, const char *place, const char *name,
                       bool (*check)(const json_t *item, const char *place, struct err *err), struct err *err)
{
	const json_t *array = json_object_get(object, name);
	char here[PLACE_MAX];
	size_t i;
	json_t *item;

	if (array && !json_is_array(array))
		return err_set(err, ERR_INVALID, "%s%s%s: a list [...] is wanted", place, *place ? "." : "", name);
	json_array_foreach((json_t *)array, i, item)
	{
		snprintf(here, sizeof(here), "%s%s%s[%zu]", place, *place ? "." : "", name, i);
		if (!json_is_object(item))
			return err_set(err, ERR_INVALID, "%s: an object {...} is wanted", here);
		if (!check(item, here, err))
			return false;
	}
	return true;
}

static bool check_grid(const json_t *grid, const char *place, struct err *err)
{
	return check_text(grid, place, "name", false, NAME_CHARACTERS_MAX, err) &&
	       check_text(grid, place, "lead", false, NAME_CHARACTERS_MAX, err) &&
	       check_code(grid, place, "lead_code", err) && check_each(grid, place, "members", check_member, err);
}

static bool check_community(const json_t *community, const char *place, struct err *err)
{
	return check_text(community, place, "name", false, NAME_CHARACTERS_MAX, err) &&
	       check_each(community, place, "grids", check_grid, err);
}

static bool check_deadline(const json_t *target, const char *place, struct err *err)
{
	const char *text = roster_text(target, "deadline");

	if (text && day_is_valid(text))
		return true;
	return err_set(err, ERR_INVALID, "%s.deadline: a day like 2025-12-31 is wanted", place);
}

static bool check_target(const json_t *target, const char *place, struct err *err)
{
	double value = json_number_value(json_object_get(target, "value"));
	const char *figure = roster_text(target, "figure");

	if (!figure || strcmp(figure, "coverage_rate") != 0)
		return err_set(err, ERR_INVALID, "%s.figure: only coverage_rate is known", place);
	if (!(value > 0 && value <= 1))
		return err_set(err, ERR_INVALID, "%s.value: a share above 0, at most 1, is wanted", place);
	return check_licensed_type(target, place, "site_type", err) && check_deadline(target, place, err) &&
	       check_text(target, place, "source", false, TEXT_CHARACTERS_MAX, err) &&
	       check_text(target, place, "community", true, NAME_CHARACTERS_MAX, err);
}

bool roster_check(const json_t *roster, struct err *err)
{
	if (!json_object_get(roster, "communities") && !json_object_get(roster, "targets"))
		return err_set(err, ERR_INVALID, "no roster: it has neither \"communities\" nor \"targets\"");
	return check_text(roster, "roster", "region", true, NAME_CHARACTERS_MAX, err) &&
	       check_each(roster, "", "communities", check_community, err) &&
	       check_each(roster, "", "targets", check_target, err);
}
