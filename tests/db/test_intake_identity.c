/* Who is who: rules of identity, and what they make of claims that agree, contradict or say nothing. */
#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

#include "tests/db/intake_fixture.h"

TestSuite(intake_identity, .init = fixture_setup, .fini = fixture_teardown, .timeout = 120);

static void literal(char *out, size_t size, const char *text)
{
	if (text)
		snprintf(out, size, "'%s'", text);
	else
		snprintf(out, size, "NULL");
}

Test(intake_identity, claims_are_compared_field_by_field)
{
	static const struct {
		const char *name, *sex, *birth, *other_name, *other_sex, *other_birth, *want;
	} cases[] = {
	    {"ZHANG^SAN=张^三", "M", "1957-03-12", "ZHANG^SAN=张^三", "M", "1957-03-12", "same"},
	    {"ZHANG^SAN=张^三", "M", NULL, "张三", "", NULL, "same"},
	    {"ZHANG^SAN=张^三", "M", NULL, "zhang san", "", NULL, "same"},
	    {"ZHANG^SAN=张^三", "", NULL, "ZHANG^SAN=章^三", "", NULL, "different"},
	    {"ZHANG^SAN", "", NULL, "ZHANG^SI", "", NULL, "different"},
	    {"张三", "", NULL, "李四", "", NULL, "different"},
	    {"张三", "M", NULL, "张三", "F", NULL, "different"},
	    {"张三", "M", NULL, "张三", "O", NULL, "same"},
	    {"张三", "", "1957-03-12", "张三", "", "1957-03-21", "different"},
	    {"张三", "", NULL, "ZHANG^SAN", "", NULL, "unclear"},
	    {"张三", "", "1957-03-12", "ZHANG^SAN", "", "1957-03-12", "same"},
	    {"", "", NULL, "张三", "", NULL, "unclear"},
	    {"张\xef\xbf\xbd", "", NULL, "张三", "", NULL, "unclear"},
	    {"王　小 明", "", NULL, "王^小明", "", NULL, "same"},
	};

	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		char sql[512], birth[32], other[32];
		const char *got;

		literal(birth, sizeof birth, cases[i].birth);
		literal(other, sizeof other, cases[i].other_birth);
		snprintf(sql, sizeof sql, "SELECT yq_identity_relation('%s', '%s', %s::date, '%s', '%s', %s::date)",
		         cases[i].name, cases[i].sex, birth, cases[i].other_name, cases[i].other_sex, other);
		got = ledger_value(fix.connection, sql);
		cr_expect_str_eq(got, cases[i].want, "%s: got %s, want %s", sql, got, cases[i].want);
	}
}

Test(intake_identity, ids_typed_to_get_past_the_console_are_known)
{
	static const struct {
		const char *id, *want;
	} cases[] = {
	    {"", "t"},           {"1", "t"},        {"000", "t"},      {"0000000000", "t"}, {"123", "t"},
	    {"123456", "t"},     {"zhangsan", "t"}, {"张三", "t"},     {" - ", "t"},        {"TEST", "t"},
	    {"1234567890", "t"}, {"TS-17", "f"},    {"20260017", "f"}, {"Z1234567", "f"},   {"440781195703120018", "f"},
	    {"17-3", "f"},
	};

	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		char sql[256];

		snprintf(sql, sizeof sql, "SELECT yq_is_trivial_id('%s')", cases[i].id);
		cr_expect_str_eq(ledger_value(fix.connection, sql), cases[i].want, "\"%s\": want %s", cases[i].id,
		                 cases[i].want);
	}
}

Test(intake_identity, national_ids_are_known_by_their_check_character)
{
	cr_expect_str_eq(ledger_value(fix.connection, "SELECT yq_national_id('11010519491231002X')"),
	                 "11010519491231002X");
	cr_expect_str_eq(ledger_value(fix.connection, "SELECT yq_national_id('11010519491231002x')"),
	                 "11010519491231002X");
	cr_expect_str_eq(ledger_value(fix.connection, "SELECT yq_national_id('110105194912310021')"), "");
	cr_expect_str_eq(ledger_value(fix.connection, "SELECT yq_national_id('20260017')"), "");
}

