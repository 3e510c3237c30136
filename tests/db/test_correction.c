/* Corrections against a ledger: each kind, there and back; stale, two at once, refused. */
#include <criterion/criterion.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/domain/request.h"
#include "tests/db/correcting.h"

TestSuite(correction, .init = correcting_setup, .fini = correcting_teardown, .timeout = 120);

/* ---- each kind, there and back ------------------------------------------------------------------------------------------- */

Test(correction, a_split_gives_the_chosen_series_to_another_patient)
{
	char series[TEXT_UID_SIZE], first[TEXT_UUID_SIZE], id[TEXT_UUID_SIZE], made[TEXT_UUID_SIZE];
	json_t *what, *preview = NULL;
	struct err err;

	correcting_add_study_of_two(series);
	correcting_keep_study(first);
	what = correcting_split_of(series, "李四");
	cr_assert(correction_preview(county->gateway, &radiographer, first, what, &preview, &err), "%s", err.text);
	cr_expect_eq(json_integer_value(json_object_get(json_object_get(preview, "images"), "instances")), 3);
	cr_expect_eq(json_array_size(json_object_get(preview, "studies")), 2);
	cr_expect_eq(json_array_size(json_object_get(preview, "tasks")), 1, "the open task is shown");
	json_decref(preview);
	county_expect(county,
	              "SELECT count(*) FROM study JOIN scope ON scope_id = site_id WHERE scope.public_id = $site", "1",
	              "a preview changes nothing");
	correcting_correct(first, what, id, made);
	correcting_expect_of(
	    first,
	    "SELECT concat_ws(' ', instance_count, size_bytes, version, split_no) FROM study WHERE public_id = '%s'",
	    "1 1000 2 0", "what is left");
	correcting_expect_of(
	    made,
	    "SELECT concat_ws(' ', instance_count, size_bytes, version, split_no, modality, c.name, c.source, trust)"
	    " FROM study JOIN identity_claim c USING (claim_id) WHERE study.public_id = '%s'",
	    "3 3000 1 1 DR =李四 manual 20", "what came of it");
	correcting_expect_of(
	    first,
	    "SELECT (SELECT study_instance_uid FROM study WHERE public_id = '%s') = study_instance_uid FROM study"
	    " WHERE split_no = 1 ORDER BY study_id DESC LIMIT 1",
	    "t", "of the same UID");
	county_expect(county, "SELECT study_version FROM reading_task WHERE public_id = $task", "2",
	              "who reads has to look again");
	county_settle(county);
	text_copy(county->study, TEXT_UUID_SIZE, made);
	county_settle(county);
	correcting_expect_of(made, "SELECT state FROM study WHERE public_id = '%s'", "complete",
	                     "as the one that it came of");
	correcting_expect_of(
	    made, "SELECT count(*) FROM reading_task JOIN study USING (study_id) WHERE study.public_id = '%s'", "1",
	    "it is read, too");
	correcting_expect_of(
	    id,
	    "SELECT concat_ws(' ', kind, made_by IS NOT NULL, after -> 'patient' ->> 'name', steps <> '{}')"
	    " FROM correction WHERE public_id = '%s'",
	    "split t =李四 t", "the fact");
	correcting_expect_of(id, "SELECT count(*) FROM audit WHERE subject = '%s' AND action = 'correction.split'", "1",
	                     "the record");
	correcting_expect_of(first, "SELECT count(*) FROM event WHERE subject_id = '%s' AND kind = 'study.corrected'",
	                     "1", "the event");
}

