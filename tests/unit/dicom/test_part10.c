#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

#include "lib/base/text.h"
#include "lib/dicom/part10.h"
#include "tests/unit/dicom/dataset.h"

static const char dataset[] = "\x08\x00\x05\x00";

/* A file as others write it, its dataset cut after four bytes. */
static void build(struct text_buf *out)
{
	uint8_t *header;
	size_t length;
	struct err err;
	text_buf_init(out, 1 << 20);
	cr_assert(dicom_meta_header(SECONDARY_CAPTURE, "1.2.3.4.5", EXPLICIT, "CT 1", &header, &length, &err));
	cr_assert(text_buf_append(out, header, length) && text_buf_append(out, dataset, 4));
	free(header);
}

static enum part10_look look(const void *bytes, size_t length, struct part10_head *out)
{
	uint8_t *copy = malloc(length + 1); /* of that size, so that a read beyond is seen */
	cr_assert(copy != NULL);
	memcpy(copy, bytes, length);
	enum part10_look result = part10_look(copy, length, out);
	free(copy);
	return result;
}

Test(part10, begins_at_any_length)
{
	struct text_buf file;
	struct part10_head head;
	build(&file);
	for (size_t length = 0; length < file.length - 2; length++)
		cr_expect_eq(look(file.data, length, &head), PART10_MORE, "%zu bytes", length);
	for (size_t length = file.length - 2; length <= file.length; length++) {
		cr_assert_eq(look(file.data, length, &head), PART10_HEAD, "%zu bytes", length);
		cr_expect_eq(head.length, file.length - 4);
		cr_expect_str_eq(head.sop_class_uid, SECONDARY_CAPTURE);
		cr_expect_str_eq(head.sop_instance_uid, "1.2.3.4.5");
		cr_expect_str_eq(head.transfer_syntax_uid, EXPLICIT);
	}
	text_buf_fini(&file);
}

Test(part10, group_length_is_not_believed)
{
	struct text_buf file;
	struct part10_head head;
	build(&file);
	memset(file.data + 140, 0xff, 4);
	cr_expect_eq(look(file.data, file.length, &head), PART10_HEAD);
	cr_expect_eq(head.length, file.length - 4);
	text_buf_fini(&file);
}

Test(part10, what_is_none)
{
	struct text_buf file;
	struct part10_head head;
	build(&file);
	file.data[128] = 'd';
	cr_expect_eq(look(file.data, file.length, &head), PART10_NONE);
	file.data[128] = 'D';
	file.data[136] = '\x01';
	cr_expect_eq(look(file.data, file.length, &head), PART10_NONE, "no value representation");
	text_buf_fini(&file);
}

static void add_uid(struct text_buf *out, int element, const char *value)
{
	char head[8] = {2, 0, (char)element, 0, 'U', 'I', (char)strlen(value), 0};
	cr_assert(text_buf_append(out, head, 8) && text_buf_append(out, value, strlen(value)));
}

Test(part10, values_that_are_no_uids_are_empty)
{
	static const char *const bad[] = {"1.2.x ", "../../etc", "1.2\n",
	                                  "123456789.123456789.123456789.123456789.123456789.123456789.12345", ""};
	for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
		struct text_buf file;
		struct part10_head head;
		char preamble[132] = {0};
		memcpy(preamble + 128, "DICM", 4);
		text_buf_init(&file, 1 << 20);
		cr_assert(text_buf_append(&file, preamble, sizeof preamble));
		add_uid(&file, 0x03, bad[i]);
		add_uid(&file, 0x10, "1.2 ");
		cr_assert(text_buf_append(&file, dataset, 4));
		cr_assert_eq(look(file.data, file.length, &head), PART10_HEAD);
		cr_expect_str_eq(head.sop_instance_uid, "", "%s", bad[i]);
		cr_expect_str_eq(head.sop_class_uid, "");
		cr_expect_str_eq(head.transfer_syntax_uid, "1.2");
		text_buf_fini(&file);
	}
}

Test(part10, a_meta_header_without_end_is_given_up)
{
	struct text_buf file;
	struct part10_head head;
	char preamble[132] = {0};
	memcpy(preamble + 128, "DICM", 4);
	text_buf_init(&file, 1 << 20);
	cr_assert(text_buf_append(&file, preamble, sizeof preamble));
	for (int i = 0; i < 70; i++)
		add_uid(&file, 0x03, "1.2");
	cr_expect_eq(look(file.data, file.length, &head), PART10_NONE);
	text_buf_fini(&file);
}
