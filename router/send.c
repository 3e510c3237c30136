#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/base/clock.h"
#include "lib/base/conf.h"
#include "lib/base/daemon.h"
#include "lib/base/file.h"
#include "lib/base/log.h"
#include "lib/db/db.h"
#include "lib/dicom/dicom.h"
#include "lib/domain/delivery.h"
#include "lib/domain/destination_settings.h"
#include "lib/transport/transport.h"
#include "router/router.h"

enum { SETTLE_RETRY_MS = 1000 };

/* One try, as it goes. */
struct attempt {
	struct router *router;
	struct delivery_job *job;
	struct destination_settings *to;
	const struct transport *transport;
	pthread_mutex_t lock; /* of the items' states and what follows: transports report from threads of their own */
	bool is_rejected, is_stopped;
	char reason[300]; /* the first thing that went wrong */
	int64_t wait_ms;  /* as the peer asked, 0: it did not */
};

static void note(struct attempt *attempt, const char *reason)
{
	if (!attempt->reason[0])
		text_copy(attempt->reason, sizeof(attempt->reason), reason);
}

/* Never sooner than the peer asked for. */
static int64_t next_in_ms(const struct attempt *attempt, int64_t backoff_ms)
{
	return attempt->wait_ms > backoff_ms ? attempt->wait_ms : backoff_ms;
}

static int64_t backoff_ms(const struct delivery_job *job)
{
	uint32_t random;

	text_random(&random, sizeof(random));
	return delivery_backoff_ms(job->attempts, conf_number(CONF_DELIVERY_BACKOFF_MIN),
	                           conf_number(CONF_DELIVERY_BACKOFF_MAX), random);
}

/* ---- what the transport tells -------------------------------------------------------------------------------------------------- */

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

