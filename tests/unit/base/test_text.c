#include <criterion/criterion.h>
#include <string.h>

#include "lib/base/text.h"

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))

Test(text, buffer_grows_to_its_maximum_and_not_beyond)
{
	struct text_buf buf;
	int i;

	text_buf_init(&buf, 1000);
	for (i = 0; i < 100; i++)
		cr_assert(text_buf_append(&buf, "0123456789", 10));
	cr_expect_eq(buf.length, 1000);
	cr_expect_not(text_buf_append(&buf, "x", 1));
	cr_expect_not(text_buf_printf(&buf, "%d", 1));
	cr_expect_eq(buf.length, 1000);
	cr_expect_eq(buf.data[1000], '\0');
	cr_expect(text_buf_append(&buf, "", 0));
	text_buf_fini(&buf);
	text_buf_init(&buf, 64);
	cr_expect(text_buf_printf(&buf, "%s=%d", "a", 12) && text_buf_printf(&buf, ";%c", 'b'));
	cr_expect_str_eq(buf.data, "a=12;b");
	text_buf_fini(&buf);
}

Test(text, copy_cuts_at_a_character)
{
	static const struct {
		const char *text;
		size_t size;
		const char *want;
		bool fits;
	} cases[] = {
	    {"abc", 4, "abc", true},  {"abc", 3, "ab", false}, {"影桥", 7, "影桥", true}, {"影桥", 6, "影", false},
	    {"影桥", 4, "影", false}, {"影桥", 3, "", false},  {"", 1, "", true},
	};
	size_t i;

	for (i = 0; i < COUNT(cases); i++) {
		char out[16] = "unchanged";
		bool fits = text_copy(out, cases[i].size, cases[i].text);

		cr_expect_eq(fits, cases[i].fits, "case %zu: fits %d", i, fits);
		cr_expect_str_eq(out, cases[i].want, "case %zu: got %s want %s", i, out, cases[i].want);
	}
}

Test(text, utf8_is_what_rfc_3629_says)
{
	static const struct {
		const char *bytes;
		size_t length;
		bool want;
	} cases[] = {
	    {"", 0, true},
	    {"plain", 5, true},
	    {"影桥", 6, true},
	    {"\xF0\x9F\xA9\xBB", 4, true},
	    {"\xF4\x8F\xBF\xBF", 4, true},
	    {"a\0b", 3, false},
	    {"\x80", 1, false},
	    {"\xC0\xAF", 2, false},
	    {"\xC1\xBF", 2, false},
	    {"\xE0\x9F\xBF", 3, false},
	    {"\xED\xA0\x80", 3, false},
	    {"\xF0\x8F\xBF\xBF", 4, false},
	    {"\xF4\x90\x80\x80", 4, false},
	    {"\xF5\x80\x80\x80", 4, false},
	    {"\xE5\xBD", 2, false},
	    {"\xE5\xBD\x41", 3, false},
	    {"\xB1\xB1\xC4\xCF", 4, false},
	};
	size_t i;

	for (i = 0; i < COUNT(cases); i++)
		cr_expect_eq(text_is_utf8(cases[i].bytes, cases[i].length), cases[i].want, "case %zu", i);
}

Test(text, cut_never_ends_inside_a_character)
{
	static const struct {
		const char *text;
		size_t max, want;
	} cases[] = {
	    {"abc", 5, 3},
	    {"abc", 2, 2},
	    {"影桥", 5, 3},
	    {"影桥", 6, 6},
	    {"影桥", 2, 0},
	    {"a\xF0\x9F\xA9\xBB", 4, 1},
	    {"\x80\x80\x80\x80\x80\x80", 4, 4},
	    {"", 0, 0},
	};
	size_t i;

	for (i = 0; i < COUNT(cases); i++) {
		size_t got = text_utf8_cut(cases[i].text, cases[i].max);

		cr_expect_eq(got, cases[i].want, "case %zu: got %zu want %zu", i, got, cases[i].want);
	}
	cr_expect_eq(text_utf8_count("影桥ab"), 4);
}

Test(text, bytes_of_no_character_become_question_marks)
{
	static const struct {
		const char *text, *want;
	} cases[] = {
	    {"", ""},
	    {"影桥 ok", "影桥 ok"},
	    {"\xFF\xFE", "??"},
	    {"a\xE5\xBD", "a??"},
	    {"\xE5影\x80", "?影?"},
	    {"\xED\xA0\x80", "???"},
	};
	size_t i;

	for (i = 0; i < COUNT(cases); i++) {
		char got[16];

		text_copy(got, sizeof(got), cases[i].text);
		text_make_utf8(got);
		cr_expect_str_eq(got, cases[i].want, "case %zu: got %s", i, got);
	}
}

