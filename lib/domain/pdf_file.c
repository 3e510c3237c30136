#include "lib/domain/pdf_file.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include "lib/base/text.h"
#include "lib/domain/pdf_sign.h"

static bool bad(struct err *err, const char *what)
{
	return err_set(err, ERR_INVALID, "cannot read the PDF: %s", what);
}

static bool is_space(uint8_t c)
{
	return c == 0 || c == '\t' || c == '\n' || c == '\f' || c == '\r' || c == ' ';
}

static bool is_delimiter(uint8_t c)
{
	return strchr("()<>[]{}/%", c) != NULL && c != 0;
}

static void skip_space(const uint8_t **cursor, const uint8_t *end)
{
	while (*cursor < end) {
		if (is_space(**cursor)) {
			(*cursor)++;
		} else if (**cursor == '%') {
			while (*cursor < end && **cursor != '\n' && **cursor != '\r')
				(*cursor)++;
		} else {
			return;
		}
	}
}

/* ---- one value ---------------------------------------------------------------------------------------------------- */

static bool skip_literal(const uint8_t **cursor, const uint8_t *end)
{
	int depth = 0;

	for (; *cursor < end; (*cursor)++) {
		if (**cursor == '\\') {
			if (end - *cursor < 2)
				return false;
			(*cursor)++;
		} else if (**cursor == '(') {
			depth++;
		} else if (**cursor == ')' && --depth == 0) {
			(*cursor)++;
			return true;
		}
	}
	return false;
}

static bool skip_hexadecimal(const uint8_t **cursor, const uint8_t *end)
{
	const uint8_t *close = memchr(*cursor, '>', (size_t)(end - *cursor));

	if (!close)
		return false;
	*cursor = close + 1;
	return true;
}

static void skip_word(const uint8_t **cursor, const uint8_t *end)
{
	(*cursor)++;
	while (*cursor < end && !is_space(**cursor) && !is_delimiter(**cursor))
		(*cursor)++;
}

static bool read_digits(const uint8_t **cursor, const uint8_t *end, uint64_t *number)
{
	const uint8_t *start = *cursor;
	uint64_t value = 0;

	while (*cursor < end && isdigit(**cursor) && *cursor - start < 18)
		value = value * 10 + (uint64_t)(*(*cursor)++ - '0');
	if (*cursor == start || (*cursor < end && isdigit(**cursor)))
		return false;
	*number = value;
	return true;
}

/* Behind an integer: " 0 R" makes it a reference. Moves only when it does. */
static void skip_reference_tail(const uint8_t *start, const uint8_t **cursor, const uint8_t *end)
{
	const uint8_t *at = *cursor, *digits = start;
	uint64_t number;

	if (!read_digits(&digits, *cursor, &number) || digits != *cursor)
		return;
	skip_space(&at, end);
	if (!read_digits(&at, end, &number) || at >= end || !is_space(*at))
		return;
	skip_space(&at, end);
	if (at < end && *at == 'R' && (at + 1 == end || is_space(at[1]) || is_delimiter(at[1])))
		*cursor = at + 1;
}

static bool skip_value(const uint8_t **cursor, const uint8_t *end, int depth);

static bool skip_container(const uint8_t **cursor, const uint8_t *end, bool is_dict, int depth)
{
	*cursor += is_dict ? 2 : 1;
	for (;;) {
		skip_space(cursor, end);
		if (*cursor >= end)
			return false;
		if (!is_dict && **cursor == ']') {
			(*cursor)++;
			return true;
		}
		if (is_dict && end - *cursor >= 2 && (*cursor)[0] == '>' && (*cursor)[1] == '>') {
			*cursor += 2;
			return true;
		}
		if (!skip_value(cursor, end, depth + 1))
			return false;
	}
}

static bool skip_value(const uint8_t **cursor, const uint8_t *end, int depth)
{
	const uint8_t *start = *cursor;

	if (start >= end || depth > PDF_DEPTH_MAX)
		return false;
	if (*start == '<')
		return end - start >= 2 && start[1] == '<' ? skip_container(cursor, end, true, depth)
		                                           : skip_hexadecimal(cursor, end);
	if (*start == '[')
		return skip_container(cursor, end, false, depth);
	if (*start == '(')
		return skip_literal(cursor, end);
	if (is_delimiter(*start) && *start != '/')
		return false;
	skip_word(cursor, end);
	if (isdigit(*start))
		skip_reference_tail(start, cursor, end);
	return true;
}

bool pdf_next_value(const uint8_t **cursor, const uint8_t *end, struct pdf_slice *value)
{
	skip_space(cursor, end);
	value->at = *cursor;
	if (!skip_value(cursor, end, 0))
		return false;
	value->length = (size_t)(*cursor - value->at);
	return true;
}

