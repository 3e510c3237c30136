/* Whether a DICOM node holds what it acknowledged: storage commitment where it offers that, else a query for the instances. */
#include <stdlib.h>
#include <string.h>

#include "lib/base/clock.h"
#include "lib/base/log.h"
#include "lib/dicom/normalized.h"
#include "lib/domain/delivery.h"
#include "lib/domain/delivery_commitment.h"
#include "lib/domain/destination_settings.h"
#include "lib/transport/dicom_parts.h"

enum {
	WAIT_MS = 5000,              /* for a report while somebody waits; a later one finds the ledger */
	LOOK_MS = 250,               /* it may also come on an association that the peer opens */
	PATIENCE_MS = 10 * 60 * 1000 /* then a commitment is asked anew, or the query must do */
};

static const struct dicom_proposal proposals[] = {
    {DICOM_COMMITMENT_CLASS, DICOM_EXPLICIT}, {DICOM_COMMITMENT_CLASS, DICOM_IMPLICIT},
    {DICOM_STUDY_ROOT_FIND, DICOM_EXPLICIT},  {DICOM_STUDY_ROOT_FIND, DICOM_IMPLICIT},
    {DICOM_VERIFICATION, DICOM_IMPLICIT},
};

struct proof {
	const struct transport_call *call;
	struct transport_verdict *verdict;
	struct dicom_scu *scu;
	struct delivery_commitment asked; /* before */
};

static bool takes(const struct dicom_scu *scu, const char *class)
{
	return dicom_scu_accepts(scu, class, DICOM_EXPLICIT) || dicom_scu_accepts(scu, class, DICOM_IMPLICIT);
}

/* ---- commitment -------------------------------------------------------------------------------------------------------- */

static bool read_verdict(struct proof *proof, const char *transaction_uid, struct err *err)
{
	const struct transport_call *call = proof->call;

	if (!delivery_commitment_read(call->pool, transaction_uid, call->job, proof->verdict->is_held,
	                              &proof->verdict->held, err))
		return false;
	proof->verdict->proof = TRANSPORT_PROOF_COMMITMENT;
	return true;
}

/* What is heard here is written down as if it had come to the receiver. */
static bool hear_report(struct proof *proof, int64_t wait_ms, bool *out_is_there, struct err *err)
{
	const struct transport_call *call = proof->call;
	struct dicom_commitment_told told = {0};
	bool came, ok;

	*out_is_there = false;
	if (!dicom_scu_await_commitment(proof->scu, wait_ms, &came, &told, err))
		return false;
	if (!came)
		return true;
	ok = delivery_commitment_answer(call->pool, call->to->ae_title, &told, err);
	dicom_commitment_told_fini(&told);
	*out_is_there = ok;
	return ok || err->kind == ERR_NOT_FOUND;
}

static bool is_answered(struct proof *proof, const char *transaction_uid, bool *out, struct err *err)
{
	const struct transport_call *call = proof->call;
	struct delivery_commitment latest;

	if (!delivery_commitment_latest(call->pool, call->job->id, &latest, err))
		return false;
	*out = latest.state == DELIVERY_COMMITMENT_ANSWERED && strcmp(latest.transaction_uid, transaction_uid) == 0;
	return true;
}

/* On this association while it stands, and in the ledger. */
static bool await_report(struct proof *proof, const char *transaction_uid, struct err *err)
{
	int64_t until_ms = clock_monotonic_ms() + WAIT_MS;
	bool is_there = false, is_open = true;

	while (!is_there && is_open && clock_monotonic_ms() < until_ms) {
		bool heard;

		is_open = hear_report(proof, LOOK_MS, &heard, err);
		if (!is_answered(proof, transaction_uid, &is_there, err))
			return false;
	}
	return is_there ? read_verdict(proof, transaction_uid, err)
	                : err_set(err, ERR_UNKNOWN_OUTCOME,
	                          "could not prove it yet: %s was asked for a commitment and has "
	                          "not reported",
	                          proof->call->to->ae_title);
}

static bool ask(struct proof *proof, const char *transaction_uid, struct err *err)
{
	const struct transport_call *call = proof->call;
	const struct delivery_job *job = call->job;
	struct dicom_reference_pair *pairs = calloc(job->item_count + 1, sizeof *pairs);
	bool ok;

	if (!pairs)
		err_panic("out of memory");
	for (size_t i = 0; i < job->item_count; i++) {
		text_copy(pairs[i].sop_class_uid, sizeof pairs[i].sop_class_uid, job->items[i].sop_class_uid);
		text_copy(pairs[i].sop_instance_uid, sizeof pairs[i].sop_instance_uid, job->items[i].sop_instance_uid);
	}
	ok = delivery_commitment_ask(call->pool, job->id, transaction_uid, call->to->calling_ae, call->to->ae_title,
	                             err) &&
	     dicom_scu_ask_commitment(proof->scu, transaction_uid, pairs, job->item_count, err);
	free(pairs);
	return ok;
}

static bool prove_by_commitment(struct proof *proof, struct err *err)
{
	char transaction_uid[TEXT_UID_SIZE];

	text_uid_new(transaction_uid);
	return ask(proof, transaction_uid, err) && await_report(proof, transaction_uid, err);
}

/* ---- query --------------------------------------------------------------------------------------------------------------- */

struct place {
	const char *sop_instance_uid;
	size_t index; /* of job->items */
	bool is_asked;
};

struct query {
	struct proof *proof;
	struct place *places; /* of every item, by UID */
	char series_uid[TEXT_UID_SIZE];
	bool ok;
	struct err *err;
};

static int compare_places(const void *a, const void *b)
{
	return strcmp(((const struct place *)a)->sop_instance_uid, ((const struct place *)b)->sop_instance_uid);
}

