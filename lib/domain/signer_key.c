#include "lib/domain/signer_key.h"

#include <openssl/cms.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/x509.h>
#include <stdlib.h>
#include <string.h>

#include "lib/base/clock.h"

struct memory_key {
	EVP_PKEY *key;
	X509 *chain[SIGNER_CHAIN_MAX];
	uint8_t *der[SIGNER_CHAIN_MAX];
	size_t der_length[SIGNER_CHAIN_MAX];
	size_t count;
};

bool signer_openssl_error(struct err *err, enum err_kind kind, const char *text)
{
	unsigned long code = ERR_get_error();
	char reason[160] = "no reason given";

	if (code)
		ERR_error_string_n(code, reason, sizeof reason);
	ERR_clear_error();
	err_set(err, kind, "%s: %s", text, reason);
	return err_code(err, ERR_SOURCE_OPENSSL, (uint32_t)code);
}

static bool memory_certificate(void *context, size_t index, const uint8_t **der, size_t *der_length)
{
	const struct memory_key *key = context;

	if (index >= key->count)
		return false;
	*der = key->der[index];
	*der_length = key->der_length[index];
	return true;
}

/* The signing time is ours, by the injectable clock; without this OpenSSL would add the machine's own. */
static bool add_signing_time(CMS_SignerInfo *info)
{
	ASN1_TIME *time = ASN1_TIME_set(NULL, (time_t)(clock_wall_us() / 1000000));
	bool ok = time && CMS_signed_add1_attr_by_NID(info, NID_pkcs9_signingTime, time->type, time, -1) == 1;

	ASN1_TIME_free(time);
	return ok;
}

static bool feed(BIO *bio, const struct signer_bytes *pieces, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		const char *cursor = pieces[i].data;
		size_t left = pieces[i].length;

		while (left > 0) {
			int step = left > 1 << 20 ? 1 << 20 : (int)left;

			if (BIO_write(bio, cursor, step) != step)
				return false;
			cursor += step;
			left -= (size_t)step;
		}
	}
	return true;
}

static bool build_cms(struct memory_key *key, const struct signer_bytes *pieces, size_t count, CMS_ContentInfo **out)
{
	const unsigned flags = CMS_PARTIAL | CMS_DETACHED | CMS_BINARY | CMS_NOSMIMECAP | CMS_CADES;
	CMS_ContentInfo *cms = CMS_sign(NULL, NULL, NULL, NULL, flags);
	CMS_SignerInfo *info = cms ? CMS_add1_signer(cms, key->chain[0], key->key, EVP_sha256(), flags) : NULL;
	BIO *bio = NULL;
	bool ok = info && add_signing_time(info);

	/* A root adds nothing: who trusts it has it, and its bytes in here would be signed by nobody. */
	for (size_t i = 1; ok && i < key->count; i++)
		if (X509_NAME_cmp(X509_get_subject_name(key->chain[i]), X509_get_issuer_name(key->chain[i])) != 0)
			ok = CMS_add1_cert(cms, key->chain[i]) == 1;
	if (ok)
		bio = CMS_dataInit(cms, NULL);
	ok = bio && feed(bio, pieces, count) && BIO_flush(bio) == 1 && CMS_dataFinal(cms, bio) == 1;
	BIO_free_all(bio);
	if (!ok) {
		CMS_ContentInfo_free(cms);
		return false;
	}
	*out = cms;
	return true;
}

static bool memory_sign_cms(void *context, const struct signer_bytes *pieces, size_t count, uint8_t **out,
                            size_t *out_length, struct err *err)
{
	CMS_ContentInfo *cms = NULL;
	unsigned char *der = NULL, *copy;
	int length;

	if (!build_cms(context, pieces, count, &cms))
		return signer_openssl_error(err, ERR_INVALID, "cannot sign");
	length = i2d_CMS_ContentInfo(cms, &der);
	CMS_ContentInfo_free(cms);
	if (length <= 0)
		return signer_openssl_error(err, ERR_INVALID, "cannot write the signature");
	/* The caller frees with free(3), which need not be OpenSSL's. */
	copy = malloc((size_t)length);
	if (!copy)
		err_panic("out of memory for a signature");
	memcpy(copy, der, (size_t)length);
	OPENSSL_free(der);
	*out = copy;
	*out_length = (size_t)length;
	return true;
}

