/*
 * Critical values (危急值), apart from the report and often before it: raised by a doctor, told to somebody, read back (复述) by a physician,
 * handled, closed. Closing without handling is impossible. Which step leads where is critical_value.def.
 *
 * A radiographer may take it for the physician; the clock stops at the physician, so that a read-back names one. Not read back within the setting
 * `critical_confirm` it is overdue: the router says so once, and again for each further contact that stays silent.
 *
 * Each function is one transaction of the person (row-level security), with event and audit record. Ids are public ids, borrowed.
 * Refusals: ERR_NOT_FOUND, ERR_REFUSED (no right at the site), ERR_CONFLICT (the state does not allow it), ERR_INVALID (empty or too long text).
 */
#ifndef YQ_DOMAIN_CRITICAL_VALUE_H
#define YQ_DOMAIN_CRITICAL_VALUE_H

#include <stdbool.h>

#include "lib/base/err.h"
#include "lib/base/text.h"

struct db;
struct db_pool;

enum { CRITICAL_VALUE_LINE_MAX = 300, CRITICAL_VALUE_TEXT_MAX = 2000 }; /* bytes, UTF-8 */

/* By reporter, reviewer or duty leader of the study's site. */
bool critical_value_raise(struct db_pool *pool, const char *person_id, const char *study_id, const char *item,
                          char out_id[TEXT_UUID_SIZE], struct err *err);
/* contact: whoever was told, as a person would say it. Again while nobody has read it back: the next contact (event escalate). */
bool critical_value_notify(struct db_pool *pool, const char *person_id, const char *id, const char *contact,
                           bool is_physician, struct err *err);
/* The words repeated, and by which physician. From raised: the physician is noted as told at the same time. */
bool critical_value_read_back(struct db_pool *pool, const char *person_id, const char *id, const char *words,
                              const char *physician, struct err *err);
bool critical_value_handle(struct db_pool *pool, const char *person_id, const char *id, const char *handling,
                           struct err *err);
bool critical_value_close(struct db_pool *pool, const char *person_id, const char *id, struct err *err);

/* For the router, inside its own transaction: event and audit record for at most `limit` that lapsed. *out_count: how many. */
bool critical_value_expire(struct db *db, int limit, int *out_count, struct err *err);

#endif
