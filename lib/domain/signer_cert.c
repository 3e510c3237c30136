#include "lib/domain/signer_cert.h"

#include <openssl/ec.h>
#include <openssl/evp.h>
#include <openssl/rsa.h>
#include <openssl/x509v3.h>
#include <stdio.h>
#include <string.h>

#include "lib/base/text.h"
#include "lib/domain/network.h"
#include "lib/domain/signer_key.h"

enum { NAME_CHARACTERS_MAX = 64, HOUR_S = 3600, HOSTS_MAX = 4096 };

bool signer_key_generate(bool elliptic, EVP_PKEY **out, struct err *err)
{
	EVP_PKEY *key = elliptic ? EVP_EC_gen("P-256") : EVP_RSA_gen(2048);

	if (!key)
		return signer_openssl_error(err, ERR_INVALID, "cannot make a key pair");
	*out = key;
	return true;
}

static bool name_is_good(const char *text)
{
	size_t length = strlen(text);

	if (length == 0 || !text_is_utf8(text, length) || text_utf8_count(text) > NAME_CHARACTERS_MAX)
		return false;
	for (size_t i = 0; i < length; i++)
		if ((unsigned char)text[i] < 0x20 || text[i] == 0x7f)
			return false;
	return true;
}

/* "DNS:pacs.example,IP:10.1.2.3" */
static bool alternative_names(const char *hosts, struct text_buf *out, struct err *err)
{
	static const char *const between = " ,\t\n";
	char host[256];

	for (hosts += strspn(hosts, between); *hosts; hosts += strspn(hosts, between)) {
		size_t length = strcspn(hosts, between);

		snprintf(host, sizeof host, "%.*s", (int)(length < sizeof host ? length : sizeof host - 1), hosts);
		if (!network_host_is_valid(host))
			return err_set(err, ERR_INVALID, "cannot certify '%.60s': an address or a DNS name is wanted",
			               host);
		if (!text_buf_printf(out, "%s%s:%s", out->length > 0 ? "," : "",
		                     network_host_is_address(host) ? "IP" : "DNS", host))
			return err_set(err, ERR_INVALID, "cannot certify so many hosts");
		hosts += length;
	}
	return true;
}

static bool hosts_are_good(const char *hosts, struct err *err)
{
	struct text_buf names;
	bool ok;

	text_buf_init(&names, HOSTS_MAX);
	ok = !hosts || alternative_names(hosts, &names, err);
	text_buf_fini(&names);
	return ok;
}

static bool subject_is_good(const struct signer_subject *subject, struct err *err)
{
	const char *parts[] = {subject->common_name, subject->organisation, subject->unit};

	if (!subject->common_name)
		return err_set(err, ERR_INVALID, "cannot certify: the name is missing");
	for (size_t i = 0; i < sizeof parts / sizeof parts[0]; i++)
		if (parts[i] && !name_is_good(parts[i]))
			return err_set(err, ERR_INVALID, "cannot certify: a name needs 1 to %d printable characters",
			               NAME_CHARACTERS_MAX);
	return hosts_are_good(subject->hosts, err);
}

static bool add_name(X509_NAME *name, const char *field, const char *value)
{
	return !value ||
	       X509_NAME_add_entry_by_txt(name, field, MBSTRING_UTF8, (const unsigned char *)value, -1, -1, 0) == 1;
}

static bool set_subject(X509 *certificate, const struct signer_subject *subject)
{
	X509_NAME *name = X509_get_subject_name(certificate);

	return add_name(name, "C", "CN") && add_name(name, "O", subject->organisation) &&
	       add_name(name, "OU", subject->unit) && add_name(name, "CN", subject->common_name);
}

/* RFC 5280 4.1.2.2: positive, at most 20 octets. */
static bool set_serial(X509 *certificate)
{
	unsigned char bytes[16];
	BIGNUM *number;
	bool ok;

	text_random(bytes, sizeof bytes);
	bytes[0] = (unsigned char)((bytes[0] & 0x7f) | 0x40);
	number = BN_bin2bn(bytes, sizeof bytes, NULL);
	ok = number && BN_to_ASN1_INTEGER(number, X509_get_serialNumber(certificate));
	BN_free(number);
	return ok;
}

