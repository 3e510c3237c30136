#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "tests/unit/http/client.h"

static bool answer_file(struct http_request *request, void *context, struct err *err)
{
	(void)context;
	FILE *file = tmpfile();
	cr_assert(file != NULL);
	fputs("0123456789", file);
	fflush(file);
	int fd = dup(fileno(file));
	fclose(file);
	return http_reply_file(request, "text/plain", fd, 10, err);
}

/* The same from memory, with a tag. */
static bool answer_taken(struct http_request *request, void *context, struct err *err)
{
	(void)context;
	bool is_settled;
	if (!http_weigh_tag(request, "\"e\"", &is_settled, err))
		return false;
	return is_settled || http_reply_taken(request, "text/plain", (uint8_t *)strdup("0123456789"), 10, err);
}

static bool answer_headers(struct http_request *request, void *context, struct err *err)
{
	(void)context;
	struct err refused = {0};
	cr_assert(!http_add_header(request, "X-A", "a\r\nX-B: b", &refused));
	cr_assert(!http_add_header(request, "X A", "a", &refused));
	cr_assert(!http_add_header(request, "", "a", &refused));
	return http_add_header(request, "X-A", "a", err) &&
	       http_add_header(request, "cache-control", "max-age=60", err) && http_reply_empty(request, 204, err);
}

static bool answer_error(struct http_request *request, void *context, struct err *err)
{
	(void)context;
	int kind = (int)strtol(http_query(request, "kind"), NULL, 10);
	int code = (int)strtol(http_query(request, "code"), NULL, 10);
	err_set(err, (enum err_kind)kind, "cannot do it: 台山 \"quoted\"");
	if (code != 0)
		err_code(err, ERR_SOURCE_HTTP, (uint32_t)code);
	return false;
}

/* A text of the length that the query says, so that the whole JSON has 4 bytes more; secret=1: kept plain. */
static bool answer_json(struct http_request *request, void *context, struct err *err)
{
	(void)context;
	size_t length = strtoul(http_query(request, "length"), NULL, 10);
	char *text = calloc(1, length + 1);
	memset(text, 'x', length);
	if (http_query(request, "secret") != NULL)
		http_keep_plain(request);
	json_t *json = json_array();
	json_array_append_new(json, json_string(text));
	free(text);
	return http_reply_json(request, 200, json, err);
}

static bool answer_tagged(struct http_request *request, void *context, struct err *err)
{
	(void)context;
	static const char lasting[] = "lasting";
	if (!http_add_header(request, "ETag", "\"t\"", err))
		return false;
	int status = http_has_tag(request, "\"t\"") ? 304 : 200;
	return http_reply_lasting(request, status, "text/plain", lasting, strlen(lasting), err);
}

static const struct http_route routes[] = {
    {"GET", "/json", answer_json, 0, 0},   {"GET", "/tagged", answer_tagged, 0, 0},
    {"GET", "/file", answer_file, 0, 0},   {"GET", "/headers", answer_headers, 0, 0},
    {"GET", "/error", answer_error, 0, 0}, {"GET", "/taken", answer_taken, 0, 0},
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
TestSuite(reply, .init = start, .fini = stop);

Test(reply, conditions)
{
	static const struct {
		const char *headers;
		int status;
		const char *body;
	} cases[] = {
	    {"", 200, "0123456789"},
	    {"Range: bytes=2-4\r\n", 206, "234"},
	    {"Range: bytes=-100\r\n", 206, "0123456789"},
	    {"Range: bytes=10-\r\n", 416, NULL},
	    {"Range: bytes=2-4\r\nIf-Range: \"e\"\r\n", 206, "234"},
	    {"Range: bytes=2-4\r\nIf-Range: W/\"e\"\r\n", 200, "0123456789"},
	    {"Range: bytes=2-4\r\nIf-Range: \"f\"\r\n", 200, "0123456789"},
	    {"Range: bytes=2-4\r\nIf-Range: Sat, 28 Nov 2026 17:00:00 GMT\r\n", 200, "0123456789"},
	    {"If-None-Match: \"f\"\r\n", 200, "0123456789"},
	    {"If-None-Match: \"e\"\r\n", 304, ""},
	    {"If-None-Match: W/\"e\"\r\n", 304, ""},
	    {"If-None-Match: *\r\nRange: bytes=2-4\r\n", 304, ""},
	    {"If-Match: \"e\"\r\n", 200, "0123456789"},
	    {"If-Match: *\r\n", 200, "0123456789"},
	    {"If-Match: \"f\"\r\n", 412, NULL},
	    {"If-Match: W/\"e\"\r\n", 412, NULL},
	    {"If-Match: \"e\"\r\nIf-None-Match: \"e\"\r\n", 304, ""},
	};
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		struct client_answer got = client_get(http_server_port(server), "/taken", cases[i].headers);
		cr_expect(got.status == cases[i].status, "%s: got %d", cases[i].headers, got.status);
		cr_expect(cases[i].body == NULL || strcmp(got.body, cases[i].body) == 0, "%s: got %s", cases[i].headers,
		          got.body);
		client_free(&got);
	}
}

