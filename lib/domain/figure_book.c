#include "lib/domain/figure_book.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "lib/base/text.h"
#include "lib/domain/coverage.h"
#include "lib/domain/figure_sheet.h"
#include "lib/domain/figure_words.h"

enum { COLUMNS_MAX = 20, ROWS_MAX = 50000, LINE_SIZE = 2000 };

struct book {
	struct db *db;
	const struct figure_book_query *query;
	const struct figure_scope *scope;
	struct figure_sheet *sheet;
	struct figure_column columns[COLUMNS_MAX];
	size_t count;
	json_t *definitions;
	int rows;
};

static const char *word(const struct book *book, const char *code)
{
	return figure_word(code, book->query->is_english);
}

/* ---- the head ----------------------------------------------------------------------------------------------------------- */

static void add_column(struct book *book, const char *code, enum figure_cell cell)
{
	book->columns[book->count++] = (struct figure_column){word(book, code), cell};
}

static void line(struct book *book, const char *name, const char *text)
{
	char out[LINE_SIZE];

	snprintf(out, sizeof out, "%s%s%s", word(book, name), book->query->is_english ? ": " : "：", text);
	figure_sheet_line(book->sheet, out);
}

static void modes_line(struct book *book)
{
	char out[300] = "";

	for (size_t i = 0; i < book->scope->mode_count; i++) {
		size_t at = strlen(out);
		snprintf(out + at, sizeof out - at, "%s%s", at ? ", " : "", word(book, book->scope->modes[i]));
	}
	line(book, "modes", out);
}

static const char *member(const json_t *json, const char *name)
{
	const char *text = json_string_value(json_object_get(json, name));

	return text ? text : "";
}

/* What a figure of the table counts. */
static void definition_line(struct book *book, const char *figure)
{
	bool is_english = book->query->is_english;
	char out[LINE_SIZE];
	const json_t *one;
	size_t i;

	json_array_foreach(json_object_get(book->definitions, "definitions"), i, one)
	{
		if (strcmp(member(one, "figure"), figure) != 0)
			continue;
		snprintf(out, sizeof out, "%s (v%d): %s = %s / %s = %s",
		         member(one, is_english ? "name_en" : "name_zh"),
		         (int)json_integer_value(json_object_get(one, "version")), word(book, "numerator"),
		         member(one, is_english ? "numerator_en" : "numerator"), word(book, "denominator"),
		         member(one, is_english ? "denominator_en" : "denominator"));
		line(book, "definition", out);
	}
}

/* figures: names in one string, parted by blanks. */
static bool begin(struct book *book, const char *figures, struct err *err)
{
	char table[40], title[200], figure[64];
	int length;

	snprintf(table, sizeof table, "table_%s", book->query->table);
	if (!figure_sheet_new(word(book, table), book->columns, book->count, &book->sheet, err))
		return false;
	snprintf(title, sizeof title, "%s %s", word(book, "product"), word(book, table));
	figure_sheet_line(book->sheet, title);
	line(book, "community", figure_scope_community_name(book->scope));
	snprintf(title, sizeof title, "%s – %s", book->scope->period.from, book->scope->period.to);
	line(book, "period", title);
	modes_line(book);
	for (; sscanf(figures, "%63s%n", figure, &length) == 1; figures += length)
		definition_line(book, figure);
	figure_sheet_header(book->sheet);
	return true;
}

/* ---- cells --------------------------------------------------------------------------------------------------------------- */

static void text_cell(struct book *book, const json_t *json, const char *name)
{
	figure_sheet_text(book->sheet, json_string_value(json_object_get(json, name)));
}

static void number_cell(struct book *book, const json_t *json, const char *name)
{
	const json_t *value = json_object_get(json, name);

	figure_sheet_number(book->sheet, json_is_number(value) ? json_number_value(value) : NAN);
}

static void bool_cell(struct book *book, const json_t *json, const char *name)
{
	figure_sheet_text(book->sheet, word(book, json_is_true(json_object_get(json, name)) ? "yes" : "no"));
}

static void word_cell(struct book *book, const json_t *json, const char *name)
{
	figure_sheet_text(book->sheet, word(book, member(json, name)));
}

static void ratio_cells(struct book *book, const json_t *ratio)
{
	number_cell(book, ratio, "numerator");
	number_cell(book, ratio, "denominator");
	number_cell(book, ratio, "value");
}

