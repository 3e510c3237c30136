#include <criterion/criterion.h>
#include <pthread.h>
#include <semaphore.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "tests/unit/http/client.h"

static sem_t entered, released;

static bool answer_blocked(struct http_request *request, void *context, struct err *err)
{
	(void)context;
	sem_post(&entered);
	sem_wait(&released);
	return http_reply_empty(request, 204, err);
}

static bool answer_quick(struct http_request *request, void *context, struct err *err)
{
	(void)context;
	return http_reply_empty(request, 204, err);
}

static bool answer_late_error(struct http_request *request, void *context, struct err *err)
{
	(void)context;
	cr_assert(http_reply_empty(request, 204, err));
	return err_set(err, ERR_CONFLICT, "somebody was faster");
}

static const struct http_route routes[] = {
    {"GET", "/blocked", answer_blocked, 0, 0},
    {"GET", "/quick", answer_quick, 0, 0},
    {"GET", "/late", answer_late_error, 0, 0},
    {"POST", "/quick", answer_quick, 100, 7},
};
enum { ROUTES = sizeof routes / sizeof routes[0] };

static const char get_blocked[] = "GET /blocked HTTP/1.1\r\nHost: t\r\nConnection: close\r\n\r\n";

static void make_semaphores(void)
{
	sem_init(&entered, 0, 0);
	sem_init(&released, 0, 0);
}
TestSuite(server, .init = make_semaphores);

Test(server, waiting_handler_stops_nobody_else)
{
	struct http_server *server = client_server(routes, ROUTES); /* 4 threads */
	int waiting[3];
	for (int i = 0; i < 3; i++) {
		waiting[i] = client_open(http_server_port(server));
		client_send(waiting[i], get_blocked, sizeof get_blocked - 1);
		sem_wait(&entered);
	}
	for (int i = 0; i < 20; i++) {
		struct client_answer got = client_get(http_server_port(server), "/quick", "");
		cr_expect(got.status == 204, "got %d", got.status);
		client_free(&got);
	}
	for (int i = 0; i < 3; i++)
		sem_post(&released);
	for (int i = 0; i < 3; i++) {
		struct client_answer got = client_finish(waiting[i], false);
		cr_expect(got.status == 204, "got %d", got.status);
		client_free(&got);
	}
	http_server_free(server);
}

static void *release_soon(void *context)
{
	(void)context;
	sem_post(&released);
	return NULL;
}

Test(server, stop_waits_for_handlers)
{
	struct http_server *server = client_server(routes, ROUTES);
	int fd = client_open(http_server_port(server));
	client_send(fd, get_blocked, sizeof get_blocked - 1);
	sem_wait(&entered);
	pthread_t thread;
	cr_assert(pthread_create(&thread, NULL, release_soon, NULL) == 0);
	http_server_stop(server);
	pthread_join(thread, NULL);
	http_server_free(server);
	struct client_answer got = client_finish(fd, false);
	cr_expect(got.status == 204 || got.status == 0, "got %d", got.status);
	client_free(&got);
}

Test(server, taken_port)
{
	struct http_server *server = client_server(routes, ROUTES), *second = NULL;
	struct http_settings settings = {.address = "127.0.0.1", .port = http_server_port(server), .threads = 1};
	struct err err = {0};
	cr_expect(!http_server_new(&settings, &second, &err));
	cr_expect(err.kind == ERR_CONFLICT, "got kind %d", err.kind);
	char port[10];
	snprintf(port, sizeof port, "%u", settings.port);
	cr_expect(strstr(err.text, port) != NULL, "got %s", err.text);
	cr_expect(second == NULL);
	settings.address = "nowhere.example";
	cr_expect(!http_server_new(&settings, &second, &err));
	cr_expect(err.kind == ERR_INVALID, "got kind %d", err.kind);
	http_server_free(server);
}

struct seen {
	int gates, done, last_status;
	uint32_t flags;
};

static bool gate(struct http_request *request, const struct http_route *route, void *context, struct err *err)
{
	struct seen *seen = context;
	__atomic_add_fetch(&seen->gates, 1, __ATOMIC_SEQ_CST);
	seen->flags = route->flags;
	http_set_user(request, context);
	if (http_header(request, "X-Refuse") != NULL)
		return err_set(err, ERR_REFUSED, "not you");
	return true;
}

static void done(struct http_request *request, int status, int64_t elapsed_ms, void *context)
{
	struct seen *seen = context;
	cr_assert(elapsed_ms >= 0);
	cr_assert(http_user(request) == context || http_user(request) == NULL);
	seen->last_status = status;
	__atomic_add_fetch(&seen->done, 1, __ATOMIC_SEQ_CST);
}

