/* What operators do at the pages, against a real ledger: who may, what follows, what is left in event and audit. */
#include <criterion/criterion.h>
#include <string.h>

#include "lib/domain/operate.h"
#include "tests/db/county.h"

static struct county *county;
static char operator_id[TEXT_UUID_SIZE], stranger_id[TEXT_UUID_SIZE], destination[TEXT_UUID_SIZE],
    delivery[TEXT_UUID_SIZE];
static const int64_t A_DAY = 24LL * 3600 * 1000;

static void make(void)
{
	ledger_setup();
	county = county_new();
	county_add_person(county, "operator", county->community, county->lead, operator_id);
	county_add_task(county);
	text_copy(destination, sizeof(destination),
	          county_value(county,
	                       "INSERT INTO destination (site_id, ae_title, host, port) SELECT scope_id, 'PACS', "
	                       "'127.0.0.1', 104 FROM scope WHERE public_id = $site RETURNING public_id"));
}

static void drop(void)
{
	county_free(county);
}

TestSuite(operate, .init = make, .fini = drop, .timeout = 60);

/* Something on its way to the destination, brought to a state along the machine. */
static void add_delivery(const char *const *states, size_t count)
{
	char sql[600];

	snprintf(sql, sizeof(sql),
	         "INSERT INTO delivery (site_id, destination_id, purpose, message, deadline_at) SELECT site_id, "
	         "destination_id, "
	         "'notify', jsonb_build_object('n', random()), yq_now() FROM destination WHERE public_id = '%s' "
	         "RETURNING public_id",
	         destination);
	text_copy(delivery, sizeof(delivery), county_value(county, sql));
	for (size_t i = 0; i < count; i++) {
		snprintf(sql, sizeof(sql), "UPDATE delivery SET state = '%s' WHERE public_id = '%s'", states[i],
		         delivery);
		county_run(county, sql);
	}
}

static void add_dead(void)
{
	static const char *const way[] = {"sending", "waiting", "dead"};

	add_delivery(way, 3);
}

static void add_refused(void)
{
	static const char *const way[] = {"sending", "quarantined"};

	add_delivery(way, 2);
}

static void expect_state(const char *want, const char *what)
{
	char sql[200];

	snprintf(sql, sizeof(sql), "SELECT state FROM delivery WHERE public_id = '%s'", delivery);
	county_expect(county, sql, want, what);
}

/* The last record of the audit and the last event about a subject: "action event". */
static void expect_traces(const char *subject, const char *want)
{
	char sql[600];

	snprintf(sql, sizeof(sql),
	         "SELECT concat_ws(' ', (SELECT action FROM audit WHERE subject = '%s' AND actor = '%s' ORDER BY "
	         "sequence DESC LIMIT 1), "
	         "(SELECT kind FROM event WHERE subject_id = '%s' ORDER BY event_id DESC LIMIT 1))",
	         subject, operator_id, subject);
	county_expect(county, sql, want, "audit and event");
}

Test(operate, a_destination_is_held_for_a_reason_and_released)
{
	char sql[200];
	struct err err;

	snprintf(sql, sizeof(sql),
	         "SELECT (held_at IS NOT NULL) || ' ' || held_reason FROM destination WHERE public_id = '%s'",
	         destination);
	cr_assert(operate_hold(county->gateway, operator_id, destination, "检修", &err), "%s", err.text);
	county_expect(county, sql, "true 检修", "held");
	expect_traces(destination, "destination.hold destination.hold");
	cr_assert(operate_hold(county->gateway, operator_id, destination, NULL, &err), "%s", err.text);
	county_expect(county, sql, "false ", "released");
	expect_traces(destination, "destination.release destination.release");
	cr_expect_not(operate_hold(county->gateway, operator_id, destination, "", &err));
	cr_expect_eq(err.kind, ERR_INVALID, "%s", err.text);
}

Test(operate, what_failed_is_driven_again)
{
	struct err err;
	int count = -1;

	add_dead();
	add_refused();
	cr_assert(operate_retry_all(county->gateway, operator_id, destination, A_DAY, &count, &err), "%s", err.text);
	cr_expect_eq(count, 2, "got %d", count);
	expect_state("pending", "refused");
	expect_traces(delivery, "delivery.requeue");
	expect_traces(destination, "destination.retry");
	cr_assert(operate_retry_all(county->gateway, operator_id, destination, A_DAY, &count, &err), "%s", err.text);
	cr_expect_eq(count, 0, "got %d", count);
	county_expect(county,
	              "SELECT bool_and(d.deadline_at > yq_now() + interval '23 hours') FROM delivery d JOIN scope s ON "
	              "s.scope_id = d.site_id WHERE s.public_id = $site",
	              "t", "the deadline is new");
}

Test(operate, one_delivery_is_driven_again_or_cancelled)
{
	struct err err;

	add_dead();
	cr_assert(operate_retry(county->gateway, operator_id, delivery, A_DAY, &err), "%s", err.text);
	expect_state("pending", "retried");
	expect_traces(delivery, "delivery.requeue delivery.requeue");
	cr_expect_not(operate_retry(county->gateway, operator_id, delivery, A_DAY, &err));
	cr_expect_eq(err.kind, ERR_CONFLICT, "%s", err.text);
	cr_assert(operate_cancel(county->gateway, operator_id, delivery, &err), "%s", err.text);
	expect_state("cancelled", "cancelled");
	expect_traces(delivery, "delivery.cancel delivery.cancel");
	cr_expect_not(operate_cancel(county->gateway, operator_id, delivery, &err));
	cr_expect_eq(err.kind, ERR_CONFLICT, "%s", err.text);
}

/* kind: what every act of this person must end with. */
static void expect_refused(const char *person, enum err_kind kind, const char *who)
{
	struct err err = {0};
	int count;

	cr_expect_not(operate_hold(county->gateway, person, destination, "x", &err), "%s", who);
	cr_expect_eq(err.kind, kind, "%s holds: %s", who, err.text);
	cr_expect_not(operate_retry_all(county->gateway, person, destination, A_DAY, &count, &err), "%s", who);
	cr_expect_eq(err.kind, kind, "%s retries all: %s", who, err.text);
	cr_expect_not(operate_retry(county->gateway, person, delivery, A_DAY, &err), "%s", who);
	cr_expect_eq(err.kind, kind, "%s retries: %s", who, err.text);
	cr_expect_not(operate_cancel(county->gateway, person, delivery, &err), "%s", who);
	cr_expect_eq(err.kind, kind, "%s cancels: %s", who, err.text);
	expect_state("dead", who);
}

Test(operate, only_an_operator_of_the_site_may)
{
	char elsewhere[TEXT_UUID_SIZE], sql[200];

	add_dead();
	expect_refused(county->radiographer, ERR_REFUSED, "a radiographer of the site");
	expect_refused(county->duty, ERR_REFUSED, "a duty leader of the community");
	county_add_site(county, "elsewhere", true, elsewhere);
	county_add_person(county, "operator", elsewhere, elsewhere, stranger_id);
	expect_refused(stranger_id, ERR_NOT_FOUND, "an operator of another site");
	snprintf(sql, sizeof(sql), "SELECT count(*) FROM audit WHERE subject IN ('%s', '%s')", destination, delivery);
	county_expect(county, sql, "0", "nothing was noted as done");
}
