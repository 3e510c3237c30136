/*
 * Evidence: what a doctor makes while reading (measurements, segmentations, presentation states, key images) and stores by STOW-RS beside the images.
 * Who holds a reading task of the study may: the one who writes or reviews, so that nobody changes what lies beside another one's report. Every object
 * must be of a class of evidence, of the study, of its patient, about objects of that study, and under UIDs that are not theirs.
 *
 * Knows the conditions. What becomes of the bytes: stow.h.
 */
#ifndef YQ_GATEWAY_EVIDENCE_H
#define YQ_GATEWAY_EVIDENCE_H

#include "gateway/gateway.h"
#include "gateway/stow.h"
#include "lib/http/http.h"

/* Public ids. */
struct evidence_place {
	char study[TEXT_UUID_SIZE], site[TEXT_UUID_SIZE];
	char task[TEXT_UUID_SIZE]; /* that the caller holds; empty: none */
};

/* What the caller may see under a Study Instance UID, the study that the caller reads first. *is_there false: nothing. */
bool evidence_find(struct http_request *request, const char *study_uid, bool *is_there, struct evidence_place *out,
                   struct err *err);
/* The same with what the pages are told about it; *out: json_decref(). ERR_NOT_FOUND: there is no such study. */
bool evidence_tell(struct http_request *request, const char *study_uid, struct evidence_place *place, json_t **out,
                   struct err *err);

/* Structured reports, segmentations, key object selections, softcopy presentation states. */
bool evidence_takes_class(const char *sop_class_uid);

/* An admits of struct stow_judge. */
struct evidence_judge {
	struct http_request *request;
	const struct evidence_place *place;
};
bool evidence_admits(void *context, struct intake_object *object, const struct dicom_fields *fields, unsigned *failure,
                     struct err *err);

#endif
