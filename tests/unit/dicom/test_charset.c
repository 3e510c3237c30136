#include <criterion/criterion.h>
#include <string.h>

#include "lib/dicom/charset.h"

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))

struct charset_case {
	const char *what, *declared, *bytes, *used;
	enum dicom_charset_verdict verdict;
	const char *text;
};

/* Bytes of a name, followed after '|' by those of an institution, as two values of one dataset. */
static const struct charset_case cases[] = {
    {"ASCII alone", "", "ZHANG^SAN", "ISO_IR 6", DICOM_CHARSET_ASCII, "ZHANG^SAN"},
    {"ASCII under any declaration", "GB18030", "ZHANG", "ISO_IR 6", DICOM_CHARSET_ASCII, "ZHANG"},
    {"GB18030 as declared", "GB18030", "\xc0\xee^\xb9\xf0\xd3\xa2", "GB18030", DICOM_CHARSET_AS_DECLARED, "李^桂英"},
    {"GBK as declared", "GBK", "\xd5\xd4^\xb5\xc2\xb8\xa3", "GBK", DICOM_CHARSET_AS_DECLARED, "赵^德福"},
    {"GB2312, no defined term", "GB2312", "\xc0\xee", "GB18030", DICOM_CHARSET_AS_DECLARED, "李"},
    {"GB18030 of four bytes", "GB18030", "\x95\x34\xb0\x31\xcc\xef", "GB18030", DICOM_CHARSET_AS_DECLARED, "𠮟田"},
    {"second byte is a backslash", "GB18030", "\xb4\x5c^\xc8\xfd", "GB18030", DICOM_CHARSET_AS_DECLARED, "碶^三"},
    {"second byte is a caret", "GB18030", "\xc5\x5e\xc8\xfd", "GB18030", DICOM_CHARSET_AS_DECLARED, "臹三"},
    {"UTF-8 as declared", "ISO_IR 192", "\xe5\xbc\xa0^\xe4\xb8\x89", "ISO_IR 192", DICOM_CHARSET_AS_DECLARED, "张^三"},
    {"UTF-8, misspelt", "ISO_IR_192", "\xe5\xbc\xa0", "ISO_IR 192", DICOM_CHARSET_AS_DECLARED, "张"},
    {"UTF-8, no defined term", "UTF-8", "\xe5\xbc\xa0", "ISO_IR 192", DICOM_CHARSET_AS_DECLARED, "张"},
    {"GBK as ISO_IR 100", "ISO_IR 100", "\xb3\xc2\xba\xc6\xc8\xbb", "GB18030", DICOM_CHARSET_DETECTED, "陈浩然"},
    {"GBK undeclared", "", "\xc0\xee\xb9\xf0\xd3\xa2", "GB18030", DICOM_CHARSET_DETECTED, "李桂英"},
    {"GBK as ISO_IR 6", "ISO_IR 6", "\xc0\xee\xb9\xf0\xd3\xa2", "GB18030", DICOM_CHARSET_DETECTED, "李桂英"},
    {"GBK as UTF-8", "ISO_IR 192", "\xce\xe2\xce\xc4\xb1\xf3", "GB18030", DICOM_CHARSET_DETECTED, "吴文斌"},
    {"UTF-8 as ISO_IR 100", "ISO_IR 100", "\xe5\xbc\xa0\xe4\xb8\x89", "ISO_IR 192", DICOM_CHARSET_DETECTED, "张三"},
    {"UTF-8 undeclared", "", "\xe5\xbc\xa0\xe4\xb8\x89", "ISO_IR 192", DICOM_CHARSET_DETECTED, "张三"},
    {"UTF-8 as GB18030", "GB18030", "\xe5\xad\x99\xe5\xa9\xb7\xe5\xa9\xb7", "ISO_IR 192", DICOM_CHARSET_DETECTED,
     "孙婷婷"},
    {"GB18030 that happens to be UTF-8", "GB18030", "\xc4\xa3\xca\xbd", "GB18030", DICOM_CHARSET_AS_DECLARED, "模式"},
    {"the same, undeclared", "", "\xc4\xa3\xca\xbd", "GB18030", DICOM_CHARSET_DETECTED, "模式"},
    {"Latin-1 as declared", "ISO_IR 100", "Buc^J\xe9r\xf4me", "ISO_IR 100", DICOM_CHARSET_AS_DECLARED, "Buc^Jérôme"},
    {"Latin-1 undeclared", "", "M\xfcller", "ISO_IR 100", DICOM_CHARSET_DETECTED, "Müller"},
    {"two high letters of Latin-1", "ISO_IR 100",
     "Gr\xf6\xdf"
     "e",
     "ISO_IR 100", DICOM_CHARSET_AS_DECLARED, "Größe"},
    {"UTF-8 of a Western name", "", "M\xc3\xbcller", "ISO_IR 192", DICOM_CHARSET_DETECTED, "Müller"},
    {"Cyrillic is believed", "ISO_IR 144", "\xbb\xee\xda", "ISO_IR 144", DICOM_CHARSET_AS_DECLARED, "Люк"},
    {"Big5 undeclared", "", "\xb3\xaf\xa4\x6a\xa4\xe5", "Big5", DICOM_CHARSET_DETECTED, "陳大文"},
    {"IR 58 with escapes", "\\ISO 2022 IR 58", "Zhang=\x1b$)A\xd5\xc5^\x1b$)A\xc8\xfd", "ISO 2022 IR 58",
     DICOM_CHARSET_AS_DECLARED, "Zhang=张^三"},
    {"IR 58 without escapes", "\\ISO 2022 IR 58", "\xd5\xd4^\xb5\xc2\xb8\xa3", "GB18030", DICOM_CHARSET_DETECTED,
     "赵^德福"},
    {"escapes undeclared", "", "\x1b$)A\xd5\xc5", "ISO 2022 IR 58", DICOM_CHARSET_DETECTED, "张"},
    {"a caret ends a designation", "\\ISO 2022 IR 149", "\x1b$)C\xb1\xe8^\xc8", "ISO 2022 IR 149",
     DICOM_CHARSET_AS_DECLARED, "김^\xef\xbf\xbd"},
    {"IR 87", "\\ISO 2022 IR 87", "Yamada=\x1b$B;3ED\x1b(B^\x1b$BB@O:\x1b(B", "ISO 2022 IR 87",
     DICOM_CHARSET_AS_DECLARED, "Yamada=山田^太郎"},
    {"cut in the middle of UTF-8", "ISO_IR 192", "\xe5\xbc\xa0\xe4\xb8", "ISO_IR 192", DICOM_CHARSET_AS_DECLARED,
     "张\xef\xbf\xbd"},
    {"cut in the middle of GB18030", "GB18030", "\xc0\xee\xb9", "GB18030", DICOM_CHARSET_AS_DECLARED, "李\xef\xbf\xbd"},
    {"bytes that are nothing", "ISO_IR 192", "\xff\xfe\x80", "ISO_IR 192", DICOM_CHARSET_UNDECIDED,
     "\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd"},
    {"unknown term, ASCII", "KLINGON", "x", "ISO_IR 6", DICOM_CHARSET_ASCII, "x"},
    {"full-width blank stays", "GB18030", "\xce\xe2\xa1\xa1\xce\xc4", "GB18030", DICOM_CHARSET_AS_DECLARED, "吴　文"},
    {"control characters", "", "Bell\x07^Es\x1b[31m", "ISO_IR 6", DICOM_CHARSET_ASCII,
     "Bell\xef\xbf\xbd^Es\xef\xbf\xbd[31m"},
    {"line ends are blanks", "", "one\r\ntwo ", "ISO_IR 6", DICOM_CHARSET_ASCII, "one  two"},
};

