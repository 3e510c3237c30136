/*
 * X.509 certificates (RFC 5280) as one looks at them from outside: whose, until when, and the fingerprint by which one is told from every other.
 * Makes none and judges none; what connections think of a peer's is tls.h.
 */
#ifndef YQ_BASE_CERTIFICATE_H
#define YQ_BASE_CERTIFICATE_H

#include <openssl/x509.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/base/err.h"

#ifdef __cplusplus
extern "C" {
#endif

enum { CERTIFICATE_SHA256_SIZE = 65, CERTIFICATE_NAME_SIZE = 300, CERTIFICATE_MAX = 16 * 1024 };

struct certificate {
	char sha256[CERTIFICATE_SHA256_SIZE]; /* of its DER, small hexadecimal digits */
	char subject[CERTIFICATE_NAME_SIZE];  /* RFC 4514, UTF-8, cut */
	char names[CERTIFICATE_NAME_SIZE]; /* hosts that it is for: DNS names and addresses, with blanks between; cut */
	int64_t from_us, until_us;         /* the time for which it holds, both ends included */
};

/* The first certificate of a PEM text, or the one that is DER. ERR_INVALID: it is neither. */
bool certificate_read(const void *bytes, size_t length, struct certificate *out, struct err *err);
/* Its DER, at most CERTIFICATE_MAX. *out: free(3). */
bool certificate_der(const void *bytes, size_t length, uint8_t **out, size_t *out_length, struct err *err);
/* False: it has no fingerprint or no times, which happens to nothing that OpenSSL has parsed. */
bool certificate_describe(X509 *certificate, struct certificate *out);

/* A fingerprint as people write it: 64 hexadecimal digits of either case, perhaps with colons or blanks between. False: it is none. */
bool certificate_parse_sha256(const char *text, char out[CERTIFICATE_SHA256_SIZE]);

#ifdef __cplusplus
}
#endif
#endif
