/*
 * Is this paper ours, unchanged, and in force? Three questions that are asked apart: what its signatures say, whether its bytes are
 * those that were kept at issue, and what became of the report since.
 */
#include <stdlib.h>
#include <string.h>

#include "lib/base/clock.h"
#include "lib/base/conf.h"
#include "lib/base/digest.h"
#include "lib/base/file.h"
#include "lib/db/db.h"
#include "lib/domain/pdf_sign.h"
#include "lib/domain/report.h"
#include "lib/domain/report_content.h"
#include "lib/domain/report_labels.h"
#include "lib/domain/report_verify.h"
#include "lib/domain/signer_ca.h"

const char *report_standing_name(enum report_standing standing)
{
	static const char *const names[] = {"unknown", "current", "superseded", "void", "unissued", "altered"};

	return names[standing];
}

static const char *standing_text(enum report_standing standing)
{
	static const char *const chinese[] = {"不是本系统出具的报告",
	                                      "真实有效：与发布时一致",
	                                      "真实，但已被新版本更正，请勿使用",
	                                      "真实，但已作废，请勿使用",
	                                      "真实，但未审核发布，不能作为正式报告",
	                                      "已被改动：与发布时不一致，不可采信"};
	static const char *const english[] = {"not a report of this installation",
	                                      "genuine and in force: exactly as issued",
	                                      "genuine, but corrected by a later version: do not use it",
	                                      "genuine, but withdrawn: do not use it",
	                                      "genuine, but never issued: no report to rely on",
	                                      "altered: not as it was issued, do not trust it"};

	return report_is_english(conf_text(CONF_LANGUAGE)) ? english[standing] : chinese[standing];
}

/* ---- signatures as JSON ----------------------------------------------------------------------------------------------------- */

static void put_time(json_t *object, const char *name, int64_t wall_us)
{
	char text[CLOCK_TEXT_MAX];

	if (!wall_us) {
		json_object_set_new(object, name, json_null());
		return;
	}
	clock_format(wall_us, text);
	json_object_set_new(object, name, json_string(text));
}

static json_t *signature_json(const char *role, const struct signer_verdict *verdict, const char *reason)
{
	bool is_valid = *reason == '\0';
	const char *text = !is_valid                          ? reason
	                   : verdict->trust == SIGNER_TRUSTED ? "valid, by a certificate of this installation's CA"
	                   : verdict->trust == SIGNER_EXPIRED
	                       ? "valid, but its certificate was not valid at that time"
	                       : "valid, but by a certificate that this installation does not know";
	json_t *object = json_pack("{s:s,s:b,s:b,s:s}", "role", role, "is_valid", is_valid, "is_trusted",
	                           is_valid && verdict->trust == SIGNER_TRUSTED, "text", text);

	/* Names come out of a file that may be anybody's. */
	json_object_set_new(object, "name", is_valid ? json_string(verdict->name) : json_null());
	json_object_set_new(object, "organisation", is_valid ? json_string(verdict->organisation) : json_null());
	json_object_set_new(object, "certificate_sha256",
	                    is_valid ? json_string(verdict->certificate_sha256) : json_null());
	put_time(object, "signed_at", is_valid ? verdict->signed_us : 0);
	return object;
}

static const char *role_of_field(const char *field)
{
	if (strcmp(field, "Author") == 0)
		return "author";
	return strcmp(field, "Reviewer") == 0 ? "reviewer" : "other";
}

void report_verify_pdf(struct report_inquiry *inquiry, const uint8_t *pdf, size_t length)
{
	struct pdf_signature found[PDF_SIGNATURES_MAX];
	size_t count = 0;
	bool has_tail = false;
	struct err why;

	digest_bytes(pdf, length, inquiry->sha256);
	inquiry->has_sha256 = true;
	if (!pdf_verify(pdf, length, inquiry->ca_pem, found, &count, &has_tail, &why)) {
		(void)text_copy(inquiry->problem, sizeof inquiry->problem, why.text);
		inquiry->is_damaged = true;
		report_verify_scan(inquiry, pdf, length);
		return;
	}
	for (size_t i = 0; i < count; i++) {
		json_array_append_new(inquiry->signatures, signature_json(role_of_field(found[i].field),
		                                                          &found[i].verdict, found[i].reason));
		inquiry->is_damaged = inquiry->is_damaged || found[i].state != PDF_SIGNATURE_VALID;
	}
	if (has_tail) {
		inquiry->is_damaged = true;
		(void)text_copy(inquiry->problem, sizeof inquiry->problem,
		                "bytes were added behind the last signature");
	}
	report_verify_scan(inquiry, pdf, length);
}

/* ---- the ledger ---------------------------------------------------------------------------------------------------------------- */

static bool verify_kept(struct db *db, const char *report_id, struct report_inquiry *inquiry, struct err *err)
{
	struct db_rows *rows;

	if (!db_exec(db, STMT_REPORT_SIGNATURES, DB_PARAMS(db_text(report_id)), &rows, err))
		return false;
	for (int row = 0; row < db_rows_count(rows); row++) {
		const char *canonical = db_get_text(rows, row, "canonical");
		struct signer_bytes content = {canonical, strlen(canonical)};
		struct signer_verdict verdict;
		uint8_t *cms = NULL;
		size_t length = 0;
		struct err why;
		bool ok;

		db_get_bytes(rows, row, "cms", &cms, &length);
		ok = signer_verify_cms(cms, length, &content, 1, inquiry->ca_pem, &verdict, &why);
		free(cms);
		json_array_append_new(inquiry->signatures,
		                      signature_json(db_get_text(rows, row, "role"), &verdict,
		                                     ok ? "" : "the signature does not fit the content"));
		inquiry->is_damaged = inquiry->is_damaged || !ok;
	}
	db_rows_free(rows);
	return true;
}