Test(correction, some_images_of_a_series_can_be_split_alone)
{
	char series[TEXT_UID_SIZE], sop[TEXT_UID_SIZE + 4], id[TEXT_UUID_SIZE], made[TEXT_UUID_SIZE], *before;
	char sql[300];

	correcting_add_study_of_two(series);
	snprintf(sop, sizeof sop, "%s.2", series);
	snprintf(
	    sql, sizeof sql,
	    "UPDATE series SET performed_date_text = '20260301', performed_time_text = '0830', request_attributes ="
	    " '[{\"step_id\": \"S1\", \"procedure_id\": \"\"}]' WHERE series_instance_uid = '%s'",
	    series);
	county_run(county, sql);
	before = correcting_whole_state();
	correcting_correct(county->study,
	                   json_pack("{s:s, s:[s], s:{s:s, s:s}}", "kind", "split", "instances", sop, "patient", "name",
	                             "李四", "sex", "F"),
	                   id, made);
	correcting_expect_of(
	    made,
	    "SELECT string_agg(i.sop_instance_uid || ' ' || r.series_instance_uid, ',') FROM study"
	    " JOIN series r USING (study_id) JOIN instance i USING (series_id) WHERE study.public_id = '%s'",
	    county_value(county, "SELECT '' || sop_instance_uid || ' ' || series_instance_uid FROM instance JOIN "
	                         "series USING (series_id)"
	                         " WHERE right(sop_instance_uid, 2) = '.2' ORDER BY instance_id DESC LIMIT 1"),
	    "the one, in a series of the same UID");
	correcting_expect_of(made,
	                     "SELECT concat_ws(' ', r.performed_date_text, r.performed_time_text,"
	                     " r.request_attributes #>> '{0,step_id}') FROM study JOIN series r USING (study_id)"
	                     " WHERE study.public_id = '%s'",
	                     "20260301 0830 S1", "what the series was asked for");
	correcting_undo_well(id);
	correcting_expect_state(before, "after undo");
	free(before);
}

Test(correction, a_split_to_a_request_takes_its_patient_and_is_matched)
{
	struct request_form form = {.name = "王五",
	                            .sex = "M",
	                            .birth_date = "1957-03-12",
	                            .patient_class = "outpatient",
	                            .modality = "DR",
	                            .body_part = "CHEST"};
	char series[TEXT_UID_SIZE], request[TEXT_UUID_SIZE], id[TEXT_UUID_SIZE], made[TEXT_UUID_SIZE], *before;
	struct err err;

	correcting_add_study_of_two(series);
	cr_assert(request_register(county->gateway, county->radiographer, &form, request, &err), "%s", err.text);
	before = correcting_whole_state();
	correcting_correct(county->study,
	                   json_pack("{s:s, s:[s], s:s}", "kind", "split", "series", series, "request_id", request), id,
	                   made);
	correcting_expect_of(
	    made,
	    "SELECT concat_ws(' ', r.state, m.method, c.name, s.accession_number = r.accession_number) FROM study s"
	    " JOIN identity_claim c USING (claim_id) JOIN request_match m USING (study_id) JOIN request r USING "
	    "(request_id)"
	    " WHERE s.public_id = '%s' AND m.undone_at IS NULL",
	    "matched manual =王五 t", "matched");
	correcting_undo_well(id);
	correcting_expect_state(before, "the request is free again");
	free(before);
}

/* Takes a kind there and back, in a county of its own. */
static void there_and_back(const char *kind)
{
	char series[TEXT_UID_SIZE], first[TEXT_UUID_SIZE], second[TEXT_UUID_SIZE], id[TEXT_UUID_SIZE], *before,
	    *between;
	json_t *what;

	correcting_add_study_of_two(series);
	correcting_keep_study(first);
	county_add_task(county);
	correcting_keep_study(second);
	before = correcting_whole_state();
	what = strcmp(kind, "split") == 0         ? correcting_split_of(series, "李四")
	       : strcmp(kind, "move_images") == 0 ? correcting_move_of(series, second)
	       : strcmp(kind, "merge") == 0       ? correcting_merge_into(second)
	                                          : correcting_edit_to("李四");
	correcting_correct(first, what, id, NULL);
	between = correcting_whole_state();
	cr_expect_str_neq(before, between, "%s changed nothing", kind);
	correcting_undo_well(id);
	correcting_expect_state(before, kind);
	free(before);
	free(between);
}

