#include "lib/dicom/charset.h"

#include <errno.h>
#include <iconv.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include "lib/base/text.h"
#include "lib/dicom/charset_terms.h"

/* ---- deciding ------------------------------------------------------------------------------------------------- */

struct declaration {
	const struct charset_term *base;    /* of the first value; ASCII when empty or unknown */
	const struct charset_term *whole;   /* first value that stands alone: UTF-8, GB18030, ... */
	const struct charset_term *twobyte; /* first one that is only reached by escape sequences */
	bool known;
};

static struct declaration read_declaration(const char *declared)
{
	struct declaration d = {charset_term_find("", 0), NULL, NULL, true};
	const char *value = declared;

	for (int index = 0;; index++) {
		size_t length = strcspn(value, "\\");
		const struct charset_term *term = charset_term_find(value, length);

		if (term == NULL)
			d.known = false;
		else if (term->form == CHARSET_WHOLE && d.whole == NULL)
			d.whole = term;
		else if (term->form == CHARSET_DOUBLE && d.twobyte == NULL)
			d.twobyte = term;
		else if (index == 0)
			d.base = term;
		if (value[length] == '\0')
			return d;
		value += length + 1;
	}
}

/* Chinese as devices write it: every pair assigned, and at least half of them in everyday use. */
static bool looks_like_gb(const struct charset_tally *t)
{
	return !t->gb_broken && t->gb_pairs > 0 && t->gb_unassigned == 0 && t->gb_common * 2 >= t->gb_pairs;
}

static bool looks_like_big5(const struct charset_tally *t)
{
	return !t->big5_broken && t->big5_pairs > 0 && t->big5_common * 2 >= t->big5_pairs;
}

/*
 * Well-formed UTF-8 with a character of three bytes is hardly anything else. With two-byte characters only it may be GB 2312
 * by accident, 模式 is C4 A3 CA BD, unless each stands alone in a word of small letters.
 */
static bool looks_like_utf8(const struct charset_tally *t)
{
	if (t->utf8_broken || t->utf8_two + t->utf8_more == 0)
		return false;
	return t->utf8_more > 0 || t->gb_broken || t->gb_common < t->gb_pairs || t->latin_pair == t->latin_run;
}

static bool looks_like_latin(const struct charset_tally *t)
{
	return t->latin_single > 0 && t->latin_run == 0;
}

static void conclude(struct charset *out, const char *term, bool extensions, enum dicom_charset_verdict verdict)
{
	out->base = charset_term_find(term, strlen(term));
	out->extensions = extensions;
	out->is_mixed = false;
	out->verdict = verdict;
	(void)text_copy(out->used, sizeof out->used, out->base->term);
}

static bool conclude_whole(const struct declaration *d, const struct charset_tally *t, struct charset *out)
{
	bool is_utf8 = strcmp(d->whole->iconv, "UTF-8") == 0;
	bool is_gb = strcmp(d->whole->iconv, "GB18030") == 0;

	if (is_utf8 ? t->utf8_broken : looks_like_utf8(t))
		return false;
	if ((is_gb && t->gb_broken) || (!is_utf8 && !is_gb && t->big5_broken))
		return false;
	conclude(out, d->whole->spelling, false, DICOM_CHARSET_AS_DECLARED);
	return true;
}

/* A declared one-byte set can hold any bytes, so only strong evidence speaks against it; ISO_IR 100 is the one that devices lie with. */
static bool conclude_single(const struct declaration *d, const struct charset_tally *t, struct charset *out)
{
	bool is_latin = strcmp(d->base->iconv, "ISO-8859-1") == 0;

	if (looks_like_utf8(t) || (is_latin && looks_like_gb(t) && t->latin_run > 0))
		return false;
	conclude(out, d->base->spelling, d->base->extension, DICOM_CHARSET_AS_DECLARED);
	return true;
}

/* IR 58 without its escapes is GB 2312, which GB18030 holds. */
static bool conclude_by_device(const char *of_device, const struct charset_tally *t, struct charset *out)
{
	const struct charset_term *term = charset_term_find(of_device, strlen(of_device));
	bool is_gb = term != NULL && strcmp(term->iconv, "GB18030") == 0;

	if (term == NULL || term->form == CHARSET_ASCII || (is_gb && t->gb_broken) ||
	    (strcmp(term->iconv, "UTF-8") == 0 && t->utf8_broken))
		return false;
	conclude(out, is_gb ? "GB18030" : term->spelling, false, DICOM_CHARSET_BY_DEVICE);
	return true;
}

