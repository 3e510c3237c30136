/*
 * Storage commitments that we ask of destinations, in the ledger: the router asks, and whoever hears the answer (the router on the same
 * association, the receiver on one that the peer opens) writes it down. What an answer means for the delivery is the router's.
 */
#ifndef YQ_DOMAIN_DELIVERY_COMMITMENT_H
#define YQ_DOMAIN_DELIVERY_COMMITMENT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/base/err.h"
#include "lib/base/text.h"
#include "lib/dicom/normalized.h"

struct db_pool;
struct delivery_job;

enum delivery_commitment_state {
	DELIVERY_COMMITMENT_NONE, /* nothing was asked since something was sent last */
	DELIVERY_COMMITMENT_OPEN,
	DELIVERY_COMMITMENT_ANSWERED
};
struct delivery_commitment {
	enum delivery_commitment_state state;
	char transaction_uid[TEXT_UID_SIZE];
	int64_t age_ms; /* since it was asked */
};

bool delivery_commitment_latest(struct db_pool *pool, const char *delivery_id, struct delivery_commitment *out,
                                struct err *err);
/* Durable on return, so before the peer hears of it. */
bool delivery_commitment_ask(struct db_pool *pool, const char *delivery_id, const char *transaction_uid,
                             const char *our_ae, const char *peer_ae, struct err *err);
/* The first answer to a transaction counts. ERR_NOT_FOUND: this peer was never asked so. */
bool delivery_commitment_answer(struct db_pool *pool, const char *peer_ae, const struct dicom_commitment_told *told,
                                struct err *err);
/* Which items the peer said that it holds; is_held has job->item_count places. *out_held: how many. */
bool delivery_commitment_read(struct db_pool *pool, const char *transaction_uid, const struct delivery_job *job,
                              bool *is_held, size_t *out_held, struct err *err);
/* Whether an answer is awaited from this caller. */
bool delivery_commitment_awaited(struct db_pool *pool, const char *peer_ae, const char *our_ae, bool *out,
                                 struct err *err);

/* Calls each for every object of a delivery, those of one series one after the other. Texts are borrowed. */
typedef bool delivery_each_place(void *context, const char *sop_instance_uid, const char *study_uid,
                                 const char *series_uid);
bool delivery_places(struct db_pool *pool, const char *delivery_id, delivery_each_place *each, void *context,
                     struct err *err);

#endif
