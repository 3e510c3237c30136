/*
 * yq-router: decides where studies go and gets reports to where they belong. Everything that it knows is in the ledger, so that any
 * number of routers may run and each may die at any point; what is here is only who works on what just now.
 */
#ifndef YQ_ROUTER_ROUTER_H
#define YQ_ROUTER_ROUTER_H

#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>

#include "lib/base/err.h"

struct db_pool;
struct store;
struct presence;
struct delivery_job;
struct dispatch;
struct lane;
struct reporters;

struct router {
	struct db_pool *pool;
	struct store *store;
	struct presence *presence; /* touched by the keeper's thread alone, except for its id */
	struct dispatch *dispatch;
	struct reporters *reporters;
	int64_t lease_ms;    /* of deliveries under way */
	bool has_more_names; /* the last round left some to the next */
};

/* ---- rounds.c: what the main thread does, again and again ------------------------------------------------------------------ */

/* One look at everything that may be due. Faults are logged where they are handled. Returns how long nothing will be due, at most poll_interval. */
int64_t router_round(struct router *router);

/* ---- names.c: what patients are found by, who may be one person ------------------------------------------------------------ */

/* Some claims of those that wait, newest first; sets has_more_names. */
bool names_round(struct router *router, struct err *err);

/* ---- dispatch.c: threads that send ------------------------------------------------------------------------------------------- */

struct dispatch *dispatch_new(struct router *router);
/* Starts workers for destinations where something could start, as many as there are places. */
bool dispatch_scan(struct dispatch *dispatch, struct err *err);
/* Renews what the workers hold, now. For the keeper. */
bool dispatch_keep(struct dispatch *dispatch, struct err *err);
int dispatch_running(struct dispatch *dispatch);
/* Waits for the workers at most wait_ms. True: all ended, and the dispatch is gone; false: some still hang in a peer. */
bool dispatch_stop(struct dispatch *dispatch, int64_t wait_ms);

/* ---- doubts.c: a thread that compares conflicts (conflict.h) ------------------------------------------------------------------ */

void doubts_prepare(void); /* before the thread is there */
/* context is the router. Ends when the program stops, after the comparison at hand. */
void *doubts_run(void *context);
/* False: it still compares after wait_ms; its lease brings the conflict to the next router. */
bool doubts_join(pthread_t thread, int64_t wait_ms);

/* ---- send.c: one delivery --------------------------------------------------------------------------------------------------- */

/* Sends a claimed delivery, or asks its peer what it holds, and settles it. Logs the outcome. */
void send_job(struct router *router, struct delivery_job *job, struct lane *lane);

/* ---- commitments.c: storage commitment reports on associations of our own ---------------------------------------------------- */

struct reporters *reporters_new(struct router *router);
/* There may be something to report. */
void reporters_wake(struct reporters *reporters);
/* Waits for those under way at most wait_ms. True: all ended, and the reporters are gone; false: some still hang in a peer. */
bool reporters_stop(struct reporters *reporters, int64_t wait_ms);

#endif
