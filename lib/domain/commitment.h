/*
 * Storage commitment (PS3.4 annex J): what a device asked us to answer for, what we hold of it, and that it was told. Kept in the ledger from
 * before the request is acknowledged until the device has answered the report. Which step leads where is commitment.def.
 *
 * Held means: the ledger has the object of the device's own site, of the class that was named, and its bytes lie in the object store
 * whole. What was acknowledged and is on its way to the ledger is waited for.
 *
 * Errors: ERR_TEMPORARY (the ledger is away: try again), those of a refusal carry a DIMSE status.
 */
#ifndef YQ_DOMAIN_COMMITMENT_H
#define YQ_DOMAIN_COMMITMENT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/base/err.h"
#include "lib/base/text.h"
#include "lib/dicom/normalized.h"

struct db;
struct db_pool;
struct store;

/* Requests of one device that are under way; beyond it a new one is refused (0213). */
enum { COMMITMENT_OPEN_MAX = 2000 };

struct commitment_new {
	const char *device_id, *calling_ae, *called_ae, *address; /* who asked whom, from where */
	const struct dicom_commitment_request *request;
	int64_t linger_ms; /* how long the association may take the report before the router does */
};
/*
 * After true the request survives power loss. The same request again is looked at again under its id; another list under a transaction UID in
 * use is kept apart, and everything in it fails with 0131.
 */
bool commitment_request(struct db_pool *pool, const struct commitment_new *from, char out_id[TEXT_UUID_SIZE],
                        struct err *err);

/* ---- for the router --------------------------------------------------------------------------------------------------- */

/* Looks at one request that is due; *out_any false: there was none. */
bool commitment_judge_next(struct db_pool *pool, struct store *store, bool *out_any, struct err *err);
/* Takes back what a dead program was reporting, gives up what is past its deadline. */
bool commitment_sweep(struct db_pool *pool, struct err *err);
/* Forgets what came to an end more than age_ms ago, some at a time. */
bool commitment_trim(struct db *db, int64_t age_ms, int64_t *out_count, struct err *err);
/* Milliseconds until something is due, at most max_ms. */
int64_t commitment_wait_ms(struct db_pool *pool, int64_t max_ms);

/* ---- reports ---------------------------------------------------------------------------------------------------------- */

/* A report that its worker has to deliver and to settle. */
struct commitment_report {
	char id[TEXT_UUID_SIZE], worker[TEXT_UUID_SIZE];
	char transaction_uid[DICOM_UID_SIZE], calling_ae[DICOM_AE_SIZE],
	    called_ae[DICOM_AE_SIZE]; /* as of the request */
	char host[254];
	int port; /* 0: nobody knows where the device listens */
	bool is_tls;
	char *trust_pem; /* the certificate that is registered for the device; empty: none */
	int tries;
	struct dicom_commitment_result result; /* borrows from below */
	struct dicom_commitment_item *items;
	struct db_rows *rows;
};
/* *out NULL: none is due. Else the caller's, commitment_report_free(). */
bool commitment_claim(struct db_pool *pool, const char *worker, int64_t lease_ms, struct commitment_report **out,
                      struct err *err);
/* The same for an association that waits for one of these. */
bool commitment_take(struct db_pool *pool, const char *const *ids, size_t count, const char *worker, int64_t lease_ms,
                     struct commitment_report **out, struct err *err);
void commitment_report_free(struct commitment_report *report);

/* The device answered with success. on: "same" association as the request, or a "new" one. */
bool commitment_answered(struct db_pool *pool, const struct commitment_report *report, const char *on, struct err *err);
/* It did not; tried again after wait_ms. */
bool commitment_failed(struct db_pool *pool, const struct commitment_report *report, const char *why, int64_t wait_ms,
                       struct err *err);
/* The association is gone: the router reports. */
bool commitment_let_go(struct db_pool *pool, const char *const *ids, size_t count, struct err *err);

/* ---- by hand, in the caller's transaction ------------------------------------------------------------------------------- */

/*
 * Where a device takes reports, and whether over TLS. host NULL: the address that it asked from. port 0: on the association that asked alone.
 */
bool commitment_set_address(struct db *db, const char *id_or_ae, const char *host, int port, bool is_tls,
                            char out_id[TEXT_UUID_SIZE], char out_site[TEXT_UUID_SIZE], struct err *err);
/* Reports again now, with a new deadline. ERR_CONFLICT: it is under way, or still to be looked at. */
bool commitment_requeue(struct db *db, const char *id_or_uid, char out_id[TEXT_UUID_SIZE],
                        char out_site[TEXT_UUID_SIZE], struct err *err);

#endif
