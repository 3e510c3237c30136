/*
 * The papers of a report with their signatures: the author's PDF, the reviewer's, and the DICOM objects. From content, keys and
 * facts at hand; no ledger. Used by report_*.c only.
 */
#ifndef YQ_DOMAIN_REPORT_SIGN_H
#define YQ_DOMAIN_REPORT_SIGN_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/dicom/dicom.h"
#include "lib/domain/report_pictures.h"
#include "lib/domain/signer.h"

/* Draws the paper, adds both signature fields and fills the author's. *out: free(3). */
bool report_author_pdf(const json_t *content, const struct report_pictures *pictures, struct signer *signer,
                       int64_t signed_us, uint8_t **out, size_t *out_length, struct err *err);

/* Fills the reviewer's field of the author's PDF. *out: free(3). */
bool report_reviewer_pdf(const json_t *content, const uint8_t *candidate, size_t candidate_length, const char *name,
                         const char *institution, struct signer *signer, int64_t signed_us, uint8_t **out,
                         size_t *out_length, struct err *err);

/* The bytes of a part 10 file. signer may be NULL: no digital signature inside. *out: free(3). */
bool report_sr_object(const struct dicom_report *report, struct signer *signer, uint8_t **out, size_t *out_length,
                      struct err *err);
bool report_pdf_object(const struct dicom_report *report, const uint8_t *pdf, size_t pdf_length, uint8_t **out,
                       size_t *out_length, struct err *err);

/* Removes scratch files that a crash left behind. */
void report_scratch_sweep(void);

/* Where the dataset of a part 10 file begins, by its group length (PS3.10 section 7.1). False: that is none. */
bool report_dataset_offset(const uint8_t *bytes, size_t length, uint64_t *out);

#endif
