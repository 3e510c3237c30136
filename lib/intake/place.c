#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "lib/base/file.h"
#include "lib/base/log.h"
#include "lib/intake/doubt.h"
#include "lib/intake/index.h"
#include "lib/intake/internal.h"

enum { READ_CHUNK = 256 * 1024 };

/*
 * From the journal into the store and the index backlog. Each step is durable before the next, and a crash between any two of them
 * leaves the object in the journal, from where all of it is done again under the same key:
 *
 *	store_batch_commit()    the files are there
 *	index_log_append()      what the ledger will be told is there
 *	ring_free(), slot_finish()
 */
struct item {
	struct pending *entry; /* borrowed */
	struct intake_record record;
	char *json;
	bool has_record, is_settled; /* settled: it goes no further with this batch */
	bool is_poison, is_read;     /* read: its record has the digest */
	enum intake_doubt doubt;     /* of its fields */
	struct err why;
};

bool intake_may_pass(const struct err *err)
{
	return err_kind_info(err->kind)->retry || err->kind == ERR_NO_SPACE || err->kind == ERR_CANCELLED ||
	       err->kind == ERR_UNKNOWN_OUTCOME;
}

/* ---- prepare ---------------------------------------------------------------------------------------------------------- */

/* One pass over the bytes: held against the checksum from the door, digested for the ledger, and written to the store. */
struct pass {
	struct store_batch *batch; /* NULL: they are not written */
	struct checksum *checksum;
	struct digest *digest;
	char *buffer;
};

static bool pass_piece(struct pass *pass, const char *bytes, size_t length, uint64_t skip, struct err *err)
{
	if (skip < length) {
		checksum_update(pass->checksum, bytes + skip, length - skip);
		digest_update(pass->digest, bytes + skip, length - skip);
	}
	return !pass->batch || store_batch_append(pass->batch, bytes, length, err);
}

static bool pass_all(struct pass *pass, struct pending_bytes *from, struct intake_record *record, struct err *err)
{
	uint8_t checksum[CHECKSUM_SIZE], digest[DIGEST_SIZE];
	uint64_t at = 0;
	size_t got = 1;
	bool agrees;

	while (got) {
		uint64_t skip = at < record->header_bytes ? record->header_bytes - at : 0;

		if (!from->bytes.read_at(from, at, pass->buffer, READ_CHUNK, &got, err) ||
		    !pass_piece(pass, pass->buffer, got, skip, err))
			return false;
		at += got;
	}
	checksum_final(pass->checksum, checksum);
	digest_final(pass->digest, digest);
	/* What the disk did meanwhile must not reach the store unseen. */
	agrees = record->is_digested ? memcmp(digest, record->sha256, sizeof digest) == 0
	                             : memcmp(checksum, record->checksum, sizeof checksum) == 0;
	memcpy(record->sha256, digest, sizeof digest);
	memcpy(record->checksum, checksum, sizeof checksum);
	return agrees ||
	       err_set(err, ERR_CORRUPT, "cannot index: the bytes in the journal do not agree with their checksum");
}

static bool run_pass(struct store_batch *batch, struct pending_bytes *from, struct intake_record *record,
                     struct err *err)
{
	struct pass pass = {batch, checksum_new(), digest_new(), malloc(READ_CHUNK)};
	bool ok;

	if (!pass.buffer)
		err_panic("out of memory");
	ok = pass_all(&pass, from, record, err);
	checksum_free(pass.checksum);
	digest_free(pass.digest);
	free(pass.buffer);
	return ok;
}

static bool read_record(const struct queue *queue, const struct pending *entry, struct item *item, struct err *err)
{
	struct slot_entry named = {.sequence = entry->sequence};
	enum record_shape shape = RECORD_WHOLE;

	memcpy(named.key, entry->key, sizeof named.key);
	if (entry->record)
		item->record = *entry->record;
	else if (!slot_read(queue->slot, &named, &shape, &item->record, err))
		return false;
	item->has_record = shape == RECORD_WHOLE && strcmp(item->record.key, entry->key) == 0;
	return item->has_record || err_set(err, ERR_CORRUPT, "cannot index: the record in the journal is damaged");
}

static bool encode(struct pending_bytes *from, struct item *item, struct err *err)
{
	const struct dicom_fields *fields = item->entry->fields;
	struct dicom_fields read;

	if (!fields && !dicom_read_fields_for(&from->bytes, item->record.default_charset, &read, err))
		return false;
	fields = fields ? fields : &read;
	item->doubt = intake_doubt_of_fields(&item->record, fields);
	if (item->doubt != DOUBT_NONE)
		return intake_doubt_err(item->doubt, err);
	item->json = index_encode(&item->record, fields);
	return true;
}

static bool put_ringed(struct store_batch *batch, struct pending_bytes *from, struct item *item, struct err *err)
{
	if (!store_batch_begin(batch, item->entry->key, err))
		return false;
	if (run_pass(batch, from, &item->record, err)) {
		store_batch_end(batch);
		return true;
	}
	store_batch_drop(batch);
	return false;
}

