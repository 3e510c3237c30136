#include <criterion/criterion.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "tests/unit/http/client.h"

static bool answer_quick(struct http_request *request, void *context, struct err *err)
{
	(void)context;
	return http_reply_empty(request, 204, err);
}

static const struct http_route routes[] = {{"POST", "/quick", answer_quick, 1000, 0}};

/* Each of these clients would hold its connection for ever; all are hung up on, and none of them stops another. */
Test(guard, dawdlers_are_hung_up_on)
{
	struct http_settings settings = {
	    .address = "127.0.0.1", .threads = 1, .routes = routes, .route_count = 1, .receive_timeout_ms = 300};
	struct http_server *server;
	struct err err = {0};
	cr_assert(http_server_new(&settings, &server, &err), "%s", err.text);
	static const char *const starts[] = {
	    "",
	    "PO",
	    "POST /quick HTTP/1.1\r\nHost: t\r\nX-",
	    "POST /quick HTTP/1.1\r\nHost: t\r\nContent-Length: 900\r\n\r\nabc",
	    "POST /quick HTTP/1.1\r\nHost: t\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nab",
	};
	enum { CLIENTS = sizeof starts / sizeof starts[0] };
	int fds[CLIENTS];
	for (int i = 0; i < CLIENTS; i++) {
		fds[i] = client_open(http_server_port(server));
		client_send(fds[i], starts[i], strlen(starts[i]));
	}
	struct client_answer quick =
	    client_ask(http_server_port(server), "POST /quick HTTP/1.1\r\nHost: t\r\nConnection: close\r\n\r\n");
	cr_expect(quick.status == 204, "got %d", quick.status);
	client_free(&quick);
	for (int i = 0; i < CLIENTS; i++) {
		struct client_answer got = client_finish(fds[i], false);
		cr_expect(got.status == 0 || got.status == 408 || got.status == 400, "case %d: got %d", i, got.status);
		client_free(&got);
	}
	http_server_free(server);
}

/* One byte now and then resets a time-out for silence; the deadline of the whole request stands. */
Test(guard, dripping_head_is_hung_up_on)
{
	struct http_settings settings = {
	    .address = "127.0.0.1", .threads = 1, .routes = routes, .route_count = 1, .receive_timeout_ms = 500};
	struct http_server *server;
	struct err err = {0};
	cr_assert(http_server_new(&settings, &server, &err), "%s", err.text);
	int fd = client_open(http_server_port(server));
	static const char start[] = "POST /quick HTTP/1.1\r\nHost: t\r\nX-Drip: ";
	client_send(fd, start, sizeof start - 1);
	int drips = 0;
	char byte;
	while (recv(fd, &byte, 1, MSG_DONTWAIT) != 0 && drips < 1000) {
		client_send(fd, "x", 1);
		usleep(20 * 1000);
		drips++;
	}
	cr_expect(drips < 1000, "the server listens for ever");
	close(fd);
	http_server_free(server);
}
