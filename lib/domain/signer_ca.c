#include "lib/domain/signer_ca.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <openssl/crypto.h>
#include <openssl/pem.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <time.h>
#include <unistd.h>

#include "lib/base/clock.h"
#include "lib/base/conf.h"
#include "lib/base/file.h"
#include "lib/base/text.h"
#include "lib/domain/signer_cert.h"
#include "lib/domain/signer_issue.h"
#include "lib/domain/signer_key.h"
#include "lib/domain/signer_seal.h"

enum { CA_DAYS = 3650, PERSON_DAYS = 1095, PEM_MAX = 64 * 1024 };

static bool exists(const char *path, bool *out, struct err *err)
{
	if (access(path, F_OK) == 0)
		*out = true;
	else if (errno == ENOENT)
		*out = false;
	else
		return err_set_errno(err, ERR_TEMPORARY, errno, "could not look at %s", path);
	return true;
}

static bool write_bio(BIO *bio, const char *path, mode_t mode, struct err *err)
{
	char *data = NULL;
	long length = BIO_get_mem_data(bio, &data);

	return file_replace(path, data, (size_t)length, mode, err);
}

/* The certificate goes first: a key without certificate would never be used, and both are made anew together. */
static bool keep_ca(EVP_PKEY *key, X509 *certificate, struct err *err)
{
	char path[PATH_MAX];
	BIO *bio = BIO_new(BIO_s_mem()), *secret = BIO_new(BIO_s_secmem());
	bool ok = bio && secret && PEM_write_bio_X509(bio, certificate) == 1 &&
	          PEM_write_bio_PKCS8PrivateKey(secret, key, NULL, NULL, 0, NULL, NULL) == 1;

	if (!ok)
		signer_openssl_error(err, ERR_INVALID, "cannot write the demo CA");
	ok = ok && conf_path(path, sizeof path, err, "keys/demo-ca.pem") && write_bio(bio, path, 0644, err) &&
	     conf_path(path, sizeof path, err, "keys/demo-ca.key") && write_bio(secret, path, 0600, err);
	BIO_free(bio);
	BIO_free(secret);
	return ok;
}

static bool make_ca(struct err *err)
{
	char tag[5], name[64];
	uint8_t random[2];
	struct signer_subject subject = {name, "影桥 Yingqiao", "演示 无法律效力", CA_DAYS, clock_wall_us()};
	EVP_PKEY *key = NULL;
	X509 *certificate = NULL;
	bool ok;

	/* Two installations' roots are told apart by name, not only by key. */
	text_random(random, sizeof random);
	text_hex(random, sizeof random, tag);
	snprintf(name, sizeof name, "影桥演示CA %s", tag);
	ok = signer_key_generate(false, &key, err) &&
	     signer_certificate_new(&subject, key, NULL, NULL, &certificate, err) && keep_ca(key, certificate, err);
	X509_free(certificate);
	EVP_PKEY_free(key);
	return ok;
}

static bool make_missing(struct err *err)
{
	char key_path[PATH_MAX], pem_path[PATH_MAX];
	bool has_key = false, has_pem = false;

	if (!signer_master_key_init(err) || !conf_path(key_path, sizeof key_path, err, "keys/demo-ca.key") ||
	    !conf_path(pem_path, sizeof pem_path, err, "keys/demo-ca.pem") || !exists(key_path, &has_key, err) ||
	    !exists(pem_path, &has_pem, err))
		return false;
	if (has_key && has_pem)
		return true;
	if (has_key)
		return err_set(err, ERR_CORRUPT, "cannot use the demo CA: %s is there, %s is missing", key_path,
		               pem_path);
	return make_ca(err);
}

/* Waits for another program that makes the same files: it is done in a moment. */
static bool lock_keys(int *out_fd, struct err *err)
{
	char path[PATH_MAX];
	int fd;

	if (!conf_path(path, sizeof path, err, "keys/.lock"))
		return false;
	fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
	if (fd < 0)
		return err_set_errno(err, ERR_TEMPORARY, errno, "could not open %s", path);
	while (flock(fd, LOCK_EX) != 0) {
		if (errno == EINTR)
			continue;
		err_set_errno(err, ERR_TEMPORARY, errno, "could not lock %s", path);
		close(fd);
		return false;
	}
	*out_fd = fd;
	return true;
}

bool signer_ca_init(struct err *err)
{
	char directory[PATH_MAX];
	int lock_fd = -1;
	bool ok;

	if (!conf_path(directory, sizeof directory, err, "keys") || !file_make_dirs(directory, 0700, err) ||
	    !lock_keys(&lock_fd, err))
		return false;
	ok = make_missing(err);
	close(lock_fd);
	return ok;
}

bool signer_ca_pem(char **out, struct err *err)
{
	char path[PATH_MAX];
	size_t length = 0;
	bool there = false;

	if (!conf_path(path, sizeof path, err, "keys/demo-ca.pem") || !exists(path, &there, err))
		return false;
	if (!there)
		return err_set(err, ERR_NOT_FOUND, "cannot find %s (yqctl ca init makes it)", path);
	return file_read_all(path, PEM_MAX, out, &length, err);
}

static bool read_ca(EVP_PKEY **out_key, X509 **out_certificate, struct err *err)
{
	char path[PATH_MAX], *secret = NULL, *pem = NULL;
	size_t length = 0;
	BIO *key_bio, *certificate_bio;

	if (!signer_ca_pem(&pem, err))
		return false;
	if (!conf_path(path, sizeof path, err, "keys/demo-ca.key") ||
	    !file_read_all(path, PEM_MAX, &secret, &length, err)) {
		free(pem);
		return false;
	}
	key_bio = BIO_new_mem_buf(secret, (int)length);
	certificate_bio = BIO_new_mem_buf(pem, -1);
	*out_key = PEM_read_bio_PrivateKey(key_bio, NULL, NULL, NULL);
	*out_certificate = PEM_read_bio_X509(certificate_bio, NULL, NULL, NULL);
	BIO_free(key_bio);
	BIO_free(certificate_bio);
	OPENSSL_cleanse(secret, length);
	free(secret);
	free(pem);
	if (*out_key && *out_certificate && X509_check_private_key(*out_certificate, *out_key) == 1)
		return true;
	return signer_openssl_error(err, ERR_CORRUPT,
	                            "cannot use the demo CA: key and certificate do not belong together");
}

static struct signer_bytes certificate_der(X509 *certificate)
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
	out->chain[0] = certificate_der(certificate);
	out->chain[1] = certificate_der(ca);
	out->valid_from_us = (int64_t)timegm(&from) * 1000000;
	out->valid_until_us = (int64_t)timegm(&until) * 1000000;
	return true;
}

bool signer_issue(const char *common_name, const char *organisation, struct signer_issued *out, struct err *err)
{
	struct signer_subject subject = {common_name, organisation, "演示签名 无法律效力", PERSON_DAYS,
	                                 clock_wall_us()};
	EVP_PKEY *ca_key = NULL, *key = NULL;
	X509 *ca = NULL, *certificate = NULL;
	bool ok = read_ca(&ca_key, &ca, err) && signer_key_generate(SIGNER_ELLIPTIC, &key, err) &&
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
