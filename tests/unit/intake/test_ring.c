/* The ring without an intake: what was committed is found again, whatever else lies in the chunks. */
#include <criterion/criterion.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lib/base/file.h"
#include "lib/intake/ring_head.h"
#include "tests/support/home.h"

static struct err err;
static char directory[256];

static void setup(void)
{
	home_make(NULL);
	text_copy(directory, sizeof directory, home_path("slot"));
	cr_assert(file_make_dirs(directory, 0700, &err), "%s", err.text);
}

TestSuite(ring, .init = setup, .fini = home_remove, .timeout = 60);

static struct ring *open_ring(void)
{
	struct ring *ring;

	cr_assert(ring_open(directory, &ring, &err), "%s", err.text);
	return ring;
}

static struct ring *grown_ring(void)
{
	struct ring *ring = open_ring();

	cr_assert(ring_grow(ring, &err), "%s", err.text);
	return ring;
}

/* length bytes of one letter, with a record that fits; the digest in it is not looked at here. */
static struct intake_record record_of(uint64_t length)
{
	struct intake_record record = {.site = "0a9a5f4e-77f2-4a27-8a3b-2f8d3a1c9b10",
	                               .sop_class_uid = "1.2.840.10008.5.1.4.1.1.7",
	                               .sop_instance_uid = "2.25.1",
	                               .transfer_syntax_uid = "1.2.840.10008.1.2.1",
	                               .size_bytes = length,
	                               .arrived_us = 1};

	store_key_new(record.key);
	return record;
}

static void write_letters(struct ring *ring, struct ring_object *object, uint64_t length, char letter)
{
	char *bytes = malloc(length);

	memset(bytes, letter, length);
	cr_assert(ring_reserve(ring, object, length));
	cr_assert(ring_write(ring, object, bytes, length, &err), "%s", err.text);
	free(bytes);
}

static struct ring_object add(struct ring *ring, uint64_t length, char letter, uint64_t sequence)
{
	struct intake_record record = record_of(length);
	struct ring_object object = {.sequence = sequence};

	write_letters(ring, &object, length, letter);
	cr_assert(ring_commit(ring, &object, &record, &err), "%s", err.text);
	return object;
}

struct found {
	struct ring_object objects[64];
	size_t count;
};

static bool note(void *context, const struct ring_object *object, const struct intake_record *record, struct err *e)
{
	struct found *found = context;

	(void)record;
	(void)e;
	cr_assert_lt(found->count, 64);
	found->objects[found->count++] = *object;
	return true;
}

static void expect_letters(struct ring *ring, const struct ring_object *object, uint64_t length, char letter)
{
	char *bytes = malloc(length + 1);
	size_t got;

	cr_assert_eq(object->length, length);
	cr_assert(ring_read(ring, object, 0, bytes, length + 1, &got, &err), "%s", err.text);
	cr_expect_eq(got, length);
	for (uint64_t i = 0; i < length; i++)
		cr_assert_eq(bytes[i], letter, "byte %llu", (unsigned long long)i);
	free(bytes);
}

Test(ring, what_was_committed_is_found_in_order_after_a_stop)
{
	static const uint64_t lengths[] = {1, RING_PAGE, RING_PAYLOAD, RING_PAYLOAD + 1, 3 * RING_PAYLOAD - 7};
	struct ring *ring = grown_ring();
	struct found found = {0};

	for (size_t i = 5; i-- > 0;)
		add(ring, lengths[i], (char)('a' + i), 100 + i);
	ring_close(ring);
	ring = open_ring();
	cr_assert(ring_scan(ring, note, &found, &err), "%s", err.text);
	cr_assert_eq(found.count, 5, "got %zu", found.count);
	for (size_t i = 0; i < 5; i++) {
		cr_expect_eq(found.objects[i].sequence, 100 + i);
		expect_letters(ring, &found.objects[i], lengths[i], (char)('a' + i));
	}
	ring_close(ring);
}

Test(ring, what_was_not_committed_or_was_given_back_is_not_found)
{
	struct ring *ring = grown_ring();
	struct ring_object open = {.sequence = 1}, gone = add(ring, 5000, 'g', 2);
	struct found found = {0};

	write_letters(ring, &open, 5000, 'o');
	ring_free(ring, &gone);
	ring_close(ring);
	ring = open_ring();
	cr_assert(ring_scan(ring, note, &found, &err), "%s", err.text);
	cr_expect_eq(found.count, 0);
	cr_expect_eq(ring_used_percent(ring), 0, "chunks of an object that never was are lost");
	ring_close(ring);
}

