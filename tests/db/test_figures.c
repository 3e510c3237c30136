/*
 * The figures, counted by hand. One small county in March 2026 (Shanghai): every study stands in the table below with what happened to it,
 * and what each figure must be is worked out beside it.
 */
#include <criterion/criterion.h>
#include <jansson.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/domain/figure_rows.h"
#include "tests/db/county.h"

static struct county *county;
static char silent[TEXT_UUID_SIZE];

/* Minutes after the first image; 0: did not happen. */
struct story {
	const char *first_image; /* Shanghai time */
	const char *patient_class, *mode;
	int complete, taken, submitted, issued, returned;
	int limit;        /* minutes after complete, before pauses; 0: none */
	int pause, asked; /* pause: minutes, and when it began */
	const char *pause_kind;
	const char *result, *grade;
	bool is_sent_back, is_one_signature;
};

static const struct story stories[] = {
    /* 0: in time by both clocks: centre 30 of 60, site 40 of 60 (nothing was pressed: from the first image) */
    {"2026-03-02 08:00", "outpatient", "central", 5, 10, 25, 35, 40, 60, 0, 0, NULL, "positive", "甲", false, false},
    /* 1: 90 minutes, of which 40 stood still (retake): 50 of 60 at the centre; at the site 105 - 40 = 65 of 60: late */
    {"2026-03-02 09:00", "outpatient", "central", 5, 10, 80, 95, 105, 60, 40, 20, "retake", "negative", "乙", false,
     false},
    /* 2: pause before it was taken (request): 120 - 70 = 50 of 60 */
    {"2026-03-02 23:59", "inpatient", "central", 5, 90, 110, 125, 130, 60, 70, 10, "request", "negative", "优", true,
     false},
    /* 3: too late at both; sent back by the reviewer */
    {"2026-03-03 00:00", "emergency", "central", 1, 10, 60, 90, 95, 30, 0, 0, NULL, "positive", "丙", true, false},
    /* 4: a health check: stays out of the positive rate; without a limit in no denominator of in time */
    {"2026-03-04 10:00", "health_check", "central", 5, 10, 20, 30, 40, 0, 0, 0, NULL, "positive", "良", false, false},
    /* 5: drafted at the site, issued by the lead; never came back: not in time at the site */
    {"2026-03-05 10:00", "outpatient", "local_draft", 5, 10, 20, 30, 0, 60, 0, 0, NULL, "negative", "", false, false},
    /* 6: read at the site with one signature: no diagnosis by the lead, no double signature */
    {"2026-03-06 10:00", "outpatient", "local", 5, 10, 20, 20, 25, 60, 0, 0, NULL, NULL, "", false, true},
    /* 7: waits */
    {"2026-03-07 10:00", "outpatient", "central", 5, 0, 0, 0, 0, 60, 0, 0, NULL, NULL, "", false, false},
    /* 8: is still coming: not complete, not offered */
    {"2026-03-31 23:59", "outpatient", NULL, 0, 0, 0, 0, 0, 0, 0, 0, NULL, NULL, "", false, false},
    /* 9: came in February's last minute, issued in March: a report of March, no study of March */
    {"2026-02-28 23:59", "outpatient", "central", 1, 2, 10, 20, 30, 60, 0, 0, NULL, "negative", "", false, false},
    /* 10: April's first minute: neither */
    {"2026-04-01 00:00", "outpatient", "central", 1, 2, 10, 20, 30, 60, 0, 0, NULL, "positive", "甲", false, false},
};

static void add_study(const struct story *story)
{
	char sql[3000];

	county_add_study(county, "CT", "1 day");
	snprintf(sql, sizeof sql,
	         "ALTER TABLE study DISABLE TRIGGER USER;"
	         "UPDATE study SET first_arrival_at = a, last_arrival_at = a, patient_class = '%s', reading_mode = "
	         "nullif('%s', ''),"
	         " state = CASE WHEN %d > 0 THEN 'complete' ELSE 'receiving' END,"
	         " completed_at = CASE WHEN %d > 0 THEN a + interval '%d min' END"
	         " FROM (SELECT timestamptz '%s+08' AS a) x WHERE public_id = $study;"
	         "ALTER TABLE study ENABLE TRIGGER USER;"
	         "UPDATE study_signal SET handled_at = yq_now() WHERE study_id = (SELECT study_id FROM study WHERE "
	         "public_id = $study)",
	         story->patient_class, story->mode ? story->mode : "", story->complete, story->complete,
	         story->complete, story->first_image);
	county_run(county, sql);
}

