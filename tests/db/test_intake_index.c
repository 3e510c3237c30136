/* From a received dataset to rows: what the ledger holds afterwards, also when many bring the same thing at once. */
#include <criterion/criterion.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>

#include "tests/db/intake_fixture.h"

TestSuite(intake_index, .init = fixture_setup, .fini = fixture_teardown, .timeout = 120);

#define EXPECT_VALUE(want, sql)                                                                                        \
	do {                                                                                                           \
		char got[1024];                                                                                        \
		text_copy(got, sizeof got, fixture_value(sql));                                                        \
		cr_expect_str_eq(got, want, "%s: got \"%s\", want \"%s\"", sql, got, want);                            \
	} while (0)

static void index_stored(const struct dataset *dataset)
{
	cr_assert_eq(fixture_index(dataset, INTAKE_DEVICE, NULL), INDEX_STORED, "%s", fix_err.text);
}

Test(intake_index, a_study_stands_in_the_ledger_in_utf8)
{
	struct dataset dataset = fixture_sample();
	char next[TEXT_UID_SIZE];

	dataset.modality = "CT";
	index_stored(&dataset);
	text_uid_new(next);
	dataset.sop_instance = next;
	index_stored(&dataset);
	EXPECT_VALUE("ZHANG^SAN=张^三|TS-20260017|M|1957-03-12|as_declared",
	             "SELECT c.name || '|' || c.typed_id || '|' || c.sex || '|' || c.birth_date || '|' || "
	             "min(i.charset_verdict) FROM identity_claim c "
	             "JOIN study s USING (claim_id) JOIN series r USING (study_id) JOIN instance i USING (series_id) "
	             "WHERE s.site_id = %s GROUP BY c.claim_id");
	EXPECT_VALUE(
	    "receiving|CT|2|true|2026-03-01 08:30:00",
	    "SELECT state || '|' || modality || '|' || instance_count || '|' || (size_bytes > 1000) || '|' || "
	    "to_char(study_at AT TIME ZONE 'Asia/Shanghai', 'YYYY-MM-DD HH24:MI:SS') FROM study WHERE site_id = %s");
	EXPECT_VALUE("1|2", "SELECT count(*) || '|' || sum(instance_count) FROM series WHERE site_id = %s");
	EXPECT_VALUE("instances {\"instances\": 1} x 2",
	             "SELECT min(kind) || ' ' || min(detail::text) || ' x ' || count(*) FROM study_signal WHERE "
	             "site_id = %s AND handled_at IS NULL");
	EXPECT_VALUE("device|1.2.840.10008.1.2.1|true|16",
	             "SELECT DISTINCT origin || '|' || transfer_syntax_uid || '|' || has_pixels || '|' || rows FROM "
	             "instance WHERE site_id = %s");
}

Test(intake_index, a_series_keeps_its_performed_step_and_requests)
{
	struct dataset dataset = fixture_sample();

	dataset.performed_date = "20260301";
	dataset.performed_time = "0830";
	dataset.step = "SPS 1 虚";
	index_stored(&dataset);
	EXPECT_VALUE(
	    "20260301|0830|[{\"step_id\": \"SPS 1 虚\", \"procedure_id\": \"\"}]",
	    "SELECT performed_date_text || '|' || performed_time_text || '|' || request_attributes FROM series "
	    "WHERE site_id = %s");
}

Test(intake_index, a_series_without_a_performed_step_says_nothing_of_it)
{
	struct dataset dataset = fixture_sample();

	index_stored(&dataset);
	EXPECT_VALUE(
	    "||[]", "SELECT performed_date_text || '|' || performed_time_text || '|' || request_attributes FROM series "
	            "WHERE site_id = %s");
}

Test(intake_index, undeclared_gb18030_becomes_readable_and_is_told)
{
	struct dataset dataset = fixture_sample();

	dataset.charset = NULL;
	dataset.name = "\xd5\xc5^\xc8\xfd";
	index_stored(&dataset);
	EXPECT_VALUE("张^三", "SELECT name FROM identity_claim WHERE site_id = %s");
	EXPECT_VALUE("detected", "SELECT charset_verdict FROM device WHERE site_id = %s");
}

