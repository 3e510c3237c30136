/* Several associations that take objects from one list, so that the way there and back of one answer is filled with the bytes of others. */
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "lib/base/log.h"
#include "lib/domain/delivery.h"
#include "lib/domain/destination_settings.h"
#include "lib/transport/dicom_parts.h"

enum {
	STACK_BYTES = 1024 * 1024, /* DCMTK's readers and codecs */
	BREAKS_MAX = 3 /* in a row, of all associations together: then the way is broken, not one object in it */
};

struct sending {
	const struct transport_call *call;
	struct dicom_destination to;
	struct dicom_plan plan;
	struct dicom_reports *reports;
	pthread_mutex_t lock; /* of what follows */
	size_t next;          /* of plan.items */
	int opened;           /* associations, ever */
	int left;             /* taken, and not reported */
	int breaks;           /* since the last answer */
	bool is_stopped;      /* whoever called wants no more */
	bool is_blocked;      /* the way is broken */
	struct err err;       /* the first thing that broke it */
};

/* ---- what is shared ------------------------------------------------------------------------------------------------------ */

/* False: nothing is left, or nothing more is to go. */
static bool take(struct sending *sending, size_t *out_index)
{
	bool ok;

	pthread_mutex_lock(&sending->lock);
	ok = !sending->is_stopped && !sending->is_blocked && sending->next < sending->plan.item_count;
	if (ok)
		*out_index = sending->plan.items[sending->next++];
	pthread_mutex_unlock(&sending->lock);
	return ok;
}

static bool has_more(struct sending *sending)
{
	bool ok;

	pthread_mutex_lock(&sending->lock);
	ok = !sending->is_stopped && !sending->is_blocked && sending->next < sending->plan.item_count;
	pthread_mutex_unlock(&sending->lock);
	return ok;
}

static void stop(struct sending *sending)
{
	pthread_mutex_lock(&sending->lock);
	sending->is_stopped = true;
	pthread_mutex_unlock(&sending->lock);
}

static void leave(struct sending *sending)
{
	pthread_mutex_lock(&sending->lock);
	sending->left++;
	pthread_mutex_unlock(&sending->lock);
}

static void note_error(struct sending *sending, const struct err *err)
{
	if (sending->err.kind == ERR_NONE)
		sending->err = *err;
}

/* One object among many may break its association; the others go on over a new one, unless nothing else gets through. */
static void note_break(struct sending *sending, const struct err *err)
{
	pthread_mutex_lock(&sending->lock);
	note_error(sending, err);
	sending->is_blocked |= ++sending->breaks >= BREAKS_MAX;
	pthread_mutex_unlock(&sending->lock);
}

static void note_answer(struct sending *sending)
{
	pthread_mutex_lock(&sending->lock);
	sending->breaks = 0;
	pthread_mutex_unlock(&sending->lock);
}

static void report(struct sending *sending, size_t index, enum dicom_sent sent, uint16_t status, const char *comment)
{
	dicom_reports_add(sending->reports, index, sent, status, comment);
	if (!dicom_reports_go_on(sending->reports))
		stop(sending);
}

/* ---- one association ------------------------------------------------------------------------------------------------------- */

/* A peer that takes fewer associations than we would open has the rest over those that it takes. */
static bool open_association(struct sending *sending, struct dicom_scu **scu)
{
	struct err err;

	if (*scu && dicom_scu_is_open(*scu))
		return true;
	dicom_scu_close(*scu);
	*scu = NULL;
	if (!dicom_scu_open(&sending->to, sending->plan.proposals, sending->plan.proposal_count, scu, NULL, &err)) {
		pthread_mutex_lock(&sending->lock);
		note_error(sending, &err);
		pthread_mutex_unlock(&sending->lock);
		log_err(LOG_DELIVERY_ATTEMPT, &err, "delivery=%s step=associate", sending->call->job->id);
		return false;
	}
	pthread_mutex_lock(&sending->lock);
	sending->opened++;
	pthread_mutex_unlock(&sending->lock);
	return true;
}