static void ratio_columns(struct book *book, const char *code)
{
	char part[40];

	snprintf(part, sizeof part, "%s_n", code);
	add_column(book, part, FIGURE_CELL_COUNT);
	snprintf(part, sizeof part, "%s_d", code);
	add_column(book, part, FIGURE_CELL_COUNT);
	add_column(book, code, FIGURE_CELL_PERCENT);
}

/* ---- sites --------------------------------------------------------------------------------------------------------------- */

static void wrong_cell(struct book *book, const json_t *wrong)
{
	char out[LINE_SIZE] = "";
	const json_t *one;
	size_t i;

	json_array_foreach(wrong, i, one)
	{
		const char *detail = member(one, "detail");
		size_t at = strlen(out);
		snprintf(out + at, sizeof out - at, "%s%s%s%s%s", at ? "; " : "", word(book, member(one, "code")),
		         detail[0] ? " (" : "", detail, detail[0] ? ")" : "");
	}
	text_make_utf8(out); /* it may have been cut */
	figure_sheet_text(book->sheet, out);
}

static void site_row(struct book *book, const json_t *one)
{
	const json_t *site = json_object_get(one, "site");

	text_cell(book, site, "code");
	text_cell(book, site, "name");
	text_cell(book, site, "grid");
	bool_cell(book, one, "counts");
	bool_cell(book, one, "has_equipment");
	number_cell(book, one, "studies");
	number_cell(book, one, "reports");
	ratio_cells(book, json_object_get(one, "in_time"));
	ratio_cells(book, json_object_get(one, "positive"));
	ratio_cells(book, json_object_get(one, "grade_a"));
	text_cell(book, one, "last_seen_at");
	wrong_cell(book, json_object_get(one, "wrong"));
}

static bool write_sites(struct book *book, const json_t *figures, struct err *err)
{
	const json_t *one;
	size_t i;

	add_column(book, "code", FIGURE_CELL_TEXT);
	add_column(book, "site", FIGURE_CELL_NAME);
	add_column(book, "grid", FIGURE_CELL_NAME);
	add_column(book, "counts", FIGURE_CELL_TEXT);
	add_column(book, "has_equipment", FIGURE_CELL_TEXT);
	add_column(book, "studies", FIGURE_CELL_COUNT);
	add_column(book, "reports", FIGURE_CELL_COUNT);
	ratio_columns(book, "in_time");
	ratio_columns(book, "positive");
	ratio_columns(book, "grade_a");
	add_column(book, "last_seen_at", FIGURE_CELL_TIME);
	add_column(book, "wrong", FIGURE_CELL_NAME);
	if (!begin(book, "volume reports in_time_centre positive_rate grade_a_rate", err))
		return false;
	json_array_foreach(json_object_get(figures, "sites"), i, one) site_row(book, one);
	return true;
}

/* ---- workload, turnaround --------------------------------------------------------------------------------------------------- */

static bool write_workload(struct book *book, const json_t *figures, struct err *err)
{
	const json_t *one;
	size_t i;

	add_column(book, "doctor", FIGURE_CELL_NAME);
	add_column(book, "site", FIGURE_CELL_NAME);
	add_column(book, "written", FIGURE_CELL_COUNT);
	add_column(book, "reviewed", FIGURE_CELL_COUNT);
	add_column(book, "median_writing", FIGURE_CELL_SECONDS);
	if (!begin(book, "workload", err))
		return false;
	json_array_foreach(json_object_get(figures, "workload"), i, one)
	{
		text_cell(book, json_object_get(one, "person"), "name");
		text_cell(book, json_object_get(one, "site"), "name");
		number_cell(book, one, "written");
		number_cell(book, one, "reviewed");
		number_cell(book, one, "median_writing_s");
	}
	return true;
}

static void leg_row(struct book *book, const json_t *one)
{
	bool is_site = strcmp(member(one, "leg"), "site") == 0; /* that word is a column's, too */

	figure_sheet_text(book->sheet, word(book, is_site ? "leg_site" : member(one, "leg")));
	figure_sheet_text(book->sheet, NULL);
	figure_sheet_text(book->sheet, NULL);
	figure_sheet_number(book->sheet, NAN);
	figure_sheet_text(book->sheet, NULL);
	number_cell(book, one, "count");
	ratio_cells(book, NULL);
	number_cell(book, one, "median_s");
	number_cell(book, one, "p90_s");
}

