#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/base/text.h"
#include "tests/unit/http/client.h"

enum { BODY_MAX = 2000 };

static bool answer_all(struct http_request *request, void *context, struct err *err)
{
	(void)context;
	return http_reply_json(request, 200,
	                       json_pack("{s:s?, s:s?, s:s?, s:s?, s:s}", "q", http_query(request, "q"), "empty",
	                                 http_query(request, "empty"), "cookie", http_cookie(request, "session"),
	                                 "header", http_header(request, "x-test"), "peer", http_peer(request)),
	                       err);
}

static bool answer_json(struct http_request *request, void *context, struct err *err)
{
	(void)context;
	json_t *json, *again;
	if (!http_body_json(request, &json, err) || !http_body_json(request, &again, err))
		return false;
	cr_assert(json == again);
	return http_reply_json(request, 200, json_incref(json), err);
}

static bool answer_raw(struct http_request *request, void *context, struct err *err)
{
	(void)context;
	const void *bytes;
	size_t length;
	http_body(request, &bytes, &length);
	return http_reply_bytes(request, 200, "application/octet-stream", bytes, length, err);
}

static const struct http_route routes[] = {
    {"GET", "/all", answer_all, 0, 0},
    {"POST", "/json", answer_json, BODY_MAX, 0},
    {"POST", "/raw", answer_raw, BODY_MAX, 0},
    {"POST", "/nobody", answer_raw, 0, 0},
};

static struct http_server *server;
static void start(void)
{
	server = client_server(routes, sizeof routes / sizeof routes[0]);
}
static void stop(void)
{
	http_server_free(server);
}
TestSuite(request, .init = start, .fini = stop);

static struct client_answer post(const char *target, const char *type, const char *bytes, size_t length)
{
	struct text_buf text;
	text_buf_init(&text, 4 * 1024 * 1024);
	cr_assert(text_buf_printf(&text,
	                          "POST %s HTTP/1.1\r\nHost: t\r\nConnection: close\r\nContent-Type: %s\r\n"
	                          "Content-Length: %zu\r\n\r\n",
	                          target, type, length));
	cr_assert(text_buf_append(&text, bytes, length));
	int fd = client_open(http_server_port(server));
	client_send(fd, text.data, text.length);
	text_buf_fini(&text);
	return client_finish(fd, false);
}

Test(request, query_header_cookie)
{
	static const struct {
		const char *target, *headers, *q, *empty, *cookie, *header;
		int status;
	} cases[] = {
	    {"/all", "", NULL, NULL, NULL, NULL, 200},
	    {"/all?q=1&q=2", "X-TEST: v\r\n", "1", NULL, NULL, "v", 200},
	    {"/all?q=%E5%8F%B0+x%2By&empty", "Cookie: a=b; session=abc; c=d\r\n", "台 x+y", "", "abc", NULL, 200},
	    {"/all?empty=&Q=1", "Cookie: session=\r\n", NULL, "", "", NULL, 200},
	    {"/all?q=%zz", "", NULL, NULL, NULL, NULL, 400},
	    {"/all?q=%00", "", NULL, NULL, NULL, NULL, 400},
	    {"/all?q=%ff", "", NULL, NULL, NULL, NULL, 400},
	    {"/all?%ff=1", "", NULL, NULL, NULL, NULL, 400},
	};
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		struct client_answer got = client_get(http_server_port(server), cases[i].target, cases[i].headers);
		cr_expect(got.status == cases[i].status, "%s: got %d", cases[i].target, got.status);
		if (got.status == 200) {
			json_t *json = json_loads(got.body, 0, NULL);
			const char *want[] = {cases[i].q, cases[i].empty, cases[i].cookie, cases[i].header,
			                      "127.0.0.1"};
			const char *names[] = {"q", "empty", "cookie", "header", "peer"};
			for (size_t k = 0; k < 5; k++) {
				const char *value = json_string_value(json_object_get(json, names[k]));
				cr_expect_str_eq(value ? value : "(none)", want[k] ? want[k] : "(none)", "%s: %s is %s",
				                 cases[i].target, names[k], value);
			}
			json_decref(json);
		}
		client_free(&got);
	}
}

Test(request, too_many_arguments)
{
	struct text_buf target;
	text_buf_init(&target, 10000);
	cr_assert(text_buf_printf(&target, "/all?q=1"));
	for (int i = 0; i < 100; i++)
		cr_assert(text_buf_printf(&target, "&a%d=1", i));
	struct client_answer got = client_get(http_server_port(server), target.data, "");
	cr_expect(got.status == 400, "got %d", got.status);
	client_free(&got);
	text_buf_fini(&target);
}