Test(charset, decides_and_decodes)
{
	for (size_t i = 0; i < COUNT(cases); i++) {
		const struct charset_case *c = &cases[i];
		struct charset_tally tally = {0};
		struct charset charset;
		char text[200];

		charset_tally_add(&tally, c->bytes, strlen(c->bytes));
		charset_decide(c->declared, &tally, &charset);
		cr_expect_str_eq(charset.used, c->used, "%s: used %s, want %s", c->what, charset.used, c->used);
		cr_expect_eq(charset.verdict, c->verdict, "%s: verdict %d, want %d", c->what, (int)charset.verdict,
		             (int)c->verdict);
		cr_expect(charset_decode(&charset, c->bytes, strlen(c->bytes), text, sizeof text), "%s: cut", c->what);
		cr_expect_str_eq(text, c->text, "%s: got %s, want %s", c->what, text, c->text);
	}
}

/* JIS X 0201 has an overline where others have a tilde. */
Test(charset, what_looks_like_ascii_follows_its_set_where_that_differs)
{
	static const char high[] = "\xb1\xb2", name[] = "YAMADA~TARO";
	struct charset_tally tally = {0};
	struct charset charset;
	char text[40];

	charset_tally_add(&tally, high, strlen(high));
	charset_decide("ISO_IR 13", &tally, &charset);
	cr_assert_str_eq(charset.used, "ISO_IR 13", "used %s", charset.used);
	cr_expect(charset_decode(&charset, name, strlen(name), text, sizeof text));
	cr_expect_str_eq(text, "YAMADA\xe2\x80\xbeTARO", "got %s", text);
	cr_expect(charset_decode(&charset, "YAMADA", 6, text, sizeof text));
	cr_expect_str_eq(text, "YAMADA");
}

