/* What delivery.c and delivery_settle.c share. For others: delivery.h. */
#ifndef YQ_DOMAIN_DELIVERY_SETTLE_H
#define YQ_DOMAIN_DELIVERY_SETTLE_H

#include <stdbool.h>

#include "lib/base/err.h"

struct db;
struct delivery_job;

/* The traces of a change, the last thing that its transaction does: event and log; finals are audited, tries are not, delivery_attempt has them. */
bool delivery_record(struct db *db, const char *delivery_id, const char *site_id, const char *state, bool is_audited,
                     struct err *err);

/* In sending, of a worker that fell silent -> verifying. In the caller's transaction. */
bool delivery_lose(struct db *db, const struct delivery_job *job, struct err *err);

#endif
