#include "tests/db/report_world.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/base/conf.h"
#include "lib/base/log.h"
#include "lib/dicom/dicom.h"
#include "lib/domain/account.h"
#include "lib/domain/signer_ca.h"
#include "lib/store/store.h"

/* ---- SQL with the world's ids ------------------------------------------------------------------------------------------------ */

static char *fill(struct world *world, const char *sql)
{
	const struct {
		const char *name, *value;
	} words[] = {{"$lead", world->lead},   {"$site", world->site},         {"$study", world->study},
	             {"$task", world->task},   {"$author", world->author},     {"$reviewer", world->reviewer},
	             {"$queue", world->queue}, {"$stranger", world->stranger}, {"$password", WORLD_PASSWORD}};
	struct text_buf buf;

	text_buf_init(&buf, 100000);
	while (*sql) {
		size_t i = 0, count = sizeof words / sizeof words[0];

		while (i < count && strncmp(sql, words[i].name, strlen(words[i].name)) != 0)
			i++;
		cr_assert(i < count ? text_buf_printf(&buf, "'%s'", words[i].value) : text_buf_append(&buf, sql, 1));
		sql += i < count ? strlen(words[i].name) : 1;
	}
	return buf.data;
}

void world_run(struct world *world, const char *sql)
{
	char *text = fill(world, sql);

	ledger_run(world->owner, text);
	free(text);
}

const char *world_value(struct world *world, const char *sql)
{
	char *text = fill(world, sql);
	const char *value = ledger_value(world->owner, text);

	free(text);
	return value;
}

void world_refused(struct world *world, const char *sql, const char *why)
{
	char *text = fill(world, sql);
	PGresult *result = PQexec(world->owner, text);

	cr_assert_eq(PQresultStatus(result), PGRES_FATAL_ERROR, "%s was allowed", sql);
	cr_assert(strstr(PQresultErrorMessage(result), why), "refused for another reason: %s",
	          PQresultErrorMessage(result));
	PQclear(result);
	free(text);
}

static void take_value(struct world *world, char out[TEXT_UUID_SIZE], const char *sql)
{
	cr_assert(text_copy(out, TEXT_UUID_SIZE, world_value(world, sql)));
	cr_assert(text_is_uuid(out), "%s gave %s", sql, out);
}

/* ---- places, persons, study ------------------------------------------------------------------------------------------------------ */

static void make_places(struct world *world)
{
	char name[40], sql[2000];

	ledger_name(name);
	take_value(world, world->lead,
	           "INSERT INTO scope (kind, name) VALUES ('site', '台山市人民医院') RETURNING public_id");
	take_value(world, world->site,
	           "INSERT INTO scope (kind, name) VALUES ('site', '广海镇卫生院') RETURNING public_id");
	snprintf(sql, sizeof sql,
	         "INSERT INTO site (site_id, code, licensed_type, counts_as_township_health_centre)"
	         " SELECT scope_id, left('%s', 30) || CASE WHEN public_id = $lead THEN 'L' ELSE 'S' END, CASE WHEN "
	         "public_id = $lead"
	         " THEN 'hospital' ELSE 'township_health_centre' END, public_id <> $lead FROM scope"
	         " WHERE public_id IN ($lead, $site)",
	         name);
	world_run(world, sql);
	snprintf(
	    sql, sizeof sql,
	    "WITH p AS (INSERT INTO signing_policy (name) VALUES ('%s') RETURNING policy_id),"
	    " v AS (INSERT INTO signing_policy_version (policy_id, version, signatures, different_persons, in_force)"
	    "  SELECT policy_id, 1, 2, true, tstzrange(yq_now() - interval '1 day', NULL) FROM p)"
	    " INSERT INTO reading_queue (lead_site_id, policy_id, name)"
	    " SELECT (SELECT scope_id FROM scope WHERE public_id = $lead), policy_id, '%s' FROM p RETURNING public_id",
	    name, name);
	take_value(world, world->queue, sql);
}

