/* Receipts (回执): facts about an issued report, noted and never changed. Delivered and opened are noted where they happen. */
#ifndef YQ_DOMAIN_RECEIPT_H
#define YQ_DOMAIN_RECEIPT_H

#include <stdbool.h>
#include <stdint.h>

#include "lib/base/err.h"

struct db_pool;

/*
 * The person printed a report version, at the own seat. *out_count: how often it was printed, this time included. ERR_NOT_FOUND;
 * ERR_CONFLICT: it is not issued.
 */
bool receipt_print(struct db_pool *pool, const char *person_id, const char *report_id, int64_t *out_count,
                   struct err *err);

#endif