Test(intake_identity, dates_and_times_are_read_without_trust)
{
	static const struct {
		const char *sql, *want;
	} cases[] = {
	    {"SELECT yq_dicom_date('20240229')", "2024-02-29"},
	    {"SELECT yq_dicom_date('20230229')", ""},
	    {"SELECT yq_dicom_date('1957.03.12')", "1957-03-12"},
	    {"SELECT yq_dicom_date('unknown')", ""},
	    {"SELECT yq_dicom_date('00000000')", ""},
	    {"SELECT yq_dicom_date('20241301')", ""},
	    {"SELECT yq_dicom_date('99990101')", ""},
	    {"SELECT yq_dicom_time('20240230', '0830')", ""},
	    {"SELECT yq_dicom_time('20240229', '256161') IS NULL", "t"},
	    {"SELECT yq_dicom_time('20240229', '0830') = make_timestamptz(2024, 2, 29, 8, 30, 0)", "t"},
	    {"SELECT yq_dicom_time('20240229', '08:30:15.5') = make_timestamptz(2024, 2, 29, 8, 30, 15.5)", "t"},
	    {"SELECT yq_dicom_time('20240229', '235960') = make_timestamptz(2024, 2, 29, 23, 59, 59.999999)", "t"},
	};

	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++)
		cr_expect_str_eq(ledger_value(fix.connection, cases[i].sql), cases[i].want, "%s: got %s", cases[i].sql,
		                 ledger_value(fix.connection, cases[i].sql));
}

static void index_as(const char *name, const char *id, const char *birth, const char *sex)
{
	struct dataset dataset = fixture_sample();

	dataset.name = name;
	dataset.id = id;
	dataset.birth = birth;
	dataset.sex = sex;
	cr_assert_eq(fixture_index(&dataset, INTAKE_DEVICE, NULL), INDEX_STORED, "%s", fix_err.text);
}

static int patients(void)
{
	return fixture_count("SELECT count(DISTINCT patient_id) FROM identity_claim WHERE site_id = %s");
}

static int reviews(void)
{
	return fixture_count("SELECT count(*) FROM identity_review WHERE site_id = %s AND settled_at IS NULL");
}

Test(intake_identity, one_person_in_two_spellings_stays_one)
{
	index_as("ZHANG^SAN=张^三", "TS-17", "19570312", "M");
	index_as("张三", "TS-17", NULL, "M");
	index_as("ZHANG^SAN", "TS-17", "19570312", NULL);
	cr_expect_eq(patients(), 1, "got %d", patients());
	cr_expect_eq(fixture_count("SELECT count(*) FROM identity_claim WHERE site_id = %s"), 3);
	cr_expect_eq(reviews(), 0, "got %d", reviews());
}

Test(intake_identity, two_patients_under_one_typed_id_stay_two_and_wait_for_a_person)
{
	index_as("ZHANG^SAN=张^三", "TS-17", "19570312", "M");
	index_as("LI^SI=李^四", "TS-17", "19800101", "F");
	index_as("张三", "TS-17", "19570312", "M");
	index_as("李四", "TS-17", "19800101", "F");
	cr_expect_eq(patients(), 2, "got %d", patients());
	cr_expect_eq(reviews(), 1, "got %d", reviews());
	cr_expect_str_eq(fixture_value("SELECT reason FROM identity_review WHERE site_id = %s"), "contradiction");
	cr_expect_eq(fixture_count("SELECT count(*) FROM study WHERE site_id = %s"), 4);
}

Test(intake_identity, what_fits_two_patients_is_joined_to_neither)
{
	index_as("张三", "TS-17", "19570312", "M");
	index_as("李四", "TS-17", "19800101", "F");
	index_as("", "TS-17", "19570312", NULL); /* the birth date of one, the ID of both */
	cr_expect_eq(patients(), 2, "got %d", patients());
	index_as("", "TS-17", NULL, NULL); /* fits everybody, says nothing */
	cr_expect_eq(patients(), 3, "got %d", patients());
	cr_expect_eq(fixture_count("SELECT count(*) FROM identity_review WHERE site_id = %s AND reason = 'candidate'"),
	             2);
}

