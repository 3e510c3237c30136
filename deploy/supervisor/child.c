#include "deploy/supervisor/child.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "lib/base/clock.h"
#include "lib/base/conf.h"
#include "lib/base/listen.h"
#include "lib/base/log.h"

enum {
	BACKOFF_FIRST_MS = 250,
	BACKOFF_MAX_MS = 30 * 1000,
	/* A program that ran for so long did not fail because of its start. */
	STEADY_MS = 60 * 1000,
	LOG_KEPT_BYTES = 64 * 1024 * 1024,
	EXIT_NOT_STARTED = 127,
	/* Behind the sockets. One digit where there is one socket at most, since that is all that sh can redirect to. */
	READY_FD = LISTEN_FIRST_FD + 1,
	READY_FD_BEHIND_MANY = LISTEN_FIRST_FD + LISTEN_SET_MAX
};

void child_init(struct child *child, const char *name, enum child_ready ready_kind, int end_signal)
{
	memset(child, 0, sizeof(*child));
	child->name = name;
	child->ready_kind = ready_kind;
	child->end_signal = end_signal;
	child->pidfd = -1;
	child->ready_fd = -1;
	child->backoff_ms = BACKOFF_FIRST_MS;
}

/* The log of a child is moved aside when it is large; one older piece is kept. */
static int open_log(const char *name, struct err *err)
{
	char path[PATH_MAX], older[PATH_MAX];
	struct stat status;
	int fd;

	if (!conf_path(path, sizeof(path), err, "log/%s.log", name) ||
	    !conf_path(older, sizeof(older), err, "log/%s.log.1", name))
		return -1;
	if (stat(path, &status) == 0 && status.st_size > LOG_KEPT_BYTES)
		(void)rename(path, older);
	fd = open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0640);
	if (fd < 0)
		err_set_errno(err, ERR_TEMPORARY, errno, "could not open %s", path);
	return fd;
}

static bool hand_ready(int ready_fd, int at)
{
	char number[12];

	snprintf(number, sizeof(number), "%d", at);
	if (ready_fd == at)
		return fcntl(ready_fd, F_SETFD, 0) == 0 && setenv("YQ_READY_FD", number, 1) == 0;
	return dup2(ready_fd, at) >= 0 && setenv("YQ_READY_FD", number, 1) == 0;
}

/* In the child, between fork and exec; the parent has one thread only, so everything is allowed here. */
static void become(const struct child *child, pid_t parent, int log_fd, int lease_fd, int ready_fd)
{
	int nowhere = open("/dev/null", O_RDONLY | O_CLOEXEC);
	sigset_t none;

	prctl(PR_SET_PDEATHSIG, child->end_signal);
	if (getppid() != parent)
		_exit(EXIT_NOT_STARTED);
	setpgid(0, 0);
	/* What came since the fork takes its effect now, and not in a handler of the supervisor. */
	signal(SIGPIPE, SIG_DFL);
	signal(SIGTERM, SIG_DFL);
	signal(SIGINT, SIG_DFL);
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
	if (nowhere < 0 || dup2(nowhere, STDIN_FILENO) < 0 || dup2(log_fd, STDOUT_FILENO) < 0 ||
	    dup2(log_fd, STDERR_FILENO) < 0)
		_exit(EXIT_NOT_STARTED);
	if (lease_fd >= 0)
		fcntl(lease_fd, F_SETFD, 0);
	unsetenv("YQ_READY_FD");
	if (ready_fd >= 0 && !hand_ready(ready_fd, child->listening.count > 1 ? READY_FD_BEHIND_MANY : READY_FD))
		_exit(EXIT_NOT_STARTED);
	if (child->listening.count > 0 && !listen_hand_over(&child->listening, "dicom", getpid()))
		_exit(EXIT_NOT_STARTED);
	execvp(child->args[0], (char *const *)child->args);
	dprintf(STDERR_FILENO, "could not run %s: %s\n", child->args[0], strerror(errno));
	_exit(EXIT_NOT_STARTED);
}

static bool fork_child(struct child *child, int log_fd, int lease_fd, int ready_fd, struct err *err)
{
	pid_t parent = getpid(), pid;
	sigset_t all, before;

	/* A child that is told to end before it is its program would hear it with the supervisor's handler, and go on. */
	sigfillset(&all);
	sigprocmask(SIG_SETMASK, &all, &before);
	pid = fork();
	if (pid == 0)
		become(child, parent, log_fd, lease_fd, ready_fd);
	sigprocmask(SIG_SETMASK, &before, NULL);
	if (pid < 0)
		return err_set_errno(err, ERR_TEMPORARY, errno, "could not start %s", child->name);
	child->pidfd = (int)syscall(SYS_pidfd_open, pid, 0);
	if (child->pidfd < 0) {
		err_set_errno(err, ERR_TEMPORARY, errno, "could not watch %s", child->name);
		kill(pid, SIGKILL);
		waitpid(pid, NULL, 0);
		return false;
	}
	child->pid = pid;
	return true;
}

bool child_start(struct child *child, int lease_fd, struct err *err)
{
	int ready[2] = {-1, -1};
	int log_fd = open_log(child->name, err);
	bool done;

	if (log_fd < 0)
		return false;
	if (child->ready_kind == CHILD_READY_TOLD && pipe2(ready, O_CLOEXEC) != 0) {
		close(log_fd);
		return err_set_errno(err, ERR_TEMPORARY, errno, "could not make a pipe");
	}
	child->started_at_ms = clock_monotonic_ms();
	child->is_ready = child->ready_kind == CHILD_READY_AT_ONCE;
	done = fork_child(child, log_fd, lease_fd, ready[1], err);
	close(log_fd);
	if (ready[1] >= 0)
		close(ready[1]);
	if (done) {
		child->ready_fd = ready[0];
		log_info(LOG_CHILD_STARTED, "child=%s child_pid=%d", child->name, (int)child->pid);
	} else if (ready[0] >= 0) {
		close(ready[0]);
	}
	return done;
}

bool child_read_ready(struct child *child)
{
	char word[8];
	ssize_t length = read(child->ready_fd, word, sizeof(word));

	close(child->ready_fd);
	child->ready_fd = -1;
	child->is_ready = length >= 5 && memcmp(word, "ready", 5) == 0;
	return child->is_ready;
}

int child_reap(struct child *child)
{
	int64_t now = clock_monotonic_ms();
	int status = 0;

	while (waitpid(child->pid, &status, 0) < 0 && errno == EINTR)
		;
	log_info(LOG_CHILD_ENDED, "child=%s child_pid=%d exit_code=%d signal=%d", child->name, (int)child->pid,
	         WIFEXITED(status) ? WEXITSTATUS(status) : -1, WIFSIGNALED(status) ? WTERMSIG(status) : 0);
	close(child->pidfd);
	if (child->ready_fd >= 0)
		close(child->ready_fd);
	child->pidfd = child->ready_fd = -1;
	child->pid = 0;
	child->is_ready = false;
	if (now - child->started_at_ms >= STEADY_MS)
		child->backoff_ms = BACKOFF_FIRST_MS;
	child->next_start_at_ms = now + child->backoff_ms;
	child->backoff_ms = child->backoff_ms * 2 > BACKOFF_MAX_MS ? BACKOFF_MAX_MS : child->backoff_ms * 2;
	return status;
}

void child_end(const struct child *child, bool by_force)
{
	if (child->pid > 0)
		kill(child->pid, by_force ? SIGKILL : child->end_signal);
}
