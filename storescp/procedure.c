#include "storescp/procedure.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/base/clock.h"
#include "lib/base/log.h"
#include "lib/base/text.h"
#include "lib/dicom/normalized.h"
#include "lib/domain/commitment.h"
#include "lib/domain/mpps.h"

/* Reports that one association may wait for; those beyond it the router brings. */
enum { AWAITED_MAX = 64 };
/* The ledger is asked again after a rest that grows. */
enum { LOOK_MIN_MS = 100, LOOK_MAX_MS = 1000, LEASE_SLACK_MS = 30 * 1000 };
enum { ACTION_REQUEST_COMMITMENT = 1 };

struct procedures {
	struct service *service;
	char device[TEXT_UUID_SIZE];
	char awaited[AWAITED_MAX][TEXT_UUID_SIZE];
	size_t count;
	struct commitment_report *report; /* under way */
	int64_t linger_until_ms, next_look_ms, rest_ms;
};

struct procedures *procedures_new(struct service *service, const char *device_id)
{
	struct procedures *procedures = calloc(1, sizeof *procedures);

	if (procedures == NULL)
		err_panic("out of memory");
	procedures->service = service;
	text_copy(procedures->device, sizeof procedures->device, device_id);
	return procedures;
}

static size_t awaited_ids(const struct procedures *procedures, const char *ids[AWAITED_MAX])
{
	for (size_t i = 0; i < procedures->count; i++)
		ids[i] = procedures->awaited[i];
	return procedures->count;
}

/* Should the ledger be away, the time until which the association may take them tells the router the same. */
static void let_go(struct procedures *procedures)
{
	const char *ids[AWAITED_MAX];
	struct err err;

	if (procedures->count > 0 &&
	    !commitment_let_go(procedures->service->pool, ids, awaited_ids(procedures, ids), &err) &&
	    err.kind != ERR_TEMPORARY)
		log_err(LOG_LEDGER_FAILED, &err, "what=%s", "commitment");
	procedures->count = 0;
}

void procedures_free(struct procedures *procedures)
{
	if (procedures == NULL)
		return;
	let_go(procedures);
	free(procedures);
}

/* ---- requests ------------------------------------------------------------------------------------------------- */

static void await_report(struct procedures *procedures, const char *id)
{
	int64_t now = clock_monotonic_ms();

	procedures->linger_until_ms = now + procedures->service->linger_ms;
	procedures->rest_ms = LOOK_MIN_MS;
	procedures->next_look_ms = now;
	for (size_t i = 0; i < procedures->count; i++)
		if (strcmp(procedures->awaited[i], id) == 0)
			return;
	if (procedures->count < AWAITED_MAX)
		text_copy(procedures->awaited[procedures->count++], TEXT_UUID_SIZE, id);
}

static bool check_commitment(const struct dicom_n_request *request, struct err *err)
{
	if (request->operation != DICOM_N_ACTION)
		return dicom_refuse(err, ERR_REFUSED, DICOM_STATUS_UNRECOGNIZED_OPERATION, "N-ACTION is wanted");
	if (strcmp(request->sop_instance_uid, DICOM_COMMITMENT_INSTANCE) != 0)
		return dicom_refuse(err, ERR_NOT_FOUND, DICOM_STATUS_NO_SUCH_INSTANCE, "not the well-known instance");
	if (request->action_type != ACTION_REQUEST_COMMITMENT)
		return dicom_refuse(err, ERR_INVALID, DICOM_STATUS_NO_SUCH_ACTION, "no such action");
	return request->dataset != NULL || dicom_refuse(err, ERR_INVALID, DICOM_STATUS_INVALID_ARGUMENT, "no dataset");
}

static bool ask_commitment(struct procedures *procedures, const struct dicom_n_request *request, struct err *err)
{
	struct dicom_commitment_request list;
	struct commitment_new from = {.device_id = procedures->device,
	                              .calling_ae = request->peer->calling_ae,
	                              .called_ae = request->peer->called_ae,
	                              .address = request->peer->address,
	                              .request = &list,
	                              .linger_ms = procedures->service->linger_ms};
	char id[TEXT_UUID_SIZE];
	bool ok;

	if (!check_commitment(request, err))
		return false;
	ok = dicom_read_commitment_request(request->dataset, &list, err) &&
	     commitment_request(procedures->service->pool, &from, id, err);
	if (ok) {
		log_info(LOG_COMMITMENT, "commitment=%s event=asked device=%s named=%zu", id, procedures->device,
		         list.count);
		await_report(procedures, id);
	}
	dicom_commitment_request_fini(&list);
	return ok;
}

/* PS3.7 section 10.1.5: the instance of an N-CREATE may be left to us. */
static bool name_step(const struct dicom_n_request *request, char out_instance[DICOM_UID_SIZE], struct err *err)
{
	if (request->sop_instance_uid[0] == '\0' && request->operation == DICOM_N_CREATE) {
		text_uid_new(out_instance);
		return true;
	}
	return text_is_uid(request->sop_instance_uid) ||
	       dicom_refuse(err, ERR_INVALID, DICOM_STATUS_INVALID_ARGUMENT, "the SOP Instance UID is malformed");
}

