#include "lib/transport/hl7_ack.h"

#include <stdlib.h>
#include <string.h>

#include "lib/base/text.h"
#include "lib/dicom/charset.h"

enum { START_BLOCK = 0x0b, END_BLOCK = 0x1c, CARRIAGE_RETURN = 0x0d, HEADER_MIN = 9 };
enum { ERROR_MESSAGE_FIRST = 100, ERROR_MESSAGE_LAST = 205, ERROR_LOCKED = 206, ERROR_INTERNAL = 207 };

/* A piece of the answer. */
struct span {
	const char *at;
	size_t length;
};

bool hl7_block_find(const char *bytes, size_t length, size_t *start, size_t *end)
{
	const char *first = memchr(bytes, START_BLOCK, length), *last;

	if (!first)
		return false;
	last = memchr(first, END_BLOCK, length - (size_t)(first - bytes));
	if (!last)
		return false;
	*start = (size_t)(first - bytes) + 1;
	*end = (size_t)(last - bytes);
	return true;
}

/* Field n of a segment, counted from 0, its name; an empty span when it is not there. */
static struct span field_of(struct span segment, char separator, int n)
{
	const char *at = segment.at, *end = segment.at + segment.length, *next;

	for (; n > 0 && at; n--) {
		next = memchr(at, separator, (size_t)(end - at));
		at = next ? next + 1 : NULL;
	}
	if (!at)
		return (struct span){segment.at, 0};
	next = memchr(at, separator, (size_t)(end - at));
	return (struct span){at, (size_t)((next ? next : end) - at)};
}

/* Segments end in a carriage return; peers that write line feeds are understood. */
static bool next_segment(struct span *rest, struct span *out)
{
	size_t length = 0;

	while (rest->length > 0 && (*rest->at == '\r' || *rest->at == '\n')) {
		rest->at++;
		rest->length--;
	}
	while (length < rest->length && rest->at[length] != '\r' && rest->at[length] != '\n')
		length++;
	*out = (struct span){rest->at, length};
	rest->at += length;
	rest->length -= length;
	return length > 0;
}

static bool is_named(struct span segment, const char *name)
{
	return segment.length > 3 && memcmp(segment.at, name, 3) == 0;
}

static bool copy(struct span span, char *out, size_t out_size)
{
	size_t length = span.length < out_size - 1 ? span.length : out_size - 1;

	memcpy(out, span.at, length);
	out[length] = '\0';
	return length == span.length;
}

/* In whatever set it came: a text that is no UTF-8 is read as GB18030. */
static void copy_text(struct span span, char out[HL7_TEXT_SIZE])
{
	bool is_utf8 = text_is_utf8(span.at, span.length);
	struct charset_tally tally = {0};
	struct charset charset;

	charset_tally_add(&tally, span.at, span.length);
	charset_decide(is_utf8 ? "ISO_IR 192" : "GB18030", &tally, &charset);
	charset_decode(&charset, span.at, span.length, out, HL7_TEXT_SIZE);
}

static bool is_acknowledgement_code(const char *code)
{
	return (code[0] == 'A' || code[0] == 'C') && code[1] && strchr("AER", code[1]);
}

static bool read_msa(struct span segment, char separator, const char *control_id, struct hl7_ack *out, bool *is_ours)
{
	struct span id = field_of(segment, separator, 2), text = field_of(segment, separator, 3);

	if (!copy(field_of(segment, separator, 1), out->code, sizeof(out->code)) || !is_acknowledgement_code(out->code))
		return false;
	*is_ours = id.length == strlen(control_id) && memcmp(id.at, control_id, id.length) == 0;
	if (text.length > 0)
		copy_text(text, out->text);
	return true;
}

/* ERR-3 is the code, ERR-7 and 8 are texts (v2.5); the first of several segments counts. */
static void read_err(struct span segment, char separator, char component, struct hl7_ack *out)
{
	struct span code = field_of(field_of(segment, separator, 3), component, 0),
	            text = field_of(segment, separator, 8);

	if (out->error_code[0])
		return;
	if (!copy(code, out->error_code, sizeof(out->error_code)))
		out->error_code[0] = '\0';
	if (text.length == 0)
		text = field_of(segment, separator, 7);
	if (text.length > 0 && !out->text[0])
		copy_text(text, out->text);
}

static enum hl7_verdict judge(const struct hl7_ack *ack)
{
	long error = strtol(ack->error_code, NULL, 10); /* 0, which is no error, for what is no number */
	bool is_commit = ack->code[0] == 'C';

	if (ack->code[1] == 'A')
		return HL7_TAKEN;
	if (error == ERROR_LOCKED || error == ERROR_INTERNAL)
		return HL7_LATER;
	if (error >= ERROR_MESSAGE_FIRST && error <= ERROR_MESSAGE_LAST)
		return HL7_REFUSED;
	return (ack->code[1] == 'E') == is_commit ? HL7_LATER : HL7_REFUSED;
}

enum hl7_verdict hl7_ack_read(const char *bytes, size_t length, const char *control_id, struct hl7_ack *out)
{
	struct span rest = {bytes, length}, segment;
	bool is_ours = false, is_acknowledged = false;
	char separator, component;

	memset(out, 0, sizeof(*out));
	if (!next_segment(&rest, &segment) || segment.length < HEADER_MIN || !is_named(segment, "MSH"))
		return HL7_UNREADABLE;
	separator = segment.at[3];
	component = segment.at[4];
	while (next_segment(&rest, &segment)) {
		if (is_named(segment, "MSA") && !is_acknowledged)
			is_acknowledged = read_msa(segment, separator, control_id, out, &is_ours);
		else if (is_named(segment, "ERR"))
			read_err(segment, separator, component, out);
	}
	if (!is_acknowledged)
		return HL7_UNREADABLE;
	return is_ours ? judge(out) : HL7_OF_ANOTHER;
}
