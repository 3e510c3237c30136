#include <criterion/criterion.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "lib/base/clock.h"
#include "lib/dicom/dicom.h"
#include "tests/unit/dicom/dataset.h"

extern char **environ;

static const struct dicom_reference evidence[] = {
    {"1.2.840.10008.5.1.4.1.1.2", "1.2.3.4.5", "1.2.3.4"},
    {"1.2.840.10008.5.1.4.1.1.2", "1.2.3.4.6", "1.2.3.4"},
    {"1.2.840.10008.5.1.4.1.1.2", "1.2.3.5.1", "1.2.3.5"},
};

static struct dicom_report sample(void)
{
	return (struct dicom_report){
	    .sop_instance_uid = "2.25.1",
	    .series_instance_uid = "2.25.2",
	    .series_number = 9001,
	    .instance_number = 1,
	    .study_instance_uid = "1.2.3",
	    .study_id = "1",
	    .accession_number = "A1",
	    .study_date = "20260101",
	    .study_time = "101112.5",
	    .referring_physician = "",
	    .study_description = "胸部CT平扫",
	    .patient_name = "Zhang^San=张^三",
	    .patient_id = "P1",
	    .patient_birth_date = "19700101",
	    .patient_sex = "M",
	    .title = "CT胸部平扫诊断报告",
	    .issuer_institution = "台山市人民医院",
	    .performer_institution = "白沙镇卫生院",
	    .method = "螺旋CT平扫\n层厚5mm",
	    .findings = "两肺纹理清晰。",
	    .impression = "未见异常",
	    .recommendation = "",
	    .author_name = "Li^Si=李^四",
	    .reviewer_name = "Wang^Wu=王^五",
	    .written_us = INT64_C(1790000000000000),
	    .verified_us = INT64_C(1790000060000000),
	    .version = 1,
	    .evidence = evidence,
	    .evidence_count = 3,
	};
}

static void set_up(void)
{
	struct err err;

	cr_assert(clock_init(&err) && dicom_init(&err), "%s", err.text);
}

/* Runs a tool of others over a file; its output, or NULL when it is not installed. */
static char *output_of(const char *tool, const char *option, const char *value, const char *path, int *status)
{
	char *arguments[] = {(char *)tool, (char *)option, (char *)value, (char *)path, NULL};
	char *text = calloc(1, 65536);
	posix_spawn_file_actions_t actions;
	size_t length = 0;
	ssize_t n;
	int ends[2];
	pid_t pid;

	cr_assert_not_null(text);
	if (value == NULL) {
		arguments[2] = (char *)path;
		arguments[3] = NULL;
	}
	cr_assert_eq(pipe(ends), 0);
	posix_spawn_file_actions_init(&actions);
	posix_spawn_file_actions_adddup2(&actions, ends[1], 1);
	posix_spawn_file_actions_adddup2(&actions, ends[1], 2);
	posix_spawn_file_actions_addclose(&actions, ends[0]);
	if (posix_spawnp(&pid, tool, &actions, NULL, arguments, environ) != 0) {
		free(text);
		text = NULL;
	}
	posix_spawn_file_actions_destroy(&actions);
	close(ends[1]);
	while (text != NULL && length < 65535 && (n = read(ends[0], text + length, 65535 - length)) > 0)
		length += (size_t)n;
	close(ends[0]);
	if (text != NULL)
		waitpid(pid, status, 0);
	return text;
}

static void expect_no_error(const char *path)
{
	int status = 0;
	char *text = output_of("dciodvfy", "-new", NULL, path, &status);

	if (text == NULL)
		cr_skip_test("dciodvfy is not installed");
	cr_expect_null(strstr(text, "Error"), "%s", text);
	free(text);
}

Test(report, structured_report_keeps_every_rule, .init = set_up, .fini = scratch_remove)
{
	struct dicom_report report = sample();
	struct dicom_fields f;
	struct err err;
	char path[512];

	(void)snprintf(path, sizeof path, "%s", scratch_path("sr.dcm"));
	cr_assert(dicom_report_sr_write(&report, path, NULL, NULL, &err), "%s", err.text);
	cr_assert(dicom_read_fields(path, &f, &err), "%s", err.text);
	cr_expect_str_eq(f.sop_class_uid, "1.2.840.10008.5.1.4.1.1.88.11");
	cr_expect_str_eq(f.sop_instance_uid, "2.25.1");
	cr_expect_str_eq(f.study_instance_uid, "1.2.3");
	cr_expect_str_eq(f.patient_name, "Zhang^San=张^三", "the ideographic group stays: %s", f.patient_name);
	cr_expect_str_eq(f.institution, "台山市人民医院");
	cr_expect_str_eq(f.charset_declared, "ISO_IR 192");
	cr_expect_eq(f.charset_verdict, DICOM_CHARSET_AS_DECLARED);
	expect_no_error(path);
}

