/*
 * A peer on a loopback port that takes one connection after another and does what it is told: for tests of whatever opens connections. Linked into
 * every test binary.
 */
#ifndef TESTS_SUPPORT_PEER_H
#define TESTS_SUPPORT_PEER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { PEER_REQUEST_MAX = 1 << 20 };

/* What the peer does with a connection. */
struct peer_script {
	bool is_deaf;       /* does not read the request first */
	const char *answer; /* NULL: says nothing */
	size_t length;      /* of answer; 0: strlen */
	size_t repeat;      /* so often the last byte of the answer again */
	bool hangs;         /* keeps the connection open until the other side closes it */
	int drip_ms;        /* before each of them */
};

struct peer;
/* Does one script for each connection, the last one for all that follow; scripts are borrowed. */
struct peer *peer_start(const struct peer_script *scripts, size_t count);
uint16_t peer_port(const struct peer *peer);
/* How many connections there were. */
int peer_connections(struct peer *peer);
/* The last request as it came, at most PEER_REQUEST_MAX of it; borrowed until peer_stop(). */
const char *peer_request(struct peer *peer, size_t *out_length);
/* How long it was. */
size_t peer_request_total(struct peer *peer);
void peer_stop(struct peer *peer);

/* A port on which nobody listens. */
uint16_t peer_closed_port(void);

#endif
