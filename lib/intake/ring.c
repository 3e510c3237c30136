#include "lib/intake/ring.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <unistd.h>

#include "lib/base/clock.h"
#include "lib/base/conf.h"
#include "lib/base/file.h"
#include "lib/base/log.h"
#include "lib/intake/ring_head.h"

enum { CHUNKS_MAX = 1 << 20, NO_WAIT_MS = 5000 };

struct ring {
	char path[PATH_MAX], directory[PATH_MAX];
	int fd; /* -1: no file yet */

	pthread_mutex_t lock; /* over the chunks */
	pthread_cond_t freed;
	uint64_t *used; /* a bit a chunk */
	uint32_t count, used_count;
	int64_t no_wait_until_ms; /* monotonic */
	bool is_broken;
	bool is_known; /* what lies in it has been looked at, or the file is ours: only then may it be called clean */

	/* One sync at a time; those who come meanwhile share the next one. */
	pthread_mutex_t sync_lock;
	pthread_cond_t synced;
	uint64_t written, durable, failed; /* tickets */
	bool is_syncing;
};

static uint64_t chunk_offset(uint32_t chunk)
{
	return RING_PAGE + (uint64_t)chunk * RING_CHUNK;
}

static uint32_t chunks_allowed(void)
{
	uint64_t allowed = (uint64_t)conf_number(CONF_JOURNAL_RING) / RING_CHUNK;

	return allowed < CHUNKS_MAX ? (uint32_t)allowed : CHUNKS_MAX;
}

/* ---- pages ------------------------------------------------------------------------------------------------------------- */

static bool write_at(int fd, const void *bytes, size_t length, uint64_t offset, struct err *err)
{
	const char *from = bytes;

	while (length) {
		ssize_t done = pwrite(fd, from, length, (off_t)offset);

		if (done < 0 && errno == EINTR)
			continue;
		if (done < 0)
			return err_set_errno(err, ERR_TEMPORARY, errno, "could not write to the receiving journal");
		from += done;
		offset += (uint64_t)done;
		length -= (size_t)done;
	}
	return true;
}

static bool mark(struct ring *ring, const char *state, struct err *err)
{
	char page[RING_PAGE] = {0};

	snprintf(page, sizeof page, "yq-ring 1\n%s\n", state);
	return write_at(ring->fd, page, sizeof page, 0, err) && file_sync(ring->fd, ring->path, err);
}

static bool read_page(int fd, uint64_t offset, char page[RING_PAGE], struct err *err)
{
	ssize_t got;

	do
		got = pread(fd, page, RING_PAGE, (off_t)offset);
	while (got < 0 && errno == EINTR);
	if (got < 0)
		return err_set_errno(err, ERR_TEMPORARY, errno, "could not read the receiving journal");
	memset(page + got, 0, (size_t)(RING_PAGE - got));
	return true;
}

static void clear_head(const struct ring *ring, uint32_t chunk)
{
	static const char nothing[RING_PAGE];
	struct err err;

	/* Not synced: the next object's sync covers it. One that comes back after a power cut is the same object again. */
	if (!write_at(ring->fd, nothing, sizeof nothing, chunk_offset(chunk), &err))
		log_err(LOG_PROGRAM_FAILED, &err, "what=%s", "ring");
}

/* ---- open and close ------------------------------------------------------------------------------------------------------ */

static uint32_t chunks_in_file(int fd)
{
	struct stat info;

	if (fstat(fd, &info) != 0 || info.st_size < RING_PAGE)
		return 0;
	return (uint32_t)((uint64_t)(info.st_size - RING_PAGE) / RING_CHUNK);
}

static void resize(struct ring *ring, uint32_t count)
{
	size_t words = (count + 63) / 64, before = (ring->count + 63) / 64;

	ring->used = reallocarray(ring->used, words ? words : 1, sizeof *ring->used);
	if (!ring->used)
		err_panic("out of memory");
	if (words > before)
		memset(ring->used + before, 0, (words - before) * sizeof *ring->used);
	ring->count = count;
}

static void init_locks(struct ring *ring)
{
	pthread_condattr_t attributes;

	pthread_mutex_init(&ring->lock, NULL);
	pthread_mutex_init(&ring->sync_lock, NULL);
	pthread_condattr_init(&attributes);
	pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
	pthread_cond_init(&ring->freed, &attributes);
	pthread_cond_init(&ring->synced, &attributes);
	pthread_condattr_destroy(&attributes);
}

