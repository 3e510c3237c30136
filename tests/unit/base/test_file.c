#include <criterion/criterion.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "lib/base/file.h"
#include "tests/unit/base/scratch.h"

TestSuite(file, .init = scratch_enter, .fini = scratch_leave);

Test(file, reads_the_whole_file_up_to_the_maximum)
{
	static const struct {
		const char *content;
		size_t max;
		bool ok;
	} cases[] = {{"", 0, true}, {"", 10, true}, {"12345", 5, true}, {"12345", 4, false}, {"12345", 100, true}};
	size_t i, length;
	struct err err;
	char *got;

	for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		bool ok;

		scratch_write("f", cases[i].content);
		ok = file_read_all("f", cases[i].max, &got, &length, &err);
		cr_expect_eq(ok, cases[i].ok, "case %zu", i);
		if (!ok) {
			cr_expect_eq(err.kind, ERR_INVALID);
			continue;
		}
		cr_expect_eq(length, strlen(cases[i].content));
		cr_expect_str_eq(got, cases[i].content);
		free(got);
	}
	cr_expect_not(file_read_all("absent", 10, &got, &length, &err));
	cr_expect_eq(err.kind, ERR_NOT_FOUND);
}

Test(file, makes_directories_at_any_depth)
{
	struct err err;
	struct stat info;

	cr_assert(file_make_dirs("a/b/c", 0750, &err), "%s", err.text);
	cr_expect(stat("a/b/c", &info) == 0 && S_ISDIR(info.st_mode));
	cr_expect(file_make_dirs("a/b/c", 0750, &err));
	cr_expect(file_make_dirs("a/b/d/", 0750, &err));
	scratch_write("plain", "x");
	cr_expect_not(file_make_dirs("plain/x", 0750, &err));
	cr_expect_not(file_make_dirs("plain", 0750, &err));
	cr_expect_eq(err.kind, ERR_CONFLICT);
}

Test(file, replace_leaves_one_whole_file_with_its_mode)
{
	struct err err;
	struct stat info;

	cr_assert(file_replace("f", "one", 3, 0600, &err), "%s", err.text);
	cr_assert(file_replace("f", "twotwo", 6, 0640, &err), "%s", err.text);
	cr_expect_str_eq(scratch_read("f"), "twotwo");
	cr_expect_eq(stat("f", &info), 0);
	cr_expect_eq(info.st_mode & 0777, 0640);
	cr_expect_not(file_replace("absent/f", "x", 1, 0600, &err));
	/* Nothing beside it is left. */
	cr_expect_eq(scratch_count(), 1);
}

Test(file, move_takes_the_name_along)
{
	struct err err;

	cr_assert(file_make_dirs("to", 0700, &err));
	scratch_write("f", "x");
	cr_expect(file_move("f", "to/g", &err), "%s", err.text);
	cr_expect_str_eq(scratch_read("to/g"), "x");
	cr_expect_neq(access("f", F_OK), 0);
	cr_expect_not(file_move("f", "to/h", &err));
	cr_expect_eq(err.kind, ERR_NOT_FOUND);
}

Test(file, a_lock_has_one_holder)
{
	struct err err;
	int first, second = -1;

	cr_assert(file_lock("lock", &first, &err), "%s", err.text);
	cr_expect_not(file_lock("lock", &second, &err));
	cr_expect_eq(err.kind, ERR_CONFLICT);
	cr_expect_eq(second, -1);
	close(first);
	cr_expect(file_lock("lock", &second, &err));
	close(second);
}

Test(file, free_room_is_known)
{
	uint64_t bytes = 0;
	struct err err;

	cr_expect(file_free_bytes(".", &bytes, &err));
	cr_expect_gt(bytes, 0);
	cr_expect_not(file_free_bytes("absent", &bytes, &err));
}

Test(file, write_to_a_full_device_says_no_space)
{
	struct err err;
	int fd = open("/dev/full", O_WRONLY);

	cr_assert_geq(fd, 0);
	cr_expect_not(file_write_all(fd, "x", 1, &err));
	cr_expect_eq(err.kind, ERR_NO_SPACE);
	close(fd);
}

/* Runs three passes through two points in a child; the signal that ended it, or 0. */
static int run_child(const char *kill_at, int *passes)
{
	int fds[2], status;
	pid_t child;
	char byte;

	cr_assert_eq(pipe(fds), 0);
	child = fork();
	if (child == 0) {
		int i;

		setenv("YQ_KILL_AT", kill_at, 1);
		for (i = 0; i < 3; i++) {
			file_kill_point("other");
			file_kill_point("point");
			if (write(fds[1], "", 1) != 1)
				_exit(1);
		}
		_exit(0);
	}
	close(fds[1]);
	for (*passes = 0; read(fds[0], &byte, 1) == 1;)
		++*passes;
	close(fds[0]);
	waitpid(child, &status, 0);
	return WIFSIGNALED(status) ? WTERMSIG(status) : 0;
}

Test(file, kill_points_kill_where_they_are_named)
{
	static const struct {
		const char *kill_at;
		int signal, passes;
	} cases[] = {{"", 0, 3}, {"point", SIGKILL, 0}, {"point:3", SIGKILL, 2}, {"poin", 0, 3}, {"point:4", 0, 3}};
	size_t i;

	for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		int passes, got = run_child(cases[i].kill_at, &passes);

		cr_expect_eq(got, cases[i].signal, "%s: signal %d", cases[i].kill_at, got);
		cr_expect_eq(passes, cases[i].passes, "%s: %d passes", cases[i].kill_at, passes);
	}
}
