#include "tests/support/certificates.h"

#include <stdlib.h>

#include "lib/base/clock.h"
#include "lib/domain/key_file.h"
#include "lib/domain/signer_cert.h"

static const int64_t day_us = INT64_C(86400) * 1000000;

static void must(bool ok, const struct err *err)
{
	if (!ok)
		err_panic("a certificate of a test: %s", err->text);
}

void test_authority_make(struct test_authority *out, const char *name)
{
	struct signer_subject subject = {.common_name = name, .days = 3650, .now_us = clock_wall_us() - 400 * day_us};
	struct err err;
	char *key_pem;

	*out = (struct test_authority){NULL};
	must(signer_key_generate(true, &out->key, &err), &err);
	must(signer_certificate_new(&subject, out->key, NULL, NULL, &out->certificate, &err), &err);
	must(key_pair_pem(out->key, out->certificate, NULL, &key_pem, &out->pem, &err), &err);
	free(key_pem);
}

void test_authority_drop(struct test_authority *authority)
{
	X509_free(authority->certificate);
	EVP_PKEY_free(authority->key);
	free(authority->pem);
}

void test_certificate_make(const struct test_authority *by, const char *name, const char *hosts, int from_days,
                           int days, struct test_certificate *out)
{
	struct signer_subject subject = {
	    .common_name = name, .days = days, .now_us = clock_wall_us() + from_days * day_us, .hosts = hosts};
	EVP_PKEY *key = NULL;
	X509 *certificate = NULL;
	struct err err;

	must(signer_key_generate(true, &key, &err), &err);
	must(signer_certificate_new(&subject, key, by->certificate, by->key, &certificate, &err), &err);
	must(key_pair_pem(key, certificate, by->certificate, &out->key_pem, &out->pem, &err), &err);
	X509_free(certificate);
	EVP_PKEY_free(key);
}

void test_certificate_drop(struct test_certificate *certificate)
{
	free(certificate->key_pem);
	free(certificate->pem);
}