/* False ends the sending: what the ledger could not note must not be followed by more of the kind. */
static bool note_sent(struct attempt *attempt, size_t index, enum dicom_sent sent, uint16_t dimse_status,
                      const char *comment)
{
	struct delivery_item *item = &attempt->job->items[index];
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

static bool on_item_done(void *context, size_t index, enum dicom_sent sent, uint16_t dimse_status, const char *comment)
{
	struct attempt *attempt = context;
	bool go_on;

	pthread_mutex_lock(&attempt->lock);
	go_on = note_sent(attempt, index, sent, dimse_status, comment);
	pthread_mutex_unlock(&attempt->lock);
	return go_on;
}

static bool on_go_on(void *context, uint64_t size_bytes)
{
	(void)context;
	(void)size_bytes;
	return !daemon_stopping();
}

static struct transport_call call_of(struct attempt *attempt)
{
	struct transport_call call = {.pool = attempt->router->pool,
	                              .store = attempt->router->store,
	                              .job = attempt->job,
	                              .to = attempt->to,
	                              .go_on = on_go_on,
	                              .item_done = on_item_done,
	                              .context = attempt,
	                              .wait_ms = &attempt->wait_ms};

	return call;
}

static void send_items(struct attempt *attempt)
{
	struct transport_call call = call_of(attempt);
	struct delivery_job *job = attempt->job;
	struct err err;
	size_t i;

	/* Also what was refused before somebody requeued it, and what had no answer. */
	for (i = 0; i < job->item_count; i++)
		if (job->items[i].state != DELIVERY_ITEM_CONFIRMED)
			job->items[i].state = DELIVERY_ITEM_PENDING;
	if (attempt->transport->send(&call, &err))
		return;
	attempt->is_rejected = err.kind == ERR_REFUSED;
	note(attempt, err.text);
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

/* ---- a document ------------------------------------------------------------------------------------------------------------------ */

/* What send() says is the outcome of all of it (transport.h). */
static enum delivery_event judge_document(bool ok, const struct err *err)
{
	if (ok)
		return DELIVERY_EVENT_CONFIRM;
	switch (err->kind) {
	case ERR_REFUSED:
	case ERR_INVALID:
		return DELIVERY_EVENT_REFUSE;
	case ERR_UNKNOWN_OUTCOME:
		return DELIVERY_EVENT_LOSE;
	default:
		return DELIVERY_EVENT_FAIL;
	}
}

static void send_document(struct attempt *attempt)
{
	struct transport_call call = call_of(attempt);
	struct delivery_job *job = attempt->job;
	int64_t started_ms = clock_monotonic_ms();
	enum delivery_event event;
	struct err err = {0};
	char reason[300];

	file_kill_point("delivery_claimed");
	event = judge_document(attempt->transport->send(&call, &err), &err);
	file_kill_point("delivery_item_sent");
	transport_own_words(err.text, reason, sizeof(reason));
	log_info(LOG_DELIVERY_ATTEMPT, "delivery=%s destination=%s event=%s elapsed_ms=%lld reason=%s", job->id,
	         job->destination_id, delivery_event_name(event), (long long)(clock_monotonic_ms() - started_ms),
	         reason);
	settle(attempt->router, job, event,
	       event == DELIVERY_EVENT_FAIL && err.kind != ERR_CANCELLED ? next_in_ms(attempt, backoff_ms(job)) : 0,
	       err.text);
}

static bool is_of_documents(const struct transport *transport)
{
	return transport == &transport_hl7 || transport == &transport_fhir || transport == &transport_webhook;
}

/* ---- objects ---------------------------------------------------------------------------------------------------------------------- */

static void send_now(struct attempt *attempt)
{
	struct router *router = attempt->router;
	struct delivery_job *job = attempt->job;
	int64_t started_ms = clock_monotonic_ms();
	enum delivery_event event;
	struct delivery_tally sum;

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
	       : event == DELIVERY_EVENT_FAIL ? next_in_ms(attempt, backoff_ms(job))
	                                      : 0,
	       event == DELIVERY_EVENT_CONFIRM ? ""
	       : job->item_count == 0          ? "there is nothing in it to send"
	                                       : attempt->reason);
}

/* An outcome is unknown. Where the ledger has every object confirmed, only the last word was lost. Else the peer is asked. */
static void verify(struct attempt *attempt)
{
	struct transport_call call = call_of(attempt);
	struct router *router = attempt->router;
	const struct delivery_job *job = attempt->job;
	struct delivery_tally sum = tally(job);
	struct transport_verdict verdict = {.is_held = calloc(job->item_count + 1, sizeof(bool))};
	struct err err;

	if (!verdict.is_held)
		err_panic("out of memory");
	if (sum.confirmed > 0 && (size_t)sum.confirmed == job->item_count)
		settle(router, job, DELIVERY_EVENT_CONFIRM, 0, "");
	else if (job->is_overdue)
		settle(router, job, DELIVERY_EVENT_FAIL, 0, "the outcome is unknown and the deadline has passed");
	else if (!attempt->transport->verify || attempt->transport->verify(&call, &verdict, &err) ||
	         err.kind == ERR_REFUSED)
		settle(router, job, DELIVERY_EVENT_FAIL, 0, "the outcome was unknown: it is sent again");
	else if (!delivery_put_off(router->pool, job, backoff_ms(job), err.text, &err))
		log_err(LOG_DELIVERY_STATE, &err, "delivery=%s step=%s", job->id, "put_off");
	free(verdict.is_held);
}

static bool load_settings(struct attempt *attempt, struct err *err)
{
	struct db *db;
	bool ok;

	if (!db_take(attempt->router->pool, &db, err))
		return false;
	ok = destination_settings_load(db, attempt->job->destination_id, &attempt->to, err);
	db_give(db);
	if (!ok)
		return false;
	attempt->transport = transport_find(attempt->to->protocol);
	return attempt->transport ||
	       err_set(err, ERR_INVALID, "cannot send by %s: this program does not know it", attempt->to->protocol);
}

/* What cannot be read of the destination now may be readable later: a key file that comes back, a ledger that was away. */
static void keep_waiting(struct attempt *attempt, const struct err *err)
{
	log_err(LOG_DELIVERY_ATTEMPT, err, "delivery=%s step=settings", attempt->job->id);
	if (attempt->job->state == DELIVERY_SENDING)
		settle(attempt->router, attempt->job, DELIVERY_EVENT_FAIL, backoff_ms(attempt->job), err->text);
}

void send_job(struct router *router, struct delivery_job *job)
{
	struct attempt attempt = {.router = router, .job = job};
	struct err err;

	pthread_mutex_init(&attempt.lock, NULL);
	if (!load_settings(&attempt, &err))
		keep_waiting(&attempt, &err);
	else if (job->state == DELIVERY_VERIFYING)
		verify(&attempt);
	else if (is_of_documents(attempt.transport))
		send_document(&attempt);
	else
		send_now(&attempt);
	destination_settings_free(attempt.to);
	pthread_mutex_destroy(&attempt.lock);
}
