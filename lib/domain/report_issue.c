/*
 * Issue by the reviewer.
 *
 *	1. transaction	all three papers are made and signed, and their rows written with the keys that they will have
 *	2.		the papers go into the store
 *	3. transaction	the reviewer's signature over the content, submitted -> issued (the database's own gate), task -> done
 *	4.		SR and Encapsulated PDF are brought in, and the report is settled (report_settle.c)
 *
 * A crash before 3 leaves a submission: issuing again makes new papers under the UIDs that were fixed at submission, the old ones
 * stay set aside and nobody saw them. A crash behind 3 leaves an issued report that is not settled: 4 is repeated from the papers kept.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/base/clock.h"
#include "lib/base/file.h"
#include "lib/base/log.h"
#include "lib/db/db.h"
#include "lib/domain/account.h"
#include "lib/domain/change.h"
#include "lib/domain/report_ledger.h"
#include "lib/domain/report_objects.h"
#include "lib/domain/report_settle.h"
#include "lib/domain/report_sign.h"

enum { PAPERS = 3 };

struct issue {
	struct report_desk *desk;
	const struct task_claim *claim;
	struct report_row row;
	struct report_policy policy;
	struct signer *signer;
	int64_t signed_us;
	struct report_paper papers[PAPERS];
	bool is_done; /* by an earlier call */
};

static void issue_reset(struct issue *issue)
{
	report_row_fini(&issue->row);
	signer_free(issue->signer);
	issue->signer = NULL;
	for (size_t i = 0; i < PAPERS; i++)
		free(issue->papers[i].bytes);
	memset(issue->papers, 0, sizeof issue->papers);
	issue->papers[0].kind = "pdf";
	issue->papers[1].kind = "sr";
	issue->papers[2].kind = "encapsulated_pdf";
}

static bool make_pdf(struct db *db, struct issue *issue, const json_t *content, const struct report_person *reviewer,
                     struct err *err)
{
	struct report_paper *paper = &issue->papers[0];
	uint8_t *candidate = NULL;
	size_t length = 0;
	bool ok;

	if (!report_paper_get(db, issue->desk->store, issue->row.report_id, "pdf_submitted", &candidate, &length, err))
		return err_context(err, "could not read what the author signed");
	ok = report_reviewer_pdf(content, candidate, length, reviewer->name, reviewer->institution, issue->signer,
	                         issue->signed_us, &paper->bytes, &paper->length, err);
	free(candidate);
	return ok;
}

static bool make_objects(struct db *db, struct issue *issue, const json_t *content,
                         const struct report_person *reviewer, struct err *err)
{
	struct report_objects objects;
	const struct report_paper *pdf = &issue->papers[0];
	struct report_paper *sr = &issue->papers[1], *wrapped = &issue->papers[2];
	bool ok;

	if (!report_objects_load(db, issue->claim->task_id, &issue->row, content, reviewer->name, issue->signed_us,
	                         &objects, err))
		return false;
	sr->sop_instance_uid = issue->row.sr_uid;
	wrapped->sop_instance_uid = issue->row.pdf_uid;
	ok = report_sr_object(report_objects_sr(&objects), issue->signer, &sr->bytes, &sr->length, err) &&
	     report_pdf_object(report_objects_pdf(&objects), pdf->bytes, pdf->length, &wrapped->bytes, &wrapped->length,
	                       err);
	report_objects_fini(&objects);
	return ok;
}

static bool make_papers(struct db *db, struct issue *issue, struct err *err)
{
	const char *task = issue->claim->task_id, *person = issue->claim->person_id;
	json_t *content = json_loads(issue->row.canonical, 0, NULL);
	struct report_person reviewer;
	bool ok;

	if (!content)
		return err_set(err, ERR_CORRUPT, "cannot read what the author signed");
	issue->signed_us = clock_wall_us();
	ok = report_qualified(db, task, person, "review", &reviewer, err) &&
	     signer_open(db, person, &issue->signer, err) && make_pdf(db, issue, content, &reviewer, err) &&
	     make_objects(db, issue, content, &reviewer, err) &&
	     db_exec_one(db, STMT_REPORT_REVIEWER, DB_PARAMS(db_text(issue->row.report_id), db_text(person)),
	                 "submitted report", NULL, err) &&
	     report_papers_note(db, issue->row.report_id, issue->papers, PAPERS, err);
	json_decref(content);
	return ok;
}

