/*
 * TLS (RFC 8446, RFC 5246) over sockets that somebody else waits for: contexts of one's own certificate and of whom one trusts, and
 * connections as a machine without blocking. Version 1.2 at least, with authenticated ciphers and fresh keys only (RFC 9325, PS3.15 annex B).
 * No compression, no renegotiation, no resumption, no early data. Knows nothing of what is said inside.
 *
 * The server only has its peer prove that it holds the key of the certificate that it shows; whether that one may come is decided by
 * whoever reads tls_peer(). The client takes nobody but whom it trusts.
 *
 * Threads: a context is shared by any; a connection belongs to one at a time. No key and no password is ever asked for on a terminal.
 */
#ifndef YQ_BASE_TLS_H
#define YQ_BASE_TLS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/base/certificate.h"
#include "lib/base/err.h"

#ifdef __cplusplus
extern "C" {
#endif

struct tls_context;
struct tls;

/* PEM texts, borrowed during the call. */
struct tls_identity {
	const char *certificate_pem; /* ours, then its issuers; NULL or empty: none */
	const char *private_key_pem; /* of the first one, without a password */
	const char
	    *trust_pem; /* whom to trust: authorities, or certificates of peers themselves. Empty: see the makers */
};

/* asks: the client is to show a certificate, though it need not. Without trust_pem nobody is trusted. ERR_INVALID: what is wrong with which text. */
bool tls_context_server(const struct tls_identity *identity, bool asks, struct tls_context **out, struct err *err);
/* Without trust_pem the authorities of the system are trusted. */
bool tls_context_client(const struct tls_identity *identity, struct tls_context **out, struct err *err);
/* Connections made with it live on. NULL is fine. */
void tls_context_free(struct tls_context *context);

/* fd stays the caller's, and must be open as long as the connection. */
struct tls *tls_new_server(struct tls_context *context, int fd);
/*
 * host: DNS name or address that the certificate must be for. A certificate that stands itself in trust_pem need not name it: who put it
 * there has said who this is.
 */
struct tls *tls_new_client(struct tls_context *context, int fd, const char *host);
/* Says goodbye (close_notify) if that goes at once. NULL is fine. */
void tls_free(struct tls *tls);

enum tls_turn {
	TLS_DONE,
	TLS_WANTS_READ,  /* nothing is lost: again when the socket can be read */
	TLS_WANTS_WRITE, /* again when it can be written; a write with the same bytes */
	TLS_ENDED,       /* the peer closed */
	TLS_FAILED       /* no more can be said on this connection; tls_fault() says why */
};
enum tls_turn tls_handshake(struct tls *tls);
enum tls_turn tls_read(struct tls *tls, void *out, size_t size, size_t *out_length);
/* is_more: the rest of what belongs together follows at once, so that the kernel may wait for it. */
enum tls_turn tls_write(struct tls *tls, const void *bytes, size_t length, bool is_more, size_t *out_length);
/* Something can be read of which the socket no longer knows. */
bool tls_has_pending(const struct tls *tls);
/* A part of something has come, and the rest has not. */
bool tls_is_amid(const struct tls *tls);

/* Why it ended or failed, for people: "its certificate ended on 2026-05-01"; "" while all is well. Borrowed. */
const char *tls_fault(const struct tls *tls);
/* "TLSv1.3", borrowed; after the handshake. */
const char *tls_version(const struct tls *tls);

struct tls_peer {
	bool has_certificate;
	struct certificate certificate;
	bool is_trusted; /* it is one of trust_pem, or comes of one */
	bool is_current; /* it holds today */
};
/* After the handshake. */
void tls_peer(const struct tls *tls, struct tls_peer *out);

#ifdef __cplusplus
}
#endif
#endif
