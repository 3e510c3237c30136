/* Deliveries in the ledger: made once, taken by one, settled by what the peer said, recovered when their worker dies. */
#include <criterion/criterion.h>
#include <limits.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/base/conf.h"
#include "lib/base/file.h"
#include "lib/db/db.h"
#include "lib/domain/delivery.h"
#include "lib/domain/delivery_hand.h"
#include "lib/domain/destination_settings.h"
#include "lib/domain/signer_seal.h"
#include "tests/db/county.h"

enum { LEASE_MS = 60000 };
#define A_MONTH (30LL * 24 * 3600 * 1000)

static struct county *county;
static char worker[TEXT_UUID_SIZE], destination[TEXT_UUID_SIZE], report[TEXT_UUID_SIZE];

static void add_destination(const char *age, char out[TEXT_UUID_SIZE])
{
	static int port = 10000;
	char sql[400];

	snprintf(
	    sql, sizeof(sql),
	    "INSERT INTO destination (site_id, ae_title, host, port, created_at)"
	    " SELECT scope_id, 'PACS', '127.0.0.1', %d, yq_now() - interval '%s' FROM scope WHERE public_id = $site"
	    " RETURNING public_id",
	    port++, age);
	text_copy(out, TEXT_UUID_SIZE, county_value(county, sql));
}

static void setup(void)
{
	ledger_setup();
	county = county_new();
	text_uuid_new(worker);
	county_add_task(county);
	add_destination("1 day", destination);
}

static void teardown(void)
{
	county_free(county);
}

TestSuite(delivery, .init = setup, .fini = teardown, .timeout = 120);

static void create_since(int64_t since_ms)
{
	struct err err;
	int count;

	cr_assert(delivery_create_due(county->router, A_MONTH, since_ms, &count, &err), "%s", err.text);
}

static void create(void)
{
	create_since(A_MONTH);
}

static struct delivery_job *claim(const char *at)
{
	struct delivery_job *job;
	struct err err;

	cr_assert(delivery_claim(county->router, at, worker, LEASE_MS, 3, &job, &err), "%s", err.text);
	return job;
}

static bool requeue_work(struct db *db, void *context, struct err *err)
{
	return delivery_requeue(db, context, A_MONTH, err);
}

static void requeue(char *id)
{
	struct err err;

	cr_assert(db_transact(county->router, NULL, requeue_work, id, &err), "%s", err.text);
}

/* A delivery of one issued report, taken. */
static struct delivery_job *taken(void)
{
	struct delivery_job *job;

	county_add_report(county, "1 hour", true, report);
	create();
	job = claim(destination);
	cr_assert_not_null(job, "nothing to take");
	return job;
}

static void settle(const struct delivery_job *job, enum delivery_event event, int64_t next_in_ms, const char *reason)
{
	struct delivery_outcome outcome = {.event = event, .next = DELIVERY_NEXT_IN, .next_in_ms = next_in_ms};
	struct err err;

	text_copy(outcome.reason, sizeof(outcome.reason), reason);
	cr_assert(delivery_settle(county->router, job, &outcome, &err), "%s", err.text);
}

static const struct delivery_outcome confirmed = {.event = DELIVERY_EVENT_CONFIRM};

static void expect(const char *select, const char *want, const char *what)
{
	char sql[700];

	snprintf(sql, sizeof(sql),
	         "SELECT %s FROM delivery d JOIN report_version v USING (report_version_id) WHERE v.public_id = '%s'",
	         select, report);
	county_expect(county, sql, want, what);
}

/* ---- made ----------------------------------------------------------------------------------------------------------------------- */

Test(delivery, one_for_each_destination_and_only_once)
{
	char second[TEXT_UUID_SIZE];

	add_destination("1 day", second);
	county_add_report(county, "1 hour", true, report);
	create();
	create();
	expect("count(*) || ' ' || min(d.state) || ' ' || min(d.purpose)", "2 pending return", "two destinations");
	expect("string_agg((SELECT count(*)::text FROM delivery_item i WHERE i.delivery_id = d.delivery_id), ',')",
	       "2,2", "SR and Encapsulated PDF");
	expect("bool_and(d.deadline_at - d.created_at = interval '30 days')", "t", "deadline");
}

Test(delivery, a_look_at_what_is_recent_leaves_the_rest_to_the_whole_one)
{
	county_add_report(county, "1 hour", true, report);
	create_since(10 * 60 * 1000);
	expect("count(*)", "0", "issued before");
	create_since(2 * 3600 * 1000);
	expect("count(*)", "1", "issued within it");
}

