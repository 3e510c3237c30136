/* The server: libmicrohttpd's callbacks, start and orderly end. */
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "lib/base/clock.h"
#include "lib/base/listen.h"
#include "lib/http/internal.h"

enum {
	DEFAULT_CONNECTIONS = 1000,
	DEFAULT_RECEIVE_MS = 30 * 1000,
	DEFAULT_COMMENT_MS = 15 * 1000,
	TICK_MS = 250,
	STATUS_LEFT = 499
};

static bool is_stopping(const struct http_server *server)
{
	return __atomic_load_n(&server->stopping, __ATOMIC_ACQUIRE);
}

void request_tell_done(struct http_request *request)
{
	const struct http_settings *settings = &request->server->settings;
	request->is_told = true;
	if (settings->done != NULL)
		settings->done(request, request->status, clock_monotonic_ms() - request->started_ms, settings->context);
}

/* What the log says of who left: 499, which nobody else gets. */
static void reply_refusal(struct http_request *request, const struct err *err)
{
	struct err told = *err;
	if (err->kind == ERR_CANCELLED && request_is_safe(request) && !http_is_awaited(request))
		(void)err_code(&told, ERR_SOURCE_HTTP, STATUS_LEFT);
	reply_problem(request, &told);
}

/* Gives the answer to the connection thread. Returns the request that runs in this one's stead, or NULL. */
static struct http_request *finish(struct http_request *request, bool ok, const struct err *err)
{
	if (!ok)
		reply_refusal(request, err);
	else if (request->response == NULL)
		err_panic("the handler of %s %s did not answer", request->method, request->route->pattern);
	request_tell_done(request);
	struct http_request *next = lane_leave(&request->server->lanes, request);
	request->phase = HTTP_ANSWERED;
	MHD_resume_connection(request->connection);
	return next;
}

/* Whoever only looks, and does not wait for the answer any more, costs nothing more. */
static bool is_of_use(struct http_request *request, struct err *err)
{
	return !request_is_safe(request) || http_is_awaited(request) ||
	       err_set(err, ERR_CANCELLED, "nobody waits for the answer any more");
}

static void handle(void *subject)
{
	struct http_request *request = subject;
	struct http_server *server = request->server;
	struct err err = {0};
	bool ok = is_of_use(request, &err) && request->route->handle(request, server->settings.context, &err);
	struct http_request *next = finish(request, ok, &err);
	while (next != NULL && !work_push(&server->work, handle, next)) {
		err_set(&err, ERR_TEMPORARY, "the server is stopping");
		next = finish(next, false, &err);
	}
}

static bool pass_gate(struct http_request *request, struct err *err)
{
	const struct http_settings *settings = &request->server->settings;
	return is_of_use(request, err) &&
	       (settings->gate == NULL || settings->gate(request, request->route, settings->context, err));
}

static enum lane_place enter_lane(struct http_request *request)
{
	struct http_server *server = request->server;
	const struct http_settings *settings = &server->settings;
	const char *lane = settings->lane == NULL ? NULL : settings->lane(request, request->route, settings->context);
	return lane == NULL ? LANE_RUNS : lane_enter(&server->lanes, lane, request);
}

static void refuse_full(struct http_request *request)
{
	struct err err = {0};
	err_set(&err, ERR_REFUSED, "too many of your searches wait already: try again in a few seconds");
	(void)err_code(&err, ERR_SOURCE_HTTP, MHD_HTTP_TOO_MANY_REQUESTS);
	if (!http_add_header(request, MHD_HTTP_HEADER_RETRY_AFTER, "5", &(struct err){0}))
		err_panic("too many headers in one answer");
	finish(request, false, &err);
}

/* On a worker: gate, lane, handler, answer. A request that waits in its lane comes to handle() later, on some worker. */
static void answer(void *subject)
{
	struct http_request *request = subject;
	struct err err = {0};
	if (!pass_gate(request, &err)) {
		finish(request, false, &err);
		return;
	}
	enum lane_place place = enter_lane(request);
	if (place == LANE_RUNS)
		handle(request);
	else if (place == LANE_FULL)
		refuse_full(request);
}

static enum MHD_Result send_answer(struct http_request *request)
{
	struct MHD_Response *response = request->response;
	request->response = NULL;
	if (is_stopping(request->server))
		MHD_add_response_header(response, MHD_HTTP_HEADER_CONNECTION, "close");
	enum MHD_Result result = MHD_queue_response(request->connection, (unsigned)request->status, response);
	MHD_destroy_response(response);
	return result;
}

static void make_refusal(struct http_request *request, const struct err *err)
{
	reply_problem(request, err);
	request_tell_done(request);
	request->phase = HTTP_ANSWERED;
}

static enum MHD_Result refuse(struct http_request *request, const struct err *err)
{
	make_refusal(request, err);
	return send_answer(request);
}

