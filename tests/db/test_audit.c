#include <criterion/criterion.h>
#include <dirent.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "lib/base/conf.h"
#include "lib/base/log.h"
#include "lib/domain/audit.h"
#include "tests/db/ledger.h"

/* A program name that only this test has, and with it a chain and a spool of its own. */
static char program[40];
static char writer[AUDIT_WRITER_MAX];
static PGconn *owner;

static void setup(void)
{
	ledger_setup();
	ledger_name(program);
	audit_writer(program, writer);
	owner = ledger_connect("yq_owner");
	log_init("test", ERR_LOG_ERROR);
}

static void teardown(void)
{
	PQfinish(owner);
}

TestSuite(audit, .init = setup, .fini = teardown, .timeout = 120);

static struct audit_fact fact_of(const char *subject)
{
	return (struct audit_fact){.action = "association.reject",
	                           .actor_kind = "unknown",
	                           .actor = "DR 192.0.2.7",
	                           .subject_kind = "test",
	                           .subject = subject,
	                           .outcome = "refused",
	                           .detail = "{\"reason\": \"calling AE title not recognised\"}"};
}

static struct audit *open_audit(struct db_pool *pool)
{
	struct audit *audit;
	struct err err;

	cr_assert(audit_new(program, pool, &audit, &err), "%s", err.text);
	return audit;
}

static void record(struct audit *audit, const char *subject)
{
	struct audit_fact fact = fact_of(subject);
	struct err err;

	cr_assert(audit_record(audit, &fact, &err), "%s", err.text);
}

/* Subjects of our chain in its order, joined by blanks. */
static const char *chain(void)
{
	char sql[400];

	snprintf(sql, sizeof(sql), "SELECT string_agg(subject, ' ' ORDER BY sequence) FROM audit WHERE writer = '%s'",
	         writer);
	return ledger_value(owner, sql);
}

static int replay(struct audit *audit)
{
	struct err err;
	int count = -1;

	cr_assert(audit_replay(audit, &count, &err), "%s", err.text);
	return count;
}

/* The verdict about the whole ledger, and whether our chain is what is wrong with it. */
static bool is_our_chain_good(void)
{
	struct db_pool *pool = ledger_pool("yq_operator", 1);
	struct audit_verdict verdict;
	struct db *db;
	struct err err;

	cr_assert(db_take(pool, &db, &err), "%s", err.text);
	cr_assert(audit_verify(db, &verdict, &err), "%s", err.text);
	db_give(db);
	db_pool_free(pool);
	cr_assert_gt(verdict.records, 0);
	return strncmp(verdict.first_fault, writer, strlen(writer)) != 0;
}

Test(audit, records_are_numbered_and_chained)
{
	struct db_pool *pool = ledger_pool("yq_storescp", 1);
	struct audit *audit = open_audit(pool);
	char sql[400];

	record(audit, "a");
	record(audit, "b");
	record(audit, "c");
	cr_expect_str_eq(chain(), "a b c");
	snprintf(
	    sql, sizeof(sql),
	    "SELECT bool_and(previous = before AND length(hash) = 32)::text FROM (SELECT previous, hash, lag(hash, 1,"
	    " decode(repeat('00', 32), 'hex')) OVER (ORDER BY sequence) AS before FROM audit WHERE writer = '%s') x",
	    writer);
	cr_expect_str_eq(ledger_value(owner, sql), "true");
	cr_expect(is_our_chain_good());
	cr_expect_eq(audit_spooled_bytes(audit), 0);
	audit_free(audit);
	db_pool_free(pool);
}

static void *record_some(void *context)
{
	int i;

	for (i = 0; i < 20; i++)
		record(context, "x");
	return NULL;
}

Test(audit, many_threads_make_one_unbroken_chain)
{
	struct db_pool *pool = ledger_pool("yq_gateway", 4);
	struct audit *audit = open_audit(pool);
	pthread_t threads[4];
	char sql[300];
	int i;

	for (i = 0; i < 4; i++)
		pthread_create(&threads[i], NULL, record_some, audit);
	for (i = 0; i < 4; i++)
		pthread_join(threads[i], NULL);
	snprintf(sql, sizeof(sql), "SELECT count(*) || ' ' || max(sequence) FROM audit WHERE writer = '%s'", writer);
	cr_expect_str_eq(ledger_value(owner, sql), "80 80");
	cr_expect(is_our_chain_good());
	audit_free(audit);
	db_pool_free(pool);
}