Test(delivery, none_before_both_objects_are_in)
{
	county_add_report(county, "1 hour", false, report);
	create();
	expect("count(*)", "0", "the objects are still on their way");
}

Test(delivery, none_for_a_destination_that_is_off_or_wants_no_reports)
{
	county_run(county, "UPDATE destination SET wants_reports = false WHERE site_id = (SELECT scope_id FROM scope "
	                   "WHERE public_id = $site)");
	county_add_report(county, "1 hour", true, report);
	create();
	expect("count(*)", "0", "wants no reports");
	county_run(county, "UPDATE destination SET wants_reports = true, is_enabled = false"
	                   " WHERE site_id = (SELECT scope_id FROM scope WHERE public_id = $site)");
	create();
	expect("count(*)", "0", "switched off");
}

Test(delivery, a_new_destination_gets_what_nobody_got_and_no_more)
{
	char late[TEXT_UUID_SIZE];

	county_add_report(county, "1 hour", true, report);
	create();
	expect("count(*)", "1", "the destination that was there");
	add_destination("1 min", late);
	create();
	expect("count(*)", "1", "the report went elsewhere already");
	county_run(county, "UPDATE destination SET is_enabled = false WHERE site_id = (SELECT scope_id FROM scope "
	                   "WHERE public_id = $site)");
	county_add_task(county);
	county_add_report(county, "1 hour", true, report);
	create();
	expect("count(*)", "0", "no destination");
	add_destination("1 min", late);
	create();
	expect("count(*)", "1", "the first destination of the site gets what waits");
}

/* ---- taken ----------------------------------------------------------------------------------------------------------------------- */

enum { TAKERS = 8 };

static void *run_taker(void *context)
{
	struct delivery_job *job;
	struct err err;

	if (delivery_claim(county->router, destination, worker, LEASE_MS, 3, &job, &err) && job) {
		*(int *)context = 1;
		delivery_job_free(job);
	}
	return NULL;
}

Test(delivery, of_many_workers_one_takes_it)
{
	pthread_t threads[TAKERS];
	int taken_by[TAKERS] = {0}, i, sum = 0;

	county_add_report(county, "1 hour", true, report);
	create();
	for (i = 0; i < TAKERS; i++)
		cr_assert_eq(pthread_create(&threads[i], NULL, run_taker, &taken_by[i]), 0);
	for (i = 0; i < TAKERS; i++) {
		pthread_join(threads[i], NULL);
		sum += taken_by[i];
	}
	cr_expect_eq(sum, 1, "%d took it", sum);
	expect("d.state || ' ' || d.attempts", "sending 1", "one attempt");
}

static struct destination_settings *settings_of(const char *id)
{
	struct destination_settings *settings;
	struct db *db;
	struct err err;

	cr_assert(db_take(county->router, &db, &err), "%s", err.text);
	cr_assert(destination_settings_load(db, id, &settings, &err), "%s", err.text);
	db_give(db);
	return settings;
}

static void seal_secret(const char *owner)
{
	static const char secret[] = "{\"user\": \"yq\", \"password\": \"p\"}";
	char sql[1200], hex[400], keys[PATH_MAX];
	uint8_t *sealed;
	size_t length, i;
	struct err err;

	cr_assert(conf_path(keys, sizeof(keys), &err, "keys") && file_make_dirs(keys, 0700, &err), "%s", err.text);
	cr_assert(signer_master_key_init(&err) && signer_seal(secret, strlen(secret), owner, &sealed, &length, &err),
	          "%s", err.text);
	cr_assert_lt(length * 2, sizeof(hex));
	for (i = 0; i < length; i++)
		snprintf(hex + 2 * i, sizeof(hex) - 2 * i, "%02x", sealed[i]);
	free(sealed);
	snprintf(sql, sizeof(sql), "UPDATE destination SET secret_sealed = '\\x%s' WHERE public_id = '%s'", hex,
	         destination);
	county_run(county, sql);
}

