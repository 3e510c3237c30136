/* The rule that matches studies and requests without a person: what it takes, and above all what it leaves. */
#include <criterion/criterion.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>

#include "lib/domain/name_key.h"
#include "lib/domain/request.h"
#include "lib/domain/study.h"
#include "tests/db/county.h"

static struct county *county;

static void setup(void)
{
	ledger_setup();
	county = county_new();
	county_run(county, "UPDATE device SET modality = 'DX' WHERE public_id = $device");
}

static void teardown(void)
{
	county_free(county);
}

TestSuite(matching, .init = setup, .fini = teardown, .timeout = 300);

/* What is registered; a NULL name: nothing. */
struct registered {
	const char *name, *id, *sex, *birth, *document, *modality, *part;
};

/* What came. accession: "1" or "2" for the number of the first or second registration, else as it stands. */
struct came {
	const char *name, *id, *sex, *birth, *age, *accession, *modality, *part;
};

static void add_request(const struct registered *what, char id[TEXT_UUID_SIZE])
{
	struct request_form form = {.name = what->name,
	                            .patient_id = what->id,
	                            .sex = what->sex,
	                            .birth_date = what->birth,
	                            .document = what->document,
	                            .patient_class = "outpatient",
	                            .modality = what->modality,
	                            .body_part = what->part};
	struct err err;

	cr_assert(request_register(county->gateway, county->radiographer, &form, id, &err), "%s: %s", what->name,
	          err.text);
}

static void number_of(const char *request, char out[17])
{
	char sql[120];

	snprintf(sql, sizeof sql, "SELECT accession_number FROM request WHERE public_id = '%s'", request);
	text_copy(out, 17, county_value(county, sql));
}

/* As whoever writes a claim does it. */
static void make_keys(const struct came *what)
{
	struct name_keys keys;
	char sql[400];

	name_keys_make(what->name ? what->name : "", "", &keys);
	for (size_t i = 0; i < keys.count; i++) {
		snprintf(
		    sql, sizeof sql,
		    "INSERT INTO identity_key (claim_id, site_id, key, kind) SELECT claim_id, site_id, '%s', '%s' FROM "
		    "study WHERE public_id = $study ON CONFLICT DO NOTHING",
		    keys.keys[i].text, name_key_kind_name(keys.keys[i].kind));
		county_run(county, sql);
	}
}

/* At once, since the router of another test may take it as soon as it is there. */
static void add_study(const struct came *what, const char requests[2][TEXT_UUID_SIZE])
{
	char sql[1500], accession[17], id[65];
	const char *typed[] = {what->accession ? what->accession : "", what->id ? what->id : ""};
	char *values[] = {accession, id};
	size_t sizes[] = {sizeof accession, sizeof id};

	for (int i = 0; i < 2; i++)
		if (strcmp(typed[i], "#1") == 0 || strcmp(typed[i], "#2") == 0)
			number_of(requests[typed[i][1] - '1'], values[i]);
		else
			text_copy(values[i], sizes[i], typed[i]);
	county_run(county, "BEGIN");
	county_add_study(county, what->modality ? what->modality : "DX", "1 min");
	snprintf(
	    sql, sizeof sql,
	    "UPDATE identity_claim c SET name = '%s', typed_id = '%s', sex = '%s', birth_date = nullif('%s', '')::date,"
	    " national_id = yq_national_id('%s') FROM study s WHERE s.public_id = $study AND c.claim_id = s.claim_id",
	    what->name ? what->name : "", id, what->sex ? what->sex : "", what->birth ? what->birth : "", id);
	county_run(county, sql);
	snprintf(sql, sizeof sql,
	         "UPDATE study SET accession_number = '%s', body_part = '%s', patient_age_text = '%s' WHERE public_id "
	         "= $study",
	         accession, what->part ? what->part : "", what->age ? what->age : "");
	county_run(county, sql);
	make_keys(what);
	county_run(county, "COMMIT");
	county_settle(county);
}

static const char *matched_to(const char requests[2][TEXT_UUID_SIZE])
{
	const char *id =
	    county_value(county, "SELECT r.public_id FROM request_match m JOIN study s USING (study_id) JOIN"
	                         " request r USING (request_id) WHERE s.public_id = $study AND undone_at IS NULL");

	return id[0] == '\0'                  ? "nothing"
	       : strcmp(id, requests[0]) == 0 ? "first"
	       : strcmp(id, requests[1]) == 0 ? "second"
	                                      : "other";
}

#define FATHER "440781196203120017"
#define MAN "M", "1957-03-12"