static void ring_fini(struct ring *ring)
{
	if (ring->fd >= 0)
		close(ring->fd);
	pthread_mutex_destroy(&ring->lock);
	pthread_mutex_destroy(&ring->sync_lock);
	pthread_cond_destroy(&ring->freed);
	pthread_cond_destroy(&ring->synced);
	free(ring->used);
	free(ring);
}

bool ring_open(const char *directory, struct ring **out, struct err *err)
{
	struct ring *ring = calloc(1, sizeof *ring);
	bool ok;

	if (!ring)
		err_panic("out of memory");
	init_locks(ring);
	text_copy(ring->directory, sizeof ring->directory, directory);
	ok = snprintf(ring->path, sizeof ring->path, "%s/ring", directory) < (int)sizeof ring->path;
	ring->fd = ok ? open(ring->path, O_RDWR | O_CLOEXEC) : -1;
	if (ring->fd < 0 && errno != ENOENT)
		ok = err_set_errno(err, ERR_TEMPORARY, errno, "could not open %s", ring->path);
	if (ok && ring->fd >= 0) {
		resize(ring, chunks_in_file(ring->fd));
		ok = mark(ring, "dirty", err);
	}
	if (!ok) {
		ring_fini(ring);
		return false;
	}
	*out = ring;
	return true;
}

/* Nothing is in it: what `journal_ring` no longer allows goes. The sync of the mark makes the cleared heads durable, too. */
static bool leave_clean(struct ring *ring, struct err *err)
{
	uint32_t allowed = chunks_allowed();

	if (ring->count > allowed && ftruncate(ring->fd, (off_t)chunk_offset(allowed)) != 0)
		return err_set_errno(err, ERR_TEMPORARY, errno, "could not make %s smaller", ring->path);
	return mark(ring, "clean", err);
}

void ring_close(struct ring *ring)
{
	struct err err;

	if (!ring)
		return;
	if (ring->fd >= 0 && ring->used_count == 0 && ring->is_known && !ring->is_broken && !leave_clean(ring, &err))
		log_err(LOG_PROGRAM_FAILED, &err, "what=%s", "ring");
	ring_fini(ring);
}

void ring_remove(struct ring *ring)
{
	struct err err;

	if (!ring)
		return;
	if (ring->fd >= 0 && (unlink(ring->path) != 0 || !file_sync_dir(ring->directory, &err)))
		log_warning(LOG_PROGRAM_FAILED, "what=%s", "ring");
	ring_fini(ring);
}

/* ---- finding what is there ---------------------------------------------------------------------------------------------- */

/* Whole heads of a file, in no order. */
static bool read_heads(int fd, uint32_t count, struct ring_head **out, size_t *out_count, struct err *err)
{
	struct ring_head *heads = NULL;
	size_t found = 0, capacity = 0;
	char page[RING_PAGE];

	for (uint32_t chunk = 0; chunk < count; chunk++) {
		if (!read_page(fd, chunk_offset(chunk), page, err)) {
			free(heads);
			return false;
		}
		if (page[0] == '\0')
			continue;
		if (found == capacity) {
			capacity = capacity ? 2 * capacity : 16;
			heads = reallocarray(heads, capacity, sizeof *heads);
			if (!heads)
				err_panic("out of memory");
		}
		if (ring_head_decode(page, count, &heads[found]) && heads[found].object.chunks[0] == chunk)
			found++;
	}
	*out = heads;
	*out_count = found;
	return true;
}

static int latest_first(const void *one, const void *other)
{
	uint64_t a = ((const struct ring_head *)one)->object.sequence,
	         b = ((const struct ring_head *)other)->object.sequence;

	return a == b ? 0 : a > b ? -1 : 1;
}

static bool is_used(const struct ring *ring, uint32_t chunk)
{
	return ring->used[chunk / 64] >> (chunk % 64) & 1;
}

static void set_used(struct ring *ring, uint32_t chunk, bool used)
{
	uint64_t bit = UINT64_C(1) << (chunk % 64);

	ring->used[chunk / 64] = used ? ring->used[chunk / 64] | bit : ring->used[chunk / 64] & ~bit;
	ring->used_count += used ? 1u : UINT32_MAX;
}

