/*
 * What a STOW-RS or QIDO-RS peer says, DICOM JSON (PS3.18 annex F) that is not trusted: bounded, every object that we sent has one verdict,
 * whatever else the peer speaks of is left alone. Pure.
 */
#ifndef YQ_TRANSPORT_STOW_ANSWER_H
#define YQ_TRANSPORT_STOW_ANSWER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/dicom/dicom.h"

/* One object of a request. */
struct stow_verdict {
	const char *sop_instance_uid; /* set by the caller */
	enum dicom_sent sent;
	uint16_t status; /* of DICOM_SENT_ANSWERED */
};

/*
 * From the store instances response (PS3.18 section 10.5.3), status 200, 202 or 409. Listed as failed: its failure reason (0110, processing
 * failure, where none stands there). Listed as stored: its warning or success. Listed nowhere: stored, if the peer says that all are
 * (200) and lists nothing, in DICOM JSON, in XML or with an empty body; else UNKNOWN, or, of 409, a failure without reason.
 */
void stow_answer_read(int http_status, const char *body, size_t length, struct stow_verdict *verdicts, size_t count);

/*
 * Marks those of uids that a QIDO-RS answer names (an array of instances). False: it is none. *out_rows: how many it has; *out_new: how many
 * of uids were not marked before.
 */
bool stow_query_read(const char *body, size_t length, const char *const *uids, size_t count, bool *is_held,
                     size_t *out_rows, size_t *out_new);

#endif
