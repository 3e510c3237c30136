#include <criterion/criterion.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lib/base/file.h"
#include "lib/base/text.h"
#include "lib/store/store.h"
#include "tests/support/home.h"

static struct store *store;
static struct err err;

static void setup(void)
{
	home_make(NULL);
	cr_assert(store_open("file:store", &store, &err), "%s", err.text);
}

static void teardown(void)
{
	store_close(store);
	home_remove();
}

TestSuite(store, .init = setup, .fini = teardown, .timeout = 60);

static const char *read_object(const char *key, uint64_t *size)
{
	static char content[4096];
	int fd;
	ssize_t got;

	if (!store_open_object(store, key, &fd, size, &err))
		return NULL;
	got = read(fd, content, sizeof content - 1);
	close(fd);
	cr_assert_geq(got, 0);
	content[got] = '\0';
	return content;
}

static const char *write_file(const char *path, const char *content)
{
	cr_assert(file_replace(path, content, strlen(content), 0640, &err), "%s", err.text);
	return path;
}

Test(store, keys_are_random_and_only_such_are_taken)
{
	static const char *const bad[] = {"",
	                                  "abc",
	                                  "../../../../etc/passwd",
	                                  "0123456789abcdef0123456789abcde",
	                                  "0123456789abcdef0123456789abcdef0",
	                                  "0123456789ABCDEF0123456789abcdef",
	                                  "0123456789abcdef/123456789abcdef"};
	char one[STORE_KEY_SIZE], other[STORE_KEY_SIZE];
	uint64_t size;
	int fd;

	store_key_new(one);
	store_key_new(other);
	cr_expect(store_key_is_valid(one));
	cr_expect_neq(strcmp(one, other), 0, "two keys are the same: %s", one);
	for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
		cr_expect_not(store_put_bytes(store, bad[i], "x", 1, &err), "took the key \"%s\"", bad[i]);
		cr_expect_eq(err.kind, ERR_INVALID, "key \"%s\": got %d", bad[i], err.kind);
		cr_expect_not(store_open_object(store, bad[i], &fd, &size, &err), "opened \"%s\"", bad[i]);
		cr_expect_not(store_remove(store, bad[i], &err), "removed \"%s\"", bad[i]);
	}
}

Test(store, what_was_put_is_read_back)
{
	char key[STORE_KEY_SIZE], name[STORE_FILE_SIZE];
	struct stat info;
	uint64_t size;

	store_key_new(key);
	cr_assert(store_put_bytes(store, key, "hello", 5, &err), "%s", err.text);
	cr_expect_str_eq(read_object(key, &size), "hello");
	cr_expect_eq(size, 5);
	cr_assert(store_file_name(store, key, name));
	cr_expect_eq(strlen(name), 6 + STORE_KEY_SIZE - 1, "%s", name);
	cr_expect_not(store_file_name(store, "../../keys/master.key", name));
	cr_assert_eq(stat(home_path("store/%s", name), &info), 0);
	cr_expect_eq(info.st_mode & 0777, 0640, "got %o", info.st_mode & 0777);
	cr_expect_eq(home_count("store/.new", ""), 2, "a temporary file was left"); /* . and .. */
}

static bool put_file(const char *key, const char *path)
{
	struct store_batch *batch = store_batch_new(store);
	bool ok = store_batch_put_file(batch, key, path, &err) && store_batch_commit(batch, &err);

	store_batch_free(batch);
	return ok;
}

static bool put_two(struct store_batch *batch, const char *key, const char *one, const char *two)
{
	bool ok = store_batch_begin(batch, key, &err) && store_batch_append(batch, one, strlen(one), &err) &&
	          store_batch_append(batch, two, strlen(two), &err);

	store_batch_end(batch);
	return ok;
}

