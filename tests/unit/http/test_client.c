/* Requests to peers that answer, that lie, that hang at every phase, and that are not there. */
#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/base/clock.h"
#include "lib/http/client.h"
#include "tests/support/peer.h"

enum { ANSWER_MAX = 4096, PATIENCE_MS = 300 };

static struct http_peer peer_at(uint16_t port, const char *scheme)
{
	static char url[64];
	struct http_peer peer = {url, "", "", "", "", "", "", 2000, PATIENCE_MS};

	snprintf(url, sizeof url, "%s://127.0.0.1:%u/", scheme, port);
	return peer;
}

static struct http_client *client_of(const struct http_peer *peer)
{
	struct http_client *client;
	struct err err;

	cr_assert(http_client_new(peer, &client, &err), "%s", err.text);
	return client;
}

static bool post(struct http_client *client, const char *body, struct http_answer *answer, struct err *err)
{
	static const char *const headers[] = {"Content-Type: text/plain", NULL};
	struct http_bytes bytes = {body, strlen(body)};
	struct http_source source = http_source_of(&bytes);
	struct http_ask ask = {
	    .method = "POST", .path = "/x", .headers = headers, .source = &source, .answer_max = ANSWER_MAX};

	return http_client_ask(client, &ask, answer, err);
}

static bool get(struct http_client *client, struct http_answer *answer, struct err *err)
{
	struct http_ask ask = {.method = "GET", .path = "/y", .answer_max = ANSWER_MAX};

	return http_client_ask(client, &ask, answer, err);
}

/* ---- what goes out --------------------------------------------------------------------------------------------------------- */