Test(request, json_bodies)
{
	static const struct {
		const char *type, *body;
		int status;
	} cases[] = {
	    {"application/json", "{\"a\":1}", 200},
	    {"Application/JSON; charset=utf-8", "{\"a\":\"台山\"}", 200},
	    {"application/json", "{\"a\":\"[[[[{{{{\\\"[[[[\"}", 200},
	    {"application/jsonp", "{}", 415},
	    {"text/plain", "{}", 415},
	    {"application/json", "", 400},
	    {"application/json", "[1]", 400},
	    {"application/json", "\"text\"", 400},
	    {"application/json", "null", 400},
	    {"application/json", "{\"a\":1", 400},
	    {"application/json", "{\"a\":1} {}", 400},
	    {"application/json", "{\"a\":1,\"a\":2}", 400},
	    {"application/json", "{\"a\":\"\xff\xfe\"}", 400},
	    {"application/json", "{\"a\":\"\\u0000\"}", 400},
	    {"application/json", "{\"a\":\"\\ud800\"}", 400},
	    {"application/json", "{\"a\":1e999}", 400},
	    {"application/json", "{\"a\":NaN}", 400},
	    {"application/json", "{'a':1}", 400},
	};
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		struct client_answer got = post("/json", cases[i].type, cases[i].body, strlen(cases[i].body));
		cr_expect(got.status == cases[i].status, "%s %s: got %d, want %d", cases[i].type, cases[i].body,
		          got.status, cases[i].status);
		client_free(&got);
	}
}

Test(request, json_depth)
{
	for (int depth = 31; depth <= 33; depth++) {
		struct text_buf body;
		text_buf_init(&body, BODY_MAX);
		cr_assert(text_buf_printf(&body, "{\"a\":"));
		for (int i = 1; i < depth; i++)
			cr_assert(text_buf_append(&body, "[", 1));
		for (int i = 1; i < depth; i++)
			cr_assert(text_buf_append(&body, "]", 1));
		cr_assert(text_buf_append(&body, "}", 1));
		struct client_answer got = post("/json", "application/json", body.data, body.length);
		cr_expect(got.status == (depth <= 32 ? 200 : 400), "depth %d: got %d", depth, got.status);
		client_free(&got);
		text_buf_fini(&body);
	}
}

Test(request, body_limits)
{
	static char bytes[3 * 1024 * 1024];
	memset(bytes, 'x', sizeof bytes);
	static const struct {
		const char *target;
		size_t length;
		int status;
	} cases[] = {
	    {"/raw", 0, 200},    {"/raw", 1, 200},    {"/raw", BODY_MAX, 200}, {"/raw", BODY_MAX + 1, 413},
	    {"/nobody", 0, 200}, {"/nobody", 1, 413}, {"/raw", 100000, 413},
	};
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		struct client_answer got = post(cases[i].target, "text/plain", bytes, cases[i].length);
		cr_expect(got.status == cases[i].status, "%s %zu: got %d, want %d", cases[i].target, cases[i].length,
		          got.status, cases[i].status);
		if (got.status == 200)
			cr_expect(got.length == cases[i].length, "got %zu bytes of %zu", got.length, cases[i].length);
		client_free(&got);
	}
}

/* Chunked bodies announce no length: what is too much is only known as it comes. */
static struct client_answer post_chunks(const char *target, size_t chunks, size_t size)
{
	char *chunk = malloc(size);
	cr_assert(chunk != NULL);
	memset(chunk, 'y', size);
	char text[200];
	int length =
	    snprintf(text, sizeof text,
	             "POST %s HTTP/1.1\r\nHost: t\r\nConnection: close\r\nTransfer-Encoding: chunked\r\n\r\n", target);
	int fd = client_open(http_server_port(server));
	client_send(fd, text, (size_t)length);
	for (size_t i = 0; i < chunks; i++) {
		length = snprintf(text, sizeof text, "%zx\r\n", size);
		client_send(fd, text, (size_t)length);
		client_send(fd, chunk, size);
		client_send(fd, "\r\n", 2);
	}
	client_send(fd, "0\r\n\r\n", 5);
	free(chunk);
	return client_finish(fd, false);
}

Test(request, chunked_bodies)
{
	struct client_answer got = post_chunks("/raw", 20, 100);
	cr_expect(got.status == 200 && got.length == 2000, "got %d with %zu bytes", got.status, got.length);
	client_free(&got);
	got = post_chunks("/raw", 21, 100);
	cr_expect(got.status == 413, "got %d", got.status);
	client_free(&got);
	got = post_chunks("/nobody", 1, 1);
	cr_expect(got.status == 413, "got %d", got.status);
	client_free(&got);
}

Test(request, endless_body_is_cut_off)
{
	struct client_answer got = post_chunks("/raw", 200, 65536);
	cr_expect(got.status != 200, "got %d", got.status);
	client_free(&got);
}
