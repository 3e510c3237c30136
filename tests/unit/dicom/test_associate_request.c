#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/base/text.h"
#include "lib/dicom/associate_request.h"

/* A request is the fixed part and items; an item is type, reserved, length, content. C strings with their length, so that NUL can stand in them. */
#define BYTES(literal) (literal), sizeof(literal) - 1

static void put(struct text_buf *out, const void *bytes, size_t length)
{
	cr_assert(text_buf_append(out, bytes, length));
}

static void put_item(struct text_buf *out, unsigned type, const void *bytes, size_t length)
{
	const char head[] = {(char)type, 0, (char)(length >> 8), (char)length};

	put(out, head, sizeof head);
	put(out, bytes, length);
}

static struct text_buf begin(void)
{
	struct text_buf body;

	text_buf_init(&body, 1 << 20);
	put(&body, "\0\1\0\0YINGQIAO        CT1             ", 36);
	put(&body, (const char[32]){0}, 32);
	put_item(&body, 0x10, BYTES("1.2.840.10008.3.1.1.1"));
	return body;
}

/* The bytes in memory of exactly their size, so that a read beyond them is seen. */
static bool check(struct text_buf *body, struct err *err)
{
	uint8_t *exact = malloc(body->length);
	bool ok;

	cr_assert(exact != NULL);
	memcpy(exact, body->data, body->length);
	ok = associate_request_check(exact, body->length, err);
	free(exact);
	text_buf_fini(body);
	return ok;
}

static const char context[] = "\1\0\0\0"
                              "\x30\0\0\x11"
                              "1.2.840.10008.1.1"
                              "\x40\0\0\x11"
                              "1.2.840.10008.1.2";
static const char user[] = "\x51\0\0\4\0\0\x40\0"
                           "\x52\0\0\5"
                           "1.2.3"
                           "\x53\0\0\4\0\1\0\1"
                           "\x54\0\0\7\0\3"
                           "1.2\1\1"
                           "\x55\0\0\3"
                           "ABC"
                           "\x56\0\0\6\0\3"
                           "1.2\1"
                           "\x57\0\0\2\0\0"
                           "\x58\0\0\x0b\2\1\0\2me\0\3key";

Test(associate_request, every_item_of_the_standard_is_taken)
{
	struct text_buf body = begin();
	struct err err = {0};

	put_item(&body, 0x20, BYTES(context));
	put_item(&body, 0x20, BYTES(context));
	put_item(&body, 0x77, BYTES("unknown"));
	put_item(&body, 0x50, BYTES(user));
	cr_assert(check(&body, &err), "%s", err.text);
}

Test(associate_request, a_context_is_whole)
{
	static const struct {
		const char *name, *bytes;
		size_t length;
		const char *why;
	} cases[] = {
	    {"nothing", BYTES(""), "cut off"},
	    {"only its id", BYTES("\1\0\0\0"), "without transfer syntax"},
	    {"no transfer syntax",
	     BYTES("\1\0\0\0\x30\0\0\3"
	           "1.2"),
	     "without transfer syntax"},
	    {"an item cut off",
	     BYTES("\1\0\0\0\x40\0\0\3"
	           "1.2\x40\0\0"),
	     "cut off"},
	    {"an item beyond the context",
	     BYTES("\1\0\0\0\x40\0\0\3"
	           "1.2\x40\0\0\4"
	           "1.2"),
	     "longer than what holds it"},
	    {"an unknown item beyond it",
	     BYTES("\1\0\0\0\x40\0\0\3"
	           "1.2\x99\0\xff\xff"),
	     "longer than what holds it"},
	    {"a long name",
	     BYTES("\1\0\0\0\x40\0\0\x41"
	           "1.2.3.4.5.6.7.8.9.0.1.2.3.4.5.6.7.8.9.0.1.2.3.4.5.6.7.8.9.0.1.2.3"),
	     "more than 64"},
	};

	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		struct text_buf body = begin();
		struct err err = {0};

		put_item(&body, 0x20, cases[i].bytes, cases[i].length);
		cr_expect(!check(&body, &err), "%s: taken", cases[i].name);
		cr_expect(err.kind == ERR_INVALID && strstr(err.text, cases[i].why) != NULL, "%s: %s", cases[i].name,
		          err.text);
	}
}

