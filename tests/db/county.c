#include "tests/db/county.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/domain/study.h"

/* ---- SQL with names ------------------------------------------------------------------------------------------------------------ */

static const char *id_of(const struct county *county, const char *name, size_t length)
{
	const struct {
		const char *name, *id;
	} all[] = {{"community", county->community}, {"grid", county->grid},   {"lead", county->lead},
	           {"site", county->site},           {"queue", county->queue}, {"author", county->author},
	           {"reviewer", county->reviewer},   {"duty", county->duty},   {"radiographer", county->radiographer},
	           {"device", county->device},       {"study", county->study}, {"task", county->task}};
	size_t i;

	for (i = 0; i < sizeof(all) / sizeof(all[0]); i++)
		if (strlen(all[i].name) == length && strncmp(all[i].name, name, length) == 0)
			return all[i].id;
	return NULL;
}

static const char *expand(const struct county *county, const char *sql)
{
	static char out[16384];
	size_t at = 0;

	while (*sql) {
		size_t length = *sql == '$' ? strspn(sql + 1, "abcdefghijklmnopqrstuvwxyz") : 0;
		const char *id = length ? id_of(county, sql + 1, length) : NULL;

		cr_assert_lt(at, sizeof(out) - 50);
		if (id) {
			at += (size_t)snprintf(out + at, sizeof(out) - at, "'%s'", id);
			sql += 1 + length;
		} else {
			out[at++] = *sql++;
		}
	}
	out[at] = '\0';
	return out;
}

void county_run(struct county *county, const char *sql)
{
	ledger_run(county->owner, expand(county, sql));
}

const char *county_value(struct county *county, const char *sql)
{
	return ledger_value(county->owner, expand(county, sql));
}

void county_expect(struct county *county, const char *sql, const char *want, const char *what)
{
	const char *got = county_value(county, sql);

	cr_expect_str_eq(got, want, "%s: got \"%s\", want \"%s\"", what, got, want);
}

static void take_id(struct county *county, char out[TEXT_UUID_SIZE], const char *sql)
{
	cr_assert(text_copy(out, TEXT_UUID_SIZE, county_value(county, sql)));
	cr_assert(text_is_uuid(out), "%s gave %s", sql, out);
}

/* ---- who and where --------------------------------------------------------------------------------------------------------------- */

static void add_site(struct county *county, const char *name, const char *type, bool counts, bool has_equipment,
                     char out[TEXT_UUID_SIZE])
{
	char sql[1500], code[40];

	ledger_name(code);
	code[30] = '\0';
	snprintf(
	    sql, sizeof(sql),
	    "WITH s AS (INSERT INTO scope (kind, name) VALUES ('site', '%s') RETURNING scope_id, public_id),"
	    " t AS (INSERT INTO site (site_id, code, licensed_type, counts_as_township_health_centre, has_equipment)"
	    "       SELECT scope_id, '%s', '%s', %s, %s FROM s),"
	    " m AS (INSERT INTO scope_membership (child_id, child_kind, parent_id, parent_kind)"
	    "       SELECT scope_id, 'site', (SELECT scope_id FROM scope WHERE public_id = $grid), 'grid' FROM s)"
	    " SELECT public_id FROM s",
	    name, code, type, counts ? "true" : "false", has_equipment ? "true" : "false");
	take_id(county, out, sql);
}

void county_add_site(struct county *county, const char *name, bool has_equipment, char out_id[TEXT_UUID_SIZE])
{
	add_site(county, name, "township_health_centre", true, has_equipment, out_id);
}

void county_add_person(struct county *county, const char *role, const char *scope_id, const char *seat_id,
                       char out_id[TEXT_UUID_SIZE])
{
	char sql[1500], account[40];

	ledger_name(account);
	snprintf(sql, sizeof(sql),
	         "WITH p AS (INSERT INTO person (account, name, password_hash, institution_id, seat_id)"
	         "   SELECT '%s', '测试医师', '$argon2id$v=19$none', s.scope_id, s.scope_id FROM scope s WHERE "
	         "s.public_id = '%s'"
	         "   RETURNING person_id, public_id),"
	         " r AS (INSERT INTO person_right (person_id, role, scope_id)"
	         "   SELECT p.person_id, '%s', s.scope_id FROM p, scope s WHERE s.public_id = '%s')"
	         " SELECT public_id FROM p",
	         account + 2, seat_id, role, scope_id);
	take_id(county, out_id, sql);
}

