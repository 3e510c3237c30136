/*
 * Modality performed procedure steps (PS3.4 annex F.7): what a modality says that it does, as a signal of when a study is all there. Which
 * step leads where is mpps.def.
 *
 * Errors: ERR_TEMPORARY (the ledger is away), those of a refusal carry a DIMSE status of PS3.4 sections F.7.2.1.3 and F.7.2.2.3.
 */
#ifndef YQ_DOMAIN_MPPS_H
#define YQ_DOMAIN_MPPS_H

#include "lib/dicom/normalized.h"

struct db_pool;

/* N-CREATE. instance_uid is the step's. After true it survives power loss. */
bool mpps_create(struct db_pool *pool, const char *device_id, const char *instance_uid, const struct dicom_mpps *told,
                 struct err *err);
/* N-SET. What was not told stays; a list of performed series takes the place of the one before. */
bool mpps_set(struct db_pool *pool, const char *device_id, const char *instance_uid, const struct dicom_mpps *told,
              struct err *err);

#endif