static bool was_done(struct db *db, struct issue *issue, const struct err *why, struct err *err)
{
	struct report_row *row = &issue->row;

	if (why->kind != ERR_CONFLICT || !report_row_find(db, issue->claim->task_id, row, err) ||
	    row->state != REPORT_VERSION_ISSUED || strcasecmp(row->reviewer_id, issue->claim->person_id) != 0) {
		*err = *why;
		return false;
	}
	issue->is_done = true;
	return true;
}

static bool check_review(const struct issue *issue, const struct task_facts *task, struct err *err)
{
	const struct report_row *row = &issue->row;

	if (task->state != TASK_REVIEWING || !task->may_review)
		return err_set(err, ERR_REFUSED, "cannot issue the report: you are not reviewing it");
	if (row->state != REPORT_VERSION_SUBMITTED)
		return err_set(err, ERR_CONFLICT, "cannot issue the report: it is %s",
		               report_version_state_name(row->state));
	if (issue->policy.different_persons && strcasecmp(row->author_id, issue->claim->person_id) == 0)
		return err_set(err, ERR_REFUSED,
		               "cannot issue the report: author and reviewer must be different persons");
	/* A late image or a correction since the submission: the doctors have not seen it. */
	if (row->study_version != task->study_version)
		return err_set(
		    err, ERR_CONFLICT,
		    "cannot issue the report: images came in since it was written, send it back to its author");
	return true;
}

static bool check_patient(struct db *db, const struct issue *issue, struct err *err)
{
	int revision;

	return report_patient_check(db, issue->claim->task_id, issue->row.patient_revision, &revision, err);
}

static bool prepare_work(struct db *db, void *context, struct err *err)
{
	struct issue *issue = context;
	struct task_facts task;
	struct err why;

	issue_reset(issue);
	if (!task_lock_claim(db, issue->claim, &task, &why))
		return was_done(db, issue, &why, err);
	return report_row_find(db, issue->claim->task_id, &issue->row, err) &&
	       report_policy_find(db, issue->claim->task_id, &issue->policy, err) && check_review(issue, &task, err) &&
	       check_patient(db, issue, err) && make_papers(db, issue, err);
}

static bool commit_work(struct db *db, void *context, struct err *err)
{
	struct issue *issue = context;
	const char *report_id = issue->row.report_id, *person = issue->claim->person_id;
	struct task_facts task;
	const struct change change = {.event = "report.issue",
	                              .action = "report.issue",
	                              .person_id = person,
	                              .subject_kind = "report_version",
	                              .subject_id = report_id,
	                              .site_id = task.site_id};

	return task_lock_claim(db, issue->claim, &task, err) &&
	       report_policy_find(db, issue->claim->task_id, &issue->policy, err) && check_review(issue, &task, err) &&
	       check_patient(db, issue, err) &&
	       report_sign_content(db, issue->signer, report_id, person, "reviewer", issue->row.canonical,
	                           issue->signed_us, err) &&
	       db_exec_one(db, STMT_REPORT_ISSUE,
	                   DB_PARAMS(db_text(report_id), db_text(person), db_text(issue->policy.policy_id),
	                             db_time(issue->signed_us)),
	                   "submitted report", NULL, err) &&
	       change_record(db, &change, err) && task_step(db, &task, TASK_EVENT_ISSUE, person, NULL, NULL, err);
}

static bool issue_once(struct issue *issue, struct err *err)
{
	struct report_desk *desk = issue->desk;
	const char *person = issue->claim->person_id;

	if (!db_transact(desk->pool, person, prepare_work, issue, err))
		return false;
	if (issue->is_done)
		return true;
	file_kill_point("issue-prepared");
	if (!report_papers_put(desk->store, issue->papers, PAPERS, err))
		return false;
	file_kill_point("issue-stored");
	if (!db_transact(desk->pool, person, commit_work, issue, err))
		return false;
	log_info(LOG_REPORT_STATE, "report=%s from=%s to=%s", issue->row.report_id, "submitted", "issued");
	file_kill_point("issue-committed");
	return true;
}

bool report_issue(struct report_desk *desk, const struct task_claim *claim, const char *password, struct err *err)
{
	struct issue issue = {.desk = desk, .claim = claim};
	struct err later;
	bool ok;

	if (!account_confirm(desk->pool, claim->person_id, password, err))
		return false;
	ok = issue_once(&issue, err);
	/* Issued it is, whatever happens now: what could not be brought in yet is repeated by report_settle(). */
	if (ok && !report_settle_one(desk, claim->person_id, issue.row.report_id, &later))
		log_err(LOG_REPORT_STATE, &later, "report=%s", issue.row.report_id);
	issue_reset(&issue);
	return ok;
}
