/*
 * What the files of lib/http share. One thread serves all connections (libmicrohttpd, epoll); it never runs a handler: a request whose
 * body is there is suspended, a worker answers it, and the connection is resumed with the answer ready.
 *
 * A request belongs to the connection thread until work_push(), then to one worker until MHD_resume_connection(), then to
 * the connection thread again. So its fields need no lock.
 */
#ifndef YQ_HTTP_INTERNAL_H
#define YQ_HTTP_INTERNAL_H

#include <microhttpd.h>
#include <pthread.h>
#include <sys/socket.h>

#include "lib/base/text.h"
#include "lib/http/http.h"

enum {
	HTTP_PARAMS_MAX = 6,
	HTTP_QUERY_MAX = 32,
	HTTP_HEADERS_MAX = 16,
	HTTP_PEER_SIZE = 48,
	HTTP_CONNECTION_MEMORY = 32 * 1024, /* request line and headers; longer ones are 431 */
	HTTP_TARGET_MAX = 24 * 1024,        /* of these, the address; see target.c */
	HTTP_BODY_DROP_MAX = 1024 * 1024,   /* of a body that is too large, so that its sender reads the 413 */
	HTTP_PIECE = 64 * 1024,             /* of a streamed body, at least, before a worker takes it */
};

struct http_pair {
	char *name, *value; /* heap */
};

/* HTTP_HUNG_UP: answered past libmicrohttpd, and the connection is shut down. */
enum http_phase { HTTP_READING, HTTP_WORKING, HTTP_ANSWERED, HTTP_HUNG_UP };

struct http_request {
	struct http_server *server;
	struct MHD_Connection *connection;
	const struct http_route *route;
	enum http_phase phase;
	char id[TEXT_UUID_SIZE];
	char peer[HTTP_PEER_SIZE];
	char *method, *path;
	struct http_pair params[HTTP_PARAMS_MAX], query[HTTP_QUERY_MAX], headers[HTTP_HEADERS_MAX];
	size_t param_count, query_count, header_count;
	struct text_buf body;
	bool is_http_1_0;    /* or something older still: its connection cannot be upgraded */
	bool is_half_closed; /* its client sends no more, and waits for the answer */
	bool is_plain;       /* never compressed */
	size_t dropped;      /* bytes of the body beyond body_max, or behind an early answer */
	struct http_upload upload;
	bool is_streamed, has_begun, is_whole; /* of a streamed body: its handler ran; all of it came */
	bool has_upload;                       /* upload.fini is due */
	bool is_told;                          /* done() ran */
	json_t *json;
	void *user;
	struct MHD_Response *response;
	struct lane *lane;              /* that it runs or waits in; NULL: none */
	struct http_request *lane_next; /* that waits behind it */
	struct http_socket *socket;     /* that is not handed over yet */
	int status;
	int64_t started_ms;
};

/* One unit for the workers. */
struct work_item {
	void (*run)(void *subject);
	void *subject;
	struct work_item *next;
};

struct work_pool {
	pthread_mutex_t lock;
	pthread_cond_t more;
	struct work_item *first, **last;
	pthread_t *threads;
	int count;
	bool stopping;
};
bool work_start(struct work_pool *pool, int threads, struct err *err);
/* False: the pool is stopping, nothing will run. */
bool work_push(struct work_pool *pool, void (*run)(void *subject), void *subject);
void work_stop(struct work_pool *pool); /* runs what was pushed, then ends the threads. Once more is harmless */
void work_free(struct work_pool *pool);

/* A connection whose request is awaited or arriving; deadline_ms 0: nothing is awaited from the client. */
struct guard_client {
	int fd;
	int64_t deadline_ms;
	struct guard_client *previous, *next;
};
struct guard {
	pthread_mutex_t lock;
	struct guard_client *first;
	int64_t timeout_ms;
};
void guard_notify(void *guard, struct MHD_Connection *connection, void **socket_context,
                  enum MHD_ConnectionNotificationCode code);
void guard_expect(struct guard *guard, struct MHD_Connection *connection); /* a request is awaited from now */
void guard_credit(struct guard *guard, struct MHD_Connection *connection, size_t bytes); /* some of it came */
void guard_rest(struct guard *guard, struct MHD_Connection *connection);                 /* it is whole */
void guard_sweep(struct guard *guard, int64_t now_ms);

/* lane.c */
struct lane;
struct lanes {
	pthread_mutex_t lock;
	int width, most; /* how many of one lane run at once, and of all of them together */
	int running;
	struct lane *first, **last; /* in the order of their turns */
};
enum lane_place { LANE_RUNS, LANE_WAITS, LANE_FULL };
void lanes_init(struct lanes *lanes, int width, int most);
void lanes_fini(struct lanes *lanes);
/* LANE_WAITS: the request is not the caller's any more; lane_leave() gives it to whoever left before it. */
enum lane_place lane_enter(struct lanes *lanes, const char *name, struct http_request *request);
/* What runs next in its stead, or NULL. A request without a lane may leave as well. */
struct http_request *lane_leave(struct lanes *lanes, struct http_request *request);