/* The chunks of an older head that a later object has written over are gone, and with them that object: it had left. */
static bool claim(struct ring *ring, const struct ring_object *object)
{
	for (uint32_t i = 0; i < object->count; i++)
		if (is_used(ring, object->chunks[i]))
			return false;
	for (uint32_t i = 0; i < object->count; i++)
		set_used(ring, object->chunks[i], true);
	return true;
}

bool ring_scan(struct ring *ring, ring_found *each, void *context, struct err *err)
{
	struct ring_head *heads;
	size_t count, kept = 0;
	bool ok = true;

	if (ring->fd < 0)
		return true;
	if (!read_heads(ring->fd, ring->count, &heads, &count, err))
		return false;
	if (count)
		qsort(heads, count, sizeof *heads, latest_first);
	for (size_t i = 0; i < count; i++)
		if (claim(ring, &heads[i].object))
			heads[kept++] = heads[i];
		else
			clear_head(ring, heads[i].object.chunks[0]);
	while (ok && kept--)
		ok = each(context, &heads[kept].object, &heads[kept].record, err);
	free(heads);
	ring->is_known = ok;
	return ok;
}

bool ring_is_dirty(const char *directory)
{
	char path[PATH_MAX], page[RING_PAGE];
	struct err ignored;
	bool dirty;
	int fd;

	if (snprintf(path, sizeof path, "%s/ring", directory) >= (int)sizeof path)
		return false;
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return false;
	dirty = !read_page(fd, 0, page, &ignored) || strcmp(page, "yq-ring 1\nclean\n") != 0;
	close(fd);
	return dirty;
}

bool ring_look(const char *directory, ring_found *each, void *context, struct err *err)
{
	char path[PATH_MAX];
	struct ring_head *heads;
	size_t count;
	bool ok;
	int fd;

	if (!ring_is_dirty(directory) || snprintf(path, sizeof path, "%s/ring", directory) >= (int)sizeof path)
		return true;
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return errno == ENOENT || err_set_errno(err, ERR_TEMPORARY, errno, "could not read %s", path);
	ok = read_heads(fd, chunks_in_file(fd), &heads, &count, err);
	close(fd);
	if (!ok)
		return false;
	for (size_t i = 0; ok && i < count; i++)
		ok = each(context, &heads[i].object, &heads[i].record, err);
	free(heads);
	return ok;
}

/* ---- chunks -------------------------------------------------------------------------------------------------------------- */

/* Called with the lock. `journal_ring` may have become smaller than the file. */
static bool is_full(const struct ring *ring)
{
	uint32_t allowed = chunks_allowed();

	return ring->used_count >= (ring->count < allowed ? ring->count : allowed);
}

/* The lowest free one: what was used last is used next, and neighbours stay neighbours. Called with the lock. */
static bool take_chunk(struct ring *ring, uint32_t *out)
{
	if (is_full(ring))
		return false;
	for (uint32_t word = 0; word * 64 < ring->count; word++) {
		uint32_t chunk;

		if (ring->used[word] == UINT64_MAX)
			continue;
		chunk = word * 64 + (uint32_t)__builtin_ctzll(~ring->used[word]);
		if (chunk >= ring->count)
			return false;
		set_used(ring, chunk, true);
		*out = chunk;
		return true;
	}
	return false;
}

bool ring_reserve(struct ring *ring, struct ring_object *object, uint64_t length)
{
	uint64_t wanted = (length + RING_PAYLOAD - 1) / RING_PAYLOAD;
	bool ok = wanted <= RING_OBJECT_CHUNKS;

	pthread_mutex_lock(&ring->lock);
	ok = ok && !ring->is_broken;
	while (ok && object->count < wanted) {
		ok = take_chunk(ring, &object->chunks[object->count]);
		object->count += ok;
	}
	pthread_mutex_unlock(&ring->lock);
	return ok;
}

