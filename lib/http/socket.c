/*
 * WebSockets (RFC 6455): libmicrohttpd answers the handshake and hands its descriptor over (MHD_upgrade), wslay frames, one thread serves them
 * all. No thread waits for one client.
 *
 * A socket is in the hub's list from http_reply_socket() on, so that what is sent before the handshake went out waits for it. Until the hand-over it
 * belongs to its request, whose end takes it out of the list; then to the hub's thread, which alone frees it. Everything in it is under the hub's lock;
 * input and output never block.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <unistd.h>
#include <wslay/wslay.h>

#include "lib/base/clock.h"
#include "lib/http/internal.h"

enum {
	QUEUE_MESSAGES_MAX = 2048,
	QUEUE_BYTES_MAX = 2 * 1024 * 1024,
	MESSAGE_MAX = 4096,     /* of the client, which has nothing to say */
	READ_MAX = 64 * 1024,   /* a turn */
	PARTING_MS = 10 * 1000, /* for the close frame to be read and answered */
	PINGS_MAX = 3,          /* without an answer */
	EVENTS = 64
};

struct http_socket {
	struct socket_hub *hub;
	struct http_socket *previous, *next;
	wslay_event_context_ptr frames;
	int fd; /* -1: not handed over */
	struct MHD_UpgradeResponseHandle *handle;
	char *early; /* what came behind the handshake; heap */
	size_t early_length, early_used;
	size_t allowance;   /* bytes that may still be read in this turn */
	int64_t parting_ms; /* deadline of a socket that is being closed; 0: it is not */
	int pings;          /* since the last pong */
	bool writes;        /* epoll watches for room to write */
	/* All is said; what still comes is read and dropped, else its sender loses the close frame to a reset. */
	bool drains;
	bool is_refused; /* by http_sockets_end() */
	bool broken;
	void *user;
	void (*free_user)(void *user);
};

/* ---- wslay's callbacks, under the lock --------------------------------------------------------------------------------------- */

static ssize_t receive(wslay_event_context_ptr frames, uint8_t *out, size_t max, int flags, void *context)
{
	struct http_socket *socket = context;
	(void)flags;
	size_t early = socket->early_length - socket->early_used;
	if (early > 0) {
		size_t count = early < max ? early : max;
		memcpy(out, socket->early + socket->early_used, count);
		socket->early_used += count;
		return (ssize_t)count;
	}
	if (socket->allowance == 0) {
		wslay_event_set_error(frames, WSLAY_ERR_WOULDBLOCK);
		return -1;
	}
	ssize_t count = recv(socket->fd, out, max < socket->allowance ? max : socket->allowance, 0);
	if (count > 0) {
		socket->allowance -= (size_t)count;
		return count;
	}
	bool waits = count < 0 && (errno == EAGAIN || errno == EWOULDBLOCK || errno == EINTR);
	socket->broken |= !waits;
	wslay_event_set_error(frames, waits ? WSLAY_ERR_WOULDBLOCK : WSLAY_ERR_CALLBACK_FAILURE);
	return -1;
}

static ssize_t send_some(wslay_event_context_ptr frames, const uint8_t *bytes, size_t length, int flags, void *context)
{
	struct http_socket *socket = context;
	(void)flags;
	ssize_t count = send(socket->fd, bytes, length, MSG_NOSIGNAL);
	if (count >= 0)
		return count;
	bool waits = errno == EAGAIN || errno == EWOULDBLOCK || errno == EINTR;
	socket->broken |= !waits;
	wslay_event_set_error(frames, waits ? WSLAY_ERR_WOULDBLOCK : WSLAY_ERR_CALLBACK_FAILURE);
	return -1;
}

/* Only pongs mean something to us. */
static void take_message(wslay_event_context_ptr frames, const struct wslay_event_on_msg_recv_arg *message,
                         void *context)
{
	struct http_socket *socket = context;
	(void)frames;
	if (message->opcode == WSLAY_PONG)
		socket->pings = 0;
}

/* ---- one socket, under the lock ------------------------------------------------------------------------------------------------ */

static void queue(struct http_socket *socket, uint8_t opcode, const char *text, size_t length)
{
	struct wslay_event_msg message = {opcode, (const uint8_t *)text, length};
	int status = wslay_event_queue_msg(socket->frames, &message);
	if (status == WSLAY_ERR_NOMEM)
		err_panic("out of memory");
	socket->broken |= status != 0 && status != WSLAY_ERR_NO_MORE_MSG;
}

