/*
 * That a program runs: its row in table program, renewed while it runs, with counters as JSON. What `yqctl status` shows.
 *
 * Does not need the ledger to start; a beat that fails is made up by the next one.
 * Threads: one at a time.
 */
#ifndef YQ_DOMAIN_PRESENCE_H
#define YQ_DOMAIN_PRESENCE_H

#include <stdbool.h>

#include "lib/base/err.h"

struct db_pool;
struct presence;

enum {
	PRESENCE_BEAT_MS = 10 * 1000
}; /* how often to call presence_beat(); a row three beats old is a program that died */

/* pool is borrowed until presence_end(). program: "yq-gateway". */
struct presence *presence_new(struct db_pool *pool, const char *program);
/* The id of this run, as in program.instance_id. Borrowed. */
const char *presence_id(const struct presence *presence);
/* detail: a JSON object or NULL. */
bool presence_beat(struct presence *presence, const char *detail, struct err *err);
/* Says, if the ledger is there, that it ended. NULL is fine. */
void presence_end(struct presence *presence);

#endif
