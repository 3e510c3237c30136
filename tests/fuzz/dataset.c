/*
 * The header reader (lib/dicom: source, structure, fields), over every form of transfer syntax. The first byte chooses the syntax,
 * the rest is the dataset; or, for the last choice, a whole file.
 */
#include <stdlib.h>
#include <string.h>
#include <zlib.h>

#include "lib/base/text.h"
#include "lib/dicom/dicom.h"
#include "tests/fuzz/support/fuzz.h"

enum { FORM_DEFLATED = 3, FORM_TO_DEFLATE = 4, FORM_FILE = 8, FORM_COUNT };

static const char *const syntaxes[FORM_FILE] = {
    "1.2.840.10008.1.2",      "1.2.840.10008.1.2.1",    "1.2.840.10008.1.2.2", "1.2.840.10008.1.2.1.99",
    "1.2.840.10008.1.2.1.99", "1.2.840.10008.1.2.4.50", "1.2.840.10008.1.2.5", "1.2.826.0.1.3680043.1.2",
};

struct file {
	uint8_t *bytes;
	size_t length;
};

static bool read_at(void *context, uint64_t offset, void *out, size_t length, size_t *out_length, struct err *err)
{
	const struct file *file = context;

	(void)err;
	*out_length = offset >= file->length           ? 0
	              : file->length - offset < length ? file->length - (size_t)offset
	                                               : length;
	if (*out_length > 0)
		memcpy(out, file->bytes + offset, *out_length);
	return true;
}

/* Raw deflate, as PS3.5 section A.5 wants it. Heap. */
static uint8_t *deflate_raw(const uint8_t *bytes, size_t length, size_t *out_length)
{
	z_stream z = {0};
	uint8_t *packed;
	uLong room;

	FUZZ_CLAIM(deflateInit2(&z, 6, Z_DEFLATED, -MAX_WBITS, 8, Z_DEFAULT_STRATEGY) == Z_OK, "no zlib");
	room = deflateBound(&z, length);
	packed = malloc(room);
	FUZZ_CLAIM(packed, "out of memory");
	z.next_in = (uint8_t *)(uintptr_t)bytes;
	z.avail_in = (uInt)length;
	z.next_out = packed;
	z.avail_out = (uInt)room;
	FUZZ_CLAIM(deflate(&z, Z_FINISH) == Z_STREAM_END, "zlib does not end");
	*out_length = z.total_out;
	deflateEnd(&z);
	return packed;
}

static struct file make_file(unsigned form, const uint8_t *bytes, size_t length)
{
	struct file file = {NULL, 0};
	uint8_t *head, *packed = NULL;
	size_t head_length;
	struct err err;

	FUZZ_CLAIM(
	    dicom_meta_header("1.2.840.10008.5.1.4.1.1.7", "1.2.3", syntaxes[form], NULL, &head, &head_length, &err),
	    "no meta header");
	if (form == FORM_TO_DEFLATE)
		bytes = packed = deflate_raw(bytes, length, &length);
	file.length = head_length + length;
	file.bytes = malloc(file.length);
	FUZZ_CLAIM(file.bytes, "out of memory");
	memcpy(file.bytes, head, head_length);
	if (length > 0)
		memcpy(file.bytes + head_length, bytes, length);
	free(packed);
	free(head);
	return file;
}

static void check_text(const char *text, size_t size)
{
	FUZZ_CLAIM(memchr(text, '\0', size), "a field without end");
	FUZZ_CLAIM(text_is_utf8(text, strlen(text)), "a field that is no UTF-8");
}

static void check_fields(const struct dicom_fields *f)
{
#define CHECK(member) check_text(f->member, sizeof f->member)
	CHECK(sop_class_uid), CHECK(sop_instance_uid), CHECK(study_instance_uid), CHECK(series_instance_uid);
	CHECK(patient_name), CHECK(patient_id), CHECK(issuer_of_patient_id), CHECK(other_patient_ids);
	CHECK(patient_sex), CHECK(patient_birth_date), CHECK(patient_age), CHECK(accession_number), CHECK(study_id);
	CHECK(referring_physician), CHECK(study_date), CHECK(study_time), CHECK(content_time), CHECK(study_description);
	CHECK(series_description), CHECK(protocol_name), CHECK(body_part), CHECK(modality), CHECK(manufacturer);
	CHECK(model), CHECK(station_name), CHECK(institution), CHECK(operators_name), CHECK(charset_declared);
	CHECK(charset_used), CHECK(transfer_syntax_uid), CHECK(performed_date), CHECK(performed_time);
	for (int i = 0; i < DICOM_REQUESTS_MAX; i++)
		CHECK(request_attributes[i].step_id), CHECK(request_attributes[i].procedure_id);
#undef CHECK
	FUZZ_CLAIM(f->has_study == (f->study_instance_uid[0] != '\0'), "has_study does not say what there is");
	FUZZ_CLAIM(f->charset_verdict <= DICOM_CHARSET_UNDECIDED, "no verdict");
	FUZZ_CLAIM(f->series_number >= -1 && f->instance_number >= -1 && f->rows >= -1 && f->columns >= -1 &&
	               f->frames >= -1,
	           "a number below -1");
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length)
{
	unsigned form = fuzz_choice(&bytes, &length, FORM_COUNT);
	struct file file = {(uint8_t *)(uintptr_t)bytes, length};
	struct dicom_bytes view = {read_at, &file, 0};
	static struct dicom_fields fields, again;
	struct err err = {0};

	if (form < FORM_FILE)
		file = make_file(form, bytes, length);
	view.size = file.length;
	memset(&fields, 0xa5, sizeof fields);
	memset(&again, 0xa5, sizeof again);
	if (dicom_read_fields_of(&view, &fields, &err)) {
		check_fields(&fields);
		FUZZ_CLAIM(dicom_read_fields_of(&view, &again, &err), "read once, and not a second time");
		FUZZ_CLAIM(strcmp(fields.patient_name, again.patient_name) == 0, "read twice, with two results");
	} else {
		FUZZ_CLAIM(err.kind == ERR_INVALID && err.text[0], "refused without a reason");
		FUZZ_CLAIM(fields.patient_name[0] == (char)0xa5, "refused, and something was written");
	}
	if (form < FORM_FILE)
		free(file.bytes);
	return 0;
}