static bool put_part(const struct queue *queue, struct store_batch *batch, struct pending_bytes *from,
                     struct item *item, struct err *err)
{
	char path[PATH_MAX];

	return run_pass(NULL, from, &item->record, err) &&
	       slot_part_path(queue->slot, item->entry->key, path, sizeof path, err) &&
	       store_batch_put_file(batch, item->entry->key, path, err);
}

static bool prepare(const struct queue *queue, struct store_batch *batch, struct item *item, struct err *err)
{
	struct pending_bytes from;
	bool ok;

	if (!read_record(queue, item->entry, item, err) || !pending_open(queue, item->entry, &item->record, &from, err))
		return false;
	file_kill_point("intake-before-place");
	ok = item->entry->place ? put_ringed(batch, &from, item, err) : put_part(queue, batch, &from, item, err);
	item->is_read = ok;
	if (ok && !encode(&from, item, err)) {
		store_batch_drop(batch);
		ok = false;
	}
	pending_close(&from);
	return ok;
}

/* ---- what cannot go on ---------------------------------------------------------------------------------------------------- */

/*
 * A head whose bytes are not its own, found after a stop. In the ring it means that the object was never acknowledged, or had left and
 * its chunks were in use again; a part was durable before its record, so there it is damage.
 */
static bool is_leftover(const struct item *item)
{
	return item->entry->place && !item->entry->is_fresh && item->why.kind == ERR_CORRUPT;
}

/* Out of the ring into the other lane, where objects can lie for long. */
static bool spill(struct queue *queue, const struct item *item, struct slot_entry *out, struct err *err)
{
	struct pending_bytes from;
	char *buffer = malloc(READ_CHUNK);
	uint64_t at = 0;
	size_t got = 1;
	bool ok;
	int fd;

	if (!buffer)
		err_panic("out of memory");
	slot_drop(queue->slot, item->entry->key);
	ok = slot_part_new(queue->slot, item->entry->key, &fd, err);
	if (ok) {
		(void)pending_open(queue, item->entry, &item->record, &from, err);
		while (ok && got) {
			ok = from.bytes.read_at(&from, at, buffer, READ_CHUNK, &got, err) &&
			     file_write_all(fd, buffer, got, err);
			at += got;
		}
		ok = ok && slot_record(queue->slot, fd, &item->record, out, err);
		close(fd);
	}
	free(buffer);
	return ok;
}

/* Out of the journal, since the same bytes are set apart already. */
static bool drop_twin(struct intake *intake, struct queue *queue, struct item *item, struct err *err)
{
	struct slot_entry named = {.sequence = item->entry->sequence};

	memcpy(named.key, item->entry->key, sizeof named.key);
	if (item->entry->place)
		ring_free(queue->ring, item->entry->place);
	else if (!slot_finish(queue->slot, &named, 1, err))
		return false;
	return store_remove(intake->store, named.key, err);
}

static bool show_apart(struct intake *intake, const struct item *item, struct err *err)
{
	enum intake_doubt doubt = item->doubt != DOUBT_NONE ? item->doubt : intake_doubt_of_err(&item->why);
	const struct intake_record *record = item->has_record ? &item->record : NULL;
	struct err shown;

	if (index_set_apart(intake->pool, item->entry->key, record, item->is_read, doubt, item->why.text, &shown) ||
	    !intake_may_pass(&shown))
		return true;
	*err = shown;
	return false;
}

/* Nothing is lost: the bytes go to journal/quarantine, the ledger shows them when it can, the others go on. */
static bool set_apart(struct intake *intake, struct queue *queue, struct item *item, struct err *err)
{
	struct slot_entry named = {.sequence = item->entry->sequence};
	bool has_twin = false;

	memcpy(named.key, item->entry->key, sizeof named.key);
	if (item->is_read && !index_has_twin_apart(intake->pool, &item->record, &has_twin, err))
		return false;
	if (has_twin)
		return drop_twin(intake, queue, item, err);
	if (!show_apart(intake, item, err))
		return false;
	log_err(LOG_OBJECT_REFUSED, &item->why, "key=%s queue=intake action=set_apart", item->entry->key);
	if (item->entry->place && !spill(queue, item, &named, err))
		return false;
	if (!slot_set_apart(queue->slot, &named, item->why.text, err))
		return false;
	if (item->entry->place)
		ring_free(queue->ring, item->entry->place);
	/* What was placed by an earlier try has no row; it would be an orphan. */
	return store_remove(intake->store, named.key, err);
}

static void drop_leftover(struct queue *queue, struct item *item)
{
	log_warning(LOG_JOURNAL_RECOVERED, "slot=%s key=%s sop=%s dropped=1", slot_name(queue->slot), item->entry->key,
	            item->record.sop_instance_uid);
	ring_free(queue->ring, item->entry->place);
}

