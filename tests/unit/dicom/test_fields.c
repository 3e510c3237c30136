#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/dicom/dicom.h"
#include "tests/unit/dicom/dataset.h"

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))

static void put_everything(struct dataset *d)
{
	dataset_text(d, 0x00080005, "CS", "GB18030");
	dataset_text(d, 0x00080016, "UI", SECONDARY_CAPTURE);
	dataset_text(d, 0x00080018, "UI", "1.2.3.4");
	dataset_text(d, 0x00080020, "DA", "2024.03.15");
	dataset_text(d, 0x00080060, "CS", "CT");
	dataset_text(d, 0x00080080, "LO", "\xd0\xe9\xb9\xb9\xcf\xd8");
	dataset_text(d, 0x00100010, "PN", "ZHANG^SAN=\xd5\xc5^\xc8\xfd");
	dataset_text(d, 0x00100020, "LO", " P1 ");
	dataset_text(d, 0x00100020, "LO", "second one");
	dataset_header(d, 0x00101002, "SQ", UNDEFINED);
	dataset_item(d, 0xe000, UNDEFINED);
	dataset_text(d, 0x00100020, "LO", "OTHER1");
	dataset_text(d, 0x00100010, "PN", "NOT^ME");
	dataset_item(d, 0xe00d, 0);
	dataset_item(d, 0xe0dd, 0);
	dataset_text(d, 0x0020000d, "UI", "1.2.3");
	dataset_text(d, 0x0020000e, "UI", "1.2.3.1");
	dataset_text(d, 0x00200013, "IS", "7 ");
	dataset_text(d, 0x00280008, "IS", "1A");
	dataset_us(d, 0x00280010, 512);
	dataset_us(d, 0x00280011, 513);
	dataset_bytes(d, 0x7fe00010, "OW", "abcd", 4);
}

Test(fields, are_the_same_in_every_form, .fini = scratch_remove)
{
	static const char *const syntaxes[] = {IMPLICIT, EXPLICIT, BIG_ENDIAN_EXPLICIT, DEFLATED};

	for (size_t i = 0; i < COUNT(syntaxes); i++) {
		struct dataset *d = malloc(sizeof *d);
		struct dicom_fields f;
		struct err err;

		cr_assert_not_null(d);
		dataset_init(d, syntaxes[i]);
		put_everything(d);
		if (strcmp(syntaxes[i], DEFLATED) == 0)
			dataset_deflate(d);
		cr_assert(dicom_read_fields(dataset_file(d, syntaxes[i]), &f, &err), "%s: %s", syntaxes[i], err.text);
		cr_expect_str_eq(f.transfer_syntax_uid, syntaxes[i]);
		cr_expect_str_eq(f.sop_class_uid, SECONDARY_CAPTURE, "%s: %s", syntaxes[i], f.sop_class_uid);
		cr_expect_str_eq(f.sop_instance_uid, "1.2.3.4");
		cr_expect_str_eq(f.study_instance_uid, "1.2.3");
		cr_expect_str_eq(f.series_instance_uid, "1.2.3.1");
		cr_expect_str_eq(f.study_date, "2024.03.15");
		cr_expect_str_eq(f.modality, "CT");
		cr_expect_str_eq(f.institution, "虚构县");
		cr_expect_str_eq(f.patient_name, "ZHANG^SAN=张^三");
		cr_expect_str_eq(f.patient_id, "P1", "the first of two, trimmed: %s", f.patient_id);
		cr_expect_str_eq(f.other_patient_ids, "OTHER1");
		cr_expect_str_eq(f.charset_declared, "GB18030");
		cr_expect_eq(f.charset_verdict, DICOM_CHARSET_AS_DECLARED);
		cr_expect_eq(f.instance_number, 7);
		cr_expect_eq(f.series_number, -1);
		cr_expect_eq(f.frames, -1, "1A is no number");
		cr_expect_eq(f.rows, 512, "%s: %d", syntaxes[i], f.rows);
		cr_expect_eq(f.columns, 513);
		cr_expect(f.has_pixels);
		cr_expect(f.has_study);
		free(d);
	}
}

/* ---- Request Attributes Sequence ------------------------------------------------------------------------------- */

static void put_request(struct dataset *d, uint32_t length, const char *step, const char *procedure)
{
	dataset_item(d, 0xe000, length);
	if (step != NULL)
		dataset_text(d, 0x00400009, "SH", step);
	if (procedure != NULL)
		dataset_text(d, 0x00401001, "SH", procedure);
	if (length == UNDEFINED)
		dataset_item(d, 0xe00d, 0);
}