static void make_person(struct world *world, struct db *db, const char *hash, const char *name, const char *right,
                        char out[TEXT_UUID_SIZE])
{
	char account[40], sql[2000];
	struct err err;

	ledger_name(account);
	snprintf(sql, sizeof sql,
	         "INSERT INTO person (account, name, password_hash, institution_id, seat_id)"
	         " SELECT replace('%s', '_', ''), '%s', '%s', scope_id, scope_id FROM scope WHERE public_id = $lead "
	         "RETURNING public_id",
	         account, name, hash);
	take_value(world, out, sql);
	snprintf(sql, sizeof sql,
	         "INSERT INTO person_right (person_id, role, scope_id) SELECT p.person_id, '%s', s.scope_id FROM "
	         "person p, scope s"
	         " WHERE p.public_id = '%s' AND s.public_id IN ($lead, $site)",
	         right, out);
	world_run(world, sql);
	cr_assert(signer_ca_enrol(db, out, name, "台山市人民医院", &err), "%s", err.text);
}

static void make_persons(struct world *world)
{
	struct db_pool *operators = ledger_pool("yq_operator", 1);
	char hash[ACCOUNT_HASH_SIZE];
	struct db *db;
	struct err err;

	cr_assert(account_password_hash(WORLD_PASSWORD, hash, &err), "%s", err.text);
	cr_assert(db_take(operators, &db, &err), "%s", err.text);
	make_person(world, db, hash, "黄志明", "reporter", world->author);
	make_person(world, db, hash, "欧阳慧", "reviewer", world->reviewer);
	make_person(world, db, hash, "无资格", "reviewer", world->stranger);
	db_give(db);
	db_pool_free(operators);
	world_run(world,
	          "INSERT INTO qualification (person_id, kind, modality, scope_id, valid)"
	          " SELECT p.person_id, k.kind, NULL, s.scope_id, daterange(current_date - 100, current_date + 1000)"
	          " FROM person p, scope s, (VALUES ('write', $author), ('write', $reviewer), ('review', $reviewer))"
	          " AS k (kind, who) WHERE p.public_id = k.who::uuid AND s.public_id = $site");
}

static void make_study(struct world *world)
{
	char uid[3][TEXT_UID_SIZE], key[STORE_KEY_SIZE], sql[3000];

	for (int i = 0; i < 3; i++)
		text_uid_new(uid[i]);
	store_key_new(key);
	world_run(world, "INSERT INTO patient DEFAULT VALUES");
	snprintf(sql, sizeof sql,
	         "WITH place AS (SELECT scope_id FROM scope WHERE public_id = $site), p AS (INSERT INTO patient "
	         "DEFAULT VALUES"
	         " RETURNING patient_id), c AS (INSERT INTO identity_claim (site_id, patient_id, source, typed_id, "
	         "name, sex,"
	         " birth_text, birth_date, content_hash) SELECT scope_id, patient_id, 'image', 'GH0001', "
	         "'LI^JIXIANG=李^𠮷祥', 'M',"
	         " '19590312', '1959-03-12', sha256('%s') FROM place, p RETURNING claim_id)"
	         " INSERT INTO study (site_id, study_instance_uid, claim_id, accession_number, dicom_study_id, "
	         "study_date_text,"
	         " study_time_text, study_at, description, patient_age_text, modality, body_part, instance_count, "
	         "first_arrival_at,"
	         " last_arrival_at) SELECT scope_id, '%s', claim_id, 'GH20261122001', '1', '20261122', '081200',"
	         " '2026-11-22 08:12+08', '胸部CT平扫', '067Y', 'CT', '胸部', 1, yq_now(), yq_now() FROM place, c "
	         "RETURNING public_id",
	         uid[0], uid[0]);
	take_value(world, world->study, sql);
	world_run(world, "UPDATE study SET state = 'complete', completed_at = yq_now() WHERE public_id = $study");
	snprintf(sql, sizeof sql,
	         "WITH r AS (INSERT INTO series (study_id, site_id, series_instance_uid, modality) SELECT study_id, "
	         "site_id, '%s', 'CT'"
	         " FROM study WHERE public_id = $study RETURNING series_id, site_id) INSERT INTO instance (site_id, "
	         "series_id, origin,"
	         " sop_class_uid, sop_instance_uid, transfer_syntax_uid, object_key, size_bytes, header_bytes, sha256, "
	         "arrived_at)"
	         " SELECT site_id, series_id, 'device', '1.2.840.10008.5.1.4.1.1.2', '%s', '1.2.840.10008.1.2.1', "
	         "'%s', 1, 1,"
	         " sha256('x'), yq_now() FROM r",
	         uid[1], uid[2], key);
	world_run(world, sql);
}

