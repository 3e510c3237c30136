#include "gateway/answer.h"

json_t *answer_row(const struct db_rows *rows, int row)
{
	json_error_t fault;
	json_t *json = json_loads(db_get_text(rows, row, "json"), JSON_DECODE_ANY, &fault);
	if (json == NULL)
		err_panic("a statement gave no JSON: %s", fault.text);
	return json;
}

json_t *answer_page(const struct db_rows *rows, const char *name, int limit)
{
	int count = db_rows_count(rows), shown = count < limit ? count : limit;
	json_t *list = json_array();
	for (int i = 0; i < shown; i++)
		json_array_append_new(list, answer_row(rows, i));
	const char *next = count > limit ? db_get_text(rows, shown - 1, "id") : NULL;
	json_t *page = json_pack("{s:o, s:s?}", name, list, "next", next);
	if (page == NULL)
		err_panic("could not write JSON");
	return page;
}

json_t *answer_list(const struct db_rows *rows, const char *name)
{
	json_t *list = json_array();
	for (int i = 0; i < db_rows_count(rows); i++)
		json_array_append_new(list, answer_row(rows, i));
	json_t *object = json_pack("{s:o}", name, list);
	if (object == NULL)
		err_panic("could not write JSON");
	return object;
}

bool answer_done(struct http_request *request, struct err *err)
{
	return http_reply_json(request, 200, json_pack("{s:b}", "ok", 1), err);
}
