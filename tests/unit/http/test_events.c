#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "tests/unit/http/client.h"

static int freed;

static void free_user(void *user)
{
	__atomic_add_fetch(&freed, 1, __ATOMIC_SEQ_CST);
	free(user);
}

static bool answer_events(struct http_request *request, void *context, struct err *err)
{
	(void)context;
	return http_reply_events(request, strdup(http_query(request, "who")), free_user, err);
}

static const struct http_route routes[] = {{"GET", "/events", answer_events, 0, 0}};

static bool is_for(void *user, void *context)
{
	return strcmp(user, context) == 0;
}

static int subscribe(struct http_server *server, const char *who)
{
	char text[100];
	int length = snprintf(text, sizeof text, "GET /events?who=%s HTTP/1.1\r\nHost: t\r\n\r\n", who);
	int fd = client_open(http_server_port(server));
	client_send(fd, text, (size_t)length);
	cr_assert(client_await(fd, ":\n\n"), "the stream does not open");
	return fd;
}

Test(events, reach_those_who_may_see_them)
{
	struct http_server *server = client_server(routes, 1);
	int anna = subscribe(server, "anna"), bo = subscribe(server, "bo");
	cr_expect(http_events_open(server) == 2);
	char to_anna[] = "anna", to_bo[] = "bo";
	http_events_send(server, "1", "study", "for anna", is_for, to_anna);
	http_events_send(server, "2", "study", "for bo", is_for, to_bo);
	http_events_send(server, "3", NULL, "two\nlines", NULL, NULL);
	http_server_free(server);
	/* What follows the opening is chunks; the texts stand in them as they are. */
	char seen[2][2000] = {{0}};
	int fds[2] = {anna, bo};
	for (int i = 0; i < 2; i++) {
		ssize_t got;
		size_t used = 0;
		while ((got = read(fds[i], seen[i] + used, sizeof seen[i] - 1 - used)) > 0)
			used += (size_t)got;
		close(fds[i]);
	}
	cr_expect(strstr(seen[0], "id: 1\nevent: study\ndata: for anna\n\n") != NULL, "got %s", seen[0]);
	cr_expect(strstr(seen[0], "for bo") == NULL, "got %s", seen[0]);
	cr_expect(strstr(seen[1], "for bo") != NULL && strstr(seen[1], "for anna") == NULL, "got %s", seen[1]);
	cr_expect(strstr(seen[1], "id: 3\ndata: two\ndata: lines\n\n") != NULL, "got %s", seen[1]);
	cr_expect(freed == 2, "freed %d", freed);
}

Test(events, comments_keep_a_stream_alive_and_find_the_dead)
{
	struct http_settings settings = {
	    .address = "127.0.0.1", .threads = 2, .routes = routes, .route_count = 1, .comment_every_ms = 10};
	struct http_server *server;
	struct err err = {0};
	cr_assert(http_server_new(&settings, &server, &err), "%s", err.text);
	int stays = subscribe(server, "stays"), leaves = subscribe(server, "leaves");
	close(leaves);
	/* Each comment that arrives is a turn of the server, in which it may find out. */
	while (http_events_open(server) > 1)
		cr_assert(client_await(stays, ":\n\n"));
	close(stays);
	http_server_free(server);
	cr_expect(freed == 2, "freed %d", freed);
}

Test(events, reader_that_lags_is_ended)
{
	struct http_server *server = client_server(routes, 1);
	int fd = subscribe(server, "slow");
	/* It reads nothing: the kernel's buffers fill, then the queue. */
	static char data[8000];
	memset(data, 'z', sizeof data - 1);
	for (int i = 0; i < 20000; i++)
		http_events_send(server, NULL, NULL, data, NULL, NULL);
	struct client_answer rest = client_finish(fd, false);
	client_free(&rest);
	while (http_events_open(server) > 0)
		usleep(1000);
	http_server_free(server);
	cr_expect(freed == 1, "freed %d", freed);
}

Test(events, many_streams)
{
	enum { STREAMS = 200 };
	struct http_server *server = client_server(routes, 1);
	int fds[STREAMS];
	for (int i = 0; i < STREAMS; i++)
		fds[i] = subscribe(server, "x");
	for (int i = 0; i < 20; i++)
		http_events_send(server, NULL, NULL, i == 19 ? "last" : "more", NULL, NULL);
	for (int i = 0; i < STREAMS; i++) {
		cr_expect(client_await(fds[i], "data: last\n\n"), "stream %d", i);
		close(fds[i]);
	}
	http_server_free(server);
	cr_expect(freed == STREAMS, "freed %d", freed);
}
