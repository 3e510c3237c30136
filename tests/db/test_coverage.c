/* Coverage, with numbers worked out by hand. */
#include <criterion/criterion.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/base/conf.h"
#include "lib/domain/coverage.h"
#include "tests/db/county.h"

static struct county *county;
static char no_equipment[TEXT_UUID_SIZE], silent[TEXT_UUID_SIZE], echoing[TEXT_UUID_SIZE];

static void enrol(const char *site_id, const char *since)
{
	char sql[400];

	snprintf(sql, sizeof(sql),
	         "INSERT INTO site_enrolment (site_id, valid) SELECT scope_id, tstzrange('%s', NULL) FROM scope"
	         " WHERE public_id = '%s'",
	         since, site_id);
	county_run(county, sql);
}

static void contact(const char *site_id, const char *day, int echoes, int images)
{
	char sql[700], name[40];

	ledger_name(name);
	name[16] = '\0';
	snprintf(sql, sizeof(sql),
	         "WITH d AS (INSERT INTO device (site_id, calling_ae) SELECT scope_id, '%s' FROM scope WHERE public_id "
	         "= '%s'"
	         " RETURNING device_id) INSERT INTO device_contact (device_id, day, echoes, images, last_at)"
	         " SELECT device_id, '%s', %d, %d, '%s' FROM d",
	         name, site_id, day, echoes, images, day);
	county_run(county, sql);
}

/*
 * Four sites count: the first (images and reports), one without equipment, one that is silent, one that only echoes. The lead hospital
 * does not count.
 */
static void setup(void)
{
	ledger_setup();
	setenv("YQ_COVERAGE_REGULAR", "2", 1);
	ledger_redirect("application_name=coverage");
	county = county_new();
	county_add_site(county, "无设备卫生院", false, no_equipment);
	county_add_site(county, "未上传卫生院", true, silent);
	county_add_site(county, "仅测试卫生院", true, echoing);
	enrol(county->site, "2026-01-01");
	enrol(silent, "2026-01-01");
	enrol(echoing, "2026-01-01");
	contact(county->site, "2026-03-05", 0, 3);
	contact(county->site, "2026-03-06", 1, 4);
	contact(echoing, "2026-03-31", 2, 0);
}

static void teardown(void)
{
	county_free(county);
}

TestSuite(coverage, .init = setup, .fini = teardown, .timeout = 120);

/* A report issued at that time, returned or not. */
static void report(const char *at, const char *receipt)
{
	char id[TEXT_UUID_SIZE], sql[1200];

	county_add_task(county);
	county_add_report(county, "1 min", false, id);
	snprintf(sql, sizeof(sql),
	         "ALTER TABLE report_version DISABLE TRIGGER USER; UPDATE report_version SET issued_at = '%s' WHERE "
	         "public_id = '%s';"
	         " ALTER TABLE report_version ENABLE TRIGGER USER",
	         at, id);
	county_run(county, sql);
	if (strcmp(receipt, "delivered") == 0)
		snprintf(
		    sql, sizeof(sql),
		    "WITH x AS (INSERT INTO destination (site_id, ae_title, host, port) SELECT site_id, 'A', "
		    "gen_random_uuid()::text, 104"
		    "   FROM report_version WHERE public_id = '%s' RETURNING destination_id, site_id),"
		    " d AS (INSERT INTO delivery (site_id, destination_id, purpose, report_version_id, deadline_at)"
		    "   SELECT v.site_id, x.destination_id, 'return', v.report_version_id, yq_now() FROM x, "
		    "report_version v"
		    "   WHERE v.public_id = '%s' RETURNING delivery_id, site_id, report_version_id)"
		    " INSERT INTO receipt (site_id, report_version_id, kind, delivery_id) SELECT site_id, "
		    "report_version_id, 'delivered',"
		    " delivery_id FROM d",
		    id, id);
	else if (strcmp(receipt, "opened") == 0)
		snprintf(sql, sizeof(sql),
		         "INSERT INTO receipt (site_id, report_version_id, kind, person_id, at_site_id)"
		         " SELECT v.site_id, v.report_version_id, 'opened', p.person_id, v.site_id FROM report_version "
		         "v, person p"
		         " WHERE v.public_id = '%s' AND p.public_id = $radiographer",
		         id);
	else if (strcmp(receipt, "opened by the lead") == 0)
		snprintf(sql, sizeof(sql),
		         "INSERT INTO receipt (site_id, report_version_id, kind, person_id, at_site_id)"
		         " SELECT v.site_id, v.report_version_id, 'opened', p.person_id, p.seat_id FROM report_version "
		         "v, person p"
		         " WHERE v.public_id = '%s' AND p.public_id = $author",
		         id);
	else
		return;
	county_run(county, sql);
}

