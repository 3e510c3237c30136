#include "lib/domain/conflict.h"

#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "lib/base/file.h"
#include "lib/base/log.h"
#include "lib/base/text.h"
#include "lib/db/db.h"
#include "lib/dicom/dicom.h"
#include "lib/domain/change.h"

enum { DEV_FD_SIZE = 32 };

/* ---- traces --------------------------------------------------------------------------------------------------------- */

bool conflict_record(struct db *db, const char *person_id, const char *conflict_id, enum conflict_event event,
                     const struct db_rows *rows, struct err *err)
{
	char action[40], detail[120];
	const char *study = db_get_text(rows, 0, "study");
	struct change change = {.event = "conflict.settle",
	                        .action = action,
	                        .person_id = person_id,
	                        .is_operator = event != CONFLICT_EVENT_MATCH && event != CONFLICT_EVENT_DIFFER,
	                        .subject_kind = "conflict",
	                        .subject_id = conflict_id,
	                        .site_id = db_get_text(rows, 0, "site"),
	                        .detail = detail};

	snprintf(action, sizeof action, "conflict.%s", conflict_event_name(event));
	snprintf(detail, sizeof detail, "{\"study\": %s%s%s, \"state\": \"%s\"}", study ? "\"" : "",
	         study ? study : "null", study ? "\"" : "", db_get_text(rows, 0, "state"));
	return change_record(db, &change, err);
}

/* ---- comparing ------------------------------------------------------------------------------------------------------ */

struct comparison {
	char id[TEXT_UUID_SIZE], key[STORE_KEY_SIZE], held_key[STORE_KEY_SIZE];
	int64_t lease_ms, tries;
	const char *likeness;
};

static bool claim(struct db *db, void *context, struct err *err)
{
	struct comparison *work = context;
	struct db_rows *rows;

	work->id[0] = '\0';
	if (!db_exec(db, STMT_CONFLICT_CLAIM, DB_PARAMS(db_int(work->lease_ms)), &rows, err))
		return false;
	if (db_rows_count(rows) > 0) {
		text_copy(work->id, sizeof work->id, db_get_text(rows, 0, "id"));
		text_copy(work->key, sizeof work->key, db_get_text(rows, 0, "object_key"));
		text_copy(work->held_key, sizeof work->held_key, db_get_text(rows, 0, "held_key"));
		work->tries = db_get_int(rows, 0, "tries");
	}
	db_rows_free(rows);
	return true;
}

static bool judge(struct db *db, void *context, struct err *err)
{
	const struct comparison *work = context;
	struct db_rows *rows;
	bool ok = true;

	if (!db_exec(db, STMT_CONFLICT_JUDGE,
	             DB_PARAMS(db_text(work->id), db_text(work->key), db_text(work->held_key), db_text(work->likeness)),
	             &rows, err))
		return false;
	if (db_rows_count(rows) > 0) /* else it moved meanwhile, and is compared anew */
		ok = conflict_record(db, NULL, work->id,
		                     machine_state_find(conflict_machine(), db_get_text(rows, 0, "state")) ==
		                             CONFLICT_KEPT
		                         ? CONFLICT_EVENT_MATCH
		                         : CONFLICT_EVENT_DIFFER,
		                     rows, err);
	db_rows_free(rows);
	return ok;
}

static bool compare(struct store *store, const struct comparison *work, const struct conflict_limits *limits,
                    enum dicom_likeness *out, struct err *err)
{
	struct dicom_compare_limits bounds = {limits->bytes_max, limits->time_ms};
	char held_path[DEV_FD_SIZE], path[DEV_FD_SIZE];
	uint64_t size;
	int held, other;
	bool ok;

	if (!store_open_object(store, work->held_key, &held, &size, err))
		return false;
	ok = store_open_object(store, work->key, &other, &size, err);
	if (ok) {
		snprintf(held_path, sizeof held_path, "/dev/fd/%d", held);
		snprintf(path, sizeof path, "/dev/fd/%d", other);
		ok = dicom_compare(held_path, path, &bounds, out, err);
		close(other);
	}
	close(held);
	return ok;
}

bool conflict_compare_next(struct db_pool *pool, struct store *store, const struct conflict_limits *limits,
                           bool *out_any, struct err *err)
{
	struct comparison work = {.lease_ms = limits->lease_ms};
	enum dicom_likeness likeness;

	if (!db_transact(pool, NULL, claim, &work, err))
		return false;
	*out_any = work.id[0] != '\0';
	if (!*out_any)
		return true;
	file_kill_point("conflict_claimed");
	work.likeness = "unfinished";
	if (work.tries <= CONFLICT_TRIES_MAX) {
		if (!compare(store, &work, limits, &likeness, err)) {
			if (err->kind != ERR_NOT_FOUND)
				return err_context(err, "conflict %s", work.id);
			likeness = DICOM_LIKENESS_UNREADABLE;
		}
		work.likeness = dicom_likeness_name(likeness);
	}
	log_info(LOG_STUDY_STATE, "conflict=%s likeness=%s", work.id, work.likeness);
	return db_transact(pool, NULL, judge, &work, err);
}

