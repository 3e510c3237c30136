/* Keys, certificates and CMS signatures of lib/domain/signer*.c, in a private YQ_HOME. */
#include <criterion/criterion.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "lib/domain/signer.h"
#include "lib/domain/signer_ca.h"
#include "lib/domain/signer_cert.h"
#include "lib/domain/signer_issue.h"
#include "lib/domain/signer_key.h"
#include "lib/domain/signer_seal.h"
#include "tests/unit/domain/signing_home.h"

static struct signer *issue_signer(const char *name)
{
	struct signer_issued issued;
	struct signer *signer = NULL;
	struct err err;

	cr_assert(signer_issue(name, "台山市人民医院", &issued, &err), "issue: %s", err.text);
	cr_assert(signer_key_new(issued.key_der, issued.key_length, issued.chain, 2, true, &signer, &err), "%s",
	          err.text);
	signer_issued_fini(&issued);
	return signer;
}

static const struct signer_bytes pieces[] = {{"影像学", 9}, {"", 0}, {"诊断", 6}};
static const struct signer_bytes joined[] = {{"影像学诊断", 15}};
static const struct signer_bytes changed[] = {{"影像学珍断", 15}};

Test(signer, signs_pieces_as_one_and_names_the_person, .init = signing_home_make, .fini = signing_home_remove)
{
	struct signer *signer = issue_signer("张三𠮷");
	struct signer_verdict verdict;
	uint8_t *cms = NULL;
	size_t length = 0;
	char *ca = NULL;
	struct err err;

	cr_assert(signer_ca_pem(&ca, &err));
	cr_assert(signer_sign_cms(signer, pieces, 3, &cms, &length, &err), "%s", err.text);
	cr_assert(signer_verify_cms(cms, length, joined, 1, ca, &verdict, &err), "%s", err.text);
	cr_assert_eq(verdict.trust, SIGNER_TRUSTED, "got %d", verdict.trust);
	cr_assert_str_eq(verdict.name, "张三𠮷");
	cr_assert_str_eq(verdict.organisation, "台山市人民医院");
	cr_assert(strstr(verdict.issuer, "演示CA"), "got %s", verdict.issuer);
	cr_assert_gt(verdict.signed_us, 0);
	cr_assert(signer_is_demo(signer));
	cr_assert_str_eq(signer_algorithm(signer), SIGNER_ELLIPTIC ? "ECDSA-P256 SHA-256" : "RSA-2048 SHA-256");
	free(cms);
	free(ca);
	signer_free(signer);
}

Test(signer, a_changed_content_or_signature_is_corrupt, .init = signing_home_make, .fini = signing_home_remove)
{
	struct signer *signer = issue_signer("李四");
	struct signer_verdict verdict;
	uint8_t *cms = NULL;
	size_t length = 0;
	struct err err;

	cr_assert(signer_sign_cms(signer, pieces, 3, &cms, &length, &err), "%s", err.text);
	cr_assert_not(signer_verify_cms(cms, length, changed, 1, NULL, &verdict, &err));
	cr_assert_eq(err.kind, ERR_CORRUPT, "got %s", err.text);
	cms[length - 1] ^= 1;
	cr_assert_not(signer_verify_cms(cms, length, joined, 1, NULL, &verdict, &err));
	cr_assert_eq(err.kind, ERR_CORRUPT, "got %s", err.text);
	cr_assert_not(signer_verify_cms(cms, length / 2, joined, 1, NULL, &verdict, &err));
	cr_assert_eq(err.kind, ERR_INVALID, "got %s", err.text);
	cr_assert_not(signer_verify_cms((const uint8_t *)"no", 2, joined, 1, NULL, &verdict, &err));
	cr_assert_eq(err.kind, ERR_INVALID, "got %s", err.text);
	free(cms);
	signer_free(signer);
}

Test(signer, a_foreign_ca_is_not_trusted, .init = signing_home_make, .fini = signing_home_remove)
{
	struct signer *signer = issue_signer("王五");
	struct signer_subject subject = {"影桥演示CA 0000", "影桥 Yingqiao", NULL, 10, 0, NULL};
	struct signer_verdict verdict;
	uint8_t *cms = NULL;
	size_t length = 0;
	EVP_PKEY *key = NULL;
	X509 *foreign = NULL;
	BIO *bio = BIO_new(BIO_s_mem());
	char *pem = NULL;
	struct err err;

	subject.now_us = 1800000000000000;
	cr_assert(signer_key_generate(true, &key, &err) &&
	          signer_certificate_new(&subject, key, NULL, NULL, &foreign, &err));
	cr_assert_eq(PEM_write_bio_X509(bio, foreign), 1);
	BIO_write(bio, "", 1);
	BIO_get_mem_data(bio, &pem);
	cr_assert(signer_sign_cms(signer, joined, 1, &cms, &length, &err), "%s", err.text);
	cr_assert(signer_verify_cms(cms, length, joined, 1, pem, &verdict, &err), "%s", err.text);
	cr_assert_eq(verdict.trust, SIGNER_UNTRUSTED, "got %d", verdict.trust);
	BIO_free(bio);
	X509_free(foreign);
	EVP_PKEY_free(key);
	free(cms);
	signer_free(signer);
}

