/*
 * What an operator does at the pages: 暂停发送, 恢复发送, deliveries driven again or cancelled. Each is one transaction with its event and
 * audit record. The commands of yqctl do the same as the operator of the machine (destination.h, delivery_hand.h).
 *
 * The person needs the role operator at the site of the destination: ERR_REFUSED where rights of another kind reach it, ERR_NOT_FOUND
 * where none do.
 */
#ifndef YQ_DOMAIN_OPERATE_H
#define YQ_DOMAIN_OPERATE_H

#include <stdbool.h>
#include <stdint.h>

#include "lib/base/err.h"

struct db_pool;

/* reason: 1 to 500 characters, without names of patients; NULL releases. Idempotent. ERR_INVALID: the reason. */
bool operate_hold(struct db_pool *pool, const char *person_id, const char *destination_id, const char *reason,
                  struct err *err);

/* What was refused or has died at a destination is due again; *out_count: how many, at most DELIVERY_REQUEUE_MAX a call. */
bool operate_retry_all(struct db_pool *pool, const char *person_id, const char *destination_id, int64_t deadline_ms,
                       int *out_count, struct err *err);

/* One of them. ERR_CONFLICT: it is in another state. */
bool operate_retry(struct db_pool *pool, const char *person_id, const char *delivery_id, int64_t deadline_ms,
                   struct err *err);
/* ERR_CONFLICT: it is delivered, or cancelled already. */
bool operate_cancel(struct db_pool *pool, const char *person_id, const char *delivery_id, struct err *err);

#endif
