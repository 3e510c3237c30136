#include "lib/intake/doubt.h"

#include <string.h>

enum { STATUS_MISMATCH = 0xA900, STATUS_CANNOT_UNDERSTAND = 0xC000 };

const char *intake_doubt_name(enum intake_doubt doubt)
{
	static const char *const names[DOUBT_COUNT] = {
	    [DOUBT_NONE] = "",
	    [DOUBT_SOP_UID] = "sop_uid",
	    [DOUBT_MISMATCH] = "mismatch",
	    [DOUBT_STUDY_UID] = "study_uid",
	    [DOUBT_UNREADABLE] = "unreadable",
	    [DOUBT_DAMAGED] = "damaged",
	    [DOUBT_NO_SITE] = "no_site",
	    [DOUBT_LEDGER] = "ledger",
	};

	return names[doubt];
}

static bool needs_study(const struct dicom_fields *fields)
{
	if (dicom_is_patient_sop_class(fields->sop_class_uid))
		return true;
	return fields->has_study && !dicom_is_storage_sop_class(fields->sop_class_uid);
}

enum intake_doubt intake_doubt_of_fields(const struct intake_record *record, const struct dicom_fields *fields)
{
	if (!text_is_uid(fields->sop_class_uid) || !text_is_uid(fields->sop_instance_uid))
		return DOUBT_SOP_UID;
	if (strcmp(fields->sop_class_uid, record->sop_class_uid) != 0 ||
	    strcmp(fields->sop_instance_uid, record->sop_instance_uid) != 0)
		return DOUBT_MISMATCH;
	if (needs_study(fields) &&
	    (!text_is_uid(fields->study_instance_uid) || !text_is_uid(fields->series_instance_uid)))
		return DOUBT_STUDY_UID;
	return DOUBT_NONE;
}

bool intake_doubt_err(enum intake_doubt doubt, struct err *err)
{
	switch (doubt) {
	case DOUBT_MISMATCH:
		err_set(err, ERR_INVALID,
		        "cannot take the object: dataset does not match SOP class or instance announced");
		return err_code(err, ERR_SOURCE_DIMSE, STATUS_MISMATCH);
	case DOUBT_STUDY_UID:
		err_set(err, ERR_INVALID, "cannot take the object: study or series UID missing or malformed");
		break;
	default:
		err_set(err, ERR_INVALID, "cannot take the object: SOP class or instance UID missing or malformed");
		break;
	}
	return err_code(err, ERR_SOURCE_DIMSE, STATUS_CANNOT_UNDERSTAND);
}

enum intake_doubt intake_doubt_of_err(const struct err *err)
{
	char state[6];

	if (err->source == ERR_SOURCE_SQL) {
		err_sqlstate_unpack(err->code, state);
		return strcmp(state, "YQ404") == 0 ? DOUBT_NO_SITE : DOUBT_LEDGER;
	}
	if (err->kind == ERR_CORRUPT)
		return DOUBT_DAMAGED;
	return err->kind == ERR_INVALID ? DOUBT_UNREADABLE : DOUBT_LEDGER;
}