static void add_task(const struct story *story)
{
	char sql[3000];

	snprintf(sql, sizeof sql,
	         "ALTER TABLE reading_task DISABLE TRIGGER USER;"
	         "INSERT INTO reading_task (site_id, study_id, queue_id, reading_mode, patient_class, state, "
	         "study_version, opened_at,"
	         "   first_taken_at, due_at, paused_for)"
	         " SELECT s.site_id, s.study_id, q.queue_id, s.reading_mode, s.patient_class,"
	         "   CASE WHEN %d > 0 THEN 'done' ELSE 'awaiting' END, 1, s.completed_at,"
	         "   CASE WHEN %d > 0 THEN s.first_arrival_at + interval '%d min' END,"
	         "   CASE WHEN %d > 0 THEN s.completed_at + interval '%d min' END, interval '%d min'"
	         " FROM study s, reading_queue q WHERE s.public_id = $study AND q.public_id = $queue;"
	         "ALTER TABLE reading_task ENABLE TRIGGER USER",
	         story->issued, story->taken, story->taken, story->limit, story->limit + story->pause, story->pause);
	county_run(county, sql);
	if (!story->pause)
		return;
	snprintf(sql, sizeof sql,
	         "INSERT INTO task_return (site_id, task_id, kind, reason, returned_by, returned_at, answer, "
	         "answered_by, answered_at)"
	         " SELECT t.site_id, t.task_id, '%s', 'x', p.person_id, s.first_arrival_at + interval '%d min', 'y', "
	         "p.person_id,"
	         "        s.first_arrival_at + interval '%d min'"
	         " FROM study s JOIN reading_task t USING (study_id), person p WHERE s.public_id = $study AND "
	         "p.public_id = $author",
	         story->pause_kind, story->asked, story->asked + story->pause);
	county_run(county, sql);
}

static void add_report(const struct story *story)
{
	char sql[4000];

	snprintf(sql, sizeof sql,
	         "ALTER TABLE report_version DISABLE TRIGGER USER;"
	         "WITH t AS (SELECT t.*, s.first_arrival_at AS a FROM study s JOIN reading_task t USING (study_id) "
	         "WHERE s.public_id = $study),"
	         " r AS (INSERT INTO report (site_id, study_id, task_id) SELECT site_id, study_id, task_id FROM t "
	         "RETURNING report_id),"
	         " y AS (SELECT policy_version_id FROM reading_queue q JOIN signing_policy_version USING (policy_id)"
	         "       WHERE q.public_id = $queue AND signatures = %d),"
	         " v AS (INSERT INTO report_version (site_id, report_id, version, state, body, study_version, "
	         "author_id, reviewer_id,"
	         "         policy_version_id, canonical, content_sha256, submitted_at, issued_at, settled_at)"
	         "   SELECT t.site_id, r.report_id, 1, 'issued', jsonb_build_object('result', nullif('%s', ''), "
	         "'quality_grade', '%s'), 1,"
	         "          p.person_id, z.person_id, y.policy_version_id, 'x', sha256('x'), a + interval '%d min', a "
	         "+ interval '%d min', yq_now()"
	         "   FROM t, r, y, person p, person z WHERE p.public_id = $author AND z.public_id = %s RETURNING *),"
	         " m AS (INSERT INTO report_remark (site_id, report_version_id, revision, remark, made_by)"
	         "   SELECT site_id, report_version_id, 1, 'x', reviewer_id FROM v WHERE %s)"
	         " INSERT INTO receipt (site_id, report_version_id, kind, person_id, at_site_id, at)"
	         " SELECT v.site_id, v.report_version_id, 'opened', p.person_id, v.site_id, t.a + interval '%d min' "
	         "FROM v, t, person p"
	         " WHERE p.public_id = $radiographer AND %d > 0;"
	         "ALTER TABLE report_version ENABLE TRIGGER USER",
	         story->is_one_signature ? 1 : 2, story->result ? story->result : "", story->grade, story->submitted,
	         story->issued, story->is_one_signature ? "$author" : "$reviewer",
	         story->is_sent_back ? "true" : "false", story->returned, story->returned);
	county_run(county, sql);
}

