/*
 * Server-sent events (WHATWG HTML section 9.2). A stream without pending bytes is suspended; whoever appends to it resumes it.
 *
 * `suspended` is set and cleared under the hub's lock, around MHD_suspend_connection() and MHD_resume_connection(), and a stream is taken
 * out of the list under that lock before its connection is freed: so only living, suspended connections are resumed.
 */
#include <stdlib.h>
#include <string.h>

#include "lib/http/internal.h"

enum { EVENT_QUEUE_MAX = 256, EVENT_BYTES_MAX = 256 * 1024, EVENT_BLOCK = 4 * 1024 };

struct event_stream {
	struct event_hub *hub;
	struct MHD_Connection *connection;
	struct text_buf pending;
	size_t sent;
	int queued;
	bool suspended, ending;
	void *user;
	void (*free_user)(void *user);
	struct event_stream *previous, *next;
};

static ssize_t send_pending(void *context, uint64_t position, char *out, size_t max)
{
	struct event_stream *stream = context;
	(void)position;
	ssize_t result = 0;
	pthread_mutex_lock(&stream->hub->lock);
	size_t left = stream->pending.length - stream->sent;
	if (stream->ending || (stream->hub->closed && left == 0)) {
		result = MHD_CONTENT_READER_END_OF_STREAM;
	} else if (left > 0) {
		size_t count = left < max ? left : max;
		memcpy(out, stream->pending.data + stream->sent, count);
		stream->sent += count;
		if (stream->sent == stream->pending.length) {
			text_buf_fini(&stream->pending);
			text_buf_init(&stream->pending, EVENT_BYTES_MAX);
			stream->sent = 0;
			stream->queued = 0;
		}
		result = (ssize_t)count;
	} else {
		stream->suspended = true;
		MHD_suspend_connection(stream->connection);
	}
	pthread_mutex_unlock(&stream->hub->lock);
	return result;
}

static void free_stream(void *context)
{
	struct event_stream *stream = context;
	struct event_hub *hub = stream->hub;
	pthread_mutex_lock(&hub->lock);
	if (stream->previous != NULL)
		stream->previous->next = stream->next;
	else
		hub->first = stream->next;
	if (stream->next != NULL)
		stream->next->previous = stream->previous;
	hub->open--;
	pthread_mutex_unlock(&hub->lock);
	if (stream->free_user != NULL)
		stream->free_user(stream->user);
	text_buf_fini(&stream->pending);
	free(stream);
}

/* Under the lock. */
static void wake(struct event_stream *stream)
{
	if (!stream->suspended)
		return;
	stream->suspended = false;
	MHD_resume_connection(stream->connection);
}

/* Under the lock. A stream that takes no more is ended. */
static void append(struct event_stream *stream, const char *bytes, size_t length)
{
	if (stream->ending)
		return;
	if (stream->queued >= EVENT_QUEUE_MAX || !text_buf_append(&stream->pending, bytes, length))
		stream->ending = true;
	else
		stream->queued++;
	wake(stream);
}

bool http_reply_events(struct http_request *request, void *user, void (*free_user)(void *user), struct err *err)
{
	static const char opening[] = "retry: 2000\n:\n\n";
	struct event_hub *hub = &request->server->hub;
	struct event_stream *stream = calloc(1, sizeof *stream);
	if (stream == NULL)
		err_panic("out of memory");
	if (!http_add_header(request, "X-Accel-Buffering", "no", err) ||
	    !http_add_header(request, "Connection", "close", err)) {
		free(stream);
		if (free_user != NULL)
			free_user(user);
		return false;
	}
	stream->hub = hub;
	stream->connection = request->connection;
	stream->user = user;
	stream->free_user = free_user;
	text_buf_init(&stream->pending, EVENT_BYTES_MAX);

	pthread_mutex_lock(&hub->lock);
	append(stream, opening, sizeof opening - 1);
	stream->next = hub->first;
	if (stream->next != NULL)
		stream->next->previous = stream;
	hub->first = stream;
	hub->open++;
	pthread_mutex_unlock(&hub->lock);
	reply_finish(
	    request, MHD_HTTP_OK, "text/event-stream",
	    MHD_create_response_from_callback(MHD_SIZE_UNKNOWN, EVENT_BLOCK, send_pending, stream, free_stream));
	return true;
}

static bool append_lines(struct text_buf *out, const char *data)
{
	for (const char *line = data;; line++) {
		size_t length = strcspn(line, "\r\n");
		if (!text_buf_append(out, "data: ", 6) || !text_buf_append(out, line, length) ||
		    !text_buf_append(out, "\n", 1))
			return false;
		line += length;
		if (*line == '\0')
			return true;
		if (line[0] == '\r' && line[1] == '\n')
			line++;
	}
}

/* Line breaks in id or event would let their text become fields. */
static bool is_one_line(const char *text)
{
	return text == NULL || strpbrk(text, "\r\n") == NULL;
}

void http_events_send(struct http_server *server, const char *id, const char *event, const char *data,
                      bool (*accepts)(void *user, void *context), void *context)
{
	if (!is_one_line(id) || !is_one_line(event))
		err_panic("an event's id or name has a line break");
	struct text_buf message;
	text_buf_init(&message, EVENT_BYTES_MAX);
	bool fits = (id == NULL || text_buf_printf(&message, "id: %s\n", id)) &&
	            (event == NULL || text_buf_printf(&message, "event: %s\n", event)) &&
	            append_lines(&message, data) && text_buf_append(&message, "\n", 1);
	if (!fits)
		err_panic("an event is longer than %d bytes", EVENT_BYTES_MAX);

	pthread_mutex_lock(&server->hub.lock);
	for (struct event_stream *stream = server->hub.first; stream != NULL; stream = stream->next)
		if (accepts == NULL || accepts(stream->user, context))
			append(stream, message.data, message.length);
	pthread_mutex_unlock(&server->hub.lock);
	text_buf_fini(&message);
}

void http_events_end(struct http_server *server, bool (*accepts)(void *user, void *context), void *context)
{
	pthread_mutex_lock(&server->hub.lock);
	for (struct event_stream *stream = server->hub.first; stream != NULL; stream = stream->next)
		if (accepts(stream->user, context)) {
			stream->ending = true;
			wake(stream);
		}
	pthread_mutex_unlock(&server->hub.lock);
}

void http_events_each(struct http_server *server, void (*look)(void *user, void *context), void *context)
{
	pthread_mutex_lock(&server->hub.lock);
	for (struct event_stream *stream = server->hub.first; stream != NULL; stream = stream->next)
		look(stream->user, context);
	pthread_mutex_unlock(&server->hub.lock);
}

int http_events_open(struct http_server *server)
{
	pthread_mutex_lock(&server->hub.lock);
	int open = server->hub.open;
	pthread_mutex_unlock(&server->hub.lock);
	return open;
}

void events_comment(struct event_hub *hub)
{
	pthread_mutex_lock(&hub->lock);
	for (struct event_stream *stream = hub->first; stream != NULL; stream = stream->next)
		append(stream, ":\n\n", 3);
	pthread_mutex_unlock(&hub->lock);
}

void events_close(struct event_hub *hub)
{
	pthread_mutex_lock(&hub->lock);
	hub->closed = true;
	for (struct event_stream *stream = hub->first; stream != NULL; stream = stream->next)
		wake(stream);
	pthread_mutex_unlock(&hub->lock);
}
