/* The listening socket: opened by us, so that a taken port is known as such. */
#include <errno.h>
#include <fcntl.h>
#include <netdb.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "lib/http/internal.h"

static bool bind_one(const struct addrinfo *info, const char *address, uint16_t port, int *out_fd, struct err *err)
{
	int fd = socket(info->ai_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd < 0)
		return err_set_errno(err, ERR_TEMPORARY, errno, "could not open a socket");

	int on = 1;
	setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
	if (bind(fd, info->ai_addr, info->ai_addrlen) != 0 || listen(fd, SOMAXCONN) != 0) {
		enum err_kind kind = errno == EADDRINUSE ? ERR_CONFLICT : errno == EACCES ? ERR_REFUSED : ERR_TEMPORARY;
		err_set_errno(err, kind, errno, "cannot listen for HTTP on %s port %u", address, port);
		close(fd);
		return false;
	}
	*out_fd = fd;
	return true;
}

bool listen_open(const char *address, uint16_t port, int *out_fd, uint16_t *out_port, struct err *err)
{
	struct addrinfo hints = {.ai_flags = AI_NUMERICHOST | AI_PASSIVE, .ai_socktype = SOCK_STREAM};
	struct addrinfo *info = NULL;
	char service[8];
	snprintf(service, sizeof service, "%u", port);
	int failed = getaddrinfo(address, service, &hints, &info);
	if (failed != 0)
		return err_set(err, ERR_INVALID, "cannot listen for HTTP on %s: %s", address, gai_strerror(failed));

	int fd = -1;
	bool ok = bind_one(info, address, port, &fd, err);
	freeaddrinfo(info);
	if (!ok)
		return false;

	struct sockaddr_storage bound = {0};
	socklen_t size = sizeof bound;
	getsockname(fd, (struct sockaddr *)&bound, &size);
	*out_port = ntohs(bound.ss_family == AF_INET6 ? ((struct sockaddr_in6 *)&bound)->sin6_port
	                                              : ((struct sockaddr_in *)&bound)->sin_port);
	*out_fd = fd;
	return true;
}

void listen_peer(const struct sockaddr *address, char out[HTTP_PEER_SIZE])
{
	out[0] = '\0';
	if (address == NULL)
		return;
	socklen_t size = address->sa_family == AF_INET6 ? sizeof(struct sockaddr_in6) : sizeof(struct sockaddr_in);
	if (getnameinfo(address, size, out, HTTP_PEER_SIZE, NULL, 0, NI_NUMERICHOST) != 0)
		out[0] = '\0';
}