/* Raised at 10:00; read back so many minutes later (0: not), closed or not. To be confirmed in 10 minutes. */
static void add_critical(const char *day, int read_back, bool is_closed)
{
	char sql[1500];

	snprintf(sql, sizeof sql,
	         "ALTER TABLE critical_value DISABLE TRIGGER USER;"
	         "INSERT INTO critical_value (site_id, study_id, item, state, raised_by, raised_at, confirm_by, "
	         "read_back, read_back_at,"
	         "   handling, handled_at)"
	         " SELECT s.site_id, s.study_id, 'x', '%s', p.person_id, at, at + interval '10 min', 'y',"
	         "   CASE WHEN %d > 0 THEN at + interval '%d min' END, 'z', at + interval '1 hour'"
	         " FROM study s, person p, (SELECT timestamptz '%s 10:00+08' AS at) x WHERE s.public_id = $study AND "
	         "p.public_id = $author;"
	         "ALTER TABLE critical_value ENABLE TRIGGER USER",
	         is_closed   ? "closed"
	         : read_back ? "read_back"
	                     : "notified",
	         read_back, read_back, day);
	county_run(county, sql);
}

static void setup(void)
{
	ledger_setup();
	ledger_redirect("application_name=figures");
	county = county_new();
	county_add_site(county, "未上传卫生院", true, silent);
	/* A policy of one signature was in force before: reports name the version that they were issued under. */
	county_run(county,
	           "INSERT INTO signing_policy_version (policy_id, version, signatures, different_persons, in_force)"
	           " SELECT policy_id, 2, 1, false, tstzrange('1990-01-01', '2000-01-01') FROM reading_queue WHERE "
	           "public_id = $queue");
	for (size_t i = 0; i < sizeof stories / sizeof stories[0]; i++) {
		add_study(&stories[i]);
		if (stories[i].complete)
			add_task(&stories[i]);
		if (stories[i].issued)
			add_report(&stories[i]);
	}
	add_critical("2026-03-10", 10, true);
	add_critical("2026-03-10", 11, true);
	add_critical("2026-03-11", 0, false);
	add_critical("2026-04-01", 1, true);
}

static void teardown(void)
{
	county_free(county);
}

TestSuite(figures, .init = setup, .fini = teardown, .timeout = 120);

static json_t *read_as(struct db_pool *pool, const char *person, const struct figure_query *query)
{
	struct db *db;
	struct err err;
	json_t *json = NULL;

	cr_assert(db_take(pool, &db, &err), "%s", err.text);
	cr_assert(db_set_person(db, person, &err), "%s", err.text);
	cr_assert(figure_read(db, query, &json, &err), "%s", err.text);
	db_give(db);
	return json;
}

static json_t *read_period(const char *from, const char *to, const char *modes)
{
	struct figure_query query = {county->community, from, to, modes};

	return read_as(county->gateway, county->duty, &query);
}

static void expect_ratio(const json_t *ratio, const char *figure, int numerator, int denominator)
{
	const json_t *value = json_object_get(ratio, "value");
	int got = (int)json_integer_value(json_object_get(ratio, "numerator"));
	int of = (int)json_integer_value(json_object_get(ratio, "denominator"));

	cr_expect(ratio && got == numerator && of == denominator, "%s: got %d of %d, want %d of %d", figure, got, of,
	          numerator, denominator);
	if (denominator == 0)
		cr_expect(json_is_null(value), "%s over nothing has no value", figure);
	else
		cr_expect_lt(fabs(json_number_value(value) - (double)numerator / denominator), 0.00005, "%s: %f",
		             figure, json_number_value(value));
}

static const json_t *rate(const json_t *figures, const char *figure)
{
	const json_t *one;
	size_t i;

	json_array_foreach(json_object_get(figures, "rates"), i, one)
	{
		if (strcmp(json_string_value(json_object_get(one, "figure")), figure) == 0)
			return json_object_get(one, "ratio");
	}
	return NULL;
}

