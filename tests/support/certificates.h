/* Authorities and certificates of machines, good and bad, for tests of TLS. All texts are PEM. */
#ifndef YQ_TESTS_SUPPORT_CERTIFICATES_H
#define YQ_TESTS_SUPPORT_CERTIFICATES_H

#include <openssl/x509.h>

struct test_authority {
	EVP_PKEY *key;
	X509 *certificate;
	char *pem;
};
void test_authority_make(struct test_authority *out, const char *name);
void test_authority_drop(struct test_authority *authority);

struct test_certificate {
	char *key_pem, *pem; /* pem: with the authority behind it */
};
/* Holds from an hour before `from_days` days from now, for `days` days. */
void test_certificate_make(const struct test_authority *by, const char *name, const char *hosts, int from_days,
                           int days, struct test_certificate *out);
void test_certificate_drop(struct test_certificate *certificate);

#endif