/* ---- deciding ------------------------------------------------------------------------------------------------------- */

struct decision {
	const char *person_id, *conflict_id, *reason, *key;
	char *facts;
	enum conflict_event event;
	enum conflict_state state;
};

static bool decide(struct db *db, void *context, struct err *err)
{
	struct decision *work = context;
	struct db_rows *rows;
	bool ok;

	if (!db_exec_one(db, STMT_CONFLICT_DECIDE,
	                 DB_PARAMS(db_text(work->conflict_id), db_text(conflict_event_name(work->event)),
	                           db_text(work->reason), db_text(work->key), db_text(work->facts), db_null()),
	                 "the conflict", &rows, err))
		return false;
	work->state = (enum conflict_state)machine_state_find(conflict_machine(), db_get_text(rows, 0, "state"));
	ok = conflict_record(db, work->person_id, work->conflict_id, work->event, rows, err);
	db_rows_free(rows);
	return ok;
}

static json_t *number(int32_t value)
{
	return value < 0 ? json_null() : json_integer(value);
}

static const char *verdict_name(enum dicom_charset_verdict verdict)
{
	static const char *const names[] = {"as_declared", "ascii", "detected", "undecided"};

	return names[verdict];
}

/* As columns of instance, and what says whether the other bytes are of the same study, series and person. */
static char *facts_of(const struct dicom_fields *fields)
{
	json_t *facts = json_pack(
	    "{s:o, s:o, s:o, s:o, s:b, s:s, s:s, s:s, s:s, s:s, s:s, s:s, s:s, s:s, s:s, s:s, s:s}", "number",
	    number(fields->instance_number), "rows", number(fields->rows), "columns", number(fields->columns), "frames",
	    number(fields->frames), "has_pixels", fields->has_pixels, "content_date_text", fields->content_date,
	    "content_time_text", fields->content_time, "view_position", fields->view_position, "charset_declared",
	    fields->charset_declared, "charset_used", fields->charset_used, "charset_verdict",
	    verdict_name(fields->charset_verdict), "sop_class_uid", fields->sop_class_uid, "study_instance_uid",
	    fields->study_instance_uid, "series_instance_uid", fields->series_instance_uid, "patient_name",
	    fields->patient_name, "patient_sex", fields->patient_sex, "patient_birth_date", fields->patient_birth_date);
	char *text = facts ? json_dumps(facts, JSON_COMPACT) : NULL;

	if (!text)
		err_panic("could not write JSON");
	json_decref(facts);
	return text;
}

static bool read_facts(struct store *store, const char *key, char **out, struct err *err)
{
	struct dicom_fields fields;
	char path[DEV_FD_SIZE];
	uint64_t size;
	bool ok;
	int fd;

	if (!store_open_object(store, key, &fd, &size, err))
		return false;
	snprintf(path, sizeof path, "/dev/fd/%d", fd);
	ok = dicom_read_fields(path, &fields, err);
	close(fd);
	if (ok)
		*out = facts_of(&fields);
	return ok;
}

static bool find_key(struct db_pool *pool, const char *person_id, const char *conflict_id, char out[STORE_KEY_SIZE],
                     struct err *err)
{
	struct db_rows *rows;
	struct db *db;
	bool ok;

	if (!db_take(pool, &db, err))
		return false;
	ok = db_set_person(db, person_id, err) &&
	     db_exec_one(db, STMT_CONFLICT_KEY, DB_PARAMS(db_text(conflict_id)), "the conflict", &rows, err);
	if (ok) {
		text_copy(out, STORE_KEY_SIZE, db_get_text(rows, 0, "object_key"));
		db_rows_free(rows);
	}
	db_give(db);
	return ok;
}

bool conflict_decide(struct db_pool *pool, struct store *store, const char *person_id, const char *conflict_id,
                     enum conflict_event event, const char *reason, enum conflict_state *out, struct err *err)
{
	char key[STORE_KEY_SIZE];
	struct decision work = {
	    .person_id = person_id, .conflict_id = conflict_id, .reason = reason, .key = key, .event = event};
	bool ok;

	if (!find_key(pool, person_id, conflict_id, key, err) ||
	    (event == CONFLICT_EVENT_REPLACE && !read_facts(store, key, &work.facts, err)))
		return false;
	ok = db_transact(pool, person_id, decide, &work, err);
	free(work.facts);
	if (ok)
		*out = work.state;
	return ok;
}
