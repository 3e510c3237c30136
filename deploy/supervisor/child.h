/*
 * One supervised program: started with its output in YQ_HOME/log/NAME.log, watched through a pidfd, ended by its signal.
 *
 * A child ends with its supervisor whatever happens to that one (PR_SET_PDEATHSIG), and it inherits the descriptor of
 * `lease`: as long as any child of an earlier supervisor lives, the lock on that file is held.
 */
#ifndef YQ_SUPERVISOR_CHILD_H
#define YQ_SUPERVISOR_CHILD_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "lib/base/err.h"
#include "lib/base/listen.h"

enum {
	CHILD_ARGS_MAX = 12,
	CHILD_HIGH_FD =
	    LISTEN_FIRST_FD + LISTEN_SET_MAX + 10 /* descriptors that are kept for children lie behind those places */
};

enum child_ready {
	CHILD_READY_AT_ONCE, /* a foreign program that cannot tell */
	CHILD_READY_TOLD     /* it writes "ready" to YQ_READY_FD */
};

struct child {
	/* Set by the owner, borrowed. */
	const char *name;
	const char *args[CHILD_ARGS_MAX]; /* args[0] is a path; NULL behind the last */
	enum child_ready ready_kind;
	int end_signal;
	struct listen_set listening; /* handed over as in lib/base/listen.h; not below CHILD_HIGH_FD */
	bool is_once;                /* not started again when it ends */
	bool is_held;                /* nor now */

	/* Kept here. */
	pid_t pid;    /* 0: not running */
	int pidfd;    /* readable once it ended */
	int ready_fd; /* readable when it is ready or ended before; -1: nothing to wait for */
	bool is_ready;
	int restarts;
	int64_t started_at_ms; /* monotonic */
	int64_t next_start_at_ms;
	int64_t backoff_ms;
};

void child_init(struct child *child, const char *name, enum child_ready ready_kind, int end_signal);

/* lease_fd is inherited by the child and is not below CHILD_HIGH_FD; -1: none. ERR_TEMPORARY when it could not be started. */
bool child_start(struct child *child, int lease_fd, struct err *err);

/* ready_fd became readable: true when it said that it is ready. Closes ready_fd. */
bool child_read_ready(struct child *child);

/* pidfd became readable: takes the exit status (a wait(2) status), logs it, sets pid to 0 and the next start by backoff. */
int child_reap(struct child *child);

/* Sends its end_signal, or SIGKILL. Nothing when it is not running. */
void child_end(const struct child *child, bool by_force);

#endif