/* What DCMTK would give up halfway, or read otherwise than it was written. */
Test(associate_request, what_is_negotiated_is_whole)
{
	static const struct {
		const char *name, *bytes;
		size_t length;
		const char *why;
	} cases[] = {
	    {"maximum length", BYTES("\x51\0\0\3\0\0\0"), "maximum length"},
	    {"role without roles",
	     BYTES("\x54\0\0\6\0\3"
	           "1.2\1"),
	     "shorter than its UID"},
	    {"extended, UID beyond it",
	     BYTES("\x56\0\0\3\0\2"
	           "1"),
	     "shorter than its UID"},
	    {"extended, empty", BYTES("\x56\0\0\0"), "shorter than its UID"},
	    {"extended, cut off",
	     BYTES("\x56\0\0\5\0\3"
	           "1.2\x56\0\0\5\0\3"
	           "1.2\x56"),
	     "cut off"},
	    {"identity cut off", BYTES("\x58\0\0\5\2\0\0\0\0"), "cut off"},
	    {"identity, first field beyond it", BYTES("\x58\0\0\6\2\0\0\1\0\0"), "shorter than its first field"},
	    {"identity, second field beyond it", BYTES("\x58\0\0\6\2\0\0\0\0\1"), "not as long as its fields"},
	    {"identity with something behind", BYTES("\x58\0\0\7\2\0\0\0\0\0x"), "not as long as its fields"},
	    {"identity with a second field", BYTES("\x58\0\0\7\3\0\0\0\0\1x"), "that its type does not have"},
	    {"two identities", BYTES("\x58\0\0\6\2\0\0\0\0\0\x58\0\0\6\2\0\0\0\0\0"), "more than one user identity"},
	    {"a long implementation name",
	     BYTES("\x55\0\0\x41"
	           "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx"),
	     "more than 64"},
	};

	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		struct text_buf body = begin();
		struct err err = {0};

		put_item(&body, 0x50, cases[i].bytes, cases[i].length);
		cr_expect(!check(&body, &err), "%s: taken", cases[i].name);
		cr_expect(err.kind == ERR_INVALID && strstr(err.text, cases[i].why) != NULL, "%s: %s", cases[i].name,
		          err.text);
	}
}

Test(associate_request, items_that_no_request_has)
{
	struct text_buf twice = begin(), answer = begin();
	struct err err = {0};

	put_item(&twice, 0x50, BYTES(user));
	put_item(&twice, 0x50, BYTES("\x51\0\0\4\0\0\x40\0"));
	cr_expect(!check(&twice, &err) && strstr(err.text, "more than one user information") != NULL, "%s", err.text);
	put_item(&answer, 0x21, BYTES(context));
	cr_expect(!check(&answer, &err) && strstr(err.text, "belongs into an answer") != NULL, "%s", err.text);
}

Test(associate_request, cut_at_every_place)
{
	struct text_buf whole = begin();
	size_t items, refused = 0;
	struct err err = {0};

	items = whole.length;
	put_item(&whole, 0x20, BYTES(context));
	put_item(&whole, 0x50, BYTES(user));
	for (size_t length = 0; length < whole.length; length++) {
		struct text_buf part;

		text_buf_init(&part, 1 << 20);
		put(&part, whole.data, length);
		refused += !check(&part, &err);
	}
	/* A cut between two items leaves a request that is whole, though it asks for less; so does one before the first. */
	cr_expect_eq(refused, whole.length - 3, "%zu of %zu (the items begin at %zu)", refused, whole.length, items);
	text_buf_fini(&whole);
}

Test(associate_request, transfer_syntaxes_are_bounded)
{
	static char contexts[4 + 4 * 16000];
	struct text_buf body = begin(), more = begin();
	struct err err = {0};

	for (size_t i = 4; i < sizeof contexts; i += 4)
		contexts[i] = 0x40;
	put_item(&body, 0x20, contexts, sizeof contexts);
	cr_expect(check(&body, &err), "%s", err.text);
	put_item(&more, 0x20, contexts, sizeof contexts);
	put_item(&more, 0x20, contexts, sizeof contexts);
	cr_expect(!check(&more, &err) && strstr(err.text, "too many transfer syntaxes") != NULL, "%s", err.text);
}