Test(delivery, a_destination_says_how_it_is_reached)
{
	struct destination_settings *settings = settings_of(destination);
	char owner[DESTINATION_OWNER_SIZE], sql[300];

	cr_expect_str_eq(settings->ae_title, "PACS");
	cr_expect_str_eq(settings->host, "127.0.0.1");
	cr_expect_geq(settings->port, 10000);
	cr_expect_str_eq(settings->calling_ae, conf_text(CONF_AE_TITLE), "ours where the row has none");
	cr_expect_eq(settings->answer_timeout_ms, conf_number(CONF_DIMSE_TIMEOUT),
	             "the installation's where the row has none");
	cr_expect_str_eq(settings->secret.password, "", "no secret");
	destination_settings_free(settings);

	destination_secret_owner(destination, owner);
	seal_secret(owner);
	snprintf(sql, sizeof(sql),
	         "UPDATE destination SET rate_kbit = 800, proof = 'query', compression = 'lossless', calling_ae = 'ME',"
	         " answer_timeout_ms = 700 WHERE public_id = '%s'",
	         destination);
	county_run(county, sql);
	settings = settings_of(destination);
	cr_expect_eq(settings->rate_bytes_per_s, 100000);
	cr_expect_eq(settings->proof, DESTINATION_PROOF_QUERY);
	cr_expect(settings->wants_lossless);
	cr_expect_str_eq(settings->calling_ae, "ME");
	cr_expect_eq(settings->answer_timeout_ms, 700);
	cr_expect_str_eq(settings->secret.user, "yq");
	cr_expect_str_eq(settings->secret.password, "p");
	destination_settings_free(settings);
}

Test(delivery, a_secret_of_another_destination_does_not_open)
{
	struct destination_settings *settings;
	struct db *db;
	struct err err;

	seal_secret("destination:another");
	cr_assert(db_take(county->router, &db, &err), "%s", err.text);
	cr_expect_not(destination_settings_load(db, destination, &settings, &err));
	cr_expect_eq(err.kind, ERR_CORRUPT, "%s", err.text);
	db_give(db);
}

Test(delivery, a_job_has_what_sending_needs)
{
	struct delivery_job *job = taken();

	cr_expect_eq(job->state, DELIVERY_SENDING);
	cr_expect_eq(job->attempts, 1);
	cr_assert_eq(job->item_count, 2);
	cr_expect_eq(strlen(job->items[0].object_key), 32);
	cr_expect_eq(job->items[0].state, DELIVERY_ITEM_PENDING);
	cr_expect_str_eq(job->items[1].transfer_syntax_uid, "1.2.840.10008.1.2.1");
	delivery_job_free(job);
}

Test(delivery, a_held_destination_rests)
{
	county_run(county, "UPDATE destination SET held_at = yq_now() WHERE site_id = (SELECT scope_id FROM scope "
	                   "WHERE public_id = $site)");
	county_add_report(county, "1 hour", true, report);
	create();
	expect("d.state", "pending", "made, not sent");
	cr_expect_null(claim(destination));
	county_run(county, "UPDATE destination SET held_at = NULL WHERE site_id = (SELECT scope_id FROM scope WHERE "
	                   "public_id = $site)");
	delivery_job_free(claim(destination));
	expect("d.state", "sending", "let go");
}

/* ---- settled ----------------------------------------------------------------------------------------------------------------------- */

Test(delivery, delivered_leaves_a_receipt_and_wakes_nobody_before_his_time)
{
	struct delivery_job *job = taken();
	char first[TEXT_UUID_SIZE];
	struct err err;

	settle(job, DELIVERY_EVENT_FAIL, 3600000, "the peer is away");
	expect("d.state || ' ' || d.last_error || ' ' || (d.next_try_at > yq_now() + interval '59 min') || ' ' || "
	       "(d.worker IS NULL)",
	       "waiting the peer is away true true", "waiting");
	cr_expect_null(claim(destination), "not due yet");
	delivery_job_free(job);
	text_copy(first, sizeof(first), report);

	county_add_task(county);
	job = taken();
	cr_assert(delivery_item_settle(county->router, job, &job->items[0], DELIVERY_ITEM_CONFIRMED, 0, "", &err), "%s",
	          err.text);
	cr_assert(
	    delivery_item_settle(county->router, job, &job->items[1], DELIVERY_ITEM_CONFIRMED, 0xB000, "coerced", &err),
	    "%s", err.text);
	settle(job, DELIVERY_EVENT_CONFIRM, 0, "");
	expect("d.state || ' ' || (d.delivered_at IS NOT NULL) || ' ' || (SELECT kind FROM receipt r WHERE "
	       "r.delivery_id = d.delivery_id)",
	       "delivered true delivered", "the machine's receipt");
	expect("(SELECT string_agg(a.outcome, ',') FROM delivery_attempt a WHERE a.delivery_id = d.delivery_id)",
	       "confirmed", "attempts");
	expect("(SELECT string_agg(e.kind, ',' ORDER BY e.event_id) FROM event e WHERE e.subject_id = d.public_id)",
	       "delivery.create,delivery.sending,delivery.delivered", "events");
	expect(
	    "(SELECT string_agg(a.action, ',' ORDER BY a.sequence) FROM audit a WHERE a.subject = d.public_id::text)",
	    "delivery.create,delivery.delivered", "audit");
	text_copy(report, sizeof(report), first);
	expect("d.state || ' ' || (d.next_try_at > yq_now())", "waiting true",
	       "what the peer said of one object is of that one");
	delivery_job_free(job);
}

