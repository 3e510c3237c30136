/*
 * What yqctl prints: text tables that line up under Chinese names, and JSON from rows of the ledger. Knows no command.
 *
 * Names of patients and texts of devices come from outside: control characters (an escape sequence for the operator's terminal, a
 * newline that fakes a row) are printed as U+FFFD in text. JSON escapes them by itself.
 */
#ifndef YQ_YQCTL_OUTPUT_H
#define YQ_YQCTL_OUTPUT_H

#include <jansson.h>
#include <stdbool.h>
#include <stdio.h>

#include "lib/base/err.h"

struct db_rows;

/* A column of a text table, found in the rows by name; a NULL name ends the list. */
struct column {
	const char *name;
	const char *heading;
	bool is_right; /* numbers */
};

/* Terminal cells that text takes: wide characters 2, combining ones 0 (Unicode standard annex 11). */
int output_width(const char *text);
/* Text without control characters, padded to width cells on the right, or on the left. */
void output_padded(FILE *to, const char *text, int width, bool is_right);

/*
 * A table that is printed while its rows come: the first TABLE_BLOCK rows decide the widths, later ones keep them (a longer value
 * pushes its row, nothing is cut). Memory does not grow with the list.
 */
enum { TABLE_COLUMNS_MAX = 12, TABLE_BLOCK = 200 };
struct table {
	FILE *to;
	const struct column *columns;
	int column_count, row_count;
	int widths[TABLE_COLUMNS_MAX];
	bool is_started;
	char **cells; /* TABLE_BLOCK rows */
};
void table_init(struct table *table, FILE *to, const struct column *columns);
void table_add(struct table *table, const struct db_rows *rows, int row);
/* Prints what is held, and the heading alone when there was no row. Frees. */
void table_end(struct table *table);

/* Takes json. One value, indented, with a newline. */
bool output_json(json_t *json, struct err *err);
/* An object as lines "name  value"; objects in it indented, arrays of objects one line each. Borrows json. */
void output_record(FILE *to, const json_t *json);

/* Takes json, an object: as JSON, or as a record. */
bool output_object(bool as_json, json_t *json, struct err *err);

#endif
