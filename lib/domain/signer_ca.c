#include "lib/domain/signer_ca.h"

#include <limits.h>
#include <openssl/crypto.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "lib/base/clock.h"
#include "lib/base/conf.h"
#include "lib/base/file.h"
#include "lib/base/text.h"
#include "lib/domain/key_file.h"
#include "lib/domain/signer_cert.h"
#include "lib/domain/signer_issue.h"
#include "lib/domain/signer_key.h"
#include "lib/domain/signer_seal.h"

enum { CA_DAYS = 3650, PERSON_DAYS = 1095 };

static bool make_ca(struct err *err)
{
	char tag[5], name[64];
	uint8_t random[2];
	struct signer_subject subject = {name, "影桥 Yingqiao", "演示 无法律效力", CA_DAYS, clock_wall_us(), NULL};
	EVP_PKEY *key = NULL;
	X509 *certificate = NULL;
	bool ok;

	/* Two installations' roots are told apart by name, not only by key. */
	text_random(random, sizeof random);
	text_hex(random, sizeof random, tag);
	snprintf(name, sizeof name, "影桥演示CA %s", tag);
	ok = signer_key_generate(false, &key, err) &&
	     signer_certificate_new(&subject, key, NULL, NULL, &certificate, err) &&
	     key_pair_write("demo-ca", key, certificate, NULL, err);
	X509_free(certificate);
	EVP_PKEY_free(key);
	return ok;
}

static bool make_missing(struct err *err)
{
	bool is_there = false;

	return signer_master_key_init(err) && key_pair_exists("demo-ca", &is_there, err) && (is_there || make_ca(err));
}

bool signer_ca_init(struct err *err)
{
	int lock_fd = -1;
	bool ok;

	if (!key_files_lock(&lock_fd, err))
		return false;
	ok = make_missing(err);
	close(lock_fd);
	return ok;
}

static bool find_ca(char path[PATH_MAX], struct err *err)
{
	bool there = false;

	if (!conf_path(path, PATH_MAX, err, "keys/demo-ca.pem") || !key_file_exists(path, &there, err))
		return false;
	return there || err_set(err, ERR_NOT_FOUND, "cannot find %s (yqctl ca init makes it)", path);
}

bool signer_ca_pem(char **out, struct err *err)
{
	char path[PATH_MAX];
	size_t length = 0;

	return find_ca(path, err) && file_read_all(path, KEY_FILE_PEM_MAX, out, &length, err);
}

static struct signer_bytes der_of(X509 *certificate)
{
	unsigned char *der = NULL;
	int length = i2d_X509(certificate, &der);

	if (length <= 0)
		err_panic("out of memory for a certificate");
	return (struct signer_bytes){der, (size_t)length};
}

static bool describe(EVP_PKEY *key, X509 *certificate, X509 *ca, struct signer_issued *out, struct err *err)
{
	unsigned char *der = NULL;
	int key_length = i2d_PrivateKey(key, &der);
	struct tm from, until;

	if (key_length <= 0 || ASN1_TIME_to_tm(X509_get0_notBefore(certificate), &from) != 1 ||
	    ASN1_TIME_to_tm(X509_get0_notAfter(certificate), &until) != 1) {
		OPENSSL_clear_free(der, key_length > 0 ? (size_t)key_length : 0);
		return signer_openssl_error(err, ERR_INVALID, "cannot keep the new certificate");
	}
	out->key_der = der;
	out->key_length = (size_t)key_length;
	out->chain[0] = der_of(certificate);
	out->chain[1] = der_of(ca);
	out->valid_from_us = (int64_t)timegm(&from) * 1000000;
	out->valid_until_us = (int64_t)timegm(&until) * 1000000;
	return true;
}

bool signer_issue(const char *common_name, const char *organisation, struct signer_issued *out, struct err *err)
{
	struct signer_subject subject = {common_name, organisation,    "演示签名 无法律效力",
	                                 PERSON_DAYS, clock_wall_us(), NULL};
	EVP_PKEY *ca_key = NULL, *key = NULL;
	X509 *ca = NULL, *certificate = NULL;
	char path[PATH_MAX];
	bool ok = find_ca(path, err) && key_pair_read("demo-ca", &ca_key, &ca, err) &&
	          signer_key_generate(SIGNER_ELLIPTIC, &key, err) &&
	          signer_certificate_new(&subject, key, ca, ca_key, &certificate, err) &&
	          describe(key, certificate, ca, out, err);

	X509_free(certificate);
	EVP_PKEY_free(key);
	X509_free(ca);
	EVP_PKEY_free(ca_key);
	return ok;
}

void signer_issued_fini(struct signer_issued *issued)
{
	OPENSSL_clear_free(issued->key_der, issued->key_length);
	for (size_t i = 0; i < 2; i++)
		OPENSSL_free((void *)(uintptr_t)issued->chain[i].data);
	memset(issued, 0, sizeof *issued);
}