/* Below and above the number from which on one sync serves all. */
Test(store, objects_of_a_batch_appear_with_its_commit)
{
	char keys[9][STORE_KEY_SIZE];
	uint64_t size;

	for (size_t count = 1; count <= 9; count += 8) {
		struct store_batch *batch = store_batch_new(store);

		for (size_t i = 0; i < count; i++) {
			store_key_new(keys[i]);
			cr_assert(put_two(batch, keys[i], "6789", "012"), "%s", err.text);
			cr_expect_not(store_open_object(store, keys[i], &(int){0}, &size, &err),
			              "there before the commit");
		}
		cr_assert(store_batch_commit(batch, &err), "%s", err.text);
		store_batch_free(batch);
		for (size_t i = 0; i < count; i++)
			cr_expect_str_eq(read_object(keys[i], &size), "6789012");
	}
	cr_expect_eq(home_count("store/.new", ""), 2, "a temporary file was left");
}

Test(store, what_is_dropped_or_given_up_leaves_nothing_and_takes_nothing_along)
{
	struct store_batch *batch = store_batch_new(store);
	char key[2][STORE_KEY_SIZE];
	uint64_t size;

	store_key_new(key[0]);
	store_key_new(key[1]);
	cr_assert(put_two(batch, key[0], "a", "b"), "%s", err.text);
	store_batch_free(batch);
	cr_expect_eq(home_count("store/.new", ""), 2, "a temporary file was left");
	cr_expect_not(store_open_object(store, key[0], &(int){0}, &size, &err));

	batch = store_batch_new(store);
	cr_assert(put_two(batch, key[0], "a", "b"), "%s", err.text);
	cr_assert(put_two(batch, key[1], "c", "d"), "%s", err.text);
	store_batch_drop(batch);
	cr_expect_not(store_batch_put_file(batch, key[1], home_path("nowhere"), &err));
	cr_expect_eq(err.kind, ERR_NOT_FOUND);
	cr_assert(store_batch_commit(batch, &err), "%s", err.text);
	store_batch_free(batch);
	cr_expect_str_eq(read_object(key[0], &size), "ab");
	cr_expect_not(store_open_object(store, key[1], &(int){0}, &size, &err));
	cr_expect_eq(home_count("store/.new", ""), 2, "a temporary file was left");
}

Test(store, a_file_is_put_without_a_copy_and_stays_the_callers)
{
	char key[STORE_KEY_SIZE];
	struct stat from, to;
	uint64_t size;
	const char *path = write_file(home_path("part"), "from a file");

	store_key_new(key);
	cr_assert(put_file(key, path), "%s", err.text);
	cr_expect_str_eq(read_object(key, &size), "from a file");
	cr_assert_eq(stat(path, &from), 0, "the caller's file is gone");
	cr_assert_eq(stat(home_path("store/%.2s/%.2s/%s", key, key + 2, key), &to), 0);
	cr_expect_eq(from.st_ino, to.st_ino, "the bytes were copied");
	cr_assert_eq(unlink(path), 0);
	cr_expect_str_eq(read_object(key, &size), "from a file");
}

Test(store, a_file_of_another_file_system_is_copied)
{
	char key[STORE_KEY_SIZE], other[] = "/dev/shm/yq-unit-store.XXXXXX";
	struct stat here, there;
	uint64_t size;
	int fd = mkstemp(other);

	if (fd < 0)
		cr_skip_test("no /dev/shm");
	cr_assert_eq(write(fd, "far away", 8), 8);
	close(fd);
	cr_assert_eq(stat(other, &there), 0);
	cr_assert_eq(stat(home_path("store"), &here), 0);
	store_key_new(key);
	cr_expect(put_file(key, other), "%s", err.text);
	cr_expect(put_file(key, other), "the second time: %s", err.text);
	unlink(other);
	cr_expect_str_eq(read_object(key, &size), "far away");
	if (here.st_dev == there.st_dev)
		cr_skip_test("/dev/shm is no file system of its own");
}