static bool tell_step(struct procedures *procedures, const struct dicom_n_request *request,
                      char out_instance[DICOM_UID_SIZE], struct err *err)
{
	bool is_new = request->operation == DICOM_N_CREATE;
	struct dicom_mpps told;
	bool ok;

	if (request->operation == DICOM_N_ACTION)
		return dicom_refuse(err, ERR_REFUSED, DICOM_STATUS_UNRECOGNIZED_OPERATION,
		                    "N-CREATE or N-SET is wanted");
	if (request->dataset == NULL)
		return dicom_refuse(err, ERR_INVALID, DICOM_STATUS_MISSING_ATTRIBUTE, "no dataset");
	if (!name_step(request, out_instance, err))
		return false;
	ok = dicom_read_mpps(request->dataset, &told, err) &&
	     (is_new ? mpps_create : mpps_set)(procedures->service->pool, procedures->device, out_instance, &told, err);
	if (ok)
		log_info(LOG_MPPS, "device=%s sop=%s status=%s", procedures->device, out_instance, told.status);
	dicom_mpps_fini(&told);
	return ok;
}

/* The ledger's absence is a lack that passes; anything else that is not the peer's fault is a failure of ours. */
static bool refused(struct procedures *procedures, const struct dicom_n_request *request, struct err *err)
{
	bool is_commitment = strcmp(request->sop_class_uid, DICOM_COMMITMENT_CLASS) == 0;

	if (err->source != ERR_SOURCE_DIMSE)
		(void)err_code(err, ERR_SOURCE_DIMSE,
		               err_kind_info(err->kind)->retry ? DICOM_STATUS_RESOURCE_LIMITATION
		                                               : DICOM_STATUS_PROCESSING_FAILURE);
	if (is_commitment)
		log_err(LOG_COMMITMENT, err, "event=refused device=%s status=%x", procedures->device, err->code);
	else
		log_err(LOG_MPPS, err, "event=refused device=%s status=%x", procedures->device, err->code);
	return false;
}

bool procedures_request(struct procedures *procedures, const struct dicom_n_request *request,
                        char out_instance[DICOM_UID_SIZE], struct err *err)
{
	bool ok = strcmp(request->sop_class_uid, DICOM_COMMITMENT_CLASS) == 0
	              ? ask_commitment(procedures, request, err)
	              : tell_step(procedures, request, out_instance, err);

	return ok || refused(procedures, request, err);
}

/* ---- reports -------------------------------------------------------------------------------------------------- */

static void forget(struct procedures *procedures, const char *id)
{
	for (size_t i = 0; i < procedures->count; i++)
		if (strcmp(procedures->awaited[i], id) == 0) {
			procedures->count--;
			memmove(procedures->awaited[i], procedures->awaited[procedures->count], TEXT_UUID_SIZE);
			return;
		}
}

static bool take(struct procedures *procedures)
{
	struct service *service = procedures->service;
	const char *ids[AWAITED_MAX];
	struct err err;

	if (commitment_take(service->pool, ids, awaited_ids(procedures, ids), service->worker,
	                    service->answer_ms + LEASE_SLACK_MS, &procedures->report, &err))
		return procedures->report != NULL;
	if (err.kind != ERR_TEMPORARY)
		log_err(LOG_LEDGER_FAILED, &err, "what=%s", "commitment");
	return false;
}

enum dicom_event_due procedures_next(struct procedures *procedures, const struct dicom_commitment_result **result)
{
	int64_t now = clock_monotonic_ms();

	if (procedures->count == 0)
		return DICOM_EVENT_NONE;
	if (now >= procedures->linger_until_ms) {
		let_go(procedures);
		return DICOM_EVENT_NONE;
	}
	if (now < procedures->next_look_ms)
		return DICOM_EVENT_LATER;
	procedures->rest_ms = 2 * procedures->rest_ms < LOOK_MAX_MS ? 2 * procedures->rest_ms : LOOK_MAX_MS;
	procedures->next_look_ms = now + procedures->rest_ms;
	if (!take(procedures))
		return DICOM_EVENT_LATER;
	procedures->next_look_ms = now;
	forget(procedures, procedures->report->id);
	*result = &procedures->report->result;
	return DICOM_EVENT_DUE;
}

/* A peer that was lost, or that answers with a failure, is called later. */
void procedures_reported(struct procedures *procedures, bool is_answered, uint16_t dimse_status)
{
	struct commitment_report *report = procedures->report;
	char why[80];
	struct err err;
	bool ok;

	snprintf(why, sizeof why, "the device answered with status %04x", dimse_status);
	if (is_answered && dimse_status == 0)
		ok = commitment_answered(procedures->service->pool, report, "same", &err);
	else
		ok = commitment_failed(procedures->service->pool, report,
		                       is_answered ? why : "the association ended before the device answered",
		                       is_answered ? LEASE_SLACK_MS : 0, &err);
	if (!ok)
		log_err(LOG_LEDGER_FAILED, &err, "what=%s", "commitment");
	log_info(LOG_COMMITMENT, "commitment=%s event=%s association=same status=%x", report->id,
	         is_answered ? "answered" : "unanswered", dimse_status);
	commitment_report_free(report);
	procedures->report = NULL;
}