Test(http_client, a_request_goes_out_as_it_should)
{
	static const struct peer_script fine = {.answer = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"};
	struct peer *server = peer_start(&fine, 1);
	struct http_peer peer = peer_at(peer_port(server), "http");
	struct http_client *client;
	struct http_answer answer;
	struct err err;

	peer.user = "me";
	peer.password = "secret";
	client = client_of(&peer);
	cr_assert(post(client, "body", &answer, &err), "%s", err.text);
	cr_expect_eq(answer.status, 200);
	cr_expect_not(answer.is_cut);
	cr_expect_str_eq(answer.body.data, "ok");
	http_answer_fini(&answer);
	http_client_free(client);
	cr_expect(strncmp(peer_request(server, NULL), "POST /x HTTP/1.1\r\n", 18) == 0, "%s",
	          peer_request(server, NULL));
	cr_expect(strstr(peer_request(server, NULL), "Authorization: Basic bWU6c2VjcmV0\r\n"));
	cr_expect(strstr(peer_request(server, NULL), "Content-Length: 4\r\n"));
	cr_expect_not(strstr(peer_request(server, NULL), "Expect"), "nobody waits for a 100");
	cr_expect_not(strstr(peer_request(server, NULL), "Accept-Encoding"), "nothing is decompressed");
	cr_expect(strstr(peer_request(server, NULL), "\r\n\r\nbody"));
	peer_stop(server);
}

Test(http_client, a_token_goes_before_a_password)
{
	static const struct peer_script fine = {.answer = "HTTP/1.1 204 No Content\r\n\r\n"};
	struct peer *server = peer_start(&fine, 1);
	struct http_peer peer = peer_at(peer_port(server), "http");
	struct http_client *client;
	struct http_answer answer;
	struct err err;

	peer.user = peer.password = "me";
	peer.token = "abc";
	client = client_of(&peer);
	cr_assert(get(client, &answer, &err), "%s", err.text);
	cr_expect_eq(answer.status, 204);
	http_answer_fini(&answer);
	http_client_free(client);
	cr_expect(strstr(peer_request(server, NULL), "Authorization: Bearer abc\r\n"), "%s",
	          peer_request(server, NULL));
	peer_stop(server);
}

/* A kept connection that the peer has closed meanwhile is no fault; the body is read anew. */
Test(http_client, one_connection_after_another)
{
	static const struct peer_script fine = {.answer = "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"};
	struct peer *server = peer_start(&fine, 1);
	struct http_peer peer = peer_at(peer_port(server), "http");
	struct http_client *client = client_of(&peer);
	struct http_answer answer;
	struct err err;

	for (int i = 0; i < 3; i++) {
		cr_assert(post(client, "body", &answer, &err), "%d: %s", i, err.text);
		http_answer_fini(&answer);
		cr_expect(strstr(peer_request(server, NULL), "\r\n\r\nbody"));
	}
	cr_expect_eq(peer_connections(server), 3);
	http_client_free(client);
	peer_stop(server);
}

/* ---- what comes back ------------------------------------------------------------------------------------------------------------ */

static const struct {
	const char *what;
	struct peer_script script;
	int want_status; /* 0: no answer, of this kind: */
	enum err_kind want_kind;
	bool want_cut;
} cases[] = {
    {"closed without a word", {.answer = NULL}, 0, ERR_UNKNOWN_OUTCOME, false},
    {"silent", {.hangs = true}, 0, ERR_UNKNOWN_OUTCOME, false},
    {"a head without end", {.answer = "HTTP/1.1 200 OK\r\nX: y\r\n", .hangs = true}, 0, ERR_UNKNOWN_OUTCOME, false},
    {"a head that drips",
     {.answer = "HTTP/1.1 200 OK\r\nX: ", .repeat = 100000, .drip_ms = 20},
     0,
     ERR_UNKNOWN_OUTCOME,
     false},
    {"something else than HTTP", {.answer = "\x0bMSH|^~\\&|\x1c\r"}, 0, ERR_UNKNOWN_OUTCOME, false},
    {"only a 100", {.answer = "HTTP/1.1 100 Continue\r\n\r\n", .hangs = true}, 0, ERR_UNKNOWN_OUTCOME, false},
    {"a 100 and the answer",
     {.answer = "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 201 Created\r\nContent-Length: 0\r\n\r\n"},
     201,
     ERR_NONE,
     false},
    {"a body cut off", {.answer = "HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\n12345"}, 200, ERR_NONE, true},
    {"a body that hangs",
     {.answer = "HTTP/1.1 409 No\r\nContent-Length: 10\r\n\r\n12345", .hangs = true},
     409,
     ERR_NONE,
     true},
    {"a body that drips", {.answer = "HTTP/1.1 200 OK\r\n\r\nx", .repeat = 100000, .drip_ms = 20}, 200, ERR_NONE, true},
    {"a body without end", {.answer = "HTTP/1.1 200 OK\r\n\r\nx", .repeat = 100000}, 200, ERR_NONE, true},
    {"an early answer",
     {.is_deaf = true, .answer = "HTTP/1.1 413 Large\r\nContent-Length: 0\r\nConnection: close\r\n\r\n", .hangs = true},
     413,
     ERR_NONE,
     false},
    {"a redirect",
     {.answer = "HTTP/1.1 307 Go\r\nLocation: http://127.0.0.1:1/\r\nContent-Length: 0\r\n\r\n"},
     307,
     ERR_NONE,
     false},
};

Test(http_client, peers_are_not_trusted, .timeout = 60)
{
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		struct peer *server = peer_start(&cases[i].script, 1);
		struct http_peer peer = peer_at(peer_port(server), "http");
		struct http_client *client = client_of(&peer);
		struct http_answer answer;
		struct err err = {0};
		bool ok = post(client, "body", &answer, &err);

		cr_expect_eq(ok, cases[i].want_status != 0, "%s: %s", cases[i].what, err.text);
		if (ok) {
			cr_expect_eq(answer.status, cases[i].want_status, "%s: got %d", cases[i].what, answer.status);
			cr_expect_eq(answer.is_cut, cases[i].want_cut, "%s", cases[i].what);
			cr_expect_leq(answer.body.length, (size_t)ANSWER_MAX);
			http_answer_fini(&answer);
		} else {
			cr_expect_eq(err.kind, cases[i].want_kind, "%s: %d %s", cases[i].what, err.kind, err.text);
		}
		http_client_free(client);
		peer_stop(server);
	}
}