Test(report, correction_names_its_predecessor, .init = set_up, .fini = scratch_remove)
{
	struct dicom_report report = sample();
	struct err err;
	char path[512];
	int status = 0;
	char *text;

	report.version = 2;
	report.predecessor_sop_instance_uid = "2.25.77";
	report.predecessor_sop_class_uid = "1.2.840.10008.5.1.4.1.1.88.11";
	report.predecessor_series_instance_uid = "2.25.2";
	(void)snprintf(path, sizeof path, "%s", scratch_path("sr2.dcm"));
	cr_assert(dicom_report_sr_write(&report, path, NULL, NULL, &err), "%s", err.text);
	expect_no_error(path);
	text = output_of("dcmdump", "+P", "0008,1155", path, &status);
	if (text != NULL)
		cr_expect_not_null(strstr(text, "2.25.77"), "%s", text);
	free(text);
}

Test(report, encapsulated_pdf_gives_its_bytes_back, .init = set_up, .fini = scratch_remove)
{
	static const char *const documents[] = {"%PDF-1.4\neven\n%%EOF", "%PDF-1.4\nodds\n%%EOF\n", "%PDF-1.4\n\0\0"};
	static const size_t lengths[] = {19, 20, 11};

	for (size_t i = 0; i < 3; i++) {
		struct dicom_report report = sample();
		uint8_t *bytes = NULL;
		size_t length = 0;
		struct err err;
		char path[512];

		(void)snprintf(path, sizeof path, "%s", scratch_path("pdf.dcm"));
		(void)unlink(path);
		cr_assert(dicom_report_pdf_write(&report, documents[i], lengths[i], path, &err), "%s", err.text);
		cr_assert(dicom_pdf_extract(path, &bytes, &length, &err), "%s", err.text);
		cr_expect_eq(length, lengths[i], "%zu bytes of %zu", length, lengths[i]);
		cr_expect_eq(memcmp(bytes, documents[i], lengths[i]), 0);
		free(bytes);
		expect_no_error(path);
	}
}

Test(report, identity_of_the_study_is_copied_but_never_broken, .init = set_up, .fini = scratch_remove)
{
	struct dicom_report report = sample();
	struct dicom_fields f;
	struct err err;
	char path[512];

	report.patient_birth_date = "unknown";
	report.patient_sex = "1";
	report.study_date = "2024.03.15";
	report.study_time = "10:15:30";
	report.accession_number = "ACCESSION-OF-MORE-THAN-16-CHARS";
	(void)snprintf(path, sizeof path, "%s", scratch_path("odd.dcm"));
	cr_assert(dicom_report_sr_write(&report, path, NULL, NULL, &err), "%s", err.text);
	cr_assert(dicom_read_fields(path, &f, &err), "%s", err.text);
	cr_expect_str_eq(f.patient_birth_date, "");
	cr_expect_str_eq(f.patient_sex, "");
	cr_expect_str_eq(f.study_date, "");
	cr_expect_str_eq(f.study_time, "");
	cr_expect_str_eq(f.accession_number, "ACCESSION-OF-MORE-THAN-16-CHARS");
}

Test(report, refuses_what_cannot_be_written, .init = set_up, .fini = scratch_remove)
{
	struct dicom_report good = sample();
	struct err err = {0};
	char path[512];

	(void)snprintf(path, sizeof path, "%s", scratch_path("never.dcm"));
	struct dicom_report bad[6] = {good, good, good, good, good, good};
	bad[0].sop_instance_uid = "1.02";
	bad[1].study_instance_uid = NULL;
	bad[2].author_name = "";
	bad[3].findings = "\xff\xfe";
	bad[4].predecessor_sop_instance_uid = "2.25.7";
	bad[5].title = NULL;
	for (size_t i = 0; i < 6; i++) {
		cr_expect_not(dicom_report_sr_write(&bad[i], path, NULL, NULL, &err), "case %zu", i);
		cr_expect_eq(err.kind, ERR_INVALID, "case %zu", i);
		cr_expect_neq(access(path, F_OK), 0, "case %zu leaves a file", i);
	}
	cr_expect_not(dicom_report_pdf_write(&good, "no PDF", 6, path, &err));
	cr_expect_eq(err.kind, ERR_INVALID);
	cr_assert(dicom_report_sr_write(&good, path, NULL, NULL, &err));
	cr_expect_not(dicom_report_sr_write(&good, path, NULL, NULL, &err), "an existing file is left alone");
	cr_expect_eq(err.kind, ERR_CONFLICT);
}

