#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/base/text.h"
#include "tests/unit/http/client.h"

struct counter {
	int next, until, fail_at, handed;
};

static int ended, handed;

static bool produce(void *stream, struct text_buf *out, bool *end, struct err *err)
{
	struct counter *counter = stream;
	if (counter->next == counter->fail_at)
		return err_set(err, ERR_CORRUPT, "cannot go on");
	if (counter->next < counter->until && !text_buf_printf(out, "%d\n", counter->next))
		return err_set(err, ERR_NO_SPACE, "chunk too large");
	counter->next++;
	*end = counter->next >= counter->until;
	return true;
}

/* Two of three lines are there without waiting, but for the last. */
static size_t at_hand(void *stream, char *out, size_t size)
{
	struct counter *counter = stream;
	char line[16];
	if (counter->next % 3 == 0 || counter->next >= counter->until - 1)
		return 0;
	int length = snprintf(line, sizeof line, "%d\n", counter->next);
	if ((size_t)length > size)
		return 0;
	memcpy(out, line, (size_t)length);
	counter->next++;
	counter->handed++;
	return (size_t)length;
}

static void fini(void *stream)
{
	const struct counter *counter = stream;
	handed = counter->handed;
	__atomic_add_fetch(&ended, 1, __ATOMIC_SEQ_CST);
	free(stream);
}

static bool answer_stream(struct http_request *request, void *context, struct err *err)
{
	(void)context;
	struct counter *counter = calloc(1, sizeof *counter);
	cr_assert(counter != NULL);
	counter->until = (int)strtol(http_query(request, "until"), NULL, 10);
	counter->fail_at = (int)strtol(http_query(request, "fail"), NULL, 10);
	struct http_stream stream = {.produce = produce, .fini = fini, .stream = counter};
	if (http_query(request, "length") != NULL)
		stream.length = strtoull(http_query(request, "length"), NULL, 10);
	if (http_query(request, "hand") != NULL)
		stream.at_hand = at_hand;
	return http_reply_stream(request, 200, "text/plain", &stream, err);
}

static const struct http_route routes[] = {{"GET", "/stream", answer_stream, 0, 0}};

Test(stream, what_is_at_hand_comes_in_its_place_and_the_length_is_told)
{
	struct http_server *server = client_server(routes, 1);
	struct client_answer got =
	    client_get(http_server_port(server), "/stream?until=10&fail=-1&hand=1&length=20", "");
	cr_expect_str_eq(got.body, "0\n1\n2\n3\n4\n5\n6\n7\n8\n9\n");
	char *length = client_header(&got, "Content-Length");
	cr_expect(got.whole && length != NULL && strcmp(length, "20") == 0, "%s", got.head);
	free(length);
	client_free(&got);
	http_server_free(server);
	cr_expect(handed == 6, "got %d", handed);
}

Test(stream, less_than_the_length_that_was_told_is_not_whole)
{
	struct http_server *server = client_server(routes, 1);
	struct client_answer got = client_get(http_server_port(server), "/stream?until=10&fail=-1&length=21", "");
	cr_expect_not(got.whole);
	client_free(&got);
	http_server_free(server);
}

Test(stream, comes_whole)
{
	struct http_server *server = client_server(routes, 1);
	static const int lengths[] = {0, 1, 2, 1000};
	for (size_t i = 0; i < sizeof lengths / sizeof lengths[0]; i++) {
		char target[60];
		snprintf(target, sizeof target, "/stream?until=%d&fail=-1", lengths[i]);
		struct client_answer got = client_get(http_server_port(server), target, "");
		int lines = 0;
		for (size_t k = 0; k < got.length; k++)
			lines += got.body[k] == '\n';
		cr_expect(got.status == 200 && got.whole && lines == lengths[i], "got %d lines, want %d", lines,
		          lengths[i]);
		client_free(&got);
	}
	http_server_free(server);
	cr_expect(ended == 4, "fini ran %d times", ended);
}

Test(stream, failure_breaks_the_connection)
{
	struct http_server *server = client_server(routes, 1);
	struct client_answer got = client_get(http_server_port(server), "/stream?until=100&fail=50", "");
	cr_expect(got.status == 200 && !got.whole, "a part was taken for the whole");
	client_free(&got);
	http_server_free(server);
	cr_expect(ended == 1, "fini ran %d times", ended);
}

Test(stream, reader_that_leaves_ends_it)
{
	struct http_server *server = client_server(routes, 1);
	int fd = client_open(http_server_port(server));
	static const char text[] = "GET /stream?until=100000000&fail=-1 HTTP/1.1\r\nHost: t\r\n\r\n";
	client_send(fd, text, sizeof text - 1);
	cr_assert(client_await(fd, "1\n"));
	http_server_stop(server);
	struct client_answer rest = client_finish(fd, false);
	client_free(&rest);
	http_server_free(server);
	cr_expect(ended == 1, "fini ran %d times", ended);
}
