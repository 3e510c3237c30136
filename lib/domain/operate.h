/*
 * What an operator does at the pages: 暂停发送, 恢复发送, deliveries driven again or cancelled. Each is one transaction with its event and
 * audit record. The commands of yqctl do the same as the operator of the machine (destination.h, delivery_hand.h).
 *
 * The person needs the role operator at the site of the destination: ERR_REFUSED where rights of another kind reach it, ERR_NOT_FOUND
 * where none do.
 */
#ifndef YQ_DOMAIN_OPERATE_H
#define YQ_DOMAIN_OPERATE_H

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

#include "lib/base/err.h"
#include "lib/base/text.h"

struct db_pool;

/* reason: 1 to 500 characters, without names of patients; NULL releases. Idempotent. ERR_INVALID: the reason. */
bool operate_hold(struct db_pool *pool, const char *person_id, const char *destination_id, const char *reason,
                  struct err *err);

/*
 * What was refused or has died at a destination is due again, with a new deadline; *out_count: how many, at most DELIVERY_REQUEUE_MAX a call. What waits there
 * is due now, and a destination that rests is tried at once.
 */
bool operate_retry_all(struct db_pool *pool, const char *person_id, const char *destination_id, int64_t deadline_ms,
                       int *out_count, struct err *err);

/* One of them, or one that waits. ERR_CONFLICT: it is in another state. */
bool operate_retry(struct db_pool *pool, const char *person_id, const char *delivery_id, int64_t deadline_ms,
                   struct err *err);
/* ERR_CONFLICT: it is delivered, or cancelled already. */
bool operate_cancel(struct db_pool *pool, const char *person_id, const char *delivery_id, struct err *err);
/* {"done": n, "left": [{"id","detail"}]}: those that could not be, with the reason, do not keep the others from it. A new object. */
bool operate_retry_many(struct db_pool *pool, const char *person_id, const char *const *ids, size_t count,
                        int64_t deadline_ms, json_t **out, struct err *err);
bool operate_cancel_many(struct db_pool *pool, const char *person_id, const char *const *ids, size_t count,
                         json_t **out, struct err *err);

/* As destination_create(), destination_edit(), destination_remove(). */
bool operate_destination_create(struct db_pool *pool, const char *person_id, const char *site_id, const json_t *given,
                                char out_id[TEXT_UUID_SIZE], struct err *err);
bool operate_destination_edit(struct db_pool *pool, const char *person_id, const char *destination_id,
                              const json_t *given, struct err *err);
bool operate_destination_remove(struct db_pool *pool, const char *person_id, const char *destination_id,
                                struct err *err);

#endif
