/* What a doctor writes, names and ages: from what came in to what is kept and shown. */
#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/domain/report_body.h"
#include "lib/domain/report_facts.h"

static bool keep(const char *text, json_t **out, struct err *err)
{
	json_t *json = json_loads(text, JSON_ALLOW_NUL, NULL);
	struct report_body body;
	bool ok;

	cr_assert(json, "the case does not parse: %s", text);
	ok = report_body_from_json(json, &body, err) && report_body_to_json(&body, out, err);
	json_decref(json);
	return ok;
}

Test(report_body, texts_are_kept_as_they_are_but_for_their_ends)
{
	json_t *kept = NULL;
	char *text;
	struct err err;

	cr_assert(keep("{\"findings\":\"\\r\\n 一\\r\\n二\\t<b>  "
	               "\\n\",\"result\":\"positive\",\"is_critical\":true,\"quality_grade\":\"优\"}",
	               &kept, &err),
	          "%s", err.text);
	text = json_dumps(kept, JSON_SORT_KEYS | JSON_COMPACT);
	cr_assert_str_eq(
	    text, "{\"findings\":\" 一\\n二\\t<b>\",\"impression\":\"\",\"is_critical\":true,\"method\":\"\","
	          "\"quality_grade\":\"优\",\"quality_reason\":\"\",\"recommendation\":\"\",\"result\":\"positive\"}");
	free(text);
	json_decref(kept);
}

Test(report_body, bad_ones_are_refused_with_the_member)
{
	static const struct {
		const char *json, *want;
	} cases[] = {
	    {"[]", "no object"},
	    {"{\"finding\":\"x\"}", "unknown member"},
	    {"{\"findings\":3}", "findings"},
	    {"{\"findings\":\"a\\u0000b\"}", "findings"},
	    {"{\"method\":\"a\\u0007b\"}", "method"},
	    {"{\"result\":\"maybe\"}", "result"},
	    {"{\"result\":1}", "result"},
	    {"{\"is_critical\":\"yes\"}", "is_critical"},
	    {"{\"quality_grade\":\"A\"}", "quality_grade"},
	};

	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		json_t *kept = NULL;
		struct err err;

		cr_assert_not(keep(cases[i].json, &kept, &err), "%s was kept", cases[i].json);
		cr_assert_eq(err.kind, ERR_INVALID);
		cr_assert(strstr(err.text, cases[i].want), "%s: %s", cases[i].json, err.text);
	}
}

Test(report_body, a_text_has_a_limit)
{
	char *text = malloc(REPORT_TEXT_MAX + 2);
	struct report_body body = {.findings = text};
	json_t *kept = NULL;
	struct err err;

	memset(text, 'x', REPORT_TEXT_MAX + 1);
	text[REPORT_TEXT_MAX + 1] = '\0';
	cr_assert_not(report_body_to_json(&body, &kept, &err));
	text[REPORT_TEXT_MAX] = '\0';
	cr_assert(report_body_to_json(&body, &kept, &err), "%s", err.text);
	json_decref(kept);
	free(text);
}

Test(report_facts, names_are_shown_as_people_write_them)
{
	static const struct {
		const char *pn, *want;
	} cases[] = {
	    {"ZHANG^SAN=张^三=", "张三"},
	    {"Zhang^San", "Zhang San"},
	    {"张三", "张三"},
	    {"张^三", "张三"},
	    {"", ""},
	    {"=李^𠮷祥", "李𠮷祥"},
	    {"SMITH^JOHN^^DR=", "SMITH JOHN DR"},
	    {"^^", ""},
	    {"==", ""},
	};
	char name[100];

	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		report_display_name(cases[i].pn, name, sizeof name);
		cr_assert_str_eq(name, cases[i].want, "%s: got '%s', want '%s'", cases[i].pn, name, cases[i].want);
	}
	report_display_name("张三李四", name, 8); /* cut between characters, never inside */
	cr_assert_str_eq(name, "张三");
}

Test(report_facts, ages_have_their_unit)
{
	static const struct {
		const char *age, *birth, *day, *want;
	} cases[] = {
	    {"067Y", "", "", "67 岁"},
	    {"003M", "", "", "3 个月"},
	    {"012D", "", "", "12 天"},
	    {"六十七岁", "", "", "六十七岁"},
	    {"67", "", "", "67"},
	    {"", "1959-03-12", "2026-11-22T08:00:00+08:00", "67 岁"},
	    {"", "1959-11-23", "2026-11-22", "66 岁"},
	    {"", "2026-09-20", "2026-11-22", "2 个月"},
	    {"", "2026-11-20", "2026-11-22", "2 天"},
	    {"", "2030-01-01", "2026-11-22", ""},
	    {"", "", "2026-11-22", ""},
	    {"", "nonsense", "2026-11-22", ""},
	};
	char age[REPORT_AGE_SIZE];

	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		report_display_age(cases[i].age, cases[i].birth, cases[i].day, false, age);
		cr_assert_str_eq(age, cases[i].want, "case %zu: got '%s', want '%s'", i, age, cases[i].want);
	}
}