/* Each with people of a day of its own, so that cases do not see one another. */
static const struct {
	const char *what;
	struct registered requests[2];
	struct came study;
	const char *want, *reasons;
} cases[] = {
    /* ---- certain ---- */
    {"number, name",
     {{"张三", NULL, MAN, NULL, "DR", "CHEST"}},
     {.name = "=张三", .id = "1", .accession = "#1"},
     "first",
     ""},
    {"number, pinyin of the Chinese name",
     {{"张三", NULL, MAN, NULL, "DR", "CHEST"}},
     {.name = "ZHANG^SAN", .accession = "#1"},
     "first",
     ""},
    {"number, pinyin by the surname's own reading",
     {{"单秀英", NULL, "F", "1961-04-05", NULL, "DR", "CHEST"}},
     {.name = "SHAN^XIUYING", .accession = "#1"},
     "first",
     ""},
    {"number typed as patient ID",
     {{"张三", NULL, MAN, NULL, "DR", "CHEST"}},
     {.name = "=张三", .id = "#1", .sex = "M"},
     "first",
     ""},
    {"name, sex and birth date, no number",
     {{"李桂英", NULL, "F", "1950-02-03", NULL, "DR", "CHEST"}},
     {.name = "=李桂英", .id = "7", .sex = "F", .birth = "1950-02-03", .modality = "CR", .part = "CHEST"},
     "first",
     ""},
    {"name and patient ID, no birth date",
     {{"李桂英", "ZY004711", "F", "1950-02-03", NULL, "DR", "CHEST"}},
     {.name = "=李桂英", .id = "ZY004711", .sex = "F", .age = "076Y", .modality = "DX", .part = "CHEST"},
     "first",
     ""},
    {"two requests of one patient, the number decides",
     {{"王五", "ZY004712", MAN, NULL, "DR", "CHEST"}, {"王五", "ZY004712", MAN, NULL, "DR", "KNEE"}},
     {.name = "=王五",
      .id = "ZY004712",
      .sex = "M",
      .birth = "1957-03-12",
      .accession = "#2",
      .modality = "DX",
      .part = "KNEE"},
     "second",
     ""},
    /* ---- left to people ---- */
    {"the number of another patient",
     {{"张三", NULL, MAN, NULL, "DR", "CHEST"}, {"李四", NULL, MAN, NULL, "DR", "CHEST"}},
     {.name = "=李四", .id = "1", .sex = "M", .birth = "1957-03-12", .accession = "#1"},
     "nothing",
     "contradicts"},
    {"the number of another patient, typed as ID",
     {{"张三", NULL, MAN, NULL, "DR", "CHEST"}},
     {.name = "=李四", .id = "#1", .sex = "M", .birth = "1957-03-12"},
     "nothing",
     "contradicts"},
    {"the number alone, the images say nothing of anybody",
     {{"张三", NULL, MAN, NULL, "DR", "CHEST"}},
     {.accession = "#1"},
     "nothing",
     "number_alone"},
    {"number and name, but the other sex",
     {{"张伟", NULL, MAN, NULL, "DR", "CHEST"}},
     {.name = "=张伟", .sex = "F", .accession = "#1"},
     "nothing",
     "contradicts"},
    {"number and name, but another age",
     {{"张伟", NULL, MAN, NULL, "DR", "CHEST"}},
     {.name = "=张伟", .sex = "M", .age = "034Y", .accession = "#1"},
     "nothing",
     "contradicts"},
    {"number and name, but the number of the CT on films",
     {{"张伟", NULL, MAN, NULL, "CT", "HEAD"}},
     {.name = "=张伟", .sex = "M", .birth = "1957-03-12", .accession = "#1", .modality = "DX", .part = "CHEST"},
     "nothing",
     "contradicts"},
    {"the number of one, the patient ID of another of the same name",
     {{"张伟", "ZY004713", MAN, NULL, "DR", "CHEST"}, {"张伟", "ZY004714", MAN, NULL, "DR", "CHEST"}},
     {.name = "=张伟", .id = "ZY004714", .sex = "M", .birth = "1957-03-12", .accession = "#1"},
     "nothing",
     "other_number"},
    {"same name alone",
     {{"张伟", NULL, MAN, NULL, "DR", "CHEST"}},
     {.name = "=张伟", .id = "1", .sex = "M"},
     "nothing",
     "too_little"},
    {"twins: one birth date, names of one character's difference",
     {{"张大伟", NULL, MAN, NULL, "DR", "CHEST"}},
     {.name = "=张小伟", .id = "1", .sex = "M", .birth = "1957-03-12"},
     "nothing",
     "contradicts"},
    {"twins in Latin letters: one reading, one birth date",
     {{"ZHANG WEI", NULL, MAN, NULL, "DR", "CHEST"}},
     {.name = "ZHANG^WEI", .id = "1", .sex = "M", .birth = "1957-03-12"},
     "nothing",
     "too_little"},
    {"two of one name and birth date",
     {{"张伟", NULL, MAN, NULL, "DR", "CHEST"}, {"张伟", NULL, MAN, NULL, "DR", "CHEST"}},
     {.name = "=张伟", .id = "1", .sex = "M", .birth = "1957-03-12", .modality = "DX", .part = "CHEST"},
     "nothing",
     "close_second"},
    {"the reused ID 1",
     {{"张伟", "1", MAN, NULL, "DR", "CHEST"}},
     {.name = "=张伟", .id = "1", .sex = "M"},
     "nothing",
     "too_little"},
    {"father and son under the father's card",
     {{"陈国强", FATHER, "M", "1962-03-12", FATHER, "DR", "CHEST"},
      {"陈小明", NULL, "M", "1990-05-06", NULL, "DR", "CHEST"}},
     {.name = "=陈小明", .id = FATHER, .sex = "M", .birth = "1990-05-06"},
     "nothing",
     "other_number"},
    {"the son alone is registered under the father's ID",
     {{"陈小明", "JZ009911", "M", "1990-05-06", NULL, "DR", "CHEST"}},
     {.name = "=陈国强", .id = "JZ009911", .sex = "M", .birth = "1962-03-12"},
     "nothing",
     "contradicts"},
    {"another part of the body",
     {{"李桂英", NULL, "F", "1950-02-03", NULL, "DR", "KNEE"}},
     {.name = "=李桂英", .id = "7", .sex = "F", .birth = "1950-02-03", .modality = "DX", .part = "CHEST"},
     "nothing",
     "too_little"},
    {"the modality is unknown",
     {{"李桂英", NULL, "F", "1950-02-03", NULL, "CT", "CHEST"}},
     {.name = "=李桂英", .id = "7", .sex = "F", .birth = "1950-02-03", .modality = "US", .part = "CHEST"},
     "nothing",
     "contradicts"},
    {"the neighbour's number: a Latin name that is not his, and his sex",
     {{"张三", NULL, MAN, NULL, "DR", "CHEST"}},
     {.name = "LI^GUO QIANG", .sex = "M", .accession = "#1"},
     "nothing",
     "number_alone"},
    {"the neighbour's number, no name, his sex and age",
     {{"张三", NULL, MAN, NULL, "DR", "CHEST"}},
     {.name = "", .sex = "M", .accession = "#1", .age = "069Y"},
     "nothing",
     "number_alone"},
    {"nobody is registered",
     {{.name = NULL}},
     {.name = "=李桂英", .id = "7", .sex = "F", .birth = "1950-02-03"},
     "nothing",
     "no_request"},
};