static bool set_validity(X509 *certificate, const struct signer_subject *subject, X509 *issuer)
{
	time_t from = (time_t)(subject->now_us / 1000000) - HOUR_S;
	time_t until = from + (time_t)subject->days * 24 * HOUR_S;
	const ASN1_TIME *issuer_end = issuer ? X509_get0_notAfter(issuer) : NULL;

	if (!ASN1_TIME_set(X509_getm_notBefore(certificate), from) ||
	    !ASN1_TIME_set(X509_getm_notAfter(certificate), until))
		return false;
	if (issuer_end && ASN1_TIME_compare(X509_get0_notAfter(certificate), issuer_end) > 0)
		return X509_set1_notAfter(certificate, issuer_end) == 1;
	return true;
}

static bool add_extension(X509 *certificate, X509 *issuer, int nid, const char *value)
{
	X509V3_CTX context;
	X509_EXTENSION *extension;
	bool ok;

	X509V3_set_ctx(&context, issuer, certificate, NULL, NULL, 0);
	extension = X509V3_EXT_conf_nid(NULL, &context, nid, value);
	ok = extension && X509_add_ext(certificate, extension, -1) == 1;
	X509_EXTENSION_free(extension);
	return ok;
}

static bool add_machine(X509 *certificate, X509 *issuer, const char *hosts)
{
	struct text_buf names;
	struct err unused;
	bool ok;

	text_buf_init(&names, HOSTS_MAX);
	ok = alternative_names(hosts, &names, &unused) &&
	     (names.length == 0 || add_extension(certificate, issuer, NID_subject_alt_name, names.data)) &&
	     add_extension(certificate, issuer, NID_key_usage, "critical,digitalSignature,keyEncipherment") &&
	     add_extension(certificate, issuer, NID_ext_key_usage, "serverAuth,clientAuth");
	text_buf_fini(&names);
	return ok;
}

static bool add_person(X509 *certificate, X509 *issuer)
{
	return add_extension(certificate, issuer, NID_key_usage, "critical,digitalSignature,nonRepudiation") &&
	       add_extension(certificate, issuer, NID_ext_key_usage, "emailProtection");
}

static bool add_extensions(X509 *certificate, const struct signer_subject *subject, X509 *issuer)
{
	if (!issuer)
		return add_extension(certificate, certificate, NID_basic_constraints, "critical,CA:TRUE,pathlen:0") &&
		       add_extension(certificate, certificate, NID_key_usage, "critical,keyCertSign,cRLSign") &&
		       add_extension(certificate, certificate, NID_subject_key_identifier, "hash");
	return add_extension(certificate, issuer, NID_basic_constraints, "critical,CA:FALSE") &&
	       (subject->hosts ? add_machine(certificate, issuer, subject->hosts) : add_person(certificate, issuer)) &&
	       add_extension(certificate, issuer, NID_subject_key_identifier, "hash") &&
	       add_extension(certificate, issuer, NID_authority_key_identifier, "keyid:always");
}

bool signer_certificate_new(const struct signer_subject *subject, EVP_PKEY *key, X509 *issuer, EVP_PKEY *issuer_key,
                            X509 **out, struct err *err)
{
	X509 *certificate;

	if (!subject_is_good(subject, err))
		return false;
	certificate = X509_new();
	if (!certificate || X509_set_version(certificate, X509_VERSION_3) != 1 || !set_serial(certificate) ||
	    !set_subject(certificate, subject) || !set_validity(certificate, subject, issuer) ||
	    X509_set_pubkey(certificate, key) != 1 ||
	    X509_set_issuer_name(certificate, X509_get_subject_name(issuer ? issuer : certificate)) != 1 ||
	    !add_extensions(certificate, subject, issuer) ||
	    X509_sign(certificate, issuer ? issuer_key : key, EVP_sha256()) <= 0) {
		X509_free(certificate);
		return signer_openssl_error(err, ERR_INVALID, "cannot make a certificate");
	}
	*out = certificate;
	return true;
}

bool signer_certificate_subject(const void *der, size_t length, char *out, size_t out_size, struct err *err)
{
	const unsigned char *at = der;
	X509 *certificate = d2i_X509(NULL, &at, (long)length);
	BIO *memory = BIO_new(BIO_s_mem());
	unsigned long flags = XN_FLAG_RFC2253 & ~(unsigned long)ASN1_STRFLGS_ESC_MSB;
	bool ok = certificate && memory &&
	          X509_NAME_print_ex(memory, X509_get_subject_name(certificate), 0, flags) >= 0 &&
	          BIO_write(memory, "", 1) == 1;
	char *text = NULL;

	if (ok) {
		BIO_get_mem_data(memory, &text);
		text_copy(out, out_size, text);
		text_make_utf8(out);
	}
	BIO_free(memory);
	X509_free(certificate);
	return ok || signer_openssl_error(err, ERR_CORRUPT, "cannot read a certificate");
}
