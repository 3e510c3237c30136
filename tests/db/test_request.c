/* Registration and matching of requests, against a ledger. */
#include <criterion/criterion.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>

#include "lib/domain/request.h"
#include "tests/db/county.h"

static struct county *county;

static void setup(void)
{
	ledger_setup();
	county = county_new();
}

static void teardown(void)
{
	county_free(county);
}

TestSuite(request, .init = setup, .fini = teardown, .timeout = 120);

static struct request_form form_of(const char *name)
{
	struct request_form form = {.name = name,
	                            .sex = "M",
	                            .birth_date = "1957-03-12",
	                            .patient_class = "outpatient",
	                            .modality = "DR",
	                            .body_part = "CHEST"};

	return form;
}

static void register_one(const char *name, char id[TEXT_UUID_SIZE])
{
	struct request_form form = form_of(name);
	struct err err;

	cr_assert(request_register(county->gateway, county->radiographer, &form, id, &err), "%s", err.text);
}

static void expect_kind(bool ok, const struct err *err, enum err_kind want, const char *what)
{
	cr_expect_not(ok, "%s: it worked", what);
	if (!ok)
		cr_expect_eq(err->kind, want, "%s: got %s (%s)", what, err_kind_info(err->kind)->name, err->text);
}

/* Gives the study of the county the 检查号 of a request. */
static void give_number(const char *request)
{
	char sql[300];

	snprintf(sql, sizeof sql,
	         "UPDATE study SET accession_number = (SELECT accession_number FROM request WHERE public_id = '%s')"
	         " WHERE public_id = $study",
	         request);
	county_run(county, sql);
}

/* At once, since the router of another test may take it as soon as it is there. */
static void add_numbered_study(const char *age, const char *request)
{
	county_run(county, "BEGIN");
	county_add_study(county, "DX", age);
	give_number(request);
	county_run(county, "COMMIT");
}

static void expect_match(const char *want, const char *what)
{
	county_expect(county,
	              "SELECT coalesce(string_agg(method, ',') FILTER (WHERE undone_at IS NULL), 'none')"
	              " FROM request_match JOIN study s USING (study_id) WHERE s.public_id = $study",
	              want, what);
}

/* ---- registration --------------------------------------------------------------------------------------------------------- */

enum { CLERKS = 20 };

struct clerk {
	pthread_barrier_t *start;
	char id[TEXT_UUID_SIZE];
	bool ok;
	struct err err;
};

static void *run_clerk(void *context)
{
	struct clerk *clerk = context;
	struct request_form form = form_of("张三");

	pthread_barrier_wait(clerk->start);
	clerk->ok = request_register(county->gateway, county->radiographer, &form, clerk->id, &clerk->err);
	return NULL;
}

Test(request, twenty_clerks_at_once_give_twenty_numbers_in_a_row)
{
	static struct clerk clerks[CLERKS];
	pthread_t threads[CLERKS];
	pthread_barrier_t start;

	pthread_barrier_init(&start, NULL, CLERKS);
	for (int i = 0; i < CLERKS; i++) {
		clerks[i].start = &start;
		cr_assert_eq(pthread_create(&threads[i], NULL, run_clerk, &clerks[i]), 0);
	}
	for (int i = 0; i < CLERKS; i++) {
		pthread_join(threads[i], NULL);
		cr_expect(clerks[i].ok, "%s", clerks[i].err.text);
	}
	county_expect(county,
	              "SELECT concat_ws(' ', count(DISTINCT accession_number), max(right(accession_number, 4)),"
	              "                 bool_and(accession_number ~ '^[0-9A-Z]{1,16}$'), count(DISTINCT claim_id))"
	              " FROM request JOIN scope ON scope_id = site_id WHERE scope.public_id = $site",
	              "20 0020 t 1", "numbers, and one claim of one person");
	pthread_barrier_destroy(&start);
}

Test(request, who_has_no_right_there_does_not_register)
{
	struct request_form form = form_of("张三");
	char id[TEXT_UUID_SIZE];
	struct err err;

	expect_kind(request_register(county->gateway, county->author, &form, id, &err), &err, ERR_REFUSED,
	            "a reporter");
	form.site_id = county->lead;
	expect_kind(request_register(county->gateway, county->radiographer, &form, id, &err), &err, ERR_NOT_FOUND,
	            "at another site");
	form.site_id = county->site;
	cr_expect(request_register(county->gateway, county->duty, &form, id, &err), "%s", err.text);
}

Test(request, every_act_leaves_event_and_record)
{
	char id[TEXT_UUID_SIZE], sql[300];
	struct request_form form = form_of("张三");
	struct err err;

	register_one("张三", id);
	cr_assert(request_change(county->gateway, county->radiographer, id, &form, &err), "%s", err.text);
	cr_assert(request_cancel(county->gateway, county->radiographer, id, &err), "%s", err.text);
	snprintf(sql, sizeof sql, "SELECT string_agg(kind, ' ' ORDER BY event_id) FROM event WHERE subject_id = '%s'",
	         id);
	county_expect(county, sql, "request.register request.change request.cancel", "events");
	snprintf(sql, sizeof sql, "SELECT string_agg(action, ' ' ORDER BY sequence) FROM audit WHERE subject = '%s'",
	         id);
	county_expect(county, sql, "request.register request.change request.cancel", "records");
	expect_kind(request_change(county->gateway, county->radiographer, id, &form, &err), &err, ERR_CONFLICT,
	            "cancelled");
}

