/*
 * The private, migrated ledger under test (tests/support/with-ledger), seen through libpq alone: what a test does behind the back of
 * the library. Every function fails the test when something is wrong.
 */
#ifndef TESTS_DB_LEDGER_H
#define TESTS_DB_LEDGER_H

#include <libpq-fe.h>

#include "lib/db/db.h"

/*
 * The .init of every suite here. Tests that are run at once (-j2) wait here for one another: what is due, every grid, the whole ledger
 * is what many of them look at.
 */
void ledger_setup(void);
/* Points the library at "<the ledger> <more>" from here on, e.g. "options='-c search_path=x,public'"; NULL: at the ledger itself. */
void ledger_redirect(const char *more);
/* Points it at a place where nobody listens. */
void ledger_hide(void);

PGconn *ledger_connect(const char *role);
void ledger_run(PGconn *connection, const char *sql);
/* First value of the first row, in static storage; empty when there is none. */
const char *ledger_value(PGconn *connection, const char *sql);
/* Waits until sql gives "t". The suite's time-out ends it. */
void ledger_await(PGconn *connection, const char *sql);

struct db_pool *ledger_pool(const char *role, int max);
/* A name that nobody else uses: letters, digits and _. */
void ledger_name(char out[40]);

#endif
