/* What may be written into a rule. */
#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

#include "lib/domain/rule_form.h"

TestSuite(rule_form, .timeout = 60);

#define ID "11111111-2222-4333-8444-555555555555"
#define RULE(more) "{\"name\": \"CT at night\", \"queue\": \"" ID "\"" more "}"
#define CONDITION(text) RULE(", \"conditions\": [" text "]")

Test(rule_form, a_rule_is_bounded_and_every_refusal_says_why)
{
	static const struct {
		const char *text, *says; /* NULL: taken */
	} cases[] = {
	    {RULE(""), NULL},
	    {RULE(", \"priority\": -10, \"hold\": \"等待\", \"reading_mode\": \"local\", \"is_enabled\": false"), NULL},
	    {"{\"name\": \"x\", \"forward\": [\"" ID "\"]}", NULL},
	    {"[]", "JSON object"},
	    {"{\"name\": \"x\"}", "has to do something"},
	    {"{\"queue\": \"" ID "\"}", "name is missing"},
	    {"{\"name\": \"  \", \"queue\": \"" ID "\"}", "name is missing"},
	    {"{\"name\": \"a\\u001b[2J\", \"queue\": \"" ID "\"}", "control character"},
	    {"{\"name\": \"a\\u202eb\", \"queue\": \"" ID "\"}", "control character"},
	    {"{\"name\": 5, \"queue\": \"" ID "\"}", "name is missing"},
	    {"{\"name\": \"x\", \"queue\": \"1; DROP\"}", "id of a queue"},
	    {RULE(", \"queu\": 1"), "has no 'queu'"},
	    {RULE(", \"reading_mode\": \"remote\""), "reading_mode wants"},
	    {RULE(", \"priority\": 11"), "priority wants"},
	    {RULE(", \"priority\": \"5\""), "priority wants"},
	    {RULE(", \"forward\": \"x\""), "forward wants a list"},
	    {RULE(", \"forward\": [1]"), "forward wants ids"},
	    {RULE(", \"forward\": [\"" ID "\"], \"ai\": [\"" ID "\"]"), "twice"},
	    {RULE(", \"conditions\": {}"), "conditions wants a list"},
	    {CONDITION("{\"field\": \"modality\", \"op\": \"is\", \"values\": [\"CT\"]}"), NULL},
	    {CONDITION("{\"field\": \"device\", \"op\": \"missing\"}"), NULL},
	    {CONDITION("{\"field\": \"day\", \"op\": \"is\", \"values\": [\"holiday\"]}"), NULL},
	    {CONDITION("{\"field\": \"body_part\", \"op\": \"not\", \"values\": [\"*胸*\", \"(a+)+$\"]}"), NULL},
	    {CONDITION("{\"field\": \"colour\", \"op\": \"is\", \"values\": [\"x\"]}"), "no condition 'colour'"},
	    {CONDITION("{\"field\": \"modality\", \"op\": \"like\", \"values\": [\"x\"]}"), "is, not, missing or any"},
	    {CONDITION("{\"field\": \"modality\", \"op\": \"is\", \"values\": []}"), "1 to 50 values"},
	    {CONDITION("{\"field\": \"modality\", \"op\": \"is\"}"), "1 to 50 values"},
	    {CONDITION("{\"field\": \"modality\", \"op\": \"is\", \"values\": [\"ct\"]}"), "a code"},
	    {CONDITION("{\"field\": \"modality\", \"op\": \"is\", \"values\": [7]}"), "is missing"},
	    {CONDITION("{\"field\": \"modality\", \"op\": \"any\", \"values\": [\"CT\"]}"), "takes no values"},
	    {CONDITION("{\"field\": \"hour\", \"op\": \"missing\"}"), "always there"},
	    {CONDITION("{\"field\": \"hour\", \"op\": \"is\", \"values\": [\"25:00-26:00\"]}"), "hours, as"},
	    {CONDITION("{\"field\": \"weekday\", \"op\": \"is\", \"values\": [\"8\"]}"), "1 2 3 4 5 6 7"},
	    {CONDITION("{\"field\": \"age\", \"op\": \"is\", \"values\": [\"old\"]}"), "ages, as"},
	    {CONDITION("{\"field\": \"site\", \"op\": \"is\", \"values\": [\"水步\"]}"), "an id"},
	    {CONDITION("5"), "no condition ''"},
	};
	size_t i;

	for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		json_t *input = json_loads(cases[i].text, 0, NULL), *rule = NULL;
		struct err err = {0};
		bool got;

		cr_assert_not_null(input, "%s", cases[i].text);
		got = rule_form_read(input, &rule, &err);
		cr_expect_eq(got, !cases[i].says, "%s: %s", cases[i].text, err.text);
		if (!got && cases[i].says)
			cr_expect(strstr(err.text, cases[i].says), "%s: got \"%s\", want \"%s\"", cases[i].text,
			          err.text, cases[i].says);
		if (got)
			cr_expect_eq(json_object_size(rule), 9, "every member is there");
		json_decref(rule);
		json_decref(input);
	}
}

Test(rule_form, numbers_of_things_are_bounded)
{
	json_t *input = json_pack("{s:s, s:s, s:[]}", "name", "x", "queue", ID, "conditions"), *rule = NULL,
	       *values = json_array();
	struct err err;
	int i;

	for (i = 0; i < 51; i++)
		json_array_append_new(values, json_string("CT"));
	json_array_append_new(json_object_get(input, "conditions"),
	                      json_pack("{s:s, s:s, s:o}", "field", "modality", "op", "is", "values", values));
	cr_expect(!rule_form_read(input, &rule, &err) && strstr(err.text, "1 to 50"), "%s", err.text);
	json_array_clear(json_object_get(input, "conditions"));
	for (i = 0; i < 21; i++)
		json_array_append_new(json_object_get(input, "conditions"),
		                      json_pack("{s:s, s:s}", "field", "modality", "op", "any"));
	cr_expect(!rule_form_read(input, &rule, &err) && strstr(err.text, "at most 20"), "%s", err.text);
	json_decref(input);
}

Test(rule_form, a_description_is_checked)
{
	static const struct {
		const char *text;
		bool want;
	} cases[] = {
	    {"{}", true},
	    {"{\"modality\": [\"CT\"], \"patient_class\": [\"emergency\"], \"age\": {\"text\": \"045Y\"}}", true},
	    {"{\"patient_class\": [\"vip\"]}", false},
	    {"{\"modality\": \"CT\"}", false},
	    {"{\"hour\": [\"x\"]}", false},
	    {"{\"name\": [\"x\"]}", false},
	};
	size_t i;

	for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		json_t *facts = json_loads(cases[i].text, 0, NULL);
		struct err err = {0};

		cr_expect_eq(rule_form_facts(facts, &err), cases[i].want, "%s: %s", cases[i].text, err.text);
		json_decref(facts);
	}
}
