/* Routing rules: conditions, groups, what several rules together say. */
#include <criterion/criterion.h>
#include <jansson.h>
#include <string.h>

#include "lib/domain/rule.h"
#include "lib/domain/rule_json.h"

TestSuite(rule, .timeout = 60);

static json_t *parse(const char *text)
{
	json_error_t error;
	json_t *json = json_loads(text, 0, &error);

	cr_assert_not_null(json, "%s in %s", error.text, text);
	return json;
}

static const char facts_text[] =
    "{\"site\": [\"s1\"], \"site_type\": [\"township_health_centre\"], \"modality\": [\"CT\"], \"body_part\": "
    "[\"CHEST\", \"胸部\"],"
    " \"study_description\": [\"胸部CT平扫\"], \"patient_class\": [\"outpatient\"], \"priority\": [\"routine\"],"
    " \"age\": {\"birth\": \"1950-11-29\", \"on\": \"2026-11-28\", \"text\": \"010Y\"}}";
/* A Saturday in November, 18:30. */
static const char moment_text[] = "{\"minute\": 1110, \"weekday\": 6, \"kinds\": [\"off\"]}";

/* ---- one condition ------------------------------------------------------------------------------------------------------- */

Test(rule, a_condition_fits_or_not)
{
	static const struct {
		const char *field, *op, *values;
		bool want;
	} cases[] = {
	    {"modality", "is", "[\"CT\"]", true},
	    {"modality", "is", "[\"MR\", \"CT\"]", true},
	    {"modality", "is", "[\"MR\"]", false},
	    {"modality", "is", "[\"C*\"]", false}, /* a code is no pattern */
	    {"modality", "not", "[\"MR\"]", true},
	    {"modality", "not", "[\"MR\", \"CT\"]", false},
	    {"modality", "missing", "[]", false},
	    {"modality", "any", "[]", true},
	    {"device", "missing", "[]", true},
	    {"device", "any", "[]", false},
	    {"device", "not", "[\"d1\"]", true}, /* what is not there is not that one */
	    {"device", "is", "[\"d1\"]", false},
	    {"body_part", "is", "[\"chest\"]", true},
	    {"body_part", "is", "[\"胸部\"]", true},
	    {"body_part", "is", "[\"ABDOMEN\"]", false},
	    {"study_description", "is", "[\"*ct*\"]", true},
	    {"study_description", "is", "[\"胸\"]", false},
	    {"study_description", "is", "[\"胸*\"]", true},
	    {"series_description", "is", "[\"*\"]", false}, /* nothing is no text */
	    {"series_description", "not", "[\"*scout*\"]", true},
	    {"site", "is", "[\"s1\"]", true},
	    {"site_type", "is", "[\"hospital\"]", false},
	    {"patient_class", "is", "[\"outpatient\"]", true},
	    {"priority", "not", "[\"urgent\"]", true},
	    {"hour", "is", "[\"18:00-08:00\"]", true},
	    {"hour", "is", "[\"18:30-18:31\"]", true},
	    {"hour", "is", "[\"18:00-18:30\"]", false},
	    {"hour", "is", "[\"08:00-12:00\", \"14:00-19:00\"]", true},
	    {"hour", "not", "[\"08:00-17:30\"]", true},
	    {"weekday", "is", "[\"6\", \"7\"]", true},
	    {"weekday", "is", "[\"1\"]", false},
	    {"day", "is", "[\"off\"]", true},
	    {"day", "is", "[\"holiday\"]", false},
	    {"day", "not", "[\"working\"]", true},
	    {"age", "is", "[\"65-\"]", true},
	    {"age", "is", "[\"75-75\"]", true}, /* the day before the 76th birthday */
	    {"age", "is", "[\"76-\"]", false},
	    {"age", "is", "[\"-14\"]", false},
	    {"age", "any", "[]", true},
	};
	json_t *facts = parse(facts_text), *moment = parse(moment_text);
	struct rule_case *study = rule_case_new(facts, moment);
	size_t i;

	for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		char text[500];
		json_t *document;
		struct rule_set *set;
		bool got;

		snprintf(text, sizeof(text),
		         "{\"groups\": [{\"name\": \"g\", \"mode\": \"first\", \"rules\": [{\"id\": \"r\", \"name\": "
		         "\"r\", \"is_enabled\": "
		         "true, \"conditions\": [{\"field\": \"%s\", \"op\": \"%s\", \"values\": %s}]}]}]}",
		         cases[i].field, cases[i].op, cases[i].values);
		document = parse(text);
		set = rule_set_new(document);
		got = rule_fits(&set->groups[0].rules[0], study);
		cr_expect_eq(got, cases[i].want, "%s %s %s: got %d, want %d", cases[i].field, cases[i].op,
		             cases[i].values, got, cases[i].want);
		rule_set_free(set);
		json_decref(document);
	}
	rule_case_free(study);
	json_decref(facts);
	json_decref(moment);
}

Test(rule, an_unknown_age_is_missing)
{
	json_t *facts = parse("{\"age\": {\"birth\": null, \"on\": \"2026-11-28\", \"text\": \"\"}}"),
	       *moment = parse(moment_text);
	struct rule_case *study = rule_case_new(facts, moment);
	const char *ages[] = {"0-"};
	struct rule_condition missing = {.field = RULE_AGE, .op = RULE_MISSING},
	                      all = {.field = RULE_AGE, .op = RULE_IS, .values = ages, .value_count = 1};

	cr_expect(rule_condition_fits(&missing, study));
	cr_expect(!rule_condition_fits(&all, study));
	rule_case_free(study);
	json_decref(facts);
	json_decref(moment);
}

/* ---- groups --------------------------------------------------------------------------------------------------------------- */

