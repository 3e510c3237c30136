/*
 * Keys of claims in the ledger (name_key.h), and the search for claims that may be of one person.
 *
 * A trigger notes every new claim; whoever wrote it calls name_index_own() before it commits, so that the patient is found at once. What nobody
 * did (claims of before, writers that did not call) the router does with name_index_more().
 */
#ifndef YQ_DOMAIN_NAME_INDEX_H
#define YQ_DOMAIN_NAME_INDEX_H

#include <stdbool.h>

#include "lib/base/err.h"

struct db;
struct db_pool;

/* Makes the keys of the claims that the caller's transaction wrote. One look at an index when it wrote none. */
bool name_index_own(struct db *db, struct err *err);

/* Makes the keys of at most max claims, the newest first. *out_count: of how many; 0: nothing is left that nobody else has at hand. */
bool name_index_more(struct db_pool *pool, int max, int *out_count, struct err *err);

/* Looks for candidates of at most max claims and opens a review for each pair that a person has to settle. *out_count: claims looked at. */
bool name_find_candidates(struct db_pool *pool, int max, int *out_count, struct err *err);

#endif