/* ---- matching --------------------------------------------------------------------------------------------------------------- */

Test(request, the_router_matches_the_number)
{
	char id[TEXT_UUID_SIZE];

	register_one("测试一", id);
	add_numbered_study("1 min", id);
	county_settle(county);
	expect_match("automatic", "equal number, nothing contradicts");
	county_expect(county, "SELECT count(*) FROM event WHERE subject_id = $study AND kind = 'study.matched'", "1",
	              "one event");
	county_settle(county);
	expect_match("automatic", "once");
}

Test(request, another_name_is_left_to_people)
{
	char id[TEXT_UUID_SIZE];

	register_one("李四", id);
	add_numbered_study("1 min", id);
	county_settle(county);
	expect_match("none", "the name contradicts");
}

/* 李四's number typed for the next patient, on a console that knows Latin letters only: nothing contradicts, since nothing can be compared. */
Test(request, a_number_alone_is_left_to_people)
{
	char id[TEXT_UUID_SIZE];

	register_one("李四", id);
	county_run(county, "BEGIN");
	county_add_study(county, "DX", "1 min");
	county_run(county, "UPDATE identity_claim c SET name = 'CESHI^YI', sex = 'M' FROM study s WHERE s.public_id = "
	                   "$study AND c.claim_id = s.claim_id");
	give_number(id);
	county_run(county, "COMMIT");
	county_settle(county);
	expect_match("none", "a name in Latin letters says nothing about one in characters");
}

Test(request, the_class_that_was_registered_counts_unless_somebody_said_another)
{
	struct request_form form = form_of("测试一");
	char id[TEXT_UUID_SIZE];
	struct err err;

	form.patient_class = "emergency";
	cr_assert(request_register(county->gateway, county->radiographer, &form, id, &err), "%s", err.text);
	add_numbered_study("1 min", id);
	county_settle(county);
	county_expect(county, "SELECT patient_class FROM study WHERE public_id = $study", "emergency", "as registered");
	cr_assert(request_register(county->gateway, county->radiographer, &form, id, &err), "%s", err.text);
	county_add_study(county, "DX", "1 min");
	county_run(county, "INSERT INTO study_signal (study_id, site_id, kind, detail)"
	                   " SELECT study_id, site_id, 'submit', '{\"patient_class\": \"inpatient\"}' FROM study"
	                   " WHERE public_id = $study");
	county_settle(county);
	give_number(id);
	county_add_image(county);
	county_settle(county);
	expect_match("automatic", "the second");
	county_expect(county, "SELECT patient_class FROM study WHERE public_id = $study", "inpatient", "as submitted");
}

/* 加急: also when the request is matched, changed or taken away after the task was opened. */
Test(request, urgent_lifts_inside_the_class)
{
	struct request_form form = form_of("测试一");
	const char *lift =
	    "SELECT t.priority - coalesce(u.priority, 0) FROM reading_task t JOIN study s USING (study_id)"
	    " LEFT JOIN routing_rule u USING (rule_id) WHERE s.public_id = $study";
	char id[TEXT_UUID_SIZE];
	struct err err;

	form.is_urgent = true;
	cr_assert(request_register(county->gateway, county->radiographer, &form, id, &err), "%s", err.text);
	add_numbered_study("1 day", id);
	county_settle(county);
	county_expect(county, lift, "20", "opened as urgent");
	cr_assert(request_unmatch(county->gateway, county->radiographer, county->study, "选错了", &err), "%s",
	          err.text);
	county_expect(county, lift, "0", "taken away");
	cr_assert(request_match(county->gateway, county->radiographer, county->study, id, NULL, &err), "%s", err.text);
	county_expect(county, lift, "20", "matched by hand");
	form.is_urgent = false;
	cr_assert(request_change(county->gateway, county->radiographer, id, &form, &err), "%s", err.text);
	county_expect(county, lift, "0", "not urgent after all");
}

Test(request, another_identity_number_is_left_to_people)
{
	struct request_form form = form_of("测试一");
	char id[TEXT_UUID_SIZE];
	struct err err;

	form.document = "440781195703121230";
	cr_assert(request_register(county->gateway, county->radiographer, &form, id, &err), "%s", err.text);
	county_run(county, "BEGIN");
	county_add_study(county, "DX", "1 min");
	county_run(county, "UPDATE identity_claim c SET national_id = '110101199001010000' FROM study s"
	                   " WHERE s.public_id = $study AND c.claim_id = s.claim_id");
	give_number(id);
	county_run(county, "COMMIT");
	county_settle(county);
	expect_match("none", "the numbers contradict");
}

struct matcher {
	pthread_barrier_t *start;
	const char *study, *request;
	bool ok;
	struct err err;
};