static void forget_all(void)
{
	county_run(county, "UPDATE request_match SET undone_at = yq_now() WHERE undone_at IS NULL AND site_id = "
	                   "(SELECT scope_id FROM scope"
	                   " WHERE public_id = $site)");
	county_run(county, "UPDATE request SET state = 'cancelled' WHERE site_id = (SELECT scope_id FROM scope WHERE "
	                   "public_id = $site)");
	county_run(county, "UPDATE study SET first_arrival_at = first_arrival_at - interval '30 days', last_arrival_at "
	                   "= last_arrival_at -"
	                   " interval '30 days' WHERE site_id = (SELECT scope_id FROM scope WHERE public_id = $site)");
	county_run(
	    county,
	    "UPDATE identity_claim SET typed_id = 'gone' || claim_id WHERE site_id = (SELECT scope_id FROM scope WHERE"
	    " public_id = $site)");
}

Test(matching, the_table_of_what_is_certain_and_what_is_not)
{
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		char requests[2][TEXT_UUID_SIZE] = {"", ""};
		const char *got;

		for (int k = 0; k < 2; k++)
			if (cases[i].requests[k].name)
				add_request(&cases[i].requests[k], requests[k]);
		add_study(&cases[i].study, requests);
		got = matched_to(requests);
		cr_expect_str_eq(got, cases[i].want, "%s: matched to %s, want %s", cases[i].what, got, cases[i].want);
		got = county_value(
		    county, "SELECT array_to_string(reasons, ' ') FROM match_decision d JOIN study s USING (study_id)"
		            " WHERE s.public_id = $study ORDER BY decision_id DESC LIMIT 1");
		cr_expect(cases[i].reasons[0] ? strstr(got, cases[i].reasons) != NULL : got[0] == '\0',
		          "%s: the rule says '%s', want '%s'", cases[i].what, got, cases[i].reasons);
		forget_all();
	}
}