static bool too_large(const struct http_request *request, struct err *err)
{
	if (request->route->body_max == 0)
		err_set(err, ERR_INVALID, "this address takes no body");
	else
		err_set(err, ERR_INVALID, "the body is larger than %zu bytes", request->route->body_max);
	return err_code(err, ERR_SOURCE_HTTP, MHD_HTTP_CONTENT_TOO_LARGE);
}

/* What is known when the headers are there. */
static bool check_head(struct http_request *request, struct err *err)
{
	if (is_stopping(request->server))
		return err_set(err, ERR_TEMPORARY, "the server is stopping");
	if (!head_check(request, err))
		return false;
	char *allow = NULL;
	if (!route_find(request->server, request, &allow, err)) {
		struct err ignored = {0};
		if (allow != NULL && !http_add_header(request, "Allow", allow, &ignored))
			err_panic("malformed method in the table of routes");
		free(allow);
		return false;
	}
	if (!request_read_query(request, err))
		return false;
	const char *length = http_header(request, "Content-Length");
	if (length != NULL && strtoull(length, NULL, 10) > request->route->body_max)
		return too_large(request, err);
	request->is_streamed = request->route->body_max == HTTP_BODY_STREAMED;
	text_buf_init(&request->body,
	              request->is_streamed ? HTTP_PIECE + HTTP_CONNECTION_MEMORY : request->route->body_max);
	return true;
}

static enum MHD_Result begin(struct http_server *server, struct MHD_Connection *connection, const char *method,
                             const char *path, const char *version, void **state)
{
	struct http_request *request = request_new(server, connection, method, path);
	request->is_http_1_0 = strcmp(version, MHD_HTTP_VERSION_1_1) != 0;
	struct err err = {0};
	*state = request;
	if (check_head(request, &err))
		return MHD_YES;
	/* An answer before the body is read costs the connection; without a body it can wait for its turn. */
	if (http_header(request, "Content-Length") != NULL || http_header(request, "Transfer-Encoding") != NULL)
		return refuse(request, &err);
	make_refusal(request, &err);
	return MHD_YES;
}

static enum MHD_Result receive(struct http_request *request, const char *bytes, size_t *length)
{
	guard_credit(&request->server->guard, request->connection, *length);
	if (request->dropped > 0 || !text_buf_append(&request->body, bytes, *length))
		request->dropped += *length;
	*length = 0;
	return request->dropped > HTTP_BODY_DROP_MAX ? MHD_NO : MHD_YES;
}

static enum MHD_Result access_handler(void *context, struct MHD_Connection *connection, const char *path,
                                      const char *method, const char *version, const char *upload,
                                      size_t *upload_length, void **state)
{
	struct http_server *server = context;
	struct http_request *request = *state;
	if (request == NULL)
		return begin(server, connection, method, path, version, state);
	if (request->phase == HTTP_HUNG_UP)
		return MHD_NO;
	if (request->phase == HTTP_ANSWERED) {
		*upload_length = 0;
		return request->response == NULL ? MHD_YES : send_answer(request);
	}
	if (*upload_length > 0)
		return request->is_streamed ? upload_receive(request, upload, upload_length)
		                            : receive(request, upload, upload_length);

	guard_rest(&server->guard, connection);
	struct err err = {0};
	if (request->is_streamed)
		return upload_end(request) ? send_answer(request) : MHD_YES;
	if (request->dropped > 0) {
		(void)too_large(request, &err);
		return refuse(request, &err);
	}
	(void)http_is_awaited(
	    request); /* whoever half-closed it is known from here on, however long it waits for a worker */
	request->phase = HTTP_WORKING;
	MHD_suspend_connection(connection);
	if (!work_push(&server->work, answer, request)) {
		err_set(&err, ERR_TEMPORARY, "the server is stopping");
		make_refusal(request, &err);
		MHD_resume_connection(connection);
	}
	return MHD_YES;
}

static void completed(void *context, struct MHD_Connection *connection, void **state,
                      enum MHD_RequestTerminationCode code)
{
	struct http_server *server = context;
	(void)code;
	struct http_request *request = *state;
	if (request != NULL && request->has_begun && !request->is_told)
		upload_abandon(request);
	else if (request != NULL)
		request_free(request);
	*state = NULL;
	guard_expect(&server->guard, connection);
}

/* Paths and arguments reach us as they were sent; see route.c. */
static size_t leave_escaped(void *context, struct MHD_Connection *connection, char *text)
{
	(void)context;
	(void)connection;
	return strlen(text);
}

static void *tick(void *context)
{
	struct http_server *server = context;
	int64_t commented_ms = clock_monotonic_ms();
	struct pollfd wake = {.fd = server->wake_fd, .events = POLLIN};
	while (!is_stopping(server)) {
		poll(&wake, 1, TICK_MS);
		int64_t now_ms = clock_monotonic_ms();
		guard_sweep(&server->guard, now_ms);
		if (now_ms - commented_ms >= server->settings.comment_every_ms) {
			events_comment(&server->hub);
			commented_ms = now_ms;
		}
	}
	return NULL;
}