static void part(struct http_socket *socket, int code, const char *reason)
{
	if (socket->parting_ms != 0)
		return;
	socket->parting_ms = clock_monotonic_ms() + PARTING_MS;
	if (wslay_event_queue_close(socket->frames, (uint16_t)code, (const uint8_t *)reason, strlen(reason)) != 0)
		socket->broken = true;
}

static bool is_full(const struct http_socket *socket)
{
	return wslay_event_get_queued_msg_count(socket->frames) > QUEUE_MESSAGES_MAX ||
	       wslay_event_get_queued_msg_length(socket->frames) > QUEUE_BYTES_MAX;
}

/* A close frame goes out before the messages that wait, so that who reads slowly still learns why. */
static void check_room(struct http_socket *socket)
{
	if (is_full(socket))
		part(socket, HTTP_SOCKET_SLOW, "too slow: open it again");
}

static void watch(struct http_socket *socket)
{
	bool writes = wslay_event_want_write(socket->frames) != 0;
	struct epoll_event event = {.events = EPOLLIN | (writes ? EPOLLOUT : 0), .data.ptr = socket};
	if (writes == socket->writes)
		return;
	socket->writes = writes;
	if (epoll_ctl(socket->hub->epoll_fd, EPOLL_CTL_MOD, socket->fd, &event) != 0)
		socket->broken = true;
}

/* Sends what may go now. */
static void push(struct http_socket *socket)
{
	if (socket->fd < 0 || socket->broken || socket->drains)
		return;
	if (wslay_event_send(socket->frames) != 0)
		socket->broken = true;
	watch(socket);
	if (socket->broken || wslay_event_want_read(socket->frames) || wslay_event_want_write(socket->frames))
		return;
	socket->drains = true;
	if (socket->parting_ms == 0)
		socket->parting_ms = clock_monotonic_ms() + PARTING_MS;
	shutdown(socket->fd, SHUT_WR);
}

static void drain(struct http_socket *socket)
{
	char bytes[4096];
	ssize_t count = recv(socket->fd, bytes, sizeof bytes, 0);
	socket->broken |= count == 0 || (count < 0 && errno != EAGAIN && errno != EWOULDBLOCK && errno != EINTR);
}

static void pull(struct http_socket *socket)
{
	/* Also while its close frame waits for room: bytes that nobody takes would wake the thread without end. */
	if (socket->drains || !wslay_event_want_read(socket->frames)) {
		drain(socket);
		push(socket);
		return;
	}
	socket->allowance = READ_MAX;
	if (wslay_event_recv(socket->frames) != 0)
		socket->broken = true;
	if (wslay_event_get_close_received(socket->frames) && socket->parting_ms == 0)
		socket->parting_ms = clock_monotonic_ms() + PARTING_MS;
	check_room(socket);
	push(socket);
}

static bool is_over(const struct http_socket *socket, int64_t now_ms)
{
	if (socket->fd < 0)
		return false;
	return socket->broken || (socket->parting_ms != 0 && socket->parting_ms <= now_ms);
}

static void leave(struct http_socket *socket)
{
	if (socket->previous != NULL)
		socket->previous->next = socket->next;
	else
		socket->hub->first = socket->next;
	if (socket->next != NULL)
		socket->next->previous = socket->previous;
	socket->hub->open--;
}

static void free_socket(struct http_socket *socket)
{
	wslay_event_context_free(socket->frames);
	if (socket->free_user != NULL)
		socket->free_user(socket->user);
	free(socket->early);
	free(socket);
}

void socket_abandon(struct http_socket *socket)
{
	struct socket_hub *hub = socket->hub;
	pthread_mutex_lock(&hub->lock);
	leave(socket);
	pthread_mutex_unlock(&hub->lock);
	free_socket(socket);
}

/* ---- the thread ------------------------------------------------------------------------------------------------------------------ */

static void wake(struct socket_hub *hub)
{
	uint64_t one = 1;
	if (write(hub->wake_fd, &one, sizeof one) < 0 && errno != EAGAIN)
		err_panic("could not wake the sockets");
}

/* Takes out of the list what is over; *out: a list of it by next. */
static void collect(struct socket_hub *hub, struct http_socket **out)
{
	int64_t now_ms = clock_monotonic_ms();
	struct http_socket *next;
	for (struct http_socket *socket = hub->first; socket != NULL; socket = next) {
		next = socket->next;
		if (!is_over(socket, now_ms))
			continue;
		leave(socket);
		epoll_ctl(hub->epoll_fd, EPOLL_CTL_DEL, socket->fd, NULL);
		socket->next = *out;
		*out = socket;
	}
}

static void end_all(struct http_socket *socket)
{
	while (socket != NULL) {
		struct http_socket *next = socket->next;
		MHD_upgrade_action(socket->handle, MHD_UPGRADE_ACTION_CLOSE);
		free_socket(socket);
		socket = next;
	}
}