static bool same_digest(const struct db_rows *rows, const char *column, const uint8_t sha256[DIGEST_SIZE])
{
	uint8_t *kept = NULL;
	size_t length = 0;
	bool same;

	db_get_bytes(rows, 0, column, &kept, &length);
	same = length == DIGEST_SIZE && memcmp(kept, sha256, DIGEST_SIZE) == 0;
	free(kept);
	return same;
}

static enum report_standing judge(const struct db_rows *rows, const struct report_inquiry *inquiry)
{
	const char *state = db_get_text(rows, 0, "state"), *kind = db_get_text(rows, 0, "artefact_kind");
	bool as_kept = kind || (inquiry->has_dataset && same_digest(rows, "dataset_sha256", inquiry->dataset_sha256));

	if (inquiry->is_damaged || !as_kept)
		return REPORT_ALTERED;
	if (kind && strcmp(kind, "pdf_submitted") == 0)
		return REPORT_UNISSUED;
	if (strcmp(state, "issued") == 0)
		return REPORT_CURRENT;
	if (strcmp(state, "superseded") == 0)
		return REPORT_SUPERSEDED;
	return strcmp(state, "void") == 0 ? REPORT_VOID : REPORT_UNISSUED;
}

static json_t *report_json(const struct db_rows *rows)
{
	json_t *report =
	    json_pack("{s:s,s:s,s:I,s:s,s:s,s:s}", "id", db_get_text(rows, 0, "report_id"), "state",
	              db_get_text(rows, 0, "state"), "version", (json_int_t)db_get_int(rows, 0, "version"), "issuer",
	              db_get_text(rows, 0, "issuer"), "performer", db_get_text(rows, 0, "performer"),
	              "verification_code", db_get_text(rows, 0, "verification_code"));

	put_time(report, "issued_at", db_get_time(rows, 0, "issued_at"));
	if (!db_is_null(rows, 0, "later_version"))
		json_object_set_new(report, "later_version", json_integer(db_get_int(rows, 0, "later_version")));
	if (!db_is_null(rows, 0, "later_kind"))
		json_object_set_new(report, "later_kind", json_string(db_get_text(rows, 0, "later_kind")));
	return report;
}

static bool lookup_work(struct db *db, void *context, struct err *err)
{
	struct report_inquiry *inquiry = context;
	struct db_rows *rows;
	bool ok = true;

	if (!db_exec(db, STMT_REPORT_FIND_PAPER,
	             DB_PARAMS(db_bytes(inquiry->has_sha256 ? inquiry->sha256 : NULL, DIGEST_SIZE),
	                       db_text(inquiry->code[0] ? inquiry->code : NULL),
	                       db_text(inquiry->sop_instance_uid[0] ? inquiry->sop_instance_uid : NULL)),
	             &rows, err))
		return false;
	json_decref(inquiry->report);
	inquiry->report = NULL;
	if (db_rows_count(rows) == 0) {
		inquiry->standing = inquiry->is_damaged && inquiry->has_our_mark ? REPORT_ALTERED : REPORT_UNKNOWN;
	} else {
		/* An SR bears no signature that this program reads: those over the same content, in the ledger, speak for it. */
		ok = json_array_size(inquiry->signatures) > 0 || inquiry->is_damaged ||
		     verify_kept(db, db_get_text(rows, 0, "report_id"), inquiry, err);
		inquiry->standing = judge(rows, inquiry);
		inquiry->report = report_json(rows);
	}
	db_rows_free(rows);
	return ok;
}

/* ---- the whole -------------------------------------------------------------------------------------------------------------------- */

static json_t *verdict_json(const struct report_inquiry *inquiry)
{
	enum report_standing standing = inquiry->standing;
	bool is_genuine = standing != REPORT_UNKNOWN && standing != REPORT_ALTERED;
	json_t *verdict =
	    json_pack("{s:s,s:s,s:b,s:O}", "standing", report_standing_name(standing), "text", standing_text(standing),
	              "is_genuine", is_genuine, "signatures", inquiry->signatures);

	json_object_set_new(verdict, "problem", inquiry->problem[0] ? json_string(inquiry->problem) : json_null());
	json_object_set(verdict, "report", inquiry->report ? inquiry->report : json_null());
	return verdict;
}

bool report_verify_file(struct db_pool *pool, const char *path, enum report_standing *out_standing, json_t **out,
                        struct err *err)
{
	struct report_inquiry inquiry = {.signatures = json_array()};
	char *bytes = NULL;
	size_t length = 0;
	struct err none;
	bool ok = file_read_all(path, PDF_FILE_MAX, &bytes, &length, err);

	/* Without a CA of its own an installation trusts nobody; that is a verdict, not a failure. */
	if (ok && !signer_ca_pem(&inquiry.ca_pem, &none))
		inquiry.ca_pem = NULL;
	ok = ok && report_verify_read(&inquiry, path, (const uint8_t *)bytes, length, err) &&
	     db_transact(pool, NULL, lookup_work, &inquiry, err);
	if (ok) {
		*out_standing = inquiry.standing;
		*out = verdict_json(&inquiry);
	}
	free(bytes);
	free(inquiry.ca_pem);
	json_decref(inquiry.signatures);
	json_decref(inquiry.report);
	return ok;
}