/* 440781195703121230: a man, born on 1957-03-12. */
Test(intake_identity, an_identity_number_counts_with_name_sex_and_birth_date)
{
	static const char number[] = "440781195703121230";

	index_as("ZHANG^SAN=张^三", number, "19570312", "M");
	index_as("张三", number, NULL, "M"); /* what is not said does not contradict: it stands in the number */
	cr_expect_eq(patients(), 1, "got %d", patients());
	cr_expect_eq(reviews(), 0, "got %d", reviews());
	index_as("", number, "19570312", "M"); /* no name */
	cr_expect_eq(patients(), 2, "got %d", patients());
	index_as("李四", number, "19570312", "M"); /* another name */
	cr_expect_eq(patients(), 3, "got %d", patients());
	index_as("张三", number, "19570321", "M"); /* another birth date than the number has */
	cr_expect_eq(patients(), 4, "got %d", patients());
	index_as("张三", number, "19570312", "F");
	cr_expect_eq(patients(), 5, "got %d", patients());
	cr_expect_gt(reviews(), 0);
}

/* The request has a 门诊号 and the identity number; the device sends the number as patient ID. */
Test(intake_identity, a_number_typed_as_patient_id_joins_who_was_registered_with_it)
{
	fixture_value(
	    "WITH p AS (INSERT INTO patient DEFAULT VALUES RETURNING patient_id) "
	    "INSERT INTO identity_claim (site_id, patient_id, source, trust, typed_id, name, sex, birth_text, "
	    "birth_date, national_id, content_hash) SELECT %s, patient_id, 'request', 10, 'M2026', '张三', 'M', "
	    "'19570312', '1957-03-12', '440781195703121230', sha256('r') FROM p RETURNING claim_id");
	index_as("张三", "440781195703121230", "19570312", "M");
	cr_expect_eq(patients(), 1, "got %d", patients());
	cr_expect_eq(reviews(), 0, "got %d", reviews());
	index_as("李四", "440781195703121230", "19570312", "M"); /* the card of somebody else */
	cr_expect_eq(patients(), 2, "got %d", patients());
	cr_expect_eq(reviews(), 1, "got %d", reviews());
}

/* One digit mistyped: no identity number, and as typed ID it is as good as any other. */
Test(intake_identity, a_wrong_check_character_makes_no_identity_number)
{
	index_as("张三", "440781195703121231", "19570312", "M");
	cr_expect_eq(fixture_count("SELECT count(*) FROM identity_claim WHERE national_id <> '' AND site_id = %s"), 0);
}

/* Two had the UID; who says nothing of himself is neither's by rule. */
Test(intake_identity, what_fits_both_of_a_split_study_is_joined_to_neither)
{
	struct dataset dataset = fixture_sample();
	char second[TEXT_UID_SIZE], third[TEXT_UID_SIZE];

	cr_assert_eq(fixture_index(&dataset, INTAKE_DEVICE, NULL), INDEX_STORED, "%s", fix_err.text);
	text_uid_new(second);
	dataset.sop_instance = second;
	dataset.name = "LI^SI=李^四";
	dataset.id = "TS-18";
	dataset.birth = "19800101";
	cr_assert_eq(fixture_index(&dataset, INTAKE_DEVICE, NULL), INDEX_STORED, "%s", fix_err.text);
	text_uid_new(third);
	dataset.sop_instance = third;
	dataset.name = dataset.id = dataset.birth = dataset.sex = NULL;
	cr_assert_eq(fixture_index(&dataset, INTAKE_DEVICE, NULL), INDEX_STORED, "%s", fix_err.text);
	cr_expect_eq(patients(), 3, "got %d", patients());
	cr_expect_str_eq(fixture_value("SELECT string_agg(split_no || ':' || instance_count, ' ' ORDER BY split_no) "
	                               "FROM study WHERE site_id = %s"),
	                 "0:1 1:1 2:1", "its image is in the study of one of the two");
	cr_expect_geq(reviews(), 1, "nobody is asked");
}