Test(reply, ranges)
{
	static const struct {
		const char *headers;
		int status;
		const char *body, *content_range;
	} cases[] = {
	    {"", 200, "0123456789", NULL},
	    {"Range: bytes=0-0\r\n", 206, "0", "bytes 0-0/10"},
	    {"Range: bytes=2-4\r\n", 206, "234", "bytes 2-4/10"},
	    {"Range: bytes=5-\r\n", 206, "56789", "bytes 5-9/10"},
	    {"Range: bytes=5-100\r\n", 206, "56789", "bytes 5-9/10"},
	    {"Range: bytes=-3\r\n", 206, "789", "bytes 7-9/10"},
	    {"Range: bytes=-100\r\n", 206, "0123456789", "bytes 0-9/10"},
	    {"Range: bytes=10-\r\n", 416, NULL, "bytes */10"},
	    {"Range: bytes=-0\r\n", 416, NULL, "bytes */10"},
	    {"Range: bytes=4-2\r\n", 200, "0123456789", NULL},
	    {"Range: bytes=0-1,3-4\r\n", 200, "0123456789", NULL},
	    {"Range: bytes=99999999999999999999999-\r\n", 200, "0123456789", NULL},
	    {"Range: lines=1-2\r\n", 200, "0123456789", NULL},
	    {"Range: bytes=x\r\n", 200, "0123456789", NULL},
	    {"Range: bytes=2-4\r\nIf-Range: \"e\"\r\n", 200, "0123456789", NULL},
	};
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		struct client_answer got = client_get(http_server_port(server), "/file", cases[i].headers);
		char *range = client_header(&got, "Content-Range");
		cr_expect(got.status == cases[i].status, "%s: got %d", cases[i].headers, got.status);
		if (cases[i].body != NULL)
			cr_expect_str_eq(got.body, cases[i].body, "%s: got %s", cases[i].headers, got.body);
		cr_expect_str_eq(range ? range : "-", cases[i].content_range ? cases[i].content_range : "-");
		free(range);
		client_free(&got);
	}
}

Test(reply, common_headers)
{
	static const struct {
		const char *target, *name, *want;
	} cases[] = {
	    {"/file", "X-Content-Type-Options", "nosniff"},
	    {"/file", "Referrer-Policy", "no-referrer"},
	    {"/file", "Cache-Control", "no-store"},
	    {"/nothing", "Cache-Control", "no-store"},
	    {"/headers", "Cache-Control", "max-age=60"},
	    {"/headers", "X-A", "a"},
	    {"/headers", "X-B", NULL},
	};
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		struct client_answer got = client_get(http_server_port(server), cases[i].target, "");
		char *value = client_header(&got, cases[i].name), *id = client_header(&got, "X-Request-Id");
		cr_expect_str_eq(value ? value : "-", cases[i].want ? cases[i].want : "-", "%s %s: got %s",
		                 cases[i].target, cases[i].name, value);
		cr_expect(id != NULL && strlen(id) == 36);
		free(value);
		free(id);
		client_free(&got);
	}
}