/* Three groups: reading (first), destinations (all), marks (all). */
static const char document_text[] = "{\"rule_set_id\": 7, \"version\": 3, \"groups\": ["
                                    "{\"name\": \"reading\", \"mode\": \"first\", \"rules\": ["
                                    " {\"id\": \"r1\", \"rule_id\": 1, \"name\": \"off\", \"is_enabled\": false, "
                                    "\"conditions\": [], \"queue\": \"q0\"},"
                                    " {\"id\": \"r2\", \"rule_id\": 2, \"name\": \"mr\", \"is_enabled\": true, "
                                    "\"conditions\": [{\"field\": \"modality\", \"op\": \"is\", "
                                    "\"values\": [\"MR\"]}], \"queue\": \"q1\"},"
                                    " {\"id\": \"r3\", \"rule_id\": 3, \"name\": \"ct\", \"is_enabled\": true, "
                                    "\"conditions\": [{\"field\": \"modality\", \"op\": \"is\", "
                                    "\"values\": [\"CT\"]}], \"queue\": \"q2\", \"priority\": 3},"
                                    " {\"id\": \"r4\", \"rule_id\": 4, \"name\": \"rest\", \"is_enabled\": true, "
                                    "\"conditions\": [], \"queue\": \"q3\", \"hold\": \"never\"}]},"
                                    "{\"name\": \"destinations\", \"mode\": \"all\", \"rules\": ["
                                    " {\"id\": \"r5\", \"rule_id\": 5, \"name\": \"pacs\", \"is_enabled\": true, "
                                    "\"conditions\": [], \"forward\": [\"d1\", \"d2\"], \"ai\": []},"
                                    " {\"id\": \"r6\", \"rule_id\": 6, \"name\": \"lung\", \"is_enabled\": true, "
                                    "\"conditions\": [{\"field\": \"body_part\", \"op\": \"is\", "
                                    "\"values\": [\"chest\"]}], \"forward\": [\"d2\"], \"ai\": [\"d3\"], \"queue\": "
                                    "\"q9\", \"priority\": 0, \"reading_mode\": \"local\"}]},"
                                    "{\"name\": \"marks\", \"mode\": \"all\", \"rules\": ["
                                    " {\"id\": \"r7\", \"rule_id\": 7, \"name\": \"doubt\", \"is_enabled\": true, "
                                    "\"conditions\": [{\"field\": \"device\", \"op\": \"missing\"}], "
                                    "\"hold\": \"which device?\", \"reading_mode\": \"central\"}]}]}";

static void expect_decision(const struct rule_decision *got)
{
	cr_expect_eq(got->counted_count, 4, "got %zu rules", got->counted_count);
	cr_expect_str_eq(got->queue->queue_id, "q2", "the first group decides the queue");
	cr_expect_str_eq(got->queue->name, "ct");
	cr_expect_eq(got->priority->priority, 3, "the first that says one");
	cr_expect_str_eq(got->mode->reading_mode, "local", "of a later group, when none before says it");
	cr_expect_str_eq(got->hold->hold, "which device?");
	cr_expect_eq(got->forward_count, 3, "each destination once");
	cr_expect_str_eq(got->forwards[1].destination_id, "d2");
	cr_expect_str_eq(got->forwards[1].rule->name, "pacs");
	cr_expect_str_eq(got->forwards[2].destination_id, "d3", "the AI node");
}

Test(rule, groups_give_their_first_or_all_and_together_decide)
{
	json_t *document = parse(document_text), *facts = parse(facts_text), *moment = parse(moment_text);
	struct rule_set *set = rule_set_new(document);
	struct rule_case *study = rule_case_new(facts, moment);
	struct rule_decision decision;

	rule_decide(set, study, &decision);
	expect_decision(&decision);
	rule_case_free(study);
	rule_set_free(set);
	json_decref(document);
	json_decref(facts);
	json_decref(moment);
}

Test(rule, nothing_fits_nothing_follows)
{
	json_t *document = parse("{\"groups\": [{\"name\": \"g\", \"mode\": \"all\", \"rules\": []}]}"),
	       *moment = parse(moment_text);
	struct rule_set *set = rule_set_new(document);
	struct rule_case *study = rule_case_new(moment, moment);
	struct rule_decision decision;

	rule_decide(set, study, &decision);
	cr_expect(!decision.queue && !decision.mode && !decision.priority && !decision.hold);
	cr_expect_eq(decision.counted_count + decision.forward_count, 0);
	rule_case_free(study);
	rule_set_free(set);
	json_decref(document);
	json_decref(moment);
}

Test(rule, an_explanation_names_the_condition)
{
	json_t *document = parse(document_text), *facts = parse(facts_text), *moment = parse(moment_text);
	struct rule_set *set = rule_set_new(document);
	struct rule_case *study = rule_case_new(facts, moment);
	json_t *why = rule_explain(set, study), *rules = json_object_get(json_array_get(why, 0), "rules");
	static const struct {
		bool fits, counts;
	} want[] = {{false, false}, {false, false}, {true, true}, {true, false}};
	size_t i;

	for (i = 0; i < 4; i++) {
		const json_t *rule = json_array_get(rules, i);

		cr_expect_eq(json_is_true(json_object_get(rule, "fits")), want[i].fits, "rule %zu fits", i + 1);
		cr_expect_eq(json_is_true(json_object_get(rule, "counts")), want[i].counts, "rule %zu counts", i + 1);
	}
	cr_expect(json_is_false(
	    json_object_get(json_array_get(json_object_get(json_array_get(rules, 1), "conditions"), 0), "fits")));
	json_decref(why);
	rule_case_free(study);
	rule_set_free(set);
	json_decref(document);
	json_decref(facts);
	json_decref(moment);
}
