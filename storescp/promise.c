#include "storescp/promise.h"

#include <string.h>

#include "lib/base/log.h"
#include "lib/dicom/normalized.h"
#include "lib/domain/delivery_commitment.h"

bool promise_is_awaited(const struct service *service, const struct dicom_peer *peer)
{
	bool is_awaited = false;
	struct err err;

	if (!delivery_commitment_awaited(service->pool, peer->calling_ae, peer->called_ae, &is_awaited, &err) &&
	    err.kind != ERR_TEMPORARY)
		log_err(LOG_LEDGER_FAILED, &err, "what=%s", "delivery_commitment");
	return is_awaited;
}

static bool check(const struct dicom_n_request *request, struct err *err)
{
	if (strcmp(request->sop_class_uid, DICOM_COMMITMENT_CLASS) != 0)
		return dicom_refuse(err, ERR_REFUSED, DICOM_STATUS_UNRECOGNIZED_OPERATION, "no such service here");
	return request->dataset != NULL || dicom_refuse(err, ERR_INVALID, DICOM_STATUS_INVALID_ARGUMENT, "no dataset");
}

static bool take(const struct service *service, const struct dicom_n_request *request, struct err *err)
{
	struct dicom_commitment_told told;
	bool ok;

	if (!check(request, err))
		return false;
	ok = dicom_read_commitment_told(request->dataset, &told, err) &&
	     delivery_commitment_answer(service->pool, request->peer->calling_ae, &told, err);
	if (ok)
		log_info(LOG_COMMITMENT, "event=told peer=%s transaction=%s named=%zu", request->peer->calling_ae,
		         told.transaction_uid, told.count);
	dicom_commitment_told_fini(&told);
	return ok;
}

bool promise_take(const struct service *service, const struct dicom_n_request *request, struct err *err)
{
	if (take(service, request, err))
		return true;
	if (err->source != ERR_SOURCE_DIMSE)
		(void)err_code(err, ERR_SOURCE_DIMSE,
		               err_kind_info(err->kind)->retry ? DICOM_STATUS_RESOURCE_LIMITATION
		               : err->kind == ERR_NOT_FOUND    ? DICOM_STATUS_INVALID_ARGUMENT
		                                               : DICOM_STATUS_PROCESSING_FAILURE);
	log_err(LOG_COMMITMENT, err, "event=refused peer=%s status=%x", request->peer->calling_ae, err->code);
	return false;
}
