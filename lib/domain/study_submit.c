#include <stdio.h>

#include "lib/db/db.h"
#include "lib/domain/change.h"
#include "lib/domain/study.h"

struct submission {
	const char *person_id, *study_id, *patient_class;
};

static bool look(struct db *db, const struct submission *submission, char out_site[TEXT_UUID_SIZE], struct err *err)
{
	struct db_rows *rows;
	bool may;

	if (!db_exec_one(db, STMT_STUDY_MAY_SUBMIT,
	                 DB_PARAMS(db_text(submission->study_id), db_text(submission->person_id)), "study", &rows, err))
		return false;
	may = !submission->person_id || db_get_bool(rows, 0, "may");
	text_copy(out_site, TEXT_UUID_SIZE, db_get_text(rows, 0, "site"));
	db_rows_free(rows);
	return may || err_set(err, ERR_REFUSED, "cannot submit this study: no right at its site");
}

static bool submit_work(struct db *db, void *context, struct err *err)
{
	const struct submission *submission = context;
	char site[TEXT_UUID_SIZE];
	struct change change = {.event = "study.submit",
	                        .action = "study.submit",
	                        .person_id = submission->person_id,
	                        .is_operator = true,
	                        .subject_kind = "study",
	                        .subject_id = submission->study_id,
	                        .site_id = site};

	return look(db, submission, site, err) &&
	       db_exec(db, STMT_STUDY_SIGNAL_SUBMIT,
	               DB_PARAMS(db_text(submission->study_id), db_text(submission->person_id),
	                         db_text(submission->patient_class)),
	               NULL, err) &&
	       change_record(db, &change, err);
}

bool study_submit(struct db_pool *pool, const char *person_id, const char *study_id, const char *patient_class,
                  struct err *err)
{
	struct submission submission = {person_id, study_id, patient_class};

	if (!text_is_uuid(study_id))
		return err_set(err, ERR_NOT_FOUND, "no such study");
	if (patient_class && !study_is_patient_class(patient_class))
		return err_set(
		    err, ERR_INVALID,
		    "cannot submit with patient class \"%.40s\": emergency, outpatient, inpatient or health_check",
		    patient_class);
	return db_transact(pool, person_id, submit_work, &submission, err);
}
