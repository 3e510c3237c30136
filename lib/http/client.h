/*
 * The other end of HTTP, over libcurl: one request after another to one peer of somebody's choosing, and, for protocols that have nothing of
 * HTTP but the way there, a bare line (TCP, or TLS over it). Knows neither deliveries nor the ledger.
 *
 * A peer is not trusted: only http and https, no redirect is followed (so credentials go nowhere else), no proxy of the environment, no
 * decompression, answers are bounded in size and time. TLS is 1.2 or later, the peer's certificate and name are always verified.
 *
 * Kinds of errors: TEMPORARY, the peer could not be reached or cannot have understood the whole request; UNKNOWN_OUTCOME, the whole
 * request went out and no answer came. A setting that cannot work (address, certificate) is TEMPORARY, too: somebody will correct it. The texts hold
 * no path and no body.
 * Threads: a client or line belongs to one at a time.
 */
#ifndef YQ_HTTP_CLIENT_H
#define YQ_HTTP_CLIENT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/base/err.h"
#include "lib/base/text.h"

/* Everything is borrowed while the client lives; texts are never NULL, empty: none. */
struct http_peer {
	const char *url;
	const char *user, *password;
	const char *token;                             /* bearer; goes before user and password */
	const char *trust_pem;                         /* whom to trust; empty: the system's authorities */
	const char *certificate_pem, *private_key_pem; /* ours */
	int64_t connect_timeout_ms;                    /* name, TCP and TLS together */
	int64_t
	    answer_timeout_ms; /* without a byte of the request that goes out; and from its last byte to the last of the answer */
};

/* The bytes of a request, read where they lie, perhaps more than once. */
struct http_source {
	/* Fills out, *out_length > 0 of it. */
	bool (*read_at)(void *context, uint64_t offset, void *out, size_t size, size_t *out_length, struct err *err);
	void *context;
	uint64_t size;
};

struct http_ask {
	const char *method;
	const char *path;                 /* behind the url of the peer; "" for the url itself */
	const char *const *headers;       /* "Name: value", NULL behind the last; NULL: none */
	const struct http_source *source; /* NULL: no body */
	size_t answer_max;
};

struct http_answer {
	int status;
	bool is_cut;            /* the status came, but the body is too large or did not come to its end */
	int64_t retry_after_ms; /* as the peer asked, at most a day; 0: it did not */
	struct text_buf body;   /* http_answer_fini() */
};
void http_answer_fini(struct http_answer *answer);

struct http_client;
/* TEMPORARY: certificate without key, or an address that is none. */
bool http_client_new(const struct http_peer *peer, struct http_client **out, struct err *err);
void http_client_free(struct http_client *client); /* NULL is fine */

/* True: the peer answered, whatever. The connection is kept for the next. An error of the source comes back as it is. */
bool http_client_ask(struct http_client *client, const struct http_ask *ask, struct http_answer *out, struct err *err);

/* Bytes in memory as a source. */
struct http_bytes {
	const void *bytes;
	size_t length;
};
struct http_source http_source_of(const struct http_bytes *bytes);

/* ---- the way --------------------------------------------------------------------------------------------------------- */

/* How far the last try came, for whoever looks for a fault. */
enum http_phase { HTTP_PHASE_NAME, HTTP_PHASE_TCP, HTTP_PHASE_TLS, HTTP_PHASE_REQUEST, HTTP_PHASE_DONE };
struct http_way {
	bool has_tls;
	enum http_phase reached;             /* what did not succeed; DONE: all did */
	int64_t elapsed_ms[HTTP_PHASE_DONE]; /* of each phase that was begun */
};
void http_client_way(const struct http_client *client, struct http_way *out);

/* ---- a bare line ----------------------------------------------------------------------------------------------------------- */

/* peer->url is http://host:port or, with TLS, https://host:port. Sends nothing yet. */
bool http_line_open(const struct http_peer *peer, struct http_client **out, struct http_way *way, struct err *err);
/* TEMPORARY when not all of it went out. */
bool http_line_send(struct http_client *line, const void *bytes, size_t length, struct err *err);
/* What is there, or comes until the monotonic time; *out_length 0: the peer has closed. TEMPORARY: nothing came. */
bool http_line_receive(struct http_client *line, void *out, size_t size, int64_t until_ms, size_t *out_length,
                       struct err *err);

#endif
