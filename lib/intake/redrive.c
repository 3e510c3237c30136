#include "lib/intake/redrive.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <unistd.h>

#include "lib/base/file.h"
#include "lib/base/log.h"
#include "lib/domain/change.h"
#include "lib/intake/apart.h"
#include "lib/intake/intake.h"
#include "lib/intake/redrive_file.h"

enum { FIELD_MAX = 400 };

/* ---- corrections ---------------------------------------------------------------------------------------------------- */

static bool is_date(const char *text)
{
	return strlen(text) == 8 && strspn(text, "0123456789") == 8;
}

static bool is_sex(const char *text)
{
	return strcmp(text, "M") == 0 || strcmp(text, "F") == 0 || strcmp(text, "O") == 0;
}

static bool is_text(const char *text)
{
	for (const char *at = text; *at; at++)
		if ((unsigned char)*at < 0x20 || *at == 0x7f || *at == '\\')
			return false;
	return text_is_utf8(text, strlen(text));
}

/* Where a correction goes; site goes into the record. */
#define FIELD(name, check) {#name, check, offsetof(struct dicom_fields, name), sizeof(((struct dicom_fields *)0)->name)}
static const struct correctable {
	const char *name;
	bool (*is_good)(const char *text);
	size_t offset, size;
} correctables[] = {
    {"site", text_is_uuid, 0, 0},
    FIELD(sop_class_uid, text_is_uid),
    FIELD(sop_instance_uid, text_is_uid),
    FIELD(study_instance_uid, text_is_uid),
    FIELD(series_instance_uid, text_is_uid),
    FIELD(patient_name, is_text),
    FIELD(patient_id, is_text),
    FIELD(patient_sex, is_sex),
    FIELD(patient_birth_date, is_date),
    FIELD(accession_number, is_text),
};
#undef FIELD
enum { CORRECTABLE_COUNT = sizeof correctables / sizeof correctables[0] };

const char *const redrive_fields[] = {"site",
                                      "sop_class_uid",
                                      "sop_instance_uid",
                                      "study_instance_uid",
                                      "series_instance_uid",
                                      "patient_name",
                                      "patient_id",
                                      "patient_sex",
                                      "patient_birth_date",
                                      "accession_number",
                                      NULL};

static const struct correctable *correctable_find(const char *name)
{
	for (size_t i = 0; i < CORRECTABLE_COUNT; i++)
		if (strcmp(correctables[i].name, name) == 0)
			return &correctables[i];
	return NULL;
}

static bool check_one(const char *name, const json_t *value, struct err *err)
{
	const struct correctable *field = correctable_find(name);
	const char *text = json_string_value(value);

	if (!field)
		return err_set(err, ERR_INVALID, "'%.40s' cannot be corrected", name);
	if (!text || strlen(text) >= (field->size ? field->size : FIELD_MAX) || (text[0] && !field->is_good(text)))
		return err_set(err, ERR_INVALID, "%s has not the form that it needs", name);
	return true;
}

json_t *redrive_check(const json_t *fields, struct err *err)
{
	json_t *checked = json_object(), *value;
	const char *name;

	if (!json_is_object(fields)) {
		json_decref(checked);
		(void)err_set(err, ERR_INVALID, "fields is no object");
		return NULL;
	}
	json_object_foreach((json_t *)fields, name, value)
	{
		if (json_is_null(value))
			continue;
		if (!check_one(name, value, err)) {
			json_decref(checked);
			return NULL;
		}
		if (json_string_length(value) > 0)
			json_object_set(checked, name, value);
	}
	return checked;
}

/* What the object says with its corrections; SOP class and instance count as announced, too. */
static void lay_over(const json_t *corrections, struct intake_record *record, struct dicom_fields *fields)
{
	const char *site = json_string_value(json_object_get(corrections, "site"));

	for (size_t i = 0; i < CORRECTABLE_COUNT; i++) {
		const char *text = json_string_value(json_object_get(corrections, correctables[i].name));

		if (text && correctables[i].size)
			text_copy((char *)fields + correctables[i].offset, correctables[i].size, text);
	}
	if (site)
		text_copy(record->site, sizeof record->site, site);
	if (json_object_get(corrections, "sop_class_uid"))
		text_copy(record->sop_class_uid, sizeof record->sop_class_uid, fields->sop_class_uid);
	if (json_object_get(corrections, "sop_instance_uid"))
		text_copy(record->sop_instance_uid, sizeof record->sop_instance_uid, fields->sop_instance_uid);
	fields->has_study = fields->study_instance_uid[0] != '\0';
}