Test(correction, a_split_is_taken_back_without_a_trace)
{
	there_and_back("split");
}

Test(correction, a_move_is_taken_back_without_a_trace)
{
	there_and_back("move_images");
}

Test(correction, a_merge_is_taken_back_without_a_trace)
{
	there_and_back("merge");
}

Test(correction, an_edit_is_taken_back_without_a_trace)
{
	there_and_back("edit_patient");
}

Test(correction, a_merge_leaves_an_empty_study_that_leads_on)
{
	char series[TEXT_UID_SIZE], first[TEXT_UUID_SIZE], second[TEXT_UUID_SIZE], task[TEXT_UUID_SIZE],
	    id[TEXT_UUID_SIZE];
	struct request_form form = {.name = "测试一",
	                            .sex = "M",
	                            .birth_date = "1957-03-12",
	                            .patient_class = "outpatient",
	                            .modality = "DR",
	                            .body_part = "CHEST"};
	char request[TEXT_UUID_SIZE], *before;
	struct err err;

	correcting_add_study_of_two(series);
	correcting_keep_study(first);
	text_copy(task, sizeof task, county->task);
	cr_assert(request_register(county->gateway, county->radiographer, &form, request, &err), "%s", err.text);
	cr_assert(request_match(county->gateway, county->radiographer, first, request, NULL, &err), "%s", err.text);
	county_add_task(county);
	correcting_keep_study(second);
	before = correcting_whole_state();
	correcting_correct(first, correcting_merge_into(second), id, NULL);
	correcting_expect_of(
	    first,
	    "SELECT concat_ws(' ', s.state, s.instance_count, o.instance_count, o.version) FROM study s"
	    " JOIN study o ON o.study_id = s.merged_into_id WHERE s.public_id = '%s'",
	    "merged 0 5 2", "empty, and leads to the other");
	correcting_expect_of(task,
	                     "SELECT t.state || ' ' || w.state FROM reading_task t JOIN workitem w USING (task_id) "
	                     "WHERE t.public_id = '%s'",
	                     "cancelled CANCELED", "its task is gone");
	correcting_expect_of(
	    second,
	    "SELECT r.state FROM study s JOIN request_match m USING (study_id) JOIN request r USING (request_id)"
	    " WHERE s.public_id = '%s' AND m.undone_at IS NULL",
	    "matched", "the request goes along where there is none");
	correcting_expect_refused(first, correcting_edit_to("李四"), ERR_CONFLICT, "a merged study");
	cr_expect_not(request_match(county->gateway, county->radiographer, first, request, NULL, &err));
	county_settle(county);
	correcting_undo_well(id);
	county_settle(county);
	correcting_expect_state(before, "after undo, and after the router looked");
	correcting_expect_of(task,
	                     "SELECT count(*) FROM workitem w JOIN reading_task t USING (task_id) WHERE t.public_id = "
	                     "'%s' AND w.ended_at IS NULL"
	                     " AND w.state = 'SCHEDULED' AND w.sop_instance_uid ~ '^2[.]25[.][1-9][0-9]{20,38}$'",
	                     "1", "and can be taken again");
	free(before);
}

/* The patient of a study's claim. */
static void patient_of(const char *study, char out[40])
{
	char sql[300];

	snprintf(sql, sizeof sql,
	         "SELECT patient_id FROM study JOIN identity_claim USING (claim_id) WHERE study.public_id = '%s'",
	         study);
	text_copy(out, 40, county_value(county, sql));
}

