/*
 * What can be wrong with an object that arrived whole and cannot be indexed as it is: said at the door while its sender listens
 * (PS3.4 table B.2-1), said again where it is placed, and kept beside it as a code that pages have words for. Pure.
 */
#ifndef YQ_INTAKE_DOUBT_H
#define YQ_INTAKE_DOUBT_H

#include "lib/intake/record.h"

enum intake_doubt {
	DOUBT_NONE,
	DOUBT_SOP_UID,    /* C000: the dataset has no SOP class or instance UID, or a malformed one */
	DOUBT_MISMATCH,   /* A900: the dataset is of another SOP class or instance than was announced */
	DOUBT_STUDY_UID,  /* C000: no study or series UID, or a malformed one, where the SOP class needs them */
	DOUBT_UNREADABLE, /* its structure cannot be walked any more */
	DOUBT_DAMAGED,    /* the journal does not hold what was received */
	DOUBT_NO_SITE,    /* its site is not in the ledger */
	DOUBT_LEDGER,     /* the ledger refuses a value */
	DOUBT_COUNT
};

const char *intake_doubt_name(enum intake_doubt doubt); /* as the ledger keeps it: "sop_uid", ... */

/* Of a dataset that could be read. */
enum intake_doubt intake_doubt_of_fields(const struct intake_record *record, const struct dicom_fields *fields);
/* Fills *err with text and DIMSE status of one of the first three; false. */
bool intake_doubt_err(enum intake_doubt doubt, struct err *err);
/* Of whatever else kept an object from being placed or indexed. */
enum intake_doubt intake_doubt_of_err(const struct err *err);

#endif
