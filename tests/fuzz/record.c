/* The record of the journal. The first byte says whether the digest at its end is made right, so that what lies behind it is reached. */
#include <stdlib.h>
#include <string.h>

#include "lib/intake/record.h"
#include "tests/fuzz/support/fuzz.h"
#include "tests/fuzz/support/seal.h"

static void encode_again(const struct intake_record *record)
{
	static struct intake_record again;
	struct text_buf text;
	struct err err;

	FUZZ_CLAIM(record_check(record, &err), "decoded, and not good");
	text_buf_init(&text, RECORD_MAX);
	record_encode(record, &text);
	FUZZ_CLAIM(record_decode(text.data, text.length, &again) == RECORD_WHOLE,
	           "cannot be read after it was written");
	FUZZ_CLAIM(strcmp(again.sop_instance_uid, record->sop_instance_uid) == 0 &&
	               again.size_bytes == record->size_bytes && again.arrived_us == record->arrived_us &&
	               strcmp(again.key, record->key) == 0,
	           "written and read, and not the same");
	text_buf_fini(&text);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length)
{
	bool is_sealed = fuzz_choice(&bytes, &length, 2) == 1;
	char *text = fuzz_text(bytes, length);
	static struct intake_record record;

	if (is_sealed)
		seal_put(text, length, "end ");
	/* The reader gets no NUL behind the bytes. */
	char *exact = malloc(length > 0 ? length : 1);
	FUZZ_CLAIM(exact, "out of memory");
	memcpy(exact, text, length);
	if (record_decode(exact, length, &record) == RECORD_WHOLE && !record.is_digested)
		encode_again(&record);
	free(exact);
	fuzz_free(text);
	return 0;
}
