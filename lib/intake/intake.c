#include "lib/intake/intake.h"

#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "lib/base/clock.h"
#include "lib/base/conf.h"
#include "lib/base/file.h"
#include "lib/base/log.h"
#include "lib/intake/doubt.h"
#include "lib/intake/internal.h"
#include "lib/intake/room.h"

enum {
	BUFFER_SIZE = 64 * 1024,
	/* How long an object waits for room in the ring before it takes the other lane, which costs it some syncs more. */
	RING_PATIENCE_MS = 300,
	STATUS_NO_ROOM = 0xA700,
	STATUS_CANNOT_UNDERSTAND = 0xC000,
	STATUS_PROCESSING_FAILURE = 0x0110
};

/* Everything that goes to the ring or to the part is a whole number of pages, until the end. */
struct intake_object {
	struct intake *intake;
	struct intake_record record;
	struct checksum *checksum;
	struct ring_object place;
	struct dicom_fields *fields; /* NULL: not yet read */
	int fd;                      /* of the part; -1: in the ring */
	bool has_failed;
	bool is_nameless;         /* announced under what is no UID: the record has one of ours */
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

/* ---- one object ------------------------------------------------------------------------------------------------------- */

static bool take_text(char *out, size_t out_size, const char *text, const char *what, struct err *err)
{
	if (text_copy(out, out_size, text ? text : ""))
		return true;
	return err_set(err, ERR_INVALID, "cannot take the object: %s is too long", what);
}

/* It can never be indexed under such a name, but it can be received whole and kept: under one of ours, which its dataset will not have. */
static bool is_nameless(const struct intake_source *source)
{
	return !source->sop_instance_uid || !text_is_uid(source->sop_instance_uid);
}

static bool fill_record(struct intake_record *record, const struct intake_source *source, struct err *err)
{
	struct intake_record filled = {.origin = source->origin, .arrived_us = clock_wall_us()};

	store_key_new(filled.key);
#define TAKE(field, from) take_text(filled.field, sizeof filled.field, source->from, #from, err)
	if (!TAKE(device, device_public_id) || !TAKE(site, site_public_id) || !TAKE(calling_ae, calling_ae) ||
	    !TAKE(called_ae, called_ae) || !TAKE(address, address) || !TAKE(sop_class_uid, sop_class_uid) ||
	    !TAKE(transfer_syntax_uid, transfer_syntax_uid) || !TAKE(default_charset, default_charset))
		return false;
	if (!is_nameless(source) && !TAKE(sop_instance_uid, sop_instance_uid))
		return false;
#undef TAKE
	if (is_nameless(source))
		text_uid_new(filled.sop_instance_uid);
	if (!record_check(&filled, err))
		return false;
	*record = filled;
	return true;
}

static void count_object(struct intake *intake, int by)
{
	pthread_mutex_lock(&intake->lock);
	intake->open_objects += by;
	if (intake->is_closing)
		pthread_cond_broadcast(&intake->changed);
	pthread_mutex_unlock(&intake->lock);
}

static void object_free(struct intake_object *object)
{
	if (object->fd >= 0)
		close(object->fd);
	checksum_free(object->checksum);
	free(object->fields);
	count_object(object->intake, -1);
	free(object);
}

static bool buffer_header(struct intake_object *object, struct err *err)
{
	const struct intake_record *record = &object->record;
	uint8_t *header;
	size_t length;

	if (!dicom_meta_header(record->sop_class_uid, record->sop_instance_uid, record->transfer_syntax_uid,
	                       record->calling_ae, &header, &length, err))
		return false;
	memcpy(object->buffer, header, length); /* at most META_MAX, a fraction of the buffer */
	object->buffered = length;
	object->record.header_bytes = (uint32_t)length;
	free(header);
	return true;
}

bool intake_begin(struct intake *intake, const struct intake_source *source, struct intake_object **out,
                  struct err *err)
{
	struct intake_object *object;
	struct intake_record record;

