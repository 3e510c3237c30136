/*
 * Studies that go to destinations of images: by a rule, by hand, and again with what came later. Only received objects go; what we made of them (reports) has
 * ways of its own, and nothing goes back to the device that it came from.
 */
#ifndef YQ_DOMAIN_DELIVERY_FORWARD_H
#define YQ_DOMAIN_DELIVERY_FORWARD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/base/err.h"

struct db;

/*
 * Study (its current version) to each of these destinations, unless it is there or on its way already; what an earlier version's delivery confirmed is not
 * sent again. rank: 0 急诊, 1 加急, 2 门诊/住院, 3 体检. In the caller's transaction, with event and audit. rule_id: who says so, 0: by hand.
 */
bool delivery_forward_study(struct db *db, const char *study_id, const char *const *destination_ids, size_t count,
                            int rank, int64_t rule_id, struct err *err);

/* A study that is complete again goes with what came later to where it went before. In the caller's transaction; idempotent. */
bool delivery_forward_late(struct db *db, const char *study_id, struct err *err);

#endif