static json_t *read_as(struct db_pool *pool, const char *person, const struct coverage_query *query)
{
	struct db *db;
	struct err err;
	json_t *json;

	cr_assert(db_take(pool, &db, &err), "%s", err.text);
	cr_assert(!person || db_set_person(db, person, &err), "%s", err.text);
	cr_assert(coverage_read(db, query, &json, &err), "%s", err.text);
	db_give(db);
	return json;
}

static json_t *read_period(const char *from, const char *to, const char *basis)
{
	struct coverage_query query = {from, to, basis};

	return read_as(county->router, NULL, &query);
}

static const json_t *by_id(const json_t *list, const char *id)
{
	const json_t *one;
	size_t i;

	json_array_foreach(list, i, one) if (strcmp(json_string_value(json_object_get(one, "id")), id) == 0) return one;
	return NULL;
}

static const json_t *ours(const json_t *json)
{
	const json_t *found = by_id(json_object_get(json, "communities"), county->community);

	cr_assert_not_null(found, "the community is missing");
	return found;
}

/* The community's numbers in one line. */
static void expect(const json_t *json, const char *want, const char *what)
{
	const json_t *community = ours(json);
	char got[200];

	snprintf(got, sizeof(got), "%lld sites, %lld without equipment, %lld connected, %lld served, %lld regular",
	         (long long)json_integer_value(json_object_get(community, "sites")),
	         (long long)json_integer_value(json_object_get(community, "without_equipment")),
	         (long long)json_integer_value(json_object_get(community, "connected")),
	         (long long)json_integer_value(json_object_get(community, "served")),
	         (long long)json_integer_value(json_object_get(community, "regular")));
	cr_expect_str_eq(got, want, "%s: got %s, want %s", what, got, want);
}

static int64_t of_site(const json_t *json, const char *site_id, const char *member)
{
	const json_t *site = by_id(json_object_get(ours(json), "site_list"), site_id), *value;

	cr_assert_not_null(site, "site %s is missing", site_id);
	value = json_object_get(site, member);
	cr_assert_not_null(value, "no %s", member);
	return json_is_boolean(value) ? json_is_true(value) : json_integer_value(value);
}

static double rate_of(const json_t *json, const char *basis)
{
	return json_real_value(json_object_get(json_object_get(ours(json), "rate"), basis));
}

Test(coverage, three_bases_over_one_denominator)
{
	json_t *json;

	report("2026-03-10 09:00+08", "delivered");
	json = read_period("2026-03-01", "2026-03-31", NULL);
	expect(json, "4 sites, 1 without equipment, 2 connected, 1 served, 0 regular", "March");
	cr_expect_float_eq(rate_of(json, "connected"), 0.5, 1e-9);
	cr_expect_float_eq(rate_of(json, "served"), 0.25, 1e-9);
	cr_expect_float_eq(rate_of(json, "regular"), 0, 1e-9);
	cr_expect_str_eq(json_string_value(json_object_get(json, "basis")), "served", "the headline as configured");
	cr_expect_float_eq(json_real_value(json_object_get(ours(json), "headline_rate")), 0.25, 1e-9);
	json_decref(json);
	json = read_period("2026-03-01", "2026-03-31", "connected");
	cr_expect_float_eq(json_real_value(json_object_get(ours(json), "headline_rate")), 0.5, 1e-9);
	json_decref(json);
}

