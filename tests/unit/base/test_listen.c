#include <criterion/criterion.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include "lib/base/listen.h"

static int connect_to(uint16_t port)
{
	struct sockaddr_in to = {
	    .sin_family = AF_INET, .sin_port = htons(port), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	if (connect(fd, (struct sockaddr *)&to, sizeof to) == 0)
		return fd;
	close(fd);
	return -1;
}

Test(listen, opens_takes_callers_and_says_a_taken_port)
{
	int fd = -1, other = -1, caller;
	struct err err = {0};
	uint16_t port;

	cr_assert(listen_open("TEST", "127.0.0.1", 0, &fd, &err), "%s", err.text);
	port = listen_port(fd);
	cr_expect_neq(port, 0);
	caller = connect_to(port);
	cr_expect_geq(caller, 0, "a caller was refused");
	cr_expect_not(listen_open("TEST", "127.0.0.1", port, &other, &err));
	cr_expect_eq(err.kind, ERR_CONFLICT);
	cr_expect_not_null(strstr(err.text, "could not listen on TEST port"), "%s", err.text);
	cr_expect_eq(other, -1);
	close(caller);
	close(fd);
}

Test(listen, an_address_that_is_none_is_invalid)
{
	static const char *const addresses[] = {"nowhere", "300.1.1.1", "192.0.2.7"};

	for (size_t i = 0; i < sizeof addresses / sizeof addresses[0]; i++) {
		struct err err = {0};
		int fd = -1;

		cr_expect_not(listen_open("TEST", addresses[i], 0, &fd, &err), "%s", addresses[i]);
		cr_expect_eq(err.kind, ERR_INVALID, "%s: %s", addresses[i], err.text);
	}
}

/* ---- handed over --------------------------------------------------------------------------------------------------- */

enum descriptor { NOTHING, LISTENER, CONNECTED, DATAGRAM, UNIX_LISTENER, PLAIN_FILE };

static int make(enum descriptor kind)
{
	struct err err = {0};
	int fd = -1, pair[2];

	switch (kind) {
	case LISTENER:
		cr_assert(listen_open("TEST", "127.0.0.1", 0, &fd, &err), "%s", err.text);
		return fd;
	case CONNECTED:
		return socket(AF_INET, SOCK_STREAM, 0);
	case DATAGRAM:
		return socket(AF_INET, SOCK_DGRAM, 0);
	case UNIX_LISTENER:
		cr_assert_eq(socketpair(AF_UNIX, SOCK_STREAM, 0, pair), 0);
		close(pair[1]);
		return pair[0];
	case PLAIN_FILE:
		return open("/dev/null", O_RDONLY);
	default:
		return -1;
	}
}

/* What a program with these descriptors from 3 on says, in a process of its own. */
struct answer {
	bool ok, is_forgotten, is_prepared, other_is_open;
	int fd, count;
	struct err err;
};

struct given {
	const char *what, *fds, *names;
	bool is_meant;
	enum descriptor first, second;
	bool ok;
	int fd;
	const char *text;
};

static void place(enum descriptor kind, int at)
{
	int fd = make(kind);

	if (fd < 0) {
		close(at);
		return;
	}
	if (fd != at) {
		dup2(fd, at);
		close(fd);
	}
}

static void set(const char *name, const char *value)
{
	if (value)
		setenv(name, value, 1);
	else
		unsetenv(name);
}

static void ask(const struct given *given, struct answer *answer)
{
	struct listen_set found = {.count = 0};
	char pid[16];
	int other;

	/* Away from the places that are tried. */
	for (int fd = 3; fd < 6; fd++)
		close(fd);
	place(given->first, 3);
	place(given->second, 4);
	snprintf(pid, sizeof pid, "%d", given->is_meant ? (int)getpid() : (int)getppid());
	set("LISTEN_PID", pid);
	set("LISTEN_FDS", given->fds);
	set("LISTEN_FDNAMES", given->names);
	answer->fd = -2;
	answer->ok = listen_inherited("dicom", &found, &answer->err);
	answer->count = found.count;
	if (answer->ok)
		answer->fd = found.count > 0 ? found.fds[0] : -1;
	answer->is_forgotten = !getenv("LISTEN_PID") && !getenv("LISTEN_FDS") && !getenv("LISTEN_FDNAMES");
	answer->is_prepared = answer->fd >= 0 && (fcntl(answer->fd, F_GETFD) & FD_CLOEXEC) != 0 &&
	                      (fcntl(answer->fd, F_GETFL) & O_NONBLOCK) != 0;
	other = answer->fd == 3 ? 4 : 3;
	answer->other_is_open = fcntl(other, F_GETFD) >= 0;
}

static void run(const struct given *given, struct answer *out)
{
	struct answer *answer = mmap(NULL, sizeof *answer, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	int status;
	pid_t pid;

	cr_assert_neq(answer, MAP_FAILED);
	pid = fork();
	if (pid == 0) {
		ask(given, answer);
		_exit(0);
	}
	cr_assert_eq(waitpid(pid, &status, 0), pid);
	cr_assert_eq(status, 0, "%s", given->what);
	*out = *answer;
	munmap(answer, sizeof *answer);
}

Test(listen, takes_what_was_handed_over_and_nothing_else)
{
	static const struct given cases[] = {
	    {"nothing", NULL, NULL, false, NOTHING, NOTHING, true, -1, NULL},
	    {"for another process", "1", NULL, false, LISTENER, NOTHING, true, -1, NULL},
	    {"none", "0", NULL, true, NOTHING, NOTHING, true, -1, NULL},
	    {"one", "1", NULL, true, LISTENER, NOTHING, true, 3, NULL},
	    {"one of another name", "1", "web", true, LISTENER, NOTHING, true, 3, NULL},
	    {"two, the second is ours", "2", "web:dicom", true, LISTENER, LISTENER, true, 4, NULL},
	    {"two, the first is ours", "2", "dicom:web", true, LISTENER, LISTENER, true, 3, NULL},
	    {"two, both ours", "2", "dicom:dicom", true, LISTENER, LISTENER, true, 3, NULL},
	    {"two, none ours", "2", "web:dicoms", true, LISTENER, LISTENER, false, -2, "none is named dicom"},
	    {"two without names", "2", NULL, true, LISTENER, LISTENER, false, -2, "none is named dicom"},
	    {"a number that is none", "one", NULL, true, LISTENER, NOTHING, false, -2, "LISTEN_FDS"},
	    {"no number", NULL, NULL, true, LISTENER, NOTHING, false, -2, "LISTEN_FDS"},
	    {"a negative number", "-1", NULL, true, LISTENER, NOTHING, false, -2, "LISTEN_FDS"},
	    {"too large a number", "99999999999", NULL, true, LISTENER, NOTHING, false, -2, "LISTEN_FDS"},
	    {"not open", "1", NULL, true, NOTHING, NOTHING, false, -2, "not open"},
	    {"no socket", "1", NULL, true, PLAIN_FILE, NOTHING, false, -2, "no TCP socket"},
	    {"datagrams", "1", NULL, true, DATAGRAM, NOTHING, false, -2, "no TCP socket"},
	    {"of this machine only", "1", NULL, true, UNIX_LISTENER, NOTHING, false, -2, "no TCP socket"},
	    {"not listening", "1", NULL, true, CONNECTED, NOTHING, false, -2, "does not listen"},
	};

	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		const struct given *given = &cases[i];
		struct answer answer;

		run(given, &answer);
		cr_expect_eq(answer.ok, given->ok, "%s: %s", given->what, answer.err.text);
		cr_expect_eq(answer.fd, given->fd, "%s: descriptor %d", given->what, answer.fd);
		cr_expect(answer.is_forgotten, "%s: a child would believe the variables", given->what);
		if (given->fd >= 0) {
			cr_expect(answer.is_prepared, "%s: not close-on-exec and non-blocking", given->what);
			cr_expect_eq(answer.other_is_open, answer.count == 2, "%s: the other one", given->what);
			cr_expect_eq(answer.count, strstr(given->what, "both") ? 2 : 1, "%s: %d sockets", given->what,
			             answer.count);
		}
		if (given->text) {
			cr_expect_eq(answer.err.kind, ERR_INVALID, "%s", given->what);
			cr_expect_not_null(strstr(answer.err.text, given->text), "%s: %s", given->what,
			                   answer.err.text);
		}
	}
}

/* As the supervisor does it: the child finds the socket, and callers of before are in its queue. */
Test(listen, what_is_handed_over_is_found_with_its_callers)
{
	int fd = -1, caller, status;
	struct err err = {0};
	pid_t pid;

	cr_assert(listen_open("TEST", "127.0.0.1", 0, &fd, &err), "%s", err.text);
	caller = connect_to(listen_port(fd));
	cr_assert_geq(caller, 0);
	pid = fork();
	if (pid == 0) {
		struct listen_set kept = {.count = 2}, found = {.count = 0};
		struct pollfd waiting;

		cr_assert(listen_open("TEST", "127.0.0.1", 0, &kept.fds[0], &err), "%s", err.text);
		kept.fds[0] = fcntl(kept.fds[0], F_DUPFD_CLOEXEC, 60);
		kept.fds[1] = fcntl(fd, F_DUPFD_CLOEXEC, 60);
		if (!listen_hand_over(&kept, "dicom", getpid()) || !listen_inherited("dicom", &found, &err) ||
		    found.count != 2 || found.fds[0] != LISTEN_FIRST_FD)
			_exit(1);
		waiting = (struct pollfd){.fd = found.fds[1], .events = POLLIN};
		_exit(poll(&waiting, 1, 10000) == 1 && accept(found.fds[1], NULL, NULL) >= 0 ? 0 : 2);
	}
	cr_assert_eq(waitpid(pid, &status, 0), pid);
	cr_expect_eq(status, 0, "status %x", (unsigned)status);
	close(caller);
	close(fd);
}

Test(listen, a_set_is_completed_by_further_ports)
{
	struct listen_set set = {.count = 0}, spare = {.count = 0};
	char more[64];
	struct err err = {0};
	int first;

	for (int i = 0; i < 2; i++)
		cr_assert(listen_open("TEST", "127.0.0.1", 0, &spare.fds[spare.count++], &err), "%s", err.text);
	snprintf(more, sizeof more, "%u, %u", listen_port(spare.fds[0]), listen_port(spare.fds[1]));
	listen_close(&spare);
	cr_assert(listen_complete(&set, "TEST", "127.0.0.1", 0, more, &err), "%s", err.text);
	cr_assert_eq(set.count, 3, "%d sockets", set.count);
	cr_assert(listen_complete(&set, "TEST", "127.0.0.1", 1, more, &err), "%s", err.text);
	cr_expect_eq(set.count, 3, "what is there is not opened again");
	first = set.fds[0];
	for (int i = 1; i < 3; i++) {
		int caller = connect_to(listen_port(set.fds[i]));

		cr_expect_geq(caller, 0, "port %d does not listen", i);
		close(caller);
	}
	cr_expect_neq(listen_port(first), listen_port(set.fds[1]));
	listen_close(&set);
}

Test(listen, further_ports_that_are_none_are_invalid)
{
	static const char *const texts[] = {"x", "0", "65536", "11114;11115", "-1", "111111111111", "1 x"};

	for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
		struct listen_set set = {.count = 0};
		struct err err = {0};

		cr_expect_not(listen_complete(&set, "TEST", "127.0.0.1", 0, texts[i], &err), "'%s'", texts[i]);
		cr_expect(err.kind == ERR_INVALID || strcmp(texts[i], "1 x") == 0, "'%s': %s", texts[i], err.text);
		listen_close(&set);
	}
}
