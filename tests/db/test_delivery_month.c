/*
 * A month of deliveries on a clock that is moved: one destination away for 29 days, one that comes and goes, one that is slow. Peers are played here, by the
 * rules by which the router concludes; everything else is the ledger's.
 */
#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/base/conf.h"
#include "lib/db/db.h"
#include "lib/domain/delivery.h"
#include "tests/db/county.h"

#define HOUR_MS 3600000LL
#define DAY_MS (24 * HOUR_MS)

enum {
	DAYS = 30,
	AWAY_DAYS = 29,
	FLAP_HOURS = 13, /* there for so long, then away for so long */
	SLOW_HOURS = 11, /* for one delivery */
	A_DAY = 2,       /* deliveries to each destination */
	DESTINATIONS = 3,
	LEASE_MS = 12 * 3600000,
	STEPS_MAX = 20000
};
enum { AWAY, FLAPPING, SLOW };

struct peer {
	char id[TEXT_UUID_SIZE];
	struct delivery_job *job; /* of the slow one: under way */
	int64_t job_ends_ms;
	int ranks[DAYS * A_DAY]; /* of what arrived, in the order in which it did */
	int numbers[DAYS * A_DAY];
	int count, tries;
};

static struct county *county;
static struct db_pool *pool; /* of one session, whose clock is moved */
static struct peer peers[DESTINATIONS];
static char worker[TEXT_UUID_SIZE];
static int64_t now_ms;

static void setup(void)
{
	ledger_setup();
	county = county_new();
	pool = ledger_pool("yq_router", 1);
	text_uuid_new(worker);
}

static void teardown(void)
{
	db_pool_free(pool);
	county_free(county);
}

TestSuite(delivery_month, .init = setup, .fini = teardown, .timeout = 300);

/* ---- time ----------------------------------------------------------------------------------------------------------------------- */

static void set_clock(int64_t ms)
{
	char offset[40], sql[120];
	struct err err;
	struct db *db;

	now_ms = ms;
	snprintf(offset, sizeof(offset), "%lld", (long long)ms * 1000);
	cr_assert(db_take(pool, &db, &err), "%s", err.text);
	cr_assert(db_exec(db, STMT_DB_SESSION_SETTINGS,
	                  DB_PARAMS(db_text(offset), db_text("60000ms"), db_text("Asia/Shanghai")), NULL, &err),
	          "%s", err.text);
	db_give(db);
	snprintf(sql, sizeof(sql), "SELECT set_config('yq.clock_offset', '%s', false)", offset);
	county_value(county, sql);
}

/* When the router would look at deliveries again. */
static int64_t next_due_ms(void)
{
	const char *wait_ms = county_value(
	    county, "SELECT ceil(extract(epoch FROM min(next_at) - yq_now()) * 1000)::bigint FROM delivery_outlook(2)");
	int64_t ms = *wait_ms ? strtoll(wait_ms, NULL, 10) : DAY_MS;

	return now_ms + (ms > 0 ? ms : 0) + 1;
}

/* ---- peers ---------------------------------------------------------------------------------------------------------------------- */

static bool is_there(int which)
{
	if (which == AWAY)
		return now_ms >= AWAY_DAYS * DAY_MS;
	return which != FLAPPING || now_ms / (FLAP_HOURS * HOUR_MS) % 2 == 0;
}

static void add_peer(int which)
{
	char sql[3600];

	snprintf(
	    sql, sizeof(sql),
	    "INSERT INTO destination (site_id, ae_title, host, port, deliveries_max, backoff_min_ms, backoff_max_ms)"
	    " SELECT scope_id, 'PEER', '127.0.0.1', %d, %d, 60000, %lld FROM scope WHERE public_id = $site RETURNING "
	    "public_id",
	    40000 + which, which == SLOW ? 1 : 4, which == AWAY ? 8 * HOUR_MS : 4 * HOUR_MS);
	text_copy(peers[which].id, sizeof(peers[which].id), county_value(county, sql));
}

static void add_delivery(int which, int number)
{
	static const int ranks[] = {2, 3, 2, 1, 2, 0, 3, 2};
	char sql[3600];

	snprintf(sql, sizeof(sql),
	         "INSERT INTO delivery (site_id, destination_id, purpose, message, rank, deadline_at)"
	         " SELECT site_id, destination_id, 'notify', '{\"number\": %d}', %d, yq_now() + interval '30 days'"
	         " FROM destination WHERE public_id = '%s'",
	         number, ranks[number % 8], peers[which].id);
	county_run(county, sql);
}

static int number_of(const struct delivery_job *job)
{
	char sql[200];

	snprintf(sql, sizeof(sql), "SELECT message->>'number' FROM delivery WHERE public_id = '%s'", job->id);
	return (int)strtol(county_value(county, sql), NULL, 10);
}

/* ---- sending -------------------------------------------------------------------------------------------------------------------- */

static void settle(struct peer *peer, struct delivery_job *job, bool is_sent)
{
	struct delivery_past past = {.failures = job->failures,
	                             .proof_rounds = job->proof_rounds,
	                             .is_overdue = job->is_overdue,
	                             .backoff_min_ms = 60000,
	                             .backoff_max_ms = HOUR_MS,
	                             .random = (uint32_t)now_ms};
	struct delivery_outcome outcome;
	struct err err;

	delivery_conclude_document(is_sent, ERR_TEMPORARY, &past, &outcome);
	cr_assert(delivery_settle(pool, job, &outcome, &err), "%s", err.text);
	if (is_sent) {
		cr_assert_lt(peer->count, DAYS * A_DAY);
		peer->numbers[peer->count] = number_of(job);
		peer->ranks[peer->count++] = job->rank;
	}
	delivery_job_free(job);
}