static int number(const json_t *json, const char *name)
{
	return (int)json_integer_value(json_object_get(json, name));
}

Test(figures, every_rate_as_counted_by_hand)
{
	static const struct {
		const char *figure;
		int numerator, denominator;
	} want[] = {
	    {"positive_rate", 2, 6},         /* of 0 1 2 3 5 9 (4 is a health check, 6 says nothing): 0 3 */
	    {"grade_a_rate", 3, 5},          /* of 0 1 2 3 4: 0 甲, 2 优, 4 良 */
	    {"retake_rate", 1, 8},           /* of 0 to 7: 1 */
	    {"request_return_rate", 1, 8},   /* 2 */
	    {"double_signature_rate", 7, 8}, /* of 0 to 6 and 9: all but 6 */
	    {"review_change_rate", 2, 8},    /* 2 3 */
	    {"critical_in_time", 1, 3},      /* 10 minutes are in time, 11 are not */
	    {"critical_closed", 2, 3},       {"diagnosis_by_lead_rate", 6, 8}, /* of 0 to 7 complete: 0 to 5 */
	};
	json_t *json = read_period("2026-03-01", "2026-03-31", NULL);

	for (size_t i = 0; i < sizeof want / sizeof want[0]; i++)
		expect_ratio(rate(json, want[i].figure), want[i].figure, want[i].numerator, want[i].denominator);
	/* With a limit: 0 1 2 3 5 6 9. Late at the centre: 3. At the site late or not back: 1 (65 of 60), 2 (130 - 70 is 60 of 60: in
	 * time), 3, 5. */
	expect_ratio(json_object_get(json_object_get(json, "in_time"), "centre"), "centre", 6, 7);
	expect_ratio(json_object_get(json_object_get(json, "in_time"), "site"), "site", 4, 7);
	cr_expect_eq(number(json, "studies"), 9, "0 to 8");
	cr_expect_eq(number(json, "reports"), 8, "0 to 6 and 9");
	cr_expect_eq(number(json, "open_critical_values"), 1);
	json_decref(json);
}

static void expect_leg(const json_t *json, const char *leg, int count, double median_min)
{
	const json_t *one;
	size_t i;

	json_array_foreach(json_object_get(json, "turnaround"), i, one)
	{
		if (strcmp(json_string_value(json_object_get(one, "leg")), leg) != 0)
			continue;
		cr_expect_eq(number(one, "count"), count, "%s: %d, want %d", leg, number(one, "count"), count);
		cr_expect_float_eq(json_number_value(json_object_get(one, "median_s")), median_min * 60, 0.01,
		                   "%s: %f s", leg, json_number_value(json_object_get(one, "median_s")));
	}
}

Test(figures, legs_lose_their_pauses)
{
	json_t *json = read_period("2026-03-01", "2026-03-31", NULL);

	expect_leg(json, "arrival", 8, 5);    /* 5 5 5 1 5 5 5 1 */
	expect_leg(json, "waiting", 8, 5);    /* 5 5 (85 - 70 =) 15 9 5 5 5 1 */
	expect_leg(json, "writing", 8, 12.5); /* 15 (70 - 40 =) 30 20 50 10 10 10 8: 8 10 10 10 15 20 30 50 */
	expect_leg(json, "review", 8, 10);    /* 10 15 15 30 10 10 0 10 */
	expect_leg(json, "return", 7, 5);     /* 5 10 5 5 10 5 10 */
	expect_leg(json, "centre", 8, 27.5);  /* 30 50 50 89 25 25 15 19: 15 19 25 25 30 50 50 89 */
	expect_leg(json, "site", 7, 40);      /* 40 65 60 95 40 25 30 */
	json_decref(json);
}

static int day_studies(const json_t *json, const char *day, const char *name)
{
	const json_t *one;
	size_t i;

	json_array_foreach(json_object_get(json, "volume"), i, one)
	{
		if (strcmp(json_string_value(json_object_get(one, "day")), day) == 0)
			return number(one, name);
	}
	return -1;
}

