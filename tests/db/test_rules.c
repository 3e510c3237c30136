/* What rules do with studies: routed, held, forwarded, stopped by an agreement, covered by the duty table, routed anew. */
#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

#include "lib/domain/reroute.h"
#include "lib/domain/rule_change.h"
#include "lib/domain/study.h"
#include "tests/db/county.h"

static struct county *county;

static void open_county(void)
{
	ledger_setup();
	county = county_new();
}

static void close_county(void)
{
	county_free(county);
}

TestSuite(rules, .init = open_county, .fini = close_county, .timeout = 120);

/* The rule of this county alone. */
#define MY_RULE "queue_id = (SELECT queue_id FROM reading_queue WHERE public_id = $queue)"
#define MY_STUDY "(SELECT study_id FROM study WHERE public_id = $study)"

static void expect_task(const char *want, const char *what)
{
	county_expect(county,
	              "SELECT coalesce(string_agg(concat_ws(' ', t.state, q.name, t.reading_mode, t.priority,"
	              " (SELECT 'for ' || c.name FROM reading_queue c WHERE c.queue_id = t.covered_queue_id)), ', '"
	              " ORDER BY t.task_id), '')"
	              " FROM reading_task t JOIN reading_queue q USING (queue_id) WHERE t.study_id = " MY_STUDY,
	              want, what);
}

static void add_queue(const char *name, char out_id[TEXT_UUID_SIZE])
{
	char sql[400];

	snprintf(sql, sizeof(sql),
	         "INSERT INTO reading_queue (lead_site_id, policy_id, name) SELECT lead_site_id, policy_id, '%s'"
	         " FROM reading_queue WHERE public_id = $queue RETURNING public_id",
	         name);
	text_copy(out_id, TEXT_UUID_SIZE, county_value(county, sql));
}

static void settle_new(const char *modality)
{
	county_add_study(county, modality, "1 day");
	county_settle(county);
}

static bool release_work(struct db *db, void *context, struct err *err)
{
	return reroute_release(db, context, err);
}

static bool ask_work(struct db *db, void *context, struct err *err)
{
	return reroute_ask(db, context, err);
}

/* ---- hold ------------------------------------------------------------------------------------------------------------------ */

Test(rules, a_held_study_waits_for_a_person_and_is_held_once)
{
	struct reroute by = {.person_id = county->duty, .reason = "看过了"},
	               clerk = {.person_id = county->radiographer, .reason = "x"};
	struct err err;

	county_run(county, "UPDATE routing_rule SET hold_reason = '部位不明' WHERE " MY_RULE);
	settle_new("CT");
	expect_task("", "nobody reads it");
	county_expect(county, "SELECT reason FROM study_hold WHERE study_id = " MY_STUDY " AND released_at IS NULL",
	              "部位不明", "why");
	county_expect(county,
	              "SELECT unrouted_reason || coalesce(due_at::text, '') FROM study WHERE public_id = $study", "",
	              "it is not looked at again by itself");
	by.study_id = clerk.study_id = county->study;
	cr_expect_not(db_transact(county->gateway, county->radiographer, release_work, &clerk, &err));
	cr_expect_eq(err.kind, ERR_REFUSED, "%s", err.text);
	cr_assert(db_transact(county->gateway, county->duty, release_work, &by, &err), "%s", err.text);
	county_settle(county);
	expect_task("awaiting 待诊断 central 0", "released");
	cr_expect_not(db_transact(county->gateway, county->duty, release_work, &by, &err));
	cr_expect_eq(err.kind, ERR_CONFLICT, "%s", err.text);
	county_expect(county,
	              "SELECT string_agg(cause || ' ' || outcome, ', ' ORDER BY routing_id) FROM study_routing WHERE "
	              "study_id = " MY_STUDY,
	              "offered held, released routed", "the record");
	county_expect(county,
	              "SELECT count(*) FROM audit WHERE subject = $study AND action IN ('study.held', 'study.release')",
	              "2", "the audit");
}

/* ---- agreements ------------------------------------------------------------------------------------------------------------ */

