/* Each body in one piece and byte by byte: what is read is the same. */
#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

#include "lib/base/text.h"
#include "lib/http/multipart.h"

/* What was read, as text: "[type|data]" for each part, without the last bracket when it did not end. */
static struct text_buf seen;

static bool begin(void *context, const char *type, struct err *err)
{
	(void)context;
	return text_buf_printf(&seen, "[%s|", type != NULL ? type : "-") || err_set(err, ERR_NO_SPACE, "too much");
}

static bool data(void *context, const void *bytes, size_t length, struct err *err)
{
	(void)context;
	cr_expect(length > 0);
	return text_buf_append(&seen, bytes, length) || err_set(err, ERR_NO_SPACE, "too much");
}

static bool end(void *context, struct err *err)
{
	(void)context;
	return text_buf_append(&seen, "]", 1) || err_set(err, ERR_NO_SPACE, "too much");
}

static bool read_body(const char *boundary, const char *body, size_t length, size_t step, struct err *err)
{
	static struct multipart reader;
	struct multipart_handlers handlers = {begin, data, end, NULL};
	text_buf_fini(&seen);
	text_buf_init(&seen, 1 << 20);
	if (!multipart_init(&reader, boundary, &handlers, err))
		return false;
	for (size_t at = 0; at < length; at += step)
		if (!multipart_feed(&reader, body + at, length - at < step ? length - at : step, err))
			return false;
	return multipart_finish(&reader, err);
}

#define BODY(text) text, sizeof(text) - 1

static const struct {
	const char *body;
	size_t length;
	bool is_good;
	const char *want;
} cases[] = {
    {BODY("--b\r\n\r\none\r\n--b--"), true, "[-|one]"},
    {BODY("--b\r\n\r\none\r\n--b--\r\n"), true, "[-|one]"},
    {BODY("--b\r\nContent-Type: a/b\r\n\r\none\r\n--b\r\ncontent-type:c/d; x=y\r\nX: z\r\n\r\ntwo\r\n--b--"), true,
     "[a/b|one][c/d; x=y|two]"},
    {BODY("for old readers\r\n--b\r\n\r\none\r\n--b--\r\nand more"), true, "[-|one]"},
    {BODY("\r\n--b \t\r\n\r\none\r\n--b--"), true, "[-|one]"},
    {BODY("--b\r\n\r\n\r\n--b--"), true, "[-|]"},
    {BODY("--b\r\n\r\n--b--"), true, "[-|]"},
    {BODY("--b\r\nA: b\r\n\r\n--b\r\n\r\n--b--"), true, "[-|][-|]"},
    {BODY("--b\r\n\r\n\r\n\r\n--b--"), true, "[-|\r\n]"},
    {BODY("--b\r\n\r\n\r\r\n-\r\n--\r\n--c\r\n\r\n--b--"), true, "[-|\r\r\n-\r\n--\r\n--c\r\n]"},
    {BODY("--b\r\n\r\n\n--b\n--b--\r\n--b--"), true, "[-|\n--b\n--b--]"},
    {BODY("--b--"), true, ""},
    {BODY("--b\r\n\r\none\r\n--bc\r\n--b--"), false, "[-|one"},
    {BODY("--b\r\n\r\none\r\n--b-\r\n"), false, "[-|one"},
    {BODY("--b\r\n\r\none\r\n--b\r\r\n"), false, "[-|one"},
    {BODY("--b\r\n\r\none\r\n--b"), false, "[-|one"},
    {BODY("--b\r\n\r\none"), false, "[-|one"},
    {BODY("--b\r\n\r\none\r\n--"), false, "[-|one"},
    {BODY("--b\r\nContent-Type: a/b"), false, ""},
    {BODY("--b"), false, ""},
    {BODY(""), false, ""},
    {BODY("none"), false, ""},
    {BODY("--c\r\n\r\none\r\n--c--"), false, ""},
    {BODY("--b\r\nno field\r\n\r\none\r\n--b--"), false, ""},
    {BODY("--b\r\nA: b\r\n folded\r\n\r\none\r\n--b--"), false, ""},
    {BODY("--b\r\nA: b\nC: d\r\n\r\none\r\n--b--"), false, ""},
    {BODY("--b\r\nA: \0b\r\n\r\none\r\n--b--"), false, ""},
    {BODY("--b\r\nContent-Type: a/b\r\nContent-Type: c/d\r\n\r\none\r\n--b--"), false, ""},
    {BODY("--b\r\nContent-Transfer-Encoding: base64\r\n\r\nQUJD\r\n--b--"), false, ""},
    {BODY("--b\r\nContent-Transfer-Encoding: Binary\r\n\r\none\r\n--b--"), true, "[-|one]"},
};

