#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "lib/base/clock.h"
#include "lib/base/conf.h"
#include "lib/base/daemon.h"
#include "lib/base/file.h"
#include "lib/base/log.h"
#include "lib/dicom/dicom.h"
#include "lib/domain/delivery.h"
#include "lib/store/store.h"
#include "router/router.h"

enum {
	CHUNK = 64, /* objects open at once: one association each */
	SETTLE_RETRY_MS = 1000,
	PATH_SIZE = 32
};

/* One try, as it goes. */
struct attempt {
	struct router *router;
	struct delivery_job *job;
	size_t index[CHUNK]; /* of the chunk's items in the job */
	int fds[CHUNK];
	char paths[CHUNK][PATH_SIZE];
	struct dicom_send_item items[CHUNK];
	size_t count;
	bool is_rejected, is_stopped;
	char reason[300]; /* the first thing that went wrong */
};

static void note(struct attempt *attempt, const char *reason)
{
	if (!attempt->reason[0])
		text_copy(attempt->reason, sizeof(attempt->reason), reason);
}

static int64_t backoff_ms(const struct delivery_job *job)
{
	uint32_t random;

	text_random(&random, sizeof(random));
	return delivery_backoff_ms(job->attempts, conf_number(CONF_DELIVERY_BACKOFF_MIN),
	                           conf_number(CONF_DELIVERY_BACKOFF_MAX), random);
}

static struct dicom_destination destination_of(const struct delivery_job *job)
{
	struct dicom_destination destination = {.calling_ae = conf_text(CONF_AE_TITLE),
	                                        .called_ae = job->ae_title,
	                                        .host = job->host,
	                                        .port = job->port,
	                                        .timeout_ms = conf_number(CONF_DIMSE_TIMEOUT)};

	return destination;
}

/* ---- one chunk ---------------------------------------------------------------------------------------------------------------- */

/* An object that cannot be read here is our fault, not the peer's: the others go, this one waits. */
static void add_item(struct attempt *attempt, size_t index)
{
	const struct delivery_item *item = &attempt->job->items[index];
	size_t at = attempt->count;
	uint64_t size;
	struct err err;

	if (!store_open_object(attempt->router->store, item->object_key, &attempt->fds[at], &size, &err)) {
		log_err(LOG_DELIVERY_ATTEMPT, &err, "delivery=%s sop=%s", attempt->job->id, item->sop_instance_uid);
		note(attempt, "an object could not be read from the store");
		return;
	}
	snprintf(attempt->paths[at], PATH_SIZE, "/dev/fd/%d", attempt->fds[at]);
	attempt->items[at] = (struct dicom_send_item){.path = attempt->paths[at],
	                                              .sop_class_uid = item->sop_class_uid,
	                                              .sop_instance_uid = item->sop_instance_uid,
	                                              .transfer_syntax_uid = item->transfer_syntax_uid};
	attempt->index[at] = index;
	attempt->count++;
}

static void note_item(struct attempt *attempt, enum dicom_sent sent, uint16_t status, const char *comment)
{
	char text[200];

	switch (sent) {
	case DICOM_SENT_ANSWERED:
		snprintf(text, sizeof(text), "the peer answered %04X%s%.100s", status, comment && *comment ? ": " : "",
		         comment ? comment : "");
		break;
	case DICOM_SENT_NO_CONTEXT:
		snprintf(text, sizeof(text), "the peer does not accept this kind of object");
		break;
	case DICOM_SENT_UNREADABLE:
		snprintf(text, sizeof(text), "an object could not be read from the store");
		break;
	default:
		snprintf(text, sizeof(text), "the peer did not answer");
		break;
	}
	note(attempt, text);
}

/* False ends the association: what the ledger could not note must not be followed by more of the kind. */
static bool on_sent(void *context, size_t index, enum dicom_sent sent, uint16_t dimse_status, const char *comment)
{
	struct attempt *attempt = context;
	struct delivery_item *item = &attempt->job->items[attempt->index[index]];
	enum delivery_item_state state = delivery_item_judge(sent, dimse_status);
	struct err err;

	file_kill_point("delivery_item_sent");
	item->state = state;
	if (state != DELIVERY_ITEM_CONFIRMED)
		note_item(attempt, sent, dimse_status, comment);
	if (!delivery_item_settle(attempt->router->pool, attempt->job, item, state,
	                          sent == DICOM_SENT_ANSWERED ? dimse_status : -1, comment, &err)) {
		log_err(LOG_LEDGER_FAILED, &err, "step=settle_item delivery=%s", attempt->job->id);
		note(attempt, "the ledger was away");
		return false;
	}
	file_kill_point("delivery_item_settled");
	attempt->is_stopped = daemon_stopping();
	return !attempt->is_stopped;
}

