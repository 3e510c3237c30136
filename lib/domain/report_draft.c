/* Drafts, and sending a submission back. */
#include <stdlib.h>
#include <string.h>

#include "lib/base/conf.h"
#include "lib/base/log.h"
#include "lib/db/db.h"
#include "lib/domain/change.h"
#include "lib/domain/report_body.h"
#include "lib/domain/report_ledger.h"

enum { REMARK_MAX = 2000 };

struct saving {
	const struct task_claim *claim;
	int seen_revision;
	char *body;
	int revision;
	char report_id[TEXT_UUID_SIZE];
};

static bool draft_conflict(struct err *err)
{
	return err_set(err, ERR_CONFLICT, "cannot save the draft: it was changed elsewhere, load it again");
}

static bool create_draft(struct db *db, const struct saving *saving, struct db_rows **rows, struct err *err)
{
	const struct task_claim *claim = saving->claim;

	return db_exec(db, STMT_REPORT_CREATE, DB_PARAMS(db_text(claim->task_id)), NULL, err) &&
	       db_exec_one(db, STMT_REPORT_DRAFT_CREATE,
	                   DB_PARAMS(db_text(claim->task_id), db_text(claim->person_id), db_text(saving->body)),
	                   "reading task", rows, err);
}

static bool update_draft(struct db *db, const struct saving *saving, const struct report_row *row,
                         struct db_rows **rows, struct err *err)
{
	if (!db_exec(db, STMT_REPORT_DRAFT_UPDATE,
	             DB_PARAMS(db_text(row->report_id), db_text(saving->claim->person_id), db_text(saving->body),
	                       db_int(saving->seen_revision)),
	             rows, err))
		return false;
	if (db_rows_count(*rows) == 1)
		return true;
	db_rows_free(*rows);
	return draft_conflict(err);
}

static bool renew_lease(struct db *db, const struct task_claim *claim, struct err *err)
{
	return db_exec_one(db, STMT_TASK_RENEW,
	                   DB_PARAMS(db_text(claim->task_id), db_text(claim->lease_token), db_text(claim->person_id),
	                             db_int(conf_number(CONF_LEASE))),
	                   "lease of the reading task", NULL, err);
}

/* The answer of the first call was lost: the draft is what this person would make of the one before. */
static bool is_repeated(const struct saving *saving, const struct report_row *row)
{
	json_t *kept, *given;
	bool same;

	if (row->state != REPORT_VERSION_DRAFT || row->revision != saving->seen_revision + 1 ||
	    strcasecmp(row->author_id, saving->claim->person_id) != 0)
		return false;
	kept = json_loads(row->body, 0, NULL);
	given = json_loads(saving->body, 0, NULL);
	same = kept && given && json_equal(kept, given);
	json_decref(kept);
	json_decref(given);
	return same;
}

static bool keep_draft(struct db *db, struct saving *saving, const struct report_row *row, struct err *err)
{
	struct db_rows *rows;

	if (is_repeated(saving, row)) {
		saving->revision = row->revision;
		(void)text_copy(saving->report_id, sizeof saving->report_id, row->report_id);
		return renew_lease(db, saving->claim, err);
	}
	if (row->revision != saving->seen_revision)
		return draft_conflict(err);
	if (!(row->state == REPORT_VERSION_NONE ? create_draft(db, saving, &rows, err)
	                                        : update_draft(db, saving, row, &rows, err)))
		return false;
	saving->revision = (int)db_get_int(rows, 0, "revision");
	(void)text_copy(saving->report_id, sizeof saving->report_id, db_get_text(rows, 0, "report_id"));
	db_rows_free(rows);
	return db_exec_one(db, STMT_REPORT_REVISION_INSERT,
	                   DB_PARAMS(db_text(saving->report_id), db_text(saving->claim->person_id)), "report version",
	                   NULL, err) &&
	       renew_lease(db, saving->claim, err);
}

