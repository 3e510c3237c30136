#include "lib/domain/report_ledger.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "lib/db/db.h"
#include "lib/domain/pdf_sign.h"

static void copy(char *out, size_t out_size, const char *text)
{
	(void)text_copy(out, out_size, text ? text : "");
}

static char *duplicate(const char *text)
{
	char *kept = text ? strdup(text) : NULL;

	if (text && !kept)
		err_panic("out of memory for a report");
	return kept;
}

bool report_row_find(struct db *db, const char *task_id, struct report_row *out, struct err *err)
{
	struct db_rows *rows;
	const char *state;

	if (!text_is_uuid(task_id))
		return err_set(err, ERR_NOT_FOUND, "no such reading task");
	if (!db_exec_one(db, STMT_REPORT_STATE, DB_PARAMS(db_text(task_id)), "reading task", &rows, err))
		return false;
	memset(out, 0, sizeof *out);
	state = db_get_text(rows, 0, "state");
	out->state = state ? (enum report_version_state)machine_state_find(report_version_machine(), state)
	                   : REPORT_VERSION_NONE;
	copy(out->report_id, sizeof out->report_id, db_get_text(rows, 0, "report_id"));
	copy(out->author_id, sizeof out->author_id, db_get_text(rows, 0, "author"));
	copy(out->reviewer_id, sizeof out->reviewer_id, db_get_text(rows, 0, "reviewer"));
	copy(out->code, sizeof out->code, db_get_text(rows, 0, "verification_code"));
	copy(out->sr_uid, sizeof out->sr_uid, db_get_text(rows, 0, "sr_sop_instance_uid"));
	copy(out->pdf_uid, sizeof out->pdf_uid, db_get_text(rows, 0, "pdf_sop_instance_uid"));
	copy(out->sr_series_uid, sizeof out->sr_series_uid, db_get_text(rows, 0, "sr_series_instance_uid"));
	copy(out->pdf_series_uid, sizeof out->pdf_series_uid, db_get_text(rows, 0, "pdf_series_instance_uid"));
	out->revision = (int)db_get_int(rows, 0, "revision");
	out->version = (int)db_get_int(rows, 0, "version");
	out->study_version = (int)db_get_int(rows, 0, "study_version");
	out->patient_revision = (int)db_get_int(rows, 0, "patient_revision");
	copy(out->kind, sizeof out->kind, db_get_text(rows, 0, "kind"));
	out->reason = duplicate(db_get_text(rows, 0, "reason"));
	out->body = duplicate(db_get_text(rows, 0, "body"));
	out->canonical = duplicate(db_get_text(rows, 0, "canonical"));
	db_rows_free(rows);
	return true;
}

void report_row_fini(struct report_row *row)
{
	free(row->body);
	free(row->canonical);
	free(row->reason);
	row->body = row->canonical = row->reason = NULL;
}

bool report_patient_check(struct db *db, const char *task_id, int seen, int *out_revision, struct err *err)
{
	struct db_rows *rows;
	int now, taken;

	if (!db_exec_one(db, STMT_CORRECTION_SEEN, DB_PARAMS(db_text(task_id)), "reading task", &rows, err))
		return false;
	now = (int)db_get_int(rows, 0, "now");
	taken = (int)db_get_int(rows, 0, "when_taken");
	db_rows_free(rows);
	*out_revision = now;
	return (seen < 0 ? taken : seen) == now ||
	       err_set(err, ERR_CONFLICT,
	               "cannot go on: the patient of this study was corrected since, look at it first");
}

bool report_policy_find(struct db *db, const char *task_id, struct report_policy *out, struct err *err)
{
	struct db_rows *rows;

	if (!db_exec(db, STMT_REPORT_POLICY, DB_PARAMS(db_text(task_id)), &rows, err))
		return false;
	if (db_rows_count(rows) == 0) {
		db_rows_free(rows);
		return err_set(err, ERR_REFUSED, "cannot sign: the queue has no signing policy in force");
	}
	copy(out->policy_id, sizeof out->policy_id, db_get_text(rows, 0, "policy_id"));
	out->version = (int)db_get_int(rows, 0, "version");
	out->signatures = (int)db_get_int(rows, 0, "signatures");
	out->different_persons = db_get_bool(rows, 0, "different_persons");
	db_rows_free(rows);
	return true;
}

bool report_qualified(struct db *db, const char *task_id, const char *person_id, const char *kind,
                      struct report_person *out, struct err *err)
{
	struct db_rows *rows;
	bool is_qualified;

	if (!db_exec_one(db, STMT_REPORT_QUALIFIED, DB_PARAMS(db_text(task_id), db_text(person_id), db_text(kind)),
	                 "reading task", &rows, err))
		return false;
	is_qualified = db_get_bool(rows, 0, "is_qualified");
	copy(out->name, sizeof out->name, db_get_text(rows, 0, "name"));
	copy(out->institution, sizeof out->institution, db_get_text(rows, 0, "institution"));
	copy(out->licence_number, sizeof out->licence_number, db_get_text(rows, 0, "licence_number"));
	db_rows_free(rows);
	if (!is_qualified)
		return err_set(err, ERR_REFUSED, "cannot sign: you are not qualified to %s this examination today",
		               kind);
	return true;
}

