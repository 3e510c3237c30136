/*
 * The head of an object in the ring. The first byte says whether the digests of the record inside and of the head are made right; the rest is the
 * page, filled up with NUL.
 */
#include <stdlib.h>
#include <string.h>

#include "lib/intake/ring_head.h"
#include "tests/fuzz/support/fuzz.h"
#include "tests/fuzz/support/seal.h"

enum { CHUNKS = 1000 };

static void seal_page(char *page)
{
	size_t length = strnlen(page, RING_PAGE);
	char *record = memmem(page, length, "yq-intake ", 10), *end = NULL;

	if (record)
		end = memmem(record, length - (size_t)(record - page), "seal ", 5);
	if (end)
		seal_put(record, (size_t)(end - record), "end ");
	seal_put(page, length, "seal ");
}

static void encode_again(const struct ring_head *head)
{
	static struct ring_head again;
	char *page = malloc(RING_PAGE);

	FUZZ_CLAIM(page, "out of memory");
	ring_head_encode(&head->object, &head->record, page);
	FUZZ_CLAIM(ring_head_decode(page, CHUNKS, &again), "cannot be read after it was written");
	FUZZ_CLAIM(again.object.sequence == head->object.sequence && again.object.length == head->object.length &&
	               again.object.count == head->object.count,
	           "written and read, and not the same");
	free(page);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length)
{
	bool is_sealed = fuzz_choice(&bytes, &length, 2) == 1;
	char *page = calloc(1, RING_PAGE);
	static struct ring_head head;

	FUZZ_CLAIM(page, "out of memory");
	if (length > 0)
		memcpy(page, bytes, length < RING_PAGE ? length : RING_PAGE);
	if (is_sealed)
		seal_page(page);
	if (ring_head_decode(page, CHUNKS, &head)) {
		FUZZ_CLAIM(head.object.count >= 1 && head.object.count <= RING_OBJECT_CHUNKS, "chunks out of range");
		for (uint32_t i = 0; i < head.object.count; i++)
			FUZZ_CLAIM(head.object.chunks[i] < CHUNKS, "a chunk that the ring does not have");
		if (!head.record.is_digested)
			encode_again(&head);
	}
	free(page);
	return 0;
}