Test(audit, while_the_ledger_is_away_the_spool_keeps_the_order)
{
	struct db_pool *pool = ledger_pool("yq_storescp", 1);
	struct audit *audit = open_audit(pool);
	int count = -1;
	struct err err;

	record(audit, "1");
	ledger_hide();
	db_pool_free(pool); /* no connection from before */
	audit_free(audit);
	pool = ledger_pool("yq_storescp", 1);
	audit = open_audit(pool);
	record(audit, "2");
	record(audit, "3");
	cr_expect_gt(audit_spooled_bytes(audit), 0);
	cr_expect_not(audit_replay(audit, &count, &err));
	cr_expect_eq(err.kind, ERR_TEMPORARY);
	ledger_redirect(NULL);
	/* The ledger is back, but 2 and 3 come first. */
	record(audit, "4");
	cr_expect_str_eq(chain(), "1");
	cr_expect_eq(replay(audit), 3);
	cr_expect_str_eq(chain(), "1 2 3 4");
	cr_expect_eq(audit_spooled_bytes(audit), 0);
	cr_expect_eq(replay(audit), 0);
	record(audit, "5");
	cr_expect_str_eq(chain(), "1 2 3 4 5");
	cr_expect(is_our_chain_good());
	audit_free(audit);
	db_pool_free(pool);
}

static void spool_three(void)
{
	struct db_pool *pool;
	struct audit *audit;

	ledger_hide();
	pool = ledger_pool("yq_storescp", 1);
	audit = open_audit(pool);
	record(audit, "1");
	record(audit, "2");
	record(audit, "3");
	audit_free(audit);
	db_pool_free(pool);
	ledger_redirect(NULL);
}

Test(audit, a_crash_before_the_spool_is_removed_doubles_nothing)
{
	struct db_pool *pool;
	struct audit *audit;
	int status;
	pid_t child;

	/* In children, each of which reads YQ_KILL_AT anew. */
	child = fork();
	if (child == 0) {
		spool_three();
		_exit(0);
	}
	waitpid(child, &status, 0);
	cr_assert_eq(status, 0);
	child = fork();
	if (child == 0) {
		int count;
		struct err err;

		setenv("YQ_KILL_AT", "audit_spool_drained", 1);
		pool = ledger_pool("yq_storescp", 1);
		audit = open_audit(pool);
		audit_replay(audit, &count, &err) ? _exit(1) : _exit(2);
	}
	waitpid(child, &status, 0);
	cr_assert(WIFSIGNALED(status), "the kill point was not passed");
	cr_expect_str_eq(chain(), "1 2 3");
	pool = ledger_pool("yq_storescp", 1);
	audit = open_audit(pool);
	/* What comes now goes behind the rest of the crash. */
	record(audit, "4");
	cr_expect_eq(replay(audit), 4);
	cr_expect_str_eq(chain(), "1 2 3 4");
	cr_expect_eq(audit_spooled_bytes(audit), 0);
	audit_free(audit);
	db_pool_free(pool);
}

static void spool_path(char *out, size_t size)
{
	struct err err;

	cr_assert(conf_path(out, size, &err, "journal/audit-%s.spool", writer));
}

static int count_damaged(void)
{
	char directory[4096];
	struct dirent *entry;
	struct err err;
	int count = 0;
	DIR *dir;

	cr_assert(conf_path(directory, sizeof(directory), &err, "journal"));
	dir = opendir(directory);
	cr_assert_not_null(dir);
	while ((entry = readdir(dir)) != NULL)
		count += strstr(entry->d_name, program) && strstr(entry->d_name, ".damaged-");
	closedir(dir);
	return count;
}

Test(audit, a_torn_last_line_was_not_promised_and_is_dropped)
{
	struct db_pool *pool = ledger_pool("yq_storescp", 1);
	struct audit *audit;
	char path[4096];
	int fd;

	spool_three();
	spool_path(path, sizeof(path));
	fd = open(path, O_WRONLY | O_APPEND);
	cr_assert_eq(write(fd, "0123456789abcdef", 16), 16);
	close(fd);
	audit = open_audit(pool);
	record(audit, "4");
	cr_expect_eq(replay(audit), 4);
	cr_expect_str_eq(chain(), "1 2 3 4");
	cr_expect_eq(count_damaged(), 0);
	audit_free(audit);
	db_pool_free(pool);
}

Test(audit, a_damaged_line_is_set_aside_and_stops_nobody)
{
	struct db_pool *pool = ledger_pool("yq_storescp", 1);
	struct audit *audit;
	char path[4096], byte;
	int fd;

	spool_three();
	spool_path(path, sizeof(path));
	fd = open(path, O_RDWR);
	cr_assert_eq(pread(fd, &byte, 1, 60), 1);
	byte ^= 1;
	cr_assert_eq(pwrite(fd, &byte, 1, 60), 1);
	close(fd);
	audit = open_audit(pool);
	cr_expect_eq(replay(audit), 2);
	cr_expect_str_eq(chain(), "2 3");
	cr_expect_eq(count_damaged(), 1);
	cr_expect_eq(audit_spooled_bytes(audit), 0);
	audit_free(audit);
	db_pool_free(pool);
}

