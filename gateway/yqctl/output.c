#include "gateway/yqctl/output.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "lib/db/db.h"

struct range {
	uint32_t first, last;
};

/* East Asian wide and full width, and emoji; enough for names of people and places. */
static const struct range wide[] = {
    {0x1100, 0x115f}, {0x2e80, 0x303e},   {0x3041, 0x33ff},   {0x3400, 0x4dbf},   {0x4e00, 0x9fff},
    {0xa000, 0xa4cf}, {0xac00, 0xd7a3},   {0xf900, 0xfaff},   {0xfe30, 0xfe6f},   {0xff00, 0xff60},
    {0xffe0, 0xffe6}, {0x1f300, 0x1f64f}, {0x1f900, 0x1f9ff}, {0x20000, 0x3fffd},
};
static const struct range combining[] = {{0x0300, 0x036f}, {0x200b, 0x200d}, {0x20d0, 0x20ff}, {0xfe00, 0xfe0f}};
/* C0, DEL, C1, and the marks that turn the direction of a line. */
static const struct range hostile[] = {{0x0000, 0x001f}, {0x007f, 0x009f}, {0x200e, 0x200f},
                                       {0x2028, 0x202e}, {0x2066, 0x2069}, {0xfeff, 0xfeff}};

#define IN(ranges, code) is_in(ranges, sizeof(ranges) / sizeof((ranges)[0]), code)

static bool is_in(const struct range *ranges, size_t count, uint32_t code)
{
	for (size_t i = 0; i < count; i++)
		if (code >= ranges[i].first && code <= ranges[i].last)
			return true;
	return false;
}

/* The next character; bytes that are no UTF-8 count as one hostile character each. */
static size_t next_character(const unsigned char *at, uint32_t *out)
{
	size_t length = *at < 0x80             ? 1
	                : (*at & 0xe0) == 0xc0 ? 2
	                : (*at & 0xf0) == 0xe0 ? 3
	                : (*at & 0xf8) == 0xf0 ? 4
	                                       : 0;
	uint32_t code = length == 1 ? *at : length ? *at & (0xffu >> (length + 1)) : 0;

	for (size_t i = 1; i < length; i++) {
		if ((at[i] & 0xc0) != 0x80) {
			length = 0;
			break;
		}
		code = code << 6 | (at[i] & 0x3fu);
	}
	*out = length ? code : 0;
	return length ? length : 1;
}

int output_width(const char *text)
{
	const unsigned char *at = (const unsigned char *)text;
	uint32_t code;
	int width = 0;

	while (*at) {
		at += next_character(at, &code);
		if (IN(hostile, code))
			width++;
		else if (!IN(combining, code))
			width += IN(wide, code) ? 2 : 1;
	}
	return width;
}

static void print_clean(FILE *to, const char *text)
{
	const unsigned char *at = (const unsigned char *)text;
	uint32_t code;

	while (*at) {
		size_t length = next_character(at, &code);

		if (IN(hostile, code))
			fputs("\xef\xbf\xbd", to);
		else
			fwrite(at, 1, length, to);
		at += length;
	}
}

void output_padded(FILE *to, const char *text, int width, bool is_right)
{
	int blanks = width - output_width(text);

	if (is_right)
		fprintf(to, "%*s", blanks > 0 ? blanks : 0, "");
	print_clean(to, text);
	if (!is_right)
		fprintf(to, "%*s", blanks > 0 ? blanks : 0, "");
}

void table_init(struct table *table, FILE *to, const struct column *columns)
{
	memset(table, 0, sizeof(*table));
	table->to = to;
	table->columns = columns;
	while (columns[table->column_count].name)
		if (++table->column_count > TABLE_COLUMNS_MAX)
			err_panic("a table has more than %d columns", TABLE_COLUMNS_MAX);
	for (int i = 0; i < table->column_count; i++)
		table->widths[i] = output_width(columns[i].heading);
	table->cells = calloc((size_t)TABLE_BLOCK * (size_t)table->column_count, sizeof(char *));
	if (!table->cells)
		err_panic("out of memory");
}

static void print_cell(struct table *table, int column, const char *text)
{
	bool is_last = column == table->column_count - 1;
	int width = is_last && !table->columns[column].is_right ? 0 : table->widths[column];

	output_padded(table->to, text, width, table->columns[column].is_right);
	fputs(is_last ? "\n" : "  ", table->to);
}

static void print_block(struct table *table)
{
	int row, column;

	for (column = 0; !table->is_started && column < table->column_count; column++)
		print_cell(table, column, table->columns[column].heading);
	table->is_started = true;
	for (row = 0; row < table->row_count; row++) {
		for (column = 0; column < table->column_count; column++) {
			char **cell = &table->cells[row * table->column_count + column];

			print_cell(table, column, *cell);
			free(*cell);
			*cell = NULL;
		}
	}
	table->row_count = 0;
}

/* Booleans as words, times without milliseconds and offset: 2026-11-22 08:42:07 */
static char *cell_text(const struct db_rows *rows, int row, const char *name)
{
	const char *text = db_get_text(rows, row, name);
	enum db_kind kind = DB_TEXT;
	char *copy;

	for (int i = 0; i < db_rows_columns(rows); i++)
		if (strcmp(db_column_name(rows, i), name) == 0)
			kind = db_column_kind(rows, i, NULL);
	if (text && kind == DB_BOOL)
		text = db_get_bool(rows, row, name) ? "yes" : "no";
	copy = strdup(text && *text ? text : "-");
	if (!copy)
		err_panic("out of memory");
	if (text && kind == DB_TIME && strlen(copy) > 19) {
		copy[10] = ' ';
		copy[19] = '\0';
	}
	return copy;
}

void table_add(struct table *table, const struct db_rows *rows, int row)
{
	int column;

	for (column = 0; column < table->column_count; column++) {
		char *text = cell_text(rows, row, table->columns[column].name);
		int width = output_width(text);

		table->cells[table->row_count * table->column_count + column] = text;
		if (!table->is_started && width > table->widths[column])
			table->widths[column] = width;
	}
	if (++table->row_count == TABLE_BLOCK)
		print_block(table);
}

void table_end(struct table *table)
{
	print_block(table);
	free(table->cells);
	table->cells = NULL;
}
