/*
 * The handlers that the table in commands.c names. One file a group of commands.
 */
#ifndef YQ_YQCTL_HANDLERS_H
#define YQ_YQCTL_HANDLERS_H

#include <stdbool.h>

#include "lib/base/err.h"

struct invocation;

bool run_migrate(struct invocation *in, struct err *err);

#endif