static void ping_all(struct socket_hub *hub)
{
	for (struct http_socket *socket = hub->first; socket != NULL; socket = socket->next) {
		if (socket->fd < 0 || socket->parting_ms != 0)
			continue;
		if (socket->pings++ >= PINGS_MAX)
			part(socket, HTTP_SOCKET_SILENT, "no answer to pings");
		else
			queue(socket, WSLAY_PING, "", 0);
		push(socket);
	}
}

static void serve(struct socket_hub *hub, const struct epoll_event *events, int count)
{
	uint64_t wakes;
	for (int i = 0; i < count; i++) {
		struct http_socket *socket = events[i].data.ptr;
		if (socket == NULL) {
			if (read(hub->wake_fd, &wakes, sizeof wakes) < 0) {
				/* Somebody else's wake was read with an earlier one. */
			}
			continue;
		}
		if ((events[i].events & (EPOLLIN | EPOLLHUP | EPOLLERR)) != 0)
			pull(socket);
		else
			push(socket);
	}
}

static void *run(void *context)
{
	struct socket_hub *hub = context;
	struct epoll_event events[EVENTS];
	int64_t pinged_ms = clock_monotonic_ms();
	bool is_done = false;
	while (!is_done) {
		int count = epoll_wait(hub->epoll_fd, events, EVENTS,
		                       hub->ping_every_ms < SOCKET_TICK_MS ? (int)hub->ping_every_ms : SOCKET_TICK_MS);
		struct http_socket *over = NULL;
		pthread_mutex_lock(&hub->lock);
		serve(hub, events, count);
		if (clock_monotonic_ms() - pinged_ms >= hub->ping_every_ms) {
			ping_all(hub);
			pinged_ms = clock_monotonic_ms();
		}
		collect(hub, &over);
		is_done = hub->ends && hub->first == NULL;
		pthread_mutex_unlock(&hub->lock);
		end_all(over);
	}
	return NULL;
}

bool sockets_start(struct socket_hub *hub, int64_t ping_every_ms, struct err *err)
{
	hub->ping_every_ms = ping_every_ms;
	hub->epoll_fd = epoll_create1(EPOLL_CLOEXEC);
	hub->wake_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	struct epoll_event event = {.events = EPOLLIN, .data.ptr = NULL};
	if (hub->epoll_fd < 0 || hub->wake_fd < 0 || epoll_ctl(hub->epoll_fd, EPOLL_CTL_ADD, hub->wake_fd, &event) != 0)
		return err_set_errno(err, ERR_TEMPORARY, errno, "could not watch sockets");
	int failed = pthread_create(&hub->thread, NULL, run, hub);
	if (failed != 0)
		return err_set_errno(err, ERR_TEMPORARY, failed, "could not start a thread");
	hub->runs = true;
	return true;
}

void sockets_close(struct socket_hub *hub)
{
	pthread_mutex_lock(&hub->lock);
	hub->closed = true;
	for (struct http_socket *socket = hub->first; socket != NULL; socket = socket->next) {
		part(socket, HTTP_SOCKET_LEAVING, "the server is stopping");
		push(socket);
		/* Nobody is waited for. */
		socket->broken = true;
	}
	pthread_mutex_unlock(&hub->lock);
	if (hub->runs)
		wake(hub);
}

void sockets_stop(struct socket_hub *hub)
{
	pthread_mutex_lock(&hub->lock);
	hub->ends = true;
	pthread_mutex_unlock(&hub->lock);
	if (hub->runs) {
		wake(hub);
		pthread_join(hub->thread, NULL);
	}
	hub->runs = false;
}

void sockets_fini(struct socket_hub *hub)
{
	if (hub->epoll_fd >= 0)
		close(hub->epoll_fd);
	if (hub->wake_fd >= 0)
		close(hub->wake_fd);
	pthread_mutex_destroy(&hub->lock);
}

/* ---- the hand-over ------------------------------------------------------------------------------------------- */

