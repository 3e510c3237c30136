#include "gateway/evidence.h"

#include <stdlib.h>
#include <string.h>

#include "gateway/caller.h"

/* PS3.4 table B.5-1. */
static const char *const classes[] = {
    "1.2.840.10008.5.1.4.1.1.88.22", /* Enhanced SR */
    "1.2.840.10008.5.1.4.1.1.88.33", /* Comprehensive SR */
    "1.2.840.10008.5.1.4.1.1.88.34", /* Comprehensive 3D SR */
    "1.2.840.10008.5.1.4.1.1.88.59", /* Key Object Selection Document */
    "1.2.840.10008.5.1.4.1.1.66.4",  /* Segmentation */
    "1.2.840.10008.5.1.4.1.1.66.7",  /* Label Map Segmentation */
    "1.2.840.10008.5.1.4.1.1.11.1",  /* Grayscale Softcopy Presentation State */
    "1.2.840.10008.5.1.4.1.1.11.2",  /* Color Softcopy Presentation State */
};

/* What evidence_admit() of the ledger answers. */
static const struct condition {
	const char *name;
	unsigned failure;
	enum err_kind kind;
	const char *words; /* for an LO of 64 characters */
} conditions[] = {
    {"not_held", STOW_NOT_AUTHORIZED, ERR_REFUSED, "you do not hold the reading task of the study any more"},
    {"patient", STOW_OTHER_PATIENT, ERR_INVALID, "it names another patient than the study"},
    {"instance_taken", STOW_UID_TAKEN, ERR_CONFLICT, "another object has its SOP Instance UID"},
    {"series_taken", STOW_UID_TAKEN, ERR_CONFLICT, "its Series Instance UID is that of images"},
    {"reference", STOW_OTHER_REFERENCE, ERR_INVALID, "it refers to objects that are not of the study, or none"},
};

bool evidence_takes_class(const char *sop_class_uid)
{
	for (size_t i = 0; i < sizeof classes / sizeof classes[0]; i++)
		if (strcmp(classes[i], sop_class_uid) == 0)
			return true;
	return false;
}

static bool ask_place(struct http_request *request, const char *study_uid, struct db_rows **out, struct err *err)
{
	struct db *db;
	return caller_db(request, &db, err) &&
	       db_exec(db, STMT_EVIDENCE_PLACE, DB_PARAMS(db_text(caller_id(request)), db_text(study_uid)), out, err);
}

static void read_place(const struct db_rows *rows, struct evidence_place *out)
{
	const char *task = db_get_text(rows, 0, "task");
	text_copy(out->study, sizeof out->study, db_get_text(rows, 0, "study"));
	text_copy(out->site, sizeof out->site, db_get_text(rows, 0, "site"));
	text_copy(out->task, sizeof out->task, task != NULL ? task : "");
}

bool evidence_find(struct http_request *request, const char *study_uid, bool *is_there, struct evidence_place *out,
                   struct err *err)
{
	struct db_rows *rows = NULL;
	if (!ask_place(request, study_uid, &rows, err))
		return false;
	*is_there = db_rows_count(rows) > 0;
	if (*is_there)
		read_place(rows, out);
	db_rows_free(rows);
	caller_rest(request);
	return true;
}

bool evidence_tell(struct http_request *request, const char *study_uid, struct evidence_place *place, json_t **out,
                   struct err *err)
{
	struct db_rows *rows = NULL;
	if (!ask_place(request, study_uid, &rows, err))
		return false;
	bool is_there = db_rows_count(rows) > 0;
	if (is_there) {
		read_place(rows, place);
		*out = json_pack("{s:s, s:s?, s:b, s:o}", "study", place->study, "task",
		                 place->task[0] != '\0' ? place->task : NULL, "is_writing",
		                 db_get_bool(rows, 0, "is_writing"), "key_images",
		                 json_loads(db_get_text(rows, 0, "key_images"), 0, NULL));
		if (*out == NULL)
			err_panic("could not write JSON");
	}
	db_rows_free(rows);
	caller_rest(request);
	return is_there || err_set(err, ERR_NOT_FOUND, "there is no such study");
}

static bool fail(const char *name, unsigned *failure, struct err *err)
{
	for (size_t i = 0; i < sizeof conditions / sizeof conditions[0]; i++) {
		if (strcmp(conditions[i].name, name) != 0)
			continue;
		*failure = conditions[i].failure;
		return err_set(err, conditions[i].kind, "%s", conditions[i].words);
	}
	err_panic("the ledger knows a condition of evidence that is not known here");
}

static bool ask_ledger(const struct evidence_judge *judge, const struct dicom_fields *fields, const char *const *uids,
                       size_t count, unsigned *failure, struct err *err)
{
	struct db *db;
	struct db_rows *rows = NULL;
	if (!caller_db(judge->request, &db, err))
		return false;
	bool ok = db_exec(db, STMT_EVIDENCE_ADMIT,
	                  DB_PARAMS(db_text(caller_id(judge->request)), db_text(judge->place->study),
	                            db_text(fields->sop_class_uid), db_text(fields->sop_instance_uid),
	                            db_text(fields->series_instance_uid), db_text(fields->patient_id),
	                            db_text(fields->patient_name), db_text(fields->patient_sex),
	                            db_text(fields->patient_birth_date), db_texts(uids, count)),
	                  &rows, err);
	const char *refused = ok ? db_get_text(rows, 0, "refused") : "";
	ok = ok && (refused[0] == '\0' || fail(refused, failure, err));
	db_rows_free(rows);
	caller_rest(judge->request);
	return ok;
}

bool evidence_admits(void *context, struct intake_object *object, const struct dicom_fields *fields, unsigned *failure,
                     struct err *err)
{
	const struct evidence_judge *judge = context;
	struct dicom_references references;
	if (!intake_look_references(object, &references, err))
		return false;
	const char **uids = calloc(references.count + 1, sizeof *uids);
	if (uids == NULL)
		err_panic("out of memory");
	for (size_t i = 0; i < references.count; i++)
		uids[i] = references.uids[i];
	bool ok = ask_ledger(judge, fields, uids, references.count, failure, err);
	free(uids);
	dicom_references_fini(&references);
	return ok;
}