Test(delivery, confirmed_objects_stay_confirmed)
{
	struct delivery_job *job = taken(), *again;
	struct err err;

	cr_assert(delivery_item_settle(county->router, job, &job->items[0], DELIVERY_ITEM_CONFIRMED, 0, "", &err), "%s",
	          err.text);
	cr_assert(delivery_item_settle(county->router, job, &job->items[0], DELIVERY_ITEM_UNKNOWN, -1, "", &err), "%s",
	          err.text);
	settle(job, DELIVERY_EVENT_FAIL, 0, "lost");
	again = claim(destination);
	cr_assert_not_null(again);
	cr_expect_eq(again->items[0].state, DELIVERY_ITEM_CONFIRMED);
	cr_expect_eq(again->items[1].state, DELIVERY_ITEM_PENDING);
	cr_expect_eq(again->attempts, 2);
	delivery_job_free(job);
	delivery_job_free(again);
}

Test(delivery, what_the_ledger_did_not_hear_object_by_object_it_hears_at_the_end)
{
	struct delivery_job *job = taken();
	size_t i;

	for (i = 0; i < job->item_count; i++)
		job->items[i].state = DELIVERY_ITEM_CONFIRMED;
	settle(job, DELIVERY_EVENT_CONFIRM, 0, "");
	delivery_job_free(job);
	expect("(SELECT string_agg(i.state, ',') FROM delivery_item i WHERE i.delivery_id = d.delivery_id)",
	       "confirmed,confirmed", "objects");
}

Test(delivery, refused_for_good_is_quarantined_with_its_reason)
{
	struct delivery_job *job = taken();
	struct err err;

	cr_assert(delivery_item_settle(county->router, job, &job->items[0], DELIVERY_ITEM_REFUSED, 0xA900, "no", &err),
	          "%s", err.text);
	settle(job, DELIVERY_EVENT_REFUSE, 0, "the peer answered A900: no");
	expect("d.state || ' ' || d.last_error", "quarantined the peer answered A900: no", "quarantined");
	expect("(SELECT string_agg(concat_ws(' ', i.state, i.dimse_status, i.comment), ',' ORDER BY i.instance_id)"
	       " FROM delivery_item i WHERE i.delivery_id = d.delivery_id)",
	       "refused 43264 no,pending ", "the objects");
	cr_expect_null(claim(destination), "it is not tried again");
	cr_expect_not(delivery_settle(county->router, job, &confirmed, &err), "settled twice");
	cr_expect_eq(err.kind, ERR_CONFLICT);
	delivery_job_free(job);
}

Test(delivery, an_unknown_outcome_is_looked_into_before_anything_is_sent_again)
{
	static const struct delivery_outcome later = {
	    .is_put_off = true, .next = DELIVERY_NEXT_IN, .next_in_ms = 3600000, .reason = "away"};
	struct delivery_job *job = taken(), *look;
	struct err err;

	cr_assert(delivery_item_settle(county->router, job, &job->items[0], DELIVERY_ITEM_UNKNOWN, -1, "", &err), "%s",
	          err.text);
	settle(job, DELIVERY_EVENT_LOSE, 0, "no answer");
	expect("d.state", "verifying", "lost");
	look = claim(destination);
	cr_assert_not_null(look);
	cr_expect_eq(look->state, DELIVERY_VERIFYING);
	cr_expect_eq(look->attempts, 1, "a look is no attempt");
	cr_expect_null(claim(destination), "somebody is looking");
	cr_assert(delivery_settle(county->router, look, &later, &err), "%s", err.text);
	expect("d.state || ' ' || (d.worker IS NULL)", "verifying true", "put off");
	cr_expect_null(claim(destination), "later");
	delivery_job_free(look);
	county_run(county, "UPDATE delivery SET next_try_at = yq_now() WHERE state = 'verifying'");
	look = claim(destination);
	settle(look, DELIVERY_EVENT_FAIL, 0, "sent again");
	delivery_job_free(look);
	look = claim(destination);
	cr_assert_not_null(look);
	cr_expect_eq(look->state, DELIVERY_SENDING);
	cr_expect_eq(look->items[0].state, DELIVERY_ITEM_PENDING, "sent again");
	cr_expect_eq(look->attempts, 2);
	delivery_job_free(look);
	delivery_job_free(job);
}

