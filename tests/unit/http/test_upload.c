/* Bodies that are not kept: in order, whole or not at all, and let go of in every case. */
#include <criterion/criterion.h>
#include <semaphore.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "tests/unit/http/client.h"

struct summer {
	uint64_t length, sum;
	size_t longest;
	uint64_t refuse_at;
};

static sem_t ended;
static int finished, told, last_status;

static bool take(void *upload, const void *bytes, size_t length, struct err *err)
{
	struct summer *summer = upload;
	for (size_t i = 0; i < length; i++)
		summer->sum = summer->sum * 31 + ((const uint8_t *)bytes)[i];
	summer->length += length;
	summer->longest = length > summer->longest ? length : summer->longest;
	if (summer->refuse_at != 0 && summer->length >= summer->refuse_at)
		return err_set(err, ERR_CONFLICT, "no more of this");
	return true;
}

static bool finish(void *upload, struct http_request *request, struct err *err)
{
	struct summer *summer = upload;
	char text[100];
	int length = snprintf(text, sizeof text, "%llu %llu %d", (unsigned long long)summer->length,
	                      (unsigned long long)summer->sum, summer->longest < 128 * 1024);
	__atomic_add_fetch(&finished, 1, __ATOMIC_SEQ_CST);
	return http_reply_bytes(request, 200, "text/plain", text, (size_t)length, err);
}

static void fini(void *upload)
{
	free(upload);
	sem_post(&ended);
}

static bool sum(struct http_request *request, void *context, struct err *err)
{
	(void)context;
	const char *refuse_at = http_query(request, "refuse_at");
	if (http_query(request, "never") != NULL)
		return err_set(err, ERR_REFUSED, "not you");
	if (http_query(request, "at_once") != NULL)
		return http_reply_empty(request, 204, err);
	struct summer *summer = calloc(1, sizeof *summer);
	cr_assert(summer != NULL);
	summer->refuse_at = refuse_at != NULL ? strtoull(refuse_at, NULL, 10) : 0;
	http_take_body(request, &(struct http_upload){take, finish, fini, summer});
	return true;
}

static void done(struct http_request *request, int status, int64_t elapsed_ms, void *context)
{
	(void)request;
	(void)elapsed_ms;
	(void)context;
	last_status = status;
	__atomic_add_fetch(&told, 1, __ATOMIC_SEQ_CST);
}

static const struct http_route routes[] = {{"POST", "/sum", sum, HTTP_BODY_STREAMED, 0}};

static struct http_server *open_server(void)
{
	struct http_settings settings = {
	    .address = "127.0.0.1", .threads = 2, .routes = routes, .route_count = 1, .done = done};
	struct http_server *server = NULL;
	struct err err;
	sem_init(&ended, 0, 0);
	cr_assert(http_server_new(&settings, &server, &err), "%s", err.text);
	return server;
}

static char byte_at(size_t i)
{
	return (char)(i * 7 + i / 251);
}

static char *make_body(size_t length, char want[100])
{
	uint64_t total = 0;
	char *body = malloc(length + 1);
	cr_assert(body != NULL);
	for (size_t i = 0; i < length; i++) {
		body[i] = byte_at(i);
		total = total * 31 + (uint8_t)body[i];
	}
	snprintf(want, 100, "%zu %llu 1", length, (unsigned long long)total);
	return body;
}

static int open_request(struct http_server *server, const char *target, size_t length)
{
	char head[200];
	int fd = client_open(http_server_port(server));
	int used =
	    snprintf(head, sizeof head,
	             "POST %s HTTP/1.1\r\nHost: t\r\nConnection: close\r\nContent-Length: %zu\r\n\r\n", target, length);
	client_send(fd, head, (size_t)used);
	return fd;
}