Test(server, gate_and_done)
{
	static const struct {
		const char *text;
		int status, gates;
		uint32_t flags;
	} cases[] = {
	    {"GET /quick HTTP/1.1\r\nHost: t\r\nConnection: close\r\n\r\n", 204, 1, 0},
	    {"POST /quick HTTP/1.1\r\nHost: t\r\nConnection: close\r\nContent-Length: 0\r\n\r\n", 204, 1, 7},
	    {"GET /quick HTTP/1.1\r\nHost: t\r\nConnection: close\r\nX-Refuse: 1\r\n\r\n", 403, 1, 0},
	    {"GET /none HTTP/1.1\r\nHost: t\r\nConnection: close\r\n\r\n", 404, 0, 0},
	    {"GET /late HTTP/1.1\r\nHost: t\r\nConnection: close\r\n\r\n", 409, 1, 0},
	};
	struct seen seen;
	struct http_settings settings = {.address = "127.0.0.1",
	                                 .threads = 2,
	                                 .routes = routes,
	                                 .route_count = ROUTES,
	                                 .gate = gate,
	                                 .done = done,
	                                 .context = &seen};
	struct http_server *server;
	struct err err = {0};
	cr_assert(http_server_new(&settings, &server, &err), "%s", err.text);
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		memset(&seen, 0, sizeof seen);
		struct client_answer got = client_ask(http_server_port(server), cases[i].text);
		cr_expect(got.status == cases[i].status, "case %zu: got %d, want %d", i, got.status, cases[i].status);
		cr_expect(seen.gates == cases[i].gates && seen.flags == cases[i].flags, "case %zu: %d gates", i,
		          seen.gates);
		cr_expect(seen.done == 1 && seen.last_status == got.status, "case %zu: done %d", i, seen.done);
		client_free(&got);
	}
	http_server_free(server);
}

Test(server, connection_is_kept_and_pipelined)
{
	struct http_server *server = client_server(routes, ROUTES);
	int fd = client_open(http_server_port(server));
	static const char text[] = "GET /quick HTTP/1.1\r\nHost: t\r\n\r\n"
	                           "POST /quick HTTP/1.1\r\nHost: t\r\nContent-Length: 3\r\n\r\nabc"
	                           "GET /none HTTP/1.1\r\nHost: t\r\n\r\n"
	                           "GET /quick HTTP/1.1\r\nHost: t\r\nConnection: close\r\n\r\n";
	client_send(fd, text, sizeof text - 1);
	struct client_answer got = client_finish(fd, false);
	int answers = 0, found = 0;
	for (const char *at = got.body; (at = strstr(at, "HTTP/1.1 ")) != NULL; at++) {
		answers++;
		found += strncmp(at, "HTTP/1.1 404", 12) == 0;
	}
	cr_expect(got.status == 204 && answers == 3 && found == 1, "got %d and %d more", got.status, answers);
	client_free(&got);
	http_server_free(server);
}

/* Whatever comes, the next proper request is answered. */
Test(server, hostile_bytes)
{
	static const char *const texts[] = {
	    "",
	    "\r\n\r\n\r\n",
	    "GET\r\n\r\n",
	    "GET /quick\r\n\r\n",
	    "GET  /quick HTTP/1.1\r\n\r\n",
	    "GET /quick HTTP/9.9\r\nHost: t\r\n\r\n",
	    "GET /quick HTTP/1.1\r\n\r\n",
	    "GET /quick HTTP/1.1\r\nHost: t\r\nContent-Length: -1\r\n\r\n",
	    "GET /quick HTTP/1.1\r\nHost: t\r\nContent-Length: 99999999999999999999999\r\n\r\n",
	    "POST /quick HTTP/1.1\r\nHost: t\r\nContent-Length: abc\r\n\r\n",
	    "POST /quick HTTP/1.1\r\nHost: t\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
	    "POST /quick HTTP/1.1\r\nHost: t\r\nTransfer-Encoding: chunked\r\n\r\nffffffffffffffffff\r\nx",
	    "POST /quick HTTP/1.1\r\nHost: t\r\nContent-Length: 50\r\n\r\nshort",
	    "GET /quick HTTP/1.1\r\nHost: t\r\n: nameless\r\n\r\n",
	    "GET /quick HTTP/1.1\r\nHost: t\r\nno colon\r\n\r\n",
	    "GET /quick HTTP/1.1\r\nHost: t\r\n folded\r\n\r\n",
	    "\xff\xfe /quick HTTP/1.1\r\nHost: t\r\n\r\n",
	    "GETGETGETGETGETGETG影 /quick HTTP/1.1\r\nHost: t\r\n\r\n", /* cut inside of the character */
	    "GET \x01\x02\xff HTTP/1.1\r\nHost: t\r\n\r\n",
	    "\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03 a TLS hello",
	    "GET /quick HTTP/1.1\r\nHost: t\r\nCookie: ;;;===\"\r\nConnection: close\r\n\r\n",
	};
	struct http_server *server = client_patient_server(routes, ROUTES, 500);
	for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
		int fd = client_open(http_server_port(server));
		client_send(fd, texts[i], strlen(texts[i]));
		shutdown(fd, SHUT_WR);
		struct client_answer got = client_finish(fd, false);
		client_free(&got);
		got = client_get(http_server_port(server), "/quick", "");
		cr_expect(got.status == 204, "after case %zu: got %d", i, got.status);
		client_free(&got);
	}
	http_server_free(server);
}