bool ring_wait(struct ring *ring, int64_t wait_ms)
{
	int64_t now = clock_monotonic_ms(), until = now + wait_ms;
	struct timespec at = {.tv_sec = until / 1000, .tv_nsec = until % 1000 * 1000000};
	bool has_room;

	pthread_mutex_lock(&ring->lock);
	while (!ring->is_broken && chunks_allowed() > 0 && is_full(ring) && now < until &&
	       now >= ring->no_wait_until_ms) {
		pthread_cond_timedwait(&ring->freed, &ring->lock, &at);
		now = clock_monotonic_ms();
	}
	has_room = !ring->is_broken && !is_full(ring);
	/* Who comes next must not wait for what did not come for this one. */
	if (!has_room && now >= until)
		ring->no_wait_until_ms = now + NO_WAIT_MS;
	pthread_mutex_unlock(&ring->lock);
	return has_room;
}

static void give_chunks(struct ring *ring, struct ring_object *object)
{
	pthread_mutex_lock(&ring->lock);
	for (uint32_t i = 0; i < object->count; i++)
		set_used(ring, object->chunks[i], false);
	pthread_cond_broadcast(&ring->freed);
	pthread_mutex_unlock(&ring->lock);
	object->count = 0;
	object->length = 0;
}

void ring_free(struct ring *ring, struct ring_object *object)
{
	if (object->has_head)
		clear_head(ring, object->chunks[0]);
	object->has_head = false;
	give_chunks(ring, object);
}

/* ---- bytes --------------------------------------------------------------------------------------------------------------- */

/* From an offset in the object to one in the file, and how far it goes on there. */
static uint64_t place_of(const struct ring_object *object, uint64_t offset, uint64_t *out_offset)
{
	uint64_t inside = offset % RING_PAYLOAD;

	*out_offset = chunk_offset(object->chunks[offset / RING_PAYLOAD]) + RING_PAGE + inside;
	return RING_PAYLOAD - inside;
}

static bool write_padded(struct ring *ring, const char *bytes, size_t length, uint64_t offset, struct err *err)
{
	size_t whole = length / RING_PAGE * RING_PAGE;
	char page[RING_PAGE] = {0};

	if (whole && !write_at(ring->fd, bytes, whole, offset, err))
		return false;
	if (whole == length)
		return true;
	/* A whole page, since the kernel would have to read the rest of it from the disk first. */
	memcpy(page, bytes + whole, length - whole);
	return write_at(ring->fd, page, sizeof page, offset + whole, err);
}

bool ring_write(struct ring *ring, struct ring_object *object, const void *bytes, size_t length, struct err *err)
{
	const char *from = bytes;

	if (object->length % RING_PAGE != 0)
		err_panic("a write behind the end of an object");
	while (length) {
		uint64_t offset, room = place_of(object, object->length, &offset);
		size_t part = length < room ? length : (size_t)room;

		if (!write_padded(ring, from, part, offset, err))
			return false;
		/* On its way to the disk while the rest of it still comes. */
		if (part == room)
			(void)sync_file_range(ring->fd, (off_t)(offset + part - RING_PAYLOAD), RING_PAYLOAD,
			                      SYNC_FILE_RANGE_WRITE);
		object->length += part;
		from += part;
		length -= part;
	}
	return true;
}

bool ring_read(const struct ring *ring, const struct ring_object *object, uint64_t offset, void *out, size_t length,
               size_t *out_length, struct err *err)
{
	char *to = out;

	length = offset >= object->length           ? 0
	         : length > object->length - offset ? (size_t)(object->length - offset)
	                                            : length;
	*out_length = length;
	while (length) {
		uint64_t place, room = place_of(object, offset, &place);
		ssize_t got = pread(ring->fd, to, length < room ? length : (size_t)room, (off_t)place);

		if (got < 0 && errno == EINTR)
			continue;
		if (got <= 0)
			return err_set_errno(err, ERR_TEMPORARY, got < 0 ? errno : EIO,
			                     "could not read the receiving journal");
		to += got;
		offset += (uint64_t)got;
		length -= (size_t)got;
	}
	return true;
}

/* ---- durable ------------------------------------------------------------------------------------------------------------- */