static void add_tree(struct county *county)
{
	take_id(county, county->community,
	        "INSERT INTO scope (kind, name) VALUES ('community', '测试医共体') RETURNING public_id");
	take_id(county, county->grid,
	        "WITH g AS (INSERT INTO scope (kind, name) VALUES ('grid', '测试网格') RETURNING scope_id, public_id),"
	        " m AS (INSERT INTO scope_membership (child_id, child_kind, parent_id, parent_kind)"
	        "   SELECT g.scope_id, 'grid', c.scope_id, 'community' FROM g, scope c WHERE c.public_id = $community)"
	        " SELECT public_id FROM g");
	add_site(county, "测试县医院", "hospital", false, true, county->lead);
	add_site(county, "测试镇卫生院", "township_health_centre", true, true, county->site);
	county_run(county,
	           "INSERT INTO grid_lead (grid_id, site_id) SELECT g.scope_id, s.scope_id FROM scope g, scope s"
	           " WHERE g.public_id = $grid AND s.public_id = $lead");
}

static void add_queue(struct county *county)
{
	char sql[800], name[40];

	ledger_name(name);
	snprintf(
	    sql, sizeof(sql),
	    "WITH p AS (INSERT INTO signing_policy (name) VALUES ('%s') RETURNING policy_id),"
	    " v AS (INSERT INTO signing_policy_version (policy_id, version, signatures, different_persons, in_force)"
	    "   SELECT policy_id, 1, 2, true, tstzrange('2000-01-01', NULL) FROM p)"
	    " INSERT INTO reading_queue (lead_site_id, policy_id, name)"
	    " SELECT s.scope_id, p.policy_id, '待诊断' FROM p, scope s WHERE s.public_id = $lead RETURNING public_id",
	    name);
	take_id(county, county->queue, sql);
}

/* One rule set is in force for everybody: a test adds to it what concerns its own community. As a default one it may be replaced. */
static void add_rule(struct county *county)
{
	county_run(county, "INSERT INTO routing_rule_set (version, note, in_force)"
	                   " SELECT coalesce((SELECT max(version) FROM routing_rule_set), 0) + 1, 'default', "
	                   "tstzrange('2000-01-01', NULL)"
	                   " WHERE NOT EXISTS (SELECT FROM routing_rule_set WHERE in_force @> yq_now())");
	/* The next ordinal, also when another test adds one just now. */
	county_run(county, "BEGIN");
	county_run(county, "LOCK TABLE routing_rule IN EXCLUSIVE MODE");
	county_run(county, "INSERT INTO routing_rule (rule_set_id, ordinal, name, conditions, queue_id, reading_mode)"
	                   " SELECT v.rule_set_id, (SELECT coalesce(max(ordinal), 0) + 1 FROM routing_rule), '测试',"
	                   " jsonb_build_array(jsonb_build_object('field', 'community', 'op', 'is', 'values',"
	                   " jsonb_build_array(c.public_id))), q.queue_id, 'central'"
	                   " FROM routing_rule_set v, scope c, reading_queue q"
	                   " WHERE v.in_force @> yq_now() AND c.public_id = $community AND q.public_id = $queue");
	county_run(county, "COMMIT");
}

static void add_device(struct county *county)
{
	char sql[500], name[40];

	ledger_name(name);
	name[16] = '\0';
	snprintf(sql, sizeof(sql),
	         "INSERT INTO device (site_id, calling_ae) SELECT scope_id, '%s' FROM scope WHERE public_id = $site"
	         " RETURNING public_id",
	         name);
	take_id(county, county->device, sql);
}

struct county *county_new(void)
{
	struct county *county = calloc(1, sizeof(*county));

	county->owner = ledger_connect("yq_owner");
	county->gateway = ledger_pool("yq_gateway", 60);
	county->router = ledger_pool("yq_router", 8);
	add_tree(county);
	add_queue(county);
	add_rule(county);
	add_device(county);
	county_add_person(county, "reporter", county->community, county->lead, county->author);
	county_add_person(county, "reviewer", county->community, county->lead, county->reviewer);
	county_add_person(county, "duty_leader", county->community, county->lead, county->duty);
	county_add_person(county, "radiographer", county->site, county->site, county->radiographer);
	return county;
}

