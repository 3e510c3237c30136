/* What may be shown of a report, and its paper. */
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "lib/db/db.h"
#include "lib/domain/change.h"
#include "lib/domain/report_ledger.h"

struct showing {
	const char *person_id, *task_id, *report_id;
	json_t *report;
};

static bool show_work(struct db *db, void *context, struct err *err)
{
	struct showing *showing = context;
	struct db_rows *rows;
	bool may;

	json_decref(showing->report);
	showing->report = NULL;
	if (!db_exec_one(db, STMT_REPORT_MAY_SEE_DRAFT,
	                 DB_PARAMS(db_text(showing->task_id), db_text(showing->person_id)), "reading task", &rows, err))
		return false;
	may = db_get_bool(rows, 0, "may");
	db_rows_free(rows);
	if (!db_exec(db, STMT_REPORT_SHOW,
	             DB_PARAMS(db_text(showing->task_id), db_bool(may), db_text(showing->report_id)), &rows, err))
		return false;
	showing->report =
	    db_rows_count(rows) ? json_loads(db_get_text(rows, 0, "report"), JSON_DECODE_ANY, NULL) : json_null();
	db_rows_free(rows);
	return showing->report || err_set(err, ERR_CORRUPT, "cannot read the report");
}

bool report_show(struct report_desk *desk, const char *person_id, const char *task_id, const char *report_id,
                 json_t **out, struct err *err)
{
	struct showing showing = {person_id, task_id, report_id, NULL};

	if (!text_is_uuid(task_id))
		return err_set(err, ERR_NOT_FOUND, "no such reading task");
	if (!db_transact(desk->pool, person_id, show_work, &showing, err)) {
		json_decref(showing.report);
		return false;
	}
	*out = json_pack("{s:o}", "report", showing.report);
	return true;
}

/* ---- the paper -------------------------------------------------------------------------------------------------------------- */

struct opening {
	struct report_desk *desk;
	const char *person_id, *report_id;
	int fd;
	uint64_t size;
};

static bool note_opened(struct db *db, const struct opening *opening, const char *site_id, bool is_issued,
                        struct err *err)
{
	const struct change change = {.action = "report.open",
	                              .person_id = opening->person_id,
	                              .subject_kind = "report_version",
	                              .subject_id = opening->report_id,
	                              .site_id = site_id};

	return (!is_issued ||
	        db_exec_one(db, STMT_REPORT_OPENED, DB_PARAMS(db_text(opening->report_id), db_text(opening->person_id)),
	                    "report version", NULL, err)) &&
	       change_record(db, &change, err);
}

static bool open_work(struct db *db, void *context, struct err *err)
{
	struct opening *opening = context;
	struct db_rows *rows;
	bool ok;

	if (opening->fd >= 0)
		close(opening->fd);
	opening->fd = -1;
	if (!db_exec_one(db, STMT_REPORT_PAPER, DB_PARAMS(db_text(opening->report_id), db_text(opening->person_id)),
	                 "paper of the report", &rows, err))
		return false;
	ok = store_open_object(opening->desk->store, db_get_text(rows, 0, "object_key"), &opening->fd, &opening->size,
	                       err) &&
	     note_opened(db, opening, db_get_text(rows, 0, "site"), db_get_bool(rows, 0, "is_issued"), err);
	db_rows_free(rows);
	return ok;
}

bool report_open_pdf(struct report_desk *desk, const char *person_id, const char *report_id, int *out_fd,
                     uint64_t *out_size, struct err *err)
{
	struct opening opening = {desk, person_id, report_id, -1, 0};

	if (!text_is_uuid(report_id))
		return err_set(err, ERR_NOT_FOUND, "no such report");
	if (!db_transact(desk->pool, person_id, open_work, &opening, err)) {
		if (opening.fd >= 0)
			close(opening.fd);
		return false;
	}
	*out_fd = opening.fd;
	*out_size = opening.size;
	return true;
}