static char *bio_text(BIO *bio)
{
	char *data = NULL;
	long length = BIO_get_mem_data(bio, &data);
	char *text = malloc((size_t)length + 1);

	if (!text)
		err_panic("out of memory for a key");
	memcpy(text, data, (size_t)length);
	text[length] = '\0';
	return text;
}

static bool memory_export_pem(void *context, char **out_key_pem, char **out_certificate_pem, struct err *err)
{
	const struct memory_key *key = context;
	/* Secure memory is wiped when it is freed. */
	BIO *key_bio = BIO_new(BIO_s_secmem()), *certificate_bio = BIO_new(BIO_s_mem());
	bool ok = key_bio && certificate_bio &&
	          PEM_write_bio_PKCS8PrivateKey(key_bio, key->key, NULL, NULL, 0, NULL, NULL) == 1 &&
	          PEM_write_bio_X509(certificate_bio, key->chain[0]) == 1;

	if (ok) {
		*out_key_pem = bio_text(key_bio);
		*out_certificate_pem = bio_text(certificate_bio);
	}
	BIO_free(key_bio);
	BIO_free(certificate_bio);
	return ok || signer_openssl_error(err, ERR_INVALID, "cannot export the key");
}

static void memory_free(void *context)
{
	struct memory_key *key = context;

	EVP_PKEY_free(key->key); /* wipes the private part */
	for (size_t i = 0; i < key->count; i++) {
		X509_free(key->chain[i]);
		OPENSSL_free(key->der[i]);
	}
	free(key);
}

static const struct signer_backend ledger_backend = {
    .name = "ledger",
    .certificate = memory_certificate,
    .sign_cms = memory_sign_cms,
    .export_pem = memory_export_pem,
    .free = memory_free,
    .is_demo = false,
};

static const struct signer_backend demo_backend = {
    .name = "ledger (demonstration)",
    .certificate = memory_certificate,
    .sign_cms = memory_sign_cms,
    .export_pem = memory_export_pem,
    .free = memory_free,
    .is_demo = true,
};

static bool copy_chain(struct memory_key *key, const struct signer_bytes *chain, size_t count)
{
	if (count < 1 || count > SIGNER_CHAIN_MAX)
		return false;
	for (size_t i = 0; i < count; i++) {
		const unsigned char *cursor = chain[i].data;
		X509 *certificate = d2i_X509(NULL, &cursor, (long)chain[i].length);
		unsigned char *der = NULL;
		int length = certificate ? i2d_X509(certificate, &der) : -1;

		if (length <= 0) {
			X509_free(certificate);
			return false;
		}
		key->chain[i] = certificate;
		key->der[i] = der;
		key->der_length[i] = (size_t)length;
		key->count++;
	}
	return true;
}

bool signer_key_new(const uint8_t *key_der, size_t key_length, const struct signer_bytes *chain, size_t count,
                    bool is_demo, struct signer **out, struct err *err)
{
	struct memory_key *key = calloc(1, sizeof *key);
	const unsigned char *cursor = key_der;

	if (!key)
		err_panic("out of memory for a key");
	key->key = d2i_AutoPrivateKey(NULL, &cursor, (long)key_length);
	if (!key->key || !copy_chain(key, chain, count) || X509_check_private_key(key->chain[0], key->key) != 1) {
		memory_free(key);
		return signer_openssl_error(err, ERR_CORRUPT, "cannot use the signing key with its certificate");
	}
	*out = signer_new(is_demo ? &demo_backend : &ledger_backend, key);
	return true;
}
