/*
 * Submission by the author.
 *
 *	0.		the pictures of the key images are drawn, outside of any transaction
 *	1. transaction	the content is fixed and the row of the candidate PDF written, with the key that it will have
 *	2.		the PDF goes into the store
 *	3. transaction	the author's signature over the content, draft -> submitted, task -> awaiting_review
 *
 * A crash before 3 leaves a draft: submitting again makes a new candidate, the old one stays set aside.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/base/clock.h"
#include "lib/base/conf.h"
#include "lib/base/file.h"
#include "lib/base/log.h"
#include "lib/db/db.h"
#include "lib/domain/account.h"
#include "lib/domain/change.h"
#include "lib/domain/report_body.h"
#include "lib/domain/report_check.h"
#include "lib/domain/report_content.h"
#include "lib/domain/report_facts.h"
#include "lib/domain/report_ledger.h"
#include "lib/domain/report_pictures.h"
#include "lib/domain/report_sign.h"

struct submission {
	const struct task_claim *claim;
	int revision, study_version, patient_revision;
	struct report_row row;
	struct signer *signer;
	char *canonical;
	int64_t signed_us;
	struct report_paper paper;
	struct report_pictures pictures;
	bool is_done; /* by an earlier call */
};

static void submission_reset(struct submission *submission)
{
	report_row_fini(&submission->row);
	signer_free(submission->signer);
	free(submission->canonical);
	free(submission->paper.bytes);
	submission->signer = NULL;
	submission->canonical = NULL;
	submission->paper = (struct report_paper){.kind = "pdf_submitted"};
}

/* Names of everything that will exist, fixed before anything is signed. */
static bool fix_names(struct db *db, struct report_row *row, struct err *err)
{
	char code[REPORT_CODE_SIZE], uids[4][TEXT_UID_SIZE];

	if (!report_code_of_id(row->report_id, code))
		return err_set(err, ERR_CORRUPT, "cannot make a verification code");
	for (int i = 0; i < 4; i++)
		text_uid_new(uids[i]);
	(void)text_copy(row->code, sizeof row->code, code);
	return db_exec_one(db, STMT_REPORT_PREPARE,
	                   DB_PARAMS(db_text(row->report_id), db_text(code), db_text(uids[0]), db_text(uids[1]),
	                             db_text(uids[2]), db_text(uids[3])),
	                   "report version", NULL, err);
}

static bool make_content(struct db *db, struct submission *submission, const json_t *body, json_t **out,
                         struct err *err)
{
	const char *task = submission->claim->task_id, *person = submission->claim->person_id;
	struct report_policy policy;
	struct report_person author;
	struct report_occasion occasion = {.row = &submission->row, .policy = &policy, .author = &author, .body = body};
	int study_version = 0;

	if (!report_qualified(db, task, person, "write", &author, err) || !report_policy_find(db, task, &policy, err) ||
	    !signer_open(db, person, &submission->signer, err))
		return false;
	occasion.is_demo = conf_bool(CONF_DEMO) || signer_is_demo(submission->signer);
	occasion.written_us = submission->signed_us;
	if (!report_facts_content(db, task, &occasion, out, &study_version, err))
		return false;
	if (study_version == submission->study_version)
		return true;
	json_decref(*out);
	return err_set(err, ERR_CONFLICT,
	               "cannot submit the report: images came in since it was written, look at them first");
}

/* What the check calls an error stops it here as well, whatever the page did. */
static bool check_text(struct db *db, const struct submission *submission, const json_t *body, struct err *err)
{
	struct report_body content;
	json_t *findings = NULL;
	bool ok;

	if (!report_body_from_json(body, &content, err) ||
	    !report_check_at(db, submission->claim->task_id, &content, &findings, err))
		return false;
	ok = report_check_pass(findings, err);
	json_decref(findings);
	return ok;
}

static bool make_candidate(struct db *db, struct submission *submission, struct err *err)
{
	json_t *body = json_loads(submission->row.body, 0, NULL), *content = NULL;
	size_t length;
	bool ok;

	if (!body)
		return err_set(err, ERR_CORRUPT, "cannot read the draft");
	submission->signed_us = clock_wall_us();
	ok = check_text(db, submission, body, err) && fix_names(db, &submission->row, err) &&
	     make_content(db, submission, body, &content, err);
	json_decref(body);
	if (!ok)
		return false;
	ok = report_pictures_name(content, &submission->pictures, err) &&
	     report_content_canonical(content, &submission->canonical, &length, err) &&
	     report_author_pdf(content, &submission->pictures, submission->signer, submission->signed_us,
	                       &submission->paper.bytes, &submission->paper.length, err) &&
	     report_papers_note(db, submission->row.report_id, &submission->paper, 1, err);
	json_decref(content);
	return ok;
}