bool pdf_dict_inside(struct pdf_slice value, struct pdf_slice *inside)
{
	if (value.length < 4 || value.at[0] != '<' || value.at[1] != '<')
		return false;
	inside->at = value.at + 2;
	inside->length = value.length - 4;
	return true;
}

bool pdf_array_inside(struct pdf_slice value, struct pdf_slice *inside)
{
	if (value.length < 2 || value.at[0] != '[')
		return false;
	inside->at = value.at + 1;
	inside->length = value.length - 2;
	return true;
}

bool pdf_is_name(struct pdf_slice value, const char *name)
{
	size_t length = strlen(name);

	return value.length == length + 1 && value.at[0] == '/' && memcmp(value.at + 1, name, length) == 0;
}

bool pdf_dict_get(struct pdf_slice dict, const char *key, struct pdf_slice *value)
{
	struct pdf_slice inside, name;
	const uint8_t *cursor, *end;

	if (!pdf_dict_inside(dict, &inside))
		return false;
	cursor = inside.at;
	end = inside.at + inside.length;
	while (pdf_next_value(&cursor, end, &name) && pdf_next_value(&cursor, end, value))
		if (pdf_is_name(name, key))
			return true;
	return false;
}

bool pdf_integer(struct pdf_slice value, uint64_t *number)
{
	const uint8_t *cursor = value.at;

	return value.length > 0 && read_digits(&cursor, value.at + value.length, number) &&
	       cursor == value.at + value.length;
}

bool pdf_reference(struct pdf_slice value, uint32_t *number)
{
	const uint8_t *cursor = value.at;
	uint64_t found = 0;

	if (value.length < 5 || value.at[value.length - 1] != 'R' ||
	    !read_digits(&cursor, value.at + value.length, &found) || found >= PDF_OBJECTS_MAX)
		return false;
	*number = (uint32_t)found;
	return true;
}

bool pdf_number(struct pdf_slice value, double *number)
{
	char text[40], *end = NULL;

	if (value.length == 0 || value.length >= sizeof text)
		return false;
	memcpy(text, value.at, value.length);
	text[value.length] = '\0';
	*number = strtod(text, &end);
	return end == text + value.length;
}

/* ---- objects ------------------------------------------------------------------------------------------------------ */

static bool read_word(const uint8_t **cursor, const uint8_t *end, const char *word)
{
	size_t length = strlen(word);

	skip_space(cursor, end);
	if ((size_t)(end - *cursor) < length || memcmp(*cursor, word, length) != 0)
		return false;
	*cursor += length;
	return true;
}

static bool read_stream(const struct pdf_file *file, struct pdf_slice dict, const uint8_t *cursor,
                        struct pdf_slice *stream, struct err *err)
{
	const uint8_t *end = file->data + file->length;
	struct pdf_slice value;
	uint64_t length = 0;

	stream->at = NULL;
	stream->length = 0;
	if (!read_word(&cursor, end, "stream"))
		return true;
	if (cursor < end && *cursor == '\r')
		cursor++;
	if (cursor < end && *cursor == '\n')
		cursor++;
	/* A length that is itself a reference must not lead back to a stream: resolved without one. */
	if (!pdf_get(file, dict, "Length", &value, err))
		return false;
	if (!pdf_integer(value, &length) || length > (uint64_t)(end - cursor))
		return bad(err, "a stream is longer than the file");
	stream->at = cursor;
	stream->length = (size_t)length;
	return true;
}

bool pdf_object(const struct pdf_file *file, uint32_t number, struct pdf_slice *value, struct pdf_slice *stream,
                struct err *err)
{
	const uint8_t *cursor, *end = file->data + file->length;
	uint64_t found = 0, generation = 0;

	if (number >= file->size || file->offsets[number] == 0)
		return bad(err, "an object is missing");
	cursor = file->data + file->offsets[number];
	skip_space(&cursor, end);
	if (!read_digits(&cursor, end, &found) || found != number)
		return bad(err, "an object is not where the table says");
	skip_space(&cursor, end);
	if (!read_digits(&cursor, end, &generation) || !read_word(&cursor, end, "obj") ||
	    !pdf_next_value(&cursor, end, value))
		return bad(err, "an object is broken");
	return !stream || read_stream(file, *value, cursor, stream, err);
}

bool pdf_resolve(const struct pdf_file *file, struct pdf_slice value, struct pdf_slice *out, struct err *err)
{
	uint32_t number;

	if (pdf_reference(value, &number))
		return pdf_object(file, number, out, NULL, err);
	*out = value;
	return true;
}

bool pdf_get(const struct pdf_file *file, struct pdf_slice dict, const char *key, struct pdf_slice *out,
             struct err *err)
{
	struct pdf_slice value;

	if (!pdf_dict_get(dict, key, &value))
		return err_set(err, ERR_INVALID, "cannot read the PDF: no /%s", key);
	return pdf_resolve(file, value, out, err);
}

