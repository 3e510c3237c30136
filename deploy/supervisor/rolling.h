/*
 * The programs anew, one after the other, while callers are served: for new settings and new builds.
 *
 *	1. the ledger is migrated (a program works with a ledger that is newer than itself)
 *	2. a second yq-storescp starts with the same listening socket; when it is ready, the first one is asked to end. That one accepts nobody any
 *	   more, finishes what it has at hand, and ends while the second one already works
 *	3. router and gateway are ended and started, one after the other
 *
 * Where a step fails it stops: what has not been touched goes on, a new yq-storescp that does not become ready is ended and the old one
 * stays. The supervisor itself and the ledger's server are not restarted.
 */
#ifndef YQ_SUPERVISOR_ROLLING_H
#define YQ_SUPERVISOR_ROLLING_H

/* The outcome goes to the log and to the file run/restarted: "done", or "failed: " and the reason. */
void rolling_restart(void);

#endif