Test(intake_index, the_same_object_again_is_a_duplicate_and_no_news)
{
	struct dataset dataset = fixture_sample();

	index_stored(&dataset);
	cr_expect_eq(fixture_index(&dataset, INTAKE_DEVICE, NULL), INDEX_DUPLICATE, "%s", fix_err.text);
	EXPECT_VALUE("1", "SELECT count(*) FROM instance WHERE site_id = %s");
	EXPECT_VALUE("1", "SELECT instance_count FROM study WHERE site_id = %s");
	EXPECT_VALUE("1", "SELECT count(*) FROM study_signal WHERE site_id = %s");
	EXPECT_VALUE("duplicate stored",
	             "SELECT string_agg(outcome, ' ' ORDER BY outcome) FROM reception WHERE site_id = %s");
}

Test(intake_index, replay_of_a_key_changes_nothing_and_says_the_same)
{
	struct dataset dataset = fixture_sample(), other;
	char key[3][STORE_KEY_SIZE];

	for (int i = 0; i < 3; i++)
		store_key_new(key[i]);
	other = dataset;
	other.seed = 9;
	for (int round = 0; round < 3; round++) {
		cr_expect_eq(fixture_index(&dataset, INTAKE_DEVICE, key[0]), INDEX_STORED, "round %d", round);
		cr_expect_eq(fixture_index(&dataset, INTAKE_DEVICE, key[1]), INDEX_DUPLICATE, "round %d", round);
		cr_expect_eq(fixture_index(&other, INTAKE_DEVICE, key[2]), INDEX_CONFLICT, "round %d", round);
	}
	EXPECT_VALUE("1|1|3|1", "SELECT (SELECT count(*) FROM instance WHERE site_id = s) || '|' || (SELECT "
	                        "instance_count FROM study WHERE site_id = s) "
	                        "|| '|' || (SELECT count(*) FROM reception WHERE site_id = s) || '|' || (SELECT "
	                        "count(*) FROM study_signal WHERE site_id = s) FROM (SELECT %s) t(s)");
}

Test(intake_index, other_bytes_under_one_uid_are_kept_as_a_conflict_once)
{
	struct dataset dataset = fixture_sample(), other = dataset;

	other.seed = 9;
	index_stored(&dataset);
	cr_expect_eq(fixture_index(&other, INTAKE_DEVICE, NULL), INDEX_CONFLICT, "%s", fix_err.text);
	cr_expect_eq(fixture_index(&other, INTAKE_DEVICE, NULL), INDEX_DUPLICATE, "%s", fix_err.text);
	cr_expect_eq(fixture_index(&dataset, INTAKE_DEVICE, NULL), INDEX_DUPLICATE, "%s", fix_err.text);
	EXPECT_VALUE("1 undecided", "SELECT count(*) || ' ' || min(kind) FROM instance_conflict WHERE site_id = %s");
	EXPECT_VALUE("1", "SELECT count(*) FROM study_signal WHERE site_id = %s");
}

Test(intake_index, our_own_report_is_no_news_and_stays_ours_when_it_comes_back)
{
	struct dataset image = fixture_sample(), report = image;
	char report_uid[TEXT_UID_SIZE], series[TEXT_UID_SIZE];

	index_stored(&image);
	text_uid_new(report_uid);
	text_uid_new(series);
	report.sop_instance = report_uid;
	report.series = series;
	report.modality = "SR";
	cr_expect_eq(fixture_index(&report, INTAKE_OWN, NULL), INDEX_STORED, "%s", fix_err.text);
	cr_expect_eq(fixture_index(&report, INTAKE_DEVICE, NULL), INDEX_DUPLICATE, "%s", fix_err.text);
	EXPECT_VALUE("device own", "SELECT string_agg(origin, ' ' ORDER BY origin) FROM instance WHERE site_id = %s");
	EXPECT_VALUE("1|1", "SELECT instance_count || '|' || (SELECT count(*) FROM study_signal g WHERE g.study_id = "
	                    "s.study_id) FROM study s WHERE site_id = %s");
	EXPECT_VALUE("1", "SELECT count(*) FROM identity_claim WHERE site_id = %s");
}

Test(intake_index, objects_without_a_study_have_an_instance_and_no_series)
{
	struct dataset dataset = fixture_sample();

	dataset.sop_class = TEST_COLOR_PALETTE;
	dataset.study = dataset.series = dataset.name = dataset.id = dataset.birth = dataset.sex = NULL;
	index_stored(&dataset);
	EXPECT_VALUE("t", "SELECT series_id IS NULL FROM instance WHERE site_id = %s");
	EXPECT_VALUE("0", "SELECT count(*) FROM study WHERE site_id = %s");
}

