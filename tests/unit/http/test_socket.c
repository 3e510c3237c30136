#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "tests/unit/http/client.h"

static int freed;

static void free_user(void *user)
{
	__atomic_add_fetch(&freed, 1, __ATOMIC_SEQ_CST);
	free(user);
}

static bool answer_socket(struct http_request *request, void *context, struct err *err)
{
	(void)context;
	return http_reply_socket(request, strdup(http_query(request, "who")), free_user, err);
}

static bool is_stopping, is_answering;

/* Behind the closing of all that are open. */
static bool answer_late(struct http_request *request, void *context, struct err *err)
{
	enum { WAIT_US = 10000, WAITS = 20 };
	__atomic_store_n(&is_answering, true, __ATOMIC_SEQ_CST);
	while (!__atomic_load_n(&is_stopping, __ATOMIC_SEQ_CST))
		usleep(WAIT_US);
	/* Time for a thread that would end too early. */
	for (int i = 0; i < WAITS; i++)
		usleep(WAIT_US);
	return answer_socket(request, context, err);
}

static const struct http_route routes[] = {{"GET", "/socket", answer_socket, 0, 0},
                                           {"GET", "/late", answer_late, 0, 0}};

static bool is_for(void *user, void *context)
{
	return strcmp(user, context) == 0;
}

/* The key and its answer are those of RFC 6455 section 1.3. */
static int join(struct http_server *server, const char *who, const char *behind, size_t behind_length)
{
	char text[400], seen[600] = "";
	size_t used = 0;
	int length =
	    snprintf(text, sizeof text,
	             "GET /socket?who=%s HTTP/1.1\r\nHost: t\r\nUpgrade: WebSocket\r\nConnection: keep-alive, "
	             "upgrade\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n",
	             who);
	int fd = client_open(http_server_port(server));
	memcpy(text + length, behind, behind_length);
	client_send(fd, text, (size_t)length + behind_length);
	/* Byte by byte, so that no frame is taken along. */
	while (strstr(seen, "\r\n\r\n") == NULL && used + 1 < sizeof seen) {
		cr_assert(read(fd, seen + used, 1) == 1, "the handshake ended with %s", seen);
		seen[++used] = '\0';
	}
	cr_assert(strncmp(seen, "HTTP/1.1 101 ", 13) == 0, "got %s", seen);
	cr_assert(strstr(seen, "Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n") != NULL, "got %s", seen);
	return fd;
}

struct frame {
	int opcode; /* -1: the connection ended */
	size_t length;
	unsigned char bytes[20000];
};

static bool read_all(int fd, void *out, size_t length)
{
	size_t used = 0;
	while (used < length) {
		ssize_t got = read(fd, (char *)out + used, length - used);
		if (got <= 0)
			return false;
		used += (size_t)got;
	}
	return true;
}

static void next_frame(int fd, struct frame *out)
{
	unsigned char head[4];
	out->opcode = -1;
	if (!read_all(fd, head, 2))
		return;
	cr_assert((head[0] & 0x80) != 0 && (head[1] & 0x80) == 0, "a whole frame, not masked");
	out->length = head[1];
	if (out->length == 126) {
		cr_assert(read_all(fd, head + 2, 2));
		out->length = (size_t)head[2] << 8 | head[3];
	}
	cr_assert(out->length < sizeof out->bytes);
	if (!read_all(fd, out->bytes, out->length))
		return;
	out->bytes[out->length] = '\0';
	out->opcode = head[0] & 0x0F;
}

static int code_of(const struct frame *frame)
{
	return frame->opcode == 8 && frame->length >= 2 ? frame->bytes[0] << 8 | frame->bytes[1] : -frame->opcode;
}

Test(socket, reaches_those_who_may_see_it_and_says_why_it_ends)
{
	/* A ping that comes with the handshake, masked by zeros. */
	static const char ping[] = "\x89\x82\0\0\0\0hi";
	static struct frame frame;
	char anna_is[] = "anna", bo_is[] = "bo";
	struct http_server *server = client_server(routes, 1);
	int anna = join(server, "anna", "", 0), bo = join(server, "bo", ping, 8);
	cr_expect(http_sockets_open(server) == 2);
	next_frame(bo, &frame);
	cr_expect(frame.opcode == 10 && strcmp((char *)frame.bytes, "hi") == 0, "got %d %s", frame.opcode, frame.bytes);
	http_sockets_send(server, "for anna", is_for, anna_is);
	http_sockets_send(server, "for bo", is_for, bo_is);
	next_frame(anna, &frame);
	cr_expect(frame.opcode == 1 && strcmp((char *)frame.bytes, "for anna") == 0, "got %s", frame.bytes);
	next_frame(bo, &frame);
	cr_expect(strcmp((char *)frame.bytes, "for bo") == 0, "got %s", frame.bytes);
	http_sockets_end(server, HTTP_SOCKET_REFUSED, "no more", is_for, anna_is);
	next_frame(anna, &frame);
	cr_expect(code_of(&frame) == 1008 && strcmp((char *)frame.bytes + 2, "no more") == 0, "got %d",
	          code_of(&frame));
	client_send(anna, "\x88\x80\0\0\0\0", 6);
	next_frame(anna, &frame);
	cr_expect(frame.opcode == -1);
	http_server_stop(server);
	next_frame(bo, &frame);
	cr_expect(code_of(&frame) == 1001, "got %d", code_of(&frame));
	close(anna);
	close(bo);
	http_server_free(server);
	cr_expect(freed == 2, "freed %d", freed);
}

