/* The queue of one destination: who is next, how many at once, and that it rests while there is no way to it. */
#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

#include "lib/base/conf.h"
#include "lib/db/db.h"
#include "lib/domain/delivery.h"
#include "lib/domain/delivery_lane.h"
#include "tests/db/county.h"

enum { LEASE_MS = 60000, PLACES = 4 };

static struct county *county;
static char worker[TEXT_UUID_SIZE], destination[TEXT_UUID_SIZE];

static const char *value(const char *sql)
{
	return county_value(county, sql);
}

/* Of this test's destination. */
static void set(const char *what)
{
	char sql[500];

	snprintf(sql, sizeof(sql), "UPDATE destination SET %s WHERE public_id = '%s'", what, destination);
	county_run(county, sql);
}

static void expect(const char *select, const char *want, const char *what)
{
	char sql[500];

	snprintf(sql, sizeof(sql), "SELECT %s FROM destination WHERE public_id = '%s'", select, destination);
	county_expect(county, sql, want, what);
}

static void setup(void)
{
	static int port = 20000;
	char sql[400];

	ledger_setup();
	county = county_new();
	text_uuid_new(worker);
	snprintf(
	    sql, sizeof(sql),
	    "INSERT INTO destination (site_id, ae_title, host, port, deliveries_max, backoff_min_ms, backoff_max_ms)"
	    " SELECT scope_id, 'PACS', '127.0.0.1', %d, %d, 1000, 60000 FROM scope WHERE public_id = $site"
	    " RETURNING public_id",
	    port++, PLACES);
	text_copy(destination, sizeof(destination), value(sql));
}

static void teardown(void)
{
	county_free(county);
}

TestSuite(delivery_queue, .init = setup, .fini = teardown, .timeout = 120);

/* The queue does not look at what is in it: a message without objects. since: how long it has been due. */
static void add(const char *name, int rank, const char *since)
{
	char sql[500];

	snprintf(sql, sizeof(sql),
	         "INSERT INTO delivery (site_id, destination_id, purpose, message, rank, next_try_at, deadline_at)"
	         " SELECT site_id, destination_id, 'notify', '{\"name\": \"%s\"}', %d, yq_now() - interval '%s',"
	         " yq_now() + interval '30 days' FROM destination WHERE public_id = '%s'",
	         name, rank, since, destination);
	county_run(county, sql);
}

static struct delivery_job *claim_up_to(int worst_rank)
{
	struct delivery_job *job;
	struct err err;

	cr_assert(delivery_claim(county->router, destination, worker, LEASE_MS, worst_rank, &job, &err), "%s",
	          err.text);
	return job;
}

static struct delivery_job *claim(void)
{
	return claim_up_to(3);
}

static const char *name_of(const struct delivery_job *job)
{
	char sql[200];

	if (!job)
		return "";
	snprintf(sql, sizeof(sql), "SELECT message->>'name' FROM delivery WHERE public_id = '%s'", job->id);
	return value(sql);
}

static void expect_next(const char *want)
{
	struct delivery_job *job = claim();

	cr_expect_str_eq(name_of(job), want, "got \"%s\", want \"%s\"", name_of(job), want);
	delivery_job_free(job);
}

static void end(struct delivery_job *job, struct delivery_outcome outcome)
{
	struct err err;

	cr_assert(delivery_settle(county->router, job, &outcome, &err), "%s", err.text);
	delivery_job_free(job);
}

static const struct delivery_outcome arrived = {.event = DELIVERY_EVENT_CONFIRM, .is_answered = true},
                                     no_way = {.event = DELIVERY_EVENT_FAIL,
                                               .is_broken = true,
                                               .next = DELIVERY_NEXT_WAY,
                                               .reason = "no way"};

/* ---- order ---------------------------------------------------------------------------------------------------------------------- */

Test(delivery_queue, by_rank_then_by_who_has_waited_longest)
{
	static const char *const want[] = {"emergency", "urgent", "old", "routine", "check", ""};
	size_t i;

	add("check", 3, "9 days");
	add("routine", 2, "1 hour");
	add("old", 2, "2 hours");
	add("urgent", 1, "1 min");
	add("emergency", 0, "1 s");
	add("later", 0, "-1 hour");
	for (i = 0; i < sizeof(want) / sizeof(want[0]); i++) {
		struct delivery_job *job = claim();

		cr_expect_str_eq(name_of(job), want[i], "got \"%s\", want \"%s\"", name_of(job), want[i]);
		if (job)
			end(job, arrived);
	}
}

