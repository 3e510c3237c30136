#include "gateway/yqctl/list.h"

#include <string.h>

#include "lib/domain/row_json.h"

struct list {
	struct table table;
	bool is_json, has_rows;
};

static bool take_row(void *context, const struct db_rows *row, struct err *err)
{
	struct list *list = context;
	json_t *object;
	int failed;

	if (!list->is_json) {
		table_add(&list->table, row, 0);
		return true;
	}
	object = row_json(row, 0);
	fputs(list->has_rows ? ",\n" : "\n", stdout);
	list->has_rows = true;
	failed = json_dumpf(object, stdout, JSON_COMPACT);
	json_decref(object);
	if (failed)
		return err_set(err, ERR_TEMPORARY, "could not write the output");
	return true;
}

bool list_run(struct invocation *in, enum db_statement statement, const struct db_param *params, size_t count,
              const struct column *columns, struct err *err)
{
	struct list list = {.is_json = option_given(in, "json")};
	bool ok;

	if (list.is_json)
		fputc('[', stdout);
	else
		table_init(&list.table, stdout, columns);
	ok = db_stream(in->db, statement, params, count, take_row, &list, err);
	/* An array that broke off stays open: a reader must not take a part for the whole. */
	if (!list.is_json)
		table_end(&list.table);
	else if (ok)
		fputs(list.has_rows ? "\n]\n" : "]\n", stdout);
	return ok;
}