Test(multipart, parts)
{
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++)
		for (size_t step = 1; step <= cases[i].length + 1; step += step < 4 ? 1 : cases[i].length) {
			struct err err = {0};
			bool ok = read_body("b", cases[i].body, cases[i].length, step, &err);
			cr_expect(ok == cases[i].is_good, "case %zu, pieces of %zu: %d, %s", i, step, ok, err.text);
			cr_expect(ok || err.kind == ERR_INVALID);
			const char *got = seen.length > 0 ? seen.data : "";
			cr_expect_str_eq(got, cases[i].want, "case %zu, pieces of %zu: %s", i, step, got);
		}
	text_buf_fini(&seen);
}

Test(multipart, boundaries)
{
	static const char *const bad[] = {
	    "",
	    "a\r\nb",
	    "ends with a blank ",
	    "a\"b",
	    "a\\b",
	    "a\tb",
	    "\xe5\xbd\xb1",
	    "1234567890123456789012345678901234567890123456789012345678901234567890123456789012345678901234567890"
	    "1234567890123456789012345678901234567890123456789012345678901234567890123456789012345678901234567890"
	    "1"};
	static const char *const good[] = {
	    "a",
	    "-",
	    "----",
	    "a b",
	    "'()+_,-./:=?",
	    "1234567890123456789012345678901234567890123456789012345678901234567890123456789012345678901234567890"
	    "1234567890123456789012345678901234567890123456789012345678901234567890123456789012345678901234567890"};
	struct err err;
	for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
		cr_expect(!read_body(bad[i], "", 0, 1, &err) && err.kind == ERR_INVALID, "%s", bad[i]);
	for (size_t i = 0; i < sizeof good / sizeof good[0]; i++) {
		char body[500];
		int length = snprintf(body, sizeof body, "--%s\r\n\r\n-\r\n--%.1s\r\n--%s--", good[i], "!", good[i]);
		cr_expect(read_body(good[i], body, (size_t)length, 1, &err), "%s: %s", good[i], err.text);
		cr_expect_str_eq(seen.data, "[-|-\r\n--!]", "%s: %s", good[i], seen.data);
	}
	text_buf_fini(&seen);
}

static bool read_filled(const char *before, char filling, size_t count, const char *behind, struct err *err)
{
	struct text_buf body;
	text_buf_init(&body, 1 << 20);
	bool ok = text_buf_append(&body, before, strlen(before));
	for (size_t i = 0; ok && i < count; i++)
		ok = text_buf_append(&body, &filling, 1);
	cr_assert(ok && text_buf_append(&body, behind, strlen(behind)));
	ok = read_body("b", body.data, body.length, 1000, err);
	text_buf_fini(&body);
	return ok;
}

Test(multipart, everything_but_data_is_bounded)
{
	struct err err;
	cr_expect(read_filled("--b\r\n\r\n", 'x', 200000, "\r\n--b--", &err), "%s", err.text);
	cr_expect(!read_filled("--b\r\nA: ", 'x', MULTIPART_HEAD_MAX, "\r\n\r\n\r\n--b--", &err));
	cr_expect(read_filled("--b\r\nA: ", 'x', MULTIPART_HEAD_MAX - 7, "\r\n\r\n\r\n--b--", &err), "%s", err.text);
	cr_expect(!read_filled("", 'x', MULTIPART_ASIDE_MAX + 1, "\r\n--b\r\n\r\n\r\n--b--", &err));
	cr_expect(!read_filled("--b\r\n\r\n\r\n--b--", 'x', MULTIPART_ASIDE_MAX + 1, "", &err));
	cr_expect(!read_filled("--b", ' ', MULTIPART_ASIDE_MAX + 1, "\r\n\r\n\r\n--b--", &err));
	text_buf_fini(&seen);
}
