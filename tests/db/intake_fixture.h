/* What the intake tests share: a site and a device in the ledger, a home of their own with journal and store, counts. */
#ifndef TESTS_DB_INTAKE_FIXTURE_H
#define TESTS_DB_INTAKE_FIXTURE_H

#include "lib/intake/index.h"
#include "lib/store/store.h"
#include "tests/db/ledger.h"
#include "tests/support/dataset.h"
#include "tests/support/home.h"

struct fixture {
	PGconn *connection; /* as the owner */
	struct db_pool *pool;
	struct store *store;
	struct intake *intake;
	char site[TEXT_UUID_SIZE], device[TEXT_UUID_SIZE];
	char uids[3][TEXT_UID_SIZE];
};
extern struct fixture fix;

void fixture_setup(void); /* ledger_setup(), home, site, device, pool, store; no intake yet */
void fixture_teardown(void);
void fixture_open(void);
void fixture_close(int64_t drain_ms);

/* A fresh object of a fresh study; its UIDs live in fix.uids. */
struct dataset fixture_sample(void);
struct intake_source fixture_source(const struct dataset *dataset);
/* Sends through the open intake and fails the test when it is refused. */
void fixture_send(const struct dataset *dataset);
/* Waits until nothing is in the journal. */
void fixture_settle(void);

/*
 * Straight into the ledger, without journal and bytes: as if the dataset had been received under this key.
 * key NULL: a new one. Returns the outcome, or -1 with fix_err filled.
 */
int fixture_index(const struct dataset *dataset, enum intake_origin origin, const char *key);
extern struct err fix_err;

/* First value of a query in which %s stands for the site's internal key. */
const char *fixture_value(const char *format);
int fixture_count(const char *format);

#endif
