#include <stdio.h>
#include <string.h>

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

/* ---- 人工确认图像已齐 --------------------------------------------------------------------------------------------------- */

enum { REASON_CHARACTERS_MAX = 500 };

struct completion {
	struct submission who;
	const char *reason;
};

static bool complete_work(struct db *db, void *context, struct err *err)
{
	const struct completion *completion = context;
	const struct submission *who = &completion->who;
	char site[TEXT_UUID_SIZE];
	struct change change = {.event = "study.complete_by_hand",
	                        .action = "study.complete_by_hand",
	                        .person_id = who->person_id,
	                        .is_operator = true,
	                        .subject_kind = "study",
	                        .subject_id = who->study_id,
	                        .site_id = site};

	return look(db, who, site, err) &&
	       db_exec(db, STMT_STUDY_SIGNAL_COMPLETE,
	               DB_PARAMS(db_text(who->study_id), db_text(who->person_id), db_text(completion->reason)), NULL,
	               err) &&
	       change_record(db, &change, err);
}

bool study_complete_by_hand(struct db_pool *pool, const char *person_id, const char *study_id, const char *reason,
                            struct err *err)
{
	struct completion completion = {{person_id, study_id, NULL}, reason};

	if (!text_is_uuid(study_id))
		return err_set(err, ERR_NOT_FOUND, "no such study");
	if (!reason || !reason[strspn(reason, " ")] || !text_is_utf8(reason, strlen(reason)) ||
	    text_utf8_count(reason) > REASON_CHARACTERS_MAX)
		return err_set(err, ERR_INVALID,
		               "cannot say that a study is all there without a reason of 1 to %d characters",
		               REASON_CHARACTERS_MAX);
	return db_transact(pool, person_id, complete_work, &completion, err);
}
