#include "lib/intake/index.h"

#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#include "lib/base/clock.h"
#include "lib/domain/name_index.h"
#include "lib/intake/apart.h"

/* Members of the object that intake_index() reads; their names are its columns. */
static const struct text_member {
	const char *name;
	size_t offset;
} text_members[] = {
#define MEMBER(name) {#name, offsetof(struct dicom_fields, name)}
    MEMBER(study_instance_uid),   MEMBER(series_instance_uid), MEMBER(patient_name),      MEMBER(patient_id),
    MEMBER(issuer_of_patient_id), MEMBER(other_patient_ids),   MEMBER(patient_sex),       MEMBER(patient_birth_date),
    MEMBER(patient_age),          MEMBER(accession_number),    MEMBER(study_id),          MEMBER(referring_physician),
    MEMBER(study_date),           MEMBER(study_time),          MEMBER(acquisition_date),  MEMBER(acquisition_time),
    MEMBER(content_date),         MEMBER(content_time),        MEMBER(study_description), MEMBER(series_description),
    MEMBER(protocol_name),        MEMBER(body_part),           MEMBER(laterality),        MEMBER(modality),
    MEMBER(view_position),        MEMBER(charset_declared),    MEMBER(charset_used),      MEMBER(institution),
    MEMBER(performed_date),       MEMBER(performed_time),
#undef MEMBER
};

static const struct number_member {
	const char *name;
	size_t offset;
} number_members[] = {
#define MEMBER(name) {#name, offsetof(struct dicom_fields, name)}
    MEMBER(series_number), MEMBER(instance_number), MEMBER(rows), MEMBER(columns), MEMBER(frames),
#undef MEMBER
};

static const char *const verdicts[] = {
    [DICOM_CHARSET_AS_DECLARED] = "as_declared", [DICOM_CHARSET_ASCII] = "ascii",
    [DICOM_CHARSET_DETECTED] = "detected",       [DICOM_CHARSET_BY_DEVICE] = "by_device",
    [DICOM_CHARSET_UNDECIDED] = "undecided",
};

static void put(json_t *object, const char *name, json_t *value)
{
	if (!value || json_object_set_new(object, name, value) != 0)
		err_panic("out of memory");
}

/* Text from outside is valid UTF-8 by lib/dicom's contract; should it not be, the ledger shows nothing rather than refuse the image. */
static void add_text(json_t *object, const char *name, const char *text)
{
	put(object, name, text_is_utf8(text, strlen(text)) ? json_string(text) : json_string(""));
}

/* An item that names neither says nothing. */
static void put_requests(json_t *object, const struct dicom_fields *fields)
{
	json_t *list = json_array();

	for (size_t i = 0; i < DICOM_REQUESTS_MAX; i++) {
		const struct dicom_request_attributes *request = &fields->request_attributes[i];
		json_t *item;

		if (!request->step_id[0] && !request->procedure_id[0])
			continue;
		item = json_object();
		add_text(item, "step_id", request->step_id);
		add_text(item, "procedure_id", request->procedure_id);
		if (json_array_append_new(list, item) != 0)
			err_panic("out of memory");
	}
	put(object, "request_attributes", list);
}

static void put_fields(json_t *object, const struct dicom_fields *fields)
{
	for (size_t i = 0; i < sizeof text_members / sizeof text_members[0]; i++)
		add_text(object, text_members[i].name, (const char *)fields + text_members[i].offset);
	for (size_t i = 0; i < sizeof number_members / sizeof number_members[0]; i++) {
		const char *at = (const char *)fields + number_members[i].offset;
		int32_t number;

		memcpy(&number, at, sizeof number);
		put(object, number_members[i].name, number < 0 ? json_null() : json_integer(number));
	}
	put_requests(object, fields);
	put(object, "has_pixels", json_boolean(fields->has_pixels));
	add_text(object, "charset_verdict", verdicts[fields->charset_verdict]);
}

static void put_record(json_t *object, const struct intake_record *record)
{
	char hex[DIGEST_HEX_SIZE];

	add_text(object, "object_key", record->key);
	add_text(object, "origin", intake_origin_name(record->origin));
	put(object, "device", record->device[0] ? json_string(record->device) : json_null());
	add_text(object, "site", record->site);
	add_text(object, "calling_ae", record->calling_ae);
	add_text(object, "called_ae", record->called_ae);
	add_text(object, "address", record->address);
	add_text(object, "sop_class_uid", record->sop_class_uid);
	add_text(object, "sop_instance_uid", record->sop_instance_uid);
	add_text(object, "transfer_syntax_uid", record->transfer_syntax_uid);
	put(object, "size_bytes", json_integer((json_int_t)record->size_bytes));
	put(object, "header_bytes", json_integer(record->header_bytes));
	put(object, "arrived_us", json_integer(record->arrived_us));
	text_hex(record->sha256, sizeof record->sha256, hex);
	add_text(object, "sha256", hex);
	text_hex(record->checksum, sizeof record->checksum, hex);
	add_text(object, "checksum", hex);
}

