#include "lib/domain/figure_sheet.h"

#include <errno.h>
#include <fcntl.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <xlsxwriter.h>

#include "lib/base/text.h"

enum { TEXT_MAX = 32000, CELL_KINDS = FIGURE_CELL_TIME + 1 };

struct figure_sheet {
	lxw_workbook *book;
	lxw_worksheet *sheet;
	lxw_format *title, *header, *cells[CELL_KINDS];
	const struct figure_column *columns;
	size_t count, at;
	lxw_row_t row;
	lxw_error fault; /* the first one */
	int fd;
};

static const struct {
	const char *format;
	double width;
} looks[CELL_KINDS] = {
    [FIGURE_CELL_TEXT] = {NULL, 14},           [FIGURE_CELL_NAME] = {NULL, 30},
    [FIGURE_CELL_COUNT] = {"#,##0", 11},       [FIGURE_CELL_PERCENT] = {"0.0%", 9},
    [FIGURE_CELL_SECONDS] = {"[h]:mm:ss", 12}, [FIGURE_CELL_TIME] = {"yyyy-mm-dd hh:mm", 17},
};

/* A file without a name, that the library opens by its descriptor. */
static int open_unnamed(void)
{
	char path[200];
	const char *directory = getenv("TMPDIR");
	int fd;

	snprintf(path, sizeof path, "%s/yq-figures.XXXXXX", directory && strlen(directory) < 150 ? directory : "/tmp");
	fd = mkostemp(path, O_CLOEXEC);
	if (fd >= 0)
		unlink(path);
	return fd;
}

static void note(struct figure_sheet *sheet, lxw_error fault)
{
	if (sheet->fault == LXW_NO_ERROR)
		sheet->fault = fault;
}

static void make_formats(struct figure_sheet *sheet)
{
	sheet->title = workbook_add_format(sheet->book);
	format_set_bold(sheet->title);
	format_set_font_size(sheet->title, 14);
	sheet->header = workbook_add_format(sheet->book);
	format_set_bold(sheet->header);
	format_set_text_wrap(sheet->header);
	format_set_bg_color(sheet->header, 0xD9E2EC);
	format_set_bottom(sheet->header, LXW_BORDER_THIN);
	for (int i = 0; i < CELL_KINDS; i++) {
		sheet->cells[i] = workbook_add_format(sheet->book);
		if (looks[i].format)
			format_set_num_format(sheet->cells[i], looks[i].format);
	}
	for (size_t i = 0; i < sheet->count; i++)
		note(sheet, worksheet_set_column(sheet->sheet, (lxw_col_t)i, (lxw_col_t)i,
		                                 looks[sheet->columns[i].cell].width, NULL));
}

bool figure_sheet_new(const char *name, const struct figure_column *columns, size_t count, struct figure_sheet **out,
                      struct err *err)
{
	lxw_workbook_options options = {.constant_memory = LXW_TRUE};
	char path[40];
	int fd = open_unnamed();

	if (fd < 0)
		return err_set(err, errno == ENOSPC ? ERR_NO_SPACE : ERR_TEMPORARY,
		               "could not make a temporary file: %s", strerror(errno));
	struct figure_sheet *sheet = calloc(1, sizeof *sheet);
	snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
	*sheet = (struct figure_sheet){.fd = fd, .columns = columns, .count = count};
	sheet->book = workbook_new_opt(path, &options);
	sheet->sheet = sheet->book ? workbook_add_worksheet(sheet->book, name) : NULL;
	if (!sheet->sheet) {
		figure_sheet_free(sheet);
		return err_set(err, ERR_TEMPORARY, "could not begin a spreadsheet");
	}
	make_formats(sheet);
	*out = sheet;
	return true;
}

/* The library frees a workbook only by writing it. */
void figure_sheet_free(struct figure_sheet *sheet)
{
	if (!sheet)
		return;
	if (sheet->book)
		(void)workbook_close(sheet->book);
	if (sheet->fd >= 0)
		close(sheet->fd);
	free(sheet);
}

