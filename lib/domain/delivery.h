/*
 * Deliveries in the ledger: made for what was issued, taken by one worker at a time, settled by what the peer said. How bytes travel
 * is the router's business; what an outcome means is delivery_rule.h; requeueing by hand is delivery_hand.h.
 *
 * Each function is one transaction. A worker names itself by the id of its program (presence_id()); its claim is a lease in the row
 * that delivery_keep() renews. A row whose lease ran out belongs to whoever recovers it: then delivery_settle() of the old
 * worker gives ERR_CONFLICT and changes nothing.
 */
#ifndef YQ_DOMAIN_DELIVERY_H
#define YQ_DOMAIN_DELIVERY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/base/err.h"
#include "lib/base/text.h"
#include "lib/domain/delivery_outcome.h"
#include "lib/domain/delivery_rule.h"

struct db_pool;

struct delivery_item {
	char instance_id[TEXT_UUID_SIZE];
	char object_key[33];
	char sop_class_uid[TEXT_UID_SIZE], sop_instance_uid[TEXT_UID_SIZE], transfer_syntax_uid[TEXT_UID_SIZE];
	enum delivery_item_state state;
	bool is_missing; /* acknowledged, but the peer says that it does not hold it; state is pending then */
};

/* A claimed delivery. */
struct delivery_job {
	char id[TEXT_UUID_SIZE], site_id[TEXT_UUID_SIZE], destination_id[TEXT_UUID_SIZE], worker_id[TEXT_UUID_SIZE];
	enum delivery_state state; /* sending, or verifying */
	int rank, attempts;
	int failures, proof_rounds;  /* delivery_outcome.h */
	bool is_overdue;             /* beyond its deadline */
	struct delivery_item *items; /* item_count of them */
	size_t item_count;
};
/* Owned by the caller; NULL is fine. */
void delivery_job_free(struct delivery_job *job);

/*
 * One delivery per enabled destination of its site that wants reports, for each issued report version whose SR and Encapsulated
 * PDF are in. A destination gets what was issued since it was made, and what was never sent to anybody. Idempotent. since_ms: of reports that
 * were issued within that time, at most deadline_ms.
 */
bool delivery_create_due(struct db_pool *pool, int64_t deadline_ms, int64_t since_ms, int *out_count, struct err *err);

/* Calls each for every destination where something could start now, with how much of it at most. The cost does not grow with what waits. */
typedef void delivery_each_destination(void *context, const char *destination_id, int due);
bool delivery_destinations_due(struct db_pool *pool, delivery_each_destination *each, void *context, struct err *err);

/*
 * The next one that may start there: by rank, inside it one in verifying, else what has been due the longest: pending or waiting -> sending. *out is NULL when
 * there is none, or the destination is held, rests, is outside its hours (which an emergency ignores) or has no place left, whichever
 * router took it. worst_rank: nothing behind it. What is found beyond its deadline is given up. The cost does not grow with what waits.
 */
bool delivery_claim(struct db_pool *pool, const char *destination_id, const char *worker_id, int64_t lease_ms,
                    int worst_rank, struct delivery_job **out, struct err *err);

/* Renews the leases of a worker's deliveries. */
bool delivery_keep(struct db_pool *pool, const char *worker_id, const char *const *ids, size_t count, int64_t lease_ms,
                   struct err *err);

/*
 * The fate of one object. comment: the peer's words, cut to what the ledger takes. A ledger that loses its power right then may forget it; then the object is
 * sent again, or asked for. delivery_settle() is durable, with all of them.
 */
bool delivery_item_settle(struct db_pool *pool, const struct delivery_job *job, const struct delivery_item *item,
                          enum delivery_item_state state, int dimse_status, const char *comment, struct err *err);

/*
 * The end of a try, or of asking the peer: the delivery, its objects as the job has them, its destination's breaker. Delivered, a report leaves the
 * receipt "delivered". ERR_CONFLICT: somebody else has taken it over, or there is no such step.
 */
bool delivery_settle(struct db_pool *pool, const struct delivery_job *job, const struct delivery_outcome *outcome,
                     struct err *err);

/* Sending whose worker is gone -> verifying. *out_count: how many. */
bool delivery_recover(struct db_pool *pool, int *out_count, struct err *err);

/* Waiting or pending beyond the deadline -> dead, unless its destination is held. */
bool delivery_give_up(struct db_pool *pool, int *out_count, struct err *err);

#endif
