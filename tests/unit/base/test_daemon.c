#include <criterion/criterion.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "lib/base/daemon.h"
#include "tests/unit/base/scratch.h"

static bool start_good(struct err *err)
{
	(void)err;
	return true;
}

static bool start_bad(struct err *err)
{
	return err_set(err, ERR_TEMPORARY, "could not listen");
}

static bool run_until_stopped(struct err *err)
{
	struct pollfd stop = {.fd = daemon_stop_fd(), .events = POLLIN};

	(void)err;
	while (daemon_sleep(100000))
		;
	/* Readable for ever: twice. */
	return poll(&stop, 1, 0) == 1 && poll(&stop, 1, 0) == 1 && daemon_stopping();
}

/* Deaf to the first request. */
static bool run_for_ever(struct err *err)
{
	(void)err;
	while (getppid() > 0)
		pause();
	return true;
}

static bool run_bad(struct err *err)
{
	return err_set(err, ERR_CORRUPT, "cannot go on");
}

static void stop_said(void)
{
	scratch_write("stopped", "yes");
}

static const struct daemon_spec good = {"yq-test", start_good, run_until_stopped, stop_said};
static const struct daemon_spec deaf = {"yq-test", start_good, run_for_ever, stop_said};
static const struct daemon_spec unstartable = {"yq-test", start_bad, run_until_stopped, stop_said};
static const struct daemon_spec unrunnable = {"yq-test", start_good, run_bad, stop_said};

TestSuite(daemon, .init = scratch_enter, .fini = scratch_leave);

/* Runs the daemon in a child whose log is file "log" and waits until it is ready, or has ended. */
static pid_t launch(const struct daemon_spec *spec, const char *option)
{
	char *argv[3] = {(char *)spec->program, (char *)option, NULL};
	char number[16], line[16];
	int ready[2];
	pid_t child;

	cr_assert_eq(pipe(ready), 0);
	child = fork();
	if (child == 0) {
		snprintf(number, sizeof(number), "%d", ready[1]);
		close(ready[0]);
		setenv("YQ_READY_FD", number, 1);
		if (!freopen("out", "w", stdout))
			_exit(99);
		scratch_err_begin("log");
		int status = daemon_main(spec, option ? 2 : 1, argv);
		fflush(NULL);
		_exit(status);
	}
	close(ready[1]);
	memset(line, 0, sizeof(line));
	if (read(ready[0], line, sizeof(line) - 1) > 0)
		cr_expect_str_eq(line, "ready\n");
	close(ready[0]);
	return child;
}

static int wait_end(pid_t child)
{
	int status;

	waitpid(child, &status, 0);
	return WIFEXITED(status) ? WEXITSTATUS(status) : -WTERMSIG(status);
}

Test(daemon, ends_in_order_when_asked)
{
	static const int signals[] = {SIGTERM, SIGINT};
	size_t i;

	for (i = 0; i < 2; i++) {
		pid_t child = launch(&good, NULL);

		kill(child, signals[i]);
		cr_expect_eq(wait_end(child), 0);
		cr_expect_str_eq(scratch_read("stopped"), "yes");
		cr_expect(strstr(scratch_read("log"), " info yq-test program_started ") != NULL);
		cr_expect(strstr(scratch_read("log"), " info yq-test program_stopped ") != NULL);
	}
}

Test(daemon, a_second_request_ends_at_once)
{
	pid_t child = launch(&deaf, NULL);
	int status, tries;

	/* Signals of one number may merge, so that more than two may be needed. */
	for (tries = 0; tries < 10000; tries++) {
		kill(child, SIGTERM);
		if (waitpid(child, &status, WNOHANG) == child)
			break;
		sched_yield();
	}
	if (tries == 10000) {
		kill(child, SIGKILL);
		waitpid(child, &status, 0);
	}
	cr_expect(WIFEXITED(status) && WEXITSTATUS(status) == 128 + SIGTERM, "status %x", status);
	cr_expect_neq(access("stopped", F_OK), 0);
}

Test(daemon, failures_are_logged_once_and_exit_with_1)
{
	static const struct {
		const struct daemon_spec *spec;
		const char *want;
		bool stops;
	} cases[] = {
	    {&unstartable, "program_failed kind=temporary text=\"could not listen\" step=start\n", false},
	    {&unrunnable, "program_failed kind=corrupt text=\"cannot go on\" step=run\n", true},
	};
	size_t i;

	for (i = 0; i < 2; i++) {
		unlink("stopped");
		cr_expect_eq(wait_end(launch(cases[i].spec, NULL)), 1);
		cr_expect(strstr(scratch_read("log"), cases[i].want) != NULL, "got %s", scratch_read("log"));
		cr_expect_eq(access("stopped", F_OK) == 0, cases[i].stops);
	}
}

Test(daemon, bad_configuration_ends_before_the_start)
{
	setenv("YQ_LEASE", "15", 1);
	cr_expect_eq(wait_end(launch(&good, NULL)), 78);
	cr_expect_eq(wait_end(launch(&good, "--check-config")), 78);
	unsetenv("YQ_LEASE");
	cr_expect_eq(wait_end(launch(&good, "--check-config")), 0);
	cr_assert_eq(mkdir("var", 0700), 0);
	cr_assert_eq(mkdir("var/etc", 0700), 0);
	scratch_write("var/etc/yingqiao.conf", "lease = 1\nx = 2\n");
	cr_expect_eq(wait_end(launch(&good, "--check-config")), 78);
	cr_expect(strstr(scratch_read("log"), "yingqiao.conf:1: lease") != NULL);
	cr_expect(strstr(scratch_read("log"), "yingqiao.conf:2: cannot use option x") != NULL);
}

Test(daemon, options_that_only_tell)
{
	cr_expect_eq(wait_end(launch(&good, "--version")), 0);
	cr_expect_eq(strncmp(scratch_read("out"), "yq-test ", 8), 0);
	cr_expect_eq(wait_end(launch(&good, "--help")), 0);
	cr_expect(strstr(scratch_read("out"), "usage: yq-test") != NULL);
	cr_expect_eq(wait_end(launch(&good, "--nonsense")), 64);
	cr_expect(strstr(scratch_read("log"), "cannot use option --nonsense") != NULL);
}

Test(daemon, sleep_ends_when_time_is_up)
{
	cr_expect(daemon_sleep(0));
	cr_expect(daemon_sleep(5));
}

Test(daemon, open_files_are_raised_to_what_the_system_allows)
{
	struct rlimit limit;

	cr_assert_eq(getrlimit(RLIMIT_NOFILE, &limit), 0);
	limit.rlim_cur = limit.rlim_max / 2;
	cr_assert_eq(setrlimit(RLIMIT_NOFILE, &limit), 0);
	cr_expect_eq(daemon_raise_files(), limit.rlim_max);
	cr_assert_eq(getrlimit(RLIMIT_NOFILE, &limit), 0);
	cr_expect_eq(limit.rlim_cur, limit.rlim_max);
	cr_expect_eq(daemon_raise_files(), limit.rlim_max, "raised already");
}
