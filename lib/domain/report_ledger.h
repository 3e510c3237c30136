/*
 * What the steps of a report share: its row, its papers, who may sign. Inside the caller's transaction; used by report_*.c only.
 */
#ifndef YQ_DOMAIN_REPORT_LEDGER_H
#define YQ_DOMAIN_REPORT_LEDGER_H

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

#include "lib/base/digest.h"
#include "lib/domain/machines.h"
#include "lib/domain/report.h"
#include "lib/domain/signer.h"
#include "lib/domain/task_step.h"
#include "lib/store/store.h"

struct db;

/* The newest version written in a task. state REPORT_VERSION_NONE: there is none yet. */
struct report_row {
	char report_id[TEXT_UUID_SIZE], author_id[TEXT_UUID_SIZE], reviewer_id[TEXT_UUID_SIZE];
	enum report_version_state state;
	int revision, version, study_version, patient_revision;
	char *body, *canonical, *reason; /* report_row_fini() */
	char kind[16];                   /* original, correction, supplement */
	char code[64];
	char sr_uid[TEXT_UID_SIZE], pdf_uid[TEXT_UID_SIZE], sr_series_uid[TEXT_UID_SIZE], pdf_series_uid[TEXT_UID_SIZE];
};
/* ERR_NOT_FOUND: no such task for these eyes. */
bool report_row_find(struct db *db, const char *task_id, struct report_row *out, struct err *err);
void report_row_fini(struct report_row *row); /* also of a zeroed one */

/*
 * Which patient the study has now; seen: the revision that a doctor saw, below 0: the one when the task was first taken. Behind the lock of the task,
 * which every correction takes. ERR_CONFLICT when somebody corrected the patient since.
 */
bool report_patient_check(struct db *db, const char *task_id, int seen, int *out_revision, struct err *err);

struct report_policy {
	char policy_id[TEXT_UUID_SIZE]; /* of its version */
	int version, signatures;
	bool different_persons;
};
bool report_policy_find(struct db *db, const char *task_id, struct report_policy *out, struct err *err);

struct report_person {
	char name[401], institution[801], licence_number[128];
};
/* ERR_REFUSED when the person is not qualified for this kind ("write", "review") of act at this examination today. */
bool report_qualified(struct db *db, const char *task_id, const char *person_id, const char *kind,
                      struct report_person *out, struct err *err);

/* ---- papers ------------------------------------------------------------------------------------------------------------ */

/* A paper in memory, on its way into the store. */
struct report_paper {
	const char *kind;
	uint8_t *bytes; /* free(3) */
	size_t length;
	char object_key[STORE_KEY_SIZE];
	const char *sop_instance_uid; /* borrowed, or NULL */
};
/* Sets older papers of these kinds aside and writes the rows of the new ones, with fresh keys. Their bytes are put behind the commit. */
bool report_papers_note(struct db *db, const char *report_id, struct report_paper *papers, size_t count,
                        struct err *err);
bool report_papers_put(struct store *store, const struct report_paper *papers, size_t count, struct err *err);

/* The bytes of a paper in force, checked against its digest. *out: free(3). */
bool report_paper_get(struct db *db, struct store *store, const char *report_id, const char *kind, uint8_t **out,
                      size_t *out_length, struct err *err);
/* Reads a whole object and checks its SHA-256. */
bool report_object_get(struct store *store, const char *object_key, const uint8_t *sha256, size_t sha256_length,
                       uint8_t **out, size_t *out_length, struct err *err);

/* ---- signatures ---------------------------------------------------------------------------------------------------------- */

/* CMS over the canonical content into report_signature. role: author, reviewer. */
bool report_sign_content(struct db *db, struct signer *signer, const char *report_id, const char *person_id,
                         const char *role, const char *canonical, int64_t signed_us, struct err *err);

#endif
