#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "lib/base/clock.h"
#include "lib/base/conf.h"
#include "lib/base/log.h"
#include "lib/intake/internal.h"
#include "lib/intake/room.h"

/*
 * The placer lets a burst pass before it takes its share of disk and processor: it begins when nothing was committed for QUIET_MS, when
 * something has waited for PATIENCE_MS, or when three quarters of the ring are in use; from then on it goes on until nothing waits.
 */
enum { BACKOFF_MIN_MS = 100, QUIET_MS = 50, PATIENCE_MS = 1500, USED_PERCENT = 75, PLACE_BATCH = 256 };

/* ---- waiting ---------------------------------------------------------------------------------------------------------- */

static void wait_until(struct intake *intake, pthread_cond_t *what, int64_t at_ms)
{
	struct timespec at = {.tv_sec = at_ms / 1000, .tv_nsec = at_ms % 1000 * 1000000};

	pthread_cond_timedwait(what, &intake->lock, &at);
}

/* New objects do not shorten the wait for something that is away. Called with the lock. */
static void back_off(struct intake *intake, pthread_cond_t *what, int64_t wait_ms)
{
	int64_t until = clock_monotonic_ms() + wait_ms;

	while (!intake->is_stopping && clock_monotonic_ms() < until)
		wait_until(intake, what, until);
}

static int64_t next_wait(int64_t wait_ms)
{
	int64_t longest = conf_number(CONF_POLL_INTERVAL), next = wait_ms ? 2 * wait_ms : BACKOFF_MIN_MS;

	return next < longest ? next : longest;
}

/* ---- the placer --------------------------------------------------------------------------------------------------------- */

/* One batch from the front of a queue. own is shared with those who commit, so it is copied under the lock. */
static bool place_some(struct intake *intake, struct queue *queue, struct err *err)
{
	struct pending entries[PLACE_BATCH];
	bool done[PLACE_BATCH] = {false}, ok;
	size_t count, left = 0;

	pthread_mutex_lock(&intake->lock);
	count = queue->count < PLACE_BATCH ? queue->count : PLACE_BATCH;
	for (size_t i = 0; i < count; i++)
		entries[i] = *queue_at(queue, i);
	pthread_mutex_unlock(&intake->lock);
	if (count == 0)
		return true;

	ok = place_batch(intake, queue, entries, count, done, err);
	for (size_t i = 0; i < count; i++)
		left += !done[i];

	pthread_mutex_lock(&intake->lock);
	queue_settle(queue, done, count);
	if (ok)
		queue_defer(queue, left);
	intake->placings++;
	pthread_cond_signal(&intake->placed);
	pthread_mutex_unlock(&intake->lock);
	return ok && (left < count || err_set(err, ERR_TEMPORARY, "%zu objects wait to be set apart", left));
}

/*
 * Slots of processes that are gone come one after the other, a batch at a time, so that what is received now does not wait for what was left;
 * all of it goes our way, and the emptied slot is free for others.
 */
static bool take_abandoned(struct intake *intake, struct err *err)
{
	struct slot *slot;

	if (!intake->adopted.slot) {
		if (!slot_adopt(&slot, err))
			return false;
		if (!slot)
			return true;
		if (!queue_load(&intake->adopted, slot, err)) {
			slot_release(slot);
			return false;
		}
	}
	if (!place_some(intake, &intake->adopted, err))
		return false;
	if (intake->adopted.count)
		return true;
	if (!index_log_adopt(intake->log, slot_path(intake->adopted.slot), err))
		return false;
	queue_fini(&intake->adopted, true);
	pthread_mutex_lock(&intake->lock);
	intake->placings++;
	pthread_cond_signal(&intake->placed);
	pthread_mutex_unlock(&intake->lock);
	return true;
}

/* Is it time to place? Called with the lock; *until says when to look again. */
static bool is_due(struct intake *intake, int64_t *until)
{
	int64_t now = clock_monotonic_ms(), quiet = intake->last_commit_ms + QUIET_MS,
	        patience = intake->waiting_since_ms + PATIENCE_MS;

	if (!intake->own.count) {
		*until = now + conf_number(CONF_POLL_INTERVAL);
		return false;
	}
	*until = quiet < patience ? quiet : patience;
	return intake->is_stopping || *until <= now || ring_used_percent(intake->own.ring) >= USED_PERCENT;
}

/* Called with the lock. Looks for slots that nobody holds when nothing else is to be done for a while. */
static bool wait_for_objects(struct intake *intake, struct err *err)
{
	int64_t until, idle_until = clock_monotonic_ms() + conf_number(CONF_POLL_INTERVAL);
	bool ok = true;

	while (ok && !intake->is_stopping && !intake->wants_chunks && !intake->adopted.slot &&
	       !is_due(intake, &until)) {
		wait_until(intake, &intake->changed, until < idle_until ? until : idle_until);
		if (clock_monotonic_ms() < idle_until)
			continue;
		pthread_mutex_unlock(&intake->lock);
		ok = take_abandoned(intake, err);
		pthread_mutex_lock(&intake->lock);
		idle_until = clock_monotonic_ms() + conf_number(CONF_POLL_INTERVAL);
	}
	return ok;
}