Test(fields, requests_are_told_by_their_items, .fini = scratch_remove)
{
	static const char *const syntaxes[] = {IMPLICIT, EXPLICIT, BIG_ENDIAN_EXPLICIT};

	for (size_t i = 0; i < COUNT(syntaxes); i++) {
		struct dataset d;
		struct dicom_fields f;
		struct err err;

		dataset_init(&d, syntaxes[i]);
		dataset_text(&d, 0x00080005, "CS", "GB18030");
		dataset_identify(&d);
		dataset_text(&d, 0x00100010, "PN", "\xd5\xc5^\xc8\xfd");
		dataset_header(&d, 0x00400275, "SQ", UNDEFINED);
		put_request(&d, UNDEFINED, " S1 ", NULL);
		put_request(&d, 0, NULL, NULL);
		put_request(&d, UNDEFINED, "\xd0\xe9", "P3");
		put_request(&d, 22, "four", "IV"); /* headers of 8 bytes, values of 4 and 2 */
		dataset_item(&d, 0xe0dd, 0);
		dataset_text(&d, 0x00400244, "DA", "20260301");
		dataset_text(&d, 0x00400245, "TM", "0830");
		dataset_text(&d, 0x00400009, "SH", "of no item");
		cr_assert(dicom_read_fields(dataset_file(&d, syntaxes[i]), &f, &err), "%s: %s", syntaxes[i], err.text);
		cr_expect_str_eq(f.request_attributes[0].step_id, "S1");
		cr_expect_str_eq(f.request_attributes[0].procedure_id, "", "that of another item");
		cr_expect_str_eq(f.request_attributes[1].step_id, "");
		cr_expect_str_eq(f.request_attributes[2].step_id, "虚", "%s", f.request_attributes[2].step_id);
		cr_expect_str_eq(f.request_attributes[2].procedure_id, "P3");
		cr_expect_str_eq(f.request_attributes[3].step_id, "four");
		cr_expect_str_eq(f.request_attributes[3].procedure_id, "IV");
		cr_expect_str_eq(f.request_attributes[4].step_id, "");
		cr_expect_str_eq(f.performed_date, "20260301");
		cr_expect_str_eq(f.performed_time, "0830");
	}
}

Test(fields, requests_are_bounded_in_number_and_length, .fini = scratch_remove)
{
	struct dataset d;
	struct dicom_fields f;
	struct err err;
	char step[16], longest[300];

	memset(longest, 'P', sizeof longest);
	longest[sizeof longest - 1] = '\0';
	dataset_init(&d, EXPLICIT);
	dataset_identify(&d);
	dataset_header(&d, 0x00400275, "SQ", UNDEFINED);
	for (int i = 0; i < 40; i++) {
		(void)snprintf(step, sizeof step, "S%d", i);
		put_request(&d, UNDEFINED, step, longest);
	}
	dataset_item(&d, 0xe0dd, 0);
	cr_assert(dicom_read_fields(dataset_file(&d, EXPLICIT), &f, &err), "%s", err.text);
	cr_expect_str_eq(f.request_attributes[DICOM_REQUESTS_MAX - 1].step_id, "S7");
	cr_expect_eq(strlen(f.request_attributes[0].procedure_id), sizeof f.request_attributes[0].procedure_id - 1);
}

Test(fields, long_values_are_cut_but_never_uids, .fini = scratch_remove)
{
	struct dataset d;
	struct dicom_fields f;
	struct err err = {0};
	char name[5000], uid[90];

	memset(name, 'N', sizeof name);
	name[sizeof name - 1] = '\0';
	memset(uid, '1', sizeof uid);
	uid[sizeof uid - 1] = '\0';
	dataset_init(&d, EXPLICIT);
	dataset_identify(&d);
	dataset_text(&d, 0x00100010, "PN", name);
	cr_assert(dicom_read_fields(dataset_file(&d, EXPLICIT), &f, &err), "%s", err.text);
	cr_expect_eq(strlen(f.patient_name), sizeof f.patient_name - 1);
	dataset_init(&d, EXPLICIT);
	dataset_text(&d, 0x00080018, "UI", uid);
	cr_assert(dicom_read_fields(dataset_file(&d, EXPLICIT), &f, &err), "%s", err.text);
	cr_expect_str_eq(f.sop_instance_uid, "?", "a UID that was cut names something else");
}

Test(fields, hostile_uids_stay_recognisable, .fini = scratch_remove)
{
	struct dataset d;
	struct dicom_fields f;
	struct err err = {0};

	dataset_init(&d, EXPLICIT);
	dataset_bytes(&d, 0x00080018, "UI", "1.2.3\0evil\n4", 12);
	cr_assert(dicom_read_fields(dataset_file(&d, EXPLICIT), &f, &err), "%s", err.text);
	cr_expect_str_eq(f.sop_instance_uid, "1.2.3?evil?4");
	cr_expect_not(f.has_study);
}

Test(fields, of_no_file_are_not_found)
{
	struct dicom_fields f;
	struct err err;

	cr_expect_not(dicom_read_fields("/nonexistent/object.dcm", &f, &err));
	cr_expect_eq(err.kind, ERR_NOT_FOUND);
	cr_expect_not(dicom_read_fields("/dev/null", &f, &err));
	cr_expect_eq(err.kind, ERR_INVALID);
}

Test(fields, outputs_are_untouched_on_failure, .fini = scratch_remove)
{
	struct dicom_fields f, before;
	struct err err;

	memset(&f, 0x5a, sizeof f);
	before = f;
	cr_expect_not(dicom_read_fields(bytes_file("no DICOM", 8), &f, &err));
	cr_expect_eq(memcmp(&f, &before, sizeof f), 0);
}
