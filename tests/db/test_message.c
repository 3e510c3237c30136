/* Webhooks are told what was committed at their site, of the kinds that they asked for; messages name it by ids. */
#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

#include "lib/domain/event.h"
#include "lib/domain/report_message.h"
#include "lib/domain/webhook.h"
#include "tests/db/county.h"

static struct county *county;
static char destination[TEXT_UUID_SIZE];

static void add_webhook(const char *site, const char *kinds, char out[TEXT_UUID_SIZE])
{
	char sql[400];

	snprintf(
	    sql, sizeof sql,
	    "INSERT INTO destination (site_id, protocol, url, webhook_events) SELECT scope_id, 'webhook', "
	    "'http://127.0.0.1/' || gen_random_uuid(), '{%s}' FROM scope WHERE public_id = '%s' RETURNING public_id",
	    kinds, site);
	text_copy(out, TEXT_UUID_SIZE, county_value(county, sql));
}

static void setup(void)
{
	ledger_setup();
	county = county_new();
	county_add_task(county);
	add_webhook(county->site, "study.complete,task.return,report.issue,critical_value.raise", destination);
}

static void teardown(void)
{
	county_free(county);
}

TestSuite(message, .init = setup, .fini = teardown, .timeout = 60);

/* As the gateway does, in the name of a person, behind row-level security. */
static void happen(const char *kind, const char *subject, const char *site)
{
	struct db *db;
	struct err err;

	cr_assert(db_take(county->gateway, &db, &err), "%s", err.text);
	cr_assert(db_set_person(db, county->reviewer, &err), "%s", err.text);
	cr_assert(event_append(db, kind, subject, site, &err), "%s", err.text);
	db_give(db);
}

static void expect_told(const char *select, const char *want, const char *what)
{
	char sql[500];

	snprintf(sql, sizeof sql,
	         "SELECT %s FROM delivery d JOIN destination x USING (destination_id) WHERE x.public_id = '%s'", select,
	         destination);
	county_expect(county, sql, want, what);
}

Test(message, a_webhook_is_told_what_it_asked_for)
{
	char other[TEXT_UUID_SIZE];

	county_add_site(county, "另一所卫生院", true, other);
	happen("study.complete", county->study, county->site);
	happen("study.complete", county->study, other);
	happen("study.incomplete", county->study, county->site);
	happen("task.take", county->task, county->site);
	happen("delivery.delivered", county->task, county->site);
	expect_told("count(*)", "1", "one of five");
	expect_told("min(d.message->>'kind') || ' ' || min(d.purpose) || ' ' || min(d.state) || ' ' || min(d.rank)",
	            "study.complete notify pending 2", "what it is told");
	expect_told("bool_and(d.deadline_at - d.created_at = interval '30 days')", "t", "deadline");
	happen("study.complete", county->study, county->site);
	expect_told("count(*)", "2", "the same happened again");
}

Test(message, a_critical_value_goes_first)
{
	happen("critical_value.raise", county->study, county->site);
	expect_told("min(d.rank)", "0", "before everything else");
}

Test(message, a_webhook_that_is_off_is_not_told)
{
	char sql[200];

	snprintf(sql, sizeof sql, "UPDATE destination SET is_enabled = false WHERE public_id = '%s'", destination);
	county_run(county, sql);
	happen("study.complete", county->study, county->site);
	expect_told("count(*)", "0", "off");
}

