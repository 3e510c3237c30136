#include "lib/transport/fhir_answer.h"

#include <jansson.h>
#include <stdbool.h>
#include <string.h>

#include "lib/base/text.h"

static bool is_text(const json_t *value, const char *want)
{
	const char *text = json_string_value(value);

	return text && strcmp(text, want) == 0;
}

/* One line: it goes where people read lists. */
static void copy_line(const char *from, char text[FHIR_TEXT_SIZE])
{
	text_copy(text, FHIR_TEXT_SIZE, from);
	for (; *text; text++)
		if ((unsigned char)*text < 0x20 || *text == 0x7f)
			*text = ' ';
}

/* OperationOutcome: the first issue that is no mere warning. True: there is one. */
static bool read_outcome(const json_t *outcome, char text[FHIR_TEXT_SIZE])
{
	const json_t *issue;
	size_t i;

	json_array_foreach(json_object_get(outcome, "issue"), i, issue)
	{
		const char *said = json_string_value(json_object_get(issue, "diagnostics"));
		const json_t *severity = json_object_get(issue, "severity");

		if (!is_text(severity, "error") && !is_text(severity, "fatal"))
			continue;
		if (!said)
			said = json_string_value(json_object_get(json_object_get(issue, "details"), "text"));
		if (!said)
			said = json_string_value(json_object_get(issue, "code"));
		if (said && !*text)
			copy_line(said, text);
		return true;
	}
	return false;
}

static bool read_entries(const json_t *bundle, char text[FHIR_TEXT_SIZE])
{
	const json_t *entry;
	bool has_failed = false;
	size_t i;

	json_array_foreach(json_object_get(bundle, "entry"), i, entry)
	{
		const json_t *response = json_object_get(entry, "response");
		const char *status = json_string_value(json_object_get(response, "status"));

		if (status && *status != '2') {
			(void)read_outcome(json_object_get(response, "outcome"), text);
			has_failed = true;
		}
	}
	return has_failed;
}

enum fhir_answer fhir_answer_read(const char *body, size_t length, char text[FHIR_TEXT_SIZE])
{
	json_t *answer = json_loadb(body, length, JSON_REJECT_DUPLICATES, NULL);
	const json_t *type = json_object_get(answer, "resourceType");
	enum fhir_answer kind = FHIR_ANSWER_NONE;

	text[0] = '\0';
	if (is_text(type, "Bundle"))
		kind = read_entries(answer, text) ? FHIR_ANSWER_FAILED : FHIR_ANSWER_DONE;
	else if (is_text(type, "OperationOutcome"))
		kind = read_outcome(answer, text) ? FHIR_ANSWER_FAILED : FHIR_ANSWER_DONE;
	json_decref(answer);
	return kind;
}
