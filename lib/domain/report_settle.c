#include "lib/domain/report_settle.h"

#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "lib/base/file.h"
#include "lib/base/log.h"
#include "lib/db/db.h"
#include "lib/domain/report_ledger.h"
#include "lib/domain/report_sign.h"

#define SOP_CLASS_BASIC_TEXT_SR "1.2.840.10008.5.1.4.1.1.88.11"
#define SOP_CLASS_ENCAPSULATED_PDF "1.2.840.10008.5.1.4.1.1.104.1"
#define EXPLICIT_LITTLE_ENDIAN "1.2.840.10008.1.2.1"

enum { SETTLE_AT_ONCE = 50, OBJECTS_MAX = 2 };

struct settling {
	const char *report_id;
	struct db_rows *rows;
};

static bool load_work(struct db *db, void *context, struct err *err)
{
	struct settling *settling = context;

	db_rows_free(settling->rows);
	settling->rows = NULL;
	return db_exec(db, STMT_ARTEFACT_ISSUED, DB_PARAMS(db_text(settling->report_id)), &settling->rows, err);
}

static bool settled_work(struct db *db, void *context, struct err *err)
{
	const struct settling *settling = context;

	return db_exec(db, STMT_REPORT_SETTLED, DB_PARAMS(db_text(settling->report_id)), NULL, err);
}

/* The sink reads a path: the checked bytes are given as an unnamed file, so that no copy is left behind by a crash. */
static bool bring_in_bytes(struct report_desk *desk, struct report_object *object, const uint8_t *bytes, size_t length,
                           struct err *err)
{
	char path[64];
	int fd = memfd_create("report", MFD_CLOEXEC);
	bool ok;

	if (fd < 0)
		return err_set(err, ERR_TEMPORARY, "could not bring a report in: no memory file");
	snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
	object->path = path;
	ok = file_write_all(fd, bytes, length, err) && desk->sink.bring_in(desk->sink.context, object, err);
	object->path = NULL;
	close(fd);
	return ok;
}

static bool bring_in_one(struct report_desk *desk, const struct db_rows *rows, int row, struct err *err)
{
	bool is_sr = strcmp(db_get_text(rows, row, "kind"), "sr") == 0;
	struct report_object object = {.site_public_id = db_get_text(rows, row, "site"),
	                               .sop_class_uid = is_sr ? SOP_CLASS_BASIC_TEXT_SR : SOP_CLASS_ENCAPSULATED_PDF,
	                               .sop_instance_uid = db_get_text(rows, row, "sop_instance_uid"),
	                               .transfer_syntax_uid = EXPLICIT_LITTLE_ENDIAN};
	uint8_t *sha256 = NULL, *bytes = NULL;
	size_t sha256_length = 0, length = 0;
	bool ok;

	db_get_bytes(rows, row, "sha256", &sha256, &sha256_length);
	ok = report_object_get(desk->store, db_get_text(rows, row, "object_key"), sha256, sha256_length, &bytes,
	                       &length, err);
	free(sha256);
	if (!ok)
		return false;
	ok = report_dataset_offset(bytes, length, &object.dataset_offset)
	         ? bring_in_bytes(desk, &object, bytes, length, err)
	         : err_set(err, ERR_CORRUPT, "cannot bring a report in: it is no DICOM file");
	free(bytes);
	return ok;
}

bool report_settle_one(struct report_desk *desk, const char *person_id, const char *report_id, struct err *err)
{
	struct settling settling = {report_id, NULL};
	bool ok = db_transact(desk->pool, person_id, load_work, &settling, err);

	for (int row = 0; ok && row < db_rows_count(settling.rows); row++) {
		ok = bring_in_one(desk, settling.rows, row, err);
		file_kill_point("issue-brought-in");
	}
	if (ok && db_rows_count(settling.rows) != OBJECTS_MAX)
		ok = err_set(err, ERR_CORRUPT, "cannot settle the report: its objects are missing");
	db_rows_free(settling.rows);
	return ok && db_transact(desk->pool, person_id, settled_work, &settling, err);
}

static bool unsettled_work(struct db *db, void *context, struct err *err)
{
	struct db_rows **rows = context;

	db_rows_free(*rows);
	*rows = NULL;
	return db_exec(db, STMT_REPORT_UNSETTLED, DB_PARAMS(db_int(SETTLE_AT_ONCE)), rows, err);
}

bool report_settle(struct report_desk *desk, int *out_count, struct err *err)
{
	struct db_rows *rows = NULL;
	int count = 0;
	bool ok = true;

	report_scratch_sweep();
	if (!db_transact(desk->pool, NULL, unsettled_work, &rows, err)) {
		db_rows_free(rows);
		return false;
	}
	/* One that cannot be settled does not stop the others; its error is the one that is told. */
	for (int row = 0; row < db_rows_count(rows); row++) {
		const char *report_id = db_get_text(rows, row, "report_id");

		if (report_settle_one(desk, db_get_text(rows, row, "reviewer_id"), report_id, err))
			count += OBJECTS_MAX;
		else
			ok = false;
	}
	db_rows_free(rows);
	if (ok)
		*out_count = count;
	return ok;
}