Test(audit, what_strangers_send_cannot_break_the_fields)
{
	struct db_pool *pool = ledger_pool("yq_storescp", 1);
	struct audit *audit = open_audit(pool);
	struct audit_fact fact = fact_of("s");
	char sql[300], longer[2000];
	struct err err;

	fact.actor = "DR\x1f\n\xB1\xB1";
	cr_assert(audit_record(audit, &fact, &err), "%s", err.text);
	memset(longer, 'x', sizeof(longer) - 1);
	longer[sizeof(longer) - 1] = '\0';
	fact.actor = longer;
	cr_assert(audit_record(audit, &fact, &err), "%s", err.text);
	snprintf(
	    sql, sizeof(sql),
	    "SELECT string_agg(left(actor, 8) || length(actor), ' ' ORDER BY sequence) FROM audit WHERE writer = '%s'",
	    writer);
	cr_expect_str_eq(ledger_value(owner, sql), "DR????6 xxxxxxxx255");
	cr_expect(is_our_chain_good());
	audit_free(audit);
	db_pool_free(pool);
}

Test(audit, what_the_ledger_would_refuse_is_refused_before_it_is_spooled)
{
	static const struct {
		const char *action, *actor_kind, *outcome, *detail, *site;
	} cases[] = {
	    {"noaction", "person", "success", NULL, NULL},       {"Study.View", "person", "success", NULL, NULL},
	    {"study.", "person", "success", NULL, NULL},         {"study.view.x", "person", "success", NULL, NULL},
	    {"study.view", "patient", "success", NULL, NULL},    {"study.view", "person", "maybe", NULL, NULL},
	    {"study.view", "person", "success", "[1]", NULL},    {"study.view", "person", "success", "{", NULL},
	    {"study.view", "person", "success", NULL, "site 1"},
	};
	struct db_pool *pool;
	struct audit *audit;
	struct err err;
	size_t i;

	ledger_hide();
	pool = ledger_pool("yq_storescp", 1);
	audit = open_audit(pool);
	for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct audit_fact fact = {.action = cases[i].action,
		                          .actor_kind = cases[i].actor_kind,
		                          .actor = "a",
		                          .outcome = cases[i].outcome,
		                          .detail = cases[i].detail,
		                          .site = cases[i].site};

		cr_expect_not(audit_record(audit, &fact, &err), "case %zu", i);
		cr_expect_eq(err.kind, ERR_INVALID, "case %zu: %s", i, err.text);
	}
	cr_expect_eq(audit_spooled_bytes(audit), 0);
	audit_free(audit);
	db_pool_free(pool);
}

/* Only who owns the tables can do this at all; the chain shows it nevertheless. */
static void tamper(const char *change)
{
	char sql[600];

	snprintf(sql, sizeof(sql),
	         "BEGIN; ALTER TABLE audit DISABLE TRIGGER USER; %s '%s' AND sequence = 2; ALTER TABLE audit ENABLE "
	         "TRIGGER USER; COMMIT",
	         change, writer);
	ledger_run(owner, sql);
}

Test(audit, every_kind_of_tampering_is_found)
{
	static const char *const changes[] = {
	    "UPDATE audit SET outcome = 'success' WHERE writer =",
	    "UPDATE audit SET at = at + interval '1 second' WHERE writer =",
	    "UPDATE audit SET detail = '{}' WHERE writer =",
	    "DELETE FROM audit WHERE writer =",
	    "UPDATE audit SET hash = sha256(hash) WHERE writer =",
	};
	struct db_pool *pool = ledger_pool("yq_storescp", 1);
	size_t i;

	for (i = 0; i < sizeof(changes) / sizeof(changes[0]); i++) {
		struct audit *audit;

		ledger_name(program);
		audit_writer(program, writer);
		audit = open_audit(pool);
		record(audit, "a");
		record(audit, "b");
		record(audit, "c");
		cr_expect(is_our_chain_good());
		tamper(changes[i]);
		cr_expect_not(is_our_chain_good(), "%s was not found", changes[i]);
		audit_free(audit);
		/* Away with the broken chain, for the other tests. */
		char sql[300];
		snprintf(sql, sizeof(sql),
		         "BEGIN; ALTER TABLE audit DISABLE TRIGGER USER; DELETE FROM audit WHERE writer = '%s'; ALTER "
		         "TABLE audit"
		         " ENABLE TRIGGER USER; COMMIT",
		         writer);
		ledger_run(owner, sql);
	}
	db_pool_free(pool);
}