static void lead_sync(struct ring *ring, struct err *err)
{
	uint64_t upto = ring->written;
	bool ok;

	ring->is_syncing = true;
	pthread_mutex_unlock(&ring->sync_lock);
	ok = file_sync(ring->fd, ring->path, err);
	pthread_mutex_lock(&ring->sync_lock);
	ring->is_syncing = false;
	if (!ok) {
		/* What the disk has of anything that was under way is unknown, and a second sync would say "fine". */
		ring->failed = upto;
		pthread_mutex_lock(&ring->lock);
		ring->is_broken = true;
		pthread_cond_broadcast(&ring->freed);
		pthread_mutex_unlock(&ring->lock);
	}
	ring->durable = upto;
	pthread_cond_broadcast(&ring->synced);
}

/* Everything that this thread wrote before is durable on true. */
static bool sync_shared(struct ring *ring, struct err *err)
{
	uint64_t mine, failed;

	pthread_mutex_lock(&ring->sync_lock);
	mine = ++ring->written;
	while (ring->durable < mine && !ring->failed) {
		if (ring->is_syncing)
			pthread_cond_wait(&ring->synced, &ring->sync_lock);
		else
			lead_sync(ring, err);
	}
	failed = ring->failed;
	pthread_mutex_unlock(&ring->sync_lock);
	return !failed || err_set(err, ERR_TEMPORARY, "could not make the receiving journal durable");
}

bool ring_commit(struct ring *ring, struct ring_object *object, const struct intake_record *record, struct err *err)
{
	char page[RING_PAGE];

	ring_head_encode(object, record, page);
	object->has_head = true;
	if (!write_at(ring->fd, page, sizeof page, chunk_offset(object->chunks[0]), err))
		return false;
	file_kill_point("intake-before-data-sync");
	if (!sync_shared(ring, err))
		return false;
	file_kill_point("intake-after-data-sync");
	return true;
}

/* ---- growth -------------------------------------------------------------------------------------------------------------- */

int ring_used_percent(struct ring *ring)
{
	uint32_t allowed = chunks_allowed();
	int percent;

	pthread_mutex_lock(&ring->lock);
	percent = ring->is_broken || !allowed ? 100 : (int)(100ull * ring->used_count / allowed);
	pthread_mutex_unlock(&ring->lock);
	return percent;
}

bool ring_wants_growth(struct ring *ring)
{
	bool wants;

	pthread_mutex_lock(&ring->lock);
	wants = !ring->is_broken && ring->count < chunks_allowed() && 2 * ring->used_count >= ring->count;
	pthread_mutex_unlock(&ring->lock);
	return wants;
}

static bool make_file(struct ring *ring, struct err *err)
{
	int fd = open(ring->path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);

	if (fd < 0)
		return err_set_errno(err, ERR_TEMPORARY, errno, "could not make %s", ring->path);
	ring->fd = fd;
	ring->is_known = true;
	return mark(ring, "dirty", err) && file_sync_dir(ring->directory, err);
}

/* Zeros, not holes: the blocks have to be written once, so that later syncs need not touch the file system's own data. */
static bool write_zeros(struct ring *ring, uint32_t from, uint32_t to, struct err *err)
{
	char *zeros = calloc(1, RING_CHUNK);
	bool ok = true;

	if (!zeros)
		err_panic("out of memory");
	for (uint32_t chunk = from; ok && chunk < to; chunk++)
		ok = write_at(ring->fd, zeros, RING_CHUNK, chunk_offset(chunk), err);
	free(zeros);
	return ok && file_sync(ring->fd, ring->path, err);
}

/* Only the thread that grows it changes the count. */
static uint32_t next_count(const struct ring *ring)
{
	uint32_t allowed = chunks_allowed();
	uint32_t count = ring->count + (ring->count > RING_GROWTH ? ring->count : RING_GROWTH);

	count = count < allowed ? count : allowed;
	return count > ring->count ? count : ring->count;
}

uint64_t ring_growth_bytes(const struct ring *ring)
{
	return (uint64_t)(next_count(ring) - ring->count) * RING_CHUNK;
}

bool ring_grow(struct ring *ring, struct err *err)
{
	uint32_t before = ring->count, count = next_count(ring);

	if (count == before)
		return true;
	if ((ring->fd < 0 && !make_file(ring, err)) || !write_zeros(ring, before, count, err))
		return false;
	pthread_mutex_lock(&ring->lock);
	resize(ring, count);
	pthread_cond_broadcast(&ring->freed);
	pthread_mutex_unlock(&ring->lock);
	return true;
}