/* A hospital outside, and the county's rule sends to it. */
static void send_outside(void)
{
	county_run(county, "WITH s AS (INSERT INTO scope (kind, name) VALUES ('site', '市一医院') RETURNING scope_id),"
	                   " t AS (INSERT INTO site (site_id, code, licensed_type, counts_as_township_health_centre)"
	                   "   SELECT scope_id, 'city-' || scope_id, 'hospital', false FROM s RETURNING site_id)"
	                   " UPDATE reading_queue SET lead_site_id = (SELECT site_id FROM t) WHERE public_id = $queue");
}

static void add_agreement(const char *days)
{
	char sql[500];

	snprintf(sql, sizeof(sql),
	         "INSERT INTO cooperation_agreement (hospital_id, scope_id, valid) SELECT q.lead_site_id, c.scope_id, "
	         "daterange(%s)"
	         " FROM reading_queue q, scope c WHERE q.public_id = $queue AND c.public_id = $community",
	         days);
	county_run(county, sql);
}

Test(rules, an_agreement_that_ended_stops_routing_with_a_word)
{
	send_outside();
	add_agreement("'2020-01-01', '2020-12-31', '[]'");
	settle_new("CT");
	expect_task("", "nobody reads it");
	county_expect(county,
	              "SELECT unrouted_reason || ' ' || unrouted_code || ' ' || (unrouted_detail ->> 'day') FROM study "
	              "WHERE public_id = $study",
	              "the cooperation agreement with 市一医院 ended on 2020-12-31 agreement_ended 2020-12-31",
	              "the word");
	add_agreement("yq_now()::date, NULL");
	county_settle(county);
	expect_task("awaiting 待诊断 central 0", "a new agreement");
	county_expect(county,
	              "SELECT unrouted_reason || unrouted_code || unrouted_detail FROM study WHERE public_id = $study",
	              "{}", "no word");
}

Test(rules, without_an_agreement_nobody_outside_reads)
{
	send_outside();
	settle_new("CT");
	county_expect(county, "SELECT unrouted_code FROM study WHERE public_id = $study", "agreement_missing",
	              "the word");
	add_agreement("yq_now()::date + 1, NULL");
	county_settle(county);
	county_expect(county, "SELECT unrouted_code FROM study WHERE public_id = $study", "agreement_ahead",
	              "from tomorrow on");
}

/* ---- duty table ------------------------------------------------------------------------------------------------------------ */

Test(rules, the_duty_table_gives_the_work_to_who_covers)
{
	char other[TEXT_UUID_SIZE], sql[500];

	add_queue("二院", other);
	snprintf(sql, sizeof(sql),
	         "INSERT INTO duty_cover (queue_id, by_queue_id) SELECT q.queue_id, b.queue_id FROM reading_queue q, "
	         "reading_queue b"
	         " WHERE q.public_id = $queue AND b.public_id = '%s'",
	         other);
	county_run(county, sql);
	settle_new("CT");
	expect_task("awaiting 二院 central 0 for 待诊断", "covered");
	county_run(county, "UPDATE duty_cover SET ended_at = yq_now() WHERE " MY_RULE);
	settle_new("CT");
	expect_task("awaiting 待诊断 central 0", "the duty ended");
}

/* ---- destinations ------------------------------------------------------------------------------------------------------------ */

static void expect_deliveries(const char *want, const char *what)
{
	county_expect(
	    county,
	    "SELECT coalesce(string_agg(concat_ws(' ', d.purpose, 'v' || d.study_version, 'rank', d.rank), ', '"
	    " ORDER BY d.delivery_id), '') FROM delivery d WHERE d.study_id = " MY_STUDY,
	    want, what);
}

Test(rules, images_go_to_the_destinations_once_a_version)
{
	county_run(county, "WITH x AS (INSERT INTO destination (site_id, ae_title, host, port) SELECT scope_id, "
	                   "'PACS', 'localhost', 104"
	                   "   FROM scope WHERE public_id = $lead RETURNING destination_id)"
	                   " INSERT INTO routing_rule_destination (rule_id, destination_id, kind)"
	                   " SELECT rule_id, destination_id, 'forward' FROM routing_rule, x WHERE " MY_RULE);
	settle_new("CT");
	expect_deliveries("forward v1 rank 2", "when it is offered");
	county_run(county, "UPDATE study SET due_at = yq_now() WHERE public_id = $study");
	county_settle(county);
	expect_deliveries("forward v1 rank 2", "once");
	county_add_object(county, "device");
	county_add_image(county);
	county_run(county,
	           "UPDATE study SET last_arrival_at = last_arrival_at - interval '1 h' WHERE public_id = $study");
	county_settle(county);
	expect_deliveries("forward v1 rank 2, forward v2 rank 2", "the late image follows");
}