Test(http_client, a_question_without_an_answer_has_changed_nothing)
{
	static const struct peer_script silent = {.hangs = true};
	struct peer *server = peer_start(&silent, 1);
	struct http_peer peer = peer_at(peer_port(server), "http");
	struct http_client *client = client_of(&peer);
	struct http_answer answer;
	struct err err;

	cr_assert_not(get(client, &answer, &err));
	cr_expect_eq(err.kind, ERR_TEMPORARY, "%s", err.text);
	http_client_free(client);
	peer_stop(server);
}

Test(http_client, a_wish_to_be_left_alone_is_heard)
{
	static const struct peer_script busy[] = {
	    {.answer = "HTTP/1.1 503 No\r\nRetry-After: 7\r\nContent-Length: 0\r\n\r\n"},
	    {.answer = "HTTP/1.1 503 No\r\nRetry-After: 999999999\r\nContent-Length: 0\r\n\r\n"},
	    {.answer = "HTTP/1.1 503 No\r\nContent-Length: 0\r\n\r\n"}};
	static const int64_t want_ms[] = {7000, 6 * 3600 * 1000, 0};
	struct peer *server = peer_start(busy, 3);
	struct http_peer peer = peer_at(peer_port(server), "http");
	struct http_client *client = client_of(&peer);
	struct http_answer answer;
	struct err err;

	for (int i = 0; i < 3; i++) {
		cr_assert(get(client, &answer, &err), "%s", err.text);
		cr_expect_eq(answer.retry_after_ms, want_ms[i], "%d: %lld", i, (long long)answer.retry_after_ms);
		http_answer_fini(&answer);
	}
	http_client_free(client);
	peer_stop(server);
}

/* ---- the way ------------------------------------------------------------------------------------------------------------------------ */

static void expect_way(struct http_client *client, enum http_phase want, const char *what)
{
	struct http_answer answer;
	struct http_way way;
	struct err err;

	cr_expect_not(post(client, "body", &answer, &err), "%s", what);
	cr_expect_eq(err.kind, ERR_TEMPORARY, "%s: %s", what, err.text);
	http_client_way(client, &way);
	cr_expect_eq(way.reached, want, "%s: reached %d", what, way.reached);
	http_client_free(client);
}

Test(http_client, says_how_far_it_came)
{
	static const struct peer_script plain = {.is_deaf = true, .answer = "HTTP/1.1 200 OK\r\n\r\n"},
	                                silent = {.hangs = true};
	struct http_peer peer = peer_at(peer_closed_port(), "http");
	struct peer *server = peer_start(&plain, 1);

	expect_way(client_of(&peer), HTTP_PHASE_TCP, "nobody there");
	peer = peer_at(peer_port(server), "https");
	expect_way(client_of(&peer), HTTP_PHASE_TLS, "a peer without TLS");
	peer_stop(server);
	server = peer_start(&silent, 1);
	peer = peer_at(peer_port(server), "https");
	peer.connect_timeout_ms = 300;
	expect_way(client_of(&peer), HTTP_PHASE_TLS, "one that hangs in the handshake");
	peer_stop(server);
}