Test(intake_index, hostile_values_stay_values)
{
	struct dataset dataset = fixture_sample();

	dataset.name = "'; DROP TABLE study; --";
	dataset.id = "../../etc/passwd\\{\"x\":1}";
	dataset.birth = "20240230";
	dataset.date = "99999999";
	dataset.time = "abc";
	dataset.sex = "7";
	index_stored(&dataset);
	EXPECT_VALUE("'; DROP TABLE study; --", "SELECT name FROM identity_claim WHERE site_id = %s");
	EXPECT_VALUE("t", "SELECT birth_date IS NULL FROM identity_claim WHERE site_id = %s");
	EXPECT_VALUE("99999999|true",
	             "SELECT study_date_text || '|' || (study_at IS NULL) FROM study WHERE site_id = %s");
}

Test(intake_index, a_device_is_seen_counted_and_its_clock_measured)
{
	struct dataset dataset = fixture_sample();
	char next[TEXT_UID_SIZE];

	dataset.date = "20000101";
	index_stored(&dataset);
	EXPECT_VALUE("t", "SELECT clock_offset < interval '-20 years' AND last_seen_at > yq_now() - interval '1 hour' "
	                  "FROM device WHERE site_id = %s");
	/* A clock that is ahead is certain; the resend of old images afterwards does not hide it. */
	text_uid_new(next);
	dataset.sop_instance = next;
	dataset.date = "21000101";
	index_stored(&dataset);
	text_uid_new(next);
	dataset.date = "20240101";
	index_stored(&dataset);
	EXPECT_VALUE("t", "SELECT clock_offset > interval '50 years' FROM device WHERE site_id = %s");
	EXPECT_VALUE("3", "SELECT sum(images) FROM device_contact JOIN device USING (device_id) WHERE site_id = %s");
}

Test(intake_index, an_unknown_site_is_refused_for_good_and_says_so)
{
	struct dataset dataset = fixture_sample();

	text_uuid_new(fix.site);
	cr_assert_eq(fixture_index(&dataset, INTAKE_DEVICE, NULL), -1);
	cr_expect(index_is_poison(&fix_err), "%s", fix_err.text);
}

/* ---- many at once -------------------------------------------------------------------------------------------------------- */

enum { THREADS = 4, ROUNDS = 6 };

struct crowd {
	struct dataset base;
	atomic_int next, failed, stored;
	char same_key_uid[TEXT_UID_SIZE];
};

static void *bring(void *context)
{
	struct crowd *crowd = context;

	for (int i = 0; i < ROUNDS; i++) {
		struct dataset dataset = crowd->base;
		char uid[TEXT_UID_SIZE];
		int outcome;

		/* Every third object is one that all threads bring. */
		text_uid_new(uid);
		dataset.sop_instance = i % 3 == 0 ? crowd->same_key_uid : uid;
		outcome = fixture_index(&dataset, INTAKE_DEVICE, NULL);
		if (outcome < 0)
			atomic_fetch_add(&crowd->failed, 1);
		else if (outcome == INDEX_STORED)
			atomic_fetch_add(&crowd->stored, 1);
	}
	return NULL;
}

Test(intake_index, first_objects_of_one_patient_from_many_at_once_make_one_of_each)
{
	struct crowd crowd = {.base = fixture_sample()};
	pthread_t threads[THREADS];

	text_uid_new(crowd.same_key_uid);
	for (int i = 0; i < THREADS; i++)
		cr_assert_eq(pthread_create(&threads[i], NULL, bring, &crowd), 0);
	for (int i = 0; i < THREADS; i++)
		pthread_join(threads[i], NULL);
	cr_expect_eq(crowd.failed, 0, "%d failed, the last with: %s", crowd.failed, fix_err.text);
	cr_expect_eq(crowd.stored, 1 + THREADS * (ROUNDS - 2), "got %d", crowd.stored);
	EXPECT_VALUE("1", "SELECT count(*) FROM identity_claim WHERE site_id = %s");
	EXPECT_VALUE("1", "SELECT count(DISTINCT patient_id) FROM identity_claim WHERE site_id = %s");
	EXPECT_VALUE("1", "SELECT count(*) FROM study WHERE site_id = %s");
	EXPECT_VALUE("1", "SELECT count(*) FROM series WHERE site_id = %s");
	EXPECT_VALUE("17|17", "SELECT instance_count || '|' || (SELECT count(*) FROM instance i WHERE i.site_id = "
	                      "s.site_id) FROM study s WHERE site_id = %s");
	EXPECT_VALUE("17", "SELECT sum((detail->>'instances')::integer) FROM study_signal WHERE site_id = %s");
}