/* The running number of the day, soon somebody else's. */
Test(intake_identity, a_short_id_joins_only_with_the_birth_date)
{
	index_as("罗芳", "003", NULL, "F");
	index_as("罗芳", "003", NULL, "F");
	index_as("罗芳", "003", "19880402", "F");
	index_as("罗芳", "003", "19470911", "F");
	cr_expect_eq(patients(), 4, "got %d", patients());
	index_as("LUO^FANG=罗芳", "003", "19880402", "F");
	cr_expect_eq(patients(), 4, "with the birth date it joins, got %d", patients());
}

Test(intake_identity, an_id_that_others_had_joins_only_with_the_birth_date)
{
	index_as("张三", "TS-2117", "19570312", "M");
	index_as("李四", "TS-2117", "19800101", "F");
	index_as("张三", "TS-2117", NULL, "M");
	cr_expect_eq(patients(), 3, "a name alone, got %d", patients());
	index_as("ZHANG^SAN=张三", "TS-2117", "19570312", NULL);
	cr_expect_eq(patients(), 3, "with the birth date, got %d", patients());
}

Test(intake_identity, trivial_ids_join_nobody)
{
	index_as("张三", "1", NULL, "M");
	index_as("张三", "1", NULL, "M");
	index_as("李四", "1", NULL, "M");
	index_as("王五", "", "19600101", "M");
	index_as("赵六", NULL, NULL, NULL);
	cr_expect_eq(patients(), 5, "got %d", patients());
	/* Name, sex and birth date all there and equal: the same claim again. */
	index_as("王五", "", "19600101", "M");
	cr_expect_eq(patients(), 5, "got %d", patients());
	cr_expect_eq(reviews(), 0, "got %d", reviews());
}

Test(intake_identity, a_study_uid_kept_for_the_next_patient_is_split)
{
	struct dataset dataset = fixture_sample();
	char other[TEXT_UID_SIZE], third[TEXT_UID_SIZE], study[TEXT_UID_SIZE];

	text_copy(study, sizeof study, dataset.study);
	cr_assert_eq(fixture_index(&dataset, INTAKE_DEVICE, NULL), INDEX_STORED, "%s", fix_err.text);
	text_uid_new(other);
	dataset.sop_instance = other;
	dataset.name = "LI^SI=李^四";
	dataset.id = "TS-18";
	dataset.birth = "19800101";
	cr_assert_eq(fixture_index(&dataset, INTAKE_DEVICE, NULL), INDEX_STORED, "%s", fix_err.text);
	text_uid_new(
	    third); /* the next image of the second patient goes to the second study, also without birth date */
	dataset.sop_instance = third;
	dataset.birth = NULL;
	cr_assert_eq(fixture_index(&dataset, INTAKE_DEVICE, NULL), INDEX_STORED, "%s", fix_err.text);
	cr_expect_str_eq(fixture_value("SELECT string_agg(split_no || ':' || instance_count, ' ' ORDER BY split_no) "
	                               "FROM study WHERE site_id = %s"),
	                 "0:1 1:2");
	cr_expect_eq(
	    fixture_count("SELECT count(*) FROM identity_review WHERE site_id = %s AND reason = 'reused_study_uid'"),
	    1);
}

Test(intake_identity, blanks_within_one_study_do_not_split_it)
{
	struct dataset dataset = fixture_sample();
	char other[TEXT_UID_SIZE];

	cr_assert_eq(fixture_index(&dataset, INTAKE_DEVICE, NULL), INDEX_STORED, "%s", fix_err.text);
	text_uid_new(other);
	dataset.sop_instance = other;
	dataset.id = dataset.birth = dataset.sex = NULL;
	dataset.name = "张三";
	cr_assert_eq(fixture_index(&dataset, INTAKE_DEVICE, NULL), INDEX_STORED, "%s", fix_err.text);
	cr_expect_eq(fixture_count("SELECT count(*) FROM study WHERE site_id = %s"), 1);
	cr_expect_eq(patients(), 1, "got %d", patients());
}