/* On libmicrohttpd's thread: the handshake went out, the descriptor is ours. */
static void hand_over(void *context, struct MHD_Connection *connection, void *request_context, const char *extra,
                      size_t extra_length, MHD_socket fd, struct MHD_UpgradeResponseHandle *handle)
{
	struct http_request *request = request_context;
	struct http_socket *socket = context;
	struct socket_hub *hub = socket->hub;
	(void)connection;
	int flags = fcntl(fd, F_GETFL);
	pthread_mutex_lock(&hub->lock);
	request->socket = NULL;
	socket->fd = fd;
	socket->handle = handle;
	if (extra_length > 0) {
		socket->early = malloc(extra_length);
		if (socket->early == NULL)
			err_panic("out of memory");
		memcpy(socket->early, extra, extra_length);
		socket->early_length = extra_length;
	}
	struct epoll_event event = {.events = EPOLLIN | EPOLLOUT, .data.ptr = socket};
	socket->writes = true;
	socket->broken |= hub->closed || flags < 0 || fcntl(fd, F_SETFL, flags | O_NONBLOCK) != 0 ||
	                  epoll_ctl(hub->epoll_fd, EPOLL_CTL_ADD, fd, &event) != 0;
	if (!socket->broken)
		pull(socket);
	pthread_mutex_unlock(&hub->lock);
	wake(hub);
}

static struct http_socket *socket_new(struct socket_hub *hub, void *user, void (*free_user)(void *user))
{
	static const struct wslay_event_callbacks callbacks = {
	    .recv_callback = receive, .send_callback = send_some, .on_msg_recv_callback = take_message};
	struct http_socket *socket = calloc(1, sizeof *socket);
	if (socket == NULL || wslay_event_context_server_init(&socket->frames, &callbacks, socket) != 0)
		err_panic("out of memory");
	wslay_event_config_set_max_recv_msg_length(socket->frames, MESSAGE_MAX);
	socket->hub = hub;
	socket->fd = -1;
	socket->user = user;
	socket->free_user = free_user;
	return socket;
}

bool http_reply_socket(struct http_request *request, void *user, void (*free_user)(void *user), struct err *err)
{
	char accept[HANDSHAKE_ACCEPT_SIZE];
	struct socket_hub *hub = &request->server->sockets;
	if (!http_wants_socket(request, err)) {
		if (free_user != NULL)
			free_user(user);
		return false;
	}
	handshake_accept(http_header(request, "Sec-WebSocket-Key"), accept);
	struct http_socket *socket = socket_new(hub, user, free_user);
	struct MHD_Response *response = MHD_create_response_for_upgrade(hand_over, socket);
	if (response == NULL || MHD_add_response_header(response, MHD_HTTP_HEADER_UPGRADE, "websocket") != MHD_YES ||
	    MHD_add_response_header(response, "Sec-WebSocket-Accept", accept) != MHD_YES)
		err_panic("could not answer a handshake");
	pthread_mutex_lock(&hub->lock);
	socket->next = hub->first;
	if (socket->next != NULL)
		socket->next->previous = socket;
	hub->first = socket;
	hub->open++;
	pthread_mutex_unlock(&hub->lock);
	request->socket = socket;
	reply_finish(request, MHD_HTTP_SWITCHING_PROTOCOLS, NULL, response);
	return true;
}

/* ---- what is sent ---------------------------------------------------------------------------------------------------------------- */

void http_sockets_send(struct http_server *server, const char *text, bool (*accepts)(void *user, void *context),
                       void *context)
{
	struct socket_hub *hub = &server->sockets;
	pthread_mutex_lock(&hub->lock);
	for (struct http_socket *socket = hub->first; socket != NULL; socket = socket->next) {
		if (socket->parting_ms != 0 || !accepts(socket->user, context))
			continue;
		queue(socket, WSLAY_TEXT_FRAME, text, strlen(text));
		push(socket);
		check_room(socket);
	}
	pthread_mutex_unlock(&hub->lock);
}

void http_sockets_end(struct http_server *server, int code, const char *reason,
                      bool (*accepts)(void *user, void *context), void *context)
{
	struct socket_hub *hub = &server->sockets;
	pthread_mutex_lock(&hub->lock);
	for (struct http_socket *socket = hub->first; socket != NULL; socket = socket->next)
		if (accepts(socket->user, context)) {
			socket->broken |= socket->is_refused && code == HTTP_SOCKET_REFUSED;
			socket->is_refused |= code == HTTP_SOCKET_REFUSED;
			part(socket, code, reason);
			push(socket);
		}
	pthread_mutex_unlock(&hub->lock);
}

int http_sockets_open(struct http_server *server)
{
	pthread_mutex_lock(&server->sockets.lock);
	int open = server->sockets.open;
	pthread_mutex_unlock(&server->sockets.lock);
	return open;
}

void http_sockets_each(struct http_server *server, void (*look)(void *user, void *context), void *context)
{
	struct socket_hub *hub = &server->sockets;
	pthread_mutex_lock(&hub->lock);
	for (struct http_socket *socket = hub->first; socket != NULL; socket = socket->next)
		if (socket->parting_ms == 0)
			look(socket->user, context);
	pthread_mutex_unlock(&hub->lock);
}