Test(charset, decides_for_all_values_together)
{
	static const char rare[] = "\xfe\x9f";                        /* 䶮, outside of everyday use */
	static const char institution[] = "\xd0\xe9\xb9\xb9\xcf\xd8"; /* 虚构县 */
	struct charset_tally tally = {0};
	struct charset charset;
	char text[20];

	charset_tally_add(&tally, rare, strlen(rare));
	charset_tally_add(&tally, institution, strlen(institution));
	charset_decide("ISO_IR 100", &tally, &charset);
	cr_expect_str_eq(charset.used, "GB18030");
	cr_expect(charset_decode(&charset, rare, strlen(rare), text, sizeof text));
	cr_expect_str_eq(text, "䶮");
}

/* What is registered for a device is believed only where the bytes leave it open. */
Test(charset, the_set_of_a_device_decides_where_the_bytes_do_not)
{
	static const struct {
		const char *what, *declared, *of_device, *bytes, *used;
		enum dicom_charset_verdict verdict;
		const char *text;
	} rows[] = {
	    {"rare, as Latin-1", "ISO_IR 100", "GB18030", "\xfe\x9f", "GB18030", DICOM_CHARSET_BY_DEVICE, "䶮"},
	    {"rare, nothing known", "ISO_IR 100", "", "\xfe\x9f", "ISO_IR 100", DICOM_CHARSET_AS_DECLARED,
	     "þ\xef\xbf\xbd"},
	    {"rare, undeclared", "", "GBK", "\xfe\x9f", "GB18030", DICOM_CHARSET_BY_DEVICE, "䶮"},
	    {"rare, undeclared, nothing known", "", "", "\xfe\x9f", "ISO_IR 6", DICOM_CHARSET_UNDECIDED,
	     "\xef\xbf\xbd\xef\xbf\xbd"},
	    {"rare, IR 58 without escapes", "", "ISO 2022 IR 58", "\xe1\xef", "GB18030", DICOM_CHARSET_BY_DEVICE, "犸"},
	    {"UTF-8 is UTF-8", "ISO_IR 100", "GB18030", "\xe5\xbc\xa0\xe4\xb8\x89", "ISO_IR 192",
	     DICOM_CHARSET_DETECTED, "张三"},
	    {"everyday Chinese is Chinese", "", "ISO_IR 100", "\xc0\xee\xb9\xf0\xd3\xa2", "GB18030",
	     DICOM_CHARSET_DETECTED, "李桂英"},
	    {"a Western name stays one", "ISO_IR 100", "GB18030", "J\xe9r\xf4me", "ISO_IR 100",
	     DICOM_CHARSET_AS_DECLARED, "Jérôme"},
	    {"it cannot be in that set", "", "ISO_IR 192", "\xfe\x9f", "ISO_IR 6", DICOM_CHARSET_UNDECIDED,
	     "\xef\xbf\xbd\xef\xbf\xbd"},
	    {"ASCII has nothing to decide", "", "GB18030", "x", "ISO_IR 6", DICOM_CHARSET_ASCII, "x"},
	};

	for (size_t i = 0; i < COUNT(rows); i++) {
		struct charset_tally tally = {0};
		struct charset charset;
		char text[64];

		charset_tally_add(&tally, rows[i].bytes, strlen(rows[i].bytes));
		charset_decide_for(rows[i].declared, rows[i].of_device, &tally, &charset);
		cr_expect_str_eq(charset.used, rows[i].used, "%s: used %s", rows[i].what, charset.used);
		cr_expect_eq(charset.verdict, rows[i].verdict, "%s: verdict %d", rows[i].what, (int)charset.verdict);
		cr_expect(charset_decode(&charset, rows[i].bytes, strlen(rows[i].bytes), text, sizeof text));
		cr_expect_str_eq(text, rows[i].text, "%s: got %s", rows[i].what, text);
	}
}

