/*
 * Datasets of the DIMSE-N services: what a commitment request (PS3.4 section J.3.2) and a performed procedure step (PS3.4 section F.7.2) say,
 * and what we say of a commitment. Pure; bounded by the size of the dataset.
 *
 * Malformed values are ERR_INVALID with a DIMSE status (ERR_SOURCE_DIMSE) of PS3.7 annex C.
 */
#ifndef YQ_DICOM_NORMALIZED_H
#define YQ_DICOM_NORMALIZED_H

#include "lib/dicom/dicom.h"

#ifdef __cplusplus
extern "C" {
#endif

/* PS3.7 annex C. */
enum {
	DICOM_STATUS_INVALID_ATTRIBUTE = 0x0106,
	DICOM_STATUS_PROCESSING_FAILURE = 0x0110,
	DICOM_STATUS_DUPLICATE_INSTANCE = 0x0111,
	DICOM_STATUS_NO_SUCH_INSTANCE = 0x0112,
	DICOM_STATUS_INVALID_ARGUMENT = 0x0115,
	DICOM_STATUS_NO_SUCH_CLASS = 0x0118,
	DICOM_STATUS_CLASS_INSTANCE_CONFLICT = 0x0119,
	DICOM_STATUS_MISSING_ATTRIBUTE = 0x0120,
	DICOM_STATUS_NO_SUCH_ACTION = 0x0123,
	DICOM_STATUS_DUPLICATE_TRANSACTION = 0x0131,
	DICOM_STATUS_UNRECOGNIZED_OPERATION = 0x0211,
	DICOM_STATUS_RESOURCE_LIMITATION = 0x0213
};

/* err as a refusal with this status. */
bool dicom_refuse(struct err *err, enum err_kind kind, uint16_t status, const char *text);

enum { DICOM_REFERENCES_MAX = 20000 };

struct dicom_reference_pair {
	char sop_class_uid[DICOM_UID_SIZE], sop_instance_uid[DICOM_UID_SIZE];
};

struct dicom_commitment_request {
	char transaction_uid[DICOM_UID_SIZE];
	struct dicom_reference_pair *items; /* in order; never empty */
	size_t count;
};
/* *out is the caller's, dicom_commitment_request_fini(), also after a failure. More than DICOM_REFERENCES_MAX: 0213. */
bool dicom_read_commitment_request(const struct dicom_bytes *dataset, struct dicom_commitment_request *out,
                                   struct err *err);
void dicom_commitment_request_fini(struct dicom_commitment_request *request);

/* What a provider says of a commitment (N-EVENT-REPORT, PS3.4 section J.3.3). */
struct dicom_commitment_told_item {
	struct dicom_reference_pair instance;
	uint16_t failure_reason; /* PS3.3 section C.14.1.1; 0: held */
};
struct dicom_commitment_told {
	char transaction_uid[DICOM_UID_SIZE];
	struct dicom_commitment_told_item *items;
	size_t count;
};
/* *out is the caller's, dicom_commitment_told_fini(), also after a failure. Errors as of dicom_read_commitment_request(). */
bool dicom_read_commitment_told(const struct dicom_bytes *dataset, struct dicom_commitment_told *out, struct err *err);
void dicom_commitment_told_fini(struct dicom_commitment_told *told);

/* A performed procedure step as N-CREATE and N-SET tell it; what was not told is empty. */
struct dicom_mpps {
	char status[17];                         /* IN PROGRESS, COMPLETED, DISCONTINUED, or what else stands there */
	char study_instance_uid[DICOM_UID_SIZE]; /* of the first scheduled step that has one */
	char accession_number[65], step_id[65], station_ae[17], modality[17];
	char start_date[17], start_time[17], end_date[17], end_time[17];
	bool has_series; /* a Performed Series Sequence was told */
	size_t series_count;
	struct dicom_reference_pair *items; /* images and other composites of the performed series */
	size_t count;
};
bool dicom_read_mpps(const struct dicom_bytes *dataset, struct dicom_mpps *out, struct err *err);
void dicom_mpps_fini(struct dicom_mpps *mpps);

/* Action Information of a commitment request, implicit or explicit VR little endian. *out: free(3). */
void dicom_write_commitment_request(const char *transaction_uid, const struct dicom_reference_pair *items, size_t count,
                                    bool is_implicit, uint8_t **out, size_t *out_length);
/* The identifier of a C-FIND for the instances of a series (PS3.4 section C.4.1, Study Root, level IMAGE). *out: free(3). */
void dicom_write_instance_query(const char *study_instance_uid, const char *series_instance_uid, bool is_implicit,
                                uint8_t **out, size_t *out_length);
/* The SOP Instance UID of an answer to it; empty: it has none. */
bool dicom_read_instance_found(const struct dicom_bytes *dataset, char out[DICOM_UID_SIZE], struct err *err);

/* Event Information in implicit or explicit VR little endian. *out: free(3). */
void dicom_write_commitment_result(const struct dicom_commitment_result *result, bool is_implicit, uint8_t **out,
                                   size_t *out_length);

#ifdef __cplusplus
}
#endif
#endif
