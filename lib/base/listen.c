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

/* The next of names separated by colons; false: it is another than `name`. */
static bool is_next(const char **names, const char *name)
{
	size_t part = *names ? strcspn(*names, ":") : 0;
	bool is_it = *names && part == strlen(name) && memcmp(*names, name, part) == 0;

	*names = *names && (*names)[part] ? *names + part + 1 : NULL;
	return is_it;
}

static bool choose(const char *name, int count, struct listen_set *out, struct err *err)
{
	const char *names = getenv("LISTEN_FDNAMES");

	for (int i = 0; i < count; i++)
		if (is_next(&names, name) || count == 1) {
			if (out->count == LISTEN_SET_MAX)
				return err_set(err, ERR_INVALID, "cannot use more than %d inherited sockets",
				               LISTEN_SET_MAX);
			out->fds[out->count++] = LISTEN_FIRST_FD + i;
		} else {
			close(LISTEN_FIRST_FD + i);
		}
	return out->count > 0 ||
	       err_set(err, ERR_INVALID, "cannot choose among %d inherited sockets: none is named %s", count, name);
}

static bool prepare(int fd, struct err *err)
{
	int flags;

	if (!check(fd, err))
		return false;
	flags = fcntl(fd, F_GETFL);
	if (fcntl(fd, F_SETFD, FD_CLOEXEC) != 0 || flags < 0 || fcntl(fd, F_SETFL, flags | O_NONBLOCK) != 0)
		return err_set_errno(err, ERR_TEMPORARY, errno, "could not prepare the inherited socket");
	return true;
}

static bool take(const char *name, struct listen_set *out, struct err *err)
{
	long count = number_in(getenv("LISTEN_FDS"), 0, INHERITED_MAX);
	bool ok;

	if (count < 0)
		return err_set(err, ERR_INVALID, "cannot read LISTEN_FDS: no number of sockets");
	if (count == 0)
		return true;
	ok = choose(name, (int)count, out, err);
	for (int i = 0; ok && i < out->count; i++)
		ok = prepare(out->fds[i], err);
	return ok;
}

bool listen_inherited(const char *name, struct listen_set *out, struct err *err)
{
	bool is_meant = number_in(getenv("LISTEN_PID"), 1, INT_MAX) == (long)getpid();
	struct listen_set set = {.count = 0};
	bool ok = !is_meant || take(name, &set, err);

	unsetenv("LISTEN_PID");
	unsetenv("LISTEN_FDS");
	unsetenv("LISTEN_FDNAMES");
	if (ok)
		*out = set;
	return ok;
}

bool listen_hand_over(const struct listen_set *set, const char *name, pid_t pid)
{
	char pid_text[16], count[16], names[512] = "";
	size_t length = 0;

	for (int i = 0; i < set->count; i++) {
		if (dup2(set->fds[i], LISTEN_FIRST_FD + i) < 0)
			return false;
		length += (size_t)snprintf(names + length, sizeof names - length, "%s%s", i ? ":" : "", name);
		if (length >= sizeof names)
			return false;
	}
	snprintf(pid_text, sizeof pid_text, "%d", (int)pid);
	snprintf(count, sizeof count, "%d", set->count);
	return setenv("LISTEN_PID", pid_text, 1) == 0 && setenv("LISTEN_FDS", count, 1) == 0 &&
	       setenv("LISTEN_FDNAMES", names, 1) == 0;
}

/* ---- several ports ------------------------------------------------------------------------------------------------- */

static bool has_port(const struct listen_set *set, uint16_t port)
{
	for (int i = 0; i < set->count; i++)
		if (listen_port(set->fds[i]) == port)
			return true;
	return false;
}

static bool add(struct listen_set *set, const char *what, const char *address, uint16_t port, struct err *err)
{
	if (set->count == LISTEN_SET_MAX)
		return err_set(err, ERR_INVALID, "cannot listen on more than %d ports", LISTEN_SET_MAX);
	if (!listen_open(what, address, port, &set->fds[set->count], err))
		return false;
	set->count++;
	return true;
}

/* The next number of a text, and *text behind it. 0: there is none; -1: it is no port. */
static long next_port(const char **text)
{
	static const char *const between = " ,\t";
	size_t length;
	char word[8];
	long number;

	*text += strspn(*text, between);
	if (!**text)
		return 0;
	length = strcspn(*text, between);
	snprintf(word, sizeof word, "%.*s", (int)(length < sizeof word ? length : sizeof word - 1), *text);
	number = length < sizeof word ? number_in(word, 1, 65535) : -1;
	if (number > 0)
		*text += length;
	return number;
}

bool listen_complete(struct listen_set *set, const char *what, const char *address, uint16_t port, const char *more,
                     struct err *err)
{
	long number;

	if (set->count == 0 && !add(set, what, address, port, err))
		return false;
	while ((number = next_port(&more)) > 0)
		if (!has_port(set, (uint16_t)number) && !add(set, what, address, (uint16_t)number, err))
			return false;
	return number == 0 ||
	       err_set(err, ERR_INVALID, "cannot listen on %s port '%.20s': 1 to 65535 is wanted", what, more);
}

bool listen_lists(const char *ports, uint16_t port)
{
	long number;

	while ((number = next_port(&ports)) > 0)
		if (number == port)
			return true;
	return false;
}

void listen_close(struct listen_set *set)
{
	for (int i = 0; i < set->count; i++)
		close(set->fds[i]);
	set->count = 0;
}
