/*
 * HTTP server: libmicrohttpd behind a table of handlers. Plain HTTP on loopback or behind a TLS proxy (RFC 9110, 9112).
 *
 * A request is matched against the table by method and pattern; "{name}" in a pattern takes one non-empty path segment,
 * percent-decoded; a match with another method is 405 with Allow. Bodies are read to body_max (0: no body is allowed) before the
 * handler runs, larger ones are 413; handlers run on the server's thread pool and may block on the ledger: connections are served by
 * one thread that never waits. A GET route answers HEAD too. A request must arrive within receive_timeout_ms (and afterwards with 1 KiB/s),
 * else its connection is closed. Percent-encoding that is broken, hides a NUL or is no UTF-8 is 400.
 * JSON of a KiB and more is sent as gzip to who takes it; see http_keep_plain().
 * Every answer gets X-Content-Type-Options, Referrer-Policy, Cross-Origin-Resource-Policy, Cache-Control: no-store (unless the handler set one) and a request id.
 * An error answer is application/problem+json (RFC 9457): {"title","status","kind","detail","request_id"}. Its status is that of the
 * error's kind, or err.code when the source is ERR_SOURCE_HTTP; above 499 the detail stays in the log.
 */
#ifndef YQ_HTTP_HTTP_H
#define YQ_HTTP_HTTP_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/base/err.h"

enum { HTTP_LANE_SIZE = 64 }; /* of the name of a lane, with its end */

struct http_server;
struct http_request; /* lives during the handler's call; everything got from it is borrowed for that long */

/* Answers the request: calls exactly one http_reply_*() (or http_take_body()) and returns true; or returns false with *err, which becomes the answer. */
typedef bool http_handler(struct http_request *request, void *context, struct err *err);

/* As body_max: the body may be larger than memory. The handler runs before it is read, and takes it by http_take_body(). */
#define HTTP_BODY_STREAMED SIZE_MAX

struct http_route {
	const char *method, *pattern;
	http_handler *handle;
	size_t body_max;
	uint32_t flags; /* for the gate, unknown to lib/http */
};

struct http_settings {
	const char *address;
	uint16_t port; /* 0: the kernel chooses */
	int threads;
	int connection_max;              /* 0: 1000; beyond it connections are closed at once */
	int64_t receive_timeout_ms;      /* 0: 30 s */
	int64_t comment_every_ms;        /* of event streams; 0: 15 s */
	const struct http_route *routes; /* borrowed */
	size_t route_count;
	/* Runs before the handler of every matched route (login, rights, CSRF); false refuses with *err. May be NULL. */
	bool (*gate)(struct http_request *request, const struct http_route *route, void *context, struct err *err);
	/*
	 * Behind the gate: the lane of a request, borrowed until it is answered, NULL for none. lane_width of one lane run at once; the next 100 wait in order
	 * and hold no thread, further ones are 429. Not for streamed bodies. May be NULL.
	 */
	const char *(*lane)(const struct http_request *request, const struct http_route *route, void *context);
	int lane_width;
	/* Of all lanes together so many run at once, so that threads are left for what has none; those that wait take turns. 0: as many as there are threads. */
	int lanes_width;
	/* Runs when the answer is ready, for refused requests too: access log, release of what the gate took. Must not block. May be NULL. */
	void (*done)(struct http_request *request, int status, int64_t elapsed_ms, void *context);
	void *context;
};

/*
 * Whether the client still waits; for a watch of lib/db, on the thread of the handler. Who half-closes its connection within half a second of its request
 * waits, who ends it later has left.
 */
bool http_is_awaited(struct http_request *request);

bool http_server_new(const struct http_settings *settings, struct http_server **out,
                     struct err *err); /* taken port: ERR_CONFLICT */
uint16_t http_server_port(const struct http_server *server);
void http_server_stop(struct http_server *server); /* no new requests; ends event streams; waits for handlers */
void http_server_free(struct http_server *server);

