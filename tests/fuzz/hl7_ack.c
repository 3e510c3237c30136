/* Acknowledgements of HL7 v2, in their block or without. */
#include <stdlib.h>
#include <string.h>

#include "lib/base/text.h"
#include "lib/transport/hl7_ack.h"
#include "tests/fuzz/support/fuzz.h"

static const char control_id[] = "6b1f3f3a6a6b4d539f5e";

static void read_one(const char *bytes, size_t length)
{
	struct hl7_ack ack;
	enum hl7_verdict verdict = hl7_ack_read(bytes, length, control_id, &ack);

	FUZZ_CLAIM(text_is_utf8(ack.text, strlen(ack.text)), "a text that is no UTF-8");
	FUZZ_CLAIM(!strpbrk(ack.text, "\r\n\t\x1b"), "a text of several lines");
	FUZZ_CLAIM(verdict != HL7_TAKEN || memmem(bytes, length, control_id, sizeof control_id - 1),
	           "taken, and ours is not named");
	FUZZ_CLAIM(verdict != HL7_TAKEN || ack.code[1] == 'A', "taken, and not said so");
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length)
{
	char *text = fuzz_text(bytes, length);
	size_t start = 0, end = 0;

	read_one(text, length);
	if (hl7_block_find(text, length, &start, &end)) {
		FUZZ_CLAIM(start <= end && end < length, "a block outside of what came");
		read_one(text + start, end - start);
	}
	fuzz_free(text);
	return 0;
}