static void class_row(struct book *book, const json_t *one)
{
	bool has_limit = json_is_integer(json_object_get(one, "limit_minutes"));
	bool is_working = json_is_true(json_object_get(one, "is_working_time"));

	figure_sheet_text(book->sheet, word(book, "centre"));
	word_cell(book, one, "patient_class");
	text_cell(book, one, "modality");
	number_cell(book, one, "limit_minutes");
	figure_sheet_text(book->sheet, has_limit ? word(book, is_working ? "working_time" : "clock_time") : NULL);
	number_cell(book, one, "count");
	ratio_cells(book, json_object_get(one, "in_time"));
	number_cell(book, one, "median_s");
	number_cell(book, one, "p90_s");
}

static bool write_turnaround(struct book *book, const json_t *figures, struct err *err)
{
	const json_t *one;
	size_t i;

	add_column(book, "leg", FIGURE_CELL_TEXT);
	add_column(book, "patient_class", FIGURE_CELL_TEXT);
	add_column(book, "modality", FIGURE_CELL_TEXT);
	add_column(book, "limit", FIGURE_CELL_COUNT);
	add_column(book, "limit_kind", FIGURE_CELL_TEXT);
	add_column(book, "count", FIGURE_CELL_COUNT);
	ratio_columns(book, "in_time");
	add_column(book, "median", FIGURE_CELL_SECONDS);
	add_column(book, "p90", FIGURE_CELL_SECONDS);
	if (!begin(book,
	           "turnaround_arrival turnaround_waiting turnaround_writing turnaround_review turnaround_return "
	           "turnaround_centre turnaround_site in_time_centre",
	           err))
		return false;
	json_array_foreach(json_object_get(figures, "turnaround"), i, one) leg_row(book, one);
	json_array_foreach(json_object_get(figures, "turnaround_by_class"), i, one) class_row(book, one);
	return true;
}

/* ---- coverage ------------------------------------------------------------------------------------------------------------- */

static const json_t *find_community(const json_t *coverage, const char *id)
{
	const json_t *one;
	size_t i;

	json_array_foreach(json_object_get(coverage, "communities"), i, one)
	{
		if (id && strcmp(member(one, "id"), id) == 0)
			return one;
	}
	return NULL;
}

static void coverage_row(struct book *book, const json_t *one)
{
	text_cell(book, one, "code");
	text_cell(book, one, "name");
	text_cell(book, one, "grid");
	bool_cell(book, one, "counts");
	bool_cell(book, one, "has_equipment");
	number_cell(book, one, "echoes");
	number_cell(book, one, "images");
	number_cell(book, one, "reports");
	bool_cell(book, one, "is_connected");
	bool_cell(book, one, "is_served");
	bool_cell(book, one, "is_regular");
}

static void coverage_columns(struct book *book)
{
	add_column(book, "code", FIGURE_CELL_TEXT);
	add_column(book, "site", FIGURE_CELL_NAME);
	add_column(book, "grid", FIGURE_CELL_NAME);
	add_column(book, "counts", FIGURE_CELL_TEXT);
	add_column(book, "has_equipment", FIGURE_CELL_TEXT);
	add_column(book, "echoes", FIGURE_CELL_COUNT);
	add_column(book, "images", FIGURE_CELL_COUNT);
	add_column(book, "returned_reports", FIGURE_CELL_COUNT);
	add_column(book, "is_connected", FIGURE_CELL_TEXT);
	add_column(book, "is_served", FIGURE_CELL_TEXT);
	add_column(book, "is_regular", FIGURE_CELL_TEXT);
}

static bool write_coverage(struct book *book, struct err *err)
{
	struct coverage_query query = {book->scope->period.from, book->scope->period.to, NULL};
	json_t *coverage = NULL;
	const json_t *one;
	size_t i;

	coverage_columns(book);
	if (!coverage_read(book->db, &query, &coverage, err))
		return false;
	bool ok = begin(book, "coverage_rate", err);
	if (ok) {
		const json_t *community = find_community(coverage, figure_scope_community(book->scope));
		json_array_foreach(json_object_get(community, "site_list"), i, one) coverage_row(book, one);
	}
	json_decref(coverage);
	return ok;
}

/* ---- rows ----------------------------------------------------------------------------------------------------------------- */

static enum figure_cell cell_of(const struct db_rows *row, int column)
{
	const char *name = db_column_name(row, column);
	size_t length = strlen(name);

