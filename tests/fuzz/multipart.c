/* A body of several objects, as STOW-RS reads it. The first byte says in which pieces it comes: whatever they are, the same is read. */
#include <stdlib.h>
#include <string.h>

#include "lib/base/text.h"
#include "lib/dicom/part10.h"
#include "lib/http/media.h"
#include "lib/http/multipart.h"
#include "tests/fuzz/support/fuzz.h"

enum { PIECES = 64, SEEN_MAX = 1 << 20, TEXT_SIZE = 16 };

/* Everything that was read, one after the other; where the part at hand begins. */
struct seen {
	struct text_buf text;
	size_t part;
	bool is_open;
};

static void add(struct seen *seen, const void *bytes, size_t length)
{
	FUZZ_CLAIM(text_buf_append(&seen->text, bytes, length), "more was read than came");
}

static bool begin(void *context, const char *type, struct err *err)
{
	struct seen *seen = context;
	char value[TEXT_SIZE];

	(void)err;
	FUZZ_CLAIM(!seen->is_open, "a part in a part");
	seen->is_open = true;
	add(seen, "[", 1);
	if (type)
		add(seen, type, strlen(type));
	if (media_parameter(type, "c", value, sizeof value))
		FUZZ_CLAIM(strlen(value) < sizeof value, "a value that does not fit");
	(void)media_is(type, "application/dicom");
	add(seen, "|", 1);
	seen->part = seen->text.length;
	return true;
}

static bool take(void *context, const void *bytes, size_t length, struct err *err)
{
	struct seen *seen = context;

	(void)err;
	FUZZ_CLAIM(seen->is_open && length > 0, "data of no part");
	add(seen, bytes, length);
	return true;
}

/* What was found in the beginning of a file is found in all of it. */
static void look(const char *bytes, size_t length)
{
	struct part10_head early, late;
	char *half = fuzz_text((const uint8_t *)bytes, length / 2), *all = fuzz_text((const uint8_t *)bytes, length);
	enum part10_look first = part10_look((const uint8_t *)half, length / 2, &early);
	enum part10_look last = part10_look((const uint8_t *)all, length, &late);

	FUZZ_CLAIM(first == PART10_MORE || first == last, "more bytes make another file");
	FUZZ_CLAIM(last != PART10_HEAD || late.length <= length, "a head beyond the end");
	FUZZ_CLAIM(first != PART10_HEAD || early.length == late.length, "the dataset moves");
	if (last == PART10_HEAD)
		FUZZ_CLAIM(strspn(late.sop_instance_uid, "0123456789.") == strlen(late.sop_instance_uid),
		           "a UID of other characters");
	fuzz_free(half);
	fuzz_free(all);
}

static bool end(void *context, struct err *err)
{
	struct seen *seen = context;

	(void)err;
	FUZZ_CLAIM(seen->is_open, "an end of no part");
	seen->is_open = false;
	look(seen->text.data + seen->part, seen->text.length - seen->part);
	add(seen, "]", 1);
	return true;
}

static bool read_body(const uint8_t *bytes, size_t length, size_t piece, struct seen *seen)
{
	static struct multipart reader;
	struct multipart_handlers handlers = {begin, take, end, seen};
	struct err err;

	FUZZ_CLAIM(multipart_init(&reader, "b", &handlers, &err), "a boundary is refused");
	for (size_t at = 0; at < length; at += piece) {
		size_t part = length - at < piece ? length - at : piece;
		char *copy = fuzz_text(bytes + at, part);
		bool ok = multipart_feed(&reader, copy, part, &err);

		fuzz_free(copy);
		FUZZ_CLAIM(ok || err.kind == ERR_INVALID, "an error of another kind");
		if (!ok)
			return false;
	}
	FUZZ_CLAIM(!multipart_finish(&reader, &err) || !seen->is_open, "whole, and a part is open");
	return multipart_finish(&reader, &err);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length)
{
	size_t piece = fuzz_choice(&bytes, &length, PIECES) + 1;
	struct seen whole = {0}, parts = {0};
	bool ok;

	text_buf_init(&whole.text, SEEN_MAX);
	text_buf_init(&parts.text, SEEN_MAX);
	ok = read_body(bytes, length, length + 1, &whole);
	FUZZ_CLAIM(read_body(bytes, length, piece, &parts) == ok,
	           "good in one piece and bad in several, or the other way");
	FUZZ_CLAIM(whole.text.length == parts.text.length &&
	               (whole.text.length == 0 || memcmp(whole.text.data, parts.text.data, whole.text.length) == 0),
	           "in pieces something else is read");
	text_buf_fini(&whole.text);
	text_buf_fini(&parts.text);
	return 0;
}
