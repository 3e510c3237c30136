#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/db/internal.h"

/* The literal of a text[]: {"a","b \"quoted\"",NULL}. Everything is quoted, so only quote and backslash need care. */
static char *array_literal(const char *const *items, size_t count)
{
	size_t size = 3, i;
	char *out, *to;
	const char *from;

	for (i = 0; i < count; i++)
		size += items[i] ? 2 * strlen(items[i]) + 3 : 5;
	out = malloc(size);
	if (!out)
		err_panic("out of memory, wanted=%zu", size);
	to = out;
	*to++ = '{';
	for (i = 0; i < count; i++) {
		if (i)
			*to++ = ',';
		if (!items[i]) {
			to = mempcpy(to, "NULL", 4);
			continue;
		}
		*to++ = '"';
		for (from = items[i]; *from; from++) {
			if (*from == '"' || *from == '\\')
				*to++ = '\\';
			*to++ = *from;
		}
		*to++ = '"';
	}
	*to++ = '}';
	*to = '\0';
	return out;
}

static char *number_text(int64_t number)
{
	char text[24];
	char *copy;

	snprintf(text, sizeof(text), "%lld", (long long)number);
	copy = strdup(text);
	if (!copy)
		err_panic("out of memory");
	return copy;
}

static char *time_text(int64_t wall_us)
{
	char *text = malloc(DB_TIME_TEXT_MAX);

	if (!text)
		err_panic("out of memory");
	db_print_time(wall_us, text);
	return text;
}

static void set_param(struct db_wire *wire, int i, const struct db_param *param)
{
	switch (param->kind) {
	case DB_NULL:
		return;
	case DB_TEXT:
		wire->values[i] = param->text;
		return;
	case DB_BOOL:
		wire->values[i] = param->number ? "true" : "false";
		return;
	case DB_INT:
		wire->owned[i] = number_text(param->number);
		break;
	case DB_TIME:
		wire->owned[i] = time_text(param->number);
		break;
	case DB_TEXT_ARRAY:
		wire->owned[i] = array_literal(param->items, param->length);
		break;
	case DB_BYTES:
		wire->values[i] = param->bytes;
		wire->lengths[i] = (int)param->length;
		wire->formats[i] = 1;
		return;
	}
	wire->values[i] = wire->owned[i];
}

bool db_wire_init(struct db_wire *wire, const struct db_param *params, size_t count, struct err *err)
{
	size_t i;

	memset(wire, 0, sizeof(*wire));
	if (count > DB_PARAMS_MAX)
		err_panic("%zu parameters are too many for one statement", count);
	for (i = 0; i < count; i++)
		if (params[i].kind == DB_BYTES && params[i].length > INT_MAX)
			return err_set(err, ERR_INVALID, "cannot send %zu bytes to the ledger in one value",
			               params[i].length);
	for (i = 0; i < count; i++)
		set_param(wire, (int)i, &params[i]);
	wire->count = (int)count;
	return true;
}

void db_wire_fini(struct db_wire *wire)
{
	int i;

	for (i = 0; i < wire->count; i++)
		free(wire->owned[i]);
	wire->count = 0;
}