Test(server, huge_heads)
{
	struct http_server *server = client_server(routes, ROUTES);
	static char huge[200 * 1024];
	memset(huge, 'h', sizeof huge - 1);
	static const char *const before[] = {
	    "GET /", "GET /quick?q=", "GET /quick HTTP/1.1\r\nX: ", "GET /quick HTTP/1.1\r\nCookie: a="};
	for (size_t i = 0; i < 4; i++) {
		int fd = client_open(http_server_port(server));
		client_send(fd, before[i], strlen(before[i]));
		client_send(fd, huge, sizeof huge - 1);
		client_send(fd, " HTTP/1.1\r\nHost: t\r\n\r\n", 23);
		struct client_answer got = client_finish(fd, false);
		cr_expect(got.status == 0 || got.status == 414 || got.status == 431 || got.status == 413, "%s: got %d",
		          before[i], got.status);
		client_free(&got);
	}
	struct client_answer got = client_get(http_server_port(server), "/quick", "");
	cr_expect(got.status == 204, "got %d", got.status);
	client_free(&got);
	http_server_free(server);
}

/* As many arguments, in an address of at least so many bytes. */
static struct client_answer ask_arguments(uint16_t port, size_t count, size_t length)
{
	static char target[300 * 1024];
	size_t used = (size_t)snprintf(target, sizeof target, "/quick?q=");
	for (size_t i = 1; i < count; i++)
		used += (size_t)snprintf(target + used, sizeof target - used, "&%zu=1", i);
	while (used < length)
		target[used++] = 'x';
	target[used] = '\0';
	return client_get(port, target, "");
}

Test(server, every_number_of_arguments_has_an_answer)
{
	struct http_server *server = client_server(routes, ROUTES);
	static const struct {
		size_t count, length;
		int status;
	} cases[] = {{1, 0, 204},       {32, 0, 204},          {33, 0, 400},        {100, 0, 400},
	             {100, 8192, 400},  {32, 16384, 204},      {32, 20000, 204},    {33, 20000, 400},
	             {100, 20000, 414}, {160, 0, 400},         {300, 0, 414},       {450, 0, 414},
	             {500, 0, 414},     {1000, 0, 414},        {3000, 0, 414},      {5000, 0, 414},
	             {1, 24000, 204},   {1, 25000, 414},       {1, 32 * 1024, 414}, {1, 64 * 1024, 414},
	             {32, 31000, 414},  {9000, 64 * 1024, 414}};
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		struct client_answer got = ask_arguments(http_server_port(server), cases[i].count, cases[i].length);
		cr_expect(got.status == cases[i].status, "%zu arguments, %zu bytes: got %d", cases[i].count,
		          cases[i].length, got.status);
		cr_expect(got.whole, "%zu arguments, %zu bytes: not whole", cases[i].count, cases[i].length);
		client_free(&got);
		got = client_get(http_server_port(server), "/quick", "");
		cr_expect(got.status == 204, "got %d", got.status);
		client_free(&got);
	}
	http_server_free(server);
}

Test(server, a_head_that_can_be_read_in_two_ways_is_refused_and_ends_the_connection)
{
	struct http_server *server = client_server(routes, ROUTES);
	static const struct {
		const char *head;
		int want;
	} cases[] = {
	    {"GET /quick HTTP/1.1\r\nHost: t\r\n\r\n", 204},
	    {"GET /quick HTTP/1.1\r\nHost: t\r\nhost: t\r\n\r\n", 400},
	    {"GET /quick HTTP/1.1\r\nHost: t\r\nHost: u\r\n\r\n", 400},
	    {"POST /quick HTTP/1.1\r\nHost: t\r\nContent-Length: 2\r\n\r\n{}", 204},
	    {"POST /quick HTTP/1.1\r\nHost: t\r\nContent-Length: 2\r\nContent-Length: 3\r\n\r\n{}", 400},
	    {"POST /quick HTTP/1.1\r\nHost: t\r\nContent-Length: 2\r\nTransfer-Encoding: "
	     "chunked\r\n\r\n2\r\n{}\r\n0\r\n\r\n",
	     400},
	};
	static const char next[] = "GET /quick HTTP/1.1\r\nHost: t\r\nConnection: close\r\n\r\n";
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		int fd = client_open(http_server_port(server));
		client_send(fd, cases[i].head, strlen(cases[i].head));
		cr_expect(client_await(fd, cases[i].want == 204 ? "204 No Content" : "400 Bad Request"), "case %zu", i);
		client_send(fd, next, sizeof next - 1);
		cr_expect(client_await(fd, "204 No Content") == (cases[i].want == 204), "case %zu: what follows", i);
		close(fd);
	}
	http_server_free(server);
}