void county_free(struct county *county)
{
	db_pool_free(county->gateway);
	db_pool_free(county->router);
	PQfinish(county->owner);
	free(county);
}

/* ---- studies ------------------------------------------------------------------------------------------------------------------------ */

void county_add_study(struct county *county, const char *modality, const char *age)
{
	char sql[2500], uid[TEXT_UID_SIZE], sop[TEXT_UID_SIZE], series[TEXT_UID_SIZE], key[33];
	uint8_t bytes[16];

	text_uid_new(uid);
	text_uid_new(series);
	text_uid_new(sop);
	text_random(bytes, sizeof(bytes));
	text_hex(bytes, sizeof(bytes), key);
	snprintf(sql, sizeof(sql),
	         "WITH h AS (SELECT s.scope_id AS site_id, d.device_id, yq_now() - interval '%s' AS at FROM scope s, "
	         "device d"
	         "           WHERE s.public_id = $site AND d.public_id = $device),"
	         " p AS (INSERT INTO patient DEFAULT VALUES RETURNING patient_id),"
	         " c AS (INSERT INTO identity_claim (site_id, patient_id, source, typed_id, name, content_hash)"
	         "   SELECT site_id, patient_id, 'image', '1', 'Ceshi^Yi=测试^一', sha256('%s') FROM h, p RETURNING "
	         "claim_id),"
	         " s AS (INSERT INTO study (site_id, study_instance_uid, claim_id, device_id, modality, "
	         "instance_count, size_bytes,"
	         "                          first_arrival_at, last_arrival_at)"
	         "   SELECT site_id, '%s', claim_id, device_id, '%s', 1, 1000, at, at FROM h, c RETURNING study_id, "
	         "site_id, public_id),"
	         " r AS (INSERT INTO series (study_id, site_id, series_instance_uid, modality, instance_count)"
	         "   SELECT study_id, site_id, '%s', '%s', 1 FROM s RETURNING series_id, site_id),"
	         " i AS (INSERT INTO instance (site_id, series_id, device_id, origin, sop_class_uid, sop_instance_uid,"
	         "                             transfer_syntax_uid, object_key, size_bytes, header_bytes, sha256, "
	         "arrived_at)"
	         "   SELECT r.site_id, r.series_id, h.device_id, 'device', '1.2.840.10008.5.1.4.1.1.7', '%s', "
	         "'1.2.840.10008.1.2.1',"
	         "          '%s', 1000, 400, sha256('x'), h.at FROM r, h),"
	         " g AS (INSERT INTO study_signal (study_id, site_id, kind, detail)"
	         "   SELECT study_id, site_id, 'instances', '{\"instances\": 1}' FROM s)"
	         " SELECT public_id FROM s",
	         age, uid, uid, modality, series, modality, sop, key);
	take_id(county, county->study, sql);
}

void county_add_image(struct county *county)
{
	county_run(county, "UPDATE study SET instance_count = instance_count + 1, last_arrival_at = yq_now() WHERE "
	                   "public_id = $study");
	county_run(county,
	           "INSERT INTO study_signal (study_id, site_id, kind, detail)"
	           " SELECT study_id, site_id, 'instances', '{\"instances\": 1}' FROM study WHERE public_id = $study");
}

void county_add_object(struct county *county, const char *origin)
{
	char sql[900], uid[TEXT_UID_SIZE], key[33];
	uint8_t bytes[16];

	text_uid_new(uid);
	text_random(bytes, sizeof(bytes));
	text_hex(bytes, sizeof(bytes), key);
	snprintf(sql, sizeof(sql),
	         "INSERT INTO instance (site_id, series_id, device_id, origin, sop_class_uid, sop_instance_uid, "
	         "transfer_syntax_uid,"
	         " object_key, size_bytes, header_bytes, sha256, arrived_at)"
	         " SELECT r.site_id, r.series_id, s.device_id, '%s', '1.2.840.10008.5.1.4.1.1.7', '%s', "
	         "'1.2.840.10008.1.2.1', '%s',"
	         " 1000, 400, sha256('x'), yq_now() FROM series r JOIN study s USING (study_id) WHERE s.public_id = "
	         "$study LIMIT 1",
	         origin, uid, key);
	county_run(county, sql);
}