Test(upload, comes_in_order_in_bounded_pieces)
{
	static const size_t lengths[] = {0, 1, 65535, 65536, 65537, 100000, 3000000};
	struct http_server *server = open_server();
	for (size_t i = 0; i < sizeof lengths / sizeof lengths[0]; i++) {
		char want[100], *body = make_body(lengths[i], want);
		int fd = open_request(server, "/sum", lengths[i]);
		client_send(fd, body, lengths[i]);
		struct client_answer got = client_finish(fd, false);
		cr_expect(got.status == 200 && strcmp(got.body, want) == 0, "%zu: got %d %s, want %s", lengths[i],
		          got.status, got.body, want);
		client_free(&got);
		free(body);
		sem_wait(&ended);
	}
	http_server_free(server);
}

Test(upload, comes_in_chunks_of_the_sender)
{
	struct http_server *server = open_server();
	struct client_answer got =
	    client_ask(http_server_port(server),
	               "POST /sum HTTP/1.1\r\nHost: t\r\nConnection: close\r\nTransfer-Encoding: chunked\r\n\r\n"
	               "1\r\na\r\n2\r\nbc\r\n0\r\n\r\n");
	char want[100];
	snprintf(want, sizeof want, "3 %d 1", ('a' * 31 + 'b') * 31 + 'c');
	cr_expect(got.status == 200 && strcmp(got.body, want) == 0, "got %d %s", got.status, got.body);
	client_free(&got);
	http_server_free(server);
}

Test(upload, sender_that_asks_first_is_told_to_go_on)
{
	struct http_server *server = open_server();
	int fd = client_open(http_server_port(server));
	static const char head[] =
	    "POST /sum HTTP/1.1\r\nHost: t\r\nConnection: close\r\nExpect: 100-continue\r\nContent-Length: 1\r\n\r\n";
	client_send(fd, head, sizeof head - 1);
	cr_assert(client_await(fd, "100 Continue\r\n\r\n"));
	client_send(fd, "a", 1);
	struct client_answer got = client_finish(fd, false);
	cr_expect(got.status == 200 && strcmp(got.body, "1 97 1") == 0, "got %d %s", got.status, got.body);
	client_free(&got);
	http_server_free(server);
}

Test(upload, early_answers_are_read_behind_the_body)
{
	static const struct {
		const char *target;
		int status;
	} cases[] = {
	    {"/sum?never=1", 403}, {"/sum?at_once=1", 204}, {"/sum?refuse_at=1", 409}, {"/sum?refuse_at=200000", 409}};
	struct http_server *server = open_server();
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		char want[100], *body = make_body(1000000, want);
		int fd = open_request(server, cases[i].target, 1000000);
		client_send(fd, body, 1000000);
		struct client_answer got = client_finish(fd, false);
		cr_expect(got.status == cases[i].status, "%s: got %d", cases[i].target, got.status);
		client_free(&got);
		free(body);
	}
	http_server_free(server);
	cr_expect(finished == 0 && told == 4, "finished %d, told %d", finished, told);
	cr_expect(sem_trywait(&ended) == 0 && sem_trywait(&ended) == 0 && sem_trywait(&ended) != 0);
}

Test(upload, sender_that_leaves_is_let_go_of)
{
	struct http_server *server = open_server();
	char want[100], *body = make_body(200000, want);
	int fd = open_request(server, "/sum", 1000000);
	client_send(fd, body, 200000);
	close(fd);
	sem_wait(&ended);
	free(body);
	http_server_free(server);
	cr_expect(finished == 0, "a part was taken for the whole");
	cr_expect(told == 1 && last_status == 499, "told %d times, %d", told, last_status);
}

/* The request stands in the middle of its body, and no worker has it. */
Test(upload, stop_lets_go_of_what_is_half_received)
{
	struct http_server *server = open_server();
	char want[100], *body = make_body(70000, want);
	int fd = open_request(server, "/sum", 1000000);
	client_send(fd, body, 70000);
	http_server_free(server);
	struct client_answer got = client_finish(fd, false);
	cr_expect(got.status == 0 || got.status == 503, "got %d", got.status);
	cr_expect(finished == 0);
	client_free(&got);
	free(body);
}
