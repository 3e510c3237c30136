#include "lib/domain/report_follow.h"

#include <string.h>

#include "lib/base/log.h"
#include "lib/db/db.h"
#include "lib/domain/change.h"

struct following {
	const char *person_id, *report_id, *kind, *reason;
	char task_id[TEXT_UUID_SIZE], next_id[TEXT_UUID_SIZE], site_id[TEXT_UUID_SIZE];
};

static bool is_reason(const char *reason)
{
	return reason && *reason && strlen(reason) <= REPORT_FOLLOW_REASON_MAX && text_is_utf8(reason, strlen(reason));
}

static bool follow_work(struct db *db, void *context, struct err *err)
{
	struct following *following = context;
	struct db_rows *rows;
	const struct change change = {.event = "task.open",
	                              .action = "report.follow",
	                              .person_id = following->person_id,
	                              .subject_kind = "task",
	                              .subject_id = following->task_id,
	                              .site_id = following->site_id};

	if (!db_exec_one(db, STMT_REPORT_FOLLOW,
	                 DB_PARAMS(db_text(following->person_id), db_text(following->report_id),
	                           db_text(following->kind), db_text(following->reason)),
	                 "the report", &rows, err))
		return false;
	text_copy(following->task_id, sizeof following->task_id, db_get_text(rows, 0, "task"));
	text_copy(following->next_id, sizeof following->next_id, db_get_text(rows, 0, "report"));
	text_copy(following->site_id, sizeof following->site_id, db_get_text(rows, 0, "site"));
	db_rows_free(rows);
	return change_record(db, &change, err);
}

bool report_follow(struct db_pool *pool, const char *person_id, const char *report_id, const char *kind,
                   const char *reason, char out_task_id[TEXT_UUID_SIZE], char out_report_id[TEXT_UUID_SIZE],
                   struct err *err)
{
	struct following following = {.person_id = person_id, .report_id = report_id, .kind = kind, .reason = reason};

	if (!text_is_uuid(report_id))
		return err_set(err, ERR_NOT_FOUND, "there is no such issued report");
	if (!is_reason(reason))
		return err_set(err, ERR_INVALID, "give a reason of at most %d bytes: it stands on the paper",
		               REPORT_FOLLOW_REASON_MAX);
	if (!db_transact(pool, person_id, follow_work, &following, err))
		return false;
	log_info(LOG_REPORT_STATE, "report=%s from=%s to=%s", following.next_id, "", "draft");
	text_copy(out_task_id, TEXT_UUID_SIZE, following.task_id);
	text_copy(out_report_id, TEXT_UUID_SIZE, following.next_id);
	return true;
}

/* ---- the paper at the site ------------------------------------------------------------------------------------------------- */

static bool recall_work(struct db *db, void *context, struct err *err)
{
	const struct following *recall = context;
	struct db_rows *rows;
	bool is_done;
	char site[TEXT_UUID_SIZE];
	const struct change change = {.event = "report.recalled",
	                              .action = "report.recall",
	                              .person_id = recall->person_id,
	                              .subject_kind = "report_version",
	                              .subject_id = recall->report_id,
	                              .site_id = site};

	if (!db_exec_one(db, STMT_REPORT_RECALL_DONE, DB_PARAMS(db_text(recall->report_id), db_text(recall->person_id)),
	                 "the report", &rows, err))
		return false;
	text_copy(site, sizeof site, db_get_text(rows, 0, "site"));
	is_done = db_get_bool(rows, 0, "is_done");
	db_rows_free(rows);
	if (!is_done)
		return err_set(err, ERR_CONFLICT, "nothing is to be called back here, or somebody did it");
	return change_record(db, &change, err);
}

bool report_recall_done(struct db_pool *pool, const char *person_id, const char *report_id, struct err *err)
{
	struct following recall = {.person_id = person_id, .report_id = report_id};

	if (!text_is_uuid(report_id))
		return err_set(err, ERR_NOT_FOUND, "there is no such report");
	return db_transact(pool, person_id, recall_work, &recall, err);
}
