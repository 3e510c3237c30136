#include "lib/domain/report_body.h"

#include <stdlib.h>
#include <string.h>

#include "lib/base/text.h"

enum { REASON_MAX = 400 };

static const char *const text_members[] = {"method",         "findings",      "impression",
                                           "recommendation", "quality_grade", "quality_reason"};
enum { TEXT_MEMBERS = sizeof text_members / sizeof text_members[0] };

static const char *const grades[] = {"", "甲", "乙", "丙", "废", "优", "良", "合格", "不合格"};

/* ---- from the caller's JSON ----------------------------------------------------------------------------------------- */

static bool is_known(const char *name)
{
	for (size_t i = 0; i < TEXT_MEMBERS; i++)
		if (strcmp(name, text_members[i]) == 0)
			return true;
	return strcmp(name, "result") == 0 || strcmp(name, "is_critical") == 0;
}

static bool take_text(const json_t *json, const char *name, const char **out, struct err *err)
{
	const json_t *member = json_object_get(json, name);

	if (member && !json_is_string(member) && !json_is_null(member))
		return err_set(err, ERR_INVALID, "cannot take the report: %s is no text", name);
	/* A text with U+0000 in it would be cut here without a word. */
	if (json_is_string(member) && strlen(json_string_value(member)) != json_string_length(member))
		return err_set(err, ERR_INVALID, "cannot take the report: control character in %s", name);
	*out = json_string_value(member);
	return true;
}

static bool take_result(const json_t *json, enum report_result *out, struct err *err)
{
	const json_t *member = json_object_get(json, "result");
	const char *word = json_string_value(member);

	if (!member || json_is_null(member))
		*out = REPORT_RESULT_UNSTATED;
	else if (word && strcmp(word, "positive") == 0)
		*out = REPORT_RESULT_POSITIVE;
	else if (word && strcmp(word, "negative") == 0)
		*out = REPORT_RESULT_NEGATIVE;
	else
		return err_set(err, ERR_INVALID, "cannot take the report: result is positive, negative or null");
	return true;
}

bool report_body_from_json(const json_t *json, struct report_body *out, struct err *err)
{
	struct report_body body = {0};
	const char **const texts[TEXT_MEMBERS] = {&body.method,         &body.findings,      &body.impression,
	                                          &body.recommendation, &body.quality_grade, &body.quality_reason};
	const json_t *critical;
	void *at;

	if (!json_is_object(json))
		return err_set(err, ERR_INVALID, "cannot take the report: its body is no object");
	for (at = json_object_iter((json_t *)(uintptr_t)json); at;
	     at = json_object_iter_next((json_t *)(uintptr_t)json, at))
		if (!is_known(json_object_iter_key(at)))
			return err_set(err, ERR_INVALID, "cannot take the report: unknown member in its body");
	for (size_t i = 0; i < TEXT_MEMBERS; i++)
		if (!take_text(json, text_members[i], texts[i], err))
			return false;
	critical = json_object_get(json, "is_critical");
	if (critical && !json_is_boolean(critical) && !json_is_null(critical))
		return err_set(err, ERR_INVALID, "cannot take the report: is_critical is true or false");
	body.is_critical = json_is_true(critical);
	if (!take_result(json, &body.result, err))
		return false;
	*out = body;
	return true;
}

/* ---- to what is kept -------------------------------------------------------------------------------------------------- */

static bool has_controls(const char *text)
{
	for (; *text; text++) {
		unsigned char c = (unsigned char)*text;

		if ((c < 0x20 && c != '\n' && c != '\t' && c != '\r') || c == 0x7f)
			return true;
	}
	return false;
}

/* Without carriage returns and blanks at the ends. *out: free(3). */
static char *tidy(const char *text)
{
	char *copy = malloc(strlen(text) + 1), *to = copy;

	if (!copy)
		err_panic("out of memory for a report");
	text += strspn(text, "\r\n");
	for (; *text; text++)
		if (*text != '\r')
			*to++ = *text;
	while (to > copy && strchr(" \t\n", to[-1]))
		to--;
	*to = '\0';
	return copy;
}

static bool put_text(json_t *json, const char *name, const char *text, size_t max, struct err *err)
{
	char *kept;
	bool ok;

	if (!text)
		text = "";
	if (strlen(text) > max)
		return err_set(err, ERR_INVALID, "cannot take the report: %s is longer than %zu bytes", name, max);
	if (!text_is_utf8(text, strlen(text)) || has_controls(text))
		return err_set(err, ERR_INVALID, "cannot take the report: control character in %s", name);
	kept = tidy(text);
	ok = json_object_set_new(json, name, json_string(kept)) == 0;
	free(kept);
	return ok || err_set(err, ERR_INVALID, "cannot take the report: %s is no text", name);
}

static bool grade_is_known(const char *grade)
{
	for (size_t i = 0; i < sizeof grades / sizeof grades[0]; i++)
		if (strcmp(grade ? grade : "", grades[i]) == 0)
			return true;
	return false;
}

bool report_body_to_json(const struct report_body *body, json_t **out, struct err *err)
{
	static const char *const results[] = {NULL, "negative", "positive"};
	json_t *json = json_object();

	if (!grade_is_known(body->quality_grade)) {
		json_decref(json);
		return err_set(err, ERR_INVALID, "cannot take the report: unknown quality_grade");
	}
	if (!put_text(json, "method", body->method, REPORT_TEXT_MAX, err) ||
	    !put_text(json, "findings", body->findings, REPORT_TEXT_MAX, err) ||
	    !put_text(json, "impression", body->impression, REPORT_TEXT_MAX, err) ||
	    !put_text(json, "recommendation", body->recommendation, REPORT_TEXT_MAX, err) ||
	    !put_text(json, "quality_grade", body->quality_grade, REASON_MAX, err) ||
	    !put_text(json, "quality_reason", body->quality_reason, REASON_MAX, err)) {
		json_decref(json);
		return false;
	}
	json_object_set_new(json, "result", results[body->result] ? json_string(results[body->result]) : json_null());
	json_object_set_new(json, "is_critical", json_boolean(body->is_critical));
	*out = json;
	return true;
}