Test(coverage, every_site_is_there_with_its_numbers)
{
	json_t *json;

	report("2026-03-10 09:00+08", "delivered");
	json = read_period("2026-03-01", "2026-03-31", NULL);
	cr_expect_eq(json_array_size(json_object_get(ours(json), "site_list")), 5, "four and the lead");
	cr_expect_eq(of_site(json, county->site, "images"), 7);
	cr_expect_eq(of_site(json, county->site, "echoes"), 1);
	cr_expect_eq(of_site(json, county->site, "reports"), 1);
	cr_expect_eq(of_site(json, silent, "images"), 0, "nothing is zero, not missing");
	cr_expect_eq(of_site(json, silent, "is_connected"), 0);
	cr_expect_eq(of_site(json, echoing, "is_connected"), 1, "an echo is a contact");
	cr_expect_eq(of_site(json, no_equipment, "has_equipment"), 0, "flagged");
	cr_expect_eq(of_site(json, no_equipment, "counts"), 1, "and in the denominator");
	cr_expect_eq(of_site(json, county->lead, "counts"), 0);
	json_decref(json);
}

Test(coverage, only_what_came_back_counts)
{
	json_t *json;

	report("2026-03-10 09:00+08", "nothing");
	report("2026-03-11 09:00+08", "opened by the lead");
	json = read_period("2026-03-01", "2026-03-31", NULL);
	cr_expect_eq(of_site(json, county->site, "reports"), 0, "issued is not returned");
	json_decref(json);
	report("2026-03-12 09:00+08", "opened");
	report("2026-03-13 09:00+08", "delivered");
	json = read_period("2026-03-01", "2026-03-31", NULL);
	cr_expect_eq(of_site(json, county->site, "reports"), 2);
	expect(json, "4 sites, 1 without equipment, 2 connected, 1 served, 1 regular", "two a month are regular here");
	json_decref(json);
	json = read_period("2026-03-01", "2026-04-01", NULL);
	expect(json, "4 sites, 1 without equipment, 2 connected, 1 served, 0 regular", "two months ask for four");
	json_decref(json);
}

Test(coverage, days_are_those_of_the_installation)
{
	json_t *json;

	report("2026-03-31 23:30+08", "delivered");
	report("2026-04-01 00:10+08", "delivered");
	json = read_period("2026-03-01", "2026-03-31", NULL);
	cr_expect_eq(of_site(json, county->site, "reports"), 1, "half an hour before midnight in Shanghai");
	json_decref(json);
	json = read_period("2026-04-01", "2026-04-30", NULL);
	cr_expect_eq(of_site(json, county->site, "reports"), 1, "ten minutes after");
	expect(json, "4 sites, 1 without equipment, 0 connected, 1 served, 0 regular", "April");
	json_decref(json);
}

Test(coverage, reports_that_the_lead_did_not_make_do_not_count)
{
	json_t *json;

	report("2026-03-10 09:00+08", "delivered");
	county_run(county, "UPDATE reading_task SET reading_mode = 'local' WHERE public_id = $task");
	report("2026-03-11 09:00+08", "delivered");
	county_run(county, "UPDATE reading_task SET reading_mode = 'local_draft' WHERE public_id = $task");
	report("2026-03-12 09:00+08", "delivered");
	county_run(county,
	           "ALTER TABLE report_version DISABLE TRIGGER USER; UPDATE report_version SET state = 'void' WHERE "
	           "report_id ="
	           " (SELECT report_id FROM report r JOIN reading_task t USING (task_id) WHERE t.public_id = $task);"
	           " ALTER TABLE report_version ENABLE TRIGGER USER");
	json = read_period("2026-03-01", "2026-03-31", NULL);
	cr_expect_eq(of_site(json, county->site, "reports"), 1,
	             "read at the site: no; drafted there: yes; withdrawn: no");
	json_decref(json);
}

Test(coverage, enrolment_and_membership_are_dated)
{
	json_t *json;

	county_run(county, "UPDATE site_enrolment SET valid = tstzrange('2026-04-01', NULL)"
	                   " WHERE site_id = (SELECT scope_id FROM scope WHERE public_id = $site)");
	json = read_period("2026-03-01", "2026-03-31", NULL);
	expect(json, "4 sites, 1 without equipment, 1 connected, 0 served, 0 regular", "not enrolled yet");
	json_decref(json);
	county_run(county, "UPDATE scope_membership SET valid = daterange(NULL, '2026-03-20')"
	                   " WHERE child_id = (SELECT scope_id FROM scope WHERE public_id = $site)");
	json = read_period("2026-03-01", "2026-03-31", NULL);
	expect(json, "3 sites, 1 without equipment, 1 connected, 0 served, 0 regular", "left before the last day");
	json_decref(json);
	json = read_period("2026-03-01", "2026-03-19", NULL);
	expect(json, "4 sites, 1 without equipment, 0 connected, 0 served, 0 regular", "there until the 19th");
	json_decref(json);
}