Test(ring, bytes_of_a_sender_are_never_taken_for_a_head)
{
	struct ring *ring = grown_ring();
	struct ring_object forged = {.sequence = 7, .length = 10, .count = 1, .chunks = {1}};
	struct ring_object object = {.sequence = 1};
	struct intake_record record = record_of(10), own = record_of(2ul * RING_PAYLOAD);
	char *bytes = malloc(2ul * RING_PAYLOAD);
	struct found found = {0};

	/* Wherever a page begins. */
	for (size_t at = 0; at < 2ul * RING_PAYLOAD; at += RING_PAGE) {
		forged.chunks[0] = at < RING_PAYLOAD ? 0 : 1;
		ring_head_encode(&forged, &record, bytes + at);
	}
	cr_assert(ring_reserve(ring, &object, 2ul * RING_PAYLOAD));
	cr_assert(ring_write(ring, &object, bytes, 2ul * RING_PAYLOAD, &err));
	cr_assert(ring_commit(ring, &object, &own, &err));
	ring_close(ring);
	free(bytes);
	ring = open_ring();
	cr_assert(ring_scan(ring, note, &found, &err), "%s", err.text);
	cr_assert_eq(found.count, 1, "got %zu", found.count);
	cr_expect_eq(found.objects[0].sequence, 1);
	ring_close(ring);
}

/* A power cut may bring a cleared head back; the chunks belong to the later object. */
Test(ring, a_head_that_came_back_yields_to_the_object_that_wrote_over_it)
{
	struct ring *ring = grown_ring();
	struct ring_object old = add(ring, 2ul * RING_PAYLOAD, 'o', 10), kept = old, late;
	struct intake_record record = record_of(2ul * RING_PAYLOAD);
	struct found found = {0};
	char page[RING_PAGE];
	int fd;

	ring_free(ring, &old);
	late = add(ring, 100, 'x', 20); /* takes the first chunk; so the old head's own is another's */
	(void)late;
	late = add(ring, 100, 'y', 21);
	kept.chunks[0] = 2; /* as if the old object had begun elsewhere and ended in a chunk that is in use again */
	ring_head_encode(&kept, &record, page);
	fd = open(home_path("slot/ring"), O_WRONLY);
	cr_assert_eq(pwrite(fd, page, sizeof page, RING_PAGE + 2 * (off_t)RING_CHUNK), (ssize_t)sizeof page);
	close(fd);
	ring_close(ring);
	ring = open_ring();
	cr_assert(ring_scan(ring, note, &found, &err), "%s", err.text);
	cr_assert_eq(found.count, 2, "got %zu", found.count);
	cr_expect_eq(found.objects[0].sequence, 20);
	cr_expect_eq(found.objects[1].sequence, 21);
	ring_close(ring);
}

Test(ring, a_spoiled_head_is_no_head)
{
	struct ring *ring = grown_ring();
	struct found found = {0};
	int fd;

	add(ring, 10, 'a', 1);
	add(ring, 10, 'b', 2);
	ring_close(ring);
	fd = open(home_path("slot/ring"), O_WRONLY);
	cr_assert_eq(pwrite(fd, "9", 1, RING_PAGE + 30), 1);
	close(fd);
	ring = open_ring();
	cr_assert(ring_scan(ring, note, &found, &err), "%s", err.text);
	cr_assert_eq(found.count, 1, "got %zu", found.count);
	cr_expect_eq(found.objects[0].sequence, 2);
	ring_close(ring);
}

Test(ring, says_when_it_is_full_and_when_there_is_room_again)
{
	struct ring *ring = grown_ring();
	struct ring_object all = {0}, more = {0};

	cr_assert(ring_reserve(ring, &all, (uint64_t)RING_GROWTH * RING_PAYLOAD));
	cr_expect_not(ring_reserve(ring, &more, 1));
	cr_expect_not(ring_wait(ring, 1));
	cr_expect_not(ring_wait(ring, 3600 * 1000), "waits again for what did not come"); /* the suite's time-out */
	cr_expect_not(ring_wants_growth(ring), "journal_ring allows no more");
	cr_expect_eq(ring_growth_bytes(ring), 0);
	ring_free(ring, &all);
	cr_expect(ring_wait(ring, 1));
	cr_expect(ring_reserve(ring, &more, 1));
	ring_free(ring, &more);
	cr_expect_not(ring_reserve(ring, &more, (uint64_t)(RING_OBJECT_CHUNKS + 1) * RING_PAYLOAD), "too large for it");
	ring_free(ring, &more);
	ring_close(ring);
}

