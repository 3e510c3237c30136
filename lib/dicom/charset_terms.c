#include "lib/dicom/charset_terms.h"

#include <string.h>

/* PS3.3 tables C.12-2 to C.12-5, then what devices write instead. */
static const struct charset_term terms[] = {
    {"", "ISO_IR 6", "ASCII", CHARSET_ASCII, false},
    {"ISO IR 6", "ISO_IR 6", "ASCII", CHARSET_ASCII, false},
    {"ISO IR 100", "ISO_IR 100", "ISO-8859-1", CHARSET_SINGLE, false},
    {"ISO IR 101", "ISO_IR 101", "ISO-8859-2", CHARSET_SINGLE, false},
    {"ISO IR 109", "ISO_IR 109", "ISO-8859-3", CHARSET_SINGLE, false},
    {"ISO IR 110", "ISO_IR 110", "ISO-8859-4", CHARSET_SINGLE, false},
    {"ISO IR 144", "ISO_IR 144", "ISO-8859-5", CHARSET_SINGLE, false},
    {"ISO IR 127", "ISO_IR 127", "ISO-8859-6", CHARSET_SINGLE, false},
    {"ISO IR 126", "ISO_IR 126", "ISO-8859-7", CHARSET_SINGLE, false},
    {"ISO IR 138", "ISO_IR 138", "ISO-8859-8", CHARSET_SINGLE, false},
    {"ISO IR 148", "ISO_IR 148", "ISO-8859-9", CHARSET_SINGLE, false},
    {"ISO IR 203", "ISO_IR 203", "ISO-8859-15", CHARSET_SINGLE, false},
    {"ISO IR 13", "ISO_IR 13", "SHIFT_JIS", CHARSET_SINGLE, false},
    {"ISO IR 166", "ISO_IR 166", "TIS-620", CHARSET_SINGLE, false},
    {"ISO 2022 IR 6", "ISO 2022 IR 6", "ASCII", CHARSET_ASCII, true},
    {"ISO 2022 IR 100", "ISO 2022 IR 100", "ISO-8859-1", CHARSET_SINGLE, true},
    {"ISO 2022 IR 101", "ISO 2022 IR 101", "ISO-8859-2", CHARSET_SINGLE, true},
    {"ISO 2022 IR 109", "ISO 2022 IR 109", "ISO-8859-3", CHARSET_SINGLE, true},
    {"ISO 2022 IR 110", "ISO 2022 IR 110", "ISO-8859-4", CHARSET_SINGLE, true},
    {"ISO 2022 IR 144", "ISO 2022 IR 144", "ISO-8859-5", CHARSET_SINGLE, true},
    {"ISO 2022 IR 127", "ISO 2022 IR 127", "ISO-8859-6", CHARSET_SINGLE, true},
    {"ISO 2022 IR 126", "ISO 2022 IR 126", "ISO-8859-7", CHARSET_SINGLE, true},
    {"ISO 2022 IR 138", "ISO 2022 IR 138", "ISO-8859-8", CHARSET_SINGLE, true},
    {"ISO 2022 IR 148", "ISO 2022 IR 148", "ISO-8859-9", CHARSET_SINGLE, true},
    {"ISO 2022 IR 203", "ISO 2022 IR 203", "ISO-8859-15", CHARSET_SINGLE, true},
    {"ISO 2022 IR 13", "ISO 2022 IR 13", "SHIFT_JIS", CHARSET_SINGLE, true},
    {"ISO 2022 IR 166", "ISO 2022 IR 166", "TIS-620", CHARSET_SINGLE, true},
    {"ISO 2022 IR 87", "ISO 2022 IR 87", "EUC-JP", CHARSET_DOUBLE, true},
    {"ISO 2022 IR 159", "ISO 2022 IR 159", "EUC-JP", CHARSET_DOUBLE, true},
    {"ISO 2022 IR 149", "ISO 2022 IR 149", "EUC-KR", CHARSET_DOUBLE, true},
    {"ISO 2022 IR 58", "ISO 2022 IR 58", "GB18030", CHARSET_DOUBLE, true},
    {"ISO IR 192", "ISO_IR 192", "UTF-8", CHARSET_WHOLE, false},
    {"GB18030", "GB18030", "GB18030", CHARSET_WHOLE, false},
    {"GBK", "GBK", "GB18030", CHARSET_WHOLE, false},
    {"ISO 2022 IR 192", "ISO_IR 192", "UTF-8", CHARSET_WHOLE, false},
    {"UTF 8", "ISO_IR 192", "UTF-8", CHARSET_WHOLE, false},
    {"UTF8", "ISO_IR 192", "UTF-8", CHARSET_WHOLE, false},
    {"GB 18030", "GB18030", "GB18030", CHARSET_WHOLE, false},
    {"GB2312", "GB18030", "GB18030", CHARSET_WHOLE, false},
    {"GB 2312", "GB18030", "GB18030", CHARSET_WHOLE, false},
    {"BIG5", "Big5", "BIG5", CHARSET_WHOLE, false},
};