const char *http_method(const struct http_request *request);
const char *http_path(const struct http_request *request);
/* Of the route that matched, "-" when none did. Unlike the path it holds nothing that the client made up. */
const char *http_pattern(const struct http_request *request);
const char *http_id(const struct http_request *request);                      /* request id, for the log */
const char *http_param(const struct http_request *request, const char *name); /* of the pattern; NULL: no such */
const char *http_query(const struct http_request *request, const char *name); /* first value, decoded; NULL: absent */
/* The arguments of the query in their order; NULL behind the last one. */
const char *http_query_name(const struct http_request *request, size_t index);
const char *http_query_value(const struct http_request *request, size_t index);
/* One more, copied, behind the last: what a handler found packed in another. ERR_INVALID: they are as many as a request may have. */
bool http_add_query(struct http_request *request, const char *name, const char *value, struct err *err);
const char *http_header(const struct http_request *request, const char *name); /* NULL: absent */
/*
 * All lines of a header that is a list, as one (RFC 9110 section 5.3), appended to out; nothing when there is none. False: they are more than out takes.
 */
struct text_buf;
bool http_header_list(const struct http_request *request, const char *name, struct text_buf *out);
const char *http_cookie(const struct http_request *request, const char *name);
const char *http_peer(const struct http_request *request); /* numeric address */
void http_body(const struct http_request *request, const void **bytes, size_t *length);
/* Parsed body, borrowed. ERR_INVALID with the place when it is no JSON object, deeper than 32, has duplicate keys or is not application/json. */
bool http_body_json(struct http_request *request, json_t **out, struct err *err);
/* The same of one dataset in the DICOM JSON model (PS3.18 annex F), alone or as the only one of an array; also as application/dicom+json. */
bool http_body_dicom_json(struct http_request *request, json_t **out, struct err *err);
/*
 * The body of a route of HTTP_BODY_STREAMED, as it comes: take() gets it in order in pieces of some 64 KiB, the connection reads on when it
 * returns; then finish() answers as a handler does. Both run on the thread pool and may block; no thread waits for the client. False
 * answers with *err, when what is left of the body has been read and dropped (of more than 64 MiB the connection is closed). A handler that
 * answers without this drops the body, too. fini is called once, always, on any thread: before the answer goes out, or when the client left, which
 * done() of the settings sees as the status 499.
 */
struct http_upload {
	bool (*take)(void *upload, const void *bytes, size_t length, struct err *err);
	bool (*finish)(void *upload, struct http_request *request, struct err *err);
	void (*fini)(void *upload);
	void *upload;
};
void http_take_body(struct http_request *request, const struct http_upload *upload);
/* The gate's and the handlers' own pointer on a request. */
void http_set_user(struct http_request *request, void *user);
void *http_user(const struct http_request *request);

/* Extra headers go before the reply call; value without CR, LF; one that lib/http sets by itself (Cache-Control, ...) replaces that. */
bool http_add_header(struct http_request *request, const char *name, const char *value, struct err *err);
bool http_reply_json(struct http_request *request, int status, json_t *json, struct err *err); /* steals json */
/* The same under another media type whose suffix is +json. */
bool http_reply_json_as(struct http_request *request, int status, const char *type, json_t *json, struct err *err);
bool http_reply_bytes(struct http_request *request, int status, const char *type, const void *bytes, size_t length,
                      struct err *err); /* copied */
/* As http_reply_bytes(), not copied: bytes must stay until the server is freed. */
bool http_reply_lasting(struct http_request *request, int status, const char *type, const void *bytes, size_t length,
                        struct err *err);
bool http_reply_file(struct http_request *request, const char *type, int fd, uint64_t size,
                     struct err *err); /* takes fd; Range and If-Range, sendfile */
/* As http_reply_file(), of so many bytes of the file from an offset on. */
bool http_reply_within(struct http_request *request, const char *type, int fd, uint64_t offset, uint64_t size,
                       struct err *err);
/* As http_reply_file(), of bytes on the heap, which are taken: free(3). */
bool http_reply_taken(struct http_request *request, const char *type, uint8_t *bytes, size_t length, struct err *err);
bool http_reply_empty(struct http_request *request, int status, struct err *err);
/*
 * The answer goes out uncompressed. For answers with a secret of the session: the length of a compressed text tells who can
 * make the browser ask, and read along, how much of it he guessed (BREACH).
 */