static void *run_matcher(void *context)
{
	struct matcher *matcher = context;

	pthread_barrier_wait(matcher->start);
	matcher->ok =
	    request_match(county->gateway, county->radiographer, matcher->study, matcher->request, NULL, &matcher->err);
	return NULL;
}

/* Two studies and two requests, every pair at once from four desks: of each exactly one, and the rest is told. */
Test(request, at_once_each_study_and_each_request_is_matched_once)
{
	enum { DESKS = 16 };
	static struct matcher matchers[DESKS];
	char requests[2][TEXT_UUID_SIZE], studies[2][TEXT_UUID_SIZE];
	pthread_t threads[DESKS];
	pthread_barrier_t start;
	int won = 0;

	for (int i = 0; i < 2; i++) {
		register_one("测试一", requests[i]);
		county_add_study(county, "DX", "1 min");
		text_copy(studies[i], TEXT_UUID_SIZE, county->study);
	}
	pthread_barrier_init(&start, NULL, DESKS);
	for (int i = 0; i < DESKS; i++) {
		matchers[i] =
		    (struct matcher){.start = &start, .study = studies[i & 1], .request = requests[i >> 1 & 1]};
		cr_assert_eq(pthread_create(&threads[i], NULL, run_matcher, &matchers[i]), 0);
	}
	for (int i = 0; i < DESKS; i++) {
		pthread_join(threads[i], NULL);
		won += matchers[i].ok;
		if (!matchers[i].ok)
			cr_expect_eq(matchers[i].err.kind, ERR_CONFLICT, "%s", matchers[i].err.text);
	}
	cr_expect_eq(won, 2, "%d won", won);
	county_expect(
	    county,
	    "SELECT concat_ws(' ', count(*), count(DISTINCT request_id), count(DISTINCT study_id)) FROM request_match m"
	    " JOIN scope s ON s.scope_id = m.site_id WHERE s.public_id = $site AND undone_at IS NULL",
	    "2 2 2", "matches");
	pthread_barrier_destroy(&start);
}

Test(request, a_match_is_taken_back_and_made_again)
{
	char id[TEXT_UUID_SIZE];
	struct err err;

	register_one("测试一", id);
	county_add_study(county, "DX", "1 min");
	cr_assert(request_match(county->gateway, county->radiographer, county->study, id, "同一人", &err), "%s",
	          err.text);
	expect_match("manual", "by hand");
	expect_kind(request_cancel(county->gateway, county->radiographer, id, &err), &err, ERR_CONFLICT,
	            "while matched");
	expect_kind(request_unmatch(county->gateway, county->radiographer, county->study, "", &err), &err, ERR_INVALID,
	            "without a reason");
	cr_assert(request_unmatch(county->gateway, county->radiographer, county->study, "选错了", &err), "%s",
	          err.text);
	expect_match("none", "taken back");
	give_number(id);
	county_settle(county);
	expect_match("none", "the router does not do what a person undid");
	cr_assert(request_match(county->gateway, county->duty, county->study, id, NULL, &err), "%s", err.text);
	expect_match("manual", "again");
	county_expect(
	    county,
	    "SELECT string_agg(concat_ws('/', correction.reason, undoes_id IS NOT NULL), ' ' ORDER BY correction_id)"
	    " FROM correction JOIN study s USING (study_id) WHERE s.public_id = $study",
	    "同一人/f 选错了/t matched by hand/f", "facts");
}

/* 退回重拍: the request goes on to the retake. */
Test(request, a_retake_takes_the_request_of_what_was_returned)
{
	char id[TEXT_UUID_SIZE];
	struct err err;

	register_one("测试一", id);
	county_add_task(county);
	cr_assert(request_match(county->gateway, county->radiographer, county->study, id, NULL, &err), "%s", err.text);
	county_run(county,
	           "INSERT INTO task_return (site_id, task_id, kind, reason, returned_by)"
	           " SELECT t.site_id, t.task_id, 'retake', 'blurred', p.person_id FROM reading_task t, person p"
	           " WHERE t.public_id = $task AND p.public_id = $author");
	county_add_study(county, "DX", "1 min");
	cr_expect(request_match(county->gateway, county->radiographer, county->study, id, NULL, &err), "%s", err.text);
	county_add_study(county, "DX", "1 min");
	expect_kind(request_match(county->gateway, county->radiographer, county->study, id, NULL, &err), &err,
	            ERR_CONFLICT, "a third");
}

Test(request, a_request_of_another_site_does_not_match)
{
	struct request_form form = form_of("测试一");
	char id[TEXT_UUID_SIZE];
	struct err err;

	form.site_id = county->lead;
	cr_assert(request_register(county->gateway, county->duty, &form, id, &err), "%s", err.text);
	county_add_study(county, "DX", "1 min");
	expect_kind(request_match(county->gateway, county->duty, county->study, id, NULL, &err), &err, ERR_INVALID,
	            "lead");
	expect_kind(request_match(county->gateway, county->radiographer, county->study, id, NULL, &err), &err,
	            ERR_NOT_FOUND, "not there for these eyes");
	expect_kind(request_match(county->gateway, county->author, county->study, id, NULL, &err), &err, ERR_REFUSED,
	            "a reporter");
}