char *index_encode(const struct intake_record *record, const struct dicom_fields *fields)
{
	json_t *object = json_object();
	char *text;

	put_record(object, record);
	put_fields(object, fields);
	put(object, "is_in_study", json_boolean(fields->has_study));
	text = json_dumps(object, JSON_COMPACT);
	if (!text)
		err_panic("out of memory");
	json_decref(object);
	return text;
}

/* "[{"ordinal":0,...},{"ordinal":1,...}]": the number goes in front of the members that are there. */
static char *join(const char *const *json, size_t count)
{
	size_t length = 3;
	struct text_buf text;
	bool ok = true;

	for (size_t i = 0; i < count; i++)
		length += strlen(json[i]) + 40;
	text_buf_init(&text, length);
	for (size_t i = 0; ok && i < count; i++)
		ok = text_buf_printf(&text, "%c{\"ordinal\":%zu,", i ? ',' : '[', i) &&
		     text_buf_append(&text, json[i] + 1, strlen(json[i]) - 1);
	if (!ok || !text_buf_append(&text, "]", 1))
		err_panic("objects do not fit");
	return text.data;
}

static bool take_text(const json_t *object, const char *name, char *out, size_t out_size)
{
	const char *text = json_string_value(json_object_get(object, name));

	return text_copy(out, out_size, text ? text : "");
}

static bool take_record(const json_t *object, struct intake_record *out)
{
	char hex[DIGEST_HEX_SIZE], origin[16];
	bool ok = take_text(object, "origin", origin, sizeof origin) && intake_origin_parse(origin, &out->origin) &&
	          take_text(object, "sha256", hex, sizeof hex) && text_unhex(hex, out->sha256, sizeof out->sha256) &&
	          take_text(object, "checksum", hex, sizeof hex) &&
	          text_unhex(hex, out->checksum, sizeof out->checksum);

#define TAKE(name, field) ok = ok && take_text(object, name, out->field, sizeof out->field)
	TAKE("object_key", key);
	TAKE("device", device);
	TAKE("site", site);
	TAKE("calling_ae", calling_ae);
	TAKE("called_ae", called_ae);
	TAKE("address", address);
	TAKE("sop_class_uid", sop_class_uid);
	TAKE("sop_instance_uid", sop_instance_uid);
	TAKE("transfer_syntax_uid", transfer_syntax_uid);
#undef TAKE
	out->arrived_us = json_integer_value(json_object_get(object, "arrived_us"));
	out->size_bytes = (uint64_t)json_integer_value(json_object_get(object, "size_bytes"));
	out->header_bytes = (uint32_t)json_integer_value(json_object_get(object, "header_bytes"));
	return ok;
}

bool index_record_of(const char *json, struct intake_record *out, struct err *err)
{
	json_t *object = json_loads(json, 0, NULL);
	struct intake_record record = {0};
	struct err ignored;
	bool ok = object && take_record(object, &record) && record_check(&record, &ignored);

	json_decref(object);
	if (!ok)
		return err_set(err, ERR_CORRUPT, "cannot read a line of the index backlog");
	*out = record;
	return true;
}

static const char *const outcome_names[] = {"stored", "duplicate", "conflict"};

const char *index_outcome_name(enum index_outcome outcome)
{
	return outcome_names[outcome];
}

static bool read_outcome(const char *text, enum index_outcome *out)
{
	for (size_t i = 0; text && i < sizeof outcome_names / sizeof outcome_names[0]; i++)
		if (strcmp(text, outcome_names[i]) == 0) {
			*out = (enum index_outcome)i;
			return true;
		}
	return false;
}

struct index_work {
	const char *json;
	enum index_outcome *outcomes;
	size_t count;
};

/* Rare, so it costs nothing where there is none. */
static bool note_conflicts(struct db *db, const struct index_work *work, struct err *err)
{
	bool has_one = false;

	for (size_t i = 0; i < work->count; i++)
		has_one = has_one || work->outcomes[i] == INDEX_CONFLICT;
	return !has_one || db_exec(db, STMT_INTAKE_NOTE_CONFLICTS, DB_PARAMS(db_text(work->json)), NULL, err);
}

