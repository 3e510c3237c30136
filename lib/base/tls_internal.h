/* What the files of tls.h share. */
#ifndef YQ_BASE_TLS_INTERNAL_H
#define YQ_BASE_TLS_INTERNAL_H

#include <openssl/ssl.h>

#include "lib/base/tls.h"

enum { TLS_FAULT_SIZE = 320 };

struct tls_context {
	SSL_CTX *ssl;
	bool has_certificate; /* of ours */
};

struct tls {
	SSL *ssl;
	int fd;
	bool is_client, has_own;    /* has_own: we have a certificate */
	bool was_asked;             /* for it, by the server */
	bool is_shaken, has_read;   /* the handshake is done; data came since */
	bool is_more, has_ended;    /* of the write under way; of the stream of bytes */
	size_t unread;              /* bytes of TLS that came since data came */
	bool is_trusted, has_shown; /* the peer's certificate is trusted; it showed one at all */
	struct certificate shown;
	char host[256]; /* that a client wanted */
	char fault[TLS_FAULT_SIZE];
};

/* Judges the certificate of the peer of one connection, whose SSL has its struct tls as app data. */
int tls_judge(X509_STORE_CTX *store, void *unused);

#endif