static struct place *find_place(struct query *query, const char *sop_instance_uid)
{
	struct place key = {.sop_instance_uid = sop_instance_uid};

	return bsearch(&key, query->places, query->proof->call->job->item_count, sizeof key, compare_places);
}

static void on_found(void *context, const char *sop_instance_uid)
{
	struct query *query = context;
	const struct place *place = find_place(query, sop_instance_uid);

	if (place)
		query->proof->verdict->is_held[place->index] = true;
}

/* Series by series, as they come. */
static bool on_place(void *context, const char *sop_instance_uid, const char *study_uid, const char *series_uid)
{
	struct query *query = context;
	struct place *place = find_place(query, sop_instance_uid);

	if (place)
		place->is_asked = true;
	if (strcmp(query->series_uid, series_uid) == 0)
		return true;
	text_copy(query->series_uid, sizeof query->series_uid, series_uid);
	query->ok = dicom_scu_find_instances(query->proof->scu, study_uid, series_uid, on_found, query, query->err);
	return query->ok;
}

static void list_places(struct query *query)
{
	const struct delivery_job *job = query->proof->call->job;

	query->places = calloc(job->item_count + 1, sizeof *query->places);
	if (!query->places)
		err_panic("out of memory");
	for (size_t i = 0; i < job->item_count; i++)
		query->places[i] = (struct place){job->items[i].sop_instance_uid, i, false};
	qsort(query->places, job->item_count, sizeof *query->places, compare_places);
}

/* What belongs to no study can be asked for by nobody: there the answer counts. */
static void sum_up(const struct query *query)
{
	const struct delivery_job *job = query->proof->call->job;
	struct transport_verdict *verdict = query->proof->verdict;

	verdict->held = 0;
	for (size_t i = 0; i < job->item_count; i++) {
		const struct place *place = &query->places[i];

		if (!place->is_asked)
			verdict->is_held[place->index] = job->items[place->index].state == DELIVERY_ITEM_CONFIRMED;
		verdict->held += verdict->is_held[place->index];
	}
	verdict->proof = TRANSPORT_PROOF_QUERY;
}

static bool prove_by_query(struct proof *proof, struct err *err)
{
	struct query query = {.proof = proof, .ok = true, .err = err};
	bool ok;

	list_places(&query);
	ok = delivery_places(proof->call->pool, proof->call->job->id, on_place, &query, err) && query.ok;
	if (ok)
		sum_up(&query);
	free(query.places);
	return ok;
}

/* ---- what the peer speaks ------------------------------------------------------------------------------------------------- */

static bool may_commit(const struct proof *proof)
{
	enum destination_proof wanted = proof->call->to->proof;
	/* Who was asked and has not reported is not asked twice where a query will do. */
	bool is_late = proof->asked.state == DELIVERY_COMMITMENT_OPEN;

	return (wanted == DESTINATION_PROOF_COMMITMENT || (wanted == DESTINATION_PROOF_AUTO && !is_late)) &&
	       proof->call->job->item_count <= DICOM_REFERENCES_MAX && takes(proof->scu, DICOM_COMMITMENT_CLASS);
}

static bool may_query(const struct proof *proof)
{
	return proof->call->to->proof != DESTINATION_PROOF_COMMITMENT && takes(proof->scu, DICOM_STUDY_ROOT_FIND);
}

static bool prove(struct proof *proof, struct err *err)
{
	bool has_query = may_query(proof);

	if (may_commit(proof)) {
		if (prove_by_commitment(proof, err))
			return true;
		if (err->kind != ERR_REFUSED || !has_query || !dicom_scu_is_open(proof->scu))
			return false;
		log_err(LOG_DELIVERY_ATTEMPT, err, "delivery=%s step=commitment", proof->call->job->id);
	}
	return has_query ? prove_by_query(proof, err)
	                 : err_set(err, ERR_REFUSED,
	                           "cannot ask %s what it holds: it offers neither storage commitment "
	                           "nor a query as this destination wants it",
	                           proof->call->to->ae_title);
}

static bool ask_peer(struct proof *proof, struct err *err)
{
	struct dicom_destination to = dicom_destination_of(proof->call->to);
	bool ok;

	if (!dicom_scu_open(&to, proposals, sizeof proposals / sizeof proposals[0], &proof->scu, NULL, err)) {
		/* That it lets nobody in says nothing about what it holds. */
		if (err->kind == ERR_REFUSED)
			err->kind = ERR_TEMPORARY;
		return false;
	}
	ok = prove(proof, err);
	dicom_scu_close(proof->scu);
	return ok;
}

bool dicom_verify_objects(const struct transport_call *call, struct transport_verdict *verdict, struct err *err)
{
	struct proof proof = {.call = call, .verdict = verdict};

	verdict->proof = TRANSPORT_PROOF_NONE;
	verdict->held = 0;
	memset(verdict->is_held, 0, call->job->item_count * sizeof *verdict->is_held);
	if (call->to->proof == DESTINATION_PROOF_ANSWERS)
		return err_set(err, ERR_REFUSED, "cannot ask %s what it holds: its answers are to do",
		               call->to->ae_title);
	if (call->to->proof != DESTINATION_PROOF_QUERY &&
	    !delivery_commitment_latest(call->pool, call->job->id, &proof.asked, err))
		return false;
	if (proof.asked.state == DELIVERY_COMMITMENT_ANSWERED)
		return read_verdict(&proof, proof.asked.transaction_uid, err);
	if (proof.asked.state == DELIVERY_COMMITMENT_OPEN && proof.asked.age_ms < PATIENCE_MS)
		return err_set(err, ERR_UNKNOWN_OUTCOME,
		               "could not prove it yet: %s was asked for a commitment and has not reported",
		               call->to->ae_title);
	return ask_peer(&proof, err);
}
