#include "tests/db/correcting.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct county *county;
struct correction_maker radiographer;

void correcting_setup(void)
{
	ledger_setup();
	county = county_new();
	radiographer = (struct correction_maker){.person_id = county->radiographer};
}

void correcting_teardown(void)
{
	county_free(county);
}

/* ---- studies with several series ----------------------------------------------------------------------------------------- */

void correcting_add_series(const char *modality, int images, char out_uid[TEXT_UID_SIZE])
{
	char sql[2000], key[33];
	uint8_t bytes[12];

	text_uid_new(out_uid);
	text_random(bytes, sizeof bytes);
	text_hex(bytes, sizeof bytes, key);
	snprintf(sql, sizeof sql,
	         "WITH s AS (SELECT * FROM study WHERE public_id = $study),"
	         " r AS (INSERT INTO series (study_id, site_id, series_instance_uid, modality, instance_count)"
	         "   SELECT study_id, site_id, '%s', '%s', %d FROM s RETURNING series_id, site_id),"
	         " i AS (INSERT INTO instance (site_id, series_id, origin, sop_class_uid, sop_instance_uid, "
	         "transfer_syntax_uid,"
	         "     object_key, size_bytes, header_bytes, sha256, arrived_at, has_pixels)"
	         "   SELECT r.site_id, r.series_id, 'device', '1.2.840.10008.5.1.4.1.1.7', '%s.' || n, "
	         "'1.2.840.10008.1.2.1',"
	         "          '%s' || lpad(to_hex(n), 8, '0'), 1000, 400, sha256('x'), s.first_arrival_at, true"
	         "   FROM r, s, generate_series(1, %d) n)"
	         " UPDATE study SET instance_count = study.instance_count + %d, size_bytes = study.size_bytes + %d"
	         " FROM s WHERE study.study_id = s.study_id",
	         out_uid, modality, images, out_uid, key, images, images, images * 1000);
	county_run(county, sql);
}

void correcting_add_study_of_two(char out_series[TEXT_UID_SIZE])
{
	county_add_task(county);
	correcting_add_series("DR", 3, out_series);
}

void correcting_keep_study(char out_id[TEXT_UUID_SIZE])
{
	text_copy(out_id, TEXT_UUID_SIZE, county->study);
}

void correcting_name_patient(const char *name, const char *id)
{
	char sql[500];

	snprintf(sql, sizeof sql,
	         "UPDATE identity_claim c SET name = '%s', typed_id = '%s' FROM study s"
	         " WHERE s.claim_id = c.claim_id AND s.public_id = $study",
	         name, id);
	county_run(county, sql);
}

char *correcting_whole_state(void)
{
	const char *text = county_value(
	    county, "WITH place AS (SELECT scope_id AS site_id FROM scope WHERE public_id = $site)"
	            "SELECT string_agg(line, chr(10) ORDER BY line) FROM ("
	            " SELECT 'study ' || concat_ws('|', study_id, claim_id, received_claim_id, state, instance_count, "
	            "size_bytes, modality,"
	            "   patient_age_text, first_arrival_at, last_arrival_at, completed_at, merged_into_id, "
	            "patient_class) AS line"
	            " FROM study JOIN place USING (site_id) WHERE state <> 'merged'"
	            " UNION ALL SELECT 'image ' || concat_ws('|', i.instance_id, r.study_id, r.series_instance_uid, "
	            "i.sha256, i.came_for_study_id)"
	            " FROM instance i JOIN series r USING (series_id) JOIN place ON place.site_id = i.site_id"
	            " UNION ALL SELECT 'series ' || concat_ws('|', study_id, series_instance_uid, instance_count)"
	            " FROM series JOIN place USING (site_id) WHERE instance_count > 0"
	            " UNION ALL SELECT 'match ' || concat_ws('|', study_id, request_id, method, score)"
	            " FROM request_match JOIN place USING (site_id) WHERE undone_at IS NULL"
	            " UNION ALL SELECT 'request ' || concat_ws('|', request_id, state, claim_id) FROM request JOIN "
	            "place USING (site_id)"
	            " UNION ALL SELECT 'task ' || concat_ws('|', task_id, study_id, state, author_id, queue_id)"
	            " FROM reading_task JOIN place USING (site_id) WHERE state <> 'cancelled'"
	            " UNION ALL SELECT 'claim ' || concat_ws('|', claim_id, patient_id, name) FROM identity_claim JOIN "
	            "place USING (site_id)"
	            " WHERE source <> 'manual'"
	            " UNION ALL SELECT 'route ' || concat_ws('|', from_study_id, to_study_id, series_instance_uid)"
	            " FROM series_route JOIN place USING (site_id) WHERE ended_by_id IS NULL) x");

	return strdup(text);
}

void correcting_expect_state(const char *want, const char *what)
{
	char *got = correcting_whole_state();

	cr_expect_str_eq(got, want, "%s: got\n%s\nwant\n%s", what, got, want);
	free(got);
}

/* ---- acts ------------------------------------------------------------------------------------------------------------------ */

const char *correcting_member(const json_t *object, const char *name)
{
	const char *text = json_string_value(json_object_get(object, name));

	return text ? text : "";
}

json_t *correcting_previewed(const char *study, json_t *what)
{
	json_t *preview = NULL;
	struct err err;

	cr_assert(correction_preview(county->gateway, &radiographer, study, what, &preview, &err), "%s", err.text);
	json_object_set(what, "revision", json_object_get(preview, "revision"));
	json_object_set_new(what, "reason", json_string("弄错了患者"));
	json_decref(preview);
	return what;
}