	if (!fill_record(&record, source, err) || !intake_check_room(intake->store, err))
		return refuse(err);
	object = malloc(sizeof *object);
	if (!object)
		err_panic("out of memory");
	object->intake = intake;
	object->record = record;
	object->checksum = checksum_new();
	object->place = (struct ring_object){0};
	object->fields = NULL;
	object->fd = -1;
	object->has_failed = false;
	object->is_nameless = is_nameless(source);
	object->unchecked_bytes = 0;
	count_object(intake, 1);
	if (!buffer_header(object, err)) {
		intake_abort(object);
		return refuse(err);
	}
	file_kill_point("intake-after-begin");
	*out = object;
	return true;
}

/* ---- its bytes ---------------------------------------------------------------------------------------------------------- */

/* What the ring has of it goes on in a part. */
static bool change_lane(struct intake_object *object, struct err *err)
{
	struct intake *intake = object->intake;
	char *chunk = malloc(RING_PAYLOAD);
	uint64_t at = 0;
	size_t got = 1;
	int fd = -1;
	bool ok = slot_part_new(intake->own.slot, object->record.key, &fd, err);

	if (!chunk)
		err_panic("out of memory");
	while (ok && got) {
		ok = ring_read(intake->own.ring, &object->place, at, chunk, RING_PAYLOAD, &got, err) &&
		     file_write_all(fd, chunk, got, err);
		at += got;
	}
	free(chunk);
	ring_free(intake->own.ring, &object->place);
	object->fd = fd;
	return ok;
}

/* True: the ring has chunks for length bytes of it in all. */
static bool find_chunks(struct intake_object *object, uint64_t length)
{
	struct intake *intake = object->intake;
	struct ring *ring = intake->own.ring;
	bool ok = ring_reserve(ring, &object->place, length);

	if (!ok || ring_wants_growth(ring)) {
		pthread_mutex_lock(&intake->lock);
		intake->wants_chunks = true;
		pthread_cond_signal(&intake->changed);
		pthread_mutex_unlock(&intake->lock);
	}
	return ok || (length <= (uint64_t)RING_OBJECT_CHUNKS * RING_PAYLOAD && ring_wait(ring, RING_PATIENCE_MS) &&
	              ring_reserve(ring, &object->place, length));
}

/* A number of whole pages, except at the end. */
static bool write_out(struct intake_object *object, const void *bytes, size_t length, struct err *err)
{
	if (length == 0)
		return true;
	object->unchecked_bytes += length;
	if (object->unchecked_bytes >= ROOM_STEP) {
		object->unchecked_bytes = 0;
		if (!intake_check_room(object->intake->store, err))
			return false;
	}
	if (object->fd < 0 && !find_chunks(object, object->place.length + length) && !change_lane(object, err))
		return false;
	if (object->fd >= 0)
		return file_write_all(object->fd, bytes, length, err);
	return ring_write(object->intake->own.ring, &object->place, bytes, length, err);
}

static bool flush(struct intake_object *object, struct err *err)
{
	size_t length = object->buffered;

	object->buffered = 0;
	return write_out(object, object->buffer, length, err);
}

/* Large pieces are written from where they lie; the buffer takes what makes no whole page. */
static bool append(struct intake_object *object, const char *bytes, size_t length, struct err *err)
{
	if (length > (uint64_t)conf_number(CONF_OBJECT_MAX) - object->record.size_bytes)
		return err_set(err, ERR_NO_SPACE, "cannot take the object: larger than object_max");
	object->record.size_bytes += length;
	checksum_update(object->checksum, bytes, length);
	while (length) {
		size_t to_page = (RING_PAGE - object->buffered % RING_PAGE) % RING_PAGE;
		bool is_large = length >= to_page + BUFFER_SIZE / 2;
		size_t part = is_large ? to_page : BUFFER_SIZE - object->buffered;

		part = part < length ? part : length;
		memcpy(object->buffer + object->buffered, bytes, part);
		object->buffered += part;
		bytes += part;
		length -= part;
		if ((is_large || object->buffered == BUFFER_SIZE) && !flush(object, err))
			return false;
		if (!is_large)
			continue;
		part = length / RING_PAGE * RING_PAGE;
		if (!write_out(object, bytes, part, err))
			return false;
		bytes += part;
		length -= part;
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

/* The bytes that have come. The entry owns nothing yet: its pointers are ours until it is in the queue. */
static bool open_back(const struct intake_object *object, struct pending_bytes *out, struct err *err)
{
	struct pending entry = {.place = object->fd < 0 ? (struct ring_object *)&object->place : NULL};

	memcpy(entry.key, object->record.key, sizeof entry.key);
	return pending_open(&object->intake->own, &entry, &object->record, out, err);
}

static bool read_back(const struct intake_object *object, struct dicom_fields *out, struct err *err)
{
	struct pending_bytes from;
	bool ok;

	if (!open_back(object, &from, err))
		return false;
	ok = dicom_read_fields_for(&from.bytes, object->record.default_charset, out, err);
	pending_close(&from);
	return ok;
}

static void *copy_of(const void *what, size_t size)
{
	void *copy = malloc(size);

	if (!copy)
		err_panic("out of memory");
	return memcpy(copy, what, size);
}

static bool make_durable(struct intake_object *object, struct pending *out, struct err *err)
{
	struct queue *own = &object->intake->own;
	struct slot_entry entry;

	if (object->fd >= 0) {
		if (!slot_record(own->slot, object->fd, &object->record, &entry, err))
			return false;
		out->sequence = entry.sequence;
		return true;
	}
	object->place.sequence = out->sequence = slot_next_sequence(own->slot);
	if (!ring_commit(own->ring, &object->place, &object->record, err))
		return false;
	file_kill_point("intake-after-commit");
	return true;
}

static void enqueue(struct intake *intake, struct pending *entry)
{
	pthread_mutex_lock(&intake->lock);
	intake->last_commit_ms = clock_monotonic_ms();
	if (!intake->own.count) {
		/* Those who come behind find the placer awake. */
		intake->waiting_since_ms = intake->last_commit_ms;
		pthread_cond_signal(&intake->changed);
	}
	queue_add(&intake->own, entry);
	pthread_mutex_unlock(&intake->lock);
}

/* Of an object that is whole; once. */
static bool read_fields(struct intake_object *object, struct err *err)
{
	struct dicom_fields fields;

	if (object->has_failed)
		return err_set(err, ERR_TEMPORARY, "could not take the object: it did not arrive whole");
	if (object->fields)
		return true;
	if (!flush(object, err) || !read_back(object, &fields, err))
		return false;
	object->fields = copy_of(&fields, sizeof fields);
	return true;
}

bool intake_look(struct intake_object *object, struct dicom_fields *out, struct err *err)
{
	if (!read_fields(object, err)) {
		object->has_failed = true;
		return refuse(err);
	}
	*out = *object->fields;
	return true;
}

bool intake_look_references(struct intake_object *object, struct dicom_references *out, struct err *err)
{
	struct pending_bytes from;
	bool ok;

	if (!read_fields(object, err) || !open_back(object, &from, err)) {
		object->has_failed = true;
		return refuse(err);
	}
	ok = dicom_read_references(&from.bytes, out, err);
	pending_close(&from);
	return ok || refuse(err);
}

/*
 * What can be read and not indexed is kept as well, although its sender is told that it failed: he may have it no longer tomorrow, or send it
 * wrong for ever. Whoever places it comes to the same doubt and sets it apart, also after a crash.
 */
static bool commit(struct intake_object *object, enum intake_doubt *doubt, struct err *err)
{
	struct pending entry = {.is_fresh = true};

	if (!read_fields(object, err))
		return false;
	*doubt = intake_doubt_of_fields(&object->record, object->fields);
	checksum_final(object->checksum, object->record.checksum);
	if (!make_durable(object, &entry, err))
		return false;
	memcpy(entry.key, object->record.key, sizeof entry.key);
	if (object->fd < 0) {
		entry.place = copy_of(&object->place, sizeof object->place);
		entry.record = copy_of(&object->record, sizeof object->record);
		entry.fields = object->fields;
		object->fields = NULL;
	}
	enqueue(object->intake, &entry);
	return true;
}

bool intake_commit(struct intake_object *object, struct err *err)
{
	enum intake_doubt doubt = DOUBT_NONE;
	bool is_unnamed = object->is_nameless;

	if (!commit(object, &doubt, err)) {
		intake_abort(object);
		return refuse(err);
	}
	object_free(object);
	return doubt == DOUBT_NONE || intake_doubt_err(is_unnamed ? DOUBT_SOP_UID : doubt, err);
}

void intake_abort(struct intake_object *object)
{
	if (object->fd >= 0)
		slot_drop(object->intake->own.slot, object->record.key);
	else
		ring_free(object->intake->own.ring, &object->place);
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
	pthread_cond_init(&intake->placed, &attributes);
	pthread_condattr_destroy(&attributes);
}

static void intake_free(struct intake *intake)
{
	index_log_close(intake->log);
	queue_fini(&intake->own, false);
	queue_fini(&intake->adopted, false);
	pthread_cond_destroy(&intake->changed);
	pthread_cond_destroy(&intake->placed);
	pthread_mutex_destroy(&intake->lock);
	free(intake);
}

static bool start_thread(pthread_t *thread, void *(*run)(void *), struct intake *intake, bool *has, struct err *err)
{
	int failed = pthread_create(thread, NULL, run, intake);

	if (failed)
		return err_set_errno(err, ERR_TEMPORARY, failed, "could not start a thread of the receiving journal");
	*has = true;
	return true;
}

/* Lets the threads bring on what they can until then. */
static void end_threads(struct intake *intake, int64_t drain_ms)
{
	pthread_mutex_lock(&intake->lock);
	intake->is_closing = true;
	while (intake->open_objects)
		pthread_cond_wait(&intake->changed, &intake->lock);
	intake->give_up_at_ms = clock_monotonic_ms() + drain_ms;
	intake->is_stopping = true;
	intake->has_placer_ended = !intake->has_placer;
	pthread_cond_broadcast(&intake->changed);
	pthread_cond_broadcast(&intake->placed);
	pthread_mutex_unlock(&intake->lock);
	if (intake->has_placer)
		pthread_join(intake->placer, NULL);
	if (intake->has_indexer)
		pthread_join(intake->indexer, NULL);
}

static bool start(struct intake *intake, struct err *err)
{
	struct slot *slot;

	if (!slot_claim(&slot, err))
		return false;
	if (!queue_load(&intake->own, slot, err)) {
		slot_release(slot);
		return false;
	}
	if (intake->own.count)
		log_info(LOG_JOURNAL_RECOVERED, "slot=%s objects=%zu", slot_name(slot), intake->own.count);
	return index_log_open(slot_path(slot), &intake->log, err) &&
	       start_thread(&intake->placer, intake_placer, intake, &intake->has_placer, err) &&
	       start_thread(&intake->indexer, intake_indexer, intake, &intake->has_indexer, err);
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
		end_threads(intake, 0);
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
	end_threads(intake, drain_ms);
	intake_free(intake);
}

bool intake_is_behind(const struct intake *intake)
{
	return atomic_load(&intake->is_behind);
}