Test(correction, an_edit_of_a_slip_keeps_the_patient)
{
	char before[40], after[40], id[TEXT_UUID_SIZE];

	county_add_task(county);
	patient_of(county->study, before);
	correcting_correct(county->study,
	                   json_pack("{s:s, s:{s:s, s:s}}", "kind", "edit_patient", "patient", "name", "李四",
	                             "document", "440781196105060022"),
	                   id, NULL);
	patient_of(county->study, after);
	cr_expect_str_eq(before, after);
	correcting_expect_of(
	    county->study,
	    "SELECT concat_ws(' ', c.name, c.birth_date, c.national_id, s.patient_revision, s.corrected_at IS NOT NULL,"
	    " s.version, (SELECT count(*) FROM identity_review r WHERE c.claim_id IN (r.claim_id, r.other_claim_id)))"
	    " FROM study s JOIN identity_claim c USING (claim_id) WHERE s.public_id = '%s'",
	    "=李四 1961-05-06 440781196105060022 1 t 1 0", "what was typed, and nothing doubtful");
	correcting_expect_of(id,
	                     "SELECT concat_ws(' ', before -> 'patient' ->> 'name', after -> 'patient' ->> "
	                     "'birth_date', after -> 'patient' ->> 'document')"
	                     " FROM correction WHERE public_id = '%s'",
	                     "Ceshi^Yi=测试^一 1961-05-06 **************0022", "before and after");
}

Test(correction, an_edit_parts_what_another_study_shares)
{
	char first[TEXT_UUID_SIZE], patient[40], other[40], id[TEXT_UUID_SIZE];

	county_add_task(county);
	correcting_name_patient("张三", "TS-1");
	correcting_keep_study(first);
	county_add_task(county);
	county_run(county,
	           "UPDATE study SET claim_id = (SELECT min(claim_id) FROM study o WHERE o.site_id = study.site_id)"
	           " WHERE public_id = $study");
	patient_of(county->study, patient);
	correcting_correct(first, correcting_edit_to("李四"), id, NULL);
	patient_of(county->study, other);
	cr_expect_str_eq(patient, other, "the other study was moved");
	patient_of(first, other);
	cr_expect_str_neq(patient, other, "two people under one patient");
	correcting_expect_of(
	    first, "SELECT r.reason FROM study s JOIN identity_review r USING (claim_id) WHERE s.public_id = '%s'",
	    "contradiction", "who shares the ID is asked about");
}

/* ---- stale, at once, refused ----------------------------------------------------------------------------------------------- */

Test(correction, a_stale_preview_changes_nothing_and_hears_what_did)
{
	char series[TEXT_UID_SIZE], id[TEXT_UUID_SIZE], *between;
	json_t *what, *result, *change;

	correcting_add_study_of_two(series);
	what = correcting_previewed(county->study, correcting_split_of(series, "李四"));
	correcting_correct(county->study, correcting_edit_to("王五"), id, NULL);
	between = correcting_whole_state();
	result = correcting_apply(county->study, what);
	cr_assert_str_eq(correcting_member(result, "code"), "stale");
	change = json_array_get(json_object_get(result, "changes"), 0);
	cr_expect_str_eq(correcting_member(change, "kind"), "edit_patient");
	cr_expect_str_eq(correcting_member(change, "by"), "测试医师");
	cr_expect_eq(json_array_size(json_object_get(result, "changes")), 1);
	json_decref(result);
	correcting_expect_state(between, "a stale one");
	free(between);
}

Test(correction, images_that_came_make_a_preview_of_images_stale)
{
	char series[TEXT_UID_SIZE], uid[TEXT_UID_SIZE];
	json_t *split, *edit, *result;

	correcting_add_study_of_two(series);
	correcting_uid_of(county->study, uid);
	split = correcting_previewed(county->study, correcting_split_of(series, "李四"));
	edit = correcting_previewed(county->study, correcting_edit_to("王五"));
	correcting_bring_in(uid, series, "Ceshi^Yi=测试^一", "1");
	result = correcting_apply(county->study, split);
	cr_expect_str_eq(correcting_member(json_array_get(json_object_get(result, "changes"), 0), "what"), "images");
	json_decref(result);
	result = correcting_apply(county->study, edit);
	cr_expect_str_eq(correcting_member(result, "code"), "", "who it is does not hang on images");
	json_decref(result);
}

