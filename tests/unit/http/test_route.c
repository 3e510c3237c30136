#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

#include "lib/http/internal.h"
#include "tests/unit/http/client.h"

Test(route, percent_decoding)
{
	static const struct {
		const char *in, *want; /* want NULL: refused */
	} cases[] = {
	    {"", ""},
	    {"plain", "plain"},
	    {"a%2Fb", "a/b"},
	    {"a%2fb", "a/b"},
	    {"%E5%8F%B0%E5%B1%B1", "台山"},
	    {"100%25", "100%"},
	    {"a+b", "a+b"},
	    {"%", NULL},
	    {"%2", NULL},
	    {"a%2", NULL},
	    {"%zz", NULL},
	    {"%2-", NULL},
	    {"%00", NULL},
	    {"a%00b", NULL},
	    {"%ff%fe", NULL},
	    {"%C0%AF", NULL},    /* overlong slash */
	    {"%ED%A0%80", NULL}, /* surrogate */
	    {"%E5%8F", NULL},    /* cut character */
	};
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		char *got = NULL;
		struct err err = {0};
		bool ok = route_decode(cases[i].in, strlen(cases[i].in), &got, &err);
		cr_expect(ok == (cases[i].want != NULL), "%s: got %d", cases[i].in, ok);
		if (ok)
			cr_expect_str_eq(got, cases[i].want, "%s: got %s, want %s", cases[i].in, got, cases[i].want);
		else
			cr_expect(err.kind == ERR_INVALID, "%s: got kind %d", cases[i].in, err.kind);
		free(got);
	}
}

static bool answer_params(struct http_request *request, void *context, struct err *err)
{
	(void)context;
	const char *a = http_param(request, "a"), *b = http_param(request, "b");
	json_t *json = json_pack("{s:s, s:s?, s:s?, s:b}", "path", http_path(request), "a", a, "b", b, "other",
	                         http_param(request, "other") != NULL);
	return http_reply_json(request, 200, json, err);
}

static const struct http_route routes[] = {
    {"GET", "/", answer_params, 0, 0},
    {"GET", "/studies", answer_params, 0, 0},
    {"GET", "/studies/{a}", answer_params, 0, 0},
    {"POST", "/studies/{a}", answer_params, 100, 0},
    {"GET", "/studies/{a}/x/{b}", answer_params, 0, 0},
    {"DELETE", "/tasks/{a}", answer_params, 0, 0},
};

Test(route, table)
{
	static const struct {
		const char *target;
		int status;
		const char *a, *b;
	} cases[] = {
	    {"/", 200, NULL, NULL},
	    {"/studies", 200, NULL, NULL},
	    {"/studies?x=1", 200, NULL, NULL},
	    {"/studies/", 404, NULL, NULL},
	    {"/studies/1", 200, "1", NULL},
	    {"/studies/1/", 404, NULL, NULL},
	    {"/studies/%E5%8F%B0", 200, "台", NULL},
	    {"/studies/a%2Fb", 200, "a/b", NULL},
	    {"/studies/..", 200, "..", NULL},
	    {"/studies/a/x/b", 200, "a", "b"},
	    {"/studies/a/y/b", 404, NULL, NULL},
	    {"/studies/a//b", 404, NULL, NULL},
	    {"//studies", 404, NULL, NULL},
	    {"/Studies", 404, NULL, NULL},
	    {"/studies/%zz", 400, NULL, NULL},
	    {"/studies/%00", 400, NULL, NULL},
	    {"/studies/%ff", 400, NULL, NULL},
	    {"/%73tudies", 404, NULL, NULL}, /* names of the table are not encoded */
	    {"/tasks/1", 405, NULL, NULL},
	    {"/none", 404, NULL, NULL},
	};
	struct http_server *server = client_server(routes, sizeof routes / sizeof routes[0]);
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		struct client_answer got = client_get(http_server_port(server), cases[i].target, "");
		cr_expect(got.status == cases[i].status, "%s: got %d, want %d", cases[i].target, got.status,
		          cases[i].status);
		json_t *json = json_loads(got.body == NULL ? "" : got.body, 0, NULL);
		if (got.status == 200) {
			const char *a = json_string_value(json_object_get(json, "a"));
			const char *b = json_string_value(json_object_get(json, "b"));
			cr_expect(strcmp(a ? a : "-", cases[i].a ? cases[i].a : "-") == 0, "%s: a is %s",
			          cases[i].target, a);
			cr_expect(strcmp(b ? b : "-", cases[i].b ? cases[i].b : "-") == 0, "%s: b is %s",
			          cases[i].target, b);
			cr_expect(json_is_false(json_object_get(json, "other")));
		}
		json_decref(json);
		client_free(&got);
	}
	http_server_free(server);
}

Test(route, wrong_method_names_the_right_ones)
{
	struct http_server *server = client_server(routes, sizeof routes / sizeof routes[0]);
	struct client_answer got =
	    client_ask(http_server_port(server), "PUT /studies/1 HTTP/1.1\r\nHost: t\r\nConnection: close\r\n\r\n");
	char *allow = client_header(&got, "Allow");
	cr_expect(got.status == 405, "got %d", got.status);
	cr_expect_str_eq(allow ? allow : "", "GET, HEAD, POST");
	free(allow);
	client_free(&got);
	http_server_free(server);
}

Test(route, head_is_get_without_body)
{
	struct http_server *server = client_server(routes, sizeof routes / sizeof routes[0]);
	struct client_answer got =
	    client_ask(http_server_port(server), "HEAD /studies/1 HTTP/1.1\r\nHost: t\r\nConnection: close\r\n\r\n");
	char *type = client_header(&got, "Content-Type");
	cr_expect(got.status == 200, "got %d", got.status);
	cr_expect(got.length == 0, "got %zu bytes", got.length);
	cr_expect_str_eq(type ? type : "", "application/json");
	free(type);
	client_free(&got);
	http_server_free(server);
}