static bool send_chunk(struct attempt *attempt)
{
	struct dicom_destination destination = destination_of(attempt->job);
	struct err err;
	size_t i;
	bool ok;

	if (attempt->count == 0)
		return true;
	ok = dicom_send(&destination, attempt->items, attempt->count, on_sent, attempt, &err);
	if (!ok) {
		attempt->is_rejected = err.kind == ERR_REFUSED;
		note(attempt, err.text);
	}
	for (i = 0; i < attempt->count; i++)
		close(attempt->fds[i]);
	attempt->count = 0;
	return ok && !attempt->is_stopped;
}

static void send_items(struct attempt *attempt)
{
	struct delivery_job *job = attempt->job;
	size_t i;

	for (i = 0; i < job->item_count; i++) {
		if (job->items[i].state == DELIVERY_ITEM_CONFIRMED)
			continue;
		/* Also what was refused before somebody requeued it, and what had no answer. */
		job->items[i].state = DELIVERY_ITEM_PENDING;
		add_item(attempt, i);
		if (attempt->count == CHUNK && !send_chunk(attempt))
			return;
	}
	send_chunk(attempt);
}

/* ---- the delivery --------------------------------------------------------------------------------------------------------------- */

static struct delivery_tally tally(const struct delivery_job *job)
{
	struct delivery_tally sum = {0};
	size_t i;

	for (i = 0; i < job->item_count; i++)
		delivery_tally_add(&sum, job->items[i].state);
	return sum;
}

/* The peer has what it has: the ledger must hear of it, however long it is away. If we end before, the lease brings it up again. */
static void settle(struct router *router, const struct delivery_job *job, enum delivery_event event, int64_t next_in_ms,
                   const char *reason)
{
	struct err err;

	while (!delivery_settle(router->pool, job, event, next_in_ms, reason, &err)) {
		if (!err_kind_info(err.kind)->retry && err.kind != ERR_UNKNOWN_OUTCOME) {
			log_err(LOG_DELIVERY_STATE, &err, "delivery=%s event=%s", job->id, delivery_event_name(event));
			return;
		}
		if (!daemon_sleep(SETTLE_RETRY_MS))
			return;
	}
}

static void send_now(struct router *router, struct delivery_job *job)
{
	struct attempt *attempt = calloc(1, sizeof(*attempt));
	int64_t started_ms = clock_monotonic_ms();
	enum delivery_event event;
	struct delivery_tally sum;

	if (!attempt)
		err_panic("out of memory");
	attempt->router = router;
	attempt->job = job;
	file_kill_point("delivery_claimed");
	send_items(attempt);
	sum = tally(job);
	if (attempt->is_stopped)
		note(attempt, "the router was stopped");
	event = job->item_count == 0 ? DELIVERY_EVENT_REFUSE : delivery_judge(&sum, attempt->is_rejected);
	log_info(LOG_DELIVERY_ATTEMPT,
	         "delivery=%s destination=%s event=%s confirmed=%d objects=%zu elapsed_ms=%lld reason=%s", job->id,
	         job->destination_id, delivery_event_name(event), sum.confirmed, job->item_count,
	         (long long)(clock_monotonic_ms() - started_ms), attempt->reason);
	settle(router, job, event,
	       attempt->is_stopped            ? 0
	       : event == DELIVERY_EVENT_FAIL ? backoff_ms(job)
	                                      : 0,
	       event == DELIVERY_EVENT_CONFIRM ? ""
	       : job->item_count == 0          ? "there is nothing in it to send"
	                                       : attempt->reason);
	free(attempt);
}

/*
 * An outcome is unknown. Where the ledger has every object confirmed, only the last word was lost. Else the peer is asked whether it is
 * there; a peer that only takes C-STORE cannot be asked what it holds, and takes the same object twice without harm (PS3.4
 * section B.2: same instance, same UID), so it is sent again.
 */
static void verify(struct router *router, const struct delivery_job *job)
{
	struct dicom_destination destination = destination_of(job);
	struct delivery_tally sum = tally(job);
	struct err err;

	if (sum.confirmed > 0 && (size_t)sum.confirmed == job->item_count)
		settle(router, job, DELIVERY_EVENT_CONFIRM, 0, "");
	else if (job->is_overdue)
		settle(router, job, DELIVERY_EVENT_FAIL, 0, "the outcome is unknown and the deadline has passed");
	else if (dicom_echo(&destination, NULL, &err) || err.kind == ERR_REFUSED)
		settle(router, job, DELIVERY_EVENT_FAIL, 0, "the outcome was unknown: it is sent again");
	else if (!delivery_put_off(router->pool, job, backoff_ms(job), err.text, &err))
		log_err(LOG_DELIVERY_STATE, &err, "delivery=%s step=%s", job->id, "put_off");
}

void send_job(struct router *router, struct delivery_job *job)
{
	if (job->state == DELIVERY_VERIFYING)
		verify(router, job);
	else
		send_now(router, job);
}
