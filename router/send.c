/* One delivery, from its claim to its settlement. */
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/base/clock.h"
#include "lib/base/daemon.h"
#include "lib/base/file.h"
#include "lib/base/log.h"
#include "lib/db/db.h"
#include "lib/dicom/dicom.h"
#include "lib/domain/destination_settings.h"
#include "lib/transport/transport.h"
#include "router/attempt.h"
#include "router/router.h"

enum { SETTLE_RETRY_MS = 1000 };

static void note(struct attempt *attempt, const char *reason)
{
	if (!attempt->reason[0])
		text_copy(attempt->reason, sizeof(attempt->reason), reason);
}

struct delivery_past attempt_past(const struct attempt *attempt)
{
	struct delivery_past past = {.failures = attempt->job->failures,
	                             .proof_rounds = attempt->job->proof_rounds,
	                             .is_overdue = attempt->job->is_overdue,
	                             .backoff_min_ms = attempt->to->backoff_min_ms,
	                             .backoff_max_ms = attempt->to->backoff_max_ms};

	text_random(&past.random, sizeof(past.random));
	return past;
}

struct delivery_tally attempt_tally(const struct attempt *attempt)
{
	struct delivery_tally sum = {0};
	size_t i;

	for (i = 0; i < attempt->job->item_count; i++)
		delivery_tally_add(&sum, attempt->job->items[i].state);
	return sum;
}

bool attempt_wants_proof(const struct attempt *attempt)
{
	return attempt->transport->verify && attempt->to->proof != DESTINATION_PROOF_ANSWERS;
}

