/*
 * Pairs of a private key and its certificate as PEM files below $YQ_HOME/keys (0700): NAME.key (0600) and NAME.pem. Knows nothing of what they
 * are for.
 */
#ifndef YQ_DOMAIN_KEY_FILE_H
#define YQ_DOMAIN_KEY_FILE_H

#include <openssl/x509.h>
#include <stdbool.h>

#include "lib/base/err.h"

enum { KEY_FILE_PEM_MAX = 64 * 1024 };

/* Makes the folder, and waits for another program that makes the same files. *out_fd: close(2) lets others in. */
bool key_files_lock(int *out_fd, struct err *err);
bool key_file_exists(const char *path, bool *out, struct err *err);
/* True in *out: both are there; false: none is, or the certificate alone, which nobody has used. The key alone is ERR_CORRUPT. */
bool key_pair_exists(const char *name, bool *out, struct err *err);

/* Durable on return, and replaces. issuer (may be NULL) stands behind the certificate. */
bool key_pair_write(const char *name, EVP_PKEY *key, X509 *certificate, X509 *issuer, struct err *err);
/* ERR_NOT_FOUND: it is not there; ERR_CORRUPT: they do not belong together. The first certificate of the file. */
bool key_pair_read(const char *name, EVP_PKEY **out_key, X509 **out_certificate, struct err *err);

/* As PEM; *out_key: the caller wipes it; both free(3). */
bool key_pair_pem(EVP_PKEY *key, X509 *certificate, X509 *issuer, char **out_key, char **out_certificate,
                  struct err *err);

#endif
