/*
 * What the queue of deliveries costs a router: claims deliveries of one destination and settles them as delivered, and looks at the queue as a router does.
 *
 * usage: claim DESTINATION COUNT      YQ_HOME names the installation, whose ledger is running
 *
 * Prints a line for each kind of call: its name and the median in microseconds.
 */
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "lib/base/conf.h"
#include "lib/db/db.h"
#include "lib/domain/delivery.h"
#include "lib/domain/delivery_lane.h"

enum { COUNT_MAX = 100000, LEASE_MS = 60000 };

static struct db_pool *pool;
static const char *destination;
static char worker[TEXT_UUID_SIZE];
static double took[COUNT_MAX];

static double now_us(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (double)now.tv_sec * 1e6 + (double)now.tv_nsec / 1e3;
}

static void check(bool ok, const struct err *err)
{
	if (ok)
		return;
	fprintf(stderr, "%s\n", err->text);
	exit(1);
}

static int by_value(const void *a, const void *b)
{
	double left = *(const double *)a, right = *(const double *)b;

	return (left > right) - (left < right);
}

static void tell(const char *name, int count)
{
	qsort(took, (size_t)count, sizeof(took[0]), by_value);
	printf("%s %.1f\n", name, took[count / 2]);
}

/* ---- calls -------------------------------------------------------------------------------------------------------------------- */

static struct delivery_job *jobs[COUNT_MAX];

static void claim(int i)
{
	struct err err;

	check(delivery_claim(pool, destination, worker, LEASE_MS, DELIVERY_RANKS - 1, &jobs[i], &err), &err);
	if (!jobs[i]) {
		fprintf(stderr, "nothing more is waiting after %d\n", i);
		exit(1);
	}
}

static void settle(int i)
{
	struct delivery_outcome outcome = {.event = DELIVERY_EVENT_CONFIRM, .is_answered = true, .proof = "answers"};
	struct err err;
	size_t at;

	for (at = 0; at < jobs[i]->item_count; at++)
		jobs[i]->items[at].state = DELIVERY_ITEM_CONFIRMED;
	check(delivery_settle(pool, jobs[i], &outcome, &err), &err);
	delivery_job_free(jobs[i]);
}

static void on_due(void *context, const char *destination_id, int due)
{
	(void)context;
	(void)destination_id;
	(void)due;
}

static void outlook(int i)
{
	struct err err;

	(void)i;
	check(delivery_destinations_due(pool, on_due, NULL, &err), &err);
}

static void lane(int i)
{
	struct delivery_lane facts;
	struct err err;

	(void)i;
	check(delivery_lane_load(pool, destination, &facts, &err), &err);
}

static void sweep(int i)
{
	struct err err;
	int count;

	(void)i;
	check(delivery_recover(pool, &count, &err) && delivery_give_up(pool, &count, &err), &err);
}

static double timed(void (*call)(int i), int i)
{
	double began = now_us();

	call(i);
	return now_us() - began;
}

static void measure(const char *name, void (*call)(int i), int count)
{
	int i;

	for (i = 0; i < count; i++)
		took[i] = timed(call, i);
	tell(name, count);
}

/* One after the other, as workers do: what is claimed is settled before the next is. */
static void measure_turns(int count)
{
	static double settling[COUNT_MAX];
	int i;

	for (i = 0; i < count; i++) {
		took[i] = timed(claim, i);
		settling[i] = timed(settle, i);
	}
	tell("claim", count);
	for (i = 0; i < count; i++)
		took[i] = settling[i];
	tell("settle", count);
}

int main(int argc, char **argv)
{
	long count = argc == 3 ? strtol(argv[2], NULL, 10) : 0;
	struct err err;

	if (count < 1 || count > COUNT_MAX) {
		fprintf(stderr, "usage: claim DESTINATION COUNT\n");
		return 2;
	}
	check(conf_load(&err), &err);
	check(db_pool_new("yq_router", "claim", 1, &pool, &err), &err);
	destination = argv[1];
	text_uuid_new(worker);
	measure_turns((int)count);
	measure("outlook", outlook, (int)count);
	measure("lane", lane, (int)count);
	measure("sweep", sweep, (int)count);
	db_pool_free(pool);
	return 0;
}
