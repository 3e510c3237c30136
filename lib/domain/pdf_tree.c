/* What hangs below the trailer: catalogue, pages, text strings. */
#include <ctype.h>
#include <string.h>

#include "lib/base/text.h"
#include "lib/domain/pdf_file.h"

enum { PAGES_MAX = 500 };

bool pdf_catalog(const struct pdf_file *file, uint32_t *number, struct pdf_slice *value, struct err *err)
{
	struct pdf_slice root;

	if (!pdf_dict_get(file->trailer, "Root", &root) || !pdf_reference(root, number))
		return err_set(err, ERR_INVALID, "cannot read the PDF: no catalogue");
	return pdf_object(file, *number, value, NULL, err);
}

/* Walks the page tree in order, counting leaves down to `left` == 0. */
struct page_walk {
	const struct pdf_file *file;
	int left, visited;
	uint32_t number;
	struct pdf_slice value;
};

static bool walk_pages(struct page_walk *walk, uint32_t number, int depth, bool *found, struct err *err)
{
	struct pdf_slice value, type, kids, inside, kid;
	const uint8_t *cursor;
	uint32_t kid_number;

	if (depth > PDF_DEPTH_MAX || ++walk->visited > PAGES_MAX)
		return err_set(err, ERR_INVALID, "cannot read the PDF: too many pages");
	if (!pdf_object(walk->file, number, &value, NULL, err))
		return false;
	if (pdf_dict_get(value, "Type", &type) && pdf_is_name(type, "Page")) {
		*found = --walk->left == 0;
		walk->number = number;
		walk->value = value;
		return true;
	}
	if (!pdf_get(walk->file, value, "Kids", &kids, err))
		return false;
	if (!pdf_array_inside(kids, &inside))
		return err_set(err, ERR_INVALID, "cannot read the PDF: no list of pages");
	cursor = inside.at;
	while (!*found && pdf_next_value(&cursor, inside.at + inside.length, &kid))
		if (!pdf_reference(kid, &kid_number) || !walk_pages(walk, kid_number, depth + 1, found, err))
			return err_set(err, ERR_INVALID, "cannot read the PDF: its pages are broken");
	return true;
}

bool pdf_page(const struct pdf_file *file, int page, uint32_t *number, struct pdf_slice *value, struct err *err)
{
	struct page_walk walk = {file, page, 0, 0, {NULL, 0}};
	struct pdf_slice catalog, pages;
	uint32_t at = 0;
	bool found = false;

	if (!pdf_catalog(file, &at, &catalog, err))
		return false;
	if (!pdf_dict_get(catalog, "Pages", &pages) || !pdf_reference(pages, &at))
		return err_set(err, ERR_INVALID, "cannot read the PDF: no pages");
	if (!walk_pages(&walk, at, 0, &found, err))
		return false;
	if (!found)
		return err_set(err, ERR_INVALID, "cannot read the PDF: no page %d", page);
	*number = walk.number;
	*value = walk.value;
	return true;
}

/* ---- strings ------------------------------------------------------------------------------------------------------ */

enum { STRING_MAX = 1024 };

static size_t read_hexadecimal(struct pdf_slice value, uint8_t *out)
{
	size_t used = 0;
	char pair[3] = "";
	int have = 0;

	for (size_t i = 1; i + 1 < value.length && used < STRING_MAX; i++) {
		if (!isxdigit(value.at[i]))
			continue;
		pair[have++] = (char)value.at[i];
		if (have == 2) {
			if (!text_unhex(pair, out + used, 1))
				break;
			used++;
			have = 0;
		}
	}
	return used;
}

static size_t read_literal(struct pdf_slice value, uint8_t *out)
{
	size_t used = 0;

	for (size_t i = 1; i + 1 < value.length && used < STRING_MAX; i++) {
		if (value.at[i] == '\\' && i + 2 < value.length)
			i++;
		out[used++] = value.at[i];
	}
	return used;
}

static bool append_character(char *out, size_t out_size, size_t *used, uint32_t c)
{
	char utf8[4];
	size_t length;

	if (c < 0x80) {
		utf8[0] = (char)c;
		length = 1;
	} else if (c < 0x800) {
		utf8[0] = (char)(0xc0 | c >> 6);
		utf8[1] = (char)(0x80 | (c & 0x3f));
		length = 2;
	} else if (c < 0x10000) {
		utf8[0] = (char)(0xe0 | c >> 12);
		utf8[1] = (char)(0x80 | (c >> 6 & 0x3f));
		utf8[2] = (char)(0x80 | (c & 0x3f));
		length = 3;
	} else {
		utf8[0] = (char)(0xf0 | c >> 18);
		utf8[1] = (char)(0x80 | (c >> 12 & 0x3f));
		utf8[2] = (char)(0x80 | (c >> 6 & 0x3f));
		utf8[3] = (char)(0x80 | (c & 0x3f));
		length = 4;
	}
	if (*used + length >= out_size)
		return false;
	memcpy(out + *used, utf8, length);
	*used += length;
	out[*used] = '\0';
	return true;
}

static void from_utf16(const uint8_t *bytes, size_t length, char *out, size_t out_size)
{
	size_t used = 0;

	for (size_t i = 0; i + 1 < length; i += 2) {
		uint32_t c = (uint32_t)bytes[i] << 8 | bytes[i + 1];

		if (c >= 0xd800 && c < 0xdc00 && i + 3 < length) {
			c = 0x10000 + ((c - 0xd800) << 10) + (((uint32_t)bytes[i + 2] << 8 | bytes[i + 3]) - 0xdc00);
			i += 2;
		}
		if ((c >= 0xd800 && c < 0xe000) || c > 0x10ffff || c < 0x20)
			c = 0xfffd;
		if (!append_character(out, out_size, &used, c))
			return;
	}
}

bool pdf_string(struct pdf_slice value, char *out, size_t out_size)
{
	uint8_t bytes[STRING_MAX];
	size_t length, used = 0;

	out[0] = '\0';
	if (value.length < 2 || (value.at[0] != '(' && value.at[0] != '<'))
		return false;
	length = value.at[0] == '(' ? read_literal(value, bytes) : read_hexadecimal(value, bytes);
	if (length >= 2 && bytes[0] == 0xfe && bytes[1] == 0xff) {
		from_utf16(bytes + 2, length - 2, out, out_size);
		return true;
	}
	for (size_t i = 0; i < length; i++)
		if (!append_character(out, out_size, &used, bytes[i] < 0x20 || bytes[i] > 0x7e ? '?' : bytes[i]))
			break;
	return true;
}
