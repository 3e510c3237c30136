#include <string.h>

#include "lib/dicom/charset.h"
#include "lib/dicom/charset_terms.h"

static bool in_range(unsigned char c, unsigned char low, unsigned char high)
{
	return c >= low && c <= high;
}

/* Length of the well-formed UTF-8 character at p (RFC 3629), 0 when broken; *cut when it only lacks its end. */
static size_t utf8_character(const unsigned char *p, size_t left, bool *cut)
{
	size_t need = in_range(p[0], 0xc2, 0xdf)   ? 2
	              : in_range(p[0], 0xe0, 0xef) ? 3
	              : in_range(p[0], 0xf0, 0xf4) ? 4
	                                           : 0;
	unsigned char low = p[0] == 0xe0 ? 0xa0 : p[0] == 0xf0 ? 0x90 : 0x80;
	unsigned char high = p[0] == 0xed ? 0x9f : p[0] == 0xf4 ? 0x8f : 0xbf;

	for (size_t i = 1; i < need; i++) {
		if (i == left) {
			*cut = true;
			return 0;
		}
		if (!in_range(p[i], i == 1 ? low : 0x80, i == 1 ? high : 0xbf))
			return 0;
	}
	return need;
}

static void tally_utf8(struct charset_tally *tally, const unsigned char *p, size_t length)
{
	for (size_t i = 0; i < length;) {
		bool cut = false;
		size_t n = p[i] < 0x80 ? 1 : utf8_character(p + i, length - i, &cut);

		if (n == 0) {
			tally->utf8_broken |= !cut;
			return;
		}
		tally->utf8_two += n == 2;
		tally->utf8_more += n > 2;
		i += n;
	}
}

/* GB18030-2005: pairs of GB 2312 and GBK, four-byte characters. 0: broken. */
static size_t gb_character(const unsigned char *p, size_t left, bool *cut)
{
	if (!in_range(p[0], 0x81, 0xfe))
		return 0;
	if (left < 2 || (in_range(p[1], 0x30, 0x39) && left < 4)) {
		*cut = true;
		return 0;
	}
	if (in_range(p[1], 0x30, 0x39))
		return in_range(p[2], 0x81, 0xfe) && in_range(p[3], 0x30, 0x39) ? 4 : 0;
	return in_range(p[1], 0x40, 0x7e) || in_range(p[1], 0x80, 0xfe) ? 2 : 0;
}

static bool gb_is_unassigned(const unsigned char *p)
{
	bool upper = p[1] >= 0xa1;

	if (upper)
		return in_range(p[0], 0xaa, 0xaf) || in_range(p[0], 0xf8, 0xfd);
	return in_range(p[0], 0xa1, 0xa7);
}

static void tally_gb(struct charset_tally *tally, const unsigned char *p, size_t length)
{
	for (size_t i = 0; i < length;) {
		bool cut = false;
		size_t n = p[i] < 0x80 ? 1 : gb_character(p + i, length - i, &cut);

		if (n == 0) {
			tally->gb_broken |= !cut;
			return;
		}
		if (n > 1)
			tally->gb_pairs++;
		if (n == 2) {
			bool upper = p[i + 1] >= 0xa1;

			tally->gb_common += upper && (in_range(p[i], 0xb0, 0xd7) || in_range(p[i], 0xa1, 0xa3));
			tally->gb_level2 += upper && in_range(p[i], 0xd8, 0xf7);
			tally->gb_unassigned += gb_is_unassigned(p + i);
		}
		i += n;
	}
}

static void tally_big5(struct charset_tally *tally, const unsigned char *p, size_t length)
{
	for (size_t i = 0; i < length;) {
		if (p[i] < 0x80) {
			i++;
			continue;
		}
		if (length - i < 2)
			return;
		if (!in_range(p[i], 0xa1, 0xf9) ||
		    !(in_range(p[i + 1], 0x40, 0x7e) || in_range(p[i + 1], 0xa1, 0xfe))) {
			tally->big5_broken = true;
			return;
		}
		tally->big5_pairs++;
		tally->big5_common += in_range(p[i], 0xa4, 0xc6);
		i += 2;
	}
}

static bool is_letter(unsigned char c)
{
	return in_range(c | 0x20, 'a', 'z');
}

static bool is_small_letter(unsigned char c)
{
	return in_range(c, 'a', 'z');
}

/* "Müller" with one high letter among ASCII letters is how Western text looks; Chinese comes in runs. */
static void tally_latin_run(struct charset_tally *tally, const unsigned char *p, size_t at, size_t run, size_t length)
{
	unsigned char before = at > 0 ? p[at - 1] : ' ';
	unsigned char after = at + run < length ? p[at + run] : ' ';

	if (run == 1 && p[at] >= 0xc0 && (is_letter(before) || is_letter(after))) {
		tally->latin_single++;
		return;
	}
	tally->latin_run++;
	tally->latin_pair += run == 2 && (is_small_letter(before) || is_small_letter(after));
}

static void tally_latin(struct charset_tally *tally, const unsigned char *p, size_t length)
{
	for (size_t i = 0; i < length;) {
		size_t run = 0;

		while (i + run < length && p[i + run] >= 0x80)
			run++;
		if (run > 0)
			tally_latin_run(tally, p, i, run, length);
		i += run + 1;
	}
}

static void tally_escapes(struct charset_tally *tally, const char *bytes, size_t length)
{
	for (size_t i = 0; i < length; i++) {
		const struct charset_escape *escape =
		    bytes[i] == '\x1b' ? charset_escape_find(bytes + i + 1, length - i - 1) : NULL;

		if (escape == NULL)
			continue;
		if (tally->escapes == 0 || (escape->form == CHARSET_DOUBLE && !tally->escape_double)) {
			memcpy(tally->escape_term, escape->term, strlen(escape->term) + 1);
			tally->escape_double = escape->form == CHARSET_DOUBLE;
		}
		tally->escapes++;
	}
}

bool charset_is_utf8_text(const char *bytes, size_t length)
{
	struct charset_tally alone = {0};

	tally_utf8(&alone, (const unsigned char *)bytes, length);
	return !alone.utf8_broken && alone.utf8_more > 0;
}

void charset_tally_add(struct charset_tally *tally, const char *bytes, size_t length)
{
	const unsigned char *p = (const unsigned char *)bytes;

	while (length > 0 && (p[length - 1] == ' ' || p[length - 1] == '\0'))
		length--;
	for (size_t i = 0; i < length; i++)
		tally->high += p[i] >= 0x80;
	tally_escapes(tally, bytes, length);
	tally_utf8(tally, p, length);
	/* Of a dataset with both, the rest decides what the rest is. */
	if (!charset_is_utf8_text(bytes, length))
		tally_gb(tally, p, length);
	tally_big5(tally, p, length);
	tally_latin(tally, p, length);
}