/* PS3.3 tables C.12-3 and C.12-4; ISO-IR 165 and old JIS are not used by DICOM. */
static const struct charset_escape escapes[] = {
    {"(B", "ISO 2022 IR 6", "ASCII", CHARSET_ASCII, 0, 0},
    {"(J", "ISO 2022 IR 13", "SHIFT_JIS", CHARSET_ASCII, 0, 0},
    {")I", "ISO 2022 IR 13", "SHIFT_JIS", CHARSET_SINGLE, 1, 0},
    {"-A", "ISO 2022 IR 100", "ISO-8859-1", CHARSET_SINGLE, 1, 0},
    {"-B", "ISO 2022 IR 101", "ISO-8859-2", CHARSET_SINGLE, 1, 0},
    {"-C", "ISO 2022 IR 109", "ISO-8859-3", CHARSET_SINGLE, 1, 0},
    {"-D", "ISO 2022 IR 110", "ISO-8859-4", CHARSET_SINGLE, 1, 0},
    {"-L", "ISO 2022 IR 144", "ISO-8859-5", CHARSET_SINGLE, 1, 0},
    {"-G", "ISO 2022 IR 127", "ISO-8859-6", CHARSET_SINGLE, 1, 0},
    {"-F", "ISO 2022 IR 126", "ISO-8859-7", CHARSET_SINGLE, 1, 0},
    {"-H", "ISO 2022 IR 138", "ISO-8859-8", CHARSET_SINGLE, 1, 0},
    {"-M", "ISO 2022 IR 148", "ISO-8859-9", CHARSET_SINGLE, 1, 0},
    {"-b", "ISO 2022 IR 203", "ISO-8859-15", CHARSET_SINGLE, 1, 0},
    {"-T", "ISO 2022 IR 166", "TIS-620", CHARSET_SINGLE, 1, 0},
    {"$B", "ISO 2022 IR 87", "EUC-JP", CHARSET_DOUBLE, 0, 0},
    {"$(D", "ISO 2022 IR 159", "EUC-JP", CHARSET_DOUBLE, 0, 0x8f},
    {"$)C", "ISO 2022 IR 149", "EUC-KR", CHARSET_DOUBLE, 1, 0},
    {"$)A", "ISO 2022 IR 58", "GB18030", CHARSET_DOUBLE, 1, 0},
};

static bool is_separator(char c)
{
	return c == ' ' || c == '_' || c == '-' || c == '\0';
}

/* "ISO_IR_192 " -> "ISO IR 192" */
static bool normalise(const char *text, size_t length, char *out, size_t out_size)
{
	size_t used = 0;
	bool gap = false;

	for (size_t i = 0; i < length; i++) {
		char c = text[i];

		if (is_separator(c)) {
			gap = used > 0;
			continue;
		}
		if (used + 2 + (gap ? 1 : 0) > out_size)
			return false;
		if (gap)
			out[used++] = ' ';
		gap = false;
		out[used++] = (char)(c >= 'a' && c <= 'z' ? c - 'a' + 'A' : c);
	}
	out[used] = '\0';
	return true;
}

const struct charset_term *charset_term_find(const char *text, size_t length)
{
	char spelling[32];

	if (!normalise(text, length, spelling, sizeof spelling))
		return NULL;
	for (size_t i = 0; i < sizeof terms / sizeof terms[0]; i++)
		if (strcmp(terms[i].spelling, spelling) == 0)
			return &terms[i];
	return NULL;
}

const struct charset_escape *charset_escape_find(const char *bytes, size_t length)
{
	for (size_t i = 0; i < sizeof escapes / sizeof escapes[0]; i++) {
		size_t n = strlen(escapes[i].sequence);

		if (n <= length && memcmp(escapes[i].sequence, bytes, n) == 0)
			return &escapes[i];
	}
	return NULL;
}

const struct charset_escape *charset_escape_of(const struct charset_term *term)
{
	for (size_t i = 0; i < sizeof escapes / sizeof escapes[0]; i++)
		if (escapes[i].form != CHARSET_ASCII && strcmp(escapes[i].term, term->term) == 0)
			return &escapes[i];
	return NULL;
}
