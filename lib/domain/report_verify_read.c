#include <stdlib.h>
#include <string.h>

#include "lib/dicom/dicom.h"
#include "lib/domain/pdf_file.h"
#include "lib/domain/report_sign.h"
#include "lib/domain/report_verify.h"

#define SOP_CLASS_BASIC_TEXT_SR "1.2.840.10008.5.1.4.1.1.88.11"
#define SOP_CLASS_ENCAPSULATED_PDF "1.2.840.10008.5.1.4.1.1.104.1"

/* The last word of a reason is the code, as report_sign.c writes it. */
static bool code_of_reason(struct pdf_slice value, char out[REPORT_CODE_SIZE])
{
	char text[256], id[TEXT_UUID_SIZE];
	const char *word;

	if (!pdf_string(value, text, sizeof text))
		return false;
	word = strrchr(text, ' ');
	if (!word || !report_code_to_id(word + 1, id))
		return false;
	return report_code_of_id(id, out);
}

void report_verify_scan(struct report_inquiry *inquiry, const uint8_t *pdf, size_t length)
{
	static const char mark[] = "/Reason <feff";
	const uint8_t *cursor = pdf, *end = pdf + length;

	while ((cursor = memmem(cursor, (size_t)(end - cursor), mark, sizeof mark - 1))) {
		struct pdf_slice value;

		cursor += 8; /* at the string */
		if (pdf_next_value(&cursor, end, &value) && code_of_reason(value, inquiry->code)) {
			inquiry->has_our_mark = true;
			return;
		}
	}
}

static bool read_object(struct report_inquiry *inquiry, const char *path, const uint8_t *bytes, size_t length,
                        struct err *err)
{
	struct dicom_fields *fields = calloc(1, sizeof *fields);
	uint8_t *pdf = NULL;
	size_t pdf_length = 0;
	uint64_t offset = 0;
	bool ok;

	if (!fields)
		err_panic("out of memory for a verification");
	ok = dicom_read_fields(path, fields, err);
	if (ok) {
		bool is_pdf = strcmp(fields->sop_class_uid, SOP_CLASS_ENCAPSULATED_PDF) == 0;

		(void)text_copy(inquiry->sop_instance_uid, sizeof inquiry->sop_instance_uid, fields->sop_instance_uid);
		if (is_pdf)
			ok = dicom_pdf_extract(path, &pdf, &pdf_length, err);
		else if (strcmp(fields->sop_class_uid, SOP_CLASS_BASIC_TEXT_SR) != 0)
			ok = err_set(err, ERR_INVALID,
			             "cannot verify: neither a PDF, nor an Encapsulated PDF, nor a report (SR)");
	}
	free(fields);
	if (!ok)
		return false;
	if (report_dataset_offset(bytes, length, &offset)) {
		digest_bytes(bytes + offset, length - (size_t)offset, inquiry->dataset_sha256);
		inquiry->has_dataset = true;
	}
	if (pdf)
		report_verify_pdf(inquiry, pdf, pdf_length);
	free(pdf);
	/* The object itself must be as it was, not only the paper in it. */
	inquiry->has_sha256 = false;
	return true;
}

bool report_verify_read(struct report_inquiry *inquiry, const char *path, const uint8_t *bytes, size_t length,
                        struct err *err)
{
	if (length > 8 && memcmp(bytes, "%PDF-1.", 7) == 0) {
		report_verify_pdf(inquiry, bytes, length);
		return true;
	}
	if (length > 132 && memcmp(bytes + 128, "DICM", 4) == 0)
		return read_object(inquiry, path, bytes, length, err);
	return err_set(err, ERR_INVALID, "cannot verify: neither a PDF, nor an Encapsulated PDF, nor a report (SR)");
}
