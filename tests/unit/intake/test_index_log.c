/* The index backlog: lines come back in order, once, over stops, cut ends and spoiled lines. */
#include <criterion/criterion.h>
#include <fcntl.h>
#include <glob.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lib/base/file.h"
#include "lib/base/text.h"
#include "lib/intake/index_log.h"
#include "tests/support/home.h"

static struct err err;
static char directory[256], other[256];

static void setup(void)
{
	home_make(NULL);
	text_copy(directory, sizeof directory, home_path("slot"));
	text_copy(other, sizeof other, home_path("other"));
	cr_assert(file_make_dirs(directory, 0700, &err) && file_make_dirs(other, 0700, &err), "%s", err.text);
}

TestSuite(index_log, .init = setup, .fini = home_remove, .timeout = 60);

static struct index_log *open_log(const char *where)
{
	struct index_log *log;

	cr_assert(index_log_open(where, &log, &err), "%s", err.text);
	return log;
}

/* Objects number from ... to - 1 in one append. */
static void append(struct index_log *log, int from, int to)
{
	struct index_line lines[300];
	char json[300][40];

	for (int i = from; i < to; i++) {
		struct index_line *line = &lines[i - from];

		snprintf(json[i - from], sizeof json[0], "{\"number\":%d}", i);
		*line = (struct index_line){.size_bytes = (uint64_t)i, .arrived_us = 1, .json = json[i - from]};
		snprintf(line->key, sizeof line->key, "%032x", (unsigned)i);
	}
	cr_assert(index_log_append(log, lines, (size_t)(to - from), &err), "%s", err.text);
}

/* The next lines are from ... to - 1; settles them when asked. */
static void expect_next(struct index_log *log, int from, int to, bool settle)
{
	struct index_line lines[300];
	size_t count;

	cr_assert(index_log_next(log, lines, (size_t)(to - from), &count, &err), "%s", err.text);
	cr_assert_eq(count, to - from, "got %zu, want %d from %d on", count, to - from, from);
	for (int i = from; i < to; i++) {
		char json[40];

		snprintf(json, sizeof json, "{\"number\":%d}", i);
		cr_expect_str_eq(lines[i - from].json, json);
		cr_expect_eq(lines[i - from].size_bytes, i);
	}
	index_lines_free(lines, count);
	if (settle)
		cr_assert(index_log_done(log, &err), "%s", err.text);
}

static void expect_none(struct index_log *log)
{
	struct index_line line;
	size_t count;

	cr_assert(index_log_next(log, &line, 1, &count, &err), "%s", err.text);
	cr_expect_eq(count, 0);
}

static int files(void)
{
	glob_t found;
	int count;

	glob(home_path("slot/backlog-*"), 0, NULL, &found);
	count = (int)found.gl_pathc;
	globfree(&found);
	return count;
}

static const char *only_file(void)
{
	static char path[512];
	glob_t found;

	glob(home_path("slot/backlog-????????????????"), 0, NULL, &found);
	cr_assert_eq(found.gl_pathc, 1);
	text_copy(path, sizeof path, found.gl_pathv[0]);
	globfree(&found);
	return path;
}

Test(index_log, lines_come_in_order_until_they_are_settled)
{
	struct index_log *log = open_log(directory);

	expect_none(log);
	append(log, 0, 5);
	append(log, 5, 7);
	expect_next(log, 0, 3, false);
	expect_next(log, 0, 3, true);
	expect_next(log, 3, 7, true);
	expect_none(log);
	append(log, 7, 8);
	expect_next(log, 7, 8, true);
	index_log_close(log);
	cr_expect_eq(files(), 0, "a backlog of which everything is indexed stays");
}

Test(index_log, goes_on_after_a_stop_where_it_was)
{
	struct index_log *log = open_log(directory);

	append(log, 0, 10);
	expect_next(log, 0, 4, true);
	index_log_close(log);
	log = open_log(directory);
	append(log, 10, 12);
	expect_next(log, 4, 10, true);
	expect_next(log, 10, 12, true);
	index_log_close(log);
	cr_expect_eq(files(), 0);
}

