/*
 * One sheet of a spreadsheet (.xlsx), written row by row, so that a long one needs no memory: head lines, a header row that stays in
 * sight, then rows of typed cells. Knows nothing of figures. A text is always a text, whatever it begins with: nothing that comes
 * from outside becomes a formula or a link.
 */
#ifndef YQ_DOMAIN_FIGURE_SHEET_H
#define YQ_DOMAIN_FIGURE_SHEET_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/base/err.h"

struct figure_sheet;

enum figure_cell {
	FIGURE_CELL_TEXT,
	FIGURE_CELL_NAME,    /* a wide text */
	FIGURE_CELL_COUNT,   /* a whole number */
	FIGURE_CELL_PERCENT, /* 0 to 1, shown in % */
	FIGURE_CELL_SECONDS, /* a length of time, shown as hours, minutes and seconds */
	FIGURE_CELL_TIME     /* RFC 3339, shown as the clock time that stands there */
};
struct figure_column {
	const char *name;
	enum figure_cell cell;
};

/* name: of the sheet, at most 31 characters without []:*?/\. columns are borrowed until the end. The file is unlinked from the start. */
bool figure_sheet_new(const char *name, const struct figure_column *columns, size_t count, struct figure_sheet **out,
                      struct err *err);
void figure_sheet_free(struct figure_sheet *sheet); /* NULL is fine */

/* Lines above the header: the first is the title. */
void figure_sheet_line(struct figure_sheet *sheet, const char *text);
/* The header row; the rows follow. */
void figure_sheet_header(struct figure_sheet *sheet);

/* The next cell of the row, in the order of the columns; behind the last one the next row begins. */
void figure_sheet_text(struct figure_sheet *sheet, const char *text); /* for TEXT, NAME and TIME; NULL: an empty cell */
void figure_sheet_number(struct figure_sheet *sheet, double value);   /* for the others; NAN: an empty cell */

/* Ends and frees the sheet, also on failure. *out_fd is the caller's, at the start of the file. ERR_NO_SPACE, ERR_TEMPORARY */
bool figure_sheet_finish(struct figure_sheet *sheet, int *out_fd, uint64_t *out_size, struct err *err);

#endif