Test(reply, problems)
{
	static const struct {
		int kind, code, status;
		bool tells;
	} cases[] = {
	    {ERR_INVALID, 0, 400, true},    {ERR_REFUSED, 401, 401, true}, {ERR_REFUSED, 0, 403, true},
	    {ERR_NOT_FOUND, 0, 404, true},  {ERR_CONFLICT, 0, 409, true},  {ERR_REFUSED, 429, 429, true},
	    {ERR_TEMPORARY, 0, 503, false}, {ERR_CORRUPT, 0, 500, false},  {ERR_NO_SPACE, 0, 507, false},
	    {ERR_INVALID, 1000, 400, true},
	};
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		char target[60];
		snprintf(target, sizeof target, "/error?kind=%d&code=%d", cases[i].kind, cases[i].code);
		struct client_answer got = client_get(http_server_port(server), target, "");
		char *type = client_header(&got, "Content-Type"), *id = client_header(&got, "X-Request-Id");
		json_t *json = json_loads(got.body ? got.body : "", 0, NULL);
		const char *detail = json_string_value(json_object_get(json, "detail"));
		const char *request = json_string_value(json_object_get(json, "request_id"));
		cr_expect(got.status == cases[i].status, "%s: got %d, want %d", target, got.status, cases[i].status);
		cr_expect(json_integer_value(json_object_get(json, "status")) == got.status);
		cr_expect_str_eq(type ? type : "", "application/problem+json");
		cr_expect_str_eq(json_string_value(json_object_get(json, "kind")),
		                 err_kind_info((enum err_kind)cases[i].kind)->name);
		cr_expect((strstr(detail, "台山 \"quoted\"") != NULL) == cases[i].tells, "%s: detail %s", target,
		          detail);
		cr_expect_str_eq(request, id ? id : "");
		free(type);
		free(id);
		json_decref(json);
		client_free(&got);
	}
}

Test(reply, json_is_packed_where_it_may)
{
	static const struct {
		const char *target, *headers, *encoding, *vary;
	} cases[] = {
	    {"/json?length=1019", "Accept-Encoding: gzip\r\n", "-", "-"},
	    {"/json?length=1020", "Accept-Encoding: gzip\r\n", "gzip", "Accept-Encoding"},
	    {"/json?length=1020", "", "-", "Accept-Encoding"},
	    {"/json?length=1020", "Accept-Encoding: br\r\n", "-", "Accept-Encoding"},
	    {"/json?length=90000", "Accept-Encoding: deflate, gzip;q=0.5\r\n", "gzip", "Accept-Encoding"},
	    {"/json?length=90000&secret=1", "Accept-Encoding: gzip\r\n", "-", "-"},
	};
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		struct client_answer got = client_get(http_server_port(server), cases[i].target, cases[i].headers);
		char *encoding = client_header(&got, "Content-Encoding"), *vary = client_header(&got, "Vary");
		size_t whole = strtoul(strchr(cases[i].target, '=') + 1, NULL, 10) + 4;
		cr_expect(got.status == 200 && got.whole);
		cr_expect_str_eq(encoding ? encoding : "-", cases[i].encoding, "case %zu: got %s", i, encoding);
		cr_expect_str_eq(vary ? vary : "-", cases[i].vary, "case %zu: got %s", i, vary);
		cr_expect(encoding ? got.length < whole / 10 : got.length == whole, "case %zu: %zu bytes", i,
		          got.length);
		free(encoding);
		free(vary);
		client_free(&got);
	}
}

Test(reply, not_modified)
{
	struct client_answer got = client_get(http_server_port(server), "/tagged", "");
	cr_expect(got.status == 200);
	cr_expect_str_eq(got.body, "lasting");
	client_free(&got);
	got = client_get(http_server_port(server), "/tagged", "If-None-Match: \"u\", \"t\"\r\n");
	char *tag = client_header(&got, "ETag"), *length = client_header(&got, "Content-Length");
	cr_expect(got.status == 304 && got.length == 0, "got %d with %zu bytes", got.status, got.length);
	cr_expect_str_eq(tag ? tag : "-", "\"t\"");
	cr_expect_str_eq(length ? length : "7", "7", "the length of a 304 is that of the 200: got %s", length);
	free(tag);
	free(length);
	client_free(&got);
}
