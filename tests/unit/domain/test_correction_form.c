/* What may be asked for in a correction. */
#include <criterion/criterion.h>
#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#include "lib/domain/correction.h"

static const char id[] = "\"0b4e5e52-9d3c-4f0e-9a55-2f6a1d5a0c11\"";

/* The form as the ledger takes it, or NULL; free(3). */
static char *form(const char *text, bool needs_reason, struct err *err)
{
	json_t *what = json_loads(text, 0, NULL);
	char *out = NULL;

	cr_assert_not_null(what, "%s", text);
	if (!correction_form(what, "2026-11-28", needs_reason, &out, err))
		out = NULL;
	json_decref(what);
	return out;
}

Test(correction_form, names_and_birth_dates_come_out_as_the_ledger_has_them)
{
	struct err err;
	char *out = form("{\"kind\": \"edit_patient\", \"patient\": {\"name\": \" 李四 \", \"document\": "
	                 "\"440781196105060022\"}, \"more\": 1}",
	                 false, &err);

	cr_assert_not_null(out, "%s", err.text);
	cr_expect_str_eq(out,
	                 "{\"kind\":\"edit_patient\",\"patient\":{\"name\":\"=李四\",\"birth_date\":\"1961-05-06\","
	                 "\"document\":\"440781196105060022\"}}");
	free(out);
}

Test(correction_form, what_is_wrong_is_named)
{
	static const struct {
		const char *text, *why;
	} cases[] = {
	    {"{}", "kind"},
	    {"{\"kind\": \"match\"}", "kind"},
	    {"{\"kind\": [\"split\"]}", "kind"},
	    {"{\"kind\": \"edit_patient\"}", "patient"},
	    {"{\"kind\": \"edit_patient\", \"patient\": {\"phone\": \"1\"}}", "patient"},
	    {"{\"kind\": \"edit_patient\", \"patient\": {\"name\": \"李=四\"}}", "name"},
	    {"{\"kind\": \"edit_patient\", \"patient\": {\"birth_date\": \"2027-01-01\"}}", "future"},
	    {"{\"kind\": \"edit_patient\", \"patient\": {\"sex\": \"M\", \"document\": \"440781196105060022\"}}",
	     "contradict"},
	    {"{\"kind\": \"split\", \"series\": [\"1.2\"]}", "whose"},
	    {"{\"kind\": \"split\", \"series\": [\"1.2\"], \"patient\": {\"sex\": \"F\"}}", "name"},
	    {"{\"kind\": \"split\", \"series\": [1], \"patient\": {\"name\": \"a\"}}", "series"},
	    {"{\"kind\": \"split\", \"instances\": [\"1.2; DROP\"], \"patient\": {\"name\": \"a\"}}", "instances"},
	    {"{\"kind\": \"merge\"}", "target_study_id"},
	    {"{\"kind\": \"merge\", \"target_study_id\": \"x\"}", "target_study_id"},
	};

	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		struct err err;
		char *out = form(cases[i].text, false, &err);

		cr_expect_null(out, "%s was taken", cases[i].text);
		if (!out)
			cr_expect(err.kind == ERR_INVALID && strstr(err.text, cases[i].why), "%s: got %s",
			          cases[i].text, err.text);
		free(out);
	}
}

Test(correction_form, a_deed_has_a_reason_and_the_revision_of_its_preview)
{
	char text[300], *out;
	struct err err;

	snprintf(text, sizeof text, "{\"kind\": \"merge\", \"target_study_id\": %s}", id);
	out = form(text, false, &err);
	cr_expect_not_null(out, "%s", err.text);
	free(out);
	cr_expect(!form(text, true, &err) && strstr(err.text, "reason"), "%s", err.text);
	snprintf(text, sizeof text,
	         "{\"kind\": \"merge\", \"target_study_id\": %s, \"reason\": \" \", \"revision\": \"1-a\"}", id);
	cr_expect(!form(text, true, &err) && strstr(err.text, "reason"), "%s", err.text);
	snprintf(text, sizeof text, "{\"kind\": \"merge\", \"target_study_id\": %s, \"reason\": \"x\"}", id);
	cr_expect(!form(text, true, &err) && strstr(err.text, "preview"), "%s", err.text);
}