static const struct registered one = {"李桂英", NULL, "F", "1950-02-03", NULL, "DR", "CHEST"};
static const struct came images = {"=李桂英", "7", "F", "1950-02-03", NULL, NULL, "DX", "CHEST"};

Test(matching, what_was_decided_is_kept_with_rule_score_and_margin)
{
	char requests[2][TEXT_UUID_SIZE] = {""};

	add_request(&one, requests[0]);
	add_study(&images, requests);
	county_expect(county,
	              "SELECT concat_ws(' ', m.method, m.rule_version, m.score, m.matched_by IS NULL, m.margin IS NULL,"
	              "                 (SELECT string_agg(e ->> 'name', ',' ORDER BY e ->> 'name') FROM "
	              "jsonb_array_elements(m.evidence) e))"
	              " FROM request_match m JOIN study s USING (study_id) WHERE s.public_id = $study",
	              "automatic 2 0.650 t t "
	              "birth_date_equal,body_part_equal,modality_equal,name_equal,sex_equal,within_two_hours",
	              "the match");
	county_expect(county,
	              "SELECT concat_ws(' ', count(*), min(outcome), min(rule_version)) FROM match_decision JOIN study "
	              "s USING (study_id)"
	              " WHERE s.public_id = $study",
	              "1 matched 2", "one decision");
	county_settle(county);
	county_expect(county, "SELECT count(*) FROM event WHERE subject_id = $study AND kind = 'study.matched'", "1",
	              "one event");
}

Test(matching, a_request_that_comes_behind_the_images_is_seen)
{
	char requests[2][TEXT_UUID_SIZE] = {""};

	add_study(&images, requests);
	cr_expect_str_eq(matched_to(requests), "nothing");
	add_request(&one, requests[0]);
	county_settle(county);
	cr_expect_str_eq(matched_to(requests), "first", "registered after the images");
	county_expect(
	    county,
	    "SELECT string_agg(outcome || array_to_string(reasons, ','), ' ' ORDER BY decision_id) FROM match_decision"
	    " JOIN study s USING (study_id) WHERE s.public_id = $study",
	    "waitingno_request matched", "both decisions are kept");
}

Test(matching, a_rival_that_is_cancelled_makes_the_other_certain)
{
	char requests[2][TEXT_UUID_SIZE];
	struct err err;

	add_request(&one, requests[0]);
	add_request(&one, requests[1]);
	add_study(&images, requests);
	cr_expect_str_eq(matched_to(requests), "nothing");
	cr_assert(request_cancel(county->gateway, county->radiographer, requests[1], &err), "%s", err.text);
	county_settle(county);
	cr_expect_str_eq(matched_to(requests), "first");
}

Test(matching, what_a_person_parted_stays_apart)
{
	char requests[2][TEXT_UUID_SIZE] = {""};
	struct err err;

	add_request(&one, requests[0]);
	add_study(&images, requests);
	cr_expect_str_eq(matched_to(requests), "first");
	cr_assert(request_unmatch(county->gateway, county->radiographer, county->study, "另一位同名患者", &err), "%s",
	          err.text);
	county_settle(county);
	cr_expect_str_eq(matched_to(requests), "nothing");
}

Test(matching, a_site_may_leave_everything_but_the_number_to_people)
{
	char requests[2][TEXT_UUID_SIZE] = {""};
	struct came numbered = images;

	county_run(county, "INSERT INTO match_policy (site_id, beyond_accession) SELECT scope_id, false FROM scope "
	                   "WHERE public_id = $site");
	add_request(&one, requests[0]);
	add_study(&images, requests);
	cr_expect_str_eq(matched_to(requests), "nothing");
	county_expect(county,
	              "SELECT reasons FROM match_decision JOIN study s USING (study_id) WHERE s.public_id = $study",
	              "{switched_off}", "why");
	numbered.accession = "#1";
	add_study(&numbered, requests);
	cr_expect_str_eq(matched_to(requests), "first", "the number still counts");
}

