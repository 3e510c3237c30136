#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/dicom/dicom.h"
#include "tests/unit/dicom/dataset.h"

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))

static void begin(struct dataset *d, uint32_t tag)
{
	dataset_header(d, tag, "SQ", UNDEFINED);
	dataset_item(d, 0xe000, UNDEFINED);
}

static void end(struct dataset *d)
{
	dataset_item(d, 0xe00d, 0);
	dataset_item(d, 0xe0dd, 0);
}

static void refer(struct dataset *d, uint32_t sequence, const char *uid)
{
	begin(d, sequence);
	dataset_text(d, 0x00081155, "UI", uid);
	end(d);
}

static bool read_file(void *context, uint64_t offset, void *out, size_t length, size_t *out_length, struct err *err)
{
	(void)err;
	(void)fseek(context, (long)offset, SEEK_SET);
	*out_length = fread(out, 1, length, context);
	return true;
}

static bool references(const struct dataset *d, const char *syntax, struct dicom_references *out)
{
	FILE *file = fopen(dataset_file(d, syntax), "rb");
	struct dicom_bytes bytes = {read_file, file, 0};
	struct err err;
	cr_assert_not_null(file);
	(void)fseek(file, 0, SEEK_END);
	bytes.size = (uint64_t)ftell(file);
	bool ok = dicom_read_references(&bytes, out, &err);
	(void)fclose(file);
	return ok;
}

Test(references, are_those_to_objects_at_any_depth, .fini = scratch_remove)
{
	static const char *const syntaxes[] = {IMPLICIT, EXPLICIT, BIG_ENDIAN_EXPLICIT, DEFLATED};
	static const char *const want[] = {"1.2.10", "1.2.11", "?", "1.2.10"};
	for (size_t i = 0; i < COUNT(syntaxes); i++) {
		struct dataset *d = malloc(sizeof *d);
		struct dicom_references got;
		cr_assert_not_null(d);
		dataset_init(d, syntaxes[i]);
		dataset_identify(d);
		refer(d, 0x00081110, "1.2.1"); /* study */
		refer(d, 0x00081111, "1.2.2"); /* step */
		refer(d, 0x00081140, "1.2.10");
		refer(d, 0x00081140, "1.2.10");
		begin(d, 0x0040a375);
		begin(d, 0x00081115);
		refer(d, 0x00081199, "1.2.11");
		refer(d, 0x00081199, "1.2'; x");
		end(d);
		end(d);
		refer(d, 0x0040a730, "1.2.10");
		if (strcmp(syntaxes[i], DEFLATED) == 0)
			dataset_deflate(d);
		cr_assert(references(d, syntaxes[i], &got), "%s", syntaxes[i]);
		cr_assert_eq(got.count, COUNT(want), "%s: %zu", syntaxes[i], got.count);
		for (size_t n = 0; n < COUNT(want); n++)
			cr_expect_str_eq(got.uids[n], want[n]);
		dicom_references_fini(&got);
		free(d);
	}
}

Test(references, of_a_broken_object_are_none, .fini = scratch_remove)
{
	struct dataset *d = malloc(sizeof *d);
	struct dicom_references got;
	cr_assert_not_null(d);
	dataset_init(d, EXPLICIT);
	dataset_identify(d);
	refer(d, 0x00081140, "1.2.10");
	dataset_header(d, 0x00400275, "SQ", 1000);
	cr_expect_not(references(d, EXPLICIT, &got));
	free(d);
}
