/*
 * Is everything that was acknowledged where it belongs? What `yqctl wait --settled` asks, and `yqctl status` shows.
 */
#ifndef YQ_YQCTL_SETTLED_H
#define YQ_YQCTL_SETTLED_H

#include <jansson.h>
#include <stdbool.h>

#include "lib/base/err.h"

struct db;

/*
 * What is on its way by itself: {"journal": objects, "signals": n, "studies_receiving": n, ...}, all zero when settled, except
 * "deliveries_held_back", which waits for a person. The journal is
 * read before and behind the ledger, so that nothing is missed between the two. *out: json_decref().
 */
bool settled_read(struct db *db, bool count_waiting, json_t **out, bool *is_settled, struct err *err);

#endif
