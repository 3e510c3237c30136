/* First objects of one patient, of one study, of one UID from many programs at once: one row each, no error, nobody joined who contradicts. */
#include <criterion/criterion.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/base/clock.h"
#include "lib/domain/name_index.h"
#include "tests/db/intake_fixture.h"

enum { SESSIONS = 8, OBJECTS = 12 };

TestSuite(intake_concurrent, .init = fixture_setup, .fini = fixture_teardown, .timeout = 300);

/* What one session brings in, one object a transaction. */
struct session {
	pthread_t thread;
	pthread_barrier_t *start;
	struct db_pool *pool;
	char *json[OBJECTS];
	enum index_outcome outcomes[OBJECTS];
	struct err err;
	bool ok;
};

static void *bring_in(void *context)
{
	struct session *session = context;

	pthread_barrier_wait(session->start);
	session->ok = true;
	for (int i = 0; session->ok && i < OBJECTS; i++)
		session->ok = index_objects(session->pool, (const char *const[]){session->json[i]}, 1,
		                            &session->outcomes[i], &session->err);
	return NULL;
}

/* Fields as a dataset would have them. */
static char *object(const char *study, const char *sop_instance, const char *name, const char *id, const char *birth,
                    const char *sex)
{
	struct intake_record record = {
	    .origin = INTAKE_DEVICE, .calling_ae = "DR1", .arrived_us = clock_wall_us(), .size_bytes = 100};
	struct dicom_fields fields = {
	    .series_number = -1, .instance_number = -1, .rows = -1, .columns = -1, .frames = -1, .has_study = true};

	store_key_new(record.key);
	text_copy(record.site, sizeof record.site, fix.site);
	text_copy(record.device, sizeof record.device, fix.device);
	text_copy(record.sop_class_uid, sizeof record.sop_class_uid, TEST_SECONDARY_CAPTURE);
	text_copy(record.sop_instance_uid, sizeof record.sop_instance_uid, sop_instance);
	text_copy(record.transfer_syntax_uid, sizeof record.transfer_syntax_uid, TEST_EXPLICIT);
	text_copy(fields.study_instance_uid, sizeof fields.study_instance_uid, study);
	snprintf(fields.series_instance_uid, sizeof fields.series_instance_uid, "%.60s.1", study);
	text_copy(fields.patient_name, sizeof fields.patient_name, name);
	text_copy(fields.patient_id, sizeof fields.patient_id, id);
	text_copy(fields.patient_birth_date, sizeof fields.patient_birth_date, birth);
	text_copy(fields.patient_sex, sizeof fields.patient_sex, sex);
	return index_encode(&record, &fields);
}

static void run_all(struct session *sessions)
{
	pthread_barrier_t start;
	struct db_pool *pool = ledger_pool("yq_storescp", SESSIONS);

	pthread_barrier_init(&start, NULL, SESSIONS);
	for (int s = 0; s < SESSIONS; s++) {
		sessions[s].start = &start;
		sessions[s].pool = pool;
		cr_assert_eq(pthread_create(&sessions[s].thread, NULL, bring_in, &sessions[s]), 0);
	}
	for (int s = 0; s < SESSIONS; s++) {
		pthread_join(sessions[s].thread, NULL);
		cr_expect(sessions[s].ok, "session %d: %s", s, sessions[s].err.text);
		for (int i = 0; i < OBJECTS; i++)
			free(sessions[s].json[i]);
	}
	pthread_barrier_destroy(&start);
	db_pool_free(pool);
}

static int outcomes(const struct session *sessions, enum index_outcome wanted)
{
	int count = 0;

	for (int s = 0; s < SESSIONS; s++)
		for (int i = 0; i < OBJECTS; i++)
			count += sessions[s].outcomes[i] == wanted;
	return count;
}

static void expect(int want, const char *query)
{
	cr_expect_eq(fixture_count(query), want, "%s: got %d, want %d", query, fixture_count(query), want);
}