void http_keep_plain(struct http_request *request);
bool http_takes_gzip(const struct http_request *request);
/* Whether the client says that it has this entity tag ("\"...\"", with its quotes) already; then a 304 without body answers. */
bool http_has_tag(const struct http_request *request, const char *tag);
/*
 * Says that tag is what the answer has, a strong one, and weighs If-Match and If-None-Match (RFC 9110 section 13.2.2). *out_is_settled: 304 answers, and
 * nothing is left to do. ERR_CONFLICT with 412: the client wants another one. Before the reply, which heeds If-Range.
 */
bool http_weigh_tag(struct http_request *request, const char *tag, bool *out_is_settled, struct err *err);

/*
 * A streamed answer that is never whole in memory (long lists, studies): produce() is called until it sets *end.
 * It appends to `out` at least one byte or ends. It runs on the thread pool and may block. fini is called once, always, on any thread.
 * A false produce() breaks the connection, so that nobody takes a part for the whole; so does less than `length` bytes.
 *
 * at_hand, when there is one, is asked before produce(): it writes up to `size` bytes that it has without waiting, on the thread of the
 * connections, and returns their number; 0: produce() is to be called. The two are never called at once.
 */
struct http_stream {
	bool (*produce)(void *stream, struct text_buf *out, bool *end, struct err *err);
	void (*fini)(void *stream);
	void *stream;
	size_t (*at_hand)(void *stream, char *out, size_t size); /* NULL: nothing ever is */
	uint64_t length;                                         /* bytes of the whole; 0: not known */
};
bool http_reply_stream(struct http_request *request, int status, const char *type, const struct http_stream *stream,
                       struct err *err);

/*
 * Server-sent events (WHATWG HTML section 9.2). The connection is suspended; http_events_send() queues a message for every open stream
 * whose `user` the filter accepts. A stream whose queue passes 256 messages is closed: the browser reconnects with Last-Event-ID.
 * free_user is called once when the stream ends, also when this function fails. A comment is sent every 15 s. accepts() must not block.
 */
bool http_reply_events(struct http_request *request, void *user, void (*free_user)(void *user), struct err *err);
void http_events_send(struct http_server *server, const char *id, const char *event, const char *data,
                      bool (*accepts)(void *user, void *context), void *context);
/* Ends the streams whose user the filter accepts; it is asked from the newest stream to the oldest. */
void http_events_end(struct http_server *server, bool (*accepts)(void *user, void *context), void *context);
int http_events_open(struct http_server *server);
/* Shows the user of every open stream; look() must not block. */
void http_events_each(struct http_server *server, void (*look)(void *user, void *context), void *context);

/*
 * WebSockets (RFC 6455), from us to the client; what a client sends is read and dropped (messages of more than 4 KiB end it). Any number of them
 * cost one thread. A ping goes out as often as a comment does to event streams; who does not answer three of them is closed, and so is who reads so slowly that
 * 2,048 messages or 2 MiB wait.
 */
enum {
	HTTP_SOCKET_LEAVING =
	    1001, /* codes of RFC 6455 section 7.4.1: the server stops, or wants the client to come again */
	HTTP_SOCKET_REFUSED = 1008, /* the right to it ended */
	HTTP_SOCKET_SLOW = 1013,    /* try again later (IANA) */
	HTTP_SOCKET_SILENT = 1002
};
/* Whether the request is a handshake, by HTTP/1.1. Else ERR_INVALID: 426, or 400 when its key is none. */
bool http_wants_socket(struct http_request *request, struct err *err);
/*
 * Makes the connection a WebSocket. What is sent from now on waits for the handshake. free_user is called once when the socket ends, also when this function fails.
 * The caller has looked at Origin: a browser sends its cookies along from any page.
 */
bool http_reply_socket(struct http_request *request, void *user, void (*free_user)(void *user), struct err *err);
/* A text message to every socket whose user the filter accepts, which must not block. */
void http_sockets_send(struct http_server *server, const char *text, bool (*accepts)(void *user, void *context),
                       void *context);
/*
 * Closes them with a code and a reason of at most 123 bytes; asked from the newest to the oldest. One that is refused a second time is waited for no
 * more: who opens many and answers no close frame would hold a connection for each.
 */
void http_sockets_end(struct http_server *server, int code, const char *reason,
                      bool (*accepts)(void *user, void *context), void *context);
int http_sockets_open(struct http_server *server);
/* As http_events_each(); not those that are being closed. */
void http_sockets_each(struct http_server *server, void (*look)(void *user, void *context), void *context);

#endif