static void write_text(struct figure_sheet *sheet, lxw_col_t column, const char *text, lxw_format *format)
{
	char cut[TEXT_MAX + 1];

	if (strlen(text) > TEXT_MAX) { /* a cell holds 32767 characters */
		text_copy(cut, sizeof cut, text);
		text = cut;
	}
	note(sheet, worksheet_write_string(sheet->sheet, sheet->row, column, text, format));
}

void figure_sheet_line(struct figure_sheet *sheet, const char *text)
{
	write_text(sheet, 0, text, sheet->row == 0 ? sheet->title : NULL);
	sheet->row++;
}

void figure_sheet_header(struct figure_sheet *sheet)
{
	sheet->row++; /* an empty line before it */
	for (size_t i = 0; i < sheet->count; i++)
		write_text(sheet, (lxw_col_t)i, sheet->columns[i].name, sheet->header);
	sheet->row++;
	worksheet_freeze_panes(sheet->sheet, sheet->row, 0);
}

static void step(struct figure_sheet *sheet)
{
	if (++sheet->at == sheet->count) {
		sheet->at = 0;
		sheet->row++;
	}
}

static lxw_format *format_here(const struct figure_sheet *sheet)
{
	return sheet->cells[sheet->columns[sheet->at].cell];
}

static bool read_number(const char *text, size_t digits, int *out)
{
	*out = 0;
	for (size_t i = 0; i < digits; i++) {
		if (text[i] < '0' || text[i] > '9')
			return false;
		*out = *out * 10 + text[i] - '0';
	}
	return true;
}

/* RFC 3339 to the second; the zone is left out: the clock time is what people compare. */
static bool read_time(const char *text, lxw_datetime *out)
{
	int second;

	*out = (lxw_datetime){0};
	if (strlen(text) < strlen("2026-11-22T08:42:01") || !read_number(text, 4, &out->year) ||
	    !read_number(text + 5, 2, &out->month) || !read_number(text + 8, 2, &out->day) ||
	    !read_number(text + 11, 2, &out->hour) || !read_number(text + 14, 2, &out->min) ||
	    !read_number(text + 17, 2, &second))
		return false;
	out->sec = second;
	return true;
}

void figure_sheet_text(struct figure_sheet *sheet, const char *text)
{
	lxw_datetime time;

	if (text && sheet->columns[sheet->at].cell == FIGURE_CELL_TIME && read_time(text, &time))
		note(sheet, worksheet_write_datetime(sheet->sheet, sheet->row, (lxw_col_t)sheet->at, &time,
		                                     format_here(sheet)));
	else if (text && text[0])
		write_text(sheet, (lxw_col_t)sheet->at, text, format_here(sheet));
	step(sheet);
}

void figure_sheet_number(struct figure_sheet *sheet, double value)
{
	if (sheet->columns[sheet->at].cell == FIGURE_CELL_SECONDS)
		value /= 86400; /* a spreadsheet counts days */
	if (!isnan(value))
		note(sheet,
		     worksheet_write_number(sheet->sheet, sheet->row, (lxw_col_t)sheet->at, value, format_here(sheet)));
	step(sheet);
}

bool figure_sheet_finish(struct figure_sheet *sheet, int *out_fd, uint64_t *out_size, struct err *err)
{
	struct stat file;

	note(sheet, workbook_close(sheet->book));
	sheet->book = NULL;
	if (sheet->fault != LXW_NO_ERROR) {
		err_set(err, errno == ENOSPC ? ERR_NO_SPACE : ERR_TEMPORARY, "could not write a spreadsheet: %s",
		        lxw_strerror(sheet->fault));
		figure_sheet_free(sheet);
		return false;
	}
	if (fstat(sheet->fd, &file) != 0 || lseek(sheet->fd, 0, SEEK_SET) != 0) {
		err_set(err, ERR_TEMPORARY, "could not read a spreadsheet back: %s", strerror(errno));
		figure_sheet_free(sheet);
		return false;
	}
	*out_fd = sheet->fd;
	*out_size = (uint64_t)file.st_size;
	sheet->fd = -1;
	figure_sheet_free(sheet);
	return true;
}
