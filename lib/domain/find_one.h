/* The one thing that an operator means by an id or a name. */
#ifndef YQ_DOMAIN_FIND_ONE_H
#define YQ_DOMAIN_FIND_ONE_H

#include "lib/base/text.h"
#include "lib/db/db.h"

/*
 * statement takes the text and gives a row with "id" for each that fits. what is its word in the texts and in `yqctl WHAT list`.
 * ERR_NOT_FOUND: none; ERR_INVALID: several.
 */
bool find_one(struct db *db, enum db_statement statement, const char *what, const char *id_or_name,
              char out_id[TEXT_UUID_SIZE], struct err *err);

#endif