/* 正侧位 that come as two studies of one image each are one request's; a third study is not. */
Test(matching, two_views_as_two_studies_are_one_request)
{
	struct request_form form = {
	    .name = "李桂英", .sex = "F", .birth_date = "1950-02-03", .patient_class = "outpatient"};
	char requests[2][TEXT_UUID_SIZE] = {""}, item[TEXT_UUID_SIZE], first[TEXT_UUID_SIZE];
	struct came numbered = images;
	struct err err;

	text_copy(item, sizeof item,
	          county_value(county, "SELECT public_id FROM item_code WHERE local_code = 'dr.chest-2'"));
	form.item_code_id = item;
	cr_assert(request_register(county->gateway, county->radiographer, &form, requests[0], &err), "%s", err.text);
	numbered.accession = "#1";
	county_run(county, "SELECT 1");
	add_study(&numbered, requests);
	text_copy(first, sizeof first, county->study);
	cr_expect_str_eq(matched_to(requests), "first");
	add_study(&numbered, requests);
	cr_expect_str_eq(matched_to(requests), "first", "the lateral");
	county_expect(county, "SELECT state FROM study WHERE public_id = $study", "complete",
	              "with the other both views are there");
	text_copy(county->study, TEXT_UUID_SIZE, first);
	county_expect(county, "SELECT state FROM study WHERE public_id = $study", "complete", "of the first, too");
	add_study(&numbered, requests);
	cr_expect_str_eq(matched_to(requests), "nothing", "a third");
	cr_expect_not(request_match(county->gateway, county->radiographer, county->study, requests[0], "也是", &err),
	              "nor by hand");
	cr_expect_eq(err.kind, ERR_CONFLICT, "%s", err.text);
}

/* Another room's film under the same number within the same hour is not the second view. */
Test(matching, the_second_view_comes_from_the_same_device)
{
	struct request_form form = {
	    .name = "李桂英", .sex = "F", .birth_date = "1950-02-03", .patient_class = "outpatient"};
	char requests[2][TEXT_UUID_SIZE] = {""}, item[TEXT_UUID_SIZE];
	struct came numbered = images;
	struct err err;

	text_copy(item, sizeof item,
	          county_value(county, "SELECT public_id FROM item_code WHERE local_code = 'dr.chest-2'"));
	form.item_code_id = item;
	cr_assert(request_register(county->gateway, county->radiographer, &form, requests[0], &err), "%s", err.text);
	numbered.accession = "#1";
	add_study(&numbered, requests);
	county_run(county, "UPDATE study SET device_id = NULL WHERE public_id = $study");
	add_study(&numbered, requests);
	cr_expect_str_eq(matched_to(requests), "nothing");
	county_expect(county,
	              "SELECT reasons FROM match_decision JOIN study s USING (study_id) WHERE s.public_id = $study",
	              "{taken}", "why");
}

struct settler {
	pthread_barrier_t *start;
	bool ok;
	struct err err;
};

static void *run_settler(void *context)
{
	struct settler *settler = context;
	char id[TEXT_UUID_SIZE];

	pthread_barrier_wait(settler->start);
	do
		settler->ok = study_settle_next(county->router, NULL, 0, id, &settler->err);
	while (settler->ok && id[0]);
	return NULL;
}

/* Several routers at once, with studies that all are certain to be of one request: one of them is, the others are told why not. */
Test(matching, at_once_a_request_is_matched_once)
{
	enum { ROUTERS = 4, STUDIES = 6 };
	char requests[2][TEXT_UUID_SIZE] = {""};
	struct settler settlers[ROUTERS];
	pthread_t threads[ROUTERS];
	pthread_barrier_t start;

	for (int i = 0; i < STUDIES; i++)
		add_study(&images, requests);
	add_request(&one, requests[0]);
	pthread_barrier_init(&start, NULL, ROUTERS);
	for (int i = 0; i < ROUTERS; i++) {
		settlers[i] = (struct settler){.start = &start};
		cr_assert_eq(pthread_create(&threads[i], NULL, run_settler, &settlers[i]), 0);
	}
	for (int i = 0; i < ROUTERS; i++) {
		pthread_join(threads[i], NULL);
		cr_expect(settlers[i].ok, "%s", settlers[i].err.text);
	}
	pthread_barrier_destroy(&start);
	county_expect(county,
	              "SELECT count(*) FROM request_match m JOIN scope s ON s.scope_id = m.site_id WHERE s.public_id = "
	              "$site AND undone_at IS NULL",
	              "1", "one match");
	county_expect(
	    county,
	    "SELECT string_agg(DISTINCT array_to_string(d.reasons, ','), ' ') FROM match_decision d JOIN scope s ON "
	    "s.scope_id = d.site_id WHERE s.public_id = $site AND d.request_id IS NOT NULL AND d.outcome = 'waiting'",
	    "taken", "the others");
}