Test(store, replay_is_success_and_other_bytes_are_a_conflict)
{
	char key[STORE_KEY_SIZE];
	uint64_t size;

	store_key_new(key);
	cr_assert(store_put_bytes(store, key, "same", 4, &err), "%s", err.text);
	cr_expect(store_put_bytes(store, key, "same", 4, &err), "%s", err.text);
	cr_expect(put_file(key, write_file(home_path("same"), "same")), "%s", err.text);
	cr_expect_not(store_put_bytes(store, key, "size", 4, &err));
	cr_expect_eq(err.kind, ERR_CONFLICT, "got %d: %s", err.kind, err.text);
	cr_expect_not(store_put_bytes(store, key, "longer", 6, &err));
	cr_expect_eq(err.kind, ERR_CONFLICT, "got %d: %s", err.kind, err.text);
	cr_expect_str_eq(read_object(key, &size), "same");
}

Test(store, removing_is_idempotent)
{
	char key[STORE_KEY_SIZE];
	uint64_t size;

	store_key_new(key);
	cr_expect(store_remove(store, key, &err), "%s", err.text);
	cr_assert(store_put_bytes(store, key, "x", 1, &err), "%s", err.text);
	cr_expect(store_remove(store, key, &err), "%s", err.text);
	cr_expect(store_remove(store, key, &err), "%s", err.text);
	cr_expect_null(read_object(key, &size));
	cr_expect_eq(err.kind, ERR_NOT_FOUND, "got %d", err.kind);
}

struct walked {
	int count, stop_at;
	uint64_t bytes;
};

static bool count_object(void *context, const char *key, uint64_t size, int64_t age_ms, struct err *walk_err)
{
	struct walked *walked = context;

	cr_expect(store_key_is_valid(key), "%s", key);
	cr_expect(age_ms >= 0 && age_ms < 60000, "age %lld", (long long)age_ms);
	walked->bytes += size;
	if (++walked->count == walked->stop_at)
		return err_set(walk_err, ERR_CANCELLED, "enough");
	return true;
}

Test(store, the_walk_sees_every_object_and_nothing_else)
{
	struct walked all = {0}, some = {.stop_at = 3};
	char key[STORE_KEY_SIZE];

	for (int i = 0; i < 20; i++) {
		store_key_new(key);
		cr_assert(store_put_bytes(store, key, "1234567", 7, &err), "%s", err.text);
	}
	write_file(home_path("store/%.2s/%.2s/stray", key, key + 2), "stray");
	write_file(home_path("store/.new/%s.abcdef", key), "half");
	cr_assert(store_walk(store, count_object, &all, &err), "%s", err.text);
	cr_expect_eq(all.count, 20, "got %d", all.count);
	cr_expect_eq(all.bytes, 140);
	cr_expect_not(store_walk(store, count_object, &some, &err));
	cr_expect_eq(err.kind, ERR_CANCELLED);
	cr_expect_eq(some.count, 3, "got %d", some.count);
}

Test(store, room_ends_at_the_reserve)
{
	uint64_t bytes;

	cr_assert(store_room(store, &bytes, &err), "%s", err.text);
	cr_expect_gt(bytes, 0);
	home_set("YQ_STORE_RESERVE", "1000000 TiB");
	cr_assert(store_room(store, &bytes, &err), "%s", err.text);
	cr_expect_eq(bytes, 0, "got %llu", (unsigned long long)bytes);
}

Test(store, space_says_where_and_how_full)
{
	struct store_space space;
	uint64_t bytes;

	cr_assert(store_space(store, &space, &err), "%s", err.text);
	cr_expect_str_eq(space.place, home_path("store"));
	cr_expect(space.free_bytes > 0 && space.free_bytes <= space.total_bytes);
	home_set("YQ_STORE_RESERVE", "1 B");
	cr_assert(store_room(store, &bytes, &err), "%s", err.text);
	cr_expect(bytes <= space.total_bytes && bytes > 0);
}

Test(store, only_known_schemes_open)
{
	static const char *const urls[] = {"", "store", "s3://bucket", "file:", "http://x"};
	struct store *other;

	for (size_t i = 0; i < sizeof urls / sizeof urls[0]; i++) {
		cr_expect_not(store_open(urls[i], &other, &err), "opened \"%s\"", urls[i]);
		cr_expect_eq(err.kind, ERR_INVALID, "\"%s\": got %d", urls[i], err.kind);
	}
	cr_assert(store_open("file:far/away", &other, &err), "%s", err.text);
	store_close(other);
}
