#include <arpa/inet.h>
#include <criterion/criterion.h>
#include <netinet/in.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "lib/base/text.h"
#include "tests/unit/http/client.h"

enum { PATIENCE_MS = 20 * 1000, ANSWER_MAX = 64 * 1024 * 1024 };

int client_open(uint16_t port)
{
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons(port)};
	address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	cr_assert(connect(fd, (struct sockaddr *)&address, sizeof address) == 0, "the server takes no connection");
	return fd;
}

void client_send(int fd, const char *bytes, size_t length)
{
	while (length > 0) {
		ssize_t sent = send(fd, bytes, length, MSG_NOSIGNAL);
		if (sent <= 0)
			return; /* the server has hung up; its answer tells why */
		bytes += sent;
		length -= (size_t)sent;
	}
}

/* False at the end of the connection. */
static bool read_some(int fd, struct text_buf *into)
{
	char bytes[4096];
	struct pollfd ready = {.fd = fd, .events = POLLIN};
	cr_assert(poll(&ready, 1, PATIENCE_MS) == 1, "the server neither answers nor hangs up");
	ssize_t got = recv(fd, bytes, sizeof bytes, 0);
	if (got <= 0)
		return false;
	cr_assert(text_buf_append(into, bytes, (size_t)got));
	return true;
}

/* Joins the chunks of RFC 9112 section 7.1 in place; false: the last one is missing. */
static bool join_chunks(char *body, size_t *length)
{
	char *in = body, *out = body, *end = body + *length;
	while (in < end) {
		char *rest;
		size_t size = strtoul(in, &rest, 16);
		if (rest == in || rest + 2 > end || rest[0] != '\r')
			break;
		if (size == 0) {
			*length = (size_t)(out - body);
			*out = '\0';
			return true;
		}
		rest += 2;
		if (size > (size_t)(end - rest))
			break;
		memmove(out, rest, size);
		out += size;
		in = rest + size + 2;
	}
	*length = (size_t)(out - body);
	*out = '\0';
	return false;
}

static bool take_body(struct client_answer *answer, bool head_only)
{
	char *encoding = client_header(answer, "Transfer-Encoding"),
	     *announced = client_header(answer, "Content-Length");
	bool whole = true;
	if (encoding != NULL && !head_only)
		whole = join_chunks(answer->body, &answer->length);
	else if (announced != NULL && !head_only)
		whole = strtoul(announced, NULL, 10) == answer->length;
	free(encoding);
	free(announced);
	return whole;
}

struct client_answer client_finish(int fd, bool head_only)
{
	struct client_answer answer = {0};
	struct text_buf all;
	text_buf_init(&all, ANSWER_MAX);
	while (read_some(fd, &all)) {
	}
	close(fd);
	char *end = all.length > 0 ? strstr(all.data, "\r\n\r\n") : NULL;
	if (end != NULL && sscanf(all.data, "HTTP/1.%*d %d", &answer.status) == 1) {
		size_t head = (size_t)(end - all.data) + 2;
		answer.head = strndup(all.data, head);
		answer.length = all.length - head - 2;
		answer.body = calloc(1, answer.length + 1);
		memcpy(answer.body, end + 4, answer.length);
		answer.whole = take_body(&answer, head_only);
	}
	text_buf_fini(&all);
	return answer;
}

struct client_answer client_ask(uint16_t port, const char *text)
{
	int fd = client_open(port);
	client_send(fd, text, strlen(text));
	return client_finish(fd, strncmp(text, "HEAD ", 5) == 0);
}

struct client_answer client_get(uint16_t port, const char *target, const char *headers)
{
	struct text_buf text;
	text_buf_init(&text, 1024 * 1024);
	cr_assert(
	    text_buf_printf(&text, "GET %s HTTP/1.1\r\nHost: test\r\nConnection: close\r\n%s\r\n", target, headers));
	struct client_answer answer = client_ask(port, text.data);
	text_buf_fini(&text);
	return answer;
}

void client_free(struct client_answer *answer)
{
	free(answer->head);
	free(answer->body);
}

char *client_header(const struct client_answer *answer, const char *name)
{
	size_t length = strlen(name);
	for (const char *line = answer->head; line != NULL && *line != '\0';) {
		const char *end = strstr(line, "\r\n");
		if (end == NULL)
			return NULL;
		if (strncasecmp(line, name, length) == 0 && line[length] == ':') {
			const char *value = line + length + 1;
			value += strspn(value, " ");
			return strndup(value, (size_t)(end - value));
		}
		line = end + 2;
	}
	return NULL;
}

bool client_await(int fd, const char *text)
{
	struct text_buf seen;
	text_buf_init(&seen, ANSWER_MAX);
	bool found = false;
	while (!found && read_some(fd, &seen))
		found = strstr(seen.data, text) != NULL;
	text_buf_fini(&seen);
	return found;
}

struct http_server *client_server(const struct http_route *routes, size_t count)
{
	return client_patient_server(routes, count, 0);
}

struct http_server *client_patient_server(const struct http_route *routes, size_t count, int64_t receive_timeout_ms)
{
	struct http_settings settings = {.address = "127.0.0.1",
	                                 .threads = 4,
	                                 .routes = routes,
	                                 .route_count = count,
	                                 .receive_timeout_ms = receive_timeout_ms};
	struct http_server *server = NULL;
	struct err err = {0};
	cr_assert(http_server_new(&settings, &server, &err), "%s", err.text);
	return server;
}