static const char *standing(const json_t *json, size_t target)
{
	return json_string_value(
	    json_object_get(json_array_get(json_object_get(ours(json), "targets"), target), "standing"));
}

Test(coverage, targets_are_reached_on_track_or_late)
{
	json_t *json;

	county_run(county,
	           "INSERT INTO coverage_target (scope_id, figure, site_type, value, deadline, source)"
	           " SELECT scope_id, 'coverage_rate', 'township_health_centre', v, d::date, 't' FROM scope,"
	           " (VALUES (0.25, '2026-01-31'), (0.5, '2026-02-28'), (0.5, '2026-04-30'), (1.0, '2026-04-30'),"
	           "         (0.9, '2027-12-31')) t (v, d) WHERE public_id = $community AND v <> 1.0");
	report("2026-03-10 09:00+08", "delivered");
	json = read_period("2026-03-01", "2026-03-31", NULL);
	/* 0 before, 0.25 now, 31 days: 0.008 a day. 30 days on: 0.49, by the end of 2027 more than enough. */
	cr_expect_str_eq(standing(json, 0), "reached");
	cr_expect_str_eq(standing(json, 1), "late", "the deadline has passed");
	cr_expect_str_eq(standing(json, 2), "late", "0.49 is not 0.5");
	cr_expect_str_eq(standing(json, 3), "on_track");
	json_decref(json);
	report("2026-02-10 09:00+08", "delivered");
	json = read_period("2026-03-01", "2026-03-31", NULL);
	cr_expect_str_eq(standing(json, 3), "late", "the same as the month before: it does not grow");
	json_decref(json);
}

Test(coverage, the_region_has_its_line)
{
	json_t *json;
	const json_t *region;

	county_run(county,
	           "INSERT INTO coverage_target (scope_id, figure, site_type, value, deadline, source)"
	           " SELECT scope_id, 'coverage_rate', 'township_health_centre', 0.25, '2026-12-31', 't' FROM scope"
	           " WHERE public_id = $community");
	report("2026-03-10 09:00+08", "delivered");
	json = read_period("2026-03-01", "2026-03-31", NULL);
	region = json_object_get(json, "region");
	cr_expect_eq((size_t)json_integer_value(json_object_get(region, "communities")),
	             json_array_size(json_object_get(json, "communities")));
	cr_expect_geq(json_integer_value(json_object_get(region, "reached")), 1);
	cr_expect_leq(json_real_value(json_object_get(json_object_get(region, "worst"), "rate")), 0.25);
	json_decref(json);
}

Test(coverage, a_person_sees_the_own_community_alone)
{
	struct coverage_query query = {"2026-03-01", "2026-03-31", NULL};
	struct county *other = county_new();
	json_t *json = read_as(county->gateway, county->radiographer, &query);

	cr_expect_eq(json_array_size(json_object_get(json, "communities")), 1);
	expect(json, "4 sites, 1 without equipment, 2 connected, 0 served, 0 regular",
	       "all of its sites are in the figure");
	json_decref(json);
	county_free(other);
}

Test(coverage, bad_questions_are_refused)
{
	static const struct coverage_query queries[] = {
	    {"2026-13-01", NULL, NULL},         {"yesterday", NULL, NULL},  {"2026-03-31", "2026-03-01", NULL},
	    {"2001-01-01", "2026-01-01", NULL}, {NULL, NULL, "impression"}, {"2026-03-01'", NULL, NULL},
	};
	struct db *db;
	struct err err;
	json_t *json = NULL;
	size_t i;

	cr_assert(db_take(county->router, &db, &err), "%s", err.text);
	for (i = 0; i < sizeof(queries) / sizeof(queries[0]); i++) {
		cr_expect_not(coverage_read(db, &queries[i], &json, &err), "question %zu was answered", i);
		cr_expect_eq(err.kind, ERR_INVALID, "question %zu: %s", i, err.text);
	}
	db_give(db);
}
