/* A row of the ledger as a JSON object, column by column: for lists and states whose shape is that of their statement. */
#ifndef YQ_DOMAIN_ROW_JSON_H
#define YQ_DOMAIN_ROW_JSON_H

#include <jansson.h>

struct db_rows;

/* Numbers, truth values and JSON as themselves, everything else as text, NULL as null. A new object. */
json_t *row_json(const struct db_rows *rows, int row);

#endif