/* Far more than the buffers of both ends hold. */
Test(socket, a_slow_reader_is_told_and_others_are_not_kept_waiting)
{
	enum { MESSAGES = 2000 };
	static struct frame frame;
	static char text[16001];
	char slow_is[] = "slow", quick_is[] = "quick";
	struct http_server *server = client_server(routes, 1);
	int slow = join(server, "slow", "", 0), quick = join(server, "quick", "", 0), count = 0;
	memset(text, 'x', sizeof text - 1);
	for (int i = 0; i < MESSAGES; i++)
		http_sockets_send(server, text, is_for, slow_is);
	http_sockets_send(server, "still here", is_for, quick_is);
	next_frame(quick, &frame);
	cr_expect(strcmp((char *)frame.bytes, "still here") == 0, "got %s", frame.bytes);
	for (next_frame(slow, &frame); frame.opcode == 1; next_frame(slow, &frame))
		count++;
	cr_expect(code_of(&frame) == 1013 && count < MESSAGES, "got %d behind %d", code_of(&frame), count);
	close(slow);
	close(quick);
	http_server_free(server);
}

Test(socket, who_answers_no_close_frame_is_not_waited_for_at_the_next_end)
{
	enum { SOCKETS = 20, WAIT_US = 10000, WAITS = 500 };
	char who_is[] = "crowd";
	struct http_server *server = client_server(routes, 1);
	int fds[SOCKETS], waits = 0;
	for (int i = 0; i < SOCKETS; i++) {
		http_sockets_end(server, HTTP_SOCKET_REFUSED, "too many", is_for, who_is);
		fds[i] = join(server, who_is, "", 0);
	}
	/* The last, and the one that it made end. */
	while (http_sockets_open(server) > 2 && waits++ < WAITS)
		usleep(WAIT_US);
	cr_expect(http_sockets_open(server) <= 2, "%d are open", http_sockets_open(server));
	for (int i = 0; i < SOCKETS; i++)
		close(fds[i]);
	http_server_free(server);
}

Test(socket, one_that_opens_while_the_server_stops_is_given_back)
{
	static const char text[] =
	    "GET /late?who=x HTTP/1.1\r\nHost: t\r\nUpgrade: websocket\r\nConnection: upgrade\r\n"
	    "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n";
	struct http_server *server = client_server(routes, 2);
	int fd = client_open(http_server_port(server));
	client_send(fd, text, sizeof text - 1);
	while (!__atomic_load_n(&is_answering, __ATOMIC_SEQ_CST))
		usleep(1000);
	__atomic_store_n(&is_stopping, true, __ATOMIC_SEQ_CST);
	http_server_free(server);
	cr_expect(freed == 1, "freed %d", freed);
	close(fd);
}

Test(socket, who_answers_no_ping_is_closed)
{
	static struct frame frame;
	struct http_settings settings = {
	    .address = "127.0.0.1", .threads = 2, .routes = routes, .route_count = 1, .comment_every_ms = 10};
	struct http_server *server;
	struct err err = {0};
	cr_assert(http_server_new(&settings, &server, &err), "%s", err.text);
	int fd = join(server, "dead", "", 0), pings = 0;
	for (next_frame(fd, &frame); frame.opcode == 9; next_frame(fd, &frame))
		pings++;
	cr_expect(pings == 3 && code_of(&frame) == 1002, "got %d behind %d", code_of(&frame), pings);
	close(fd);
	http_server_free(server);
	cr_expect(freed == 1);
}

Test(socket, a_request_that_is_no_handshake_leaves_nothing)
{
	struct http_server *server = client_server(routes, 1);
	struct client_answer answer = client_get(http_server_port(server), "/socket?who=x", "");
	cr_expect(answer.status == 426, "got %d", answer.status);
	cr_expect(http_sockets_open(server) == 0 && freed == 1);
	client_free(&answer);
	http_server_free(server);
}
