/* What STOW-RS, QIDO-RS and FHIR peers answer. The first byte chooses the status, the rest is the body. */
#include <stdlib.h>
#include <string.h>

#include "lib/base/text.h"
#include "lib/transport/fhir_answer.h"
#include "lib/transport/stow_answer.h"
#include "tests/fuzz/support/fuzz.h"

enum { COUNT = 3 };
static const char *const uids[COUNT] = {"1.2.1", "1.2.2", "1.2.3"};

static void read_stow(int status, const char *body, size_t length)
{
	struct stow_verdict verdicts[COUNT];

	for (int i = 0; i < COUNT; i++)
		verdicts[i].sop_instance_uid = uids[i];
	stow_answer_read(status, body, length, verdicts, COUNT);
	for (int i = 0; i < COUNT; i++) {
		FUZZ_CLAIM(verdicts[i].sent == DICOM_SENT_ANSWERED || verdicts[i].sent == DICOM_SENT_UNKNOWN,
		           "an answer has a verdict that is none");
		FUZZ_CLAIM(status != 202 || verdicts[i].sent == DICOM_SENT_UNKNOWN || memmem(body, length, "Value", 5),
		           "accepted, and nothing listed");
	}
}

static void read_query(const char *body, size_t length)
{
	bool is_held[COUNT] = {false, true, false};
	size_t rows = 0, found = 0;

	if (!stow_query_read(body, length, uids, COUNT, is_held, &rows, &found))
		return;
	FUZZ_CLAIM(is_held[1], "what was held is not any more");
	FUZZ_CLAIM(found == (size_t)is_held[0] + is_held[2] && found <= rows, "more held than said");
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length)
{
	static const int statuses[] = {200, 202, 409};
	int status = statuses[fuzz_choice(&bytes, &length, sizeof statuses / sizeof statuses[0])];
	char *body = fuzz_text(bytes, length), text[FHIR_TEXT_SIZE];

	read_stow(status, body, length);
	read_query(body, length);
	(void)fhir_answer_read(body, length, text);
	FUZZ_CLAIM(text_is_utf8(text, strlen(text)), "a text that is no UTF-8");
	FUZZ_CLAIM(!strpbrk(text, "\r\n\t"), "a text of several lines");
	fuzz_free(body);
	return 0;
}