Test(ring, grows_only_as_far_as_it_may)
{
	struct ring *ring = open_ring();
	struct ring_object object = {0};
	struct stat info;

	cr_expect_not(ring_reserve(ring, &object, 1), "there is no file yet");
	cr_expect(ring_wants_growth(ring));
	home_set("YQ_JOURNAL_RING", "0 B");
	cr_expect_not(ring_wants_growth(ring));
	cr_expect_not(ring_wait(ring, 1));
	cr_assert(ring_grow(ring, &err));
	cr_expect_neq(access(home_path("slot/ring"), F_OK), 0, "a file was made");
	home_set("YQ_JOURNAL_RING", "20 MiB");
	cr_assert(ring_grow(ring, &err) && ring_grow(ring, &err), "%s", err.text);
	cr_expect(ring_reserve(ring, &object, 160ull * RING_PAYLOAD));
	cr_expect_not(ring_reserve(ring, &object, 161ull * RING_PAYLOAD));
	ring_free(ring, &object);
	home_set("YQ_JOURNAL_RING", "1 MiB");
	cr_expect(ring_reserve(ring, &object, 8ull * RING_PAYLOAD));
	cr_expect_not(ring_reserve(ring, &object, 9ull * RING_PAYLOAD), "more than it may since it became smaller");
	ring_free(ring, &object);
	ring_close(ring);
	cr_assert_eq(stat(home_path("slot/ring"), &info), 0);
	cr_expect_eq(info.st_size, RING_PAGE + 8 * RING_CHUNK, "the file keeps %lld bytes", (long long)info.st_size);
}

Test(ring, is_clean_only_when_nothing_is_left_in_it)
{
	struct ring *ring = grown_ring();
	struct ring_object object;
	struct found found = {0};

	cr_expect(ring_is_dirty(directory), "in use");
	ring_close(ring);
	cr_expect_not(ring_is_dirty(directory));
	ring = open_ring();
	object = add(ring, 10, 'a', 1);
	ring_close(ring);
	cr_expect(ring_is_dirty(directory));
	ring_close(open_ring());
	cr_expect(ring_is_dirty(directory), "called clean by somebody who has not looked");
	ring = open_ring();
	cr_assert(ring_scan(ring, note, &found, &err));
	object = found.objects[0];
	ring_free(ring, &object);
	ring_close(ring);
	cr_expect_not(ring_is_dirty(directory));
}

struct writer {
	struct ring *ring;
	char letter;
};

static void *write_many(void *context)
{
	struct writer *writer = context;

	for (uint64_t i = 0; i < 40; i++) {
		struct ring_object object =
		    add(writer->ring, 1000 + i * 5000, writer->letter, (uint64_t)writer->letter * 1000 + i);

		expect_letters(writer->ring, &object, 1000 + i * 5000, writer->letter);
		if (i != 39)
			ring_free(writer->ring, &object);
	}
	return NULL;
}

Test(ring, many_at_once_keep_apart)
{
	struct ring *ring = grown_ring();
	struct writer writers[8];
	struct found found = {0};
	pthread_t threads[8];

	for (int i = 0; i < 8; i++) {
		writers[i] = (struct writer){ring, (char)('a' + i)};
		cr_assert_eq(pthread_create(&threads[i], NULL, write_many, &writers[i]), 0);
	}
	for (int i = 0; i < 8; i++)
		pthread_join(threads[i], NULL);
	ring_close(ring);
	ring = open_ring();
	cr_assert(ring_scan(ring, note, &found, &err));
	cr_assert_eq(found.count, 8, "got %zu", found.count);
	for (size_t i = 0; i < 8; i++)
		expect_letters(ring, &found.objects[i], 1000 + 39 * 5000, (char)('a' + i));
	ring_close(ring);
}
