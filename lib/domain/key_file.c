#include "lib/domain/key_file.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <openssl/crypto.h>
#include <openssl/pem.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <unistd.h>

#include "lib/base/conf.h"
#include "lib/base/file.h"
#include "lib/domain/signer_key.h"

enum { NAME_SIZE = 64 };

bool key_files_lock(int *out_fd, struct err *err)
{
	char path[PATH_MAX];
	int fd;

	if (!conf_path(path, sizeof path, err, "keys") || !file_make_dirs(path, 0700, err) ||
	    !conf_path(path, sizeof path, err, "keys/.lock"))
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

bool key_file_exists(const char *path, bool *out, struct err *err)
{
	if (access(path, F_OK) == 0)
		*out = true;
	else if (errno == ENOENT)
		*out = false;
	else
		return err_set_errno(err, ERR_TEMPORARY, errno, "could not look at %s", path);
	return true;
}

static bool paths_of(const char *name, char key[PATH_MAX], char pem[PATH_MAX], struct err *err)
{
	return conf_path(key, PATH_MAX, err, "keys/%s.key", name) && conf_path(pem, PATH_MAX, err, "keys/%s.pem", name);
}

bool key_pair_exists(const char *name, bool *out, struct err *err)
{
	char key_path[PATH_MAX], pem_path[PATH_MAX];
	bool has_key, has_pem;

	if (!paths_of(name, key_path, pem_path, err) || !key_file_exists(key_path, &has_key, err) ||
	    !key_file_exists(pem_path, &has_pem, err))
		return false;
	if (has_key && !has_pem)
		return err_set(err, ERR_CORRUPT, "cannot use the key %s: %s is missing", key_path, pem_path);
	*out = has_key;
	return true;
}

/* ---- writing ------------------------------------------------------------------------------------------------------ */

static char *text_of(BIO *bio)
{
	char *data = NULL, *text;
	long length = BIO_get_mem_data(bio, &data);

	text = strndup(data, (size_t)length);
	if (!text)
		err_panic("out of memory");
	return text;
}

bool key_pair_pem(EVP_PKEY *key, X509 *certificate, X509 *issuer, char **out_key, char **out_certificate,
                  struct err *err)
{
	BIO *open = BIO_new(BIO_s_mem()), *secret = BIO_new(BIO_s_secmem());
	bool ok = open && secret && PEM_write_bio_X509(open, certificate) == 1 &&
	          (!issuer || PEM_write_bio_X509(open, issuer) == 1) &&
	          PEM_write_bio_PKCS8PrivateKey(secret, key, NULL, NULL, 0, NULL, NULL) == 1;

	if (ok) {
		*out_key = text_of(secret);
		*out_certificate = text_of(open);
	}
	BIO_free(open);
	BIO_free(secret);
	if (!ok)
		(void)signer_openssl_error(err, ERR_INVALID, "cannot write a key and its certificate");
	return ok;
}

/* The certificate goes first: a key without certificate would never be used, and both are made anew together. */
bool key_pair_write(const char *name, EVP_PKEY *key, X509 *certificate, X509 *issuer, struct err *err)
{
	char key_path[PATH_MAX], pem_path[PATH_MAX], *secret, *pem;
	bool ok;

	if (!paths_of(name, key_path, pem_path, err) || !key_pair_pem(key, certificate, issuer, &secret, &pem, err))
		return false;
	ok = file_replace(pem_path, pem, strlen(pem), 0644, err) &&
	     file_replace(key_path, secret, strlen(secret), 0600, err);
	OPENSSL_cleanse(secret, strlen(secret));
	free(secret);
	free(pem);
	return ok;
}

/* ---- reading ------------------------------------------------------------------------------------------------------ */

static bool read_text(const char *path, char **out, size_t *out_length, struct err *err)
{
	return file_read_all(path, KEY_FILE_PEM_MAX, out, out_length, err);
}

bool key_pair_read(const char *name, EVP_PKEY **out_key, X509 **out_certificate, struct err *err)
{
	char key_path[PATH_MAX], pem_path[PATH_MAX], *secret = NULL, *pem = NULL;
	size_t key_length = 0, pem_length = 0;
	BIO *key_bio, *pem_bio;

	if (!paths_of(name, key_path, pem_path, err) || !read_text(pem_path, &pem, &pem_length, err))
		return false;
	if (!read_text(key_path, &secret, &key_length, err)) {
		free(pem);
		return false;
	}
	key_bio = BIO_new_mem_buf(secret, (int)key_length);
	pem_bio = BIO_new_mem_buf(pem, (int)pem_length);
	*out_key = PEM_read_bio_PrivateKey(key_bio, NULL, NULL, NULL);
	*out_certificate = PEM_read_bio_X509(pem_bio, NULL, NULL, NULL);
	BIO_free(key_bio);
	BIO_free(pem_bio);
	OPENSSL_cleanse(secret, key_length);
	free(secret);
	free(pem);
	return (*out_key && *out_certificate && X509_check_private_key(*out_certificate, *out_key) == 1) ||
	       signer_openssl_error(
	           err, ERR_CORRUPT,
	           "cannot use a key of this installation: it and its certificate do not belong together");
}
