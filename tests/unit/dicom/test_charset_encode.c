#include <criterion/criterion.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include "lib/base/text.h"
#include "lib/dicom/charset.h"

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))

static const struct {
	const char *what, *declared;
	enum charset_vr vr;
	const char *text;
	enum charset_outcome outcome;
	const char *bytes;
} cases[] = {
    {"ASCII", "", CHARSET_PN, "ZHANG^SAN", CHARSET_ENCODED, "ZHANG^SAN"},
    {"ASCII has no Chinese", "ISO_IR 6", CHARSET_LO, "张", CHARSET_CANNOT, NULL},
    {"UTF-8", "ISO_IR 192", CHARSET_PN, "Li^GuiYing=李^桂英", CHARSET_ENCODED, "Li^GuiYing=李^桂英"},
    {"GB18030", "GB18030", CHARSET_PN, "李^桂英", CHARSET_ENCODED, "\xc0\xee^\xb9\xf0\xd3\xa2"},
    {"GB18030 of four bytes", "GB18030", CHARSET_LO, "𠮷", CHARSET_ENCODED, "\x95\x34\xb2\x35"},
    {"GBK", "GBK", CHARSET_PN, "赵^德福", CHARSET_ENCODED, "\xd5\xd4^\xb5\xc2\xb8\xa3"},
    {"GBK has no four bytes", "GBK", CHARSET_LO, "𠮷", CHARSET_CANNOT, NULL},
    {"Latin-1", "ISO_IR 100", CHARSET_PN, "Buc^Jérôme", CHARSET_ENCODED, "Buc^J\xe9r\xf4me"},
    {"Latin-1 has no Chinese", "ISO_IR 100", CHARSET_PN, "张^三", CHARSET_CANNOT, NULL},
    {"nothing that only resembles it", "ISO_IR 100", CHARSET_LO, "“x”", CHARSET_CANNOT, NULL},
    {"IR 58 anew in each component", "\\ISO 2022 IR 58", CHARSET_PN, "Zhang^XiaoDong=张^小东", CHARSET_ENCODED,
     "Zhang^XiaoDong=\x1b$)A\xd5\xc5^\x1b$)A\xd0\xa1\xb6\xab"},
    {"IR 58, Chinese alone goes to its group", "\\ISO 2022 IR 58", CHARSET_PN, "张^小东", CHARSET_ENCODED,
     "=\x1b$)A\xd5\xc5^\x1b$)A\xd0\xa1\xb6\xab"},
    {"IR 58, Chinese alone with empty groups", "\\ISO 2022 IR 58", CHARSET_PN, "张==x", CHARSET_ENCODED,
     "=\x1b$)A\xd5\xc5=x"},
    {"IR 58, both groups Chinese", "\\ISO 2022 IR 58", CHARSET_PN, "张=三", CHARSET_CANNOT, NULL},
    {"IR 58 once over ASCII in between", "\\ISO 2022 IR 58", CHARSET_LO, "张 A 三", CHARSET_ENCODED,
     "\x1b$)A\xd5\xc5 A \xc8\xfd"},
    {"IR 58 anew in each line", "\\ISO 2022 IR 58", CHARSET_UT, "张\r\n三", CHARSET_ENCODED,
     "\x1b$)A\xd5\xc5\r\n\x1b$)A\xc8\xfd"},
    {"IR 58 declared alone", "ISO 2022 IR 58", CHARSET_LO, "张", CHARSET_ENCODED, "\x1b$)A\xd5\xc5"},
    {"IR 58 is GB 2312 and no more", "\\ISO 2022 IR 58", CHARSET_LO, "碶", CHARSET_CANNOT, NULL},
    {"IR 58 beside Latin-1, which comes back", "ISO 2022 IR 100\\ISO 2022 IR 58", CHARSET_LO, "é张é", CHARSET_ENCODED,
     "\xe9\x1b$)A\xd5\xc5\x1b-A\xe9"},
    {"IR 149", "\\ISO 2022 IR 149", CHARSET_PN, "Hong^Gildong=洪^吉洞=홍^길동", CHARSET_ENCODED,
     "Hong^Gildong=\x1b$)C\xfb\xf3^\x1b$)C\xd1\xce\xd4\xd7=\x1b$)C\xc8\xab^\x1b$)C\xb1\xe6\xb5\xbf"},
    {"IR 87 leaves for each delimiter", "\\ISO 2022 IR 87", CHARSET_PN, "Yamada^Tarou=山田^太郎", CHARSET_ENCODED,
     "Yamada^Tarou=\x1b$B;3ED\x1b(B^\x1b$BB@O:\x1b(B"},
    {"IR 87 and IR 159", "\\ISO 2022 IR 87\\ISO 2022 IR 159", CHARSET_LO, "山丂", CHARSET_ENCODED,
     "\x1b$B;3\x1b$(D0!\x1b(B"},
    {"Cyrillic as the first set", "ISO_IR 144", CHARSET_PN, "Люк", CHARSET_ENCODED, "\xbb\xee\xda"},
    {"no such set", "KLINGON", CHARSET_LO, "x", CHARSET_UNKNOWN_SET, NULL},
    {"GB18030 has no set beside it", "GB18030\\ISO 2022 IR 58", CHARSET_LO, "x", CHARSET_UNKNOWN_SET, NULL},
    {"no UTF-8", "ISO_IR 192", CHARSET_LO, "\xff", CHARSET_CANNOT, NULL},
    {"an escape would be read as one", "\\ISO 2022 IR 58", CHARSET_LO, "\x1b$)A", CHARSET_CANNOT, NULL},
    {"a backslash would be another value", "ISO_IR 192", CHARSET_LO, "a\\b", CHARSET_CANNOT, NULL},
    {"a backslash in a text", "ISO_IR 192", CHARSET_ST, "a\\b", CHARSET_ENCODED, "a\\b"},
    {"a line end in a name", "ISO_IR 192", CHARSET_PN, "a\nb", CHARSET_CANNOT, NULL},
    {"a control of C1", "ISO_IR 192", CHARSET_UT, "\xc2\x85", CHARSET_CANNOT, NULL},
    {"too many groups", "ISO_IR 192", CHARSET_PN, "a=b=c=d", CHARSET_CANNOT, NULL},
    {"sixteen characters of a short string", "GB18030", CHARSET_SH, "一二三四五六七八九十一二三四五六七", CHARSET_CUT,
     "\xd2\xbb\xb6\xfe\xc8\xfd\xcb\xc4\xce\xe5\xc1\xf9\xc6\xdf\xb0\xcb\xbe\xc5\xca\xae\xd2\xbb\xb6\xfe\xc8\xfd\xcb\xc4"
     "\xce\xe5\xc1\xf9"},
};

