/* Files without a name in $YQ_HOME/tmp: whatever ends us takes them along. */
#ifndef YQ_BASE_TEMPORARY_H
#define YQ_BASE_TEMPORARY_H

#include <stdbool.h>
#include <stdint.h>

#include "lib/base/err.h"

/*
 * An empty file for reading and writing, the caller's to close. *out_most: how long it may become: half of what is free, since many may do this at once
 * and what is received goes first.
 */
bool temporary_open(int *out_fd, uint64_t *out_most, struct err *err);

#endif