/* While a way is in doubt, it is tried by whichever has been tried least. */
static void expect_nothing_better(const struct peer *peer, const struct delivery_job *job)
{
	char sql[3600];

	snprintf(
	    sql, sizeof(sql),
	    "SELECT count(*) FROM delivery d JOIN destination x USING (destination_id) WHERE x.public_id = '%s'"
	    " AND x.failures = 0 AND d.rank < %d AND d.state IN ('pending', 'waiting') AND d.next_try_at <= yq_now()",
	    peer->id, job->rank);
	county_expect(county, sql, "0", "something more urgent waited");
}

static void try_one(int which)
{
	struct peer *peer = &peers[which];
	struct delivery_job *job;
	struct err err;

	cr_assert(delivery_claim(pool, peer->id, worker, LEASE_MS, 3, &job, &err), "%s", err.text);
	if (!job)
		return;
	peer->tries++;
	expect_nothing_better(peer, job);
	if (which != SLOW) {
		settle(peer, job, is_there(which));
		return;
	}
	peer->job = job;
	peer->job_ends_ms = now_ms + SLOW_HOURS * HOUR_MS;
}

static void on_due(void *context, const char *destination_id, int due)
{
	int *wanted = context, which;

	for (which = 0; which < DESTINATIONS; which++)
		if (strcmp(peers[which].id, destination_id) == 0)
			wanted[which] = due;
}

static void work(void)
{
	int wanted[DESTINATIONS] = {0}, which, count;
	struct err err;

	if (peers[SLOW].job && now_ms >= peers[SLOW].job_ends_ms) {
		settle(&peers[SLOW], peers[SLOW].job, true);
		peers[SLOW].job = NULL;
	}
	cr_assert(delivery_give_up(pool, &count, &err), "%s", err.text);
	cr_assert(delivery_destinations_due(pool, on_due, wanted, &err), "%s", err.text);
	for (which = 0; which < DESTINATIONS; which++)
		for (; wanted[which] > 0 && !(which == SLOW && peers[SLOW].job); wanted[which]--)
			try_one(which);
}

/* ---- the month ------------------------------------------------------------------------------------------------------------------- */

static int arrived(void)
{
	return peers[AWAY].count + peers[FLAPPING].count + peers[SLOW].count;
}

static int64_t least(int64_t a, int64_t b)
{
	return a < b ? a : b;
}

/* Until everything is there; deliveries are made for the first 29 days and a bit. */
static void live(void)
{
	const int all = AWAY_DAYS * A_DAY;
	int64_t next_ms, last_ms = 0;
	int made = 0, which, step;

	for (step = 0; step < STEPS_MAX && arrived() < all * DESTINATIONS; step++) {
		for (; made < all && now_ms >= made * DAY_MS / A_DAY; made++)
			for (which = 0; which < DESTINATIONS; which++)
				add_delivery(which, made);
		work();
		next_ms = next_due_ms();
		if (made < all)
			next_ms = least(next_ms, made * DAY_MS / A_DAY);
		if (peers[SLOW].job)
			next_ms = least(next_ms, peers[SLOW].job_ends_ms);
		/* Time goes on, whatever is due. */
		last_ms = now_ms;
		set_clock(next_ms > last_ms ? next_ms : last_ms + 1);
	}
	cr_assert_lt(step, STEPS_MAX, "the month does not end: %d there on day %lld", arrived(),
	             (long long)(now_ms / DAY_MS));
}

/* What had waited all the time came by rank, inside a rank by age; but for the one that tried the way. */
static void expect_order(const struct peer *peer)
{
	int i;

	for (i = 2; i < peer->count; i++)
		cr_expect(peer->ranks[i] > peer->ranks[i - 1] ||
		              (peer->ranks[i] == peer->ranks[i - 1] && peer->numbers[i] > peer->numbers[i - 1]),
		          "number %d of rank %d came before number %d of rank %d", peer->numbers[i - 1],
		          peer->ranks[i - 1], peer->numbers[i], peer->ranks[i]);
}

Test(delivery_month, everything_arrives_in_order_and_nothing_dies)
{
	int which;

	/* What other tests left stands still meanwhile. */
	county_run(county, "UPDATE destination SET held_at = yq_now()");
	set_clock(0);
	for (which = 0; which < DESTINATIONS; which++)
		add_peer(which);
	live();
	county_expect(
	    county,
	    "SELECT string_agg(DISTINCT d.state, ',') FROM delivery d JOIN destination x USING (destination_id)"
	    " WHERE x.ae_title = 'PEER' AND x.site_id = (SELECT scope_id FROM scope WHERE public_id = $site)",
	    "delivered", "nothing dead, nothing left");
	for (which = 0; which < DESTINATIONS; which++)
		cr_expect_eq(peers[which].count, AWAY_DAYS * A_DAY, "destination %d got %d", which, peers[which].count);
	expect_order(&peers[AWAY]);
	cr_expect_lt(now_ms, (AWAY_DAYS + 2) * DAY_MS, "it took until day %lld", (long long)(now_ms / DAY_MS));
	/* At most one try a rest while it was away, whatever waited. */
	cr_expect_lt(peers[AWAY].tries, AWAY_DAYS * A_DAY + AWAY_DAYS * 4 + 20, "%d tries", peers[AWAY].tries);
	county_expect(county,
	              "SELECT count(*) FROM destination x WHERE x.ae_title = 'PEER' AND x.site_id = (SELECT scope_id "
	              "FROM scope WHERE public_id = $site)"
	              " AND failures = 0 AND resting_until IS NULL",
	              "3", "no way is in doubt");
}