static void expect_message(const char *kind, const char *subject, const char *const wants[][2])
{
	char sql[400], delivery[TEXT_UUID_SIZE];
	json_t *message, *data;
	struct db *db;
	struct err err;

	happen(kind, subject, county->site);
	snprintf(
	    sql, sizeof sql,
	    "SELECT d.public_id FROM delivery d JOIN destination x USING (destination_id) WHERE x.public_id = '%s' AND "
	    "d.message->>'kind' = '%s'",
	    destination, kind);
	text_copy(delivery, sizeof delivery, county_value(county, sql));
	cr_assert(db_take(county->router, &db, &err), "%s", err.text);
	cr_assert(webhook_message(db, delivery, &message, &err), "%s", err.text);
	db_give(db);
	cr_expect_str_eq(json_string_value(json_object_get(message, "type")), kind);
	cr_expect_not_null(json_object_get(message, "timestamp"));
	data = json_object_get(message, "data");
	for (; (*wants)[0]; wants++) {
		const char *got = json_string_value(json_object_get(data, (*wants)[0]));

		cr_expect((*wants)[1] ? got && strcmp(got, (*wants)[1]) == 0 : !got, "%s: %s is %s", kind, (*wants)[0],
		          got ? got : "absent");
	}
	json_decref(message);
}

Test(message, each_names_what_it_is_about)
{
	char report[TEXT_UUID_SIZE], critical[TEXT_UUID_SIZE];

	county_add_report(county, "1 hour", true, report);
	text_copy(critical, sizeof critical,
	          county_value(
	              county,
	              "INSERT INTO critical_value (site_id, study_id, item, raised_by, confirm_by) SELECT s.site_id, "
	              "s.study_id, '气胸', p.person_id, yq_now() FROM study s, person p WHERE s.public_id = $study AND "
	              "p.public_id = $author RETURNING public_id"));
	expect_message(
	    "study.complete", county->study,
	    (const char *const[][2]){{"study", county->study}, {"site", county->site}, {"task", NULL}, {NULL, NULL}});
	expect_message(
	    "task.return", county->task,
	    (const char *const[][2]){{"study", county->study}, {"task", county->task}, {"report", NULL}, {NULL, NULL}});
	expect_message("report.issue", report,
	               (const char *const[][2]){{"study", county->study},
	                                        {"task", county->task},
	                                        {"report_version", report},
	                                        {"report_kind", "original"},
	                                        {NULL, NULL}});
	expect_message("critical_value.raise", critical,
	               (const char *const[][2]){
	                   {"study", county->study}, {"critical_value", critical}, {"item", NULL}, {NULL, NULL}});
}

/* A delivery of objects has no message, and one that says what happened is no report. */
Test(message, of_what_there_is_none)
{
	struct report_message_loaded loaded;
	char id[TEXT_UUID_SIZE];
	json_t *message;
	struct db *db;
	struct err err;

	happen("study.complete", county->study, county->site);
	text_copy(id, sizeof id,
	          county_value(county, "SELECT public_id FROM delivery ORDER BY delivery_id DESC LIMIT 1"));
	cr_assert(db_take(county->router, &db, &err), "%s", err.text);
	cr_expect_not(report_message_load(db, NULL, id, &loaded, &err));
	cr_expect_eq(err.kind, ERR_NOT_FOUND, "%s", err.text);
	cr_expect_not(webhook_message(db, county->study, &message, &err));
	cr_expect_eq(err.kind, ERR_NOT_FOUND, "%s", err.text);
	db_give(db);
}

Test(message, only_a_webhook_has_events_and_only_known_ones)
{
	static const char *const refused[] = {
	    "UPDATE destination SET webhook_events = '{study.complete}' WHERE protocol = 'dicom'",
	    "UPDATE destination SET webhook_events = '{patient.born}' WHERE protocol = 'webhook'"};

	county_run(
	    county,
	    "INSERT INTO destination (site_id, ae_title, host, port) SELECT scope_id, 'PACS', '127.0.0.1', 9 FROM "
	    "scope WHERE public_id = $site");
	for (size_t i = 0; i < sizeof refused / sizeof refused[0]; i++) {
		PGresult *result = PQexec(county->owner, refused[i]);

		cr_expect_str_eq(PQresultErrorField(result, PG_DIAG_SQLSTATE), "23514", "%s", refused[i]);
		PQclear(result);
	}
}