/* ---- papers ------------------------------------------------------------------------------------------------------------ */

bool report_papers_note(struct db *db, const char *report_id, struct report_paper *papers, size_t count,
                        struct err *err)
{
	for (size_t i = 0; i < count; i++) {
		uint8_t sha256[DIGEST_SIZE];

		digest_bytes(papers[i].bytes, papers[i].length, sha256);
		store_key_new(papers[i].object_key);
		if (!db_exec(db, STMT_ARTEFACT_VOID, DB_PARAMS(db_text(report_id), db_texts(&papers[i].kind, 1)), NULL,
		             err) ||
		    !db_exec_one(db, STMT_ARTEFACT_INSERT,
		                 DB_PARAMS(db_text(report_id), db_text(papers[i].kind), db_text(papers[i].object_key),
		                           db_bytes(sha256, sizeof sha256), db_int((int64_t)papers[i].length),
		                           db_text(papers[i].sop_instance_uid)),
		                 "report version", NULL, err))
			return false;
	}
	return true;
}

bool report_papers_put(struct store *store, const struct report_paper *papers, size_t count, struct err *err)
{
	for (size_t i = 0; i < count; i++)
		if (!store_put_bytes(store, papers[i].object_key, papers[i].bytes, papers[i].length, err))
			return err_context(err, "could not keep a paper of the report");
	return true;
}

static bool read_all(int fd, uint64_t size, uint8_t **out, struct err *err)
{
	uint8_t *bytes = malloc(size + 1);
	size_t used = 0;

	if (!bytes)
		err_panic("out of memory for a paper");
	while (used < size) {
		ssize_t got = pread(fd, bytes + used, size - used, (off_t)used);

		if (got <= 0) {
			free(bytes);
			return err_set(err, ERR_CORRUPT,
			               "cannot read a paper of the report: it is shorter than it should be");
		}
		used += (size_t)got;
	}
	*out = bytes;
	return true;
}

bool report_object_get(struct store *store, const char *object_key, const uint8_t *sha256, size_t sha256_length,
                       uint8_t **out, size_t *out_length, struct err *err)
{
	uint8_t found[DIGEST_SIZE], *bytes = NULL;
	uint64_t size = 0;
	int fd = -1;
	bool ok;

	if (!store_open_object(store, object_key, &fd, &size, err))
		return false;
	ok = size <= PDF_FILE_MAX ? read_all(fd, size, &bytes, err)
	                          : err_set(err, ERR_CORRUPT, "cannot read a paper of the report: it is too large");
	close(fd);
	if (!ok)
		return false;
	digest_bytes(bytes, (size_t)size, found);
	if (sha256_length != sizeof found || memcmp(found, sha256, sizeof found) != 0) {
		free(bytes);
		return err_set(err, ERR_CORRUPT, "cannot use a paper of the report: its bytes do not fit its digest");
	}
	*out = bytes;
	*out_length = (size_t)size;
	return true;
}

bool report_paper_get(struct db *db, struct store *store, const char *report_id, const char *kind, uint8_t **out,
                      size_t *out_length, struct err *err)
{
	struct db_rows *rows;
	uint8_t *sha256 = NULL;
	size_t length = 0;
	bool ok;

	if (!db_exec_one(db, STMT_ARTEFACT_FIND, DB_PARAMS(db_text(report_id), db_text(kind)), "paper of the report",
	                 &rows, err))
		return false;
	db_get_bytes(rows, 0, "sha256", &sha256, &length);
	ok = report_object_get(store, db_get_text(rows, 0, "object_key"), sha256, length, out, out_length, err);
	free(sha256);
	db_rows_free(rows);
	return ok;
}

/* ---- signatures ---------------------------------------------------------------------------------------------------------- */

bool report_sign_content(struct db *db, struct signer *signer, const char *report_id, const char *person_id,
                         const char *role, const char *canonical, int64_t signed_us, struct err *err)
{
	struct signer_bytes content = {canonical, strlen(canonical)};
	const uint8_t *certificate = NULL;
	size_t certificate_length = 0, cms_length = 0;
	uint8_t *cms = NULL;
	bool ok;

	if (!signer_certificate(signer, 0, &certificate, &certificate_length))
		return err_set(err, ERR_CORRUPT, "cannot sign: the key has no certificate");
	if (!signer_sign_cms(signer, &content, 1, &cms, &cms_length, err))
		return false;
	ok = db_exec_one(db, STMT_REPORT_SIGNATURE_INSERT,
	                 DB_PARAMS(db_text(report_id), db_text(role), db_text(person_id),
	                           db_bytes(certificate, certificate_length), db_text(canonical),
	                           db_bytes(cms, cms_length), db_text(signer_algorithm(signer)), db_time(signed_us)),
	                 "signing key", NULL, err);
	free(cms);
	return ok;
}