Test(intake_concurrent, one_patient_and_two_studies_from_everywhere_at_once_are_one_and_two)
{
	struct session sessions[SESSIONS] = {0};
	char study[2][TEXT_UID_SIZE], uid[TEXT_UID_SIZE];

	text_uid_new(study[0]);
	text_uid_new(study[1]);
	for (int s = 0; s < SESSIONS; s++)
		for (int i = 0; i < OBJECTS; i++) {
			text_uid_new(uid);
			sessions[s].json[i] =
			    object(study[(s + i) % 2], uid, "LI^GUIYING=李^桂英", "TS-17", "19570312", "F");
		}
	run_all(sessions);
	cr_expect_eq(outcomes(sessions, INDEX_STORED), SESSIONS * OBJECTS);
	expect(1, "SELECT count(*) FROM identity_claim WHERE site_id = %s");
	expect(1, "SELECT count(DISTINCT patient_id) FROM identity_claim WHERE site_id = %s");
	expect(2, "SELECT count(*) FROM study WHERE site_id = %s");
	expect(SESSIONS * OBJECTS, "SELECT sum(instance_count) FROM study WHERE site_id = %s");
	expect(2, "SELECT count(*) FROM series WHERE site_id = %s");
	expect(0, "SELECT count(*) FROM identity_review WHERE site_id = %s");
	expect(0, "SELECT count(*) FROM identity_wanted WHERE work = 'keys' AND site_id = %s");
	expect(1, "SELECT count(*) FROM identity_key WHERE key = 'lgy' AND site_id = %s");
}

Test(intake_concurrent, spellings_of_one_patient_at_once_stay_one_patient)
{
	static const char *const names[] = {"LI^GUIYING=李^桂英", "李桂英", "LI GUIYING", "李^桂英"};
	struct session sessions[SESSIONS] = {0};
	char study[TEXT_UID_SIZE], uid[TEXT_UID_SIZE];

	for (int s = 0; s < SESSIONS; s++)
		for (int i = 0; i < OBJECTS; i++) {
			text_uid_new(study);
			text_uid_new(uid);
			sessions[s].json[i] = object(study, uid, names[(s + i) % 4], "TS-17", "19570312", "F");
		}
	run_all(sessions);
	expect(4, "SELECT count(*) FROM identity_claim WHERE site_id = %s");
	expect(1, "SELECT count(DISTINCT patient_id) FROM identity_claim WHERE site_id = %s");
	expect(SESSIONS * OBJECTS, "SELECT count(*) FROM study WHERE site_id = %s");
}

Test(intake_concurrent, two_people_under_one_id_and_one_study_at_once_are_never_joined)
{
	struct session sessions[SESSIONS] = {0};
	char study[TEXT_UID_SIZE], uid[TEXT_UID_SIZE];

	text_uid_new(study);
	for (int s = 0; s < SESSIONS; s++)
		for (int i = 0; i < OBJECTS; i++) {
			bool is_first = (s + i) % 2;

			text_uid_new(uid);
			sessions[s].json[i] = object(study, uid, is_first ? "张^三" : "李^四", "TS-17",
			                             is_first ? "19570312" : "19800101", is_first ? "M" : "F");
		}
	run_all(sessions);
	cr_expect_eq(outcomes(sessions, INDEX_STORED), SESSIONS * OBJECTS);
	expect(2, "SELECT count(DISTINCT patient_id) FROM identity_claim WHERE site_id = %s");
	expect(2, "SELECT count(*) FROM study WHERE site_id = %s");
	cr_expect_str_eq(fixture_value("SELECT string_agg(instance_count::text, ' ') FROM study WHERE site_id = %s"),
	                 "48 48");
	expect(1, "SELECT count(*) FROM identity_review WHERE reason = 'contradiction' AND site_id = %s");
	expect(1, "SELECT count(*) FROM identity_review WHERE reason = 'reused_study_uid' AND site_id = %s");
}

Test(intake_concurrent, one_object_from_everywhere_at_once_is_kept_once)
{
	struct session sessions[SESSIONS] = {0};
	char study[TEXT_UID_SIZE], uids[OBJECTS][TEXT_UID_SIZE];

	text_uid_new(study);
	for (int i = 0; i < OBJECTS; i++)
		text_uid_new(uids[i]);
	for (int s = 0; s < SESSIONS; s++)
		for (int i = 0; i < OBJECTS; i++)
			sessions[s].json[i] = object(study, uids[i], "王^五", "", "", "");
	run_all(sessions);
	cr_expect_eq(outcomes(sessions, INDEX_STORED), OBJECTS);
	cr_expect_eq(outcomes(sessions, INDEX_DUPLICATE), (SESSIONS - 1) * OBJECTS);
	expect(OBJECTS, "SELECT sum(instance_count) FROM study WHERE site_id = %s");
	expect(1, "SELECT count(*) FROM identity_claim WHERE site_id = %s");
}

