#include "lib/domain/destination_pem.h"

#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/x509.h>
#include <string.h>
#include <time.h>

#include "lib/base/clock.h"
#include "lib/domain/signer_cert.h"

enum { SUBJECT_SIZE = 300, CERTIFICATES_MAX = 200, US = 1000000, DAY_S = 86400 };

/* Without it OpenSSL would ask at the terminal. */
static int no_password(char *out, int size, int is_writing, void *context)
{
	(void)out;
	(void)size;
	(void)is_writing;
	(void)context;
	return 0;
}

static BIO *open_text(const char *text)
{
	BIO *bio = BIO_new_mem_buf(text, (int)strlen(text));

	if (!bio)
		err_panic("out of memory");
	ERR_clear_error();
	return bio;
}

static json_t *describe(const X509 *certificate, int64_t now_us)
{
	char subject[SUBJECT_SIZE] = "", not_after[CLOCK_TEXT_MAX];
	unsigned char *der = NULL;
	struct err unreadable;
	struct tm tm = {0};
	int length = i2d_X509(certificate, &der);
	int64_t end_s, left_s;

	if (length <= 0 || !ASN1_TIME_to_tm(X509_get0_notAfter(certificate), &tm)) {
		OPENSSL_free(der);
		return NULL;
	}
	if (!signer_certificate_subject(der, (size_t)length, subject, sizeof(subject), &unreadable))
		subject[0] = '\0';
	OPENSSL_free(der);
	end_s = timegm(&tm);
	left_s = end_s - now_us / US;
	clock_format(end_s * US, not_after);
	return json_pack("{ss ss sI}", "subject", subject, "not_after", not_after, "days_left",
	                 (json_int_t)(left_s >= 0 ? left_s / DAY_S : (left_s - DAY_S + 1) / DAY_S));
}

/* False: the text is damaged there, or has too much in it. */
static bool read_all(BIO *bio, int64_t now_us, json_t *list)
{
	X509 *certificate;
	json_t *one;

	while ((certificate = PEM_read_bio_X509(bio, NULL, no_password, NULL))) {
		one = describe(certificate, now_us);
		X509_free(certificate);
		if (!one || json_array_size(list) == CERTIFICATES_MAX) {
			json_decref(one);
			return false;
		}
		json_array_append_new(list, one);
	}
	return ERR_GET_REASON(ERR_peek_last_error()) == PEM_R_NO_START_LINE;
}

bool destination_pem_read(const char *pem, const char *what, int64_t now_us, json_t **out, struct err *err)
{
	json_t *list = json_array();
	BIO *bio = open_text(pem);
	bool ok = true;

	if (strstr(pem, "PRIVATE KEY-----"))
		ok = err_set(err, ERR_INVALID, "cannot use this %s: there is a private key in it, give that as the key",
		             what);
	else if (!read_all(bio, now_us, list))
		ok = err_set(err, ERR_INVALID, "cannot use this %s: the certificate no. %zu in it is damaged", what,
		             json_array_size(list) + 1);
	else if (*pem && json_array_size(list) == 0)
		ok = err_set(err, ERR_INVALID, "cannot use this %s: there is no certificate in PEM form in it", what);
	BIO_free(bio);
	ERR_clear_error();
	if (!ok) {
		json_decref(list);
		return false;
	}
	*out = list;
	return true;
}

static json_int_t days_left(const json_t *certificate)
{
	return json_integer_value(json_object_get(certificate, "days_left"));
}

static bool refuse_ended(const json_t *certificate, const char *what, struct err *err)
{
	return err_set(err, ERR_INVALID, "cannot use this %s: %.100s ended on %.10s", what,
	               json_string_value(json_object_get(certificate, "subject")),
	               json_string_value(json_object_get(certificate, "not_after")));
}

bool destination_pem_check_ours(const json_t *list, struct err *err)
{
	const json_t *first = json_array_get(list, 0);

	return !first || days_left(first) >= 0 || refuse_ended(first, "certificate", err);
}

bool destination_pem_check_trust(const json_t *list, struct err *err)
{
	const json_t *one;
	size_t i;

	json_array_foreach((json_t *)list, i, one) if (days_left(one) >= 0) return true;
	return json_array_size(list) == 0 || refuse_ended(json_array_get(list, 0), "list of whom to trust", err);
}

bool destination_pem_check_key(const char *certificate_pem, const char *key_pem, struct err *err)
{
	BIO *certificate_bio = open_text(certificate_pem), *key_bio = open_text(key_pem);
	X509 *certificate = PEM_read_bio_X509(certificate_bio, NULL, no_password, NULL);
	EVP_PKEY *key = PEM_read_bio_PrivateKey(key_bio, NULL, no_password, NULL);
	bool ok = true;

	if (!key && strstr(key_pem, "ENCRYPTED"))
		ok = err_set(err, ERR_INVALID, "cannot use this private key: it is protected by a password");
	else if (!key)
		ok = err_set(err, ERR_INVALID, "cannot use this private key: it is no private key in PEM form");
	else if (!certificate)
		ok = err_set(err, ERR_INVALID, "cannot use this private key: its certificate is missing");
	else if (X509_check_private_key(certificate, key) != 1)
		ok = err_set(err, ERR_INVALID, "cannot use this private key: it does not belong to the certificate");
	EVP_PKEY_free(key);
	X509_free(certificate);
	BIO_free(key_bio);
	BIO_free(certificate_bio);
	ERR_clear_error();
	return ok;
}
