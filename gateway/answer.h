/* Rows as JSON. Statements of the API make their JSON themselves (column "json"), so that a shape is in one place. */
#ifndef YQ_GATEWAY_ANSWER_H
#define YQ_GATEWAY_ANSWER_H

#include "lib/db/db.h"
#include "lib/http/http.h"

/* The JSON of one row. Panics when the ledger gives something else: then a statement is wrong. */
json_t *answer_row(const struct db_rows *rows, int row);

/*
 * {"<name>": [...], "next": "id"|null}: at most limit rows, of which one more was asked; next is the column "id" of the last row
 * when there are more. Takes nothing, gives a new object.
 */
json_t *answer_page(const struct db_rows *rows, const char *name, int limit);

/* {"<name>": [...]} of all rows. Gives a new object. */
json_t *answer_list(const struct db_rows *rows, const char *name);

/* {"ok": true} with 200, for acts without a result. */
bool answer_done(struct http_request *request, struct err *err);

#endif
