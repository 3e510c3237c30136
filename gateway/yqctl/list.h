/*
 * A list of the ledger, row by row: a text table, or a JSON array with --json. Any length in constant memory.
 */
#ifndef YQ_YQCTL_LIST_H
#define YQ_YQCTL_LIST_H

#include "gateway/yqctl/command.h"
#include "gateway/yqctl/output.h"
#include "lib/db/db.h"

/* The text table shows `columns`, JSON has every column of the statement. */
bool list_run(struct invocation *in, enum db_statement statement, const struct db_param *params, size_t count,
              const struct column *columns, struct err *err);

#endif
