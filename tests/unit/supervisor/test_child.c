#include <criterion/criterion.h>
#include <poll.h>
#include <signal.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include "deploy/supervisor/child.h"
#include "tests/support/home.h"

enum { ROUNDS = 200, PATIENCE_MS = 60 * 1000 };

static void hear(int signal_number)
{
	(void)signal_number;
}

static void setup(void)
{
	home_make(NULL);
	cr_assert_eq(mkdir(home_path("log"), 0700), 0);
}

TestSuite(child, .init = setup, .fini = home_remove);

/* The supervisor hears SIGTERM with a handler of its own. A child that is not yet its program must not. */
Test(child, told_to_end_before_it_is_its_program)
{
	struct sigaction action = {.sa_handler = hear, .sa_flags = SA_RESTART};
	int round;

	sigemptyset(&action.sa_mask);
	cr_assert_eq(sigaction(SIGTERM, &action, NULL), 0);
	for (round = 0; round < ROUNDS; round++) {
		struct child child;
		struct pollfd ended = {.events = POLLIN};
		struct err err;
		int status;

		child_init(&child, "sleeper", CHILD_READY_AT_ONCE, SIGTERM);
		child.args[0] = "/bin/sleep";
		child.args[1] = "600";
		cr_assert(child_start(&child, -1, &err), "%s", err.text);
		child_end(&child, false);
		ended.fd = child.pidfd;
		if (poll(&ended, 1, PATIENCE_MS) != 1) {
			child_end(&child, true);
			child_reap(&child);
			cr_assert_fail("the signal was lost in round %d", round);
		}
		status = child_reap(&child);
		cr_assert(WIFSIGNALED(status) && WTERMSIG(status) == SIGTERM, "wait status %d", status);
	}
}
