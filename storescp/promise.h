/*
 * Reports of commitments that the router asked of a destination (N-EVENT-REPORT, PS3.4 section J.3.3), when they come on an association that the
 * destination opens. Such a caller need be no device; nobody is let in who owes us no report.
 */
#ifndef YQ_STORESCP_PROMISE_H
#define YQ_STORESCP_PROMISE_H

#include "lib/dicom/dicom.h"
#include "storescp/service.h"

/* False also while the ledger is away. */
bool promise_is_awaited(const struct service *service, const struct dicom_peer *peer);
/* Writes a report down. A report that nobody awaits: 0115; the ledger is away: 0213, so that the peer reports again. */
bool promise_take(const struct service *service, const struct dicom_n_request *request, struct err *err);

#endif