Test(figures, days_end_at_midnight_of_the_zone)
{
	json_t *json = read_period("2026-03-01", "2026-03-31", NULL);

	cr_expect_eq(day_studies(json, "2026-03-02", "studies"), 3, "the last at 23:59");
	cr_expect_eq(day_studies(json, "2026-03-03", "studies"), 1, "at 0:00");
	cr_expect_eq(day_studies(json, "2026-03-03", "reports"), 2, "of the one before midnight, and of its own");
	cr_expect_eq(day_studies(json, "2026-03-01", "reports"), 1, "of a study of February");
	cr_expect_eq(day_studies(json, "2026-03-31", "studies"), 1);
	cr_expect_eq(day_studies(json, "2026-04-01", "studies"), -1);
	json_decref(json);
	json = read_period("2026-04-01", "2026-04-30", NULL);
	cr_expect_eq(number(json, "studies"), 1);
	json_decref(json);
	json = read_period("2026-02-01", "2026-02-28", NULL);
	cr_expect_eq(number(json, "studies"), 1);
	cr_expect_eq(number(json, "reports"), 0);
	json_decref(json);
}

Test(figures, modes_are_chosen)
{
	json_t *json = read_period("2026-03-01", "2026-03-31", "local,local_draft");

	cr_expect_eq(number(json, "studies"), 2, "5 6");
	cr_expect_eq(json_array_size(json_object_get(json, "modes")), 2);
	expect_ratio(rate(json, "diagnosis_by_lead_rate"), "by the lead", 1, 2);
	json_decref(json);
	json = read_period("2026-03-01", "2026-03-31", "central,local_draft,local");
	cr_expect_eq(number(json, "studies"), 8, "all named: still without 8, which no rule took");
	json_decref(json);
}

Test(figures, where_nothing_is_there_is_no_rate)
{
	json_t *json = read_period("2025-01-01", "2025-01-31", NULL);
	const json_t *one;
	size_t i;

	json_array_foreach(json_object_get(json, "rates"), i, one)
	    expect_ratio(json_object_get(one, "ratio"), json_string_value(json_object_get(one, "figure")), 0, 0);
	cr_expect_eq(json_array_size(json_object_get(json, "sites")), 3, "lead, site and the silent one");
	json_array_foreach(json_object_get(json, "sites"), i, one)
	{
		cr_expect_eq(number(one, "studies"), 0);
		expect_ratio(json_object_get(one, "positive"), "of a site", 0, 0);
		cr_expect_eq(json_array_size(json_object_get(one, "daily")), 30);
	}
	json_array_foreach(json_object_get(json, "turnaround"), i, one)
	{
		cr_expect_eq(number(one, "count"), 0);
		cr_expect(json_is_null(json_object_get(one, "median_s")));
	}
	cr_expect_eq(json_array_size(json_object_get(json, "volume")), 31);
	json_decref(json);
}

static bool has_word(const json_t *figures, const char *site_id, const char *code)
{
	const json_t *site, *word;
	bool is_there = false, is_said = false;
	size_t i, k;

	json_array_foreach(json_object_get(figures, "sites"), i, site)
	{
		if (strcmp(json_string_value(json_object_get(json_object_get(site, "site"), "id")), site_id) != 0)
			continue;
		is_there = true;
		json_array_foreach(json_object_get(site, "wrong"), k, word) is_said |=
		    strcmp(json_string_value(json_object_get(word, "code")), code) == 0;
	}
	cr_assert(is_there, "no such site");
	return is_said;
}

/* One study on each of the days before yesterday, from `from` to `to` days ago. */
static void send_daily(int from, int to)
{
	char sql[500];

	for (int ago = from; ago >= to; ago--) {
		county_add_study(county, "CT", "1 min");
		snprintf(sql, sizeof sql,
		         "UPDATE study SET first_arrival_at = a, last_arrival_at = a"
		         " FROM (SELECT (yq_now()::date - %d) + interval '10 hours' AS a) x WHERE public_id = $study",
		         ago);
		county_run(county, sql);
	}
}