Test(delivery, what_the_peer_acknowledged_and_does_not_hold_goes_again)
{
	static const struct delivery_outcome prove = {.event = DELIVERY_EVENT_PROVE,
	                                              .is_answered = true,
	                                              .proof = "answers"},
	                                     missing = {.event = DELIVERY_EVENT_FAIL,
	                                                .is_answered = true,
	                                                .proof_rounds = 1,
	                                                .proof = "query",
	                                                .note = "sent 2, held 1",
	                                                .reason = "the peer does not hold what it acknowledged"};
	struct delivery_job *job = taken(), *look, *again;
	struct err err;

	job->items[0].state = job->items[1].state = DELIVERY_ITEM_CONFIRMED;
	cr_assert(delivery_settle(county->router, job, &prove, &err), "%s", err.text);
	expect("d.state || ' ' || (SELECT string_agg(a.outcome, ',') FROM delivery_attempt a WHERE a.delivery_id = "
	       "d.delivery_id)",
	       "verifying confirmed", "acknowledged, to be proven");
	expect("(SELECT count(*) FROM receipt r WHERE r.delivery_id = d.delivery_id)", "0", "no receipt before");
	look = claim(destination);
	cr_assert_not_null(look);
	cr_expect_eq(look->state, DELIVERY_VERIFYING);
	look->items[1].state = DELIVERY_ITEM_PENDING;
	look->items[1].is_missing = true;
	cr_assert(delivery_settle(county->router, look, &missing, &err), "%s", err.text);
	expect("concat_ws(', ', d.state, d.proof, d.proof_note, d.proof_rounds, d.last_error)",
	       "waiting, query, sent 2, held 1, 1, the peer does not hold what it acknowledged", "a difference");
	again = claim(destination);
	cr_assert_not_null(again);
	cr_expect_eq(again->state, DELIVERY_SENDING);
	cr_expect_eq(again->proof_rounds, 1);
	cr_expect_eq(again->items[0].state, DELIVERY_ITEM_CONFIRMED, "what it holds");
	cr_expect_eq(again->items[1].state, DELIVERY_ITEM_PENDING, "what it does not");
	delivery_job_free(again);
	delivery_job_free(look);
	delivery_job_free(job);
}

Test(delivery, what_was_refused_is_tried_again_only_by_hand)
{
	struct delivery_job *job = taken();
	struct err err;

	cr_assert(delivery_item_settle(county->router, job, &job->items[0], DELIVERY_ITEM_REFUSED, 0xA900, "no", &err),
	          "%s", err.text);
	settle(job, DELIVERY_EVENT_FAIL, 0, "the other is still to come");
	delivery_job_free(job);
	job = claim(destination);
	cr_expect_eq(job->items[0].state, DELIVERY_ITEM_REFUSED, "not by itself");
	settle(job, DELIVERY_EVENT_REFUSE, 0, "refused");
	requeue(job->id);
	delivery_job_free(job);
	job = claim(destination);
	cr_assert_not_null(job);
	cr_expect_eq(job->items[0].state, DELIVERY_ITEM_PENDING, "by hand");
	delivery_job_free(job);
}