/* Neither files nor other protocols, and no credentials that stand in the open. */
Test(http_client, an_address_that_is_none_is_not_asked)
{
	static const char *const forms[][2] = {{"ftp://127.0.0.1:", "/"},
	                                       {"gopher://127.0.0.1:", "/"},
	                                       {"dict://127.0.0.1:", "/"},
	                                       {"http://a:b@127.0.0.1:", "/"},
	                                       {"file:///etc/passwd?", ""}};
	static const struct peer_script any = {.answer = "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n",
	                                       .is_deaf = true};
	struct peer *server = peer_start(&any, 1);
	struct http_ask ask = {.method = "GET", .path = "", .answer_max = ANSWER_MAX};

	for (size_t i = 0; i < sizeof forms / sizeof forms[0]; i++) {
		struct http_peer peer = peer_at(1, "http");
		struct http_answer answer;
		struct http_client *client;
		char url[80];
		struct err err;

		snprintf(url, sizeof url, "%s%u%s", forms[i][0], peer_port(server), forms[i][1]);
		peer.url = url;
		client = client_of(&peer);
		cr_expect_not(http_client_ask(client, &ask, &answer, &err), "%s", url);
		cr_expect_eq(err.kind, ERR_TEMPORARY, "%s: %s", url, err.text);
		http_client_free(client);
	}
	cr_expect_eq(peer_connections(server), 0, "nothing was asked");
	peer_stop(server);
}

Test(http_client, a_certificate_needs_its_key)
{
	struct http_peer peer = peer_at(1, "https");
	struct http_client *client;
	struct err err;

	peer.certificate_pem = "-----BEGIN CERTIFICATE-----";
	cr_expect_not(http_client_new(&peer, &client, &err));
	cr_expect_eq(err.kind, ERR_TEMPORARY);
}

/* ---- a bare line ----------------------------------------------------------------------------------------------------------------------- */

Test(http_client, a_line_carries_bytes_both_ways)
{
	static const struct peer_script echo = {.answer = "\x0b"
	                                                  "back\x1c\r"};
	struct peer *server = peer_start(&echo, 1);
	struct http_peer peer = peer_at(peer_port(server), "http");
	struct http_client *line;
	char bytes[32];
	size_t got, length = 0;
	struct err err;

	cr_assert(http_line_open(&peer, &line, NULL, &err), "%s", err.text);
	cr_assert(http_line_send(line, "\x0bthere\x1c\r", 8, &err), "%s", err.text);
	do {
		cr_assert(http_line_receive(line, bytes + length, sizeof bytes - length, clock_monotonic_ms() + 5000,
		                            &got, &err),
		          "%s", err.text);
		length += got;
	} while (got > 0);
	cr_expect_eq(length, 7);
	cr_expect_arr_eq(bytes,
	                 "\x0b"
	                 "back\x1c\r",
	                 7);
	http_client_free(line);
	cr_expect_str_eq(peer_request(server, NULL), "\x0bthere\x1c\r");
	peer_stop(server);
}

Test(http_client, a_line_does_not_wait_for_ever)
{
	static const struct peer_script deaf = {.is_deaf = true, .hangs = false, .answer = NULL};
	static const struct peer_script silent = {.hangs = true};
	struct peer *server = peer_start(&silent, 1);
	struct http_peer peer = peer_at(peer_port(server), "http");
	struct http_client *line;
	char bytes[32];
	size_t got;
	struct err err;

	cr_assert(http_line_open(&peer, &line, NULL, &err), "%s", err.text);
	cr_expect_not(http_line_receive(line, bytes, sizeof bytes, clock_monotonic_ms() + 50, &got, &err));
	cr_expect_eq(err.kind, ERR_TEMPORARY);
	http_client_free(line);
	peer_stop(server);
	server = peer_start(&deaf, 1);
	peer = peer_at(peer_port(server), "http");
	cr_assert(http_line_open(&peer, &line, NULL, &err), "%s", err.text);
	cr_expect(http_line_receive(line, bytes, sizeof bytes, clock_monotonic_ms() + 5000, &got, &err) && got == 0,
	          "closed");
	http_client_free(line);
	peer_stop(server);
	peer = peer_at(peer_closed_port(), "http");
	cr_expect_not(http_line_open(&peer, &line, NULL, &err));
	cr_expect_eq(err.kind, ERR_TEMPORARY);
}