Test(charset_encode, values_are_written_as_the_standard_has_them)
{
	for (size_t i = 0; i < COUNT(cases); i++) {
		char out[256];
		size_t length = 0;
		enum charset_outcome got =
		    charset_encode(cases[i].declared, cases[i].vr, cases[i].text, out, sizeof out, &length);

		cr_expect_eq(got, cases[i].outcome, "%s: got %d, want %d", cases[i].what, got, cases[i].outcome);
		if (cases[i].bytes != NULL && got == cases[i].outcome)
			cr_expect(length == strlen(cases[i].bytes) && memcmp(out, cases[i].bytes, length) == 0,
			          "%s: got %.*s", cases[i].what, (int)length, out);
	}
}

static void read_back(const char *declared, const char *bytes, size_t length, char *out, size_t out_size)
{
	struct charset_tally tally = {0};
	struct charset charset;

	charset_tally_add(&tally, bytes, length);
	charset_decide(declared, &tally, &charset);
	cr_assert(charset_decode(&charset, bytes, length, out, out_size));
}

Test(charset_encode, each_group_of_a_name_has_its_own_bound)
{
	char out[1024], text[1024];
	struct text_buf name;
	size_t length = 0;
	bool ok = true;

	text_buf_init(&name, sizeof text);
	for (int i = 0; i < 70; i++)
		ok = ok && text_buf_append(&name, "a", 1);
	ok = ok && text_buf_append(&name, "=", 1);
	for (int i = 0; i < 70; i++)
		ok = ok && text_buf_append(&name, "李", strlen("李"));
	cr_assert(ok);
	cr_expect_eq(charset_encode("\\ISO 2022 IR 58", CHARSET_PN, name.data, out, sizeof out, &length), CHARSET_CUT);
	cr_expect_eq(length, 64 + 1 + 4 + 128, "got %zu", length);
	read_back("\\ISO 2022 IR 58", out, length, text, sizeof text);
	cr_expect_eq(text_utf8_count(text), 64 + 1 + 64);
	text_buf_fini(&name);
}