/* High bytes in runs, declared as Latin-1: no Western text, and not plainly Chinese either. */
static bool is_doubtful_latin(const struct declaration *d, const struct charset_tally *t)
{
	return strcmp(d->base->iconv, "ISO-8859-1") == 0 && t->latin_run > 0 && t->latin_single == 0;
}

static void conclude_from_bytes(const struct declaration *d, const char *of_device, const struct charset_tally *t,
                                struct charset *out)
{
	if (looks_like_utf8(t))
		conclude(out, "ISO_IR 192", false, DICOM_CHARSET_DETECTED);
	else if (d->twobyte != NULL && strcmp(d->twobyte->iconv, "EUC-KR") == 0)
		conclude(out, d->twobyte->spelling, false, DICOM_CHARSET_DETECTED);
	else if (looks_like_gb(t))
		conclude(out, "GB18030", false, DICOM_CHARSET_DETECTED);
	else if (looks_like_big5(t))
		conclude(out, "BIG5", false, DICOM_CHARSET_DETECTED);
	else if (looks_like_latin(t))
		conclude(out, "ISO_IR 100", false, DICOM_CHARSET_DETECTED);
	else if (!conclude_by_device(of_device, t, out))
		conclude(out, d->whole != NULL ? d->whole->spelling : d->base->spelling, false,
		         DICOM_CHARSET_UNDECIDED);
}

void charset_decide_for(const char *declared, const char *of_device, const struct charset_tally *tally,
                        struct charset *out)
{
	struct declaration d = read_declaration(declared);

	if (tally->escapes > 0) {
		bool announced = d.twobyte != NULL || d.base->extension;

		conclude(out, d.base->spelling, true, announced ? DICOM_CHARSET_AS_DECLARED : DICOM_CHARSET_DETECTED);
		(void)text_copy(out->used, sizeof out->used, tally->escape_term);
		return;
	}
	if (tally->high == 0) {
		conclude(out, "ISO_IR 6", false, DICOM_CHARSET_ASCII);
		return;
	}
	if (d.whole != NULL && conclude_whole(&d, tally, out))
		return;
	if (d.whole == NULL && d.base->form == CHARSET_SINGLE && conclude_single(&d, tally, out)) {
		if (is_doubtful_latin(&d, tally))
			(void)conclude_by_device(of_device, tally, out);
		return;
	}
	conclude_from_bytes(&d, of_device, tally, out);
	/* The name came by a worklist in UTF-8, the institution stands in the device in GB18030. */
	out->is_mixed = d.whole != NULL && strcmp(d.whole->iconv, "UTF-8") == 0;
}

void charset_decide(const char *declared, const struct charset_tally *tally, struct charset *out)
{
	charset_decide_for(declared, "", tally, out);
}

/* ---- decoding ------------------------------------------------------------------------------------------------- */

struct output {
	char *data;
	size_t length, size;
	bool full;
};

static const char replacement[] = "\xef\xbf\xbd";

/* One whole UTF-8 character; when it does not fit, nothing after it is taken either. */
static void put(struct output *out, const char *bytes, size_t length)
{
	if (out->full || out->length + length + 1 > out->size) {
		out->full = true;
		return;
	}
	memcpy(out->data + out->length, bytes, length);
	out->length += length;
}

static void put_cleaned(struct output *out, const char *bytes, size_t length)
{
	unsigned char c = (unsigned char)bytes[0];
	bool is_c1 = length == 2 && c == 0xc2 && (unsigned char)bytes[1] < 0xa0;

	if (length == 1 && (c == '\r' || c == '\n' || c == '\t' || c == '\f'))
		put(out, " ", 1);
	else if ((length == 1 && (c < 0x20 || c == 0x7f)) || is_c1)
		put(out, replacement, 3);
	else
		put(out, bytes, length);
}

static size_t utf8_length(unsigned char lead)
{
	return lead < 0x80 ? 1 : lead < 0xe0 ? 2 : lead < 0xf0 ? 3 : 4;
}

/* iconv writes whole characters only. */
static void put_converted(struct output *out, const char *bytes, size_t length)
{
	for (size_t i = 0; i < length;) {
		size_t n = utf8_length((unsigned char)bytes[i]);

		put_cleaned(out, bytes + i, n);
		i += n;
	}
}

/* Converts all of in; a byte that cannot be read becomes U+FFFD, and so does a character cut at the end. */
static void convert(iconv_t cd, const char *in, size_t length, struct output *out)
{
	char *next = (char *)in;

	iconv(cd, NULL, NULL, NULL, NULL);
	while (length > 0 && !out->full) {
		char piece[256];
		char *to = piece;
		size_t room = sizeof piece;
		size_t rc = iconv(cd, &next, &length, &to, &room);
		int error = rc == (size_t)-1 ? errno : 0;

		put_converted(out, piece, sizeof piece - room);
		if (error == EINVAL) {
			put(out, replacement, 3);
			return;
		}
		if (error == EILSEQ) {
			put(out, replacement, 3);
			next++;
			length--;
		}
	}
}

