#include "lib/intake/intake.h"

#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "lib/base/clock.h"
#include "lib/base/conf.h"
#include "lib/base/file.h"
#include "lib/intake/internal.h"

enum {
	BUFFER_SIZE = 64 * 1024,
	/* Room is asked again after so much of one object: with 1,000 objects under way at once they pass the reserve by 1 GiB. */
	ROOM_STEP = 1024 * 1024,
	STATUS_NO_ROOM = 0xA700,
	STATUS_MISMATCH = 0xA900,
	STATUS_CANNOT_UNDERSTAND = 0xC000,
	STATUS_PROCESSING_FAILURE = 0x0110
};

struct intake_object {
	struct intake *intake;
	struct intake_record record;
	struct digest *digest;
	int fd;
	bool has_failed;
	uint64_t unchecked_bytes; /* written since room was asked */
	size_t buffered;
	char buffer[BUFFER_SIZE];
};

/* PS3.4 table B.2-1 for everything that has no status of its own yet. */
static bool refuse(struct err *err)
{
	if (err->source == ERR_SOURCE_DIMSE)
		return false;
	if (err->kind == ERR_NO_SPACE)
		return err_code(err, ERR_SOURCE_DIMSE, STATUS_NO_ROOM);
	if (err->kind == ERR_INVALID)
		return err_code(err, ERR_SOURCE_DIMSE, STATUS_CANNOT_UNDERSTAND);
	return err_code(err, ERR_SOURCE_DIMSE, STATUS_PROCESSING_FAILURE);
}

/* Journal and store may lie on different disks. */
bool intake_check_room(struct store *store, struct err *err)
{
	uint64_t store_bytes, journal_bytes;
	char path[PATH_MAX];

	if (!store_room(store, &store_bytes, err) || !conf_path(path, sizeof path, err, "journal") ||
	    !file_free_bytes(path, &journal_bytes, err))
		return err_context(err, "could not ask for room");
	if (store_bytes <= ROOM_STEP || journal_bytes <= (uint64_t)conf_number(CONF_STORE_RESERVE) + ROOM_STEP)
		return err_set(err, ERR_NO_SPACE, "could not take the object: less room than the reserve is left");
	return true;
}

/* ---- one object ------------------------------------------------------------------------------------------------------- */

static bool take_text(char *out, size_t out_size, const char *text, const char *what, struct err *err)
{
	if (text_copy(out, out_size, text ? text : ""))
		return true;
	return err_set(err, ERR_INVALID, "cannot take the object: %s is too long", what);
}

static bool fill_record(struct intake_record *record, const struct intake_source *source, struct err *err)
{
	struct intake_record filled = {.origin = source->origin, .arrived_us = clock_wall_us()};

	store_key_new(filled.key);
#define TAKE(field, from) take_text(filled.field, sizeof filled.field, source->from, #from, err)
	if (!TAKE(device, device_public_id) || !TAKE(site, site_public_id) || !TAKE(calling_ae, calling_ae) ||
	    !TAKE(called_ae, called_ae) || !TAKE(address, address) || !TAKE(sop_class_uid, sop_class_uid) ||
	    !TAKE(sop_instance_uid, sop_instance_uid) || !TAKE(transfer_syntax_uid, transfer_syntax_uid))
		return false;
#undef TAKE
	if (!record_check(&filled, err))
		return false;
	*record = filled;
	return true;
}

static bool write_header(struct intake_object *object, struct err *err)
{
	const struct intake_record *record = &object->record;
	uint8_t *header;
	size_t length;
	bool ok;

	if (!dicom_meta_header(record->sop_class_uid, record->sop_instance_uid, record->transfer_syntax_uid,
	                       record->calling_ae, &header, &length, err))
		return false;
	ok = file_write_all(object->fd, header, length, err);
	free(header);
	object->record.header_bytes = (uint32_t)length;
	return ok;
}

static void count_object(struct intake *intake, int by)
{
	pthread_mutex_lock(&intake->lock);
	intake->open_objects += by;
	pthread_cond_broadcast(&intake->changed);
	pthread_mutex_unlock(&intake->lock);
}

static void object_free(struct intake_object *object)
{
	close(object->fd);
	digest_free(object->digest);
	count_object(object->intake, -1);
	free(object);
}

bool intake_begin(struct intake *intake, const struct intake_source *source, struct intake_object **out,
                  struct err *err)
{
	struct intake_object *object;
	struct intake_record record;
	int fd;

	if (!fill_record(&record, source, err) || !intake_check_room(intake->store, err) ||
	    !slot_part_new(intake->own.slot, record.key, &fd, err))
		return refuse(err);
	object = malloc(sizeof *object);
	if (!object)
		err_panic("out of memory");
	object->intake = intake;
	object->record = record;
	object->digest = digest_new();
	object->fd = fd;
	object->has_failed = false;
	object->unchecked_bytes = 0;
	object->buffered = 0;
	count_object(intake, 1);
	if (!write_header(object, err)) {
		intake_abort(object);
		return refuse(err);
	}
	file_kill_point("intake-after-begin");
	*out = object;
	return true;
}

static bool flush(struct intake_object *object, struct err *err)
{
	size_t length = object->buffered;

	object->buffered = 0;
	object->unchecked_bytes += length;
	if (object->unchecked_bytes >= ROOM_STEP) {
		object->unchecked_bytes = 0;
		if (!intake_check_room(object->intake->store, err))
			return false;
	}
	return file_write_all(object->fd, object->buffer, length, err);
}

