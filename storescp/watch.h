/*
 * Watches what this host has: the room of store and journal, and what was acknowledged and is still only here. Changes of the room go to log and
 * audit, the rest to the ledger's table of hosts. Owned by main(), used by its keeper thread alone.
 */
#ifndef YQ_STORESCP_WATCH_H
#define YQ_STORESCP_WATCH_H

#include <stdbool.h>

struct audit;
struct db_pool;
struct store;
struct watch;

/* Everything is borrowed until watch_free(). */
struct watch *watch_new(struct store *store, struct db_pool *pool, struct audit *audit);
void watch_free(struct watch *watch);

/* Looks at the room, at no cost. True: its state changed, which is worth a report now. Needs no ledger. */
bool watch_room(struct watch *watch);
/*
 * Looks at everything, and tells the ledger unless that is away. has_ended: for the last time. True: somebody waits for what was
 * acknowledged just before to be in the ledger; another look soon is worth it.
 */
bool watch_report(struct watch *watch, bool ledger_is_there, bool has_ended);

#endif
