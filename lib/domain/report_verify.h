/* Parts of report_verify_file(): what a file is, before the ledger is asked. */
#ifndef YQ_DOMAIN_REPORT_VERIFY_H
#define YQ_DOMAIN_REPORT_VERIFY_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/base/digest.h"
#include "lib/domain/report.h"
#include "lib/domain/report_content.h"

struct report_inquiry {
	char *ca_pem;
	/* What the file says of itself. */
	uint8_t sha256[DIGEST_SIZE], dataset_sha256[DIGEST_SIZE];
	bool has_sha256, has_dataset;
	char code[REPORT_CODE_SIZE];
	char sop_instance_uid[TEXT_UID_SIZE];
	bool is_damaged, has_our_mark;
	char problem[ERR_TEXT_MAX];
	json_t *signatures;
	/* What the ledger says of it. */
	enum report_standing standing;
	json_t *report;
};

/* Decides what kind of file it is and looks into it. ERR_INVALID: neither PDF, nor Encapsulated PDF, nor SR. */
bool report_verify_read(struct report_inquiry *inquiry, const char *path, const uint8_t *bytes, size_t length,
                        struct err *err);
/* Digest and signatures of a PDF. */
void report_verify_pdf(struct report_inquiry *inquiry, const uint8_t *pdf, size_t length);
/* Finds the code in the reasons of signatures, whatever else is broken in the file. */
void report_verify_scan(struct report_inquiry *inquiry, const uint8_t *pdf, size_t length);

#endif