Test(signer, certificates_say_what_they_are_for, .init = signing_home_make, .fini = signing_home_remove)
{
	struct signer *signer = issue_signer("赵六");
	const uint8_t *der = NULL;
	size_t length = 0;
	const unsigned char *cursor;
	X509 *certificate, *ca;

	cr_assert(signer_certificate(signer, 0, &der, &length));
	cursor = der;
	certificate = d2i_X509(NULL, &cursor, (long)length);
	cr_assert_eq(X509_get_key_usage(certificate), KU_DIGITAL_SIGNATURE | KU_NON_REPUDIATION);
	cr_assert_eq(X509_check_ca(certificate), 0);
	cr_assert(signer_certificate(signer, 1, &der, &length));
	cursor = der;
	ca = d2i_X509(NULL, &cursor, (long)length);
	cr_assert_eq(X509_check_ca(ca), 1);
	cr_assert_eq(X509_get_key_usage(ca), KU_KEY_CERT_SIGN | KU_CRL_SIGN);
	cr_assert_eq(X509_get_pathlen(ca), 0);
	cr_assert_not(signer_certificate(signer, 2, &der, &length));
	X509_free(certificate);
	X509_free(ca);
	signer_free(signer);
}

Test(signer, names_that_cannot_stand_in_a_certificate_are_refused, .init = signing_home_make,
     .fini = signing_home_remove)
{
	static const char *const bad[] = {"", "a\nb", "\xff\xfe",
	                                  "一二三四五六七八九十一二三四五六七八九十一二三四五六七八九十一二三四五六七八"
	                                  "九十一二三四五六七八九十一二三四五六七八九十一二三四五"};
	struct signer_issued issued;
	struct err err;

	for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
		cr_assert_not(signer_issue(bad[i], NULL, &issued, &err), "case %zu was certified", i);
		cr_assert_eq(err.kind, ERR_INVALID, "case %zu: %s", i, err.text);
	}
}

Test(signer, keys_are_made_once_and_are_private, .init = signing_home_make, .fini = signing_home_remove)
{
	char *before = NULL, *after = NULL, path[400];
	struct stat status;
	struct err err;

	cr_assert(signer_ca_pem(&before, &err));
	cr_assert(signer_ca_init(&err), "%s", err.text);
	cr_assert(signer_ca_pem(&after, &err));
	cr_assert_str_eq(before, after);
	for (int i = 0; i < 2; i++) {
		snprintf(path, sizeof path, "%s/keys/%s", getenv("YQ_HOME"), i ? "demo-ca.key" : "master.key");
		cr_assert_eq(stat(path, &status), 0);
		cr_assert_eq(status.st_mode & 0777, 0600, "%s has mode %o", path, status.st_mode & 0777);
	}
	free(before);
	free(after);
}

Test(signer, a_sealed_key_opens_for_its_owner_only, .init = signing_home_make, .fini = signing_home_remove)
{
	uint8_t *sealed = NULL, *plain = NULL;
	size_t length = 0, plain_length = 0;
	struct err err;

	cr_assert(signer_seal("secret", 6, "person-a", &sealed, &length, &err), "%s", err.text);
	cr_assert(signer_unseal(sealed, length, "person-a", &plain, &plain_length, &err), "%s", err.text);
	cr_assert(plain_length == 6 && memcmp(plain, "secret", 6) == 0);
	free(plain);
	cr_assert_not(signer_unseal(sealed, length, "person-b", &plain, &plain_length, &err));
	cr_assert_eq(err.kind, ERR_CORRUPT, "%s", err.text);
	for (size_t i = 0; i < length; i++) {
		sealed[i] ^= 0x10;
		cr_assert_not(signer_unseal(sealed, length, "person-a", &plain, &plain_length, &err), "byte %zu", i);
		cr_assert_eq(err.kind, ERR_CORRUPT, "byte %zu: %s", i, err.text);
		sealed[i] ^= 0x10;
	}
	cr_assert_not(signer_unseal(sealed, 10, "person-a", &plain, &plain_length, &err));
	free(sealed);
}

Test(signer, an_exported_key_belongs_to_its_certificate, .init = signing_home_make, .fini = signing_home_remove)
{
	struct signer *signer = issue_signer("孙七");
	char *key_pem = NULL, *certificate_pem = NULL;
	struct err err;

	cr_assert(signer_export_pem(signer, &key_pem, &certificate_pem, &err), "%s", err.text);
	cr_assert(strstr(key_pem, "BEGIN PRIVATE KEY"));
	cr_assert(strstr(certificate_pem, "BEGIN CERTIFICATE"));
	signer_pem_free(key_pem);
	signer_pem_free(certificate_pem);
	signer_free(signer);
}