/* The router of another test that runs beside this one may have the own study just now: waits until it lets go. */
static bool is_waiting(struct county *county)
{
	if (!county->study[0])
		return false;
	county_value(county, "SELECT study_id FROM study WHERE public_id = $study FOR UPDATE");
	return strcmp(county_value(
	                  county,
	                  "SELECT EXISTS (SELECT FROM study s WHERE s.public_id = $study AND (s.due_at <= yq_now()"
	                  " OR EXISTS (SELECT FROM study_signal g WHERE g.study_id = s.study_id AND g.handled_at IS "
	                  "NULL)))"),
	              "t") == 0;
}

void county_settle(struct county *county)
{
	char id[TEXT_UUID_SIZE] = "x";
	struct err err;
	int i;

	for (i = 0; i < 1000 && (id[0] || is_waiting(county)); i++)
		cr_assert(study_settle_next(county->router, NULL, 0, id, &err), "%s: %s", id, err.text);
	cr_assert_str_empty(id, "studies come without end");
}

void county_add_task(struct county *county)
{
	county_add_study(county, "DR", "1 day");
	county_settle(county);
	take_id(county, county->task,
	        "SELECT t.public_id FROM reading_task t JOIN study s USING (study_id) WHERE s.public_id = $study");
}

static void add_object(struct county *county, const char *report_id, const char *column)
{
	char sql[1500], key[33];
	uint8_t bytes[16];

	text_random(bytes, sizeof(bytes));
	text_hex(bytes, sizeof(bytes), key);
	snprintf(sql, sizeof(sql),
	         "INSERT INTO instance (site_id, series_id, origin, sop_class_uid, sop_instance_uid, "
	         "transfer_syntax_uid, object_key,"
	         "                      size_bytes, header_bytes, sha256, arrived_at)"
	         " SELECT v.site_id, r.series_id, 'own', '1.2.840.10008.5.1.4.1.1.88.11', v.%s, '1.2.840.10008.1.2.1', "
	         "'%s', 100, 400,"
	         "        sha256('%s'), yq_now()"
	         " FROM report_version v JOIN report p USING (report_id) JOIN series r ON r.study_id = p.study_id"
	         " WHERE v.public_id = '%s' LIMIT 1",
	         column, key, key, report_id);
	county_run(county, sql);
}

void county_add_report(struct county *county, const char *age, bool has_objects, char out_id[TEXT_UUID_SIZE])
{
	char sql[2500], sr[TEXT_UID_SIZE], pdf[TEXT_UID_SIZE];

	text_uid_new(sr);
	text_uid_new(pdf);
	/* One transaction: another test that runs meanwhile waits, instead of switching the triggers back on in between. */
	county_run(county, "BEGIN; ALTER TABLE report_version DISABLE TRIGGER USER");
	snprintf(
	    sql, sizeof(sql),
	    "WITH t AS (SELECT t.*, yq_now() - interval '%s' AS at FROM reading_task t WHERE t.public_id = $task),"
	    " r AS (INSERT INTO report (site_id, study_id, task_id) SELECT site_id, study_id, task_id FROM t RETURNING "
	    "report_id),"
	    " v AS (INSERT INTO report_version (site_id, report_id, version, state, body, study_version, author_id, "
	    "policy_version_id,"
	    "         canonical, content_sha256, sr_sop_instance_uid, pdf_sop_instance_uid, submitted_at, issued_at)"
	    "   SELECT t.site_id, r.report_id, 1, 'issued', '{}', 1, p.person_id, y.policy_version_id, 'x', "
	    "sha256('x'), '%s', '%s', t.at,"
	    "          t.at"
	    "   FROM t, r, person p, reading_queue q JOIN signing_policy_version y USING (policy_id)"
	    "   WHERE p.public_id = $author AND q.public_id = $queue RETURNING public_id)"
	    " SELECT public_id FROM v",
	    age, sr, pdf);
	take_id(county, out_id, sql);
	county_run(county, "ALTER TABLE report_version ENABLE TRIGGER USER; COMMIT");
	if (has_objects) {
		add_object(county, out_id, "sr_sop_instance_uid");
		add_object(county, out_id, "pdf_sop_instance_uid");
	}
}
