#include <criterion/criterion.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "lib/dicom/dicom.h"
#include "tests/unit/dicom/dataset.h"

static void set_up(void)
{
	struct err err;

	cr_assert(dicom_init(&err), "%s", err.text);
}

TestSuite(change, .init = set_up, .fini = scratch_remove);

/* In GB18030 that is declared as Latin-1: 张^三, and 台山 in a sequence. */
static void person(struct dataset *d, const char *syntax)
{
	dataset_init(d, syntax);
	dataset_text(d, 0x00080005, "CS", "ISO_IR 100");
	dataset_identify(d);
	dataset_text(d, 0x00100010, "PN", "ZHANG^SAN=\xd5\xc5^\xc8\xfd");
	dataset_text(d, 0x00100020, "LO", "P1");
	dataset_text(d, 0x00104000, "LT", "\xcc\xa8\xc9\xbd\r\n\xc4\xd0");
}

static bool rewrite(const struct dataset *d, const char *from, const char *to, const struct dicom_change *changes,
                    size_t count, uint64_t *size, struct dicom_fields *fields, struct err *err)
{
	char path[256];
	bool ok;
	int fd;

	(void)snprintf(path, sizeof path, "%s", scratch_path("changed"));
	fd = open(path, O_CREAT | O_TRUNC | O_RDWR | O_CLOEXEC, 0600);
	cr_assert_geq(fd, 0);
	ok = dicom_rewrite(dataset_file(d, from), to, changes, count, "", fd, 1 << 20, size, err);
	close(fd);
	if (ok && *size > 0)
		cr_assert(dicom_read_fields(path, fields, err), "%s", err->text);
	return ok;
}

Test(change, writes_what_is_to_be_another_and_all_in_utf8)
{
	static const struct dicom_change changes[] = {
	    {0x00100010, "=吴敏"}, {0x00100020, "P1"}, {0x00100040, "F"}, {0x00080050, ""}};
	static const char *const from[] = {EXPLICIT, IMPLICIT, BIG_ENDIAN_EXPLICIT};

	for (size_t i = 0; i < sizeof from / sizeof from[0]; i++) {
		struct dicom_fields fields;
		struct dataset d;
		uint64_t size = 0;
		struct err err;

		person(&d, from[i]);
		cr_assert(rewrite(&d, from[i], EXPLICIT, changes, 4, &size, &fields, &err), "%s", err.text);
		cr_assert_gt(size, 0);
		cr_expect_str_eq(fields.patient_name, "=吴敏");
		cr_expect_str_eq(fields.patient_id, "P1");
		cr_expect_str_eq(fields.patient_sex, "F");
		cr_expect_str_eq(fields.charset_declared, "ISO_IR 192");
		cr_expect_str_eq(fields.transfer_syntax_uid, EXPLICIT);
		cr_expect_str_eq(fields.sop_instance_uid, "1.2.3.4");
	}
}

Test(change, lets_be_what_is_so_already)
{
	static const struct dicom_change same[] = {
	    {0x00100010, "ZHANG^SAN=张^三"}, {0x00100020, "P1"}, {0x00100040, ""}};
	struct dicom_fields fields;
	struct dataset d;
	uint64_t size = 1;
	struct err err;

	person(&d, EXPLICIT);
	cr_assert(rewrite(&d, EXPLICIT, EXPLICIT, same, 3, &size, &fields, &err), "%s", err.text);
	cr_expect_eq(size, 0);
	cr_assert(rewrite(&d, EXPLICIT, IMPLICIT, same, 3, &size, &fields, &err), "%s", err.text);
	cr_expect_gt(size, 0);
	cr_expect_str_eq(fields.charset_declared, "ISO_IR 100", "only another syntax was asked for");
}

Test(change, never_alters_what_is_signed)
{
	static const struct dicom_change change = {0x00100010, "=吴敏"};
	struct dicom_fields fields;
	struct dataset d;
	uint64_t size = 0;
	struct err err;

	person(&d, EXPLICIT);
	dataset_header(&d, 0xfffafffa, "SQ", 0);
	cr_expect_not(rewrite(&d, EXPLICIT, EXPLICIT, &change, 1, &size, &fields, &err));
	cr_expect_eq(err.kind, ERR_REFUSED);
}
