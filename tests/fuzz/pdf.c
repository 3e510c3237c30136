/* PDF files that may be anybody's: the signatures of a paper, its fields, its pages, and the code in a broken one. */
#include <stdlib.h>
#include <string.h>

#include "lib/base/text.h"
#include "lib/domain/pdf_file.h"
#include "lib/domain/pdf_sign.h"
#include "lib/domain/report_verify.h"
#include "tests/fuzz/support/fuzz.h"

static void check_slice(const uint8_t *bytes, size_t length, struct pdf_slice value)
{
	FUZZ_CLAIM(value.at >= bytes && value.length <= length && value.at <= bytes + length - value.length,
	           "a value outside of the file");
}

/* Every value as everything. */
static void read_value(const struct pdf_file *file, struct pdf_slice value)
{
	char text[64];
	struct pdf_slice inside;
	uint64_t integer;
	double number;
	struct err err;

	check_slice(file->data, file->length, value);
	(void)pdf_integer(value, &integer);
	(void)pdf_number(value, &number);
	if (pdf_string(value, text, sizeof text))
		FUZZ_CLAIM(text_is_utf8(text, strlen(text)), "a string that is no UTF-8");
	if (pdf_resolve(file, value, &inside, &err))
		check_slice(file->data, file->length, inside);
}

static void read_objects(const uint8_t *bytes, size_t length)
{
	struct pdf_file file;
	struct pdf_slice value, stream, part;
	struct err err;
	uint32_t number;

	if (!pdf_file_open(bytes, length, &file, &err))
		return;
	for (uint32_t i = 0; i < file.size && i < 64; i++) {
		if (!pdf_object(&file, i, &value, &stream, &err))
			continue;
		read_value(&file, value);
		if (stream.at)
			check_slice(bytes, length, stream);
		if (pdf_dict_get(value, "V", &part))
			read_value(&file, part);
	}
	if (pdf_page(&file, 2, &number, &value, &err))
		check_slice(bytes, length, value);
	pdf_file_close(&file);
}

static void walk_values(const uint8_t *bytes, size_t length)
{
	const uint8_t *cursor = bytes, *end = bytes + length;
	struct pdf_slice value;

	while (pdf_next_value(&cursor, end, &value)) {
		FUZZ_CLAIM(value.length > 0, "a value without length");
		check_slice(bytes, length, value);
	}
	FUZZ_CLAIM(cursor >= bytes && cursor <= end, "left behind the end of the file");
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length)
{
	struct pdf_signature found[PDF_SIGNATURES_MAX];
	struct report_inquiry inquiry = {0};
	struct pdf_box box;
	size_t count = 0;
	bool has_tail;
	struct err err;

	walk_values(bytes, length);
	read_objects(bytes, length);
	if (pdf_verify(bytes, length, NULL, found, &count, &has_tail, &err))
		for (size_t i = 0; i < count; i++) {
			FUZZ_CLAIM(found[i].covers <= length, "covers more than there is");
			FUZZ_CLAIM(text_is_utf8(found[i].field, strlen(found[i].field)), "a field that is no UTF-8");
		}
	(void)pdf_find_field(bytes, length, "Author", &box, &err);
	report_verify_scan(&inquiry, bytes, length);
	return 0;
}