/* ---- one object that was set apart ------------------------------------------------------------------------------------ */

struct redrive {
	struct db_pool *pool;
	struct store *store;
	const char *person_id, *id;
	char key[STORE_KEY_SIZE], state[16], sha256_hex[DIGEST_HEX_SIZE];
	json_t *corrections;
	struct intake_record record;
	char *json; /* as it goes to the ledger */
	struct redrive_result result;
};

static bool take_row(struct redrive *work, const struct db_rows *rows, struct err *err)
{
	text_copy(work->key, sizeof work->key, db_get_text(rows, 0, "object_key"));
	text_copy(work->state, sizeof work->state, db_get_text(rows, 0, "state"));
	text_copy(work->sha256_hex, sizeof work->sha256_hex, db_get_text(rows, 0, "sha256_hex"));
	json_decref(work->corrections);
	work->corrections = json_loads(db_get_text(rows, 0, "fields"), 0, NULL);
	return db_get_bool(rows, 0, "may") ||
	       err_set(err, ERR_REFUSED, "cannot do this: you are neither operator nor duty leader at its site");
}

static bool look(struct redrive *work, struct err *err)
{
	struct db_rows *rows;
	struct db *db;
	bool ok;

	if (!db_take(work->pool, &db, err))
		return false;
	ok = db_set_person(db, work->person_id, err) &&
	     db_exec_one(db, STMT_QUARANTINE_OBJECT, DB_PARAMS(db_text(work->id)), "the object", &rows, err);
	if (ok) {
		ok = take_row(work, rows, err);
		db_rows_free(rows);
	}
	db_give(db);
	return ok;
}

static bool record_retry(struct db *db, struct redrive *work, const char *outcome, const char *reason, struct err *err)
{
	struct change change = {.event = "quarantine.retry",
	                        .action = "quarantine.retry",
	                        .person_id = work->person_id,
	                        .is_operator = true,
	                        .subject_kind = "quarantine",
	                        .subject_id = work->id};
	char detail[60];
	struct db_rows *rows;
	bool ok;

	if (!db_exec_one(db, STMT_QUARANTINE_RETRIED, DB_PARAMS(db_text(work->id), db_text(outcome), db_text(reason)),
	                 "the object", &rows, err))
		return false;
	text_copy(work->result.study_id, sizeof work->result.study_id,
	          db_is_null(rows, 0, "study") ? "" : db_get_text(rows, 0, "study"));
	snprintf(detail, sizeof detail, "{\"outcome\": \"%s\"}", outcome);
	change.site_id = db_get_text(rows, 0, "site");
	change.detail = detail;
	ok = change_record(db, &change, err);
	db_rows_free(rows);
	return ok;
}

static bool bring_in(struct db *db, void *context, struct err *err)
{
	struct redrive *work = context;

	if (!db_exec(db, STMT_QUARANTINE_LOCK, DB_PARAMS(db_text(work->id)), NULL, err) ||
	    !index_object(db, work->json, &work->result.outcome, err))
		return false;
	return record_retry(db, work, index_outcome_name(work->result.outcome), "", err);
}

static bool note_failure(struct db *db, void *context, struct err *err)
{
	struct redrive *work = context;

	return db_exec(db, STMT_QUARANTINE_LOCK, DB_PARAMS(db_text(work->id)), NULL, err) &&
	       record_retry(db, work, "failed", work->result.reason, err);
}