/* ---- the tables --------------------------------------------------------------------------------------------------- */

static bool grow(struct pdf_file *file, uint64_t size, struct err *err)
{
	size_t *offsets;

	if (size <= file->size)
		return true;
	if (size > PDF_OBJECTS_MAX)
		return bad(err, "too many objects");
	offsets = realloc(file->offsets, size * sizeof *offsets);
	if (!offsets)
		err_panic("out of memory for a PDF");
	memset(offsets + file->size, 0, (size - file->size) * sizeof *offsets);
	file->offsets = offsets;
	file->size = (uint32_t)size;
	return true;
}

/* Entries of 20 bytes. What a newer section said stays: it was read first. */
static bool read_subsection(struct pdf_file *file, const uint8_t **cursor, uint64_t first, uint64_t count,
                            struct err *err)
{
	const uint8_t *end = file->data + file->length;

	if (first > PDF_OBJECTS_MAX || count > (uint64_t)(end - *cursor) / 18 || !grow(file, first + count, err))
		return bad(err, "its table is longer than the file");
	for (uint64_t i = 0; file->offsets && i < count; i++) {
		uint64_t offset = 0, generation = 0;

		skip_space(cursor, end);
		if (!read_digits(cursor, end, &offset))
			return bad(err, "its table is broken");
		skip_space(cursor, end);
		if (!read_digits(cursor, end, &generation))
			return bad(err, "its table is broken");
		skip_space(cursor, end);
		if (*cursor >= end || (**cursor != 'n' && **cursor != 'f'))
			return bad(err, "its table is broken");
		if (**cursor == 'n' && offset < file->length && !file->offsets[first + i])
			file->offsets[first + i] = (size_t)offset;
		(*cursor)++;
	}
	return true;
}

static bool read_section(struct pdf_file *file, size_t offset, struct pdf_slice *trailer, struct err *err)
{
	const uint8_t *cursor = file->data + offset, *end = file->data + file->length;

	if (!read_word(&cursor, end, "xref"))
		return bad(err, "no classic cross-reference table");
	for (;;) {
		uint64_t first = 0, count = 0;

		skip_space(&cursor, end);
		if (cursor < end && *cursor == 't')
			break;
		if (!read_digits(&cursor, end, &first))
			return bad(err, "its table is broken");
		skip_space(&cursor, end);
		if (!read_digits(&cursor, end, &count) || !read_subsection(file, &cursor, first, count, err))
			return bad(err, "its table is broken");
	}
	if (!read_word(&cursor, end, "trailer") || !pdf_next_value(&cursor, end, trailer))
		return bad(err, "no trailer");
	return true;
}

static bool find_start(const struct pdf_file *file, size_t *out, struct err *err)
{
	static const char word[] = "startxref";
	size_t window = file->length < 2048 ? file->length : 2048;
	const uint8_t *end = file->data + file->length, *found = NULL;
	uint64_t offset = 0;

	for (const uint8_t *at = end - window; at + sizeof word - 1 <= end; at++)
		if (memcmp(at, word, sizeof word - 1) == 0)
			found = at + sizeof word - 1;
	if (!found)
		return bad(err, "no startxref");
	skip_space(&found, end);
	if (!read_digits(&found, end, &offset) || offset >= file->length)
		return bad(err, "startxref points outside");
	*out = (size_t)offset;
	return true;
}

static bool read_sections(struct pdf_file *file, struct err *err)
{
	size_t offset = file->start_xref;

	for (int section = 0; section < PDF_SECTIONS_MAX; section++) {
		struct pdf_slice trailer, value;
		uint64_t previous = 0;

		if (!read_section(file, offset, &trailer, err))
			return false;
		if (section == 0)
			file->trailer = trailer;
		if (!pdf_dict_get(trailer, "Prev", &value))
			return true;
		/* Strictly backwards: our own updates only ever append. */
		if (!pdf_integer(value, &previous) || previous >= offset)
			return bad(err, "its sections do not go backwards");
		offset = (size_t)previous;
	}
	return bad(err, "too many revisions");
}

bool pdf_file_open(const uint8_t *data, size_t length, struct pdf_file *out, struct err *err)
{
	struct pdf_file file = {data, length, NULL, 0, 0, {NULL, 0}};

	if (length < 64 || length > PDF_FILE_MAX || memcmp(data, "%PDF-1.", 7) != 0)
		return bad(err, "it does not begin like a PDF, or is too long");
	if (!find_start(&file, &file.start_xref, err) || !read_sections(&file, err)) {
		pdf_file_close(&file);
		return false;
	}
	*out = file;
	return true;
}

void pdf_file_close(struct pdf_file *file)
{
	free(file->offsets);
	file->offsets = NULL;
}
