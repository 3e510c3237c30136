/* What may be registered, and identity numbers. */
#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

#include "lib/domain/national_id.h"
#include "lib/domain/request.h"

TestSuite(request_form, .timeout = 60);
TestSuite(national_id, .timeout = 60);

#define TODAY "2026-11-22"
#define DOCUMENT "440781195703121230" /* invented; 1957-03-12, male */

static struct request_form good(void)
{
	struct request_form form = {.name = "张三",
	                            .sex = "M",
	                            .birth_date = "1957-03-12",
	                            .patient_class = "outpatient",
	                            .modality = "DR",
	                            .body_part = "CHEST"};

	return form;
}

static void expect_refused(const struct request_form *form, const char *word)
{
	struct request_facts facts;
	struct err err;

	cr_expect_not(request_check(form, TODAY, &facts, &err), "it was taken: %s", word);
	cr_expect_eq(err.kind, ERR_INVALID);
	cr_expect(strstr(err.text, word), "\"%s\" does not say %s", err.text, word);
}

static void expect_name(const char *typed, const char *want)
{
	struct request_form form = good();
	struct request_facts facts;
	struct err err;

	form.name = typed;
	cr_assert(request_check(&form, TODAY, &facts, &err), "%s: %s", typed, err.text);
	cr_expect_str_eq(facts.name, want);
}

Test(request_form, what_is_not_ascii_is_the_second_group_of_a_name)
{
	expect_name("ZHANG^SAN", "ZHANG^SAN");
	expect_name("  O'Neil-Smith  ", "O'Neil-Smith");
	expect_name("张三", "=张三");
	expect_name("张三 ", "=张三");
	expect_name("𠮷野家", "=𠮷野家");
	expect_name("<img onerror>", "<img onerror>");
	expect_name("محمد", "=محمد");
}

Test(request_form, a_name_of_64_characters_is_the_longest)
{
	struct request_form form = good();
	struct request_facts facts;
	char name[4 * 65 + 1] = "";
	struct err err;

	for (int i = 0; i < 64; i++)
		memcpy(name + (size_t)4 * i, "𠮷", 5);
	form.name = name;
	cr_expect(request_check(&form, TODAY, &facts, &err), "%s", err.text);
	cr_expect_eq(strlen(facts.name), 64 * 4 + 1);
	memcpy(name + 256, "𠮷", 5);
	expect_refused(&form, "name");
}

Test(request_form, what_could_deceive_or_break_is_refused)
{
	static const char *const names[] = {"",
	                                    " ",
	                                    "a\nb",
	                                    "a\x1b[31m",
	                                    "a\x7f",
	                                    "a\xc2\x85",
	                                    "a\xe2\x80\xae"
	                                    "b",
	                                    "a=b",
	                                    "a\\b",
	                                    "a\xe2\x80\xa8",
	                                    "\xef\xbb\xbf"
	                                    "a",
	                                    "\xff",
	                                    "a\xe2\x81\xa6",
	                                    "\xef\xbf\xbe",
	                                    "^",
	                                    " ^ ^",
	                                    "\xe3\x80\x80",
	                                    "\xe2\x80\x8b^\xe2\x80\x8f"};

	for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
		struct request_form form = good();
		form.name = names[i];
		expect_refused(&form, "name");
	}
}

Test(request_form, a_birth_date_or_an_age_is_mandatory)
{
	struct request_form form = good();
	struct request_facts facts;
	struct err err;

	form.birth_date = NULL;
	expect_refused(&form, "birth_date or age_text");
	form.birth_date = "";
	form.age_text = "";
	expect_refused(&form, "birth_date or age_text");
	for (const char *const *age = (const char *const[]){"45Y", "6M", "3W", "10D", "100Y", NULL}; *age; age++) {
		form.age_text = *age;
		cr_expect(request_check(&form, TODAY, &facts, &err), "%s: %s", *age, err.text);
		cr_expect_str_empty(facts.birth_date);
	}
	for (const char *const *age = (const char *const[]){"45", "Y", "1000Y", "45y", "45YY", "-1Y", " 45Y", NULL};
	     *age; age++) {
		form.age_text = *age;
		expect_refused(&form, "age_text");
	}
	form = good();
	form.birth_date = "2026-11-23";
	expect_refused(&form, "future");
	form.birth_date = TODAY;
	cr_expect(request_check(&form, TODAY, &facts, &err), "born today: %s", err.text);
}