/* ---- signature --------------------------------------------------------------------------------------------------- */

static char key_pem[8192], certificate_pem[8192];

static void copy_bio(BIO *bio, char *out, size_t size)
{
	int n = BIO_read(bio, out, (int)size - 1);

	cr_assert_gt(n, 0);
	out[n] = '\0';
	BIO_free(bio);
}

static void make_signer(void)
{
	EVP_PKEY *key = EVP_RSA_gen(2048);
	X509 *certificate = X509_new();
	X509_NAME *name = X509_get_subject_name(certificate);
	BIO *bio = BIO_new(BIO_s_mem());

	X509_set_version(certificate, 2);
	ASN1_INTEGER_set(X509_get_serialNumber(certificate), 1);
	X509_gmtime_adj(X509_getm_notBefore(certificate), -3600);
	X509_gmtime_adj(X509_getm_notAfter(certificate), 86400);
	X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_ASC, (const unsigned char *)"unit test", -1, -1, 0);
	X509_set_issuer_name(certificate, name);
	X509_set_pubkey(certificate, key);
	cr_assert_gt(X509_sign(certificate, key, EVP_sha256()), 0);
	cr_assert(PEM_write_bio_PrivateKey(bio, key, NULL, NULL, 0, NULL, NULL));
	copy_bio(bio, key_pem, sizeof key_pem);
	bio = BIO_new(BIO_s_mem());
	cr_assert(PEM_write_bio_X509(bio, certificate));
	copy_bio(bio, certificate_pem, sizeof certificate_pem);
	X509_free(certificate);
	EVP_PKEY_free(key);
}

static bool sign(void *context, struct dicom_signing *signing, struct err *err)
{
	return dicom_sign_with_key(signing, context, certificate_pem, err);
}

Test(report, signature_holds_until_a_byte_changes, .init = set_up, .fini = scratch_remove)
{
	struct dicom_report report = sample();
	struct err err;
	char path[512], authority[512];
	unsigned char *all = calloc(1, 65536);
	FILE *file;
	size_t length;
	unsigned char *at;
	int status = 0;
	char *text;

	make_signer();
	(void)snprintf(path, sizeof path, "%s", scratch_path("signed.dcm"));
	cr_assert(dicom_report_sr_write(&report, path, sign, key_pem, &err), "%s", err.text);
	expect_no_error(path);
	(void)snprintf(authority, sizeof authority, "%s", scratch_path("ca.pem"));
	file = fopen(authority, "wb");
	cr_assert(file != NULL && fputs(certificate_pem, file) >= 0 && fclose(file) == 0);
	text = output_of("dcmsign", "+cf", authority, path, &status);
	if (text == NULL)
		cr_skip_test("dcmsign is not installed");
	cr_expect_eq(status, 0, "%s", text);
	free(text);
	file = fopen(path, "rb");
	length = fread(all, 1, 65536, file);
	(void)fclose(file);
	at = memmem(all, length, "Zhang^San", 9);
	cr_assert_not_null(at);
	at[0] = 'Y';
	text = output_of("dcmsign", "+cf", authority, bytes_file(all, length), &status);
	cr_expect_neq(status, 0, "a changed name verifies: %s", text);
	free(text);
	free(all);
}

Test(report, broken_key_leaves_no_file, .init = set_up, .fini = scratch_remove)
{
	struct dicom_report report = sample();
	struct err err = {0};
	char path[512], no_key[] = "no key";

	make_signer();
	(void)snprintf(path, sizeof path, "%s", scratch_path("unsigned.dcm"));
	cr_expect_not(dicom_report_sr_write(&report, path, sign, no_key, &err));
	cr_expect_eq(err.kind, ERR_INVALID);
	cr_expect_neq(access(path, F_OK), 0);
}