/* The answer of a first call may have been lost: the lease is gone then, and the state says that it was done. */
static bool was_done(struct db *db, struct submission *submission, const struct err *why, struct err *err)
{
	struct report_row *row = &submission->row;

	if (why->kind != ERR_CONFLICT || !report_row_find(db, submission->claim->task_id, row, err) ||
	    row->state != REPORT_VERSION_SUBMITTED || row->revision != submission->revision ||
	    strcasecmp(row->author_id, submission->claim->person_id) != 0) {
		*err = *why;
		return false;
	}
	submission->is_done = true;
	return true;
}

static bool check_draft(const struct submission *submission, const struct task_facts *task, struct err *err)
{
	if (task->state != TASK_WRITING || !task->may_write)
		return err_set(err, ERR_REFUSED, "cannot submit the report: you are not writing it");
	if (submission->row.state != REPORT_VERSION_DRAFT || submission->row.revision != submission->revision)
		return err_set(err, ERR_CONFLICT,
		               "cannot submit the report: the draft was changed elsewhere, load it again");
	if (strcasecmp(submission->row.author_id, submission->claim->person_id) != 0)
		return err_set(err, ERR_CONFLICT, "cannot submit the report: save it in your own name first");
	return true;
}

/* Once it is known, the revision stands for the second look. */
static bool check_patient(struct db *db, struct submission *submission, struct err *err)
{
	return report_patient_check(db, submission->claim->task_id, submission->patient_revision,
	                            &submission->patient_revision, err);
}

static bool prepare_work(struct db *db, void *context, struct err *err)
{
	struct submission *submission = context;
	struct task_facts task;
	struct err why;

	submission_reset(submission);
	if (!task_lock_claim(db, submission->claim, &task, &why))
		return was_done(db, submission, &why, err);
	return report_row_find(db, submission->claim->task_id, &submission->row, err) &&
	       check_draft(submission, &task, err) && check_patient(db, submission, err) &&
	       make_candidate(db, submission, err);
}

static bool commit_work(struct db *db, void *context, struct err *err)
{
	struct submission *submission = context;
	const struct task_claim *claim = submission->claim;
	const char *report_id = submission->row.report_id;
	struct task_facts task;
	const struct change change = {.event = "report.submit",
	                              .action = "report.submit",
	                              .person_id = claim->person_id,
	                              .subject_kind = "report_version",
	                              .subject_id = report_id,
	                              .site_id = task.site_id};

	return task_lock_claim(db, claim, &task, err) && check_draft(submission, &task, err) &&
	       check_patient(db, submission, err) &&
	       report_sign_content(db, submission->signer, report_id, claim->person_id, "author", submission->canonical,
	                           submission->signed_us, err) &&
	       db_exec_one(db, STMT_REPORT_SUBMIT,
	                   DB_PARAMS(db_text(report_id), db_int(submission->revision), db_text(submission->canonical),
	                             db_int(submission->study_version), db_int(submission->patient_revision)),
	                   "draft as it was signed", NULL, err) &&
	       change_record(db, &change, err) &&
	       task_step(db, &task, TASK_EVENT_SUBMIT, claim->person_id, NULL, NULL, err);
}

static bool submit(struct report_desk *desk, struct submission *submission, struct err *err)
{
	const char *person = submission->claim->person_id;

	if (!report_pictures_make(desk->pool, desk->store, person, submission->claim->task_id, &submission->pictures,
	                          err) ||
	    !db_transact(desk->pool, person, prepare_work, submission, err))
		return false;
	if (submission->is_done)
		return true;
	file_kill_point("submit-prepared");
	if (!report_papers_put(desk->store, &submission->paper, 1, err))
		return false;
	file_kill_point("submit-stored");
	if (!db_transact(desk->pool, person, commit_work, submission, err))
		return false;
	log_info(LOG_REPORT_STATE, "report=%s from=%s to=%s", submission->row.report_id, "draft", "submitted");
	return true;
}

bool report_submit(struct report_desk *desk, const struct task_claim *claim, const char *password, int revision,
                   const struct report_seen *seen, struct err *err)
{
	struct submission submission = {.claim = claim,
	                                .revision = revision,
	                                .study_version = seen->study_version,
	                                .patient_revision = seen->patient_revision};
	bool ok;

	if (!account_confirm(desk->pool, claim->person_id, password, err))
		return false;
	ok = submit(desk, &submission, err);
	submission_reset(&submission);
	report_pictures_fini(&submission.pictures);
	return ok;
}