struct rival {
	pthread_barrier_t *start;
	const char *study;
	json_t *what;
	json_t *result;
	struct err err;
	bool ok;
};

static void *run_rival(void *context)
{
	struct rival *rival = context;

	pthread_barrier_wait(rival->start);
	rival->ok =
	    correction_apply(county->gateway, &radiographer, rival->study, rival->what, &rival->result, &rival->err);
	return NULL;
}

static int winners(struct rival rivals[2])
{
	pthread_barrier_t start;
	pthread_t threads[2];
	int done = 0;

	pthread_barrier_init(&start, NULL, 2);
	for (int i = 0; i < 2; i++) {
		rivals[i].start = &start;
		cr_assert_eq(pthread_create(&threads[i], NULL, run_rival, &rivals[i]), 0);
	}
	for (int i = 0; i < 2; i++) {
		pthread_join(threads[i], NULL);
		json_decref(rivals[i].what);
		if (!rivals[i].ok) { /* it began when the other one had merged its target away */
			cr_assert_eq(rivals[i].err.kind, ERR_CONFLICT, "%s", rivals[i].err.text);
			continue;
		}
		done += !correction_refusal(rivals[i].result);
		if (correction_refusal(rivals[i].result))
			cr_expect_str_eq(correcting_member(rivals[i].result, "code"), "stale");
		json_decref(rivals[i].result);
	}
	pthread_barrier_destroy(&start);
	return done;
}

/* A merges into B while B gives images to A: nobody may be lost, and nobody wait for ever. */
Test(correction, of_two_at_once_one_wins_and_no_image_is_lost)
{
	enum { ROUNDS = 25 };

	for (int round = 0; round < ROUNDS; round++) {
		char series[TEXT_UID_SIZE], other[TEXT_UID_SIZE], first[TEXT_UUID_SIZE], second[TEXT_UUID_SIZE],
		    sql[400];

		county_add_study(county, "DR", "1 day");
		correcting_add_series("DR", 3, series);
		correcting_keep_study(first);
		county_add_study(county, "DR", "1 day");
		correcting_add_series("DR", 2, other);
		correcting_keep_study(second);
		struct rival rivals[2] = {
		    {.study = first,
		     .what = correcting_previewed(first, round % 2 ? correcting_merge_into(second)
		                                                   : correcting_move_of(series, second))},
		    {.study = second, .what = correcting_previewed(second, correcting_move_of(other, first))}};
		cr_expect_eq(winners(rivals), 1, "round %d", round);
		snprintf(sql, sizeof sql,
		         "SELECT concat_ws(' ', sum(s.instance_count), (SELECT count(*) FROM instance i JOIN series r "
		         "USING (series_id)"
		         " JOIN study t USING (study_id) WHERE t.public_id IN ('%s', '%s'))) FROM study s WHERE "
		         "public_id IN ('%s', '%s')",
		         first, second, first, second);
		county_expect(county, sql, "7 7", "images");
	}
}