/* ---- late and resent objects of a study UID that two people had -------------------------------------------------------- */

static enum index_outcome bring_one(char *json)
{
	enum index_outcome outcome = INDEX_CONFLICT;

	cr_assert(index_objects(fix.pool, (const char *const[]){json}, 1, &outcome, &fix_err), "%s", fix_err.text);
	free(json);
	return outcome;
}

static const char *images(void)
{
	return fixture_value(
	    "SELECT string_agg(c.name || ' ' || s.instance_count, ', ' ORDER BY s.split_no) FROM study s "
	    "JOIN identity_claim c USING (claim_id) WHERE s.site_id = %s");
}

Test(intake_concurrent, late_and_resent_images_of_a_split_study_come_to_their_own_patient)
{
	char study[TEXT_UID_SIZE], uids[6][TEXT_UID_SIZE];

	text_uid_new(study);
	for (int i = 0; i < 6; i++)
		text_uid_new(uids[i]);
	bring_one(object(study, uids[0], "张^三", "TS-17", "19570312", "M"));
	bring_one(object(study, uids[1], "李^四", "TS-18", "19800101", "F"));
	cr_expect_str_eq(images(), "张^三 1, 李^四 1");
	/* Late ones of either, also with less of the patient in them. */
	bring_one(object(study, uids[2], "张^三", "TS-17", "19570312", "M"));
	bring_one(object(study, uids[3], "李^四", "TS-18", "", ""));
	bring_one(object(study, uids[4], "李^四", "", "", ""));
	bring_one(object(study, uids[5], "ZHANG^SAN=张^三", "TS-17", "", "M"));
	cr_expect_str_eq(images(), "张^三 3, 李^四 3");
	/* Sent once more: nothing moves, whoever it is. */
	cr_expect_eq(bring_one(object(study, uids[0], "张^三", "TS-17", "19570312", "M")), INDEX_DUPLICATE);
	cr_expect_eq(bring_one(object(study, uids[3], "李^四", "TS-18", "", "")), INDEX_DUPLICATE);
	cr_expect_str_eq(images(), "张^三 3, 李^四 3");
	expect(1, "SELECT count(*) FROM identity_review WHERE reason = 'reused_study_uid' AND site_id = %s");
}

/* ---- keys ---------------------------------------------------------------------------------------------------------------- */

Test(intake_concurrent, claims_of_before_get_their_keys_from_several_routers_once)
{
	struct db_pool *pool = ledger_pool("yq_router", 2);
	int count = 1, all = 0;

	ledger_run(
	    fix.connection,
	    "WITH p AS (INSERT INTO patient DEFAULT VALUES RETURNING patient_id) "
	    "INSERT INTO identity_claim (site_id, patient_id, source, typed_id, name, content_hash) "
	    "SELECT s.site_id, p.patient_id, 'image', 'Q' || i, '王^五' || i, sha256(('q' || i || s.site_id)::bytea) "
	    "FROM p, site s, generate_series(1, 450) i WHERE s.site_id = (SELECT max(site_id) FROM site)");
	expect(450, "SELECT count(*) FROM identity_wanted WHERE work = 'keys' AND site_id = %s");
	while (count > 0) {
		cr_assert(name_index_more(pool, 200, &count, &fix_err), "%s", fix_err.text);
		cr_expect_leq(count, 200);
		all += count;
	}
	cr_expect_geq(all, 450);
	expect(450, "SELECT count(*) FROM identity_key WHERE key >= 'wangwu' AND key < 'wangwv' AND kind = 'reading' "
	            "AND site_id = %s");
	cr_assert(name_find_candidates(pool, 10000, &count, &fix_err), "%s", fix_err.text);
	expect(0, "SELECT count(*) FROM identity_wanted WHERE site_id = %s");
	db_pool_free(pool);
}