static void send_parcel(struct sending *sending, struct dicom_scu *scu, size_t index, const struct dicom_parcel *parcel)
{
	struct dicom_send_result result;
	struct err err;

	if (dicom_scu_store(scu, &parcel->item, &result, &err)) {
		if (result.sent == DICOM_SENT_ANSWERED)
			note_answer(sending);
		report(sending, index, result.sent, result.dimse_status, result.comment);
		return;
	}
	log_err(LOG_DELIVERY_ATTEMPT, &err, "delivery=%s sop=%s", sending->call->job->id,
	        parcel->item.sop_instance_uid);
	/* What the peer cannot have whole is still to be sent, and nobody need ask for it. */
	if (err.kind == ERR_UNKNOWN_OUTCOME)
		report(sending, index, DICOM_SENT_UNKNOWN, 0, "");
	else
		leave(sending);
	note_break(sending, &err);
}

/* False: nothing can be sent over this way any more. */
static bool send_one(struct sending *sending, struct dicom_scu **scu, size_t index)
{
	const struct transport_call *call = sending->call;
	struct dicom_parcel parcel;
	bool go_on = true, is_open = true;

	if (!dicom_parcel_open(call, index, *scu, &parcel)) {
		report(sending, index, parcel.verdict, 0, parcel.word);
	} else if (!call->go_on(call->context, parcel.size)) {
		go_on = false;
		stop(sending);
	} else if ((is_open = open_association(sending, scu))) { /* waiting may have taken long */
		send_parcel(sending, *scu, index, &parcel);
	} else {
		leave(sending);
	}
	dicom_parcel_close(&parcel);
	return go_on && is_open;
}

static void *run_association(void *context)
{
	struct sending *sending = context;
	struct dicom_scu *scu = NULL;
	size_t index;

	while (has_more(sending) && open_association(sending, &scu) && take(sending, &index))
		if (!send_one(sending, &scu, index))
			break;
	dicom_scu_close(scu);
	return NULL;
}

/* ---- all of them ------------------------------------------------------------------------------------------------------------ */

/* Two objects at least for each: what opens an association costs as much as sending a small one. */
static size_t association_count(const struct sending *sending)
{
	size_t most = (size_t)sending->call->to->connections_max, wanted = (sending->plan.item_count + 1) / 2;

	return wanted < most ? wanted : most;
}

static void run_associations(struct sending *sending)
{
	size_t count = association_count(sending), started = 0;
	pthread_t *threads = calloc(count, sizeof *threads);
	pthread_attr_t attributes;

	if (!threads)
		err_panic("out of memory");
	pthread_attr_init(&attributes);
	pthread_attr_setstacksize(&attributes, STACK_BYTES);
	/* This thread is one of them. */
	while (started + 1 < count && pthread_create(&threads[started], &attributes, run_association, sending) == 0)
		started++;
	pthread_attr_destroy(&attributes);
	run_association(sending);
	for (size_t i = 0; i < started; i++)
		pthread_join(threads[i], NULL);
	free(threads);
}

/* What the plan has no context for cannot go at all. */
static void report_all(struct sending *sending)
{
	size_t index;

	while (take(sending, &index))
		report(sending, index, DICOM_SENT_UNREADABLE, 0, "its UIDs are none");
}

static bool send_plan(struct sending *sending, struct err *err)
{
	if (sending->plan.proposal_count == 0)
		report_all(sending);
	else
		run_associations(sending);
	if (sending->is_stopped)
		return err_set(err, ERR_CANCELLED, "could not send everything: stopped");
	if (!sending->is_blocked && sending->left == 0 && sending->next == sending->plan.item_count &&
	    sending->breaks == 0)
		return true;
	*err = sending->err;
	/* Who takes one association and rejects another for good has too many, whatever reason it gives. */
	if (err->kind == ERR_REFUSED && sending->opened > 0)
		err->kind = ERR_TEMPORARY;
	return false;
}

bool dicom_send_objects(const struct transport_call *call, struct err *err)
{
	struct sending sending = {.call = call, .to = dicom_destination_of(call->to)};
	size_t at = 0;
	bool ok = true;

	sending.plan.items = calloc(call->job->item_count + 1, sizeof *sending.plan.items);
	if (!sending.plan.items)
		err_panic("out of memory");
	pthread_mutex_init(&sending.lock, NULL);
	sending.reports = dicom_reports_new(call);
	while (ok) {
		sending.next = 0;
		dicom_plan_next(call->job, call->to->wants_lossless, &at, &sending.plan);
		if (sending.plan.item_count == 0)
			break;
		ok = send_plan(&sending, err);
	}
	if (!dicom_reports_end(sending.reports) && ok)
		ok = err_set(err, ERR_CANCELLED, "could not send everything: stopped");
	pthread_mutex_destroy(&sending.lock);
	free(sending.plan.items);
	return ok;
}
