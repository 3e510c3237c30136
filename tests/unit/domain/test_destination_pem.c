/* Certificates and keys as they are pasted: what is read of them, what is refused. */
#include <criterion/criterion.h>
#include <openssl/pem.h>
#include <stdlib.h>
#include <string.h>

#include "lib/domain/destination_pem.h"
#include "lib/domain/destination_values.h"
#include "lib/domain/signer_cert.h"

static const int64_t NOW_US = 1764000000LL * 1000000, DAY_US = 86400LL * 1000000;
enum { PEM_SIZE = 8192 };

static EVP_PKEY *key_new(void)
{
	EVP_PKEY *key;
	struct err err;

	cr_assert(signer_key_generate(true, &key, &err), "%s", err.text);
	return key;
}

static void take_text(BIO *bio, char out[PEM_SIZE])
{
	int length = BIO_read(bio, out, PEM_SIZE - 1);

	cr_assert_gt(length, 0);
	out[length] = '\0';
	BIO_free(bio);
}

static void certificate_of(EVP_PKEY *key, const char *name, int days, char out[PEM_SIZE])
{
	struct signer_subject subject = {.common_name = name, .days = days, .now_us = NOW_US};
	BIO *bio = BIO_new(BIO_s_mem());
	X509 *certificate;
	struct err err;

	cr_assert(signer_certificate_new(&subject, key, NULL, NULL, &certificate, &err), "%s", err.text);
	cr_assert(PEM_write_bio_X509(bio, certificate));
	X509_free(certificate);
	take_text(bio, out);
}

static void text_of_key(EVP_PKEY *key, const char *password, char out[PEM_SIZE])
{
	BIO *bio = BIO_new(BIO_s_mem());

	cr_assert(PEM_write_bio_PKCS8PrivateKey(bio, key, password ? EVP_aes_256_cbc() : NULL, password,
	                                        password ? (int)strlen(password) : 0, NULL, NULL));
	take_text(bio, out);
}

Test(destination_pem, a_chain_is_read_with_its_ends)
{
	EVP_PKEY *key = key_new();
	char one[PEM_SIZE], other[PEM_SIZE], both[3 * PEM_SIZE];
	json_t *list;
	struct err err;

	certificate_of(key, "影桥", 10, one);
	certificate_of(key, "ca", 400, other);
	snprintf(both, sizeof(both), "# words before\n%s\n%s", one, other);
	cr_assert(destination_pem_read(both, "certificate", NOW_US, &list, &err), "%s", err.text);
	cr_expect_eq(json_array_size(list), 2);
	cr_expect_str_eq(json_string_value(json_object_get(json_array_get(list, 0), "subject")), "CN=影桥,C=CN");
	cr_expect_eq(json_integer_value(json_object_get(json_array_get(list, 0), "days_left")), 9,
	             "an hour before now plus 10 days");
	json_decref(list);
	cr_assert(destination_pem_read("", "certificate", NOW_US, &list, &err));
	cr_expect_eq(json_array_size(list), 0);
	json_decref(list);
	EVP_PKEY_free(key);
}

Test(destination_pem, what_has_ended_is_refused_with_its_name_and_day)
{
	EVP_PKEY *key = key_new();
	char pem[PEM_SIZE];
	json_t *list;
	struct err err;

	certificate_of(key, "old", 10, pem);
	cr_assert(destination_pem_read(pem, "certificate", NOW_US + 20 * DAY_US, &list, &err));
	cr_expect_not(destination_pem_check_ours(list, &err));
	cr_expect(strstr(err.text, "CN=old") && strstr(err.text, "ended on 20"), "%s", err.text);
	cr_expect_not(destination_pem_check_trust(list, &err));
	json_decref(list);
	cr_assert(destination_pem_read(pem, "certificate", NOW_US, &list, &err));
	cr_expect(destination_pem_check_ours(list, &err));
	cr_expect(destination_pem_check_trust(list, &err));
	json_decref(list);
	EVP_PKEY_free(key);
}

Test(destination_pem, a_key_belongs_to_its_certificate)
{
	EVP_PKEY *key = key_new(), *stranger = key_new();
	char pem[PEM_SIZE], text[PEM_SIZE];
	struct err err;

	certificate_of(key, "ours", 10, pem);
	text_of_key(key, NULL, text);
	cr_expect(destination_pem_check_key(pem, text, &err), "%s", err.text);
	cr_expect_not(destination_pem_check_key("", text, &err));
	cr_expect(strstr(err.text, "certificate is missing"), "%s", err.text);
	text_of_key(key, "secret", text);
	cr_expect_not(destination_pem_check_key(pem, text, &err));
	cr_expect(strstr(err.text, "password"), "%s", err.text);
	text_of_key(stranger, NULL, text);
	cr_expect_not(destination_pem_check_key(pem, text, &err));
	cr_expect(strstr(err.text, "does not belong"), "%s", err.text);
	cr_expect_not(destination_pem_check_key(pem, "nonsense", &err));
	cr_expect(strstr(err.text, "no private key"), "%s", err.text);
	EVP_PKEY_free(key);
	EVP_PKEY_free(stranger);
}

/* Values with a certificate, its key, and what the check says of them at a time. */
static bool is_good(const char *pem, const char *key_text, const char *tls, bool is_tls_new, int64_t now_us,
                    struct err *err)
{
	json_t *values = destination_values_new("stow"), *secret = json_object();
	bool ok;

	json_object_set_new(values, "url", json_string("https://pacs.example/"));
	json_object_set_new(values, "certificate_pem", json_string(pem));
	json_object_set_new(values, "tls", json_string(tls));
	if (key_text)
		json_object_set_new(secret, "private_key_pem", json_string(key_text));
	ok = destination_values_check(values, secret, is_tls_new, now_us, err);
	json_decref(values);
	json_decref(secret);
	return ok;
}

Test(destination_pem, mutual_tls_needs_certificate_and_key)
{
	EVP_PKEY *key = key_new();
	char pem[PEM_SIZE], text[PEM_SIZE];
	struct err err;

	certificate_of(key, "ours", 10, pem);
	text_of_key(key, NULL, text);
	cr_expect(is_good(pem, text, "mutual", true, NOW_US, &err), "%s", err.text);
	cr_expect_not(is_good(pem, NULL, "mutual", true, NOW_US, &err));
	cr_expect(strstr(err.text, "private key is missing"), "%s", err.text);
	cr_expect_not(is_good("", NULL, "mutual", true, NOW_US, &err));
	cr_expect_not(is_good(pem, text, "mutual", true, NOW_US + 30 * DAY_US, &err), "it has ended");
	cr_expect(is_good(pem, text, "mutual", false, NOW_US + 30 * DAY_US, &err),
	          "a certificate that ended later keeps nobody from holding or disabling: %s", err.text);
	EVP_PKEY_free(key);
}
