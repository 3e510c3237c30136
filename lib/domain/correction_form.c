/* What may be asked for. All of it comes from outside. */
#include <stdlib.h>
#include <string.h>

#include "lib/base/text.h"
#include "lib/domain/correction.h"
#include "lib/domain/request.h"

enum { REVISION_MAX = 64, CONFIRMED_MAX = 8 };

/* One member that is a text; absent or null: *out NULL. */
static bool read_text(const json_t *from, const char *name, size_t max, const char **out, struct err *err)
{
	const json_t *member = json_object_get(from, name);

	*out = NULL;
	if (!member || json_is_null(member))
		return true;
	if (!json_is_string(member))
		return err_set(err, ERR_INVALID, "%s is no text", name);
	if (json_string_length(member) > max)
		return err_set(err, ERR_INVALID, "%s is longer than %zu bytes", name, max);
	*out = json_string_value(member);
	return true;
}

static void put(json_t *to, const char *name, const char *text)
{
	if (text)
		json_object_set_new(to, name, json_string(text));
}

static bool copy_reason(const json_t *what, bool is_needed, json_t *to, struct err *err)
{
	const char *reason, *revision;

	if (!read_text(what, "reason", CORRECTION_REASON_MAX, &reason, err) ||
	    !read_text(what, "revision", REVISION_MAX, &revision, err))
		return false;
	if (is_needed && (!reason || !reason[strspn(reason, " \t\n")]))
		return err_set(err, ERR_INVALID, "cannot go on without a reason");
	if (is_needed && !revision)
		return err_set(err, ERR_INVALID, "revision is missing: look at the preview first");
	put(to, "reason", reason);
	put(to, "revision", revision);
	return true;
}

typedef bool is_member(const char *text);

static bool is_word(const char *text)
{
	return text[0] && strlen(text) <= 32 && strspn(text, "abcdefghijklmnopqrstuvwxyz_") == strlen(text);
}

/* A list of texts, each of which passes. */
static bool copy_list(const json_t *what, const char *name, size_t max, is_member *passes, json_t *to, struct err *err)
{
	const json_t *list = json_object_get(what, name), *one;
	size_t i;

	if (!list || json_is_null(list))
		return true;
	if (!json_is_array(list))
		return err_set(err, ERR_INVALID, "%s is no list", name);
	if (json_array_size(list) > max)
		return err_set(err, ERR_INVALID, "%s has more than %zu members", name, max);
	json_array_foreach(
	    list, i, one) if (!json_is_string(one) || json_string_length(one) != strlen(json_string_value(one)) ||
	                      !passes(json_string_value(one))) return err_set(err, ERR_INVALID,
	                                                                      "%s has a member that is none", name);
	json_object_set_new(to, name, json_deep_copy(list));
	return true;
}

static bool copy_id(const json_t *what, const char *name, bool is_needed, json_t *to, struct err *err)
{
	const char *id;

	if (!read_text(what, name, TEXT_UUID_SIZE - 1, &id, err))
		return false;
	if (!id)
		return !is_needed || err_set(err, ERR_INVALID, "%s is missing", name);
	put(to, name, id);
	return text_is_uuid(id) || err_set(err, ERR_INVALID, "%s is no id", name);
}

static bool read_patient(const json_t *patient, struct request_form *form, struct err *err)
{
	return read_text(patient, "name", (size_t)4 * REQUEST_NAME_MAX, &form->name, err) &&
	       read_text(patient, "sex", 8, &form->sex, err) &&
	       read_text(patient, "birth_date", 16, &form->birth_date, err) &&
	       read_text(patient, "patient_id", REQUEST_LINE_MAX, &form->patient_id, err) &&
	       read_text(patient, "document", 64, &form->document, err) &&
	       read_text(patient, "age_text", 16, &form->age_text, err);
}

/* The patient as typed; an empty member says "nothing", an absent one is as before. */
static bool copy_patient(const json_t *what, const char *today, bool needs_name, json_t *to, struct err *err)
{
	const json_t *patient = json_object_get(what, "patient");
	struct request_form form = {0};
	struct request_facts facts;
	json_t *copy;

	if (!json_is_object(patient))
		return err_set(err, ERR_INVALID, "patient is no object");
	if (!read_patient(patient, &form, err) || !request_check_person(&form, today, needs_name, &facts, err))
		return false;
	if (!form.name && !form.sex && !form.birth_date && !form.patient_id && !form.document && !form.age_text)
		return err_set(err, ERR_INVALID, "patient has nothing that could be changed");
	copy = json_object();
	json_object_set_new(to, "patient", copy);
	put(copy, "name", form.name ? facts.name : NULL);
	put(copy, "sex", form.sex);
	/* An identity number has a birth date in it. */
	put(copy, "birth_date", facts.birth_date[0] ? facts.birth_date : form.birth_date);
	put(copy, "patient_id", form.patient_id);
	put(copy, "document", form.document ? facts.document : NULL);
	put(copy, "age", form.age_text);
	return true;
}

static bool copy_choice(const json_t *what, json_t *to, struct err *err)
{
	return copy_list(what, "series", CORRECTION_SERIES_MAX, text_is_uid, to, err) &&
	       copy_list(what, "instances", CORRECTION_INSTANCES_MAX, text_is_uid, to, err);
}

/* Whose the images are: one way to say it. */
static bool copy_owner(const json_t *what, const char *today, json_t *to, struct err *err)
{
	int ways = 0;

	for (int i = 0; i < 3; i++) {
		const json_t *member = json_object_get(what, (const char *[]){"claim_id", "request_id", "patient"}[i]);
		ways += member && !json_is_null(member);
	}
	if (ways != 1)
		return err_set(err, ERR_INVALID, "one of claim_id, request_id and patient says whose the images are");
	if (json_is_object(json_object_get(what, "patient")))
		return copy_patient(what, today, true, to, err);
	return copy_id(what, "claim_id", false, to, err) && copy_id(what, "request_id", false, to, err);
}

static bool copy_kind(const json_t *what, const char *today, json_t *to, struct err *err)
{
	const char *kind;

	if (!read_text(what, "kind", 32, &kind, err))
		return false;
	put(to, "kind", kind ? kind : "");
	if (kind && strcmp(kind, "edit_patient") == 0)
		return copy_patient(what, today, false, to, err);
	if (kind && strcmp(kind, "split") == 0)
		return copy_choice(what, to, err) && copy_owner(what, today, to, err);
	if (kind && strcmp(kind, "move_images") == 0)
		return copy_choice(what, to, err) && copy_id(what, "target_study_id", true, to, err);
	if (kind && strcmp(kind, "merge") == 0)
		return copy_id(what, "target_study_id", true, to, err);
	return err_set(err, ERR_INVALID, "kind is none of: split merge move_images edit_patient");
}

bool correction_form(const json_t *what, const char *today, bool needs_reason, char **out, struct err *err)
{
	json_t *to = json_object();
	char *text = NULL;

	if (copy_kind(what, today, to, err) && copy_reason(what, needs_reason, to, err) &&
	    copy_list(what, "confirmed", CONFIRMED_MAX, is_word, to, err)) {
		text = json_dumps(to, JSON_COMPACT);
		if (!text)
			err_panic("could not write JSON");
	}
	json_decref(to);
	if (text)
		*out = text;
	return text != NULL;
}