Test(correction, what_is_wrong_is_refused_with_a_reason)
{
	char series[TEXT_UID_SIZE], foreign[TEXT_UUID_SIZE], elsewhere[TEXT_UUID_SIZE], stranger[TEXT_UUID_SIZE];
	char study[TEXT_UUID_SIZE], id[TEXT_UUID_SIZE];
	const char *home = county->study;
	json_t *result = NULL, *what;
	struct err err = {0};

	correcting_add_study_of_two(series);
	correcting_keep_study(study);
	correcting_expect_refused(study, json_pack("{s:s}", "kind", "burn"), ERR_INVALID, "an unknown kind");
	correcting_expect_refused(study, correcting_split_of("1.2.3", "李四"), ERR_NOT_FOUND,
	                          "a series of another study");
	correcting_expect_refused(study, json_pack("{s:s, s:[s], s:{}}", "kind", "split", "series", series, "patient"),
	                          ERR_INVALID, "a patient without name");
	correcting_expect_refused(
	    study, json_pack("{s:s, s:[], s:s}", "kind", "move_images", "series", "target_study_id", study),
	    ERR_INVALID, "no image");
	correcting_expect_refused(study, correcting_merge_into(study), ERR_INVALID, "into itself");
	correcting_expect_refused(study, correcting_merge_into(county->site), ERR_NOT_FOUND, "into nothing");
	correcting_expect_refused(study, json_pack("{s:s, s:{s:s}}", "kind", "edit_patient", "patient", "sex", "X"),
	                          ERR_INVALID, "a sex that is none");
	correcting_expect_refused(study,
	                          json_pack("{s:s, s:{s:s}}", "kind", "edit_patient", "patient", "name", "李\n四"),
	                          ERR_INVALID, "a name with a line end");
	county_add_site(county, "别的卫生院", true, foreign);
	county_add_person(county, "radiographer", foreign, foreign, stranger);
	(void)elsewhere;
	(void)home;
	what = correcting_edit_to("李四");
	correcting_expect_kind(correction_preview(county->gateway, &(struct correction_maker){.person_id = stranger},
	                                          study, what, &result, &err),
	                       &err, ERR_NOT_FOUND, "of a foreign site");
	correcting_expect_kind(correction_preview(county->gateway,
	                                          &(struct correction_maker){.person_id = county->author}, study, what,
	                                          &result, &err),
	                       &err, ERR_REFUSED, "a reporter");
	correcting_expect_kind(correction_apply(county->gateway, &radiographer, study, what, &result, &err), &err,
	                       ERR_INVALID, "without a reason");
	json_decref(what);
	result = correcting_apply(study, correcting_previewed(study, json_pack("{s:s, s:{s:s}}", "kind", "edit_patient",
	                                                                       "patient", "name", "李四")));
	text_copy(id, sizeof id, correcting_member(result, "id"));
	json_decref(result);
	what = correcting_previewed(study, correcting_edit_to("李四"));
	correcting_expect_kind(correction_apply(county->gateway, &radiographer, study, what, &result, &err), &err,
	                       ERR_INVALID, "nothing would change");
	json_decref(what);
	correcting_expect_kind(correction_undo(county->gateway, &(struct correction_maker){.person_id = stranger}, id,
	                                       "x", "y", &result, &err),
	                       &err, ERR_NOT_FOUND, "the undo of a foreign one");
}

Test(correction, a_study_is_not_emptied_by_a_split)
{
	char series[TEXT_UID_SIZE];

	correcting_add_study_of_two(series);
	correcting_expect_refused(
	    county->study,
	    json_pack("{s:s, s:[s, s], s:{s:s}}", "kind", "split", "series", series,
	              county_value(county, "SELECT r.series_instance_uid FROM series r JOIN study s USING (study_id)"
	                                   " WHERE s.public_id = $study ORDER BY series_id LIMIT 1"),
	              "patient", "name", "李四"),
	    ERR_INVALID, "every image");
}

Test(correction, two_that_contradict_come_together_only_when_that_was_seen)
{
	char first[TEXT_UUID_SIZE], second[TEXT_UUID_SIZE];
	json_t *what, *result;

	county_add_task(county);
	correcting_name_patient("张三", "TS-1");
	correcting_keep_study(first);
	county_add_task(county);
	correcting_name_patient("李四", "TS-2");
	correcting_keep_study(second);
	what = correcting_previewed(first, correcting_merge_into(second));
	json_incref(what);
	result = correcting_apply(first, what);
	cr_expect_str_eq(correcting_member(result, "code"), "unconfirmed");
	cr_expect_str_eq(json_string_value(json_array_get(json_object_get(result, "contradictions"), 0)), "name");
	json_decref(result);
	json_object_set_new(what, "confirmed", json_pack("[s]", "name"));
	result = correcting_apply(first, what);
	cr_expect_str_eq(correcting_member(result, "code"), "");
	json_decref(result);
}

