#include <criterion/criterion.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>

#include "gen/migrations.h"
#include "lib/db/migrate.h"
#include "tests/db/ledger.h"

/*
 * This suite has a ledger of its own in which nothing was migrated (WITH_LEDGER_MIGRATE=no), and its tests run one after the other:
 * each begins with an empty database.
 */
static PGconn *owner;

static void setup(void)
{
	ledger_setup();
	owner = ledger_connect("yq_owner");
	ledger_run(owner, "SET client_min_messages = error; DROP OWNED BY yq_owner CASCADE");
}

static void teardown(void)
{
	PQfinish(owner);
}

TestSuite(migrate, .init = setup, .fini = teardown, .timeout = 120);

static void expect_tables(const char *name, const char *want)
{
	char sql[200];

	snprintf(sql, sizeof(sql), "SELECT count(*) FROM pg_tables WHERE schemaname = 'public' AND tablename = '%s'",
	         name);
	cr_expect_str_eq(ledger_value(owner, sql), want, "table %s", name);
}

/* As a program comes to the ledger: every new connection of a pool is asked. */
static bool check(struct err *err)
{
	struct db_pool *pool = ledger_pool("yq_owner", 1);
	struct db *db = NULL;
	bool ok = db_take(pool, &db, err) && migrate_check(db, err);

	db_give(db);
	db_pool_free(pool);
	return ok;
}

Test(migrate, a_fresh_ledger_gets_all_and_a_second_run_nothing)
{
	struct err err;
	int applied = -1;

	cr_assert_gt(migration_count, 0);
	cr_assert(migrate_up(&applied, &err), "%s", err.text);
	cr_expect_eq(applied, migration_count);
	cr_expect(check(&err), "%s", err.text);
	expect_tables("study", "1");
	cr_assert(migrate_up(&applied, &err), "%s", err.text);
	cr_expect_eq(applied, 0);
}

static void *run_migrate(void *context)
{
	int *applied = context;
	struct err err;

	if (!migrate_up(applied, &err))
		cr_expect_fail("%s", err.text);
	return NULL;
}

Test(migrate, several_at_once_apply_each_once)
{
	int applied[4] = {-1, -1, -1, -1}, sum = 0, i;
	pthread_t threads[4];

	for (i = 0; i < 4; i++)
		pthread_create(&threads[i], NULL, run_migrate, &applied[i]);
	for (i = 0; i < 4; i++) {
		pthread_join(threads[i], NULL);
		sum += applied[i];
	}
	cr_expect_eq(sum, migration_count, "got %d", sum);
}

Test(migrate, an_unmigrated_ledger_is_not_taken)
{
	struct err err;

	ledger_run(owner,
	           "CREATE TABLE schema_migration (number integer, name text, sha256 text, applied_at timestamptz)");
	cr_expect_not(check(&err));
	cr_expect_eq(err.kind, ERR_CONFLICT);
	cr_expect(strstr(err.text, "0 of") != NULL, "got %s", err.text);
	ledger_run(owner, "DROP TABLE schema_migration");
	cr_expect_not(check(&err));
	cr_expect_eq(err.kind, ERR_CONFLICT);
	cr_expect(strstr(err.text, "no migration") != NULL, "got %s", err.text);
}

/* Migrates, changes the record, and expects that nobody takes the ledger and nothing is run. */
static void expect_refused(const char *change, const char *want)
{
	struct err err;
	int applied = -1;

	cr_assert(migrate_up(&applied, &err), "%s", err.text);
	ledger_run(owner, change);
	ledger_run(owner, "DROP TABLE receipt");
	applied = -1;
	cr_expect_not(check(&err), "%s", change);
	cr_expect_eq(err.kind, ERR_CONFLICT);
	cr_expect(strstr(err.text, want) != NULL, "got %s", err.text);
	cr_expect_not(migrate_up(&applied, &err), "%s", change);
	cr_expect_eq(err.kind, ERR_CONFLICT);
	cr_expect_eq(applied, -1);
	expect_tables("receipt", "0");
}

Test(migrate, an_altered_checksum_is_refused)
{
	expect_refused("UPDATE schema_migration SET sha256 = repeat('0', 64) WHERE number = 1",
	               "differs from this release's 0001_");
}

Test(migrate, a_newer_ledger_is_refused)
{
	expect_refused(
	    "INSERT INTO schema_migration (number, name, sha256) SELECT max(number) + 1, '9999_future', repeat('a', 64)"
	    " FROM schema_migration",
	    "9999_future of a newer release");
}

Test(migrate, a_migration_that_fails_leaves_nothing_of_itself)
{
	struct err err;
	int applied = -1;

	/* A table of the first migration is in the way. */
	ledger_run(owner, "CREATE TABLE audit_seal (x integer)");
	cr_expect_not(migrate_up(&applied, &err));
	cr_expect(strstr(err.text, "migration 0001_") != NULL, "got %s", err.text);
	cr_expect_eq(applied, -1);
	expect_tables("scope", "0");
	cr_expect_str_eq(ledger_value(owner, "SELECT count(*) FROM schema_migration"), "0");
	ledger_run(owner, "DROP TABLE audit_seal");
	cr_expect(migrate_up(&applied, &err), "%s", err.text);
	cr_expect_eq(applied, migration_count);
}
