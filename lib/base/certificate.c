#include "lib/base/certificate.h"

#include <arpa/inet.h>
#include <ctype.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "lib/base/text.h"

enum { DIGEST_BYTES = 32, ADDRESS_SIZE = 48 };

/* ---- reading -------------------------------------------------------------------------------------------------- */

static X509 *parse(const void *bytes, size_t length)
{
	static const char mark[] = "-----BEGIN";
	const unsigned char *at = bytes;
	X509 *certificate = NULL;
	BIO *pem;

	if (length > INT32_MAX)
		return NULL;
	if (!memmem(bytes, length, mark, sizeof mark - 1)) {
		certificate = d2i_X509(NULL, &at, (long)length);
	} else {
		pem = BIO_new_mem_buf(bytes, (int)length);
		certificate = pem ? PEM_read_bio_X509(pem, NULL, NULL, NULL) : NULL;
		BIO_free(pem);
	}
	ERR_clear_error();
	return certificate;
}

static bool unreadable(struct err *err)
{
	return err_set(err, ERR_INVALID, "cannot read the certificate: X.509 as PEM or DER is wanted");
}

bool certificate_read(const void *bytes, size_t length, struct certificate *out, struct err *err)
{
	X509 *certificate = parse(bytes, length);
	bool ok = certificate && certificate_describe(certificate, out);

	X509_free(certificate);
	return ok || unreadable(err);
}

bool certificate_der(const void *bytes, size_t length, uint8_t **out, size_t *out_length, struct err *err)
{
	X509 *certificate = parse(bytes, length);
	unsigned char *at;
	int size = certificate ? i2d_X509(certificate, NULL) : 0;

	if (size <= 0 || size > CERTIFICATE_MAX) {
		X509_free(certificate);
		return size > 0 ? err_set(err, ERR_INVALID, "cannot use a certificate of more than %d bytes",
		                          CERTIFICATE_MAX)
		                : unreadable(err);
	}
	*out = at = malloc((size_t)size);
	if (!at)
		err_panic("out of memory");
	*out_length = (size_t)i2d_X509(certificate, &at);
	X509_free(certificate);
	return true;
}

bool certificate_parse_sha256(const char *text, char out[CERTIFICATE_SHA256_SIZE])
{
	char digits[CERTIFICATE_SHA256_SIZE];
	size_t count = 0;

	for (; *text; text++) {
		if (*text == ':' || *text == ' ')
			continue;
		if (!isxdigit((unsigned char)*text) || count == CERTIFICATE_SHA256_SIZE - 1)
			return false;
		digits[count++] = (char)tolower((unsigned char)*text);
	}
	if (count != CERTIFICATE_SHA256_SIZE - 1)
		return false;
	memcpy(out, digits, count);
	out[count] = '\0';
	return true;
}

/* ---- what it says ------------------------------------------------------------------------------------------------ */

static bool read_time(const ASN1_TIME *time, int64_t *out_us)
{
	struct tm parts;

	if (ASN1_TIME_to_tm(time, &parts) != 1)
		return false;
	*out_us = (int64_t)timegm(&parts) * 1000000;
	return true;
}

/* Whatever the other side wrote there becomes text of one line. */
static void keep_clean(char *out, const char *text, size_t length)
{
	size_t most = CERTIFICATE_NAME_SIZE - 1;

	memcpy(out, text, length < most ? length : most);
	out[length < most ? length : most] = '\0';
	text_make_utf8(out);
	for (; *out; out++)
		if ((unsigned char)*out < 0x20 || *out == 0x7f)
			*out = '?';
}

static void describe_subject(X509 *certificate, struct certificate *out)
{
	unsigned long flags = XN_FLAG_RFC2253 & ~(unsigned long)ASN1_STRFLGS_ESC_MSB;
	BIO *memory = BIO_new(BIO_s_mem());
	char *text = NULL;
	long length;

	out->subject[0] = '\0';
	if (memory && X509_NAME_print_ex(memory, X509_get_subject_name(certificate), 0, flags) >= 0) {
		length = BIO_get_mem_data(memory, &text);
		keep_clean(out->subject, text ? text : "", text && length > 0 ? (size_t)length : 0);
	}
	BIO_free(memory);
}

/* "" for what is no host. */
static void host_of(const GENERAL_NAME *name, char *out, size_t out_size)
{
	int type;
	const ASN1_STRING *value = GENERAL_NAME_get0_value(name, &type);
	const unsigned char *bytes;
	int length;

	out[0] = '\0';
	if (type != GEN_DNS && type != GEN_IPADD)
		return;
	bytes = ASN1_STRING_get0_data(value);
	length = ASN1_STRING_length(value);
	if (type == GEN_IPADD && (length == 4 || length == 16))
		(void)inet_ntop(length == 4 ? AF_INET : AF_INET6, bytes, out, (socklen_t)out_size);
	else if (type == GEN_DNS && length > 0 && (size_t)length < out_size)
		keep_clean(out, (const char *)bytes, (size_t)length);
}

static void describe_names(X509 *certificate, struct certificate *out)
{
	GENERAL_NAMES *names = X509_get_ext_d2i(certificate, NID_subject_alt_name, NULL, NULL);
	char host[CERTIFICATE_NAME_SIZE];
	size_t used = 0;

	out->names[0] = '\0';
	for (int i = 0; i < sk_GENERAL_NAME_num(names); i++) {
		size_t length;

		host_of(sk_GENERAL_NAME_value(names, i), host, sizeof host);
		length = strlen(host);
		if (length == 0 || used + length + 2 > sizeof out->names)
			continue;
		if (used > 0)
			out->names[used++] = ' ';
		memcpy(out->names + used, host, length + 1);
		used += length;
	}
	GENERAL_NAMES_free(names);
}

bool certificate_describe(X509 *certificate, struct certificate *out)
{
	unsigned char digest[DIGEST_BYTES];
	unsigned length = 0;
	bool ok = X509_digest(certificate, EVP_sha256(), digest, &length) == 1 && length == sizeof digest &&
	          read_time(X509_get0_notBefore(certificate), &out->from_us) &&
	          read_time(X509_get0_notAfter(certificate), &out->until_us);

	if (ok) {
		text_hex(digest, sizeof digest, out->sha256);
		describe_subject(certificate, out);
		describe_names(certificate, out);
	}
	ERR_clear_error();
	return ok;
}