static void make_task(struct world *world)
{
	char uid[TEXT_UID_SIZE], sql[1000];

	take_value(
	    world, world->task,
	    "INSERT INTO reading_task (site_id, study_id, queue_id, reading_mode, patient_class, study_version)"
	    " SELECT s.site_id, s.study_id, (SELECT queue_id FROM reading_queue WHERE public_id = $queue), 'central',"
	    " s.patient_class, s.version FROM study s WHERE s.public_id = $study RETURNING public_id");
	text_uid_new(uid);
	snprintf(
	    sql, sizeof sql,
	    "INSERT INTO workitem (sop_instance_uid, site_id, task_id) SELECT '%s', site_id, task_id FROM reading_task"
	    " WHERE public_id = $task",
	    uid);
	world_run(world, sql);
}

/* ---- the sink -------------------------------------------------------------------------------------------------------------------- */

static bool bring_in(void *context, const struct report_object *object, struct err *err)
{
	struct world *world = context;
	static struct dicom_fields fields;
	struct world_object *kept;

	if (world->sink_failures-- > 0)
		return err_set(err, ERR_TEMPORARY, "could not bring it in: as the test wants");
	for (int i = 0; i < world->object_count; i++)
		if (strcmp(world->objects[i].sop_instance_uid, object->sop_instance_uid) == 0)
			return true;
	if (!dicom_read_fields(object->path, &fields, err))
		return false;
	cr_assert_str_eq(fields.sop_class_uid, object->sop_class_uid);
	cr_assert_str_eq(fields.sop_instance_uid, object->sop_instance_uid);
	cr_assert_str_eq(fields.transfer_syntax_uid, object->transfer_syntax_uid);
	cr_assert_str_eq(object->site_public_id, world->site);
	cr_assert_lt(world->object_count, 8);
	kept = &world->objects[world->object_count++];
	(void)text_copy(kept->sop_instance_uid, sizeof kept->sop_instance_uid, object->sop_instance_uid);
	(void)text_copy(kept->sop_class_uid, sizeof kept->sop_class_uid, object->sop_class_uid);
	(void)text_copy(kept->patient_name, sizeof kept->patient_name, fields.patient_name);
	return true;
}

struct world *world_new(void)
{
	struct world *world = calloc(1, sizeof *world);
	struct err err;

	ledger_setup();
	log_init("test", ERR_LOG_ERROR);
	cr_assert(dicom_init(&err), "%s", err.text);
	cr_assert(signer_ca_init(&err), "%s", err.text);
	world->owner = ledger_connect("yq_owner");
	world->pool = ledger_pool("yq_gateway", 2);
	world->desk.pool = world->pool;
	world->desk.sink.bring_in = bring_in;
	world->desk.sink.context = world;
	cr_assert(store_open("file:store", &world->desk.store, &err), "%s", err.text);
	make_places(world);
	make_persons(world);
	make_study(world);
	make_task(world);
	return world;
}

void world_free(struct world *world)
{
	store_close(world->desk.store);
	db_pool_free(world->pool);
	PQfinish(world->owner);
	free(world);
}

/* ---- steps -------------------------------------------------------------------------------------------------------------------------- */

struct task_lease world_take(struct world *world, const char *person)
{
	struct task_lease lease;
	struct err err;

	cr_assert(task_take(world->pool, person, world->task, &lease, &err), "take: %s", err.text);
	return lease;
}

struct task_lease world_take_review(struct world *world, const char *person)
{
	struct task_lease lease;
	struct err err;

	cr_assert(task_take_review(world->pool, person, world->task, &lease, &err), "take review: %s", err.text);
	return lease;
}

int world_draft(struct world *world, const char *person, const char *token, int seen, const char *impression)
{
	const struct task_claim claim = {person, world->task, token};
	const struct report_body body = {.method = "胸部常规平扫。",
	                                 .findings = "右肺下叶见片状密度增高影。",
	                                 .impression = impression,
	                                 .result = REPORT_RESULT_POSITIVE,
	                                 .quality_grade = "优"};
	char report_id[TEXT_UUID_SIZE];
	int revision = 0;
	struct err err;

	cr_assert(report_draft_save(&world->desk, &claim, seen, &body, &revision, report_id, &err), "draft: %s",
	          err.text);
	return revision;
}

void world_submit(struct world *world, const char *impression)
{
	struct task_lease lease = world_take(world, world->author);
	const struct task_claim claim = {world->author, world->task, lease.token};
	int revision = world_draft(world, world->author, lease.token, 0, impression);
	struct err err;

	cr_assert(report_submit(&world->desk, &claim, WORLD_PASSWORD, revision, &(struct report_seen){1, -1}, &err),
	          "submit: %s", err.text);
}
