#include "lib/domain/tls_ca.h"

#include <limits.h>
#include <openssl/x509.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "lib/base/clock.h"
#include "lib/base/conf.h"
#include "lib/base/text.h"
#include "lib/domain/key_file.h"
#include "lib/domain/signer_cert.h"

static const char authority[] = "tls-ca", door[] = "dicom";

static bool make_authority(struct err *err)
{
	char tag[9], name[64];
	uint8_t random[4];
	struct signer_subject subject = {
	    .common_name = name, .organisation = "Yingqiao", .days = TLS_CA_DAYS_MAX, .now_us = clock_wall_us()};
	EVP_PKEY *key = NULL;
	X509 *certificate = NULL;
	bool ok;

	text_random(random, sizeof random);
	text_hex(random, sizeof random, tag);
	snprintf(name, sizeof name, "Yingqiao TLS %s", tag);
	ok = signer_key_generate(false, &key, err) &&
	     signer_certificate_new(&subject, key, NULL, NULL, &certificate, err) &&
	     key_pair_write(authority, key, certificate, NULL, err);
	X509_free(certificate);
	EVP_PKEY_free(key);
	return ok;
}

bool tls_ca_init(struct err *err)
{
	bool is_there = false, ok;
	int lock_fd = -1;

	if (!key_files_lock(&lock_fd, err))
		return false;
	ok = key_pair_exists(authority, &is_there, err) && (is_there || make_authority(err));
	close(lock_fd);
	return ok;
}

/* What is made for one machine. */
struct machine {
	EVP_PKEY *key, *issuer_key;
	X509 *certificate, *issuer;
};

static void machine_fini(struct machine *machine)
{
	X509_free(machine->certificate);
	X509_free(machine->issuer);
	EVP_PKEY_free(machine->key);
	EVP_PKEY_free(machine->issuer_key);
}

/* RSA 2048: old devices know no other. */
static bool make(const char *name, const char *hosts, int days, struct machine *out, struct err *err)
{
	struct signer_subject subject = {
	    .common_name = name, .organisation = "Yingqiao", .days = days, .now_us = clock_wall_us(), .hosts = hosts};
	bool is_there = false;

	if (days < 1 || days > TLS_CA_DAYS_MAX)
		return err_set(err, ERR_INVALID, "cannot certify: 1 to %d days are wanted", TLS_CA_DAYS_MAX);
	if (!key_pair_exists(authority, &is_there, err))
		return false;
	if (!is_there)
		return err_set(err, ERR_NOT_FOUND,
		               "cannot certify: there is no authority for it (yqctl ca tls makes it)");
	return key_pair_read(authority, &out->issuer_key, &out->issuer, err) &&
	       signer_key_generate(false, &out->key, err) &&
	       signer_certificate_new(&subject, out->key, out->issuer, out->issuer_key, &out->certificate, err);
}

/* The common name is the first host; who looks at names alone finds it there. */
static void first_of(const char *hosts, char *out, size_t out_size)
{
	size_t begin = strspn(hosts, " ,");

	snprintf(out, out_size, "%.*s", (int)strcspn(hosts + begin, " ,"), hosts + begin);
}

bool tls_ca_certify_door(const char *hosts, int days, struct err *err)
{
	struct machine made = {NULL};
	char name[65];
	int lock_fd = -1;
	bool ok;

	first_of(hosts, name, sizeof name);
	if (!key_files_lock(&lock_fd, err))
		return false;
	ok = make(name, hosts, days, &made, err) && key_pair_write(door, made.key, made.certificate, made.issuer, err);
	machine_fini(&made);
	close(lock_fd);
	return ok;
}

bool tls_ca_certify(const char *name, const char *hosts, int days, char **out_key, char **out_certificate,
                    struct err *err)
{
	struct machine made = {NULL};
	bool ok = make(name, hosts, days, &made, err) &&
	          key_pair_pem(made.key, made.certificate, made.issuer, out_key, out_certificate, err);

	machine_fini(&made);
	return ok;
}
