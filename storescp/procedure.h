/*
 * The services beside reception: storage commitment (PS3.4 annex J) and performed procedure steps (PS3.4 annex F). An association that asked for
 * commitments waits some time for their reports; what it does not take is the router's.
 *
 * While the ledger is away everything here is refused (0213): nothing is promised that is not durable.
 */
#ifndef YQ_STORESCP_PROCEDURE_H
#define YQ_STORESCP_PROCEDURE_H

#include "lib/dicom/dicom.h"
#include "storescp/service.h"

struct procedures; /* what one association asked for */

struct procedures *procedures_new(struct service *service, const char *device_id);
/* What was asked and is not reported goes to the router. NULL is fine. */
void procedures_free(struct procedures *procedures);

/* The handlers of lib/dicom, of one association. */
bool procedures_request(struct procedures *procedures, const struct dicom_n_request *request,
                        char out_instance[DICOM_UID_SIZE], struct err *err);
enum dicom_event_due procedures_next(struct procedures *procedures, const struct dicom_commitment_result **result);
void procedures_reported(struct procedures *procedures, bool is_answered, uint16_t dimse_status);

#endif