void attempt_settle(const struct attempt *attempt, const struct delivery_outcome *outcome)
{
	const struct delivery_job *job = attempt->job;
	struct delivery_tally sum = attempt_tally(attempt);
	char reason[300];
	struct err err;

	transport_own_words(outcome->reason, reason, sizeof(reason));
	log_info(LOG_DELIVERY_ATTEMPT,
	         "delivery=%s destination=%s rank=%d event=%s confirmed=%d objects=%zu elapsed_ms=%lld reason=%s",
	         job->id, job->destination_id, job->rank,
	         outcome->is_put_off ? "put_off" : delivery_event_name(outcome->event), sum.confirmed, job->item_count,
	         (long long)(clock_monotonic_ms() - attempt->stay.started_ms), reason);
	while (!delivery_settle(attempt->router->pool, job, outcome, &err)) {
		if (!err_kind_info(err.kind)->retry && err.kind != ERR_UNKNOWN_OUTCOME) {
			log_err(LOG_DELIVERY_STATE, &err, "delivery=%s event=%s", job->id,
			        delivery_event_name(outcome->event));
			return;
		}
		if (!daemon_sleep(SETTLE_RETRY_MS))
			return;
	}
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

static void count_item(struct attempt *attempt, enum dicom_sent sent, enum delivery_item_state state)
{
	bool is_answer = sent == DICOM_SENT_ANSWERED || sent == DICOM_SENT_NO_CONTEXT;

	attempt->answers += is_answer;
	attempt->stay.has_answer |= is_answer;
	attempt->put_off += state == DELIVERY_ITEM_PENDING;
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
	count_item(attempt, sent, state);
	if (state != DELIVERY_ITEM_CONFIRMED)
		note_item(attempt, sent, dimse_status, comment);
	if (!delivery_item_settle(attempt->router->pool, attempt->job, item, state,
	                          sent == DICOM_SENT_ANSWERED ? dimse_status : -1, comment, &err)) {
		log_err(LOG_LEDGER_FAILED, &err, "step=settle_item delivery=%s", attempt->job->id);
		note(attempt, "the ledger was away");
		attempt->stop = DELIVERY_STOP_OVERTAKEN;
		return false;
	}
	file_kill_point("delivery_item_settled");
	return attempt->stop == DELIVERY_STOP_NOT;
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

static bool is_stopped(struct attempt *attempt, struct lane_stay *stay)
{
	bool is;

	pthread_mutex_lock(&attempt->lock);
	is = attempt->stop != DELIVERY_STOP_NOT;
	*stay = attempt->stay;
	pthread_mutex_unlock(&attempt->lock);
	return is;
}

static void stop(struct attempt *attempt, enum lane_word word)
{
	pthread_mutex_lock(&attempt->lock);
	if (attempt->stop == DELIVERY_STOP_NOT)
		attempt->stop = word == LANE_TURN ? DELIVERY_STOP_TURN : DELIVERY_STOP_OVERTAKEN;
	note(attempt, daemon_stopping() ? "the router was stopped" : "others went first");
	pthread_mutex_unlock(&attempt->lock);
}

static bool on_go_on(void *context, uint64_t size_bytes)
{
	struct attempt *attempt = context;
	struct lane_stay stay;
	enum lane_word word;

	if (is_stopped(attempt, &stay))
		return false;
	word = lane_wait(attempt->lane, &stay, size_bytes);
	if (word == LANE_GO)
		return true;
	stop(attempt, word);
	return false;
}

/* ---- sending ------------------------------------------------------------------------------------------------------------------ */

static bool send_all(struct attempt *attempt, struct err *err)
{
	struct transport_call call = {.pool = attempt->router->pool,
	                              .store = attempt->router->store,
	                              .job = attempt->job,
	                              .to = attempt->to,
	                              .go_on = on_go_on,
	                              .item_done = on_item_done,
	                              .context = attempt,
	                              .wait_ms = &attempt->asked_ms};

	file_kill_point("delivery_claimed");
	return attempt->transport->send(&call, err);
}

static void send_document(struct attempt *attempt)
{
	struct delivery_past past = attempt_past(attempt);
	struct delivery_outcome outcome;
	struct err err = {.kind = ERR_NONE};
	bool ok = send_all(attempt, &err);

	delivery_conclude_document(ok, err.kind, &past, &outcome);
	outcome.asked_ms = attempt->asked_ms;
	if (outcome.event == DELIVERY_EVENT_YIELD && attempt->stop == DELIVERY_STOP_TURN)
		outcome.next = DELIVERY_NEXT_TURN;
	if (!ok)
		text_copy(outcome.reason, sizeof(outcome.reason), err.text);
	attempt_settle(attempt, &outcome);
}

static bool is_document(const struct attempt *attempt)
{
	return strcmp(attempt->transport->protocol, "dicom") != 0 && strcmp(attempt->transport->protocol, "stow") != 0;
}

static void send_objects(struct attempt *attempt)
{
	struct delivery_try try = {.before = attempt_tally(attempt), .wants_proof = attempt_wants_proof(attempt)};
	struct delivery_past past = attempt_past(attempt);
	struct delivery_outcome outcome;
	struct err err = {.kind = ERR_NONE};

	if (attempt->job->item_count == 0)
		note(attempt, "there is nothing in it to send");
	else if (try.before.pending > 0 && !send_all(attempt, &err) && err.kind != ERR_CANCELLED) {
		try.is_broken = true;
		note(attempt, err.text);
	}
	try.after = attempt_tally(attempt);
	try.answers = attempt->answers;
	try.put_off = attempt->put_off;
	try.stop = attempt->stop;
	delivery_conclude(&try, &past, &outcome);
	outcome.asked_ms = attempt->asked_ms;
	if (outcome.event != DELIVERY_EVENT_CONFIRM && outcome.event != DELIVERY_EVENT_PROVE)
		text_copy(outcome.reason, sizeof(outcome.reason), attempt->reason);
	attempt_settle(attempt, &outcome);
}

/* What is not known of objects that were lost is asked before (prove.c); here they are to be sent. */
static void prepare_items(struct delivery_job *job)
{
	size_t i;

	for (i = 0; i < job->item_count; i++)
		if (job->items[i].state == DELIVERY_ITEM_UNKNOWN)
			job->items[i].state = DELIVERY_ITEM_PENDING;
}

/* ---- the delivery --------------------------------------------------------------------------------------------------------------- */

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
	attempt->stay.rate = attempt->to->rate_bytes_per_s;
	attempt->transport = transport_find(attempt->to->protocol);
	return attempt->transport ||
	       err_set(err, ERR_INVALID, "cannot send by %s: this program does not know it", attempt->to->protocol);
}

/*
 * What cannot be read of the destination now may be readable later: a key file that comes back, a program that knows the protocol. It rests, and what
 * waits for it keeps its place.
 */
static void keep_waiting(struct attempt *attempt, const struct err *err)
{
	struct delivery_outcome outcome = {.event = DELIVERY_EVENT_FAIL,
	                                   .is_put_off = attempt->job->state == DELIVERY_VERIFYING,
	                                   .failures = attempt->job->failures,
	                                   .proof_rounds = attempt->job->proof_rounds,
	                                   .is_broken = true,
	                                   .next = DELIVERY_NEXT_WAY};

	log_err(LOG_DELIVERY_ATTEMPT, err, "delivery=%s step=settings", attempt->job->id);
	text_copy(outcome.reason, sizeof(outcome.reason), err->text);
	attempt_settle(attempt, &outcome);
}

static void work(struct attempt *attempt)
{
	if (attempt->job->state == DELIVERY_VERIFYING) {
		prove_job(attempt);
	} else if (is_document(attempt)) {
		send_document(attempt);
	} else {
		prepare_items(attempt->job);
		send_objects(attempt);
	}
}

void send_job(struct router *router, struct delivery_job *job, struct lane *lane)
{
	struct attempt attempt = {.router = router,
	                          .job = job,
	                          .lane = lane,
	                          .stay = {.rank = job->rank, .started_ms = clock_monotonic_ms()}};
	struct err err;

	pthread_mutex_init(&attempt.lock, NULL);
	if (load_settings(&attempt, &err))
		work(&attempt);
	else
		keep_waiting(&attempt, &err);
	destination_settings_free(attempt.to);
	pthread_mutex_destroy(&attempt.lock);
}