/* What its bytes and corrections say, and where they go. */
static bool prepare(struct redrive *work, int fd, struct err *err)
{
	struct dicom_fields fields;
	enum intake_doubt doubt;
	char path[PATH_MAX], dev[32], hex[DIGEST_HEX_SIZE];

	snprintf(dev, sizeof dev, "/dev/fd/%d", fd);
	if (!apart_record(work->key, &work->record, err) || !dicom_read_fields(dev, &fields, err) ||
	    !redrive_digest(fd, work->record.header_bytes, work->record.sha256, err))
		return false;
	text_hex(work->record.sha256, sizeof work->record.sha256, hex);
	if (work->sha256_hex[0] && strcmp(hex, work->sha256_hex) != 0)
		return err_set(err, ERR_CORRUPT, "cannot drive the object again: its bytes are not those that arrived");
	lay_over(work->corrections, &work->record, &fields);
	doubt = intake_doubt_of_fields(&work->record, &fields);
	if (doubt != DOUBT_NONE)
		return intake_doubt_err(doubt, err);
	work->json = index_encode(&work->record, &fields);
	return apart_path(work->key, path, sizeof path, err) && redrive_put(work->store, work->key, path, err);
}

static bool may_pass(const struct err *err)
{
	return err_kind_info(err->kind)->retry || err->kind == ERR_NO_SPACE || err->kind == ERR_CANCELLED ||
	       err->kind == ERR_UNKNOWN_OUTCOME;
}

/* Out of the store again, unless the ledger may have it. */
static bool fail(struct redrive *work, struct err *err)
{
	if (may_pass(err) || err->kind == ERR_CONFLICT || err->kind == ERR_REFUSED || err->kind == ERR_NOT_FOUND) {
		char state[6] = "";

		if (err->source == ERR_SOURCE_SQL)
			err_sqlstate_unpack(err->code, state);
		/* An unknown site is a fault of the object; everything else is the caller's, or passes. */
		if (strcmp(state, "YQ404") != 0 || strncmp(err->text, "could not index", 15) != 0)
			return false;
	}
	text_copy(work->result.reason, sizeof work->result.reason, err->text);
	return store_remove(work->store, work->key, err) &&
	       db_transact(work->pool, work->person_id, note_failure, work, err);
}

static bool finish(struct redrive *work, struct err *err)
{
	work->result.is_indexed = true;
	file_kill_point("redrive_indexed");
	/* Of a duplicate the first copy is there, of a conflict this one stays. */
	return (work->result.outcome != INDEX_DUPLICATE || store_remove(work->store, work->key, err)) &&
	       apart_remove(work->key, err);
}

static bool run_locked(struct redrive *work, int fd, struct err *err)
{
	if (!prepare(work, fd, err))
		return fail(work, err);
	file_kill_point("redrive_placed");
	if (!db_transact(work->pool, work->person_id, bring_in, work, err))
		return fail(work, err);
	return finish(work, err);
}

static bool look_whether_open(struct redrive *work, struct err *err)
{
	return look(work, err) && (strcmp(work->state, "open") == 0 ||
	                           err_set(err, ERR_CONFLICT, "cannot do this: the object is %s", work->state));
}

/* The lock keeps a second one out who would take the object out of the store when it fails. It ends with the process. */
static bool run(struct redrive *work, struct err *err)
{
	struct err absent;
	uint64_t size;
	bool ok;
	int fd;

	if (!look_whether_open(work, err))
		return false;
	if (!apart_open(work->key, &fd, &size, &absent)) {
		/* Perhaps somebody else brought it in meanwhile. */
		if (look_whether_open(work, err))
			*err = absent;
		return false;
	}
	if (flock(fd, LOCK_EX | LOCK_NB) != 0)
		ok = err_set(err, ERR_CONFLICT, "cannot do this: somebody drives the object just now");
	else
		ok = run_locked(work, fd, err);
	close(fd);
	return ok;
}

bool redrive_quarantined(struct db_pool *pool, struct store *store, const char *person_id, const char *quarantine_id,
                         struct redrive_result *out, struct err *err)
{
	struct redrive work = {.pool = pool, .store = store, .person_id = person_id, .id = quarantine_id};
	bool ok = run(&work, err);

	json_decref(work.corrections);
	free(work.json);
	if (ok)
		*out = work.result;
	return ok;
}

json_t *redrive_json(const struct redrive_result *result)
{
	const char *outcome = result->is_indexed ? index_outcome_name(result->outcome) : "failed";
	json_t *json =
	    json_pack("{s:s, s:s?, s:s?}", "outcome", outcome, "reason", result->is_indexed ? NULL : result->reason,
	              "study_id", result->study_id[0] ? result->study_id : NULL);

	if (!json)
		err_panic("could not write JSON");
	return json;
}
