/* Certificates for TLS between machines. Those of persons who sign are cmd_account.c. */
#include <limits.h>
#include <openssl/crypto.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "gateway/yqctl/command.h"
#include "gateway/yqctl/handlers.h"
#include "lib/base/certificate.h"
#include "lib/base/clock.h"
#include "lib/base/conf.h"
#include "lib/base/file.h"
#include "lib/domain/tls_ca.h"

enum { DAYS = 825 };

static bool days_of(struct invocation *in, long *out, struct err *err)
{
	return option_number(in, "days", 1, TLS_CA_DAYS_MAX, DAYS, out, err);
}

/* What is needed to register and to compare it. */
static bool print_certificate(const char *path, const char *pem, size_t length, struct err *err)
{
	struct certificate certificate;
	char until[CLOCK_TEXT_MAX];

	if (!certificate_read(pem, length, &certificate, err))
		return false;
	clock_format(certificate.until_us, until);
	printf("%s\n  subject %s\n  hosts %s\n  until %s\n  SHA-256 %s\n", path, certificate.subject, certificate.names,
	       until, certificate.sha256);
	return true;
}

bool run_ca_tls(struct invocation *in, struct err *err)
{
	char path[PATH_MAX], *pem;
	size_t length;
	long days;
	bool ok;

	if (!days_of(in, &days, err) || !tls_ca_init(err) ||
	    !tls_ca_certify_door(option_value(in, "hosts"), (int)days, err) ||
	    !conf_path(path, sizeof path, err, "keys/dicom.pem") ||
	    !file_read_all(path, CERTIFICATE_MAX, &pem, &length, err))
		return false;
	ok = print_certificate(path, pem, length, err);
	free(pem);
	return ok;
}

/* A name that is a file name, too. */
static bool check_name(const char *name, struct err *err)
{
	return (*name && *name != '.' && !strchr(name, '/')) ||
	       err_set(err, ERR_INVALID, "cannot use this name: one that can be the name of a file is wanted");
}

static bool write_pair(const char *folder, const char *name, const char *key, const char *pem, struct err *err)
{
	char key_path[PATH_MAX], pem_path[PATH_MAX];

	if (snprintf(key_path, sizeof key_path, "%s/%s.key", folder, name) >= PATH_MAX ||
	    snprintf(pem_path, sizeof pem_path, "%s/%s.pem", folder, name) >= PATH_MAX)
		return err_set(err, ERR_INVALID, "cannot use this folder: its path is too long");
	return file_replace(key_path, key, strlen(key), 0600, err) &&
	       file_replace(pem_path, pem, strlen(pem), 0644, err) &&
	       print_certificate(pem_path, pem, strlen(pem), err);
}

bool run_ca_device(struct invocation *in, struct err *err)
{
	const char *folder = option_value(in, "folder"), *hosts = option_value(in, "hosts");
	const char *name = in->arguments[0];
	char *key, *pem;
	long days;
	bool ok;

	if (!check_name(name, err) || !days_of(in, &days, err) ||
	    !tls_ca_certify(name, hosts ? hosts : "", (int)days, &key, &pem, err))
		return false;
	ok = write_pair(folder ? folder : ".", name, key, pem, err);
	OPENSSL_cleanse(key, strlen(key));
	free(key);
	free(pem);
	return ok;
}