/* The same in every set: ISO 646 but for the two places where that of Japan has others (PS3.3 section C.12.1.1.2). */
static bool is_common(const char *bytes, size_t length)
{
	for (size_t i = 0; i < length; i++)
		if (bytes[i] < ' ' || bytes[i] >= '~' || bytes[i] == '\\')
			return false;
	return true;
}

static void convert_as(const char *encoding, const char *in, size_t length, struct output *out)
{
	iconv_t cd;

	/* Most of a data set; to open a converter for each costs more than the rest. */
	if (is_common(in, length)) {
		put_converted(out, in, length);
		return;
	}
	cd = iconv_open("UTF-8", encoding);
	if (cd == (iconv_t)-1)
		err_panic("no converter from %s: the C library's gconv modules are missing", encoding);
	convert(cd, in, length, out);
	iconv_close(cd);
}

struct shift {
	const char *encoding[2]; /* G0, G1 */
	enum charset_form form[2];
	uint8_t prefix[2];
};

static void shift_reset(struct shift *shift, const struct charset_term *base)
{
	bool single = base->form == CHARSET_SINGLE;

	*shift = (struct shift){
	    {"ASCII", single ? base->iconv : NULL}, {CHARSET_ASCII, single ? CHARSET_SINGLE : CHARSET_ASCII}, {0, 0}};
}

/* PS3.5 section 6.1.2.5.3: line ends, and the delimiters of values and names, end every designation. */
static bool is_delimiter(char c)
{
	return c == '\\' || c == '^' || c == '=' || c == '\r' || c == '\n' || c == '\f' || c == '\t';
}

/* One character at p; returns the bytes used. */
static size_t convert_shifted(const struct shift *shift, const char *p, size_t left, struct output *out)
{
	int plane = (unsigned char)p[0] >= 0x80;
	char euc[3];
	size_t n = 0;

	if (shift->form[plane] != CHARSET_DOUBLE) {
		if (shift->encoding[plane] == NULL)
			put(out, replacement, 3);
		else
			convert_as(shift->encoding[plane], p, 1, out);
		return 1;
	}
	if (left < 2) {
		put(out, replacement, 3);
		return 1;
	}
	if (shift->prefix[plane] != 0)
		euc[n++] = (char)shift->prefix[plane];
	euc[n++] = (char)(p[0] | (char)0x80);
	euc[n++] = (char)(p[1] | (char)0x80);
	convert_as(shift->encoding[plane], euc, n, out);
	return 2;
}

static void convert_extended(const struct charset_term *base, const char *p, size_t length, struct output *out)
{
	struct shift shift;

	shift_reset(&shift, base);
	for (size_t i = 0; i < length && !out->full;) {
		const struct charset_escape *escape =
		    p[i] == '\x1b' ? charset_escape_find(p + i + 1, length - i - 1) : NULL;

		if (escape != NULL) {
			shift.encoding[escape->plane] = escape->iconv;
			shift.form[escape->plane] = escape->form;
			shift.prefix[escape->plane] = escape->prefix;
			i += 1 + strlen(escape->sequence);
		} else if ((unsigned char)p[i] <= 0x20 || (is_delimiter(p[i]) && shift.form[0] != CHARSET_DOUBLE)) {
			if (is_delimiter(p[i]))
				shift_reset(&shift, base);
			put_cleaned(out, p + i, 1);
			i++;
		} else {
			i += convert_shifted(&shift, p + i, length - i, out);
		}
	}
}

/* U+3000 stays: it is part of names. */
static void trim(struct output *out)
{
	size_t start = 0;

	while (out->length > 0 && out->data[out->length - 1] == ' ')
		out->length--;
	while (start < out->length && out->data[start] == ' ')
		start++;
	memmove(out->data, out->data + start, out->length - start);
	out->length -= start;
	out->data[out->length] = '\0';
}

bool charset_decode(const struct charset *charset, const char *bytes, size_t length, char *out, size_t out_size)
{
	struct output o = {out, 0, out_size, false};

	while (length > 0 && (bytes[length - 1] == ' ' || bytes[length - 1] == '\0'))
		length--;
	if (charset->is_mixed && charset_is_utf8_text(bytes, length))
		convert_as("UTF-8", bytes, length, &o);
	else if (charset->extensions)
		convert_extended(charset->base, bytes, length, &o);
	else
		convert_as(charset->base->iconv, bytes, length, &o);
	trim(&o);
	return !o.full;
}