/* Wherever the room ends: whole characters, and a value that can be read alone. */
Test(charset_encode, is_cut_between_characters_and_in_its_initial_state)
{
	static const struct {
		const char *declared, *text;
	} values[] = {
	    {"ISO_IR 192", "Li=李^桂英𠮷"},
	    {"GB18030", "Li=李^桂英𠮷"},
	    {"\\ISO 2022 IR 58", "Li=李^桂英"},
	    {"\\ISO 2022 IR 87", "Yamada=山田^太郎=やまだ^たろう"},
	    {"\\ISO 2022 IR 149", "Hong=洪^吉洞=홍^길동"},
	};

	for (size_t i = 0; i < COUNT(values); i++) {
		char out[128], text[256];
		size_t whole = 0, length = 0;

		cr_assert_eq(charset_encode(values[i].declared, CHARSET_PN, values[i].text, out, sizeof out, &whole),
		             CHARSET_ENCODED);
		for (size_t room = 0; room <= whole; room++) {
			enum charset_outcome got =
			    charset_encode(values[i].declared, CHARSET_PN, values[i].text, out, room, &length);

			cr_expect_eq(got, room < whole ? CHARSET_CUT : CHARSET_ENCODED, "%s, room for %zu",
			             values[i].declared, room);
			cr_assert_leq(length, room);
			read_back(values[i].declared, out, length, text, sizeof text);
			cr_expect_eq(strncmp(values[i].text, text, strlen(text)), 0, "%s, room for %zu: got %s",
			             values[i].declared, room, text);
		}
	}
}

/* ---- any text ------------------------------------------------------------------------------------------------------------ */

static uint32_t next(uint32_t *seed)
{
	*seed = *seed * 1664525 + 1013904223;
	return *seed >> 8;
}

static void put_utf8(char out[5], uint32_t c)
{
	size_t more = c < 0x80 ? 0 : c < 0x800 ? 1 : c < 0x10000 ? 2 : 3;
	static const unsigned char leads[] = {0x00, 0xc0, 0xe0, 0xf0};

	for (size_t i = more; i > 0; i--, c >>= 6)
		out[i] = (char)(0x80 | (c & 0x3f));
	out[0] = (char)(leads[more] | c);
	out[more + 1] = '\0';
}

/* Chinese of every kind, Latin, kana, Hangul, beyond the basic plane, delimiters. */
static void make_text(uint32_t *seed, char *out)
{
	static const struct {
		uint32_t from, count;
	} ranges[] = {{0x4e00, 0x5000}, {0x4e00, 0x300},  {0x41, 0x1b},    {0xa1, 0x15e},
	              {0x3041, 0x50},   {0xac00, 0x2b00}, {0x20000, 0x800}};
	uint32_t count = next(seed) % 12;

	out[0] = '\0';
	for (uint32_t i = 0; i < count; i++) {
		uint32_t range = next(seed) % (COUNT(ranges) + 2);

		put_utf8(out + strlen(out), range < COUNT(ranges)
		                                ? ranges[range].from + next(seed) % ranges[range].count
		                                : (uint32_t)"^.A1"[next(seed) % 4]);
	}
}

/* What is written is read back as the same text, for every set; and what cannot be is never written in part. */
Test(charset_encode, what_is_written_is_read_back)
{
	static const char *const sets[] = {"ISO_IR 192",
	                                   "GB18030",
	                                   "GBK",
	                                   "\\ISO 2022 IR 58",
	                                   "ISO_IR 100",
	                                   "ISO 2022 IR 100\\ISO 2022 IR 58",
	                                   "\\ISO 2022 IR 87\\ISO 2022 IR 159",
	                                   "\\ISO 2022 IR 149",
	                                   "ISO_IR 144"};
	size_t encoded[COUNT(sets)] = {0};
	uint32_t seed = 20261128;

	for (int round = 0; round < 20000; round++) {
		char text[64], out[256], back[256];
		size_t set = (size_t)round % COUNT(sets), length = 0;
		struct charset_tally tally = {0};
		struct charset charset;

		make_text(&seed, text);
		if (charset_encode(sets[set], CHARSET_PN, text, out, sizeof out, &length) != CHARSET_ENCODED)
			continue;
		charset_tally_add(&tally, out, length);
		charset_decide(sets[set], &tally, &charset);
		/* A short value may look like another set; a dataset has more of them. */
		if (charset.verdict == DICOM_CHARSET_DETECTED || charset.verdict == DICOM_CHARSET_UNDECIDED)
			continue;
		cr_assert(charset_decode(&charset, out, length, back, sizeof back));
		cr_expect(strcmp(back, text) == 0 || (back[0] == '=' && strcmp(back + 1, text) == 0),
		          "%s: %s became %s", sets[set], text, back);
		encoded[set]++;
	}
	for (size_t i = 0; i < COUNT(sets); i++)
		cr_expect_gt(encoded[i], 100, "%s: only %zu", sets[i], encoded[i]);
}
