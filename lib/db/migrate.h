/*
 * Numbered, forward-only migrations: schema/migrations/NNNN_name.sql, compiled into the program with their SHA-256.
 *
 * All pending ones run in order under an advisory lock, each in its own transaction, as yq_owner, recorded in schema_migration. A recorded
 * migration whose checksum differs, or one that the ledger has and the program lacks, is ERR_CONFLICT and nothing is run.
 */
#ifndef YQ_DB_MIGRATE_H
#define YQ_DB_MIGRATE_H

#include <stdbool.h>

#include "lib/base/err.h"

/* *out_applied: how many were run now. Several callers at once are fine. */
bool migrate_up(int *out_applied, struct err *err);
/* The ledger is at exactly the version that this program was built for, else ERR_CONFLICT. Every new connection of a pool is asked. */
struct db;
bool migrate_check(struct db *db, struct err *err);

#endif