static bool run_index(struct db *db, void *context, struct err *err)
{
	struct index_work *work = context;
	struct db_rows *rows;
	bool ok = true;

	if (!db_exec(db, STMT_INTAKE_INDEX, DB_PARAMS(db_text(work->json)), &rows, err))
		return false;
	if ((size_t)db_rows_count(rows) != work->count)
		ok = err_set(err, ERR_CORRUPT, "cannot index: the ledger answered for %d of %zu objects",
		             db_rows_count(rows), work->count);
	for (int i = 0; ok && i < db_rows_count(rows); i++) {
		int64_t ordinal = db_get_int(rows, i, "ordinal");

		if (ordinal < 0 || (size_t)ordinal >= work->count ||
		    !read_outcome(db_get_text(rows, i, "outcome"), &work->outcomes[ordinal]))
			ok = err_set(err, ERR_CORRUPT, "cannot index: the ledger gave an unknown outcome");
	}
	db_rows_free(rows);
	return ok && name_index_own(db, err) && note_conflicts(db, work, err);
}

bool index_object(struct db *db, const char *json, enum index_outcome *out, struct err *err)
{
	char *text = join(&json, 1);
	struct index_work work = {text, out, 1};
	bool ok = run_index(db, &work, err);

	free(text);
	return ok || err_context(err, "could not index");
}

bool index_objects(struct db_pool *pool, const char *const *json, size_t count, enum index_outcome *outcomes,
                   struct err *err)
{
	char *text = join(json, count);
	struct index_work work = {text, outcomes, count};
	bool ok = db_transact(pool, NULL, run_index, &work, err);

	free(text);
	return ok || err_context(err, "could not index");
}

/*
 * Classes 22 and 23 and our own refusals are about a value. Everything else (no right, no such function, no memory) is about the ledger:
 * setting objects apart for it would empty the whole queue into quarantine.
 */
bool index_is_poison(const struct err *err)
{
	char state[6];

	if (err->source != ERR_SOURCE_SQL || err_kind_info(err->kind)->retry)
		return false;
	err_sqlstate_unpack(err->code, state);
	return strncmp(state, "22", 2) == 0 || strncmp(state, "23", 2) == 0 || strncmp(state, "YQ4", 3) == 0;
}

struct apart_work {
	const char *key, *reason;
	const struct intake_record *record;
	const char *sha256; /* NULL: not known */
	enum intake_doubt doubt;
};

static bool run_set_apart(struct db *db, void *context, struct err *err)
{
	const struct apart_work *work = context;
	const struct intake_record *record = work->record;

	return db_exec(db, STMT_INTAKE_SET_APART,
	               DB_PARAMS(db_text(work->key), db_text(record ? record->site : NULL),
	                         db_text(record && record->device[0] ? record->device : NULL),
	                         db_text(intake_doubt_name(work->doubt)), db_text(work->reason),
	                         db_time(record ? record->arrived_us : clock_wall_us()), db_text(work->sha256),
	                         record ? db_int((int64_t)record->size_bytes) : db_null(),
	                         db_text(record ? record->sop_class_uid : NULL),
	                         db_text(record ? record->sop_instance_uid : NULL),
	                         db_text(record ? record->transfer_syntax_uid : NULL)),
	               NULL, err);
}

bool index_set_apart(struct db_pool *pool, const char *key, const struct intake_record *record, bool is_read,
                     enum intake_doubt doubt, const char *reason, struct err *err)
{
	char hex[DIGEST_HEX_SIZE];
	struct apart_work work = {key, reason, record, record && is_read ? hex : NULL, doubt};

	if (work.sha256)
		text_hex(record->sha256, sizeof record->sha256, hex);
	return db_transact(pool, NULL, run_set_apart, &work, err);
}

static bool find_twin(struct db *db, const struct intake_record *record, char out[STORE_KEY_SIZE], struct err *err)
{
	char hex[DIGEST_HEX_SIZE];
	const char *device = record->device[0] ? record->device : NULL;
	struct db_rows *rows;

	text_hex(record->sha256, sizeof record->sha256, hex);
	if (!db_exec(db, STMT_INTAKE_APART_TWIN,
	             DB_PARAMS(db_text(record->key), db_text(record->site), db_text(device), db_text(hex)), &rows, err))
		return false;
	text_copy(out, STORE_KEY_SIZE, db_is_null(rows, 0, "twin") ? "" : db_get_text(rows, 0, "twin"));
	db_rows_free(rows);
	return true;
}

bool index_has_twin_apart(struct db_pool *pool, const struct intake_record *record, bool *out, struct err *err)
{
	char twin[STORE_KEY_SIZE];
	bool ok, has = false;
	struct db *db;

	if (!db_take(pool, &db, err))
		return false;
	ok = find_twin(db, record, twin, err) && (!twin[0] || apart_has(twin, &has, err)) &&
	     (!has ||
	      db_exec(db, STMT_INTAKE_APART_AGAIN, DB_PARAMS(db_text(twin), db_time(record->arrived_us)), NULL, err));
	db_give(db);
	if (ok)
		*out = has;
	return ok;
}
