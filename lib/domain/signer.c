#include "lib/domain/signer.h"

#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/x509.h>
#include <stdlib.h>
#include <string.h>

struct signer {
	const struct signer_backend *backend;
	void *key;
	char algorithm[64];
};

/* Named after the public key of the certificate: the back end's own name for it would differ from vendor to vendor. */
static void describe_algorithm(const uint8_t *der, size_t length, char *out, size_t out_size)
{
	const unsigned char *cursor = der;
	X509 *certificate = d2i_X509(NULL, &cursor, (long)length);
	EVP_PKEY *key = certificate ? X509_get0_pubkey(certificate) : NULL;
	char group[32] = "";

	if (!key)
		snprintf(out, out_size, "unknown");
	else if (EVP_PKEY_is_a(key, "RSA"))
		snprintf(out, out_size, "RSA-%d SHA-256", EVP_PKEY_get_bits(key));
	else if (EVP_PKEY_is_a(key, "EC") && EVP_PKEY_get_group_name(key, group, sizeof group, NULL))
		snprintf(out, out_size, "ECDSA-%s SHA-256", strcmp(group, "prime256v1") == 0 ? "P256" : group);
	else
		snprintf(out, out_size, "%s SHA-256",
		         EVP_PKEY_get0_type_name(key) ? EVP_PKEY_get0_type_name(key) : "unknown");
	X509_free(certificate);
}

struct signer *signer_new(const struct signer_backend *backend, void *key)
{
	struct signer *signer = calloc(1, sizeof *signer);
	const uint8_t *der = NULL;
	size_t length = 0;

	if (!signer)
		err_panic("out of memory for a signer");
	signer->backend = backend;
	signer->key = key;
	if (backend->certificate(key, 0, &der, &length))
		describe_algorithm(der, length, signer->algorithm, sizeof signer->algorithm);
	else
		snprintf(signer->algorithm, sizeof signer->algorithm, "unknown");
	return signer;
}

void signer_free(struct signer *signer)
{
	if (!signer)
		return;
	signer->backend->free(signer->key);
	free(signer);
}

bool signer_sign_cms(struct signer *signer, const struct signer_bytes *pieces, size_t count, uint8_t **out,
                     size_t *out_length, struct err *err)
{
	uint8_t *cms = NULL;
	size_t length = 0;

	if (!signer->backend->sign_cms(signer->key, pieces, count, &cms, &length, err))
		return false;
	if (length > SIGNER_CMS_MAX) {
		free(cms);
		return err_set(err, ERR_INVALID, "cannot use a signature of %zu bytes: more than %d", length,
		               SIGNER_CMS_MAX);
	}
	*out = cms;
	*out_length = length;
	return true;
}

bool signer_certificate(const struct signer *signer, size_t index, const uint8_t **der, size_t *der_length)
{
	return signer->backend->certificate(signer->key, index, der, der_length);
}

bool signer_is_demo(const struct signer *signer)
{
	return signer->backend->is_demo;
}

const char *signer_algorithm(const struct signer *signer)
{
	return signer->algorithm;
}

bool signer_export_pem(const struct signer *signer, char **out_key_pem, char **out_certificate_pem, struct err *err)
{
	if (!signer->backend->export_pem)
		return err_set(err, ERR_REFUSED, "cannot export a key of %s: it does not leave its place",
		               signer->backend->name);
	return signer->backend->export_pem(signer->key, out_key_pem, out_certificate_pem, err);
}

void signer_pem_free(char *pem)
{
	if (!pem)
		return;
	OPENSSL_cleanse(pem, strlen(pem));
	free(pem);
}
