/*
 * 图像冲突: the same SOP Instance UID with other bytes (conflict.def has the states). The router compares in the background; what is equal after
 * decoding is settled by itself, everything else waits for a person. Bytes are never changed or deleted: a decision says which of them
 * the image answers with.
 *
 * A study whose image answers with other bytes is told as of a late image: it is reopened, its version rises, an open report must confirm,
 * the readers of the task are told (study.h).
 */
#ifndef YQ_DOMAIN_CONFLICT_H
#define YQ_DOMAIN_CONFLICT_H

#include "lib/domain/machines.h"
#include "lib/store/store.h"

struct db;
struct db_pool;
struct db_rows;

/* ---- for the router ------------------------------------------------------------------------------------------------ */

struct conflict_limits {
	uint64_t bytes_max; /* of an object, and of its decoded pixels; beyond it: different */
	int64_t time_ms;    /* of one comparison; beyond it: different */
	int64_t lease_ms;   /* then another router may try; more than time_ms and the decoding of one frame */
};
enum { CONFLICT_TRIES_MAX = 3 }; /* a comparison that ended its program so often is not tried again: different */

/*
 * Compares one conflict that nobody compares, and records what came of it. *out_any: there was one. Idempotent: after a crash the lease runs
 * out, and it is compared again.
 */
bool conflict_compare_next(struct db_pool *pool, struct store *store, const struct conflict_limits *limits,
                           bool *out_any, struct err *err);

/* ---- a person's decision -------------------------------------------------------------------------------------------- */

/*
 * keep, replace or undo, in one transaction with history, event and audit. person_id NULL: the operator's command. reason: 1 to 500 characters.
 * ERR_NOT_FOUND for these eyes; ERR_REFUSED without the right; ERR_CONFLICT: the state does not allow it, somebody was first, or the other
 * bytes are of another study, series, person or SOP class (then they can be kept as an image of their own: redrive.h).
 */
bool conflict_decide(struct db_pool *pool, struct store *store, const char *person_id, const char *conflict_id,
                     enum conflict_event event, const char *reason, enum conflict_state *out, struct err *err);

/* What conflict_decide() leaves behind, in the caller's transaction. rows: site, study and state of a conflict_decide() in SQL. */
bool conflict_record(struct db *db, const char *person_id, const char *conflict_id, enum conflict_event event,
                     const struct db_rows *rows, struct err *err);

#endif
