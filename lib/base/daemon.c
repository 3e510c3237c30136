#include "lib/base/daemon.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lib/base/clock.h"
#include "lib/base/conf.h"
#include "lib/base/log.h"

#ifndef YQ_VERSION
#define YQ_VERSION "0.1"
#endif

enum { EXIT_START_FAILED = 1, EXIT_USAGE = 64, EXIT_CONFIG = 78 };

static atomic_int stopping;
static int stop_pipe[2] = {-1, -1};

/* The byte is never read: the descriptor stays readable for everybody who polls it. */
static void on_stop_signal(int signal_number)
{
	int saved = errno;
	ssize_t ignored;

	if (atomic_exchange(&stopping, 1))
		_exit(128 + signal_number);
	ignored = write(stop_pipe[1], "", 1);
	(void)ignored;
	errno = saved;
}

uint64_t daemon_raise_files(void)
{
	struct rlimit limit;

	if (getrlimit(RLIMIT_NOFILE, &limit) != 0)
		return 0;
	if (limit.rlim_cur < limit.rlim_max) {
		struct rlimit raised = {.rlim_cur = limit.rlim_max, .rlim_max = limit.rlim_max};

		if (setrlimit(RLIMIT_NOFILE, &raised) == 0)
			limit = raised;
	}
	return limit.rlim_cur;
}

const char *daemon_version(void)
{
	return YQ_VERSION;
}

bool daemon_stopping(void)
{
	return atomic_load(&stopping) != 0;
}

int daemon_stop_fd(void)
{
	return stop_pipe[0];
}

bool daemon_sleep(int64_t timeout_ms)
{
	struct pollfd stop = {.fd = stop_pipe[0], .events = POLLIN};
	int64_t until = clock_monotonic_ms() + timeout_ms;

	while (!daemon_stopping()) {
		int64_t left = until - clock_monotonic_ms();

		if (left <= 0)
			return true;
		/* poll(2) ignores a negative descriptor, so that a program without signals just waits. */
		if (poll(&stop, 1, left > INT_MAX ? INT_MAX : (int)left) < 0 && errno != EINTR)
			err_panic("could not poll: %d", errno);
	}
	return false;
}

static bool catch_signals(struct err *err)
{
	struct sigaction stop = {.sa_handler = on_stop_signal, .sa_flags = SA_RESTART};
	struct sigaction ignore = {.sa_handler = SIG_IGN};
	sigset_t wanted;

	if (pipe2(stop_pipe, O_CLOEXEC | O_NONBLOCK) != 0)
		return err_set_errno(err, ERR_TEMPORARY, errno, "could not make a pipe");
	sigemptyset(&stop.sa_mask);
	sigemptyset(&ignore.sa_mask);
	sigaction(SIGPIPE, &ignore, NULL);
	sigaction(SIGTERM, &stop, NULL);
	sigaction(SIGINT, &stop, NULL);
	/* A parent may have blocked them; the mask is inherited over exec. */
	sigemptyset(&wanted);
	sigaddset(&wanted, SIGTERM);
	sigaddset(&wanted, SIGINT);
	sigprocmask(SIG_UNBLOCK, &wanted, NULL);
	return true;
}

static enum err_log_level configured_level(void)
{
	static const char *const names[] = {"debug", "info", "warning", "error"};
	int level;

	for (level = ERR_LOG_DEBUG; level <= ERR_LOG_ERROR; level++)
		if (strcmp(conf_text(CONF_LOG_LEVEL), names[level]) == 0)
			return (enum err_log_level)level;
	return ERR_LOG_INFO;
}

bool daemon_init(const char *program, struct err *err)
{
	log_init(program, ERR_LOG_INFO);
	if (!conf_load(err) || !clock_init(err))
		return false;
	log_init(program, configured_level());
	return true;
}

/* Whoever started us waits for this line instead of sleeping. */
static void tell_ready(void)
{
	const char *text = getenv("YQ_READY_FD");
	char *end;
	long fd;
	ssize_t ignored;

	if (!text || !*text)
		return;
	fd = strtol(text, &end, 10);
	if (*end || fd < 0 || fd > INT_MAX)
		return;
	ignored = write((int)fd, "ready\n", 6);
	(void)ignored;
	close((int)fd);
	unsetenv("YQ_READY_FD");
}

static int check_config(void)
{
	char path[PATH_MAX];
	struct err err;

	/* The file first: its faults come out line by line. */
	if (conf_load(&err)) {
		printf("configuration of %s: good\n", conf_home());
		return 0;
	}
	if (conf_path(path, sizeof(path), &err, "etc/yingqiao.conf") && access(path, R_OK) == 0 &&
	    !conf_check(path, stderr, &err)) {
		fprintf(stderr, "%s\n", err.text);
		return EXIT_CONFIG;
	}
	if (!conf_load(&err))
		fprintf(stderr, "%s\n", err.text);
	return EXIT_CONFIG;
}

/* -1: go on and run. */
static int handle_options(const struct daemon_spec *spec, int argc, char **argv)
{
	if (argc < 2)
		return -1;
	if (argc == 2 && strcmp(argv[1], "--check-config") == 0)
		return check_config();
	if (argc == 2 && strcmp(argv[1], "--version") == 0) {
		printf("%s %s\n", spec->program, YQ_VERSION);
		return 0;
	}
	if (argc == 2 && strcmp(argv[1], "--help") == 0) {
		printf("usage: %s [--check-config | --version | --help]\n"
		       "The installation is found by YQ_HOME; settings are in YQ_HOME/etc/yingqiao.conf or YQ_NAME "
		       "variables.\n",
		       spec->program);
		return 0;
	}
	fprintf(stderr, "%s: cannot use option %s; try --help\n", spec->program, argv[1]);
	return EXIT_USAGE;
}

static int failed(const char *step, const struct err *err)
{
	log_err(LOG_PROGRAM_FAILED, err, "step=%s", step);
	return EXIT_START_FAILED;
}

static int run_to_end(const struct daemon_spec *spec)
{
	struct err err;
	int exit_code = 0;

	log_info(LOG_PROGRAM_STARTED, "version=%s pid=%d home=%s", YQ_VERSION, (int)getpid(), conf_home());
	tell_ready();
	if (!spec->run(&err))
		exit_code = failed("run", &err);
	spec->stop();
	log_info(LOG_PROGRAM_STOPPED, "exit_code=%d", exit_code);
	return exit_code;
}

int daemon_main(const struct daemon_spec *spec, int argc, char **argv)
{
	int done = handle_options(spec, argc, argv);
	struct err err;

	if (done >= 0)
		return done;
	umask(0027);
	if (!daemon_init(spec->program, &err)) {
		failed("configure", &err);
		return EXIT_CONFIG;
	}
	if (!catch_signals(&err) || !spec->start(&err))
		return failed("start", &err);
	return run_to_end(spec);
}
