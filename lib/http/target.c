/*
 * Addresses that are too long, before libmicrohttpd takes them apart. In the version of Debian 12 an argument of the query for which the memory of the
 * connection has no room stops the connection without an answer: it makes one, but goes on as if it had none. So what could come there is
 * answered here, on the bare connection, which is then shut down.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/http/internal.h"

/* What libmicrohttpd keeps of an argument beside its text, generously. */
enum { ARGUMENT_BYTES = 128, ANSWER_MAX = 1024 };

static size_t weight_of(const char *target)
{
	size_t weight = strlen(target);
	for (const char *at = strchr(target, '?'); at != NULL; at = strchr(at + 1, '&'))
		weight += ARGUMENT_BYTES;
	return weight;
}

/* It is short and the first of its connection's buffer, or stands behind answers that were sent; a client that does not take it loses it. */
static void send_bare(struct http_request *request, const struct err *err)
{
	char answer[ANSWER_MAX];
	char *text = reply_problem_text(request, err, &request->status);
	int length =
	    snprintf(answer, sizeof answer,
	             "HTTP/1.1 %d URI Too Long\r\nContent-Type: application/problem+json\r\nContent-Length: %zu\r\n"
	             "Cache-Control: no-store\r\nX-Content-Type-Options: nosniff\r\nX-Request-Id: %s\r\n"
	             "Connection: close\r\n\r\n%s",
	             request->status, strlen(text), request->id, text);
	free(text);
	if (length < 0 || length >= ANSWER_MAX)
		err_panic("an answer is longer than its room");
	int fd = MHD_get_connection_info(request->connection, MHD_CONNECTION_INFO_CONNECTION_FD)->connect_fd;
	(void)!send(fd, answer, (size_t)length, MSG_DONTWAIT | MSG_NOSIGNAL);
	shutdown(fd, SHUT_RDWR);
}

void *target_weigh(void *server, const char *target, struct MHD_Connection *connection)
{
	struct err err = {0};
	if (weight_of(target) <= HTTP_TARGET_MAX)
		return NULL;
	/* What the log says of it: nothing that the client made up. */
	struct http_request *request = request_new(server, connection, "-", "-");
	err_set(&err, ERR_INVALID, "the address is too long, or has too many arguments");
	(void)err_code(&err, ERR_SOURCE_HTTP, MHD_HTTP_URI_TOO_LONG);
	send_bare(request, &err);
	request_tell_done(request);
	request->phase = HTTP_HUNG_UP;
	return request;
}
