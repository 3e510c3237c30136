#include "tests/support/peer.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

struct peer {
	const struct peer_script *scripts;
	size_t count;
	int listener, stop[2];
	uint16_t port;
	pthread_t thread;
	atomic_int connections;
	char *request;
	atomic_size_t request_length, request_total;
};

static uint16_t listen_on(int fd)
{
	struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	socklen_t length = sizeof(address);

	if (bind(fd, (struct sockaddr *)&address, length) != 0 ||
	    getsockname(fd, (struct sockaddr *)&address, &length) != 0)
		abort();
	return ntohs(address.sin_port);
}

uint16_t peer_closed_port(void)
{
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	uint16_t port = listen_on(fd); /* bound, and not listening */

	close(fd);
	return port;
}

/* False: the peer is to stop, or nothing more comes. */
static bool await(const struct peer *peer, int fd, int timeout_ms)
{
	struct pollfd fds[2] = {{.fd = peer->stop[0], .events = POLLIN}, {.fd = fd, .events = POLLIN}};

	return poll(fds, 2, timeout_ms) > 0 && fds[0].revents == 0;
}

/* The length that a head announces; -1: the head is not whole yet. Blocks of MLLP end by themselves. */
static long wanted_length(const char *request, size_t length)
{
	static const char name[] = "Content-Length: ";
	char *copy = strndup(request, length), *end = strstr(copy, "\r\n\r\n"), *at = strstr(copy, name);
	long wanted = -1;

	if (end)
		wanted = (long)(end - copy) + 4 + (at && at < end ? strtol(at + sizeof(name) - 1, NULL, 10) : 0);
	else if (length > 1 && request[length - 2] == 0x1c && request[length - 1] == '\r')
		wanted = (long)length;
	free(copy);
	return wanted;
}

/* Beyond PEER_REQUEST_MAX it is taken and forgotten. */
static void read_request(struct peer *peer, int fd)
{
	static const size_t piece = 64 * 1024;
	size_t length = 0, total = 0;
	char *rest = malloc(piece);
	long wanted = -1;
	ssize_t got;

	do {
		bool is_full = length == PEER_REQUEST_MAX;

		if (!rest || !await(peer, fd, -1))
			break;
		got = is_full ? read(fd, rest, piece) : read(fd, peer->request + length, PEER_REQUEST_MAX - length);
		if (got <= 0)
			break;
		total += (size_t)got;
		length += is_full ? 0 : (size_t)got;
		atomic_store(&peer->request_length, length);
		if (wanted < 0)
			wanted = wanted_length(peer->request, length);
	} while (wanted < 0 || (size_t)wanted > total);
	free(rest);
	atomic_store(&peer->request_total, total);
}

/* Who does not take what is said has gone. */
static bool say(int fd, const char *bytes, size_t length)
{
	return send(fd, bytes, length, MSG_NOSIGNAL) == (ssize_t)length;
}

static void serve(struct peer *peer, int fd, const struct peer_script *script)
{
	size_t length = script->answer && script->length == 0 ? strlen(script->answer) : script->length;
	char rest[256];
	bool is_there = true;

	if (!script->is_deaf)
		read_request(peer, fd);
	if (script->answer)
		is_there = say(fd, script->answer, length);
	for (size_t i = 0; i < script->repeat && is_there; i++) {
		if (script->drip_ms > 0)
			(void)await(peer, peer->stop[0], script->drip_ms);
		is_there = say(fd, script->answer + length - 1, 1);
	}
	while (script->hangs && await(peer, fd, -1) && read(fd, rest, sizeof(rest)) > 0)
		;
}

static void *run(void *context)
{
	struct peer *peer = context;
	int fd;

	while (await(peer, peer->listener, -1)) {
		size_t turn = (size_t)atomic_fetch_add(&peer->connections, 1);

		fd = accept4(peer->listener, NULL, NULL, SOCK_CLOEXEC);
		if (fd < 0)
			break;
		serve(peer, fd, &peer->scripts[turn < peer->count ? turn : peer->count - 1]);
		close(fd);
	}
	return NULL;
}

struct peer *peer_start(const struct peer_script *scripts, size_t count)
{
	struct peer *peer = calloc(1, sizeof(*peer));

	if (!peer)
		abort();
	peer->scripts = scripts;
	peer->count = count;
	peer->request = calloc(1, PEER_REQUEST_MAX + 1);
	peer->listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	peer->port = listen_on(peer->listener);
	if (!peer->request || listen(peer->listener, 8) != 0 || pipe(peer->stop) != 0 ||
	    pthread_create(&peer->thread, NULL, run, peer) != 0)
		abort();
	return peer;
}

uint16_t peer_port(const struct peer *peer)
{
	return peer->port;
}

int peer_connections(struct peer *peer)
{
	return atomic_load(&peer->connections);
}

const char *peer_request(struct peer *peer, size_t *out_length)
{
	size_t length = atomic_load(&peer->request_length);

	if (out_length)
		*out_length = length;
	peer->request[length] = '\0';
	return peer->request;
}

size_t peer_request_total(struct peer *peer)
{
	return atomic_load(&peer->request_total);
}

void peer_stop(struct peer *peer)
{
	close(peer->stop[1]);
	pthread_join(peer->thread, NULL);
	close(peer->stop[0]);
	close(peer->listener);
	free(peer->request);
	free(peer);
}
