/* Conditions as an operator types them. */
#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

#include "gateway/yqctl/rule_text.h"

TestSuite(rule_text, .timeout = 60);

Test(rule_text, what_is_typed_is_read_and_printed_the_same)
{
	static const struct {
		const char *text, *json; /* NULL: refused */
		const char *printed;     /* NULL: as typed */
	} cases[] = {
	    {"", "[]", NULL},
	    {"modality = CT", "[{\"field\":\"modality\",\"op\":\"is\",\"values\":[\"CT\"]}]", NULL},
	    {" modality=CT , MR ;age missing",
	     "[{\"field\":\"modality\",\"op\":\"is\",\"values\":[\"CT\",\"MR\"]},{\"field\":\"age\",\"op\":\"missing\","
	     "\"values\":[]}]",
	     "modality = CT, MR; age missing"},
	    {"body_part != *胸*; device any",
	     "[{\"field\":\"body_part\",\"op\":\"not\",\"values\":[\"*胸*\"]},{\"field\":\"device\",\"op\":\"any\","
	     "\"values\":[]}]",
	     NULL},
	    {"site = \"a, b; c\", \"say \"\"x\"\"\"",
	     "[{\"field\":\"site\",\"op\":\"is\",\"values\":[\"a, b; c\",\"say \\\"x\\\"\"]}]", NULL},
	    {"modality = CT;", "[{\"field\":\"modality\",\"op\":\"is\",\"values\":[\"CT\"]}]", "modality = CT"},
	    {"modality", NULL, NULL},
	    {"modality =", NULL, NULL},
	    {"modality = ,CT", NULL, NULL},
	    {"modality = \"CT", NULL, NULL},
	    {"modality = \"CT\" MR", NULL, NULL},
	    {"modality ~ CT", NULL, NULL},
	    {"= CT", NULL, NULL},
	    {"MODALITY = CT", NULL, NULL},
	    {"modality = CT; ; age any", NULL, NULL},
	    {"age missing x", NULL, NULL},
	    {"modality = \xff", NULL, NULL},
	};
	size_t i;

	for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct text_buf line;
		struct err err = {0};
		json_t *conditions = NULL;
		char *got;
		size_t at;

		cr_expect_eq(rule_text_parse(cases[i].text, &conditions, &err), cases[i].json != NULL, "'%s': %s",
		             cases[i].text, err.text);
		if (!conditions)
			continue;
		got = json_dumps(conditions, JSON_COMPACT);
		cr_expect_str_eq(got, cases[i].json, "'%s': got %s", cases[i].text, got);
		free(got);
		text_buf_init(&line, 10000);
		for (at = 0; at < json_array_size(conditions); at++) {
			cr_assert(text_buf_printf(&line, "%s", at ? "; " : ""));
			rule_text_print(&line, json_array_get(conditions, at), NULL);
		}
		cr_expect_str_eq(line.data ? line.data : "", cases[i].printed ? cases[i].printed : cases[i].text);
		text_buf_fini(&line);
		json_decref(conditions);
	}
}

Test(rule_text, names_are_printed_for_ids)
{
	json_t *names = json_pack("{s:s}", "1", "水步, 卫生院"),
	       *condition = json_pack("{s:s, s:s, s:[s, s]}", "field", "site", "op", "not", "values", "1", "2");
	struct text_buf line;

	text_buf_init(&line, 1000);
	rule_text_print(&line, condition, names);
	cr_expect_str_eq(line.data, "site != \"水步, 卫生院\", 2");
	text_buf_fini(&line);
	json_decref(names);
	json_decref(condition);
}

Test(rule_text, a_description_says_what_is)
{
	json_t *conditions, *facts;
	struct err err;
	char *got;

	cr_assert(rule_text_parse("modality = CT; age = 70", &conditions, &err));
	cr_assert(rule_text_facts(conditions, &facts, &err), "%s", err.text);
	got = json_dumps(facts, JSON_COMPACT | JSON_SORT_KEYS);
	cr_expect_str_eq(got, "{\"age\":{\"text\":\"70Y\"},\"modality\":[\"CT\"]}");
	free(got);
	json_decref(facts);
	json_decref(conditions);
	cr_assert(rule_text_parse("modality != CT", &conditions, &err));
	cr_expect_not(rule_text_facts(conditions, &facts, &err));
	json_decref(conditions);
}
