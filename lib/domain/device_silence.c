#include "lib/base/log.h"
#include "lib/db/db.h"
#include "lib/domain/device.h"
#include "lib/domain/event.h"

static bool tell(struct db *db, const struct db_rows *rows, const char *event, struct err *err)
{
	for (int i = 0; i < db_rows_count(rows); i++) {
		const char *device = db_get_text(rows, i, "device");

		log_warning(LOG_DEVICE_SILENCE, "device=%s event=%s", device, event);
		if (!event_append(db, event, device, db_get_text(rows, i, "site"), err))
			return false;
	}
	return true;
}

static bool step(struct db *db, enum db_statement statement, const char *event, int limit, int *count, struct err *err)
{
	struct db_rows *rows;
	bool ok;

	if (!db_exec(db, statement, DB_PARAMS(db_int(limit)), &rows, err))
		return false;
	if (db_rows_count(rows) > *count)
		*count = db_rows_count(rows);
	ok = tell(db, rows, event, err);
	db_rows_free(rows);
	return ok;
}

bool device_watch_silence(struct db *db, int limit, int *out_count, struct err *err)
{
	*out_count = 0;
	return step(db, STMT_DEVICE_SILENCE_END, "device.silence_ended", limit, out_count, err) &&
	       step(db, STMT_DEVICE_SILENCE_BEGIN, "device.silent", limit, out_count, err);
}
