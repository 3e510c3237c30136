#include "router/lane.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "lib/base/bucket.h"
#include "lib/base/clock.h"
#include "lib/base/conf.h"
#include "lib/base/daemon.h"
#include "lib/base/log.h"
#include "lib/base/text.h"
#include "lib/domain/delivery_lane.h"

enum {
	LOOK_MS = 250, /* facts are so old at most when an object goes out */
	STEP_MS = 50
};

struct lane {
	struct lanes *lanes;
	struct lane *next;
	char destination_id[TEXT_UUID_SIZE];
	pthread_mutex_t lock;
	struct bucket bucket;
	int64_t rate; /* our share */
	struct delivery_lane facts;
	int64_t seen_ms; /* 0: never */
	bool is_looking;
};

struct lanes {
	struct db_pool *pool;
	pthread_mutex_t lock;
	struct lane *first;
};

struct lanes *lanes_new(struct db_pool *pool)
{
	struct lanes *lanes = calloc(1, sizeof(*lanes));

	if (!lanes)
		err_panic("out of memory");
	lanes->pool = pool;
	pthread_mutex_init(&lanes->lock, NULL);
	return lanes;
}

void lanes_free(struct lanes *lanes)
{
	struct lane *lane, *next;

	for (lane = lanes->first; lane; lane = next) {
		next = lane->next;
		pthread_mutex_destroy(&lane->lock);
		free(lane);
	}
	pthread_mutex_destroy(&lanes->lock);
	free(lanes);
}

static struct lane *lane_new(struct lanes *lanes, const char *destination_id)
{
	struct lane *lane = calloc(1, sizeof(*lane));

	if (!lane)
		err_panic("out of memory");
	lane->lanes = lanes;
	text_copy(lane->destination_id, sizeof(lane->destination_id), destination_id);
	pthread_mutex_init(&lane->lock, NULL);
	lane->next = lanes->first;
	lanes->first = lane;
	return lane;
}

struct lane *lanes_get(struct lanes *lanes, const char *destination_id)
{
	struct lane *lane;

	pthread_mutex_lock(&lanes->lock);
	for (lane = lanes->first; lane && strcmp(lane->destination_id, destination_id) != 0; lane = lane->next)
		;
	if (!lane)
		lane = lane_new(lanes, destination_id);
	pthread_mutex_unlock(&lanes->lock);
	return lane;
}

/* ---- looking ------------------------------------------------------------------------------------------------------------------- */

/* One looks for all; the lock is held before and behind. Without the ledger what was known last goes on. */
static void look(struct lane *lane)
{
	struct delivery_lane facts;
	struct err err;
	bool ok;

	if (lane->is_looking || (lane->seen_ms != 0 && clock_monotonic_ms() - lane->seen_ms < LOOK_MS))
		return;
	lane->is_looking = true;
	pthread_mutex_unlock(&lane->lock);
	ok = delivery_lane_load(lane->lanes->pool, lane->destination_id, &facts, &err);
	pthread_mutex_lock(&lane->lock);
	if (ok)
		lane->facts = facts;
	else if (err.kind != ERR_TEMPORARY)
		log_err(LOG_LEDGER_FAILED, &err, "step=%s destination=%s", "look_at_lane", lane->destination_id);
	if (ok || lane->seen_ms != 0)
		lane->seen_ms = clock_monotonic_ms();
	lane->is_looking = false;
}

static enum delivery_turn decide(struct lane *lane, const struct lane_stay *stay, int64_t paused_ms)
{
	struct delivery_stay at = {.rank = stay->rank,
	                           .has_answer = stay->has_answer,
	                           .ran_ms = clock_monotonic_ms() - stay->started_ms,
	                           .quantum_ms = conf_number(CONF_DELIVERY_TURN),
	                           .paused_ms = paused_ms,
	                           .pause_ms = conf_number(CONF_DELIVERY_PAUSE)};
	enum delivery_turn turn = lane->seen_ms == 0 ? DELIVERY_TURN_GO : delivery_turn(&lane->facts, &at);

	/* Its place will be free: the next one that asks need not give up its own as well. */
	if ((turn == DELIVERY_TURN_YIELD || turn == DELIVERY_TURN_OVER) && lane->facts.under_way[stay->rank] > 0)
		lane->facts.under_way[stay->rank]--;
	return turn;
}

/* ---- waiting ------------------------------------------------------------------------------------------------------------------- */

/* 0: the bytes are taken from the rate. An emergency waits for nobody's debt, and leaves its own to the others. */
static int64_t take_rate(struct lane *lane, const struct lane_stay *stay, uint64_t size_bytes)
{
	int64_t now_ms = clock_monotonic_ms(), wait_ms;
	int programs = lane->seen_ms != 0 && lane->facts.programs > 0 ? lane->facts.programs : 1;

	lane->rate = stay->rate > programs ? stay->rate / programs : stay->rate;
	wait_ms = stay->rank == 0 ? 0 : bucket_wait_ms(&lane->bucket, lane->rate, now_ms);
	if (wait_ms == 0)
		bucket_take(&lane->bucket, lane->rate, now_ms, (int64_t)size_bytes);
	return wait_ms;
}

enum lane_word lane_wait(struct lane *lane, const struct lane_stay *stay, uint64_t size_bytes)
{
	int64_t pausing_since_ms = 0, wait_ms;
	enum delivery_turn turn;

	do {
		pthread_mutex_lock(&lane->lock);
		look(lane);
		turn = decide(lane, stay, pausing_since_ms ? clock_monotonic_ms() - pausing_since_ms : 0);
		wait_ms = turn == DELIVERY_TURN_GO ? take_rate(lane, stay, size_bytes) : 0;
		pthread_mutex_unlock(&lane->lock);
		if (turn == DELIVERY_TURN_GO && wait_ms == 0)
			return LANE_GO;
		if (turn == DELIVERY_TURN_OVER)
			return LANE_TURN;
		/* A peer does not keep a silent connection for long. */
		if (turn == DELIVERY_TURN_YIELD || wait_ms > conf_number(CONF_DELIVERY_PAUSE))
			return LANE_STOP;
		if (turn == DELIVERY_TURN_PAUSE && pausing_since_ms == 0)
			pausing_since_ms = clock_monotonic_ms();
	} while (daemon_sleep(wait_ms > 0 && wait_ms < STEP_MS ? wait_ms : STEP_MS));
	return LANE_STOP;
}

int64_t lane_debt_ms(struct lane *lane)
{
	int64_t wait_ms;

	pthread_mutex_lock(&lane->lock);
	wait_ms = bucket_wait_ms(&lane->bucket, lane->rate, clock_monotonic_ms());
	pthread_mutex_unlock(&lane->lock);
	return wait_ms;
}