/* ---- a batch ----------------------------------------------------------------------------------------------------------- */

static bool append_lines(struct intake *intake, const struct item *items, size_t count, struct err *err)
{
	struct index_line *lines = calloc(count, sizeof *lines);
	size_t used = 0;
	bool ok;

	if (!lines)
		err_panic("out of memory");
	for (size_t i = 0; i < count; i++) {
		if (items[i].is_settled)
			continue;
		memcpy(lines[used].key, items[i].entry->key, sizeof lines[used].key);
		lines[used].size_bytes = items[i].record.size_bytes;
		lines[used].arrived_us = (uint64_t)items[i].record.arrived_us;
		lines[used++].json = items[i].json;
	}
	ok = index_log_append(intake->log, lines, used, err);
	free(lines);
	return ok;
}

/* Out of the journal. */
static bool release(struct queue *queue, struct item *items, size_t count, bool *done, struct err *err)
{
	struct slot_entry *parts = calloc(count, sizeof *parts);
	size_t used = 0;
	bool ok;

	if (!parts)
		err_panic("out of memory");
	file_kill_point("intake-before-free");
	for (size_t i = 0; i < count; i++) {
		if (items[i].is_settled)
			continue;
		if (items[i].entry->place) {
			ring_free(queue->ring, items[i].entry->place);
			done[i] = true;
		} else {
			parts[used].sequence = items[i].entry->sequence;
			memcpy(parts[used++].key, items[i].entry->key, STORE_KEY_SIZE);
		}
	}
	ok = used == 0 || slot_finish(queue->slot, parts, used, err);
	for (size_t i = 0; ok && i < count; i++)
		done[i] = done[i] || (!items[i].is_settled && !items[i].entry->place);
	free(parts);
	if (ok)
		file_kill_point("intake-after-free");
	return ok;
}

/* While the ledger is away nothing is set apart, and nobody else waits for that: such an object stays, and is not done. */
static bool settle_poison(struct intake *intake, struct queue *queue, struct item *items, size_t count, bool *done,
                          struct err *err)
{
	bool is_away = intake_is_behind(intake);

	for (size_t i = 0; i < count; i++) {
		if (!items[i].is_poison)
			continue;
		if (is_leftover(&items[i])) {
			drop_leftover(queue, &items[i]);
			done[i] = true;
		} else if (!is_away) {
			done[i] = set_apart(intake, queue, &items[i], err);
			is_away = !done[i] && intake_may_pass(err);
			if (!done[i] && !is_away)
				return false;
		}
	}
	return true;
}

static bool run_items(struct intake *intake, struct queue *queue, struct store_batch *batch, struct item *items,
                      size_t count, bool *done, struct err *err)
{
	for (size_t i = 0; i < count; i++) {
		if (prepare(queue, batch, &items[i], err))
			continue;
		if (intake_may_pass(err))
			return false;
		items[i].is_settled = items[i].is_poison = true;
		items[i].why = *err;
	}
	if (!store_batch_commit(batch, err))
		return false;
	file_kill_point("intake-after-place");
	return append_lines(intake, items, count, err) && release(queue, items, count, done, err) &&
	       settle_poison(intake, queue, items, count, done, err);
}

static bool run(struct intake *intake, struct queue *queue, struct pending *entries, size_t count, bool *done,
                struct err *err)
{
	struct item *items = calloc(count, sizeof *items);
	struct store_batch *batch = store_batch_new(intake->store);
	bool ok;

	if (!items)
		err_panic("out of memory");
	for (size_t i = 0; i < count; i++)
		items[i].entry = &entries[i];
	ok = run_items(intake, queue, batch, items, count, done, err);
	store_batch_free(batch);
	for (size_t i = 0; i < count; i++)
		free(items[i].json);
	free(items);
	return ok;
}

/* One object that cannot be placed must not hold the others: alone it shows itself, and is set apart. */
static bool one_by_one(struct intake *intake, struct queue *queue, struct pending *entries, size_t count, bool *done,
                       struct err *err)
{
	for (size_t i = 0; i < count; i++) {
		if (done[i] || run(intake, queue, &entries[i], 1, &done[i], err))
			continue;
		if (intake_may_pass(err))
			return false;
		if (!done[i]) {
			struct item item = {.entry = &entries[i], .is_poison = true, .why = *err};

			if (!read_record(queue, &entries[i], &item, err) && intake_may_pass(err))
				return false;
			if (!set_apart(intake, queue, &item, err))
				return false;
			done[i] = true;
		}
	}
	return true;
}

bool place_batch(struct intake *intake, struct queue *queue, struct pending *entries, size_t count, bool *done,
                 struct err *err)
{
	if (run(intake, queue, entries, count, done, err))
		return true;
	return !intake_may_pass(err) && one_by_one(intake, queue, entries, count, done, err);
}