/* ---- undo ------------------------------------------------------------------------------------------------------------------- */

Test(correction, what_stands_on_it_is_taken_back_first)
{
	char series[TEXT_UID_SIZE], first[TEXT_UUID_SIZE], made[TEXT_UUID_SIZE], split[TEXT_UUID_SIZE],
	    edit[TEXT_UUID_SIZE], *before;
	json_t *result;
	struct err err;

	correcting_add_study_of_two(series);
	correcting_keep_study(first);
	before = correcting_whole_state();
	correcting_correct(first, correcting_split_of(series, "李四"), split, made);
	correcting_correct(made, correcting_edit_to("李五"), edit, NULL);
	result = correcting_undo(split);
	cr_assert_str_eq(correcting_member(result, "code"), "blocked");
	cr_expect_str_eq(correcting_member(json_array_get(json_object_get(result, "blocked_by"), 0), "id"), edit);
	json_decref(result);
	correcting_undo_well(edit);
	correcting_undo_well(split);
	correcting_expect_state(before, "both taken back");
	cr_expect_not(correction_undo_preview(county->gateway, &radiographer, split, &result, &err));
	cr_expect_eq(err.kind, ERR_CONFLICT, "twice: %s", err.text);
	correcting_expect_of(split,
	                     "SELECT count(*) FROM correction u JOIN correction k ON k.correction_id = u.undoes_id"
	                     " WHERE k.public_id = '%s'",
	                     "1", "the undo is a fact of its own");
	free(before);
}

Test(correction, a_report_on_what_came_of_a_split_holds_it)
{
	char series[TEXT_UID_SIZE], made[TEXT_UUID_SIZE], split[TEXT_UUID_SIZE], report[TEXT_UUID_SIZE];
	json_t *result;

	correcting_add_study_of_two(series);
	correcting_correct(county->study, correcting_split_of(series, "李四"), split, made);
	text_copy(county->study, sizeof county->study, made);
	county_settle(county);
	text_copy(
	    county->task, sizeof county->task,
	    county_value(
	        county,
	        "SELECT t.public_id FROM reading_task t JOIN study s USING (study_id) WHERE s.public_id = $study"));
	county_add_report(county, "1 minute", false, report);
	result = correcting_undo(split);
	cr_expect_str_eq(correcting_member(result, "code"), "blocked");
	cr_expect_str_eq(correcting_member(json_array_get(json_object_get(result, "blocked_by"), 0), "kind"), "report");
	json_decref(result);
}

Test(correction, a_match_is_in_the_same_history_and_is_taken_back_there)
{
	struct request_form form = {.name = "测试一",
	                            .sex = "M",
	                            .birth_date = "1957-03-12",
	                            .patient_class = "outpatient",
	                            .modality = "DR",
	                            .body_part = "CHEST"};
	char request[TEXT_UUID_SIZE], id[TEXT_UUID_SIZE], *before;
	struct err err;

	county_add_task(county);
	cr_assert(request_register(county->gateway, county->radiographer, &form, request, &err), "%s", err.text);
	before = correcting_whole_state();
	cr_assert(request_match(county->gateway, county->radiographer, county->study, request, NULL, &err), "%s",
	          err.text);
	text_copy(
	    id, sizeof id,
	    county_value(county,
	                 "SELECT k.public_id FROM correction k JOIN correction_study a USING (correction_id)"
	                 " JOIN study s ON s.study_id = a.study_id WHERE s.public_id = $study AND k.kind = 'match'"));
	correcting_undo_well(id);
	correcting_expect_state(before, "unmatched");
	free(before);
}