Test(delivery, a_report_returns_as_urgently_as_its_study_and_to_each_as_it_takes_it)
{
	char sql[400];

	snprintf(sql, sizeof(sql),
	         "INSERT INTO destination (site_id, protocol, host, port) SELECT scope_id, 'hl7', '127.0.0.1', 2575 "
	         "FROM scope WHERE public_id = $site");
	county_run(county, sql);
	county_run(county, "INSERT INTO destination (site_id, protocol, url) SELECT scope_id, 'stow', "
	                   "'http://127.0.0.1/dicom' FROM scope"
	                   " WHERE public_id = $site");
	county_run(county, "UPDATE study SET patient_class = 'emergency' WHERE public_id = $study");
	county_add_report(county, "1 hour", false, report);
	create();
	expect("string_agg((SELECT protocol FROM destination x WHERE x.destination_id = d.destination_id), ',')", "hl7",
	       "a message needs no objects");
	county_add_task(county);
	county_run(county, "UPDATE study SET patient_class = 'emergency' WHERE public_id = $study");
	county_add_report(county, "1 hour", true, report);
	create();
	expect("string_agg((SELECT x.protocol || ' ' || (SELECT count(*) FROM delivery_item i WHERE i.delivery_id = "
	       "d.delivery_id) || ' ' || d.rank"
	       " FROM destination x WHERE x.destination_id = d.destination_id), ',' ORDER BY d.delivery_id)",
	       "dicom 2 0,hl7 0 0,stow 2 0", "objects, a message, objects");
}

Test(delivery, an_unknown_outcome_stays_on_record_beyond_the_deadline)
{
	struct delivery_job *job = taken(), *look;
	struct err err;

	cr_assert(delivery_item_settle(county->router, job, &job->items[0], DELIVERY_ITEM_UNKNOWN, -1, "", &err), "%s",
	          err.text);
	settle(job, DELIVERY_EVENT_LOSE, 0, "no answer");
	county_run(county, "UPDATE delivery SET deadline_at = yq_now() WHERE state = 'verifying'");
	look = claim(destination);
	cr_assert_not_null(look);
	cr_expect(look->is_overdue, "its deadline is over");
	settle(look, DELIVERY_EVENT_FAIL, 0, "the outcome is unknown and the deadline has passed");
	expect("d.state || (SELECT string_agg(' ' || i.state, '' ORDER BY i.instance_id) FROM delivery_item i"
	       " WHERE i.delivery_id = d.delivery_id)",
	       "waiting unknown pending", "not sent again, not forgotten");
	delivery_job_free(look);
	delivery_job_free(job);
}

/* ---- swept --------------------------------------------------------------------------------------------------------------------------- */

Test(delivery, what_a_dead_worker_left_is_taken_over_and_the_dead_has_no_say)
{
	struct delivery_job *job = taken();
	const char *ids[1] = {job->id};
	struct err err;
	int count;

	county_run(county, "UPDATE delivery SET worker_until = yq_now() + interval '1 s' WHERE state = 'sending'");
	cr_assert(delivery_keep(county->router, worker, ids, 1, LEASE_MS, &err), "%s", err.text);
	expect("d.worker_until > yq_now() + interval '50 s'", "t", "kept alive");
	cr_assert(delivery_recover(county->router, &count, &err), "%s", err.text);
	expect("d.state", "sending", "a living worker keeps it");
	county_run(county, "UPDATE delivery SET worker_until = yq_now() WHERE state = 'sending'");
	cr_assert(delivery_recover(county->router, &count, &err), "%s", err.text);
	cr_expect_geq(count, 1);
	expect("d.state || ' ' || (d.worker IS NULL)", "verifying true", "recovered");
	expect("(SELECT string_agg(a.outcome, ',') FROM delivery_attempt a WHERE a.delivery_id = d.delivery_id)",
	       "unknown", "attempts");
	cr_expect_not(delivery_settle(county->router, job, &confirmed, &err), "the dead one settled it");
	cr_expect_eq(err.kind, ERR_CONFLICT);
	expect("d.state", "verifying", "unchanged");
	delivery_job_free(job);
}

Test(delivery, beyond_its_deadline_it_is_dead_unless_the_destination_is_held)
{
	struct delivery_job *job = taken();
	struct err err;
	int count;

	settle(job, DELIVERY_EVENT_FAIL, 0, "away");
	county_run(county, "UPDATE delivery SET deadline_at = yq_now() WHERE state = 'waiting'");
	county_run(county, "UPDATE destination SET held_at = yq_now() WHERE site_id = (SELECT scope_id FROM scope "
	                   "WHERE public_id = $site)");
	cr_assert(delivery_give_up(county->router, &count, &err), "%s", err.text);
	expect("d.state", "waiting", "暂停发送");
	county_run(county, "UPDATE destination SET held_at = NULL WHERE site_id = (SELECT scope_id FROM scope WHERE "
	                   "public_id = $site)");
	cr_expect_null(claim(destination), "no more tries");
	cr_assert(delivery_give_up(county->router, &count, &err), "%s", err.text);
	expect("d.state || ' ' || d.last_error", "dead away", "given up");
	delivery_job_free(job);
}