	if (strcmp(name, "seconds") == 0 || strcmp(name, "paused_s") == 0)
		return FIGURE_CELL_SECONDS;
	if (length > 3 && strcmp(name + length - 3, "_at") == 0)
		return FIGURE_CELL_TIME;
	if (strcmp(name, "confirm_by") == 0)
		return FIGURE_CELL_TIME;
	if (db_column_kind(row, column, NULL) == DB_INT)
		return FIGURE_CELL_COUNT;
	return strcmp(name, "site") == 0 || strcmp(name, "grid") == 0 || strcmp(name, "study") == 0 ? FIGURE_CELL_NAME
	                                                                                            : FIGURE_CELL_TEXT;
}

/* Names are told apart from codes by their column. */
static bool is_code(const char *name)
{
	return strcmp(name, "patient_class") == 0 || strcmp(name, "reading_mode") == 0;
}

static void row_cell(struct book *book, const struct db_rows *row, int column)
{
	const char *name = db_column_name(row, column), *text = db_get_text(row, 0, name);
	enum figure_cell cell = book->columns[column - 1].cell;

	if (cell == FIGURE_CELL_COUNT || cell == FIGURE_CELL_SECONDS)
		figure_sheet_number(book->sheet, text ? (double)db_get_int(row, 0, name) : NAN);
	else if (text && db_column_kind(row, column, NULL) == DB_BOOL)
		figure_sheet_text(book->sheet, word(book, db_get_bool(row, 0, name) ? "yes" : "no"));
	else
		figure_sheet_text(book->sheet, text && is_code(name) ? word(book, text) : text);
}

static bool each_row(void *context, const struct db_rows *row, struct err *err)
{
	struct book *book = context;

	if (!book->sheet) {
		for (int i = 1; i < db_rows_columns(row); i++)
			add_column(book, db_column_name(row, i), cell_of(row, i));
		if (!begin(book, book->query->rows.figure, err))
			return false;
	}
	if (book->rows++ >= ROWS_MAX)
		return true; /* it asked for one more than it shows */
	for (int i = 1; i < db_rows_columns(row); i++)
		row_cell(book, row, i);
	return true;
}

static bool write_rows(struct book *book, struct err *err)
{
	struct figure_rows_query query = book->query->rows;

	if (!query.figure)
		return err_set(err, ERR_INVALID, "figure is missing: rows are those of a figure");
	query.limit = ROWS_MAX;
	if (!figure_rows_stream(book->db, book->scope, &query, each_row, book, err))
		return false;
	if (!book->sheet) {
		add_column(book, "study", FIGURE_CELL_NAME);
		return begin(book, query.figure, err);
	}
	if (book->rows > ROWS_MAX)
		figure_sheet_text(book->sheet, word(book, "truncated"));
	return true;
}

/* ---- the book --------------------------------------------------------------------------------------------------------------- */

static bool write_figures(struct book *book, struct err *err)
{
	json_t *figures = NULL;
	bool ok;

	if (!figure_read(book->db, &book->query->rows.query, &figures, err))
		return false;
	if (strcmp(book->query->table, "sites") == 0)
		ok = write_sites(book, figures, err);
	else if (strcmp(book->query->table, "workload") == 0)
		ok = write_workload(book, figures, err);
	else
		ok = write_turnaround(book, figures, err);
	json_decref(figures);
	return ok;
}

static bool write_table(struct book *book, struct err *err)
{
	if (!figure_definitions(book->db, &book->definitions, err))
		return false;
	if (strcmp(book->query->table, "coverage") == 0)
		return write_coverage(book, err);
	return strcmp(book->query->table, "rows") == 0 ? write_rows(book, err) : write_figures(book, err);
}

static void name_file(const struct book *book, char *out, size_t size)
{
	char table[40];

	snprintf(table, sizeof table, "table_%s", book->query->table);
	snprintf(out, size, "%s %s %s_%s.xlsx", word(book, "product"), word(book, table), book->scope->period.from,
	         book->scope->period.to);
}

bool figure_book_write(struct db *db, const struct figure_book_query *query, struct figure_book *out, struct err *err)
{
	struct figure_scope scope = {0};
	struct book book = {.db = db, .query = query, .scope = &scope};
	bool ok = figure_scope_load(db, &query->rows.query, &scope, err) && write_table(&book, err);

	if (ok) {
		name_file(&book, out->name, sizeof out->name);
		ok = figure_sheet_finish(book.sheet, &out->fd, &out->size, err);
	} else {
		figure_sheet_free(book.sheet);
	}
	json_decref(book.definitions);
	figure_scope_fini(&scope);
	return ok;
}