Test(index_log, a_cut_end_is_no_line)
{
	struct index_log *log = open_log(directory);
	struct stat info;

	append(log, 0, 3);
	index_log_close(log);
	cr_assert_eq(stat(only_file(), &info), 0);
	for (off_t length = info.st_size - 1; length > info.st_size * 2 / 3; length -= 10) {
		cr_assert_eq(truncate(only_file(), length), 0);
		log = open_log(directory);
		expect_next(log, 0, 2, false); /* also when more are asked for: */
		{
			struct index_line lines[8];
			size_t count;

			cr_assert(index_log_next(log, lines, 8, &count, &err));
			cr_expect_eq(count, 2, "got %zu of a file cut to %ld", count, (long)length);
			index_lines_free(lines, count);
		}
		index_log_close(log);
	}
}

Test(index_log, a_spoiled_line_does_not_take_others_along)
{
	struct index_log *log = open_log(directory);
	struct index_line lines[8];
	struct stat info;
	size_t count;
	int fd;

	append(log, 0, 3);
	fd = open(only_file(), O_WRONLY);
	cr_assert_eq(fstat(fd, &info), 0);
	cr_assert_eq(pwrite(fd, "?", 1, info.st_size / 2), 1);
	close(fd);
	cr_assert(index_log_next(log, lines, 8, &count, &err));
	cr_assert_eq(count, 2, "got %zu", count);
	cr_expect_str_eq(lines[0].json, "{\"number\":0}");
	cr_expect_str_eq(lines[1].json, "{\"number\":2}");
	index_lines_free(lines, count);
	cr_assert(index_log_done(log, &err));
	expect_none(log);
	index_log_close(log);
}

Test(index_log, takes_over_what_another_slot_left)
{
	struct index_log *gone = open_log(other), *log = open_log(directory);

	append(gone, 0, 6);
	expect_next(gone, 0, 2, true);
	index_log_close(gone);
	append(log, 10, 11);
	cr_assert(index_log_adopt(log, other, &err), "%s", err.text);
	append(log, 11, 12);
	expect_next(log, 10, 12, true);
	expect_next(log, 2, 6, true);
	expect_none(log);
	index_log_close(log);
	cr_expect_eq(files(), 0);
	cr_expect_eq(home_count("other", ""), 2, "something is left behind"); /* . and .. */
}

Test(index_log, a_full_file_is_followed_by_another_and_goes_when_it_is_indexed)
{
	struct index_log *log = open_log(directory);
	char *json = malloc(INDEX_LINE_MAX);
	struct index_line line = {.json = json};

	memset(json, 'x', INDEX_LINE_MAX - 1);
	json[INDEX_LINE_MAX - 1] = '\0';
	memset(line.key, 'a', STORE_KEY_SIZE - 1);
	for (int i = 0; i < 100; i++) /* 6 MiB */
		cr_assert(index_log_append(log, &line, 1, &err), "%s", err.text);
	cr_expect_eq(files(), 2);
	for (int i = 0; i < 100; i++) {
		struct index_line back;
		size_t count;

		cr_assert(index_log_next(log, &back, 1, &count, &err));
		cr_assert_eq(count, 1);
		cr_expect_eq(strlen(back.json), INDEX_LINE_MAX - 1);
		index_lines_free(&back, 1);
		cr_assert(index_log_done(log, &err));
	}
	expect_none(log);
	cr_expect_leq(files(), 2, "a finished file stays"); /* the one being written, and how far it is */
	free(json);
	index_log_close(log);
}

static bool count_each(void *context, const struct index_line *line, struct err *e)
{
	(void)e;
	*(int *)context += (int)line->size_bytes;
	return true;
}

Test(index_log, others_see_what_waits)
{
	struct index_log *log = open_log(directory);
	int sum = 0;

	append(log, 1, 5);
	expect_next(log, 1, 2, true);
	cr_assert(index_log_look(directory, count_each, &sum, &err), "%s", err.text);
	cr_expect_eq(sum, 2 + 3 + 4);
	sum = 0;
	cr_expect(index_log_look(home_path("nowhere"), count_each, &sum, &err));
	cr_expect_eq(sum, 0);
	index_log_close(log);
}
