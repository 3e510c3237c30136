/*
 * Signing: one person's key behind a narrow table of functions, so that a key in the ledger (now), PKCS#11, SM2 or the
 * software of a licensed CA stand behind the same calls. Knows neither reports nor PDF nor DICOM: it signs bytes.
 *
 * A signature is CMS SignedData, detached, DER (RFC 5652), with signing-certificate-v2 (RFC 5035, CAdES), over SHA-256.
 *
 * The built-in back end keeps the private key in table signing_key, encrypted with AES-256-GCM under the installation's key
 * file $YQ_HOME/keys/master.key (0600, 32 bytes, made by signer_ca_init()). The person's password is asked again by whoever
 * calls (report_submit(), report_issue()); the key is decrypted for that one signature and wiped.
 *
 * Threads: a signer belongs to one thread.
 */
#ifndef YQ_DOMAIN_SIGNER_H
#define YQ_DOMAIN_SIGNER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/base/err.h"

struct db;
struct signer;

/* A piece of what is signed; pieces are signed as if they were one. Borrowed. */
struct signer_bytes {
	const void *data;
	size_t length;
};

/* What stands behind a signer. `key` is the back end's own. */
struct signer_backend {
	const char *name; /* "ledger", "pkcs11", ... */
	/* Certificates in DER, the person's own first, its issuers behind it. False when there is no such index. */
	bool (*certificate)(void *key, size_t index, const uint8_t **der, size_t *der_length);
	/* *out: free(3). */
	bool (*sign_cms)(void *key, const struct signer_bytes *pieces, size_t count, uint8_t **out, size_t *out_length,
	                 struct err *err);
	/*
	 * Private key and certificate as PEM for signers that need the key itself (the DICOM digital signature). NULL: the
	 * key cannot leave its place. *out_...: free with signer_pem_free().
	 */
	bool (*export_pem)(void *key, char **out_key_pem, char **out_certificate_pem, struct err *err);
	void (*free)(void *key);
	bool is_demo; /* without legal force: every paper says so */
};

/* Takes key: backend->free(key) is called by signer_free(). backend is borrowed (static storage). Panics without memory only. */
struct signer *signer_new(const struct signer_backend *backend, void *key);
void signer_free(struct signer *signer); /* NULL is fine */

/*
 * The valid key of a person, from the ledger. ERR_REFUSED when the person has none or its certificate is not valid now,
 * ERR_CORRUPT when the key cannot be decrypted under this installation's key file.
 */
bool signer_open(struct db *db, const char *person_public_id, struct signer **out, struct err *err);

/* *out: free(3). At most SIGNER_CMS_MAX bytes. */
enum { SIGNER_CMS_MAX = 12 * 1024 };
bool signer_sign_cms(struct signer *signer, const struct signer_bytes *pieces, size_t count, uint8_t **out,
                     size_t *out_length, struct err *err);
bool signer_certificate(const struct signer *signer, size_t index, const uint8_t **der, size_t *der_length);
bool signer_is_demo(const struct signer *signer);
/* Of the signature: "RSA-2048 SHA-256", "ECDSA-P256 SHA-256", ... */
const char *signer_algorithm(const struct signer *signer);
/* ERR_REFUSED when the key cannot leave its place. */
bool signer_export_pem(const struct signer *signer, char **out_key_pem, char **out_certificate_pem, struct err *err);
void signer_pem_free(char *pem); /* wipes */

/* ---- verification ------------------------------------------------------------------------------------------------- */

enum { SIGNER_NAME_MAX = 200 };
enum signer_trust {
	SIGNER_TRUSTED,   /* the chain ends at the CA given, and was valid at the signing time */
	SIGNER_UNTRUSTED, /* the signature is right, the chain does not end there */
	SIGNER_EXPIRED    /* the chain ends there, but was not valid at the signing time */
};
/* What a right signature says. Names are UTF-8. */
struct signer_verdict {
	enum signer_trust trust;
	char name[SIGNER_NAME_MAX]; /* common name of the certificate */
	char organisation[SIGNER_NAME_MAX];
	char issuer[SIGNER_NAME_MAX]; /* common name of its issuer */
	char serial_hex[80];
	char certificate_sha256[65];
	int64_t signed_us; /* as the signature claims; 0: it does not say */
};
/*
 * Verifies a detached CMS over the pieces. ca_pem: trusted roots, may be NULL (nothing is trusted then).
 * ERR_CORRUPT: the signature does not fit the bytes. ERR_INVALID: that is no CMS signature by one signer.
 */
bool signer_verify_cms(const uint8_t *cms, size_t cms_length, const struct signer_bytes *pieces, size_t count,
                       const char *ca_pem, struct signer_verdict *out, struct err *err);

#endif
