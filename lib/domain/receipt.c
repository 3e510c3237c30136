#include "lib/domain/receipt.h"

#include "lib/base/text.h"
#include "lib/db/db.h"
#include "lib/domain/change.h"

struct print {
	const char *person_id, *report_id;
	char site_id[TEXT_UUID_SIZE];
	int64_t count;
};

static bool look(struct db *db, struct print *print, struct err *err)
{
	struct db_rows *rows;
	bool is_issued;

	if (!db_exec_one(db, STMT_RECEIPT_REPORT, DB_PARAMS(db_text(print->report_id)), "the report", &rows, err))
		return false;
	is_issued = db_get_bool(rows, 0, "is_issued");
	text_copy(print->site_id, sizeof print->site_id, db_get_text(rows, 0, "site"));
	db_rows_free(rows);
	return is_issued || err_set(err, ERR_CONFLICT, "cannot print this report: it is not issued");
}

static bool print_work(struct db *db, void *context, struct err *err)
{
	struct print *print = context;
	struct db_rows *rows;
	struct change change = {.event = "report.printed",
	                        .action = "report.print",
	                        .person_id = print->person_id,
	                        .subject_kind = "report_version",
	                        .subject_id = print->report_id,
	                        .site_id = print->site_id};

	if (!look(db, print, err) ||
	    !db_exec_one(db, STMT_RECEIPT_PRINT, DB_PARAMS(db_text(print->report_id), db_text(print->person_id)),
	                 "the report", &rows, err))
		return false;
	print->count = db_get_int(rows, 0, "printed");
	db_rows_free(rows);
	return change_record(db, &change, err);
}

bool receipt_print(struct db_pool *pool, const char *person_id, const char *report_id, int64_t *out_count,
                   struct err *err)
{
	struct print print = {.person_id = person_id, .report_id = report_id};

	if (!text_is_uuid(report_id))
		return err_set(err, ERR_NOT_FOUND, "there is no such report");
	if (!db_transact(pool, person_id, print_work, &print, err))
		return false;
	*out_count = print.count;
	return true;
}
