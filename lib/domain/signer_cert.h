/*
 * X.509 certificates (RFC 5280) that an installation makes itself: of its authorities, of persons, and of machines that speak TLS. Knows no files and
 * no ledger.
 */
#ifndef YQ_DOMAIN_SIGNER_CERT_H
#define YQ_DOMAIN_SIGNER_CERT_H

#include <openssl/x509.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/base/err.h"

struct signer_subject {
	const char *common_name,
	    *organisation; /* UTF-8, 1 to 64 characters (X.520 upper bounds); organisation may be NULL */
	const char *unit;  /* NULL: none */
	int days;          /* of validity, from an hour before `now_us` */
	int64_t now_us;
	const char *hosts; /* of a machine: DNS names and addresses, with blanks or commas between; NULL: no machine */
};

/* P-256 (true) or RSA 2048. *out: EVP_PKEY_free(). */
bool signer_key_generate(bool elliptic, EVP_PKEY **out, struct err *err);

/* The subject of a certificate in DER as RFC 4514 writes it, UTF-8, cut to the buffer. ERR_CORRUPT: no certificate. */
bool signer_certificate_subject(const void *der, size_t length, char *out, size_t out_size, struct err *err);

/*
 * A certificate over key. issuer NULL: self-signed CA (basicConstraints CA, pathlen 0, keyCertSign); else a person's: digitalSignature and
 * nonRepudiation, a machine's for both sides of TLS; never a CA, not longer than its issuer. Serial: 127 random bits. *out: X509_free().
 */
bool signer_certificate_new(const struct signer_subject *subject, EVP_PKEY *key, X509 *issuer, EVP_PKEY *issuer_key,
                            X509 **out, struct err *err);

#endif
