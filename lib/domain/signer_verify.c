#include <openssl/cms.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/x509.h>
#include <openssl/x509_vfy.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "lib/base/digest.h"
#include "lib/base/text.h"
#include "lib/domain/signer.h"
#include "lib/domain/signer_key.h"

static BIO *gather(const struct signer_bytes *pieces, size_t count)
{
	BIO *bio = BIO_new(BIO_s_mem());

	if (!bio)
		err_panic("out of memory for a verification");
	for (size_t i = 0; i < count; i++)
		if (pieces[i].length && BIO_write(bio, pieces[i].data, (int)pieces[i].length) != (int)pieces[i].length)
			err_panic("out of memory for a verification");
	return bio;
}

static void name_part(const X509_NAME *name, int nid, char *out, size_t out_size)
{
	int at = X509_NAME_get_index_by_NID(name, nid, -1);
	unsigned char *utf8 = NULL;

	out[0] = '\0';
	if (at < 0)
		return;
	if (ASN1_STRING_to_UTF8(&utf8, X509_NAME_ENTRY_get_data(X509_NAME_get_entry(name, at))) >= 0)
		(void)text_copy(out, out_size, (const char *)utf8);
	OPENSSL_free(utf8);
}

static void describe_certificate(X509 *certificate, struct signer_verdict *out)
{
	BIGNUM *serial = ASN1_INTEGER_to_BN(X509_get0_serialNumber(certificate), NULL);
	char *hex = serial ? BN_bn2hex(serial) : NULL;
	unsigned char *der = NULL;
	int length = i2d_X509(certificate, &der);
	uint8_t digest[DIGEST_SIZE];

	name_part(X509_get_subject_name(certificate), NID_commonName, out->name, sizeof out->name);
	name_part(X509_get_subject_name(certificate), NID_organizationName, out->organisation,
	          sizeof out->organisation);
	name_part(X509_get_issuer_name(certificate), NID_commonName, out->issuer, sizeof out->issuer);
	if (hex)
		(void)text_copy(out->serial_hex, sizeof out->serial_hex, hex);
	if (length > 0) {
		digest_bytes(der, (size_t)length, digest);
		text_hex(digest, sizeof digest, out->certificate_sha256);
	}
	OPENSSL_free(der);
	OPENSSL_free(hex);
	BN_free(serial);
}

static int64_t claimed_time(CMS_SignerInfo *info)
{
	int at = CMS_signed_get_attr_by_NID(info, NID_pkcs9_signingTime, -1);
	X509_ATTRIBUTE *attribute = at >= 0 ? CMS_signed_get_attr(info, at) : NULL;
	ASN1_TYPE *value = attribute ? X509_ATTRIBUTE_get0_type(attribute, 0) : NULL;
	struct tm utc;

	if (!value || (value->type != V_ASN1_UTCTIME && value->type != V_ASN1_GENERALIZEDTIME) ||
	    ASN1_TIME_to_tm(value->value.asn1_string, &utc) != 1)
		return 0;
	return (int64_t)timegm(&utc) * 1000000;
}

static X509_STORE *trusted(const char *ca_pem)
{
	X509_STORE *store = X509_STORE_new();
	BIO *bio = BIO_new_mem_buf(ca_pem, -1);
	X509 *certificate;

	if (!store || !bio)
		err_panic("out of memory for a verification");
	while ((certificate = PEM_read_bio_X509(bio, NULL, NULL, NULL))) {
		X509_STORE_add_cert(store, certificate);
		X509_free(certificate);
	}
	ERR_clear_error();
	BIO_free(bio);
	return store;
}

/* Second look, at the chain: the first one has shown that the signature fits the bytes. CMS_CADES: signing-certificate-v2 must name it. */
static bool chain_holds(CMS_ContentInfo *cms, const struct signer_bytes *pieces, size_t count, const char *ca_pem,
                        int64_t at_us, bool ignore_time)
{
	X509_STORE *store = trusted(ca_pem);
	X509_VERIFY_PARAM *param = X509_STORE_get0_param(store);
	BIO *content = gather(pieces, count);
	bool ok;

	if (ignore_time)
		X509_VERIFY_PARAM_set_flags(param, X509_V_FLAG_NO_CHECK_TIME);
	else if (at_us)
		X509_VERIFY_PARAM_set_time(param, (time_t)(at_us / 1000000));
	X509_VERIFY_PARAM_set_purpose(param, X509_PURPOSE_ANY);
	ok = CMS_verify(cms, NULL, store, content, NULL, CMS_BINARY | CMS_CADES) == 1;
	ERR_clear_error();
	BIO_free(content);
	X509_STORE_free(store);
	return ok;
}

static enum signer_trust judge_chain(CMS_ContentInfo *cms, const struct signer_bytes *pieces, size_t count,
                                     const char *ca_pem, int64_t at_us)
{
	if (!ca_pem)
		return SIGNER_UNTRUSTED;
	if (chain_holds(cms, pieces, count, ca_pem, at_us, false))
		return SIGNER_TRUSTED;
	return chain_holds(cms, pieces, count, ca_pem, at_us, true) ? SIGNER_EXPIRED : SIGNER_UNTRUSTED;
}

static bool fits(CMS_ContentInfo *cms, const struct signer_bytes *pieces, size_t count)
{
	BIO *content = gather(pieces, count);
	bool ok = CMS_verify(cms, NULL, NULL, content, NULL, CMS_BINARY | CMS_NO_SIGNER_CERT_VERIFY) == 1;

	BIO_free(content);
	return ok;
}

static bool judge(CMS_ContentInfo *cms, const struct signer_bytes *pieces, size_t count, const char *ca_pem,
                  struct signer_verdict *out, struct err *err)
{
	STACK_OF(CMS_SignerInfo) *infos = CMS_get0_SignerInfos(cms);
	STACK_OF(X509) * signers;

	if (!infos || sk_CMS_SignerInfo_num(infos) != 1 || CMS_is_detached(cms) != 1)
		return err_set(err, ERR_INVALID, "cannot verify: not a detached signature by one signer");
	if (!fits(cms, pieces, count))
		return signer_openssl_error(err, ERR_CORRUPT, "the signature does not fit the content");
	signers = CMS_get0_signers(cms);
	if (!signers || sk_X509_num(signers) != 1) {
		sk_X509_free(signers);
		return err_set(err, ERR_INVALID, "cannot verify: the signature does not hold its signer's certificate");
	}
	describe_certificate(sk_X509_value(signers, 0), out);
	sk_X509_free(signers);
	out->signed_us = claimed_time(sk_CMS_SignerInfo_value(infos, 0));
	out->trust = judge_chain(cms, pieces, count, ca_pem, out->signed_us);
	return true;
}

bool signer_verify_cms(const uint8_t *cms, size_t cms_length, const struct signer_bytes *pieces, size_t count,
                       const char *ca_pem, struct signer_verdict *out, struct err *err)
{
	const unsigned char *cursor = cms;
	CMS_ContentInfo *content = d2i_CMS_ContentInfo(NULL, &cursor, (long)cms_length);
	struct signer_verdict verdict;
	bool ok;

	memset(&verdict, 0, sizeof verdict);
	if (!content)
		return signer_openssl_error(err, ERR_INVALID, "cannot verify: no CMS signature");
	if (OBJ_obj2nid(CMS_get0_type(content)) == NID_pkcs7_signed)
		ok = judge(content, pieces, count, ca_pem, &verdict, err);
	else
		ok = err_set(err, ERR_INVALID, "cannot verify: not signed data");
	CMS_ContentInfo_free(content);
	if (ok)
		*out = verdict;
	return ok;
}
