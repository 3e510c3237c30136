#include <stdlib.h>
#include <string.h>

#include "lib/base/clock.h"
#include "lib/db/internal.h"

/* Type numbers of pg_type; they are part of PostgreSQL's protocol and never change. */
enum {
	TYPE_BOOL = 16,
	TYPE_BYTEA = 17,
	TYPE_INT8 = 20,
	TYPE_INT2 = 21,
	TYPE_INT4 = 23,
	TYPE_OID = 26,
	TYPE_JSON = 114,
	TYPE_TIMESTAMPTZ = 1184,
	TYPE_JSONB = 3802
};

struct db_rows *db_rows_new(PGresult *result)
{
	struct db_rows *rows = calloc(1, sizeof(*rows));

	if (!rows)
		err_panic("out of memory");
	rows->result = result;
	return rows;
}

void db_rows_free(struct db_rows *rows)
{
	int i, cells;

	if (!rows)
		return;
	if (rows->times) {
		cells = PQntuples(rows->result) * PQnfields(rows->result);
		for (i = 0; i < cells; i++)
			free(rows->times[i]);
		free(rows->times);
	}
	PQclear(rows->result);
	free(rows);
}

int db_rows_count(const struct db_rows *rows)
{
	return PQntuples(rows->result);
}

int64_t db_rows_affected(const struct db_rows *rows)
{
	return strtoll(PQcmdTuples(rows->result), NULL, 10);
}

int db_rows_columns(const struct db_rows *rows)
{
	return PQnfields(rows->result);
}

const char *db_column_name(const struct db_rows *rows, int column)
{
	return PQfname(rows->result, column);
}

enum db_kind db_column_kind(const struct db_rows *rows, int column, bool *is_json)
{
	Oid type = PQftype(rows->result, column);

	if (is_json)
		*is_json = type == TYPE_JSON || type == TYPE_JSONB;
	switch (type) {
	case TYPE_INT2:
	case TYPE_INT4:
	case TYPE_INT8:
	case TYPE_OID:
		return DB_INT;
	case TYPE_BOOL:
		return DB_BOOL;
	case TYPE_BYTEA:
		return DB_BYTES;
	case TYPE_TIMESTAMPTZ:
		return DB_TIME;
	default:
		return DB_TEXT;
	}
}

/* The raw text, NULL for SQL NULL. A wrong name or row is a bug of the caller. */
static const char *find_cell(const struct db_rows *rows, int row, const char *column, int *out_column)
{
	*out_column = PQfnumber(rows->result, column);
	if (*out_column < 0)
		err_panic("the result has no column %s", column);
	if (row < 0 || row >= PQntuples(rows->result))
		err_panic("the result has no row %d", row);
	return PQgetisnull(rows->result, row, *out_column) ? NULL : PQgetvalue(rows->result, row, *out_column);
}

/* PostgreSQL writes a blank where RFC 3339 wants a T, and the offset without minutes: printed anew, kept with the rows. */
static const char *time_text(const struct db_rows *rows, int row, int column, const char *raw)
{
	struct db_rows *cache = (struct db_rows *)rows;
	size_t columns = (size_t)PQnfields(rows->result);
	size_t cell = (size_t)row * columns + (size_t)column;
	int64_t wall_us;

	if (!cache->times)
		cache->times = calloc((size_t)PQntuples(rows->result) * columns, sizeof(char *));
	if (!cache->times)
		err_panic("out of memory");
	if (cache->times[cell])
		return cache->times[cell];
	if (!db_parse_time(raw, &wall_us) || wall_us == INT64_MAX || wall_us == INT64_MIN)
		return raw;
	cache->times[cell] = malloc(CLOCK_TEXT_MAX);
	if (!cache->times[cell])
		err_panic("out of memory");
	clock_format(wall_us, cache->times[cell]);
	return cache->times[cell];
}

const char *db_get_text(const struct db_rows *rows, int row, const char *column)
{
	int number;
	const char *raw = find_cell(rows, row, column, &number);
	Oid type = PQftype(rows->result, number);

	if (!raw)
		return NULL;
	if (type == TYPE_TIMESTAMPTZ)
		return time_text(rows, row, number, raw);
	if (type == TYPE_BYTEA && strncmp(raw, "\\x", 2) == 0)
		return raw + 2;
	return raw;
}

int64_t db_get_int(const struct db_rows *rows, int row, const char *column)
{
	int number;
	const char *raw = find_cell(rows, row, column, &number);

	return raw ? strtoll(raw, NULL, 10) : 0;
}

bool db_get_bool(const struct db_rows *rows, int row, const char *column)
{
	int number;
	const char *raw = find_cell(rows, row, column, &number);

	return raw && *raw == 't';
}

int64_t db_get_time(const struct db_rows *rows, int row, const char *column)
{
	int number;
	const char *raw = find_cell(rows, row, column, &number);
	int64_t wall_us = 0;

	if (raw && !db_parse_time(raw, &wall_us))
		err_panic("column %s is no timestamptz", column);
	return wall_us;
}

bool db_is_null(const struct db_rows *rows, int row, const char *column)
{
	int number;

	return find_cell(rows, row, column, &number) == NULL;
}

void db_get_bytes(const struct db_rows *rows, int row, const char *column, uint8_t **out, size_t *out_length)
{
	int number;
	const char *raw = find_cell(rows, row, column, &number);
	size_t length;

	*out = NULL;
	*out_length = 0;
	if (!raw)
		return;
	if (strncmp(raw, "\\x", 2) != 0)
		err_panic("column %s is no bytea", column);
	length = strlen(raw + 2) / 2;
	*out = malloc(length + 1);
	if (!*out)
		err_panic("out of memory");
	if (!text_unhex(raw + 2, *out, length))
		err_panic("column %s is no bytea", column);
	(*out)[length] = '\0';
	*out_length = length;
}
