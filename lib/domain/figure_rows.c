#include "lib/domain/figure_rows.h"

#include <string.h>

#include "lib/base/text.h"

/* Figures that are not about studies have statements of their own. */
static enum db_statement statement_of(const char *figure)
{
	if (strncmp(figure, "critical_", 9) == 0)
		return STMT_FIGURE_ROWS_CRITICAL;
	return strcmp(figure, "coverage_rate") == 0 ? STMT_FIGURE_ROWS_COVERAGE : STMT_FIGURE_ROWS;
}

static json_t *cell_json(const struct db_rows *rows, int row, int column)
{
	const char *name = db_column_name(rows, column);

	if (db_is_null(rows, row, name))
		return json_null();
	switch (db_column_kind(rows, column, NULL)) {
	case DB_INT:
		return json_integer(db_get_int(rows, row, name));
	case DB_BOOL:
		return json_boolean(db_get_bool(rows, row, name));
	default:
		return json_string(db_get_text(rows, row, name));
	}
}

static json_t *row_json(const struct db_rows *rows, int row)
{
	json_t *list = json_array();

	for (int i = 1; i < db_rows_columns(rows); i++)
		json_array_append_new(list, cell_json(rows, row, i));
	return list;
}

static json_t *page_json(const struct db_rows *rows, int limit)
{
	int count = db_rows_count(rows), shown = count < limit ? count : limit;
	json_t *columns = json_array(), *list = json_array();

	for (int i = 1; i < db_rows_columns(rows); i++)
		json_array_append_new(columns, json_string(db_column_name(rows, i)));
	for (int i = 0; i < shown; i++)
		json_array_append_new(list, row_json(rows, i));
	return json_pack("{so so ss?}", "columns", columns, "rows", list, "next",
	                 count > limit ? db_get_text(rows, shown - 1, "id") : NULL);
}

static bool check_figure(struct db *db, const char *figure, struct err *err)
{
	struct db_rows *rows = NULL;

	if (strlen(figure) >= 64 || !text_is_utf8(figure, strlen(figure)))
		return err_set(err, ERR_NOT_FOUND, "there is no such figure");
	if (!db_exec_one(db, STMT_FIGURE_FIND, DB_PARAMS(db_text(figure)), "figure", &rows, err))
		return false;
	db_rows_free(rows);
	return true;
}

#define ROWS_PARAMS(scope, query)                                                                                      \
	DB_PARAMS(db_text(figure_scope_community(scope)), db_text((scope)->period.from), db_text((scope)->period.to),  \
	          figure_scope_modes(scope), db_text((query)->figure), db_text((query)->site),                         \
	          db_text((query)->after), db_int((query)->limit + 1))

bool figure_rows_stream(struct db *db, const struct figure_scope *scope, const struct figure_rows_query *query,
                        db_each_row *each, void *context, struct err *err)
{
	return check_figure(db, query->figure, err) &&
	       db_stream(db, statement_of(query->figure), ROWS_PARAMS(scope, query), each, context, err);
}

bool figure_rows_read(struct db *db, const struct figure_rows_query *query, json_t **out, struct err *err)
{
	struct figure_scope scope = {0};
	struct db_rows *rows = NULL;
	bool ok = check_figure(db, query->figure, err) && figure_scope_load(db, &query->query, &scope, err) &&
	          db_exec(db, statement_of(query->figure), ROWS_PARAMS(&scope, query), &rows, err);

	if (ok)
		*out = page_json(rows, query->limit);
	db_rows_free(rows);
	figure_scope_fini(&scope);
	return ok;
}