static bool save_work(struct db *db, void *context, struct err *err)
{
	struct saving *saving = context;
	struct task_facts task;
	struct report_row row;
	bool ok;

	if (!task_lock_claim(db, saving->claim, &task, err))
		return false;
	if (task.state != TASK_WRITING)
		return err_set(err, ERR_REFUSED, "cannot save the draft: the task is not in writing");
	if (!task.may_write)
		return err_set(err, ERR_REFUSED, "cannot save the draft: you have no right to write this report");
	if (!report_row_find(db, saving->claim->task_id, &row, err))
		return false;
	ok = keep_draft(db, saving, &row, err);
	report_row_fini(&row);
	return ok;
}

bool report_draft_save(struct report_desk *desk, const struct task_claim *claim, int seen_revision,
                       const struct report_body *body, int *out_revision, char out_report_id[TEXT_UUID_SIZE],
                       struct err *err)
{
	struct saving saving = {.claim = claim, .seen_revision = seen_revision};
	json_t *json = NULL;
	bool ok;

	if (!report_body_to_json(body, &json, err))
		return false;
	saving.body = json_dumps(json, JSON_COMPACT | JSON_SORT_KEYS);
	json_decref(json);
	if (!saving.body)
		err_panic("out of memory for a report");
	ok = db_transact(desk->pool, claim->person_id, save_work, &saving, err);
	free(saving.body);
	if (!ok)
		return false;
	*out_revision = saving.revision;
	(void)text_copy(out_report_id, TEXT_UUID_SIZE, saving.report_id);
	return true;
}

/* ---- sending back -------------------------------------------------------------------------------------------------------- */

struct sending_back {
	const struct task_claim *claim;
	const char *remark;
};

static bool take_back(struct db *db, const struct task_claim *claim, const char *remark, const struct report_row *row,
                      const struct task_facts *task, struct err *err)
{
	static const char *const papers[] = {"pdf_submitted", "pdf", "sr", "encapsulated_pdf"};
	const struct change change = {.event = "report.send_back",
	                              .action = "report.send_back",
	                              .person_id = claim->person_id,
	                              .subject_kind = "report_version",
	                              .subject_id = row->report_id,
	                              .site_id = task->site_id};

	return db_exec_one(db, STMT_REPORT_REMARK_INSERT,
	                   DB_PARAMS(db_text(row->report_id), db_text(claim->person_id), db_text(remark)),
	                   "report version", NULL, err) &&
	       db_exec(db, STMT_REPORT_SIGNATURE_VOID, DB_PARAMS(db_text(row->report_id)), NULL, err) &&
	       db_exec(db, STMT_ARTEFACT_VOID, DB_PARAMS(db_text(row->report_id), db_texts(papers, 4)), NULL, err) &&
	       db_exec_one(db, STMT_REPORT_SEND_BACK, DB_PARAMS(db_text(row->report_id)), "submitted report", NULL,
	                   err) &&
	       change_record(db, &change, err) &&
	       task_step(db, task, TASK_EVENT_SEND_BACK, claim->person_id, task->author_id, NULL, err);
}

static bool send_back_work(struct db *db, void *context, struct err *err)
{
	struct sending_back *back = context;
	struct task_facts task;
	struct report_row row;
	bool ok;

	if (!task_lock_claim(db, back->claim, &task, err))
		return false;
	if (task.state != TASK_REVIEWING || !task.may_review)
		return err_set(err, ERR_REFUSED, "cannot send the report back: you are not reviewing it");
	if (!report_row_find(db, back->claim->task_id, &row, err))
		return false;
	if (row.state == REPORT_VERSION_SUBMITTED)
		ok = take_back(db, back->claim, back->remark, &row, &task, err);
	else
		ok = err_set(err, ERR_CONFLICT, "cannot send the report back: it is %s",
		             report_version_state_name(row.state));
	if (ok)
		log_info(LOG_REPORT_STATE, "report=%s from=%s to=%s", row.report_id, "submitted", "draft");
	report_row_fini(&row);
	return ok;
}

bool report_send_back(struct report_desk *desk, const struct task_claim *claim, const char *remark, struct err *err)
{
	struct sending_back back = {claim, remark};

	if (!remark || !*remark || !text_is_utf8(remark, strlen(remark)) || text_utf8_count(remark) > REMARK_MAX)
		return err_set(err, ERR_INVALID, "cannot send the report back: the remark needs 1 to %d characters",
		               REMARK_MAX);
	return db_transact(desk->pool, claim->person_id, send_back_work, &back, err);
}