Test(figures, silence_is_measured_against_the_own_usual_week)
{
	json_t *json = read_period(NULL, NULL, NULL);

	cr_expect(has_word(json, silent, "never_connected"));
	cr_expect_not(has_word(json, silent, "silent"));
	cr_expect_not(has_word(json, county->site, "never_connected"));
	cr_expect(has_word(json, county->site, "silent"), "since March");
	json_decref(json);
	send_daily(44, 3); /* six weeks */
	json = read_period(NULL, NULL, NULL);
	cr_expect_not(has_word(json, county->site, "silent"),
	              "two days without the one study that comes a day: may be chance");
	json_decref(json);
	/* The same site, had it sent until four days ago: three whole days, three studies that did not come. */
	county_run(county, "UPDATE study SET first_arrival_at = first_arrival_at - interval '1 day',"
	                   " last_arrival_at = last_arrival_at - interval '1 day'"
	                   " WHERE site_id = (SELECT scope_id FROM scope WHERE public_id = $site) AND last_arrival_at "
	                   "> yq_now() - interval '60 days'");
	json = read_period(NULL, NULL, NULL);
	cr_expect(has_word(json, county->site, "silent"));
	json_decref(json);
}

Test(figures, errors_of_devices_are_said_until_an_image_comes)
{
	json_t *json;

	county_run(county,
	           "UPDATE device SET last_error = 'refused', last_error_at = yq_now() WHERE public_id = $device");
	json = read_period(NULL, NULL, NULL);
	cr_expect(has_word(json, county->site, "device_error"));
	json_decref(json);
	county_add_study(county, "CT", "-1 min");
	json = read_period(NULL, NULL, NULL);
	cr_expect_not(has_word(json, county->site, "device_error"));
	json_decref(json);
}

Test(figures, only_rights_over_figures_show_them)
{
	struct figure_query query = {NULL, "2026-03-01", "2026-03-31", NULL};
	json_t *json = read_as(county->gateway, county->radiographer, &query);
	struct county *other = county_new();
	struct db *db;
	struct err err;

	cr_expect(json_is_null(json_object_get(json, "community")), "a radiographer sees patients, not figures");
	cr_expect_eq(number(json, "studies"), 0);
	json_decref(json);
	query.community = county->community;
	cr_assert(db_take(other->gateway, &db, &err) && db_set_person(db, other->duty, &err), "%s", err.text);
	cr_expect_not(figure_read(db, &query, &json, &err), "another community is not there");
	cr_expect_eq(err.kind, ERR_NOT_FOUND);
	db_give(db);
	county_free(other);
}

static size_t count_rows(const char *figure, int limit)
{
	struct figure_rows_query query = {.query = {county->community, "2026-03-01", "2026-03-31", NULL},
	                                  .figure = figure};
	char after[TEXT_UUID_SIZE] = "";
	size_t total = 0;
	struct db *db;
	struct err err;
	bool is_more = true;

	cr_assert(db_take(county->gateway, &db, &err) && db_set_person(db, county->duty, &err), "%s", err.text);
	query.limit = limit;
	while (is_more) {
		json_t *page = NULL;
		cr_assert(figure_rows_read(db, &query, &page, &err), "%s: %s", figure, err.text);
		total += json_array_size(json_object_get(page, "rows"));
		is_more = json_is_string(json_object_get(page, "next"));
		if (is_more)
			cr_assert(text_copy(after, sizeof after, json_string_value(json_object_get(page, "next"))));
		query.after = after;
		json_decref(page);
		cr_assert_leq(total, 100, "%s: pages without end", figure);
	}
	db_give(db);
	return total;
}

Test(figures, rows_come_in_pages)
{
	static const int limits[] = {1, 3, 100};

	for (size_t i = 0; i < sizeof limits / sizeof limits[0]; i++) {
		cr_expect_eq(count_rows("volume", limits[i]), 9, "%d a page", limits[i]);
		cr_expect_eq(count_rows("in_time_site", limits[i]), 7);
		cr_expect_eq(count_rows("turnaround_return", limits[i]), 7);
		cr_expect_eq(count_rows("critical_closed", limits[i]), 3);
		cr_expect_eq(count_rows("coverage_rate", limits[i]), 2, "the lead does not count");
	}
}