json_t *correcting_apply(const char *study, json_t *what)
{
	json_t *result = NULL;
	struct err err;

	cr_assert(correction_apply(county->gateway, &radiographer, study, what, &result, &err), "%s", err.text);
	json_decref(what);
	return result;
}

void correcting_correct(const char *study, json_t *what, char out_id[TEXT_UUID_SIZE], char out_study[TEXT_UUID_SIZE])
{
	json_t *result = correcting_apply(study, correcting_previewed(study, what));

	cr_assert_str_eq(correcting_member(result, "code"), "", "refused: %s", correcting_member(result, "code"));
	text_copy(out_id, TEXT_UUID_SIZE, correcting_member(result, "id"));
	if (out_study)
		text_copy(out_study, TEXT_UUID_SIZE, correcting_member(result, "study_id"));
	json_decref(result);
}

json_t *correcting_undo(const char *correction)
{
	json_t *preview = NULL, *result = NULL;
	struct err err;

	cr_assert(correction_undo_preview(county->gateway, &radiographer, correction, &preview, &err), "%s", err.text);
	if (correction_refusal(preview))
		return preview;
	cr_assert(correction_undo(county->gateway, &radiographer, correction, "看错了",
	                          correcting_member(preview, "revision"), &result, &err),
	          "%s", err.text);
	json_decref(preview);
	return result;
}

void correcting_undo_well(const char *correction)
{
	json_t *result = correcting_undo(correction);

	cr_assert_str_eq(correcting_member(result, "code"), "", "the undo was refused: %s",
	                 correcting_member(result, "code"));
	json_decref(result);
}

json_t *correcting_split_of(const char *series, const char *name)
{
	return json_pack("{s:s, s:[s], s:{s:s, s:s, s:s, s:s}}", "kind", "split", "series", series, "patient", "name",
	                 name, "sex", "F", "birth_date", "1961-05-06", "patient_id", "TS-900");
}

json_t *correcting_merge_into(const char *target)
{
	return json_pack("{s:s, s:s}", "kind", "merge", "target_study_id", target);
}

json_t *correcting_move_of(const char *series, const char *target)
{
	return json_pack("{s:s, s:[s], s:s}", "kind", "move_images", "series", series, "target_study_id", target);
}

json_t *correcting_edit_to(const char *name)
{
	return json_pack("{s:s, s:{s:s}}", "kind", "edit_patient", "patient", "name", name);
}

void correcting_expect_of(const char *id, const char *format, const char *want, const char *what)
{
	const char *place = strstr(format, "%s");
	char sql[1500];

	cr_assert_not_null(place);
	snprintf(sql, sizeof sql, "%.*s%s%s", (int)(place - format), format, id, place + 2);
	county_expect(county, sql, want, what);
}

void correcting_expect_kind(bool ok, const struct err *err, enum err_kind want, const char *what)
{
	cr_expect_not(ok, "%s: it worked", what);
	if (!ok)
		cr_expect_eq(err->kind, want, "%s: got %s (%s)", what, err_kind_info(err->kind)->name, err->text);
}

void correcting_expect_refused(const char *study, json_t *what, enum err_kind want, const char *why)
{
	json_t *result = NULL;
	struct err err = {0};

	correcting_expect_kind(correction_preview(county->gateway, &radiographer, study, what, &result, &err), &err,
	                       want, why);
	json_decref(result);
	json_decref(what);
}

void correcting_bring_in_by(PGconn *connection, const char *study_uid, const char *series_uid, const char *name,
                            const char *id)
{
	char sql[3000], key[33], sop[TEXT_UID_SIZE];
	uint8_t bytes[16];
	PGresult *result;

	text_uid_new(sop);
	text_random(bytes, sizeof bytes);
	text_hex(bytes, sizeof bytes, key);
	snprintf(sql, sizeof sql,
	         "SELECT outcome FROM intake_index((SELECT jsonb_build_array("
	         "  (SELECT jsonb_object_agg(attname, '') FROM pg_attribute WHERE attrelid = 'intake_item'::regclass"
	         "   AND atttypid = 'text'::regtype)"
	         "  || jsonb_build_object('ordinal', 1, 'object_key', '%s', 'origin', 'device', 'site', '%s',"
	         "     'device', '%s', 'sop_class_uid', '1.2.840.10008.5.1.4.1.1.7', 'sop_instance_uid', '%s',"
	         "     'transfer_syntax_uid', '1.2.840.10008.1.2.1', 'size_bytes', 1000, 'header_bytes', 400,"
	         "     'arrived_us', (extract(epoch FROM yq_now()) * 1000000)::bigint, 'sha256', encode(sha256('%s'), "
	         "'hex'),"
	         "     'is_in_study', true, 'study_instance_uid', '%s', 'series_instance_uid', '%s', 'modality', 'DR',"
	         "     'patient_name', '%s', 'patient_id', '%s', 'has_pixels', true))))",
	         key, county->site, county->device, sop, key, study_uid, series_uid, name, id);
	result = PQexec(connection, sql);
	cr_assert(PQntuples(result) == 1 && strcmp(PQgetvalue(result, 0, 0), "stored") == 0,
	          "the image did not come in: %s", PQerrorMessage(connection));
	PQclear(result);
}

void correcting_bring_in(const char *study_uid, const char *series_uid, const char *name, const char *id)
{
	correcting_bring_in_by(county->owner, study_uid, series_uid, name, id);
}

void correcting_uid_of(const char *study, char out[TEXT_UID_SIZE])
{
	char sql[200];

	snprintf(sql, sizeof sql, "SELECT study_instance_uid FROM study WHERE public_id = '%s'", study);
	text_copy(out, TEXT_UID_SIZE, county_value(county, sql));
}