/* The ring takes no more than an eighth of what is left above the reserve. */
static bool has_room_to_grow(struct intake *intake)
{
	struct room room;
	struct err ignored;

	return room_read(intake->store, &room, &ignored) &&
	       room.journal.free_bytes > room.journal.reserve_bytes + 8 * ring_growth_bytes(intake->own.ring);
}

/* Called with the lock. A ring that cannot grow is no fault: what finds no room takes the other lane. */
static void grow_ring(struct intake *intake)
{
	struct err err;

	intake->wants_chunks = false;
	pthread_mutex_unlock(&intake->lock);
	if (ring_wants_growth(intake->own.ring) && has_room_to_grow(intake) && !ring_grow(intake->own.ring, &err))
		log_err(LOG_PROGRAM_FAILED, &err, "what=%s", "ring");
	pthread_mutex_lock(&intake->lock);
}

static bool is_placer_over(const struct intake *intake)
{
	if (!intake->is_stopping)
		return false;
	return !intake->own.count || clock_monotonic_ms() >= intake->give_up_at_ms;
}

void *intake_placer(void *context)
{
	struct intake *intake = context;
	int64_t wait_ms = 0;
	struct err err;
	bool ok = take_abandoned(intake, &err);

	pthread_mutex_lock(&intake->lock);
	while (!is_placer_over(intake)) {
		if (intake->wants_chunks)
			grow_ring(intake);
		ok = ok && wait_for_objects(intake, &err);
		if (ok && intake->own.count && !intake->wants_chunks) {
			pthread_mutex_unlock(&intake->lock);
			ok = place_some(intake, &intake->own, &err);
			pthread_mutex_lock(&intake->lock);
		}
		if (ok && intake->adopted.slot && !intake->is_stopping) {
			pthread_mutex_unlock(&intake->lock);
			ok = take_abandoned(intake, &err);
			pthread_mutex_lock(&intake->lock);
		}
		if (ok) {
			wait_ms = 0;
			continue;
		}
		/* Said once, where the absence begins. */
		if (wait_ms == 0)
			log_err(LOG_PROGRAM_FAILED, &err, "what=%s", "placing");
		wait_ms = next_wait(wait_ms);
		if (intake->is_stopping)
			break; /* the next process goes on */
		back_off(intake, &intake->changed, wait_ms);
		ok = true;
	}
	intake->has_placer_ended = true;
	pthread_cond_signal(&intake->placed);
	pthread_mutex_unlock(&intake->lock);
	return NULL;
}

/* ---- the indexer -------------------------------------------------------------------------------------------------------- */

/* What the placer had done when the indexer looked: what comes behind the look is seen by the next one. */
struct seen {
	uint64_t placings;
	bool has_placer_ended;
};

static struct seen look(struct intake *intake)
{
	struct seen seen;

	pthread_mutex_lock(&intake->lock);
	seen = (struct seen){intake->placings, intake->has_placer_ended};
	pthread_mutex_unlock(&intake->lock);
	return seen;
}

/* Called with the lock. count: of the batch before, which ended well. */
static void wait_for_lines(struct intake *intake, const struct seen *seen, size_t count)
{
	if (count || seen->placings != intake->placings || seen->has_placer_ended != intake->has_placer_ended)
		return;
	wait_until(intake, &intake->placed,
	           intake->is_stopping ? intake->give_up_at_ms
	                               : clock_monotonic_ms() + conf_number(CONF_POLL_INTERVAL));
}

/* Called with the lock. When the ledger is away, the next process goes on. */
static bool is_indexer_over(const struct intake *intake, const struct seen *seen, bool ok, size_t count)
{
	if (!intake->is_stopping)
		return false;
	return !ok || (seen->has_placer_ended && count == 0) || clock_monotonic_ms() >= intake->give_up_at_ms;
}

void *intake_indexer(void *context)
{
	struct intake *intake = context;
	int64_t wait_ms = 0;
	bool is_over = false;
	struct err err;

	while (!is_over) {
		struct seen seen = look(intake);
		size_t count = 0;
		bool ok = index_batch(intake, &count, &err);

		/* Said once, where the absence begins; lib/db says by itself that the ledger is away or back. */
		if (!ok && wait_ms == 0)
			log_err(LOG_LEDGER_FAILED, &err, "queue=intake");
		atomic_store(&intake->is_behind, !ok);
		wait_ms = ok ? 0 : next_wait(wait_ms);
		pthread_mutex_lock(&intake->lock);
		is_over = is_indexer_over(intake, &seen, ok, count);
		if (!is_over && !ok)
			back_off(intake, &intake->placed, wait_ms);
		else if (!is_over)
			wait_for_lines(intake, &seen, count);
		pthread_mutex_unlock(&intake->lock);
	}
	return NULL;
}
