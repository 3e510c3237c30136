/*
 * What a message about a report says, from the record that its paper, its SR and its Encapsulated PDF were made from: the signed content
 * (report_content.h) and the names that the ledger has for its parts. The forms of it are pure functions: report_oru.h (HL7 v2) and
 * report_fhir.h. How they travel is lib/transport's business; docs/messages.md says field by field what is in them.
 */
#ifndef YQ_DOMAIN_REPORT_MESSAGE_H
#define YQ_DOMAIN_REPORT_MESSAGE_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/base/err.h"

struct db;
struct db_rows;
struct store;

enum report_message_kind {
	REPORT_MESSAGE_ORIGINAL,
	REPORT_MESSAGE_CORRECTION,
	REPORT_MESSAGE_SUPPLEMENT,
	REPORT_MESSAGE_VOID
};

/* Texts are UTF-8, never NULL; empty: there is none. */
struct report_message {
	const char *delivery_id;                                      /* stays the same however often it is sent */
	const char *version_id, *report_id, *patient_id, *request_id; /* public ids */
	const char *site_id, *issuer_id;
	enum report_message_kind kind;
	int version;
	const char *reason; /* of a correction or a void */
	const char *reviewer;
	const char *patient_pn,
	    *patient_issuer; /* of the study's identity claim: the name with its groups, who gave out the ID */
	const char *request_number, *doctor_code, *item_code;
	const char *verification_code;
	int64_t issued_us, made_us;
	const json_t *content;
	const uint8_t *pdf; /* the signed paper */
	size_t pdf_length;
};

/* A message with what lies behind it. */
struct report_message_loaded {
	struct report_message message;
	struct db_rows *rows;
	json_t *content;
	uint8_t *pdf;
};

/*
 * The message of a delivery that carries a report version. ERR_REFUSED: a later version of the report was issued, which goes out by
 * itself, so that an old report never overwrites a new one. ERR_NOT_FOUND: no such delivery, or no paper. ERR_CORRUPT: the paper is not what
 * was signed.
 */
bool report_message_load(struct db *db, struct store *store, const char *delivery_id, struct report_message_loaded *out,
                         struct err *err);
void report_message_fini(struct report_message_loaded *loaded);

/* RFC 4648 section 4, with padding. *out: free(3). */
char *report_message_base64(const uint8_t *bytes, size_t length);

#endif
