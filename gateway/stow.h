/*
 * STOW-RS (PS3.18 section 10.5), the body: objects as they arrive, one after the other, into lib/intake. Knows no request and no person.
 *
 * Of an object no more than its meta header is held here, in whatever pieces it comes. What was committed stays, whatever becomes of
 * the rest of the body. Belongs to one thread at a time.
 */
#ifndef YQ_GATEWAY_STOW_H
#define YQ_GATEWAY_STOW_H

#include <jansson.h>

#include "lib/dicom/dicom.h"
#include "lib/intake/intake.h"

enum { STOW_OBJECTS_MAX = 5000 };

/* PS3.18 table I.2-2 and PS3.4 table B.2-1; others come from lib/intake as they are. */
enum stow_failure {
	STOW_STORED = 0,
	STOW_CLASS_NOT_TAKEN = 0x0122,
	STOW_NOT_AUTHORIZED = 0x0124, /* PS3.7 section C.5.24 */
	STOW_NO_ROOM = 0xA700,
	STOW_NOT_AS_SAID = 0xA900,     /* the dataset is not what the meta header says */
	STOW_OTHER_STUDY = 0xA901,     /* of A9xx: the address names another study */
	STOW_OTHER_PATIENT = 0xA902,   /* than that of the study */
	STOW_OTHER_REFERENCE = 0xA903, /* it is about objects that are not of the study, or about none */
	STOW_UID_TAKEN = 0xA904,       /* its own UID, or that of its series, is that of images */
	STOW_NOT_UNDERSTOOD = 0xC000,
	STOW_SYNTAX_NOT_TAKEN = 0xC122
};

struct stow_result {
	/* As announced in the meta header; empty: malformed, or none. */
	char sop_class_uid[DICOM_UID_SIZE], sop_instance_uid[DICOM_UID_SIZE];
	/* Of the dataset, when it was read. */
	char study_uid[DICOM_UID_SIZE], series_uid[DICOM_UID_SIZE];
	unsigned failure; /* 0: stored, durably */
	char reason[65];  /* of a failure, in words; may be empty */
	bool is_too_large;
};

/* Conditions of who stores, beside those of every object. False: STOW_CLASS_NOT_TAKEN, or the *failure that was set. */
struct stow_judge {
	bool (*takes_class)(const char *sop_class_uid);
	bool (*admits)(void *context, struct intake_object *object, const struct dicom_fields *fields,
	               unsigned *failure, struct err *err);
	void *context;
};

/* Copied. */
struct stow_settings {
	struct intake *intake;
	const char *site;      /* public id */
	const char *address;   /* of the sender */
	const char *study_uid; /* that every object must be of; NULL: any */
	const char *boundary;  /* of the multipart body; NULL: the body is one object */
	enum intake_origin origin;
	struct stow_judge judge; /* all NULL: whatever is storable */
};

struct stow;
/* ERR_INVALID: no such boundary. */
bool stow_new(const struct stow_settings *settings, struct stow **out, struct err *err);
/* What is half received leaves nothing. NULL is fine. */
void stow_free(struct stow *stow);

/* ERR_INVALID: the body is malformed, or (ERR_SOURCE_HTTP 413) has too many objects. What becomes of an object is no error but a result. */
bool stow_take(struct stow *stow, const void *bytes, size_t length, struct err *err);
bool stow_finish(struct stow *stow, struct err *err);

/* Borrowed until the next call. */
const struct stow_result *stow_results(const struct stow *stow, size_t *out_count);

/* PS3.18 table 10.5.3-1. 413: nothing was stored, and all of it was too large. */
int stow_status(const struct stow_result *results, size_t count);
/* The Store Instances Response Module (PS3.18 table I.2-1). base: address of the service. A new object. */
json_t *stow_response(const struct stow_result *results, size_t count, const char *base);

#endif