struct event_stream;
struct event_hub {
	pthread_mutex_t lock;
	struct event_stream *first;
	int open;
	bool closed;
};
void events_comment(struct event_hub *hub); /* to every open stream */
void events_close(struct event_hub *hub);   /* ends them all, and later ones at once */

struct http_socket;
enum { SOCKET_TICK_MS = 1000 }; /* or as often as pings are due */
struct socket_hub {
	pthread_mutex_t lock;
	struct http_socket *first;
	int open;
	bool closed, runs;
	bool ends; /* no handler is left that could open one */
	int epoll_fd, wake_fd;
	int64_t ping_every_ms;
	pthread_t thread;
};
bool sockets_start(struct socket_hub *hub, int64_t ping_every_ms, struct err *err);
void sockets_close(struct socket_hub *hub); /* ends them all, and later ones at once */
/* Waits for the thread, which ends when no socket is left: behind sockets_close(), and when no handler runs any more. */
void sockets_stop(struct socket_hub *hub);
void sockets_fini(struct socket_hub *hub);
/* handshake.c: Sec-WebSocket-Accept of a key that http_wants_socket() let pass */
enum { HANDSHAKE_ACCEPT_SIZE = 32 };
void handshake_accept(const char *key, char out[HANDSHAKE_ACCEPT_SIZE]);
/* Of a request that ended without its handshake. */
void socket_abandon(struct http_socket *socket);

struct http_server {
	struct http_settings settings;
	struct MHD_Daemon *daemon;
	int listen_fd, wake_fd;
	bool stopping; /* atomic */
	struct work_pool work;
	struct guard guard;
	struct lanes lanes;
	struct event_hub hub;
	struct socket_hub sockets;
	pthread_t ticker;
	bool ticks;
};

/* route.c */
bool route_decode(const char *text, size_t length, char **out, struct err *err); /* *out: heap */
/*
 * Finds the route for request->method and ->path and fills ->route and ->params. ERR_NOT_FOUND: no pattern fits; ERR_REFUSED with
 * ERR_SOURCE_HTTP 405: patterns fit with other methods, *allow (heap) lists them.
 */
bool route_find(const struct http_server *server, struct http_request *request, char **allow, struct err *err);
/* Whether the segment patterns of a route are well-formed; a wrong one is a bug and panics. */
void route_check(const struct http_route *routes, size_t count);

/* request.c */
struct http_request *request_new(struct http_server *server, struct MHD_Connection *connection, const char *method,
                                 const char *path);
bool request_read_query(struct http_request *request, struct err *err);
void request_free(struct http_request *request);
bool request_is_safe(const struct http_request *request); /* GET and HEAD: it changes nothing */

/* head.c. ERR_INVALID, and the connection is closed behind the answer: Host, or what says the length of the body, came twice. */
bool head_check(struct http_request *request, struct err *err);

/*
 * target.c, for MHD_OPTION_URI_LOG_CALLBACK: gives NULL, or when the address is too long the request that was answered so (HTTP_HUNG_UP).
 */
void *target_weigh(void *server, const char *target, struct MHD_Connection *connection);

/* upload.c: streamed bodies. A piece, and behind the last; true: the answer is there already, else a worker has the request. */
enum MHD_Result upload_receive(struct http_request *request, const char *bytes, size_t *length);
bool upload_end(struct http_request *request);
/* The client has left in the middle; takes the request. */
void upload_abandon(struct http_request *request);

/* server.c */
void request_tell_done(struct http_request *request);

/* reply.c */
void reply_problem(struct http_request *request, const struct err *err); /* replaces an answer that is there */
/* Its body, heap. */
char *reply_problem_text(const struct http_request *request, const struct err *err, int *out_status);
/* What the handler added under this name; NULL: nothing. */
const char *reply_header(const struct http_request *request, const char *name);
/* Puts the common headers on response and makes it the answer. Takes response. */
void reply_finish(struct http_request *request, int status, const char *type, struct MHD_Response *response);

/* header_list.c: whether If-Match is absent or names the tag */
bool header_list_admits(const struct http_request *request, const char *tag);

/* negotiate.c; a header that is absent is NULL */
bool negotiate_gzip(const char *accept_encoding);
bool negotiate_has_tag(const char *if_none_match, const char *tag);
bool negotiate_is_tag(const char *if_match, const char *tag);               /* compared strongly */
void *negotiate_pack(const void *bytes, size_t length, size_t *out_length); /* gzip, heap */

#endif