Test(text, hexadecimal_both_ways)
{
	uint8_t bytes[3] = {0x00, 0xAB, 0x7F}, back[3];
	char hex[7];

	text_hex(bytes, 3, hex);
	cr_expect_str_eq(hex, "00ab7f");
	cr_expect(text_unhex("00aB7f", back, 3));
	cr_expect_eq(memcmp(bytes, back, 3), 0);
	cr_expect_not(text_unhex("00ab7", back, 3));
	cr_expect_not(text_unhex("00ab7f0", back, 3));
	cr_expect_not(text_unhex("00ab7g", back, 3));
	cr_expect_not(text_unhex("", back, 3));
}

Test(text, new_uuids_are_version_4_and_differ)
{
	char a[TEXT_UUID_SIZE], b[TEXT_UUID_SIZE];
	int i;

	for (i = 0; i < 200; i++) {
		text_uuid_new(a);
		text_uuid_new(b);
		cr_assert(text_is_uuid(a), "got %s", a);
		cr_assert_eq(a[14], '4', "got %s", a);
		cr_assert(strchr("89ab", a[19]) != NULL, "got %s", a);
		cr_assert_str_neq(a, b);
	}
}

Test(text, uuid_form)
{
	static const struct {
		const char *text;
		bool want;
	} cases[] = {
	    {"f81d4fae-7dec-11d0-a765-00a0c91e6bf6", true},   {"F81D4FAE-7DEC-11D0-A765-00A0C91E6BF6", true},
	    {"f81d4fae-7dec-11d0-a765-00a0c91e6bf", false},   {"f81d4fae-7dec-11d0-a765-00a0c91e6bf6a", false},
	    {"f81d4fae7dec-11d0-a765--00a0c91e6bf6", false},  {"g81d4fae-7dec-11d0-a765-00a0c91e6bf6", false},
	    {"{81d4fae-7dec-11d0-a765-00a0c91e6bf6}", false}, {"", false},
	};
	size_t i;

	for (i = 0; i < COUNT(cases); i++)
		cr_expect_eq(text_is_uuid(cases[i].text), cases[i].want, "%s", cases[i].text);
}

Test(text, new_uids_are_under_2_25)
{
	char a[TEXT_UID_SIZE], b[TEXT_UID_SIZE];
	int i;

	for (i = 0; i < 500; i++) {
		text_uid_new(a);
		text_uid_new(b);
		cr_assert(text_is_uid(a), "got %s", a);
		cr_assert_eq(strncmp(a, "2.25.", 5), 0, "got %s", a);
		cr_assert_leq(strlen(a), 44);
		cr_assert_str_neq(a, b);
	}
}

Test(text, uid_form)
{
	static const struct {
		const char *text;
		bool want;
	} cases[] = {
	    {"1.2.840.10008.1.1", true},
	    {"0", true},
	    {"1.0.2", true},
	    {"1234567890123456789012345678901234567890123456789012345678901234", true},
	    {"12345678901234567890123456789012345678901234567890123456789012345", false},
	    {"", false},
	    {".", false},
	    {"1.", false},
	    {".1", false},
	    {"1..2", false},
	    {"1.02", false},
	    {"01.2", false},
	    {"1.00", false},
	    {"1.2 ", false},
	    {"1.2/../3", false},
	    {"../../etc/passwd", false},
	    {"1.2'--", false},
	    {"1.2\n", false},
	    {"1.a", false},
	};
	size_t i;

	for (i = 0; i < COUNT(cases); i++)
		cr_expect_eq(text_is_uid(cases[i].text), cases[i].want, "%s", cases[i].text);
}

Test(text, ae_title_form)
{
	static const struct {
		const char *text;
		bool want;
	} cases[] = {
	    {"DR", true},
	    {"A B", true},
	    {"1234567890123456", true},
	    {"12345678901234567", false},
	    {"", false},
	    {"   ", false},
	    {"A\\B", false},
	    {"A\tB", false},
	    {"影", false},
	    {" DR", true},
	};
	size_t i;

	for (i = 0; i < COUNT(cases); i++)
		cr_expect_eq(text_is_ae_title(cases[i].text), cases[i].want, "%s", cases[i].text);
}
