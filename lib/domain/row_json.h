/* A row of the ledger as a JSON object, column by column: for lists and states whose shape is that of their statement. */
#ifndef YQ_DOMAIN_ROW_JSON_H
#define YQ_DOMAIN_ROW_JSON_H

#include <jansson.h>

struct db_rows;

/* One member a column, in order: numbers, booleans, JSON, RFC 3339 times, hexadecimal, text, or null. A new object. */
json_t *row_json(const struct db_rows *rows, int row);

#endif