Test(delivery_queue, what_is_to_be_looked_into_goes_first_inside_its_rank)
{
	struct delivery_job *job;

	add("lost", 2, "1 min");
	job = claim();
	end(job, (struct delivery_outcome){.event = DELIVERY_EVENT_LOSE});
	add("older", 2, "1 day");
	add("urgent", 1, "1 s");
	job = claim();
	cr_expect_str_eq(name_of(job), "urgent");
	end(job, arrived);
	job = claim();
	cr_expect_str_eq(name_of(job), "lost");
	cr_expect_eq(job->state, DELIVERY_VERIFYING);
	delivery_job_free(job);
}

Test(delivery_queue, no_more_at_once_than_there_are_places_but_an_emergency_finds_one)
{
	int i;

	for (i = 0; i < PLACES + 2; i++) {
		char name[20];

		snprintf(name, sizeof(name), "routine%d", i);
		add(name, 2, "1 min");
	}
	for (i = 0; i < PLACES; i++) {
		struct delivery_job *job = claim();

		cr_assert_not_null(job, "place %d", i);
		delivery_job_free(job);
	}
	expect_next("");
	add("emergency", 0, "1 s");
	add("another", 0, "0 s");
	expect_next("emergency");
	expect_next("");
}

Test(delivery_queue, nothing_starts_beside_what_is_more_urgent)
{
	struct delivery_job *urgent;

	add("urgent", 1, "1 min");
	add("routine", 2, "1 hour");
	urgent = claim();
	expect_next("");
	add("emergency", 0, "1 s");
	expect_next("emergency");
	end(urgent, arrived);
	expect_next("");
}

Test(delivery_queue, only_what_is_wanted_while_the_rate_is_used_up)
{
	struct delivery_job *job;

	add("routine", 2, "1 hour");
	cr_expect_null(claim_up_to(0));
	add("emergency", 0, "1 s");
	job = claim_up_to(0);
	cr_expect_str_eq(name_of(job), "emergency");
	delivery_job_free(job);
}

Test(delivery_queue, whose_turn_is_over_lets_some_pass_and_who_is_overtaken_keeps_his_place)
{
	struct delivery_job *job;
	char name[20];
	int i;

	add("large", 2, "1 day");
	for (i = 0; i < 15; i++) {
		snprintf(name, sizeof(name), "small%02d", i);
		add(name, 2, "1 hour");
	}
	job = claim();
	end(job, (struct delivery_outcome){.event = DELIVERY_EVENT_YIELD});
	job = claim();
	cr_expect_str_eq(name_of(job), "large", "overtaken");
	end(job, (struct delivery_outcome){.event = DELIVERY_EVENT_YIELD, .next = DELIVERY_NEXT_TURN});
	for (i = 0; i < 10; i++) {
		job = claim();
		cr_expect_eq(strncmp(name_of(job), "small", 5), 0, "%d: %s", i, name_of(job));
		end(job, arrived);
	}
	expect_next("large");
}

Test(delivery_queue, daily_hours_hold_everything_but_emergencies)
{
	add("routine", 2, "1 hour");
	set("send_windows = to_char(yq_now() + interval '2 h', 'HH24:MI') || '-' || to_char(yq_now() + interval '3 h', "
	    "'HH24:MI')");
	expect_next("");
	add("emergency", 0, "1 s");
	end(claim(), arrived);
	expect_next("");
	set("send_windows = '00:00-00:00'");
	expect_next("routine");
}

Test(delivery_queue, hours_go_over_midnight_and_odd_ones_never_come)
{
	static const struct {
		const char *windows, *want;
	} cases[] = {
	    {"''", "t"},
	    {"to_char(yq_now(), 'HH24:MI') || '-' || to_char(yq_now() + interval '1 min', 'HH24:MI')", "t"},
	    {"to_char(yq_now() + interval '1 min', 'HH24:MI') || '-' || to_char(yq_now(), 'HH24:MI')", "f"},
	    {"to_char(yq_now() - interval '1 h', 'HH24:MI') || '-' || to_char(yq_now() - interval '2 h', 'HH24:MI')",
	     "t"},
	    {"'29:00-29:59'", "f"},
	    {"'29:00-29:59,00:00-24:00'", "t"}};
	char sql[300];
	size_t i;

	for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		snprintf(sql, sizeof(sql), "SELECT yq_is_in_windows(%s)", cases[i].windows);
		county_expect(county, sql, cases[i].want, cases[i].windows);
	}
}

