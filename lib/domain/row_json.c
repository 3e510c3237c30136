#include "lib/domain/row_json.h"

#include "lib/db/db.h"

static json_t *value_json(const struct db_rows *rows, int row, int column)
{
	const char *name = db_column_name(rows, column);
	bool is_json = false;
	enum db_kind kind = db_column_kind(rows, column, &is_json);
	const char *text = db_get_text(rows, row, name);

	if (!text)
		return json_null();
	if (is_json)
		return json_loads(text, JSON_DECODE_ANY, NULL);
	if (kind == DB_INT)
		return json_integer(db_get_int(rows, row, name));
	if (kind == DB_BOOL)
		return json_boolean(db_get_bool(rows, row, name));
	return json_string(text);
}

json_t *row_json(const struct db_rows *rows, int row)
{
	json_t *object = json_object();
	int column;

	for (column = 0; column < db_rows_columns(rows); column++)
		if (json_object_set_new(object, db_column_name(rows, column), value_json(rows, row, column)) != 0)
			err_panic("cannot make JSON of column %s", db_column_name(rows, column));
	return object;
}
