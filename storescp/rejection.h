/*
 * Rejected associations, on the log and on the audit: the first at once, its repetitions within a minute as one record with their number. A stranger
 * who calls without end costs a record a minute. Who called as whom, from where, and why not: none of it is patient data.
 *
 * Threads: any.
 */
#ifndef YQ_STORESCP_REJECTION_H
#define YQ_STORESCP_REJECTION_H

#include "lib/dicom/dicom.h"
#include "lib/domain/audit.h"

enum { REJECTION_WINDOW_MS = 60 * 1000, REJECTION_KINDS_MAX = 256 };

/* What must be written now, if anything. */
struct rejection_due {
	struct dicom_peer peer;
	char reason[32];
	int64_t repeated; /* times beside those written before */
};

struct rejections;
struct rejections *rejections_new(void);
void rejections_free(struct rejections *rejections);

/* True: *out is to be written. False: it repeats one that was, and is counted. */
bool rejections_note(struct rejections *rejections, const struct dicom_peer *peer, const char *reason, int64_t now_ms,
                     struct rejection_due *out);
/* True while there is a count whose window is over, or, when everything is asked for, any; it is then forgotten. */
bool rejections_take(struct rejections *rejections, int64_t now_ms, bool everything, struct rejection_due *out);

/* Log line and audit record; the audit goes to the ledger or its spool. */
void rejection_write(struct audit *audit, const struct rejection_due *due);

#endif