static void fill_defaults(struct http_settings *settings)
{
	if (settings->threads <= 0)
		settings->threads = 1;
	if (settings->lane_width == 0)
		settings->lane_width = 1;
	if (settings->lanes_width == 0)
		settings->lanes_width = settings->threads;
	if (settings->connection_max == 0)
		settings->connection_max = DEFAULT_CONNECTIONS;
	if (settings->receive_timeout_ms == 0)
		settings->receive_timeout_ms = DEFAULT_RECEIVE_MS;
	if (settings->comment_every_ms == 0)
		settings->comment_every_ms = DEFAULT_COMMENT_MS;
}

static bool start_daemon(struct http_server *server, struct err *err)
{
	unsigned silence_s = (unsigned)((server->settings.receive_timeout_ms + 999) / 1000);
	server->daemon = MHD_start_daemon(
	    MHD_USE_EPOLL_INTERNAL_THREAD | MHD_ALLOW_SUSPEND_RESUME | MHD_ALLOW_UPGRADE, 0, NULL, NULL, access_handler,
	    server, MHD_OPTION_LISTEN_SOCKET, server->listen_fd, MHD_OPTION_CONNECTION_LIMIT,
	    (unsigned)server->settings.connection_max, MHD_OPTION_CONNECTION_TIMEOUT, silence_s,
	    MHD_OPTION_CONNECTION_MEMORY_LIMIT, (size_t)HTTP_CONNECTION_MEMORY, MHD_OPTION_STRICT_FOR_CLIENT, 1,
	    MHD_OPTION_UNESCAPE_CALLBACK, leave_escaped, NULL, MHD_OPTION_URI_LOG_CALLBACK, target_weigh, server,
	    MHD_OPTION_NOTIFY_COMPLETED, completed, server, MHD_OPTION_NOTIFY_CONNECTION, guard_notify, &server->guard,
	    MHD_OPTION_END);
	if (server->daemon == NULL)
		return err_set(err, ERR_TEMPORARY, "could not start the HTTP server");
	return true;
}

static bool start_ticker(struct http_server *server, struct err *err)
{
	int failed = pthread_create(&server->ticker, NULL, tick, server);
	if (failed != 0)
		return err_set_errno(err, ERR_TEMPORARY, failed, "could not start a thread");
	server->ticks = true;
	return true;
}

bool http_server_new(const struct http_settings *settings, struct http_server **out, struct err *err)
{
	route_check(settings->routes, settings->route_count);
	struct http_server *server = calloc(1, sizeof *server);
	if (server == NULL)
		err_panic("out of memory");
	server->settings = *settings;
	fill_defaults(&server->settings);
	server->guard.timeout_ms = server->settings.receive_timeout_ms;
	pthread_mutex_init(&server->guard.lock, NULL);
	lanes_init(&server->lanes, server->settings.lane_width, server->settings.lanes_width);
	pthread_mutex_init(&server->hub.lock, NULL);
	pthread_mutex_init(&server->sockets.lock, NULL);
	server->sockets.epoll_fd = server->sockets.wake_fd = -1;
	server->listen_fd = -1;
	server->wake_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);

	if (!listen_open("HTTP", settings->address, settings->port, &server->listen_fd, err) ||
	    !work_start(&server->work, server->settings.threads, err) || !start_ticker(server, err) ||
	    !sockets_start(&server->sockets, server->settings.comment_every_ms, err) || !start_daemon(server, err)) {
		http_server_free(server);
		return false;
	}
	*out = server;
	return true;
}

uint16_t http_server_port(const struct http_server *server)
{
	return listen_port(server->listen_fd);
}

void http_server_stop(struct http_server *server)
{
	if (__atomic_exchange_n(&server->stopping, true, __ATOMIC_ACQ_REL))
		return;
	if (server->daemon != NULL)
		MHD_quiesce_daemon(server->daemon);
	events_close(&server->hub);
	sockets_close(&server->sockets);
	uint64_t one = 1;
	if (write(server->wake_fd, &one, sizeof one) < 0) {
		/* The ticker also looks every TICK_MS. */
	}
	if (server->ticks)
		pthread_join(server->ticker, NULL);
	server->ticks = false;
	work_stop(&server->work);
}

void http_server_free(struct http_server *server)
{
	if (server == NULL)
		return;
	http_server_stop(server);
	/* Every socket has to be given back before the daemon ends; those whose handshake is on its way come to the thread yet, or end with their request. */
	sockets_stop(&server->sockets);
	if (server->daemon != NULL)
		MHD_stop_daemon(server->daemon);
	work_free(&server->work);
	if (server->listen_fd >= 0)
		close(server->listen_fd);
	if (server->wake_fd >= 0)
		close(server->wake_fd);
	pthread_mutex_destroy(&server->guard.lock);
	lanes_fini(&server->lanes);
	pthread_mutex_destroy(&server->hub.lock);
	sockets_fini(&server->sockets);
	free(server);
}
