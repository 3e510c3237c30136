#include <criterion/criterion.h>
#include <errno.h>
#include <string.h>

#include "lib/base/err.h"
#include "lib/base/text.h"

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))

Test(err, each_kind_has_its_row)
{
	static const struct {
		enum err_kind kind;
		const char *name;
		bool retry;
		int http_status;
		unsigned dimse_status;
	} cases[] = {
	    {ERR_NONE, "none", false, 200, 0},
	    {ERR_TEMPORARY, "temporary", true, 503, 0xA700},
	    {ERR_REFUSED, "refused", false, 403, 0x0124},
	    {ERR_INVALID, "invalid", false, 400, 0xA900},
	    {ERR_NOT_FOUND, "not_found", false, 404, 0xC000},
	    {ERR_CONFLICT, "conflict", false, 409, 0xC000},
	    {ERR_CORRUPT, "corrupt", false, 500, 0xC000},
	    {ERR_NO_SPACE, "no_space", true, 507, 0xA700},
	    {ERR_UNKNOWN_OUTCOME, "unknown_outcome", false, 504, 0xA700},
	    {ERR_CANCELLED, "cancelled", true, 503, 0xA700},
	};
	size_t i;

	cr_assert_eq(COUNT(cases), ERR_KIND_COUNT);
	for (i = 0; i < COUNT(cases); i++) {
		const struct err_kind_info *got = err_kind_info(cases[i].kind);

		cr_expect_eq(got->kind, cases[i].kind, "%s: got kind %d", cases[i].name, got->kind);
		cr_expect_str_eq(got->name, cases[i].name);
		cr_expect_eq(got->retry, cases[i].retry, "%s: retry %d", cases[i].name, got->retry);
		cr_expect_eq(got->http_status, cases[i].http_status, "%s: HTTP %d", cases[i].name, got->http_status);
		cr_expect_eq(got->dimse_status, cases[i].dimse_status, "%s: DIMSE %x", cases[i].name,
		             got->dimse_status);
	}
	cr_expect_eq(err_kind_info((enum err_kind)99)->kind, ERR_TEMPORARY);
}

Test(err, only_success_has_exit_code_zero_and_no_two_kinds_share_one)
{
	int a, b;

	cr_expect_eq(err_kind_info(ERR_NONE)->exit_code, 0);
	for (a = 1; a < ERR_KIND_COUNT; a++)
		for (b = 0; b < a; b++)
			cr_expect_neq(err_kind_info((enum err_kind)a)->exit_code,
			              err_kind_info((enum err_kind)b)->exit_code, "kinds %d and %d", a, b);
}

Test(err, set_fills_everything_and_returns_false)
{
	struct err err;

	memset(&err, 0xFF, sizeof(err));
	cr_expect_not(err_set(&err, ERR_INVALID, "cannot use %s: %d", "it", 7));
	cr_expect_eq(err.kind, ERR_INVALID);
	cr_expect_eq(err.source, ERR_SOURCE_NONE);
	cr_expect_eq(err.code, 0);
	cr_expect_str_eq(err.text, "cannot use it: 7");
	cr_expect(strstr(err.file, "test_err.c") != NULL);
	cr_expect_gt(err.line, 0);
}

Test(err, errno_decides_about_room)
{
	static const struct {
		int errnum;
		enum err_kind want;
	} cases[] = {{EIO, ERR_TEMPORARY}, {ENOSPC, ERR_NO_SPACE}, {EDQUOT, ERR_NO_SPACE}, {EACCES, ERR_TEMPORARY}};
	struct err err;
	size_t i;

	for (i = 0; i < COUNT(cases); i++) {
		cr_expect_not(err_set_errno(&err, ERR_TEMPORARY, cases[i].errnum, "could not write %s", "f"));
		cr_expect_eq(err.kind, cases[i].want, "errno %d: got kind %d", cases[i].errnum, err.kind);
		cr_expect_eq(err.source, ERR_SOURCE_ERRNO);
		cr_expect_eq(err.code, (uint32_t)cases[i].errnum);
		cr_expect_eq(strncmp(err.text, "could not write f: ", 19), 0, "got %s", err.text);
	}
}

Test(err, context_comes_first_and_keeps_the_rest)
{
	struct err err;

	err_set_errno(&err, ERR_TEMPORARY, EIO, "could not read");
	cr_expect_not(err_context(&err, "study %d", 5));
	cr_expect_eq(strncmp(err.text, "study 5: could not read: ", 25), 0, "got %s", err.text);
	cr_expect_eq(err.code, EIO);
	/* Its own text as an argument. */
	err_set(&err, ERR_REFUSED, "again: %s", err.text);
	cr_expect_eq(strncmp(err.text, "again: study 5: ", 16), 0, "got %s", err.text);
}

Test(err, a_long_text_is_cut_between_characters)
{
	char text[3 * 300 + 1];
	struct err err;
	size_t i;

	for (i = 0; i < 300; i++)
		memcpy(text + 3 * i, "影", 3);
	text[sizeof(text) - 1] = '\0';
	err_set(&err, ERR_INVALID, "%s", text);
	cr_expect_eq(strlen(err.text), (ERR_TEXT_MAX - 1) / 3 * 3);
	cr_expect(text_is_utf8(err.text, strlen(err.text)));
	err_set(&err, ERR_INVALID, "x%s", text);
	cr_expect(text_is_utf8(err.text, strlen(err.text)));
	err_context(&err, "yy");
	cr_expect(text_is_utf8(err.text, strlen(err.text)));
}

Test(err, a_text_is_utf8_whatever_a_peer_sent)
{
	struct err err;

	err_set(&err, ERR_INVALID, "cannot take %s", "\xFF\xFE");
	cr_expect_str_eq(err.text, "cannot take ??");
	err_set_errno(&err, ERR_TEMPORARY, EIO, "could not read %.2s", "影");
	cr_expect_eq(strncmp(err.text, "could not read ??: ", 19), 0, "got %s", err.text);
	err_context(&err, "\xC0");
	cr_expect_eq(strncmp(err.text, "?: could not read ??", 20), 0, "got %s", err.text);
}

Test(err, sqlstate_survives_packing)
{
	static const char *const states[] = {"00000", "23505", "YQ409", "40P01", "ZZZZZ", "XX001"};
	char got[6];
	size_t i;

	for (i = 0; i < COUNT(states); i++) {
		err_sqlstate_unpack(err_sqlstate_pack(states[i]), got);
		cr_expect_str_eq(got, states[i]);
	}
}