/* ---- the deadline ------------------------------------------------------------------------------------------------------------------ */

Test(delivery_queue, what_was_never_tried_dies_at_its_deadline_as_well)
{
	struct err err;
	int count;

	add("met", 2, "1 hour");
	add("resting", 2, "1 hour");
	county_run(county, "UPDATE delivery SET deadline_at = yq_now() WHERE message->>'name' IN ('met', 'resting') "
	                   "AND state = 'pending'");
	expect_next("");
	county_expect(county,
	              "SELECT string_agg(state, ',') FROM delivery WHERE message->>'name' IN ('met', 'resting')",
	              "dead,dead", "the claim that met them");
	add("asleep", 2, "1 hour");
	set("failures = 3, resting_until = yq_now() + interval '1 hour'");
	county_run(county, "UPDATE delivery SET deadline_at = yq_now() WHERE message->>'name' = 'asleep'");
	cr_assert(delivery_give_up(county->router, &count, &err), "%s", err.text);
	county_expect(county, "SELECT state FROM delivery WHERE message->>'name' = 'asleep'", "dead", "the sweep");
}

/* ---- the way ------------------------------------------------------------------------------------------------------------------------- */

Test(delivery_queue, a_destination_without_a_way_rests_and_what_waits_keeps_its_place)
{
	struct delivery_job *first, *second;

	add("first", 2, "2 hours");
	add("second", 2, "1 hour");
	first = claim();
	second = claim();
	end(first, no_way);
	end(second, no_way);
	expect("failures || ' ' || (resting_until - yq_now() BETWEEN interval '1 ms' AND interval '1200 ms') || ' ' || "
	       "last_error",
	       "1 true no way", "rests once for both");
	expect_next("");
	set("resting_until = yq_now()");
	first = claim();
	cr_expect_str_eq(name_of(first), "first", "one tries the way");
	expect_next("");
	add("emergency", 0, "1 s");
	expect_next("");
	end(first, no_way);
	expect("failures || ' ' || (resting_until > yq_now() + interval '1500 ms')", "2 true", "longer");
}

Test(delivery_queue, a_destination_comes_back_slowly)
{
	struct delivery_job *jobs[3];
	char name[20];
	int i;

	for (i = 0; i < 9; i++) {
		snprintf(name, sizeof(name), "routine%d", i);
		add(name, 2, "1 hour");
	}
	set("failures = 5, resting_until = yq_now()");
	jobs[0] = claim();
	end(jobs[0], arrived);
	expect("failures || ' ' || slow_start || ' ' || (resting_until IS NULL)", "0 1 true", "one got through");
	jobs[0] = claim();
	expect_next("");
	end(jobs[0], arrived);
	expect("slow_start::text", "2", "two");
	jobs[0] = claim();
	jobs[1] = claim();
	expect_next("");
	end(jobs[0], arrived);
	expect("(slow_start IS NULL)::text", "true", "as many as there are places");
	for (i = 0; i < 3; i++)
		cr_assert_not_null(jobs[i] = i == 1 ? jobs[1] : claim());
	for (i = 0; i < 3; i++)
		delivery_job_free(jobs[i]);
}

/* Always the first in the queue, and whatever it is in it that makes the peer hang up. */
Test(delivery_queue, one_that_breaks_the_way_does_not_keep_the_others_from_it)
{
	int arrivals = 0, tries, i;
	char name[20];

	add("poison", 1, "2 hours");
	for (i = 0; i < 5; i++) {
		snprintf(name, sizeof(name), "good%d", i);
		add(name, 2, "1 hour");
	}
	for (tries = 0; tries < 40 && arrivals < 5; tries++) {
		struct delivery_job *job = claim();
		bool is_poison;

		if (!job) {
			set("resting_until = NULL");
			continue;
		}
		is_poison = strcmp(name_of(job), "poison") == 0;
		arrivals += !is_poison;
		end(job, is_poison ? no_way : arrived);
	}
	cr_expect_eq(arrivals, 5, "%d of 5 arrived in %d tries", arrivals, tries);
	county_expect(county, "SELECT state FROM delivery WHERE message->>'name' = 'poison' AND state <> 'delivered'",
	              "waiting", "the other");
}

