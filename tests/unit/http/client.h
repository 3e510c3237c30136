/* A client that can also be rude: sends what it is told, byte by byte if need be. Every read has an end: a test that waits longer fails. */
#ifndef YQ_TESTS_UNIT_HTTP_CLIENT_H
#define YQ_TESTS_UNIT_HTTP_CLIENT_H

#include <stddef.h>
#include <stdint.h>

#include "lib/http/http.h"

struct client_answer {
	int status; /* 0: the connection ended without an answer */
	char *head; /* status line and headers, each line ended by \n */
	char *body; /* without chunk framing, NUL behind it */
	size_t length;
	bool whole; /* as long as announced */
};

int client_open(uint16_t port);
void client_send(int fd, const char *bytes, size_t length);
/* Reads one answer; closes fd. head_only: the answer to HEAD. */
struct client_answer client_finish(int fd, bool head_only);
/* Open, send text, finish. The text should ask for "Connection: close". */
struct client_answer client_ask(uint16_t port, const char *text);
/* GET with "Connection: close" and more headers, each ended by CR LF ("" for none). */
struct client_answer client_get(uint16_t port, const char *target, const char *headers);
void client_free(struct client_answer *answer);
/* The value of a header in head, heap, NULL: absent. */
char *client_header(const struct client_answer *answer, const char *name);
/* Reads until `text` was seen; false: the connection ended before. */
bool client_await(int fd, const char *text);

/* A server with the given routes on a free port; fails the test when it does not start. */
struct http_server *client_server(const struct http_route *routes, size_t count);
struct http_server *client_patient_server(const struct http_route *routes, size_t count, int64_t receive_timeout_ms);

#endif
