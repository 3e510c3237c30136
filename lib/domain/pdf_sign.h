/*
 * PAdES signatures in PDF files of our own making: ISO 32000-1 12.8, ETSI EN 319 142-1 (SubFilter ETSI.CAdES.detached).
 *
 * Every signature is an incremental update: the bytes before it stay as they are, so earlier signatures stay valid.
 * Only files with classic cross-reference tables and plain indirect objects, as Cairo restricted to PDF 1.4 writes them, are read;
 * anything else is ERR_INVALID. Foreign files are bounded and refused, never trusted.
 */
#ifndef YQ_DOMAIN_PDF_SIGN_H
#define YQ_DOMAIN_PDF_SIGN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/base/err.h"
#include "lib/domain/signer.h"

enum { PDF_FILE_MAX = 64 * 1024 * 1024 };

/* Points from the lower left corner of a page; pages count from 1. */
struct pdf_box {
	int page;
	double x, y, width, height;
};

struct pdf_field {
	const char *name; /* ASCII letters, digits and '_': "Author" */
	struct pdf_box box;
};

/*
 * Adds empty, visible signature fields (AcroForm, SigFlags 3) as one incremental update. Doing this for all of them before the first
 * signature means that a later one only fills what was there. *out: free(3).
 */
bool pdf_add_fields(const uint8_t *pdf, size_t length, const struct pdf_field *fields, size_t count, uint8_t **out,
                    size_t *out_length, struct err *err);

struct pdf_signature_request {
	const char *field;  /* must exist and be empty: ERR_CONFLICT when it is signed */
	const char *name;   /* of the signer, UTF-8 */
	const char *reason; /* UTF-8 */
	int64_t signed_us;
	const uint8_t *appearance; /* a one-page PDF by Cairo in the size of the field's box */
	size_t appearance_length;
};
/* Fills the field, signs everything but the signature itself. *out: free(3). */
bool pdf_sign(const uint8_t *pdf, size_t length, const struct pdf_signature_request *request, struct signer *signer,
              uint8_t **out, size_t *out_length, struct err *err);

/* The box of a field, to draw its appearance for. ERR_NOT_FOUND. */
bool pdf_find_field(const uint8_t *pdf, size_t length, const char *name, struct pdf_box *out, struct err *err);

/* ---- verification ------------------------------------------------------------------------------------------------- */

enum pdf_signature_state {
	PDF_SIGNATURE_VALID,
	PDF_SIGNATURE_ALTERED,  /* does not fit the bytes */
	PDF_SIGNATURE_MALFORMED /* its byte range or its CMS is nonsense */
};
struct pdf_signature {
	char field[64];
	enum pdf_signature_state state;
	struct signer_verdict verdict; /* when VALID */
	size_t covers;                 /* bytes of the file up to the end of its revision */
	bool covers_whole_file;
	char reason[200]; /* why it is not valid; empty when it is */
};
enum { PDF_SIGNATURES_MAX = 16 };
/*
 * Verifies every signature, in the order of their revisions. Reads hostile files: bounded, ERR_INVALID when it is no PDF or has no
 * structure we know. *out_count 0: no signature. *out_has_tail: bytes behind the last signature's revision.
 */
bool pdf_verify(const uint8_t *pdf, size_t length, const char *ca_pem, struct pdf_signature out[PDF_SIGNATURES_MAX],
                size_t *out_count, bool *out_has_tail, struct err *err);

#endif
