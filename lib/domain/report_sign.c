#include "lib/domain/report_sign.h"

#include <dirent.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lib/base/clock.h"
#include "lib/base/conf.h"
#include "lib/base/file.h"
#include "lib/base/text.h"
#include "lib/domain/pdf_sign.h"
#include "lib/domain/report_content.h"
#include "lib/domain/report_pdf.h"

enum { SCRATCH_AGE_S = 3600 };

/* ---- PDF ------------------------------------------------------------------------------------------------------------------ */

static bool sign_field(const json_t *content, const uint8_t *pdf, size_t length, const struct report_stamp *stamp,
                       struct signer *signer, uint8_t **out, size_t *out_length, struct err *err)
{
	const char *field = stamp->is_reviewer ? "Reviewer" : "Author";
	char reason[128];
	struct pdf_signature_request request = {
	    .field = field, .name = stamp->name, .reason = reason, .signed_us = stamp->signed_us};
	struct pdf_box box;
	uint8_t *appearance = NULL;
	bool ok;

	/* The code stands last: report_verify finds the report by it even when the file was changed. */
	snprintf(reason, sizeof reason, "%s %s", stamp->is_reviewer ? "审核签名" : "报告签名",
	         report_content_text(content, "report", "code"));
	if (!pdf_find_field(pdf, length, field, &box, err) ||
	    !report_pdf_stamp(stamp, box.width, box.height, &appearance, &request.appearance_length, err))
		return false;
	request.appearance = appearance;
	ok = pdf_sign(pdf, length, &request, signer, out, out_length, err);
	free(appearance);
	return ok;
}

bool report_author_pdf(const json_t *content, const struct report_pictures *pictures, struct signer *signer,
                       int64_t signed_us, uint8_t **out, size_t *out_length, struct err *err)
{
	struct report_stamp stamp = {.name = report_content_text(content, "author", "name"),
	                             .institution = report_content_text(content, "author", "institution"),
	                             .signed_us = signed_us,
	                             .is_demo = report_content_bool(content, NULL, "is_demo"),
	                             .language = report_content_text(content, NULL, "language")};
	struct report_pdf pdf;
	uint8_t *with_fields = NULL;
	size_t length = 0;
	bool ok;

	if (!report_pdf_render(content, pictures, &pdf, err))
		return false;
	const struct pdf_field fields[] = {{"Author", pdf.author}, {"Reviewer", pdf.reviewer}};
	ok = pdf_add_fields(pdf.bytes, pdf.length, fields, 2, &with_fields, &length, err);
	free(pdf.bytes);
	if (!ok)
		return false;
	ok = sign_field(content, with_fields, length, &stamp, signer, out, out_length, err);
	free(with_fields);
	return ok;
}

bool report_reviewer_pdf(const json_t *content, const uint8_t *candidate, size_t candidate_length, const char *name,
                         const char *institution, struct signer *signer, int64_t signed_us, uint8_t **out,
                         size_t *out_length, struct err *err)
{
	struct report_stamp stamp = {.is_reviewer = true,
	                             .name = name,
	                             .institution = institution,
	                             .signed_us = signed_us,
	                             .is_demo = signer_is_demo(signer) || report_content_bool(content, NULL, "is_demo"),
	                             .language = report_content_text(content, NULL, "language")};

	return sign_field(content, candidate, candidate_length, &stamp, signer, out, out_length, err);
}

/* ---- DICOM objects ---------------------------------------------------------------------------------------------------------- */

/* A name below YQ_HOME/tmp that nobody else has; lib/dicom makes the file. */
static bool scratch_path(char out[PATH_MAX], struct err *err)
{
	char name[TEXT_UUID_SIZE];

	if (!conf_path(out, PATH_MAX, err, "tmp") || !file_make_dirs(out, 0700, err))
		return false;
	text_uuid_new(name);
	return conf_path(out, PATH_MAX, err, "tmp/%s.dcm", name);
}

void report_scratch_sweep(void)
{
	char path[PATH_MAX];
	struct err ignored;
	DIR *directory = conf_path(path, sizeof path, &ignored, "tmp") ? opendir(path) : NULL;
	/* Of files, the machine's own clock: an offset for tests does not move it. */
	int64_t now_s = (clock_wall_us() - clock_offset_us()) / 1000000;
	struct dirent *entry;

	while (directory && (entry = readdir(directory))) {
		size_t length = strlen(entry->d_name);
		struct stat status;

		if (length == TEXT_UUID_SIZE - 1 + 4 && strcmp(entry->d_name + length - 4, ".dcm") == 0 &&
		    conf_path(path, sizeof path, &ignored, "tmp/%s", entry->d_name) && stat(path, &status) == 0 &&
		    now_s - status.st_mtime > SCRATCH_AGE_S)
			unlink(path);
	}
	if (directory)
		closedir(directory);
}

static bool read_scratch(const char *path, uint8_t **out, size_t *out_length, struct err *err)
{
	char *bytes = NULL;
	bool ok = file_read_all(path, PDF_FILE_MAX, &bytes, out_length, err);

	unlink(path);
	if (ok)
		*out = (uint8_t *)bytes;
	return ok;
}

static bool sign_dataset(void *context, struct dicom_signing *signing, struct err *err)
{
	char *key_pem = NULL, *certificate_pem = NULL;
	bool ok;

	if (!signer_export_pem(context, &key_pem, &certificate_pem, err))
		return false;
	ok = dicom_sign_with_key(signing, key_pem, certificate_pem, err);
	signer_pem_free(key_pem);
	signer_pem_free(certificate_pem);
	return ok;
}

bool report_sr_object(const struct dicom_report *report, struct signer *signer, uint8_t **out, size_t *out_length,
                      struct err *err)
{
	char path[PATH_MAX];

	if (!scratch_path(path, err))
		return false;
	if (!dicom_report_sr_write(report, path, signer ? sign_dataset : NULL, signer, err)) {
		unlink(path);
		return err_context(err, "the structured report");
	}
	return read_scratch(path, out, out_length, err);
}

bool report_pdf_object(const struct dicom_report *report, const uint8_t *pdf, size_t pdf_length, uint8_t **out,
                       size_t *out_length, struct err *err)
{
	char path[PATH_MAX];

	if (!scratch_path(path, err))
		return false;
	if (!dicom_report_pdf_write(report, pdf, pdf_length, path, err)) {
		unlink(path);
		return err_context(err, "the encapsulated PDF");
	}
	return read_scratch(path, out, out_length, err);
}

bool report_dataset_offset(const uint8_t *bytes, size_t length, uint64_t *out)
{
	/* 128 bytes of preamble, "DICM", then (0002,0000) UL of length 4, explicit VR little endian. */
	static const uint8_t group_length[] = {0x02, 0x00, 0x00, 0x00, 'U', 'L', 0x04, 0x00};
	uint64_t offset;

	if (length < 144 || memcmp(bytes + 128, "DICM", 4) != 0 ||
	    memcmp(bytes + 132, group_length, sizeof group_length) != 0)
		return false;
	offset = 144 + (uint64_t)bytes[140] + ((uint64_t)bytes[141] << 8) + ((uint64_t)bytes[142] << 16) +
	         ((uint64_t)bytes[143] << 24);
	if (offset >= length)
		return false;
	*out = offset;
	return true;
}
