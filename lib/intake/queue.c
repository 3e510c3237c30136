#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lib/base/log.h"
#include "lib/intake/internal.h"

/* ---- entries ---------------------------------------------------------------------------------------------------------- */

static void make_room(struct queue *queue)
{
	if (queue->first > queue->count) {
		memmove(queue->entries, queue->entries + queue->first, queue->count * sizeof *queue->entries);
		queue->first = 0;
	}
	if (queue->first + queue->count < queue->capacity)
		return;
	queue->capacity = queue->capacity ? 2 * queue->capacity : 256;
	queue->entries = reallocarray(queue->entries, queue->capacity, sizeof *queue->entries);
	if (!queue->entries)
		err_panic("out of memory");
}

void queue_add(struct queue *queue, const struct pending *entry)
{
	make_room(queue);
	queue->entries[queue->first + queue->count++] = *entry;
}

struct pending *queue_at(struct queue *queue, size_t i)
{
	return &queue->entries[queue->first + i];
}

static void forget(struct pending *entry)
{
	free(entry->place);
	free(entry->record);
	free(entry->fields);
}

void queue_settle(struct queue *queue, const bool *done, size_t count)
{
	size_t end = queue->first + count;

	/* From behind, so that those that stay end up before the rest. */
	for (size_t i = count; i-- > 0;) {
		struct pending *entry = &queue->entries[queue->first + i];

		if (done[i])
			forget(entry);
		else
			queue->entries[--end] = *entry;
	}
	queue->count -= end - queue->first;
	queue->first = queue->count ? end : 0;
}

void queue_defer(struct queue *queue, size_t count)
{
	for (; count; count--) {
		struct pending entry = *queue_at(queue, 0);

		queue->first++;
		queue->count--;
		queue_add(queue, &entry);
	}
}

/* ---- a slot's --------------------------------------------------------------------------------------------------------- */

static void *copy_of(const void *what, size_t size)
{
	void *copy = malloc(size);

	if (!copy)
		err_panic("out of memory");
	return memcpy(copy, what, size);
}

static bool add_ringed(void *context, const struct ring_object *object, const struct intake_record *record,
                       struct err *err)
{
	struct queue *queue = context;
	struct pending entry = {.sequence = object->sequence,
	                        .place = copy_of(object, sizeof *object),
	                        .record = copy_of(record, sizeof *record)};

	(void)err;
	memcpy(entry.key, record->key, sizeof entry.key);
	slot_seen_sequence(queue->slot, object->sequence);
	queue_add(queue, &entry);
	return true;
}

static bool add_parts(struct queue *queue, struct err *err)
{
	struct slot_entry *found;
	size_t count;

	if (!slot_scan(queue->slot, &found, &count, err))
		return false;
	for (size_t i = 0; i < count; i++) {
		struct pending entry = {.sequence = found[i].sequence};

		memcpy(entry.key, found[i].key, sizeof entry.key);
		queue_add(queue, &entry);
	}
	free(found);
	return true;
}

static int by_sequence(const void *one, const void *other)
{
	uint64_t a = ((const struct pending *)one)->sequence, b = ((const struct pending *)other)->sequence;

	return a == b ? 0 : a < b ? -1 : 1;
}

bool queue_load(struct queue *queue, struct slot *slot, struct err *err)
{
	struct queue loaded = {.slot = slot};

	if (!ring_open(slot_path(slot), &loaded.ring, err))
		return false;
	if (!ring_scan(loaded.ring, add_ringed, &loaded, err) || !add_parts(&loaded, err)) {
		loaded.slot = NULL; /* stays the caller's */
		queue_fini(&loaded, false);
		return false;
	}
	if (loaded.count)
		qsort(loaded.entries, loaded.count, sizeof *loaded.entries, by_sequence);
	*queue = loaded;
	return true;
}

void queue_fini(struct queue *queue, bool is_emptied)
{
	if (is_emptied)
		ring_remove(queue->ring);
	else
		ring_close(queue->ring);
	slot_release(queue->slot);
	for (size_t i = 0; i < queue->count; i++)
		forget(queue_at(queue, i));
	free(queue->entries);
	memset(queue, 0, sizeof *queue);
}

/* ---- bytes of an entry -------------------------------------------------------------------------------------------------- */

static bool read_pending(void *context, uint64_t offset, void *out, size_t length, size_t *out_length, struct err *err)
{
	const struct pending_bytes *from = context;
	ssize_t got;

	if (from->place)
		return ring_read(from->ring, from->place, offset, out, length, out_length, err);
	do
		got = pread(from->fd, out, length, (off_t)offset);
	while (got < 0 && errno == EINTR);
	if (got < 0)
		return err_set_errno(err, ERR_TEMPORARY, errno, "could not read from the journal");
	*out_length = (size_t)got;
	return true;
}

static bool open_part(const struct queue *queue, const struct pending *entry, uint64_t size, int *out_fd,
                      struct err *err)
{
	char path[PATH_MAX];
	struct stat info;
	int fd;

	if (!slot_part_path(queue->slot, entry->key, path, sizeof path, err))
		return false;
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return err_set_errno(err, errno == ENOENT ? ERR_CORRUPT : ERR_TEMPORARY, errno,
		                     "could not read from the journal");
	if (fstat(fd, &info) != 0 || (uint64_t)info.st_size != size) {
		close(fd);
		return err_set(err, ERR_CORRUPT,
		               "cannot index: the bytes in the journal have another length than the record");
	}
	*out_fd = fd;
	return true;
}

bool pending_open(const struct queue *queue, const struct pending *entry, const struct intake_record *record,
                  struct pending_bytes *out, struct err *err)
{
	*out = (struct pending_bytes){.ring = queue->ring, .place = entry->place, .fd = -1};
	out->bytes = (struct dicom_bytes){read_pending, out, record->header_bytes + record->size_bytes};
	return entry->place || open_part(queue, entry, out->bytes.size, &out->fd, err);
}

void pending_close(struct pending_bytes *bytes)
{
	if (bytes->fd >= 0)
		close(bytes->fd);
	bytes->fd = -1;
}
