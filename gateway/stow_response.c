#include <stdio.h>
#include <string.h>

#include "gateway/stow.h"
#include "lib/base/err.h"

enum { URL_SIZE = 700 };

static json_t *made(json_t *json)
{
	if (json == NULL)
		err_panic("could not write JSON");
	return json;
}

static void put(json_t *object, const char *tag, json_t *value)
{
	if (json_object_set_new(object, tag, made(value)) != 0)
		err_panic("could not write JSON");
}

static json_t *text_of(const char *vr, const char *text)
{
	return text[0] != '\0' ? json_pack("{s:s, s:[s]}", "vr", vr, "Value", text) : json_pack("{s:s}", "vr", vr);
}

int stow_status(const struct stow_result *results, size_t count)
{
	size_t stored = 0, too_large = 0;
	for (size_t i = 0; i < count; i++) {
		stored += results[i].failure == STOW_STORED;
		too_large += results[i].is_too_large;
	}
	if (stored > 0)
		return stored == count ? 200 : 202;
	return too_large == count ? 413 : 409;
}

/* Reference to an object, PS3.3 table 10-11. */
static json_t *reference(const struct stow_result *result)
{
	json_t *item = made(json_object());
	put(item, "00081150", text_of("UI", result->sop_class_uid));
	put(item, "00081155", text_of("UI", result->sop_instance_uid));
	return item;
}

static json_t *stored_item(const struct stow_result *result, const char *base)
{
	char url[URL_SIZE] = "";
	json_t *item = reference(result);
	if (result->study_uid[0] != '\0' && result->series_uid[0] != '\0')
		snprintf(url, sizeof url, "%s/studies/%s/series/%s/instances/%s", base, result->study_uid,
		         result->series_uid, result->sop_instance_uid);
	put(item, "00081190", text_of("UR", url));
	return item;
}

static json_t *failed_item(const struct stow_result *result, bool is_named)
{
	json_t *item = is_named ? reference(result) : made(json_object());
	put(item, "00081197", json_pack("{s:s, s:[i]}", "vr", "US", "Value", (int)result->failure));
	if (result->reason[0] != '\0')
		put(item, "00000902", text_of("LO", result->reason)); /* Error Comment, PS3.7 table E.1-1 */
	return item;
}

/* What all that was stored is of; empty: of several, or of none. */
static const char *common_study(const struct stow_result *results, size_t count)
{
	const char *study = NULL;
	for (size_t i = 0; i < count; i++) {
		if (results[i].failure != STOW_STORED)
			continue;
		if (study != NULL && strcmp(study, results[i].study_uid) != 0)
			return "";
		study = results[i].study_uid;
	}
	return study != NULL ? study : "";
}

static void put_sequence(json_t *response, const char *tag, json_t *items)
{
	if (json_array_size(items) == 0)
		json_decref(items);
	else
		put(response, tag, json_pack("{s:s, s:o}", "vr", "SQ", "Value", items));
}

json_t *stow_response(const struct stow_result *results, size_t count, const char *base)
{
	json_t *response = made(json_object()), *stored = made(json_array()), *failed = made(json_array()),
	       *nameless = made(json_array());
	const char *study = common_study(results, count);
	char url[URL_SIZE] = "";
	for (size_t i = 0; i < count; i++) {
		bool is_named = results[i].sop_instance_uid[0] != '\0' && results[i].sop_class_uid[0] != '\0';
		json_t *list = results[i].failure == STOW_STORED ? stored : is_named ? failed : nameless;
		json_t *item = list == stored ? stored_item(&results[i], base) : failed_item(&results[i], is_named);
		if (json_array_append_new(list, item) != 0)
			err_panic("could not write JSON");
	}
	if (study[0] != '\0')
		snprintf(url, sizeof url, "%s/studies/%s", base, study);
	put(response, "00081190", text_of("UR", url));
	put_sequence(response, "00081198", failed);
	put_sequence(response, "00081199", stored);
	put_sequence(response, "0008119A", nameless);
	return response;
}
