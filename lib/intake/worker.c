#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "lib/base/clock.h"
#include "lib/base/conf.h"
#include "lib/base/log.h"
#include "lib/intake/internal.h"

enum { BACKOFF_MIN_MS = 100 };

/* ---- queues ----------------------------------------------------------------------------------------------------------- */

void queue_add(struct queue *queue, const struct slot_entry *entry)
{
	if (queue->count == queue->capacity) {
		size_t capacity = queue->capacity ? 2 * queue->capacity : 256;
		struct slot_entry *entries = reallocarray(queue->entries, capacity, sizeof *entries);

		if (!entries)
			err_panic("out of memory");
		queue->entries = entries;
		queue->capacity = capacity;
	}
	queue->entries[queue->count++] = *entry;
}

bool queue_load(struct queue *queue, struct slot *slot, struct err *err)
{
	struct queue loaded = {.slot = slot};

	if (!slot_scan(slot, &loaded.entries, &loaded.count, err))
		return false;
	loaded.capacity = loaded.count;
	*queue = loaded;
	return true;
}

void queue_fini(struct queue *queue)
{
	slot_release(queue->slot);
	free(queue->entries);
	memset(queue, 0, sizeof *queue);
}

/* entries were the first count of the queue: those that are done are forgotten, the others keep their order. */
static void queue_settle(struct queue *queue, const struct slot_entry *entries, const bool *done, size_t count)
{
	size_t kept = 0;

	if (!count)
		return;
	for (size_t i = 0; i < count; i++)
		if (!done[i])
			queue->entries[kept++] = entries[i];
	memmove(&queue->entries[kept], &queue->entries[count], (queue->count - count) * sizeof *queue->entries);
	queue->count -= count - kept;
}

/* ---- waiting ---------------------------------------------------------------------------------------------------------- */

static void wait_until(struct intake *intake, int64_t at_ms)
{
	struct timespec at = {.tv_sec = at_ms / 1000, .tv_nsec = at_ms % 1000 * 1000000};

	pthread_cond_timedwait(&intake->changed, &intake->lock, &at);
}

/* Until something is to be done, we are stopping, or it is time to look for slots that nobody holds. Called with the lock. */
static void wait_for_work(struct intake *intake)
{
	int64_t until = clock_monotonic_ms() + conf_number(CONF_POLL_INTERVAL);

	while (!intake->own.count && !intake->is_stopping && clock_monotonic_ms() < until)
		wait_until(intake, until);
}

/* New objects do not shorten the wait for a ledger that is away. Called with the lock. */
static void back_off(struct intake *intake, int64_t wait_ms)
{
	int64_t until = clock_monotonic_ms() + wait_ms;

	while (!intake->is_stopping && clock_monotonic_ms() < until)
		wait_until(intake, until);
}

static int64_t next_wait(int64_t wait_ms)
{
	int64_t longest = conf_number(CONF_POLL_INTERVAL), next = wait_ms ? 2 * wait_ms : BACKOFF_MIN_MS;

	return next < longest ? next : longest;
}

/* ---- the thread ------------------------------------------------------------------------------------------------------- */

/* One batch from the front of a queue. own is shared with those who commit, so it is copied under the lock. */
static bool run_queue(struct intake *intake, struct queue *queue, struct err *err)
{
	size_t batch = (size_t)conf_number(CONF_INDEX_BATCH), count;
	struct slot_entry *entries;
	bool *done, ok;

	pthread_mutex_lock(&intake->lock);
	count = queue->count < batch ? queue->count : batch;
	entries = malloc((count + 1) * sizeof *entries);
	done = calloc(count + 1, sizeof *done);
	if (!entries || !done)
		err_panic("out of memory");
	if (count)
		memcpy(entries, queue->entries, count * sizeof *entries);
	pthread_mutex_unlock(&intake->lock);

	ok = count == 0 || batch_run(intake, queue->slot, entries, count, done, err);

	pthread_mutex_lock(&intake->lock);
	queue_settle(queue, entries, done, count);
	pthread_mutex_unlock(&intake->lock);
	free(entries);
	free(done);
	return ok;
}

/* Slots of processes that are gone come one after the other; an emptied one is given back for others to use. */
static bool look_for_abandoned(struct intake *intake, struct err *err)
{
	struct slot *slot;

	if (intake->adopted.slot && intake->adopted.count)
		return true;
	queue_fini(&intake->adopted);
	if (!slot_adopt(&slot, err))
		return false;
	if (!slot || queue_load(&intake->adopted, slot, err))
		return true;
	slot_release(slot);
	return false;
}

static bool is_over(const struct intake *intake)
{
	if (!intake->is_stopping)
		return false;
	return !intake->own.count || clock_monotonic_ms() >= intake->give_up_at_ms;
}

void *intake_worker(void *context)
{
	struct intake *intake = context;
	int64_t wait_ms = 0;
	struct err err;

	pthread_mutex_lock(&intake->lock);
	while (!is_over(intake)) {
		bool ok, is_stopping = intake->is_stopping;

		pthread_mutex_unlock(&intake->lock);
		ok = run_queue(intake, &intake->own, &err);
		if (ok && !is_stopping)
			ok = look_for_abandoned(intake, &err) &&
			     (!intake->adopted.slot || run_queue(intake, &intake->adopted, &err));
		/* Said once, where the absence begins; lib/db says by itself that the ledger is away or back. */
		if (!ok && wait_ms == 0)
			log_err(LOG_LEDGER_FAILED, &err, "queue=intake");
		atomic_store(&intake->is_behind, !ok);
		wait_ms = ok ? 0 : next_wait(wait_ms);
		pthread_mutex_lock(&intake->lock);
		if (!ok && intake->is_stopping)
			break; /* the next process goes on */
		if (!ok)
			back_off(intake, wait_ms);
		else if (!intake->adopted.count)
			wait_for_work(intake);
	}
	pthread_mutex_unlock(&intake->lock);
	return NULL;
}