Test(delivery_queue, while_a_way_is_in_doubt_each_tries_it_in_turn_and_keeps_its_place)
{
	static const char *const want[] = {"first", "second", "check", "first", "second"};
	size_t i;

	add("first", 2, "2 hours");
	add("second", 2, "1 hour");
	add("check", 3, "3 hours");
	set("failures = 4");
	for (i = 0; i < sizeof(want) / sizeof(want[0]); i++) {
		struct delivery_job *job = claim();

		cr_expect_str_eq(name_of(job), want[i], "%zu: got \"%s\", want \"%s\"", i, name_of(job), want[i]);
		end(job, no_way);
		set("resting_until = NULL");
	}
	set("failures = 0");
	expect_next("first");
}

/* ---- what the others see --------------------------------------------------------------------------------------------------------------- */

struct outlook {
	char wanted[TEXT_UUID_SIZE];
	int due;
};

static void on_destination(void *context, const char *destination_id, int due)
{
	struct outlook *outlook = context;

	if (strcmp(destination_id, outlook->wanted) == 0)
		outlook->due = due;
}

static int outlook(void)
{
	struct outlook outlook = {.due = 0};
	struct err err;

	text_copy(outlook.wanted, sizeof(outlook.wanted), destination);
	cr_assert(delivery_destinations_due(county->router, on_destination, &outlook, &err), "%s", err.text);
	return outlook.due;
}

Test(delivery_queue, no_more_workers_are_wanted_than_can_start)
{
	char name[20];
	int i;

	cr_expect_eq(outlook(), 0, "nothing is due");
	add("one", 2, "1 min");
	cr_expect_eq(outlook(), 1);
	for (i = 0; i < 9; i++) {
		snprintf(name, sizeof(name), "routine%d", i);
		add(name, 2, "1 min");
	}
	cr_expect_eq(outlook(), PLACES);
	for (i = 0; i < PLACES; i++)
		delivery_job_free(claim());
	cr_expect_eq(outlook(), 0, "every place is taken");
	add("emergency", 0, "1 s");
	cr_expect_eq(outlook(), 1, "for it there is one");
	delivery_job_free(claim());
	cr_expect_eq(outlook(), 0);
}

Test(delivery_queue, what_a_dead_router_was_looking_into_is_taken_up)
{
	struct delivery_job *job;

	add("lost", 2, "1 min");
	end(claim(), (struct delivery_outcome){.event = DELIVERY_EVENT_LOSE});
	delivery_job_free(claim());
	cr_expect_eq(outlook(), 0, "somebody looks");
	county_run(
	    county,
	    "UPDATE delivery SET worker_until = yq_now() WHERE message->>'name' = 'lost' AND state = 'verifying'");
	cr_expect_eq(outlook(), 1, "he is gone");
	job = claim();
	cr_expect_str_eq(name_of(job), "lost");
	delivery_job_free(job);
}

Test(delivery_queue, resting_and_held_destinations_want_no_worker)
{
	add("one", 0, "1 min");
	set("failures = 1, resting_until = yq_now() + interval '1 h'");
	cr_expect_eq(outlook(), 0, "rests");
	set("resting_until = yq_now()");
	cr_expect_eq(outlook(), 1, "one tries the way");
	set("held_at = yq_now()");
	cr_expect_eq(outlook(), 0, "held");
}

Test(delivery_queue, a_lane_shows_what_is_due_and_what_is_under_way)
{
	struct delivery_lane lane;
	struct err err;

	add("routine", 2, "1 hour");
	add("more", 2, "1 min");
	delivery_job_free(claim());
	add("emergency", 0, "1 s");
	cr_assert(delivery_lane_load(county->router, destination, &lane, &err), "%s", err.text);
	cr_expect(lane.may_send && lane.is_open);
	cr_expect_eq(lane.places, PLACES);
	cr_expect_eq(lane.due[0], 1);
	cr_expect_eq(lane.due[2], 1);
	cr_expect_eq(lane.under_way[2], 1);
	cr_expect_eq(lane.under_way[0], 0);
	cr_expect_eq(lane.programs, 1);
	set("held_at = yq_now(), send_windows = '29:00-29:59'");
	cr_assert(delivery_lane_load(county->router, destination, &lane, &err), "%s", err.text);
	cr_expect_not(lane.may_send);
	cr_expect_not(lane.is_open);
}
