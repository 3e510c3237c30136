/* Requests that wait, for a worker or in their lane: who goes away meanwhile costs nothing, and stops nobody behind him. */
#include <criterion/criterion.h>
#include <semaphore.h>
#include <stdatomic.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "lib/base/clock.h"
#include "tests/unit/http/client.h"

enum { LEFT = 499, LATER_MS = 1000 };

static sem_t entered, released, at_lane, told;
static atomic_int gates, runs, left, passed_ms;

/* It stands while nobody moves it. */
static int64_t now_ms(void *context)
{
	(void)context;
	return 1000000 + atomic_load(&passed_ms);
}

static const struct clock_source own_clock = {.monotonic_ms = now_ms};

static void prepare(void)
{
	sem_init(&entered, 0, 0);
	sem_init(&released, 0, 0);
	sem_init(&at_lane, 0, 0);
	sem_init(&told, 0, 0);
	clock_replace(&own_clock);
}
TestSuite(waiting, .init = prepare, .timeout = 60);

static bool answer_held(struct http_request *request, void *context, struct err *err)
{
	(void)context;
	atomic_fetch_add(&runs, 1);
	sem_post(&entered);
	sem_wait(&released);
	return http_reply_empty(request, 204, err);
}

static bool count_gate(struct http_request *request, const struct http_route *route, void *context, struct err *err)
{
	(void)request;
	(void)route;
	(void)context;
	(void)err;
	atomic_fetch_add(&gates, 1);
	return true;
}

static const char *one_lane(const struct http_request *request, const struct http_route *route, void *context)
{
	(void)request;
	(void)route;
	(void)context;
	sem_post(&at_lane);
	return "somebody";
}

static void note_status(struct http_request *request, int status, int64_t elapsed_ms, void *context)
{
	(void)request;
	(void)elapsed_ms;
	(void)context;
	if (status == LEFT)
		atomic_fetch_add(&left, 1);
	sem_post(&told);
}

static const struct http_route routes[] = {{"GET", "/search", answer_held, 0, 0}};

static struct http_server *start(int threads, bool has_lane)
{
	struct http_settings settings = {.address = "127.0.0.1",
	                                 .threads = threads,
	                                 .routes = routes,
	                                 .route_count = 1,
	                                 .gate = count_gate,
	                                 .lane = has_lane ? one_lane : NULL,
	                                 .lane_width = 1,
	                                 .done = note_status};
	struct http_server *server;
	struct err err = {0};

	cr_assert(http_server_new(&settings, &server, &err), "%s", err.text);
	return server;
}

static int search(struct http_server *server, const char *more)
{
	static const char head[] = "GET /search HTTP/1.1\r\nHost: t\r\nConnection: close\r\n";
	int fd = client_open(http_server_port(server));

	client_send(fd, head, sizeof head - 1);
	client_send(fd, more, strlen(more));
	client_send(fd, "\r\n", 2);
	return fd;
}

static void expect_answer(int fd)
{
	struct client_answer got = client_finish(fd, false);

	cr_expect_eq(got.status, 204, "got %d", got.status);
	client_free(&got);
}

/* As many may run as there are requests, so that one more would. */
static void release(int count)
{
	for (int i = 0; i < count; i++)
		sem_post(&released);
}

static void await_told(int count)
{
	for (int i = 0; i < count; i++)
		sem_wait(&told);
}

Test(waiting, who_leaves_while_waiting_in_it_is_not_run_and_the_next_one_is)
{
	struct http_server *server = start(2, true);
	int first = search(server, ""), leaving, staying;

	sem_wait(&entered);
	sem_wait(&at_lane);
	leaving = search(server, "");
	sem_wait(&at_lane);
	staying = search(server, "");
	sem_wait(&at_lane);
	atomic_store(&passed_ms, LATER_MS);
	close(leaving);
	release(3);
	await_told(3);
	cr_expect_eq(atomic_load(&runs), 2, "%d ran", atomic_load(&runs));
	cr_expect_eq(atomic_load(&left), 1, "%d left", atomic_load(&left));
	expect_answer(first);
	expect_answer(staying);
	http_server_free(server);
}

/* The only worker is taken, so that the others are not even at the gate. */
static struct http_server *start_taken(int *out_first)
{
	struct http_server *server = start(1, false);

	*out_first = search(server, "");
	sem_wait(&entered);
	return server;
}

/* What was sent before is there when a later connection has its answer, which takes no worker. */
static void await_received(struct http_server *server)
{
	struct client_answer refused = client_get(http_server_port(server), "/none", "");

	cr_assert_eq(refused.status, 404, "got %d", refused.status);
	client_free(&refused);
	sem_wait(&told);
}

Test(waiting, who_leaves_while_waiting_for_a_worker_does_not_pass_the_gate)
{
	int first, leaving, staying;
	struct http_server *server = start_taken(&first);

	leaving = search(server, "");
	staying = search(server, "");
	await_received(server);
	atomic_store(&passed_ms, LATER_MS);
	close(leaving);
	release(3);
	await_told(3);
	cr_expect_eq(atomic_load(&gates), 2, "%d passed", atomic_load(&gates));
	cr_expect_eq(atomic_load(&left), 1, "%d left", atomic_load(&left));
	expect_answer(first);
	expect_answer(staying);
	http_server_free(server);
}

Test(waiting, who_sends_no_more_may_wait_yet_but_a_proxy_that_ends_a_connection_has_lost_its_client)
{
	int first, half, behind;
	struct http_server *server = start_taken(&first);

	half = search(server, "");
	behind = search(server, "X-Forwarded-For: 192.0.2.7\r\n");
	await_received(server);
	shutdown(half, SHUT_WR);
	shutdown(behind, SHUT_WR);
	release(3);
	await_told(3);
	cr_expect_eq(atomic_load(&gates), 2, "%d passed", atomic_load(&gates));
	cr_expect_eq(atomic_load(&left), 1, "%d left", atomic_load(&left));
	expect_answer(first);
	close(half);
	close(behind);
	http_server_free(server);
}