static bool append(struct intake_object *object, const char *bytes, size_t length, struct err *err)
{
	if (length > (uint64_t)conf_number(CONF_OBJECT_MAX) - object->record.size_bytes)
		return err_set(err, ERR_NO_SPACE, "cannot take the object: larger than object_max");
	object->record.size_bytes += length;
	digest_update(object->digest, bytes, length);
	while (length) {
		size_t part = BUFFER_SIZE - object->buffered;

		part = part < length ? part : length;
		memcpy(object->buffer + object->buffered, bytes, part);
		object->buffered += part;
		bytes += part;
		length -= part;
		if (object->buffered == BUFFER_SIZE && !flush(object, err))
			return false;
	}
	file_kill_point("intake-in-append");
	return true;
}

bool intake_append(struct intake_object *object, const void *bytes, size_t length, struct err *err)
{
	if (append(object, bytes, length, err))
		return true;
	object->has_failed = true;
	return refuse(err);
}

static bool needs_study(const struct dicom_fields *fields)
{
	if (dicom_is_patient_sop_class(fields->sop_class_uid))
		return true;
	return fields->has_study && !dicom_is_storage_sop_class(fields->sop_class_uid);
}

/* What can never be indexed is refused at the door, while its sender listens. */
static bool check_dataset(const struct intake_object *object, const struct dicom_fields *fields, struct err *err)
{
	const struct intake_record *record = &object->record;

	if (!text_is_uid(fields->sop_class_uid) || !text_is_uid(fields->sop_instance_uid))
		return err_set(err, ERR_INVALID,
		               "cannot take the object: SOP class or instance UID missing or malformed");
	if (strcmp(fields->sop_class_uid, record->sop_class_uid) != 0 ||
	    strcmp(fields->sop_instance_uid, record->sop_instance_uid) != 0) {
		err_set(err, ERR_INVALID,
		        "cannot take the object: dataset does not match SOP class or instance announced");
		return err_code(err, ERR_SOURCE_DIMSE, STATUS_MISMATCH);
	}
	if (needs_study(fields) &&
	    (!text_is_uid(fields->study_instance_uid) || !text_is_uid(fields->series_instance_uid)))
		return err_set(err, ERR_INVALID, "cannot take the object: study or series UID missing or malformed");
	return true;
}

static bool check_part(const struct intake_object *object, struct err *err)
{
	struct dicom_fields fields;
	char path[PATH_MAX];

	return slot_part_path(object->intake->own.slot, object->record.key, path, sizeof path, err) &&
	       dicom_read_fields(path, &fields, err) && check_dataset(object, &fields, err);
}

static bool commit(struct intake_object *object, struct err *err)
{
	struct intake *intake = object->intake;
	struct slot_entry entry;

	if (object->has_failed)
		return err_set(err, ERR_TEMPORARY, "could not take the object: it did not arrive whole");
	if (!flush(object, err) || !check_part(object, err))
		return false;
	digest_final(object->digest, object->record.sha256);
	if (!slot_record(intake->own.slot, object->fd, &object->record, &entry, err))
		return false;
	pthread_mutex_lock(&intake->lock);
	queue_add(&intake->own, &entry);
	pthread_cond_broadcast(&intake->changed);
	pthread_mutex_unlock(&intake->lock);
	return true;
}

bool intake_commit(struct intake_object *object, struct err *err)
{
	if (!commit(object, err)) {
		intake_abort(object);
		return refuse(err);
	}
	object_free(object);
	return true;
}

void intake_abort(struct intake_object *object)
{
	slot_drop(object->intake->own.slot, object->record.key);
	object_free(object);
}

/* ---- open and close ----------------------------------------------------------------------------------------------------- */

static void init_waiting(struct intake *intake)
{
	pthread_condattr_t attributes;

	pthread_mutex_init(&intake->lock, NULL);
	pthread_condattr_init(&attributes);
	pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
	pthread_cond_init(&intake->changed, &attributes);
	pthread_condattr_destroy(&attributes);
}

static void intake_free(struct intake *intake)
{
	queue_fini(&intake->own);
	queue_fini(&intake->adopted);
	pthread_cond_destroy(&intake->changed);
	pthread_mutex_destroy(&intake->lock);
	free(intake);
}

static bool start(struct intake *intake, struct err *err)
{
	struct slot *slot;
	int failed;

	if (!slot_claim(&slot, err))
		return false;
	if (!queue_load(&intake->own, slot, err)) {
		slot_release(slot);
		return false;
	}
	failed = pthread_create(&intake->thread, NULL, intake_worker, intake);
	if (failed)
		return err_set_errno(err, ERR_TEMPORARY, failed, "could not start the indexing thread");
	return true;
}

bool intake_open(struct store *store, struct db_pool *pool, struct intake **out, struct err *err)
{
	struct intake *intake = calloc(1, sizeof *intake);

	if (!intake)
		err_panic("out of memory");
	intake->store = store;
	intake->pool = pool;
	init_waiting(intake);
	if (!start(intake, err)) {
		intake_free(intake);
		return err_context(err, "receiving journal");
	}
	*out = intake;
	return true;
}

void intake_close(struct intake *intake, int64_t drain_ms)
{
	if (!intake)
		return;
	pthread_mutex_lock(&intake->lock);
	while (intake->open_objects)
		pthread_cond_wait(&intake->changed, &intake->lock);
	intake->give_up_at_ms = clock_monotonic_ms() + drain_ms;
	intake->is_stopping = true;
	pthread_cond_broadcast(&intake->changed);
	pthread_mutex_unlock(&intake->lock);
	pthread_join(intake->thread, NULL);
	intake_free(intake);
}

bool intake_is_behind(const struct intake *intake)
{
	return atomic_load(&intake->is_behind);
}
