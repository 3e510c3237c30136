#include "lib/base/listen.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <netdb.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

/* While a program is restarted its callers wait here; the kernel may have a lower limit of its own (net.core.somaxconn). */
enum { LISTEN_QUEUE = 4096, INHERITED_MAX = 64 };

/* ---- of one's own ------------------------------------------------------------------------------------------------- */

static bool bind_to(const struct addrinfo *info, const char *what, const char *address, uint16_t port, int *out_fd,
                    struct err *err)
{
	int fd = socket(info->ai_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	int on = 1;

	if (fd < 0)
		return err_set_errno(err, ERR_TEMPORARY, errno, "could not open a socket");
	(void)setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
	if (bind(fd, info->ai_addr, info->ai_addrlen) != 0 || listen(fd, LISTEN_QUEUE) != 0) {
		int number = errno;

		close(fd);
		return err_set_errno(err,
		                     number == EADDRINUSE      ? ERR_CONFLICT
		                     : number == EADDRNOTAVAIL ? ERR_INVALID
		                                               : ERR_TEMPORARY,
		                     number, "could not listen on %s port %u of %s", what, port, address);
	}
	*out_fd = fd;
	return true;
}

bool listen_open(const char *what, const char *address, uint16_t port, int *out_fd, struct err *err)
{
	struct addrinfo hints = {.ai_flags = AI_PASSIVE | AI_NUMERICHOST | AI_NUMERICSERV, .ai_socktype = SOCK_STREAM};
	struct addrinfo *info = NULL;
	char number[8];
	int failed;
	bool ok;

	snprintf(number, sizeof number, "%u", port);
	failed = getaddrinfo(address, number, &hints, &info);
	if (failed != 0)
		return err_set(err, ERR_INVALID, "cannot listen on address %s: %s", address, gai_strerror(failed));
	ok = bind_to(info, what, address, port, out_fd, err);
	freeaddrinfo(info);
	return ok;
}

uint16_t listen_port(int fd)
{
	struct sockaddr_storage name = {0};
	socklen_t length = sizeof name;

	if (getsockname(fd, (struct sockaddr *)&name, &length) != 0)
		return 0;
	if (name.ss_family == AF_INET)
		return ntohs(((struct sockaddr_in *)&name)->sin_port);
	return name.ss_family == AF_INET6 ? ntohs(((struct sockaddr_in6 *)&name)->sin6_port) : 0;
}

/* ---- handed over -------------------------------------------------------------------------------------------------- */

/* -1: no whole number between least and most. */
static long number_in(const char *text, long least, long most)
{
	char *end;
	long number;

	if (!text || !*text)
		return -1;
	errno = 0;
	number = strtol(text, &end, 10);
	return errno || *end || number < least || number > most ? -1 : number;
}

static int socket_option(int fd, int option)
{
	int value = -1;
	socklen_t length = sizeof value;

	return getsockopt(fd, SOL_SOCKET, option, &value, &length) == 0 ? value : -1;
}

static bool check(int fd, struct err *err)
{
	int domain = socket_option(fd, SO_DOMAIN);

	if (fcntl(fd, F_GETFD) < 0)
		return err_set(err, ERR_INVALID, "cannot use the inherited descriptor %d: it is not open", fd);
	if ((domain != AF_INET && domain != AF_INET6) || socket_option(fd, SO_TYPE) != SOCK_STREAM)
		return err_set(err, ERR_INVALID, "cannot use the inherited descriptor %d: it is no TCP socket", fd);
	if (socket_option(fd, SO_ACCEPTCONN) != 1)
		return err_set(err, ERR_INVALID, "cannot use the inherited descriptor %d: it does not listen", fd);
	return true;
}

/* Which of `count` names separated by colons is `name`; -1: none. */
static int place_of(const char *names, const char *name, int count)
{
	size_t length = strlen(name);

	for (int i = 0; names && i < count; i++) {
		size_t part = strcspn(names, ":");

		if (part == length && memcmp(names, name, length) == 0)
			return i;
		names = names[part] ? names + part + 1 : NULL;
	}
	return -1;
}

static bool choose(const char *name, int count, int *out_fd, struct err *err)
{
	int place = count == 1 ? 0 : place_of(getenv("LISTEN_FDNAMES"), name, count);

	if (place < 0)
		return err_set(err, ERR_INVALID, "cannot choose among %d inherited sockets: none is named %s", count,
		               name);
	for (int i = 0; i < count; i++)
		if (i != place)
			close(LISTEN_FIRST_FD + i);
	*out_fd = LISTEN_FIRST_FD + place;
	return true;
}

static bool take(const char *name, int *out_fd, struct err *err)
{
	long count = number_in(getenv("LISTEN_FDS"), 0, INHERITED_MAX);
	int fd = -1, flags;

	if (count < 0)
		return err_set(err, ERR_INVALID, "cannot read LISTEN_FDS: no number of sockets");
	if (count == 0)
		return true;
	if (!choose(name, (int)count, &fd, err) || !check(fd, err))
		return false;
	flags = fcntl(fd, F_GETFL);
	if (fcntl(fd, F_SETFD, FD_CLOEXEC) != 0 || flags < 0 || fcntl(fd, F_SETFL, flags | O_NONBLOCK) != 0)
		return err_set_errno(err, ERR_TEMPORARY, errno, "could not prepare the inherited socket");
	*out_fd = fd;
	return true;
}

bool listen_inherited(const char *name, int *out_fd, struct err *err)
{
	bool is_meant = number_in(getenv("LISTEN_PID"), 1, INT_MAX) == (long)getpid();
	int fd = -1;
	bool ok = !is_meant || take(name, &fd, err);

	unsetenv("LISTEN_PID");
	unsetenv("LISTEN_FDS");
	unsetenv("LISTEN_FDNAMES");
	if (ok)
		*out_fd = fd;
	return ok;
}

bool listen_hand_over(int fd, const char *name, pid_t pid)
{
	char number[16];

	snprintf(number, sizeof number, "%d", (int)pid);
	return dup2(fd, LISTEN_FIRST_FD) >= 0 && setenv("LISTEN_PID", number, 1) == 0 &&
	       setenv("LISTEN_FDS", "1", 1) == 0 && setenv("LISTEN_FDNAMES", name, 1) == 0;
}