/* A name from a worklist beside what stands in the device: each value is what it is. */
Test(charset, reads_a_value_that_is_utf8_as_declared_beside_others_that_are_not)
{
	static const char *const names[] = {"张^三", "WANG^FANG=王^芳", "单^秀英", "尉迟^㛃", "王芳"};
	static const char institution[] = "\xd0\xe9\xb9\xb9\xcf\xd8"; /* 虚构县 */
	struct charset charset;
	char text[40];

	for (size_t i = 0; i < COUNT(names); i++) {
		struct charset_tally tally = {0};

		charset_tally_add(&tally, names[i], strlen(names[i]));
		charset_tally_add(&tally, institution, strlen(institution));
		charset_decide("ISO_IR 192", &tally, &charset);
		cr_expect_str_eq(charset.used, "GB18030", "%s: used %s", names[i], charset.used);
		cr_expect_eq(charset.verdict, DICOM_CHARSET_DETECTED, "%s", names[i]);
		cr_expect(charset_decode(&charset, names[i], strlen(names[i]), text, sizeof text));
		cr_expect_str_eq(text, names[i], "got %s", text);
		cr_expect(charset_decode(&charset, institution, strlen(institution), text, sizeof text));
		cr_expect_str_eq(text, "虚构县", "got %s", text);
	}
}

Test(charset, cuts_at_a_character)
{
	static const struct {
		size_t size;
		const char *want;
		bool fits;
	} sizes[] = {{1, "", false},   {3, "", false},    {4, "李", false},
	             {6, "李", false}, {7, "李桂", true}, {8, "李桂", true}};
	struct charset_tally tally = {0};
	struct charset charset;
	static const char bytes[] = "\xc0\xee\xb9\xf0";

	charset_tally_add(&tally, bytes, strlen(bytes));
	charset_decide("GB18030", &tally, &charset);
	for (size_t i = 0; i < COUNT(sizes); i++) {
		char text[8];
		bool fits = charset_decode(&charset, bytes, strlen(bytes), text, sizes[i].size);

		cr_expect_str_eq(text, sizes[i].want, "size %zu: got %s", sizes[i].size, text);
		cr_expect_eq(fits, sizes[i].fits, "size %zu: fits %d", sizes[i].size, fits);
	}
}
