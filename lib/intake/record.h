/*
 * The record of one received object: what the journal writes beside its bytes, small, with a digest of itself.
 *
 * Text, a line a field, in a fixed order, closed by "end " and the SHA-256 of everything before. A record is whole or it is not
 * there: one that ends before its last line was cut off by a crash before its object was acknowledged.
 */
#ifndef YQ_INTAKE_RECORD_H
#define YQ_INTAKE_RECORD_H

#include "lib/base/checksum.h"
#include "lib/base/digest.h"
#include "lib/base/text.h"
#include "lib/dicom/dicom.h"
#include "lib/intake/intake.h"
#include "lib/store/store.h"

enum { RECORD_MAX = 4096, RECORD_CHARSET_SIZE = 33 };

struct intake_record {
	char key[STORE_KEY_SIZE];
	enum intake_origin origin;
	char device[TEXT_UUID_SIZE]; /* empty: none */
	char site[TEXT_UUID_SIZE];
	char calling_ae[DICOM_AE_SIZE], called_ae[DICOM_AE_SIZE], address[DICOM_ADDRESS_SIZE];
	char sop_class_uid[DICOM_UID_SIZE], sop_instance_uid[DICOM_UID_SIZE], transfer_syntax_uid[DICOM_UID_SIZE];
	char default_charset
	    [RECORD_CHARSET_SIZE]; /* registered for the device; empty: none, and no line of the record */
	int64_t arrived_us;
	uint64_t size_bytes;   /* of the dataset as received */
	uint32_t header_bytes; /* our preamble and meta header before it */
	uint8_t checksum
	    [CHECKSUM_SIZE]; /* of the dataset as received: what the bytes are held against until they are in the store */
	uint8_t sha256[DIGEST_SIZE]; /* of the same; known from the placing on, no part of the journal's record */
	bool is_digested;            /* written by the version before this one: has the SHA-256 and no checksum */
};

enum record_shape {
	RECORD_WHOLE,
	RECORD_TORN,   /* its end is missing: never acknowledged */
	RECORD_DAMAGED /* its end is there and the digest or a field is wrong: it was whole once */
};

const char *intake_origin_name(enum intake_origin origin); /* device, link, own: as the ledger has it */
bool intake_origin_parse(const char *name, enum intake_origin *out);

/* ERR_INVALID when a text holds a control character, ids or UIDs are malformed, or something is too long. */
bool record_check(const struct intake_record *record, struct err *err);

/* out was initialised with at least RECORD_MAX. The record has passed record_check(). */
void record_encode(const struct intake_record *record, struct text_buf *out);
/* *out is written only when the result is RECORD_WHOLE. */
enum record_shape record_decode(const char *text, size_t length, struct intake_record *out);

#endif