/* ---- again -------------------------------------------------------------------------------------------------------------------- */

static json_t *preview_of(struct reroute *reroute)
{
	json_t *preview = NULL;
	struct err err;
	struct db *db;

	cr_assert(db_take(county->gateway, &db, &err) && db_set_person(db, county->duty, &err), "%s", err.text);
	cr_assert(reroute_preview(db, reroute, &preview, &err), "%s", err.text);
	db_give(db);
	return preview;
}

Test(rules, the_past_stays_unless_somebody_asks)
{
	struct reroute by = {.person_id = county->duty, .reason = "改由二院诊断"};
	char other[TEXT_UUID_SIZE], sql[300];
	json_t *preview;
	struct err err;

	settle_new("CT");
	add_queue("二院", other);
	snprintf(sql, sizeof(sql),
	         "UPDATE routing_rule SET priority = 4, queue_id = (SELECT queue_id FROM reading_queue WHERE public_id "
	         "= '%s') WHERE " MY_RULE,
	         other);
	county_run(county, sql);
	county_settle(county);
	expect_task("awaiting 待诊断 central 0", "rules that changed do not touch it");
	by.study_id = county->study;
	preview = preview_of(&by);
	cr_expect(json_is_true(json_object_get(preview, "changes")));
	cr_expect_str_eq(json_string_value(json_object_get(json_object_get(preview, "then"), "queue_name")), "二院");
	cr_expect_str_eq(json_string_value(json_object_get(json_object_get(preview, "now"), "queue_name")), "待诊断");
	json_decref(preview);
	expect_task("awaiting 待诊断 central 0", "a preview changes nothing");
	cr_assert(db_transact(county->gateway, county->duty, ask_work, &by, &err), "%s", err.text);
	county_settle(county);
	expect_task("awaiting 二院 central 4", "routed anew");
	county_expect(county,
	              "SELECT cause || ' ' || outcome || ' ' || reason FROM study_routing WHERE study_id = " MY_STUDY
	              " ORDER BY routing_id DESC LIMIT 1",
	              "rerouted routed 改由二院诊断", "the record");
	preview = preview_of(&by);
	cr_expect(!json_is_true(json_object_get(preview, "changes")), "nothing more to change");
	json_decref(preview);
}

Test(rules, a_task_that_somebody_took_stays)
{
	struct reroute by = {.person_id = county->duty, .reason = "x"};
	struct err err;

	county_add_task(county);
	county_run(county,
	           "UPDATE reading_task SET state = 'writing', lease_token = gen_random_uuid(), lease_until = yq_now() "
	           "+ interval '1 h',"
	           " holder_id = (SELECT person_id FROM person WHERE public_id = $author) WHERE public_id = $task");
	by.study_id = county->study;
	cr_expect_not(db_transact(county->gateway, county->duty, ask_work, &by, &err));
	cr_expect_eq(err.kind, ERR_CONFLICT, "%s", err.text);
	cr_expect(strstr(err.text, "writing"), "%s", err.text);
	by.reason = " ";
	cr_expect_not(db_transact(county->gateway, county->duty, ask_work, &by, &err));
	cr_expect_eq(err.kind, ERR_INVALID, "%s", err.text);
}

/* ---- who may ------------------------------------------------------------------------------------------------------------------ */

Test(rules, an_operator_of_one_community_does_not_change_the_rules_of_all)
{
	char operator_id[TEXT_UUID_SIZE];
	json_t *body = json_pack("{s:s, s:s}", "name", "x", "queue", county->queue);
	struct rule_change change = {.kind = RULE_CHANGE_ADD, .person_id = operator_id, .body = body};
	struct err err;

	county_add_person(county, "operator", county->site, county->site, operator_id);
	cr_expect_not(rule_change_by_person(county->gateway, &change, &err));
	cr_expect_eq(err.kind, ERR_REFUSED, "%s", err.text);
	json_decref(body);
}
