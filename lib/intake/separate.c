#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "lib/base/file.h"
#include "lib/domain/conflict.h"
#include "lib/intake/intake.h"
#include "lib/intake/redrive.h"
#include "lib/intake/redrive_file.h"

/* The other bytes of a conflict on their way to an image of their own. */
struct separation {
	const char *person_id, *conflict_id, *reason;
	struct intake_record record; /* under a new key and a new SOP Instance UID */
	char old_key[STORE_KEY_SIZE];
	char *json;
};

static bool take_row(struct separation *work, const struct db_rows *rows, struct err *err)
{
	struct intake_record *record = &work->record;

	if (!db_get_bool(rows, 0, "may"))
		return err_set(err, ERR_REFUSED,
		               "cannot do this: you are neither operator nor duty leader at its site");
	if (strcmp(db_get_text(rows, 0, "state"), "open") != 0)
		return err_set(err, ERR_CONFLICT, "cannot do this: the conflict is %s", db_get_text(rows, 0, "state"));
	store_key_new(record->key);
	text_uid_new(record->sop_instance_uid);
	/* Of the same way as the image, but for our own: what comes back to us from outside is a device's. */
	record->origin = strcmp(db_get_text(rows, 0, "origin"), "link") == 0 ? INTAKE_LINK : INTAKE_DEVICE;
	record->header_bytes = (uint32_t)db_get_int(rows, 0, "header_bytes");
	record->size_bytes = (uint64_t)db_get_int(rows, 0, "size_bytes");
	record->arrived_us = db_get_time(rows, 0, "arrived_at");
	text_copy(work->old_key, sizeof work->old_key, db_get_text(rows, 0, "object_key"));
	text_copy(record->site, sizeof record->site, db_get_text(rows, 0, "site"));
	text_copy(record->device, sizeof record->device,
	          db_is_null(rows, 0, "device") ? "" : db_get_text(rows, 0, "device"));
	text_copy(record->transfer_syntax_uid, sizeof record->transfer_syntax_uid,
	          db_get_text(rows, 0, "transfer_syntax_uid"));
	return text_unhex(db_get_text(rows, 0, "sha256_hex"), record->sha256, sizeof record->sha256) ||
	       err_set(err, ERR_CORRUPT, "cannot do this: the ledger has no digest of the object");
}

static bool look(struct db_pool *pool, struct separation *work, struct err *err)
{
	struct db_rows *rows;
	struct db *db;
	bool ok;

	if (!db_take(pool, &db, err))
		return false;
	ok =
	    db_set_person(db, work->person_id, err) &&
	    db_exec_one(db, STMT_CONFLICT_SEPARABLE, DB_PARAMS(db_text(work->conflict_id)), "the conflict", &rows, err);
	if (ok) {
		ok = take_row(work, rows, err);
		db_rows_free(rows);
	}
	db_give(db);
	return ok;
}

/* A second object of the same bytes: the first stays the conflict's. */
static bool copy_object(struct store *store, struct separation *work, struct err *err)
{
	struct dicom_fields fields;
	char path[32];
	uint64_t size;
	bool ok;
	int fd;

	if (!store_open_object(store, work->old_key, &fd, &size, err))
		return false;
	snprintf(path, sizeof path, "/dev/fd/%d", fd);
	ok = dicom_read_fields(path, &fields, err);
	if (ok) {
		text_copy(work->record.sop_class_uid, sizeof work->record.sop_class_uid, fields.sop_class_uid);
		text_copy(fields.sop_instance_uid, sizeof fields.sop_instance_uid, work->record.sop_instance_uid);
		work->json = index_encode(&work->record, &fields);
		ok = redrive_put(store, work->record.key, path, err);
	}
	close(fd);
	return ok;
}

static bool bring_in(struct db *db, void *context, struct err *err)
{
	struct separation *work = context;
	enum index_outcome outcome;
	struct db_rows *rows;
	bool ok;

	if (!index_object(db, work->json, &outcome, err))
		return false;
	if (!db_exec_one(db, STMT_CONFLICT_DECIDE,
	                 DB_PARAMS(db_text(work->conflict_id), db_text(conflict_event_name(CONFLICT_EVENT_SEPARATE)),
	                           db_text(work->reason), db_text(work->old_key), db_null(), db_text(work->record.key)),
	                 "the conflict", &rows, err))
		return false;
	ok = conflict_record(db, work->person_id, work->conflict_id, CONFLICT_EVENT_SEPARATE, rows, err);
	db_rows_free(rows);
	return ok;
}

bool redrive_separate(struct db_pool *pool, struct store *store, const char *person_id, const char *conflict_id,
                      const char *reason, struct err *err)
{
	struct separation work = {.person_id = person_id, .conflict_id = conflict_id, .reason = reason};
	struct err ignored;
	bool ok = look(pool, &work, err) && copy_object(store, &work, err);

	if (ok) {
		ok = db_transact(pool, person_id, bring_in, &work, err);
		/* Nobody else knows the new key; when nobody can say whether the ledger has it, the store check will. */
		if (!ok && err->kind != ERR_UNKNOWN_OUTCOME)
			(void)store_remove(store, work.record.key, &ignored);
	}
	free(work.json);
	return ok;
}