Test(request_form, an_identity_number_must_fit)
{
	struct request_form form = good();
	struct request_facts facts;
	struct err err;

	form.document = DOCUMENT;
	cr_expect(request_check(&form, TODAY, &facts, &err), "%s", err.text);
	cr_expect_str_eq(facts.document, DOCUMENT);
	form.sex = "O";
	cr_expect(request_check(&form, TODAY, &facts, &err), "%s", err.text);
	form.sex = "F";
	expect_refused(&form, "sex and identity number contradict");
	form.sex = "M";
	form.birth_date = "1957-03-13";
	expect_refused(&form, "birth_date and identity number contradict");
	form.birth_date = NULL;
	cr_expect(request_check(&form, TODAY, &facts, &err), "%s", err.text);
	cr_expect_str_eq(facts.birth_date, "1957-03-12", "the number says it");
	cr_expect_not(request_check(&form, "1957-03-11", &facts, &err), "not born yet");
}

Test(request_form, what_is_asked_for_is_an_item_or_modality_and_part)
{
	struct request_form form = good();
	struct request_facts facts;
	struct err err;

	form.body_part = "";
	expect_refused(&form, "asked for");
	form = good();
	form.modality = NULL;
	expect_refused(&form, "asked for");
	form.body_part = NULL;
	form.item_code_id = "00000000-0000-4000-8000-000000000000";
	cr_expect(request_check(&form, TODAY, &facts, &err), "%s", err.text);
	form.item_code_id = "x";
	expect_refused(&form, "item_code_id");
	form = good();
	form.laterality = "left right";
	expect_refused(&form, "laterality");
	form.laterality = "lef";
	expect_refused(&form, "laterality");
	form = good();
	form.patient_class = "out";
	expect_refused(&form, "patient_class");
	form = good();
	form.sex = "";
	expect_refused(&form, "sex");
}

Test(request_form, lines_are_only_where_there_is_room)
{
	struct request_form form = good();
	struct request_facts facts;
	struct err err;

	form.history = "one\ntwo\tthree";
	cr_expect(request_check(&form, TODAY, &facts, &err), "%s", err.text);
	form.history = "one\rtwo";
	expect_refused(&form, "history");
	form = good();
	form.department = "one\ntwo";
	expect_refused(&form, "department");
	form = good();
	form.allergy = "a\x01";
	expect_refused(&form, "allergy");
}

Test(national_id, check_birth_and_sex)
{
	struct national_id id;
	struct err err;

	cr_assert(national_id_parse(DOCUMENT, &id, &err), "%s", err.text);
	cr_expect_str_eq(id.birth, "1957-03-12");
	cr_expect_eq(id.sex, 'M');
}

/* Every single wrong digit is found, and every exchange of two neighbours that differ: that is what the check character is for. */
Test(national_id, one_slip_is_found)
{
	struct national_id id;
	struct err err;
	char text[NATIONAL_ID_SIZE];

	for (int place = 0; place < 18; place++) {
		for (const char *digit = "0123456789X"; *digit; digit++) {
			text_copy(text, sizeof text, DOCUMENT);
			text[place] = *digit;
			cr_expect_eq(national_id_parse(text, &id, &err), *digit == DOCUMENT[place], "%s", text);
		}
	}
	for (int place = 0; place < 17; place++) {
		text_copy(text, sizeof text, DOCUMENT);
		text[place] = DOCUMENT[place + 1];
		text[place + 1] = DOCUMENT[place];
		cr_expect_eq(national_id_parse(text, &id, &err), DOCUMENT[place] == DOCUMENT[place + 1], "%s", text);
	}
}

Test(national_id, an_x_may_be_small)
{
	struct national_id id;
	struct err err;
	char text[NATIONAL_ID_SIZE];
	bool has_met = false;

	for (int order = 100; order < 200 && !has_met; order++) {
		snprintf(text, sizeof text, "44078119570312%03dx", order);
		has_met = national_id_parse(text, &id, &err);
	}
	cr_expect(has_met, "no number with an X");
	cr_expect_eq(id.text[17], 'X', "kept as X");
}

Test(national_id, nonsense_is_refused_and_not_repeated)
{
	static const char *const texts[] = {"",
	                                    "1",
	                                    "44078119570312123",
	                                    "4407811957031212301",
	                                    "44078119571312123X",
	                                    "440781195702301239",
	                                    "044781195703121239",
	                                    "44078119570312123?",
	                                    "四四零七八一",
	                                    "X40781195703121239"};
	struct national_id id;
	struct err err;

	for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
		cr_expect_not(national_id_parse(texts[i], &id, &err), "%s", texts[i]);
		cr_expect(strlen(texts[i]) < 4 || !strstr(err.text, texts[i]), "the text has the number: %s", err.text);
	}
}
