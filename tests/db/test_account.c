/* Accounts against PostgreSQL: logins, waits, sessions. */
#include <criterion/criterion.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/base/clock.h"
#include "lib/domain/account.h"
#include "lib/domain/account_password.h"
#include "tests/db/ledger.h"

#define PASSWORD "correct horse battery"

static PGconn *owner;
static struct db_pool *pool;
static char account[64], person[TEXT_UUID_SIZE];

/* A site and a person of its own for each test. */
static void setup(void)
{
	char name[40], hash[ACCOUNT_HASH_SIZE], sql[2000];
	struct err err = {0};
	ledger_setup();
	owner = ledger_connect("yq_owner");
	pool = ledger_pool("yq_gateway", 4);
	ledger_name(name);
	snprintf(account, sizeof account, "p.%.30s", name);
	for (char *c = account; *c != '\0'; c++)
		if (*c == '_')
			*c = '-';
	cr_assert(account_password_hash(PASSWORD, hash, &err), "%s", err.text);
	snprintf(sql, sizeof sql,
	         "WITH s AS (INSERT INTO scope (kind, name) VALUES ('site', '%s') RETURNING scope_id),"
	         " i AS (INSERT INTO site (site_id, code, licensed_type, counts_as_township_health_centre)"
	         "       SELECT scope_id, '%.32s', 'hospital', false FROM s RETURNING site_id),"
	         " p AS (INSERT INTO person (account, name, password_hash, institution_id, seat_id)"
	         "       SELECT '%s', 'Somebody', '%s', site_id, site_id FROM i RETURNING person_id, public_id),"
	         " r AS (INSERT INTO person_right (person_id, role, scope_id)"
	         "       SELECT person_id, unnest(ARRAY['reporter', 'reviewer']), scope_id FROM p, s)"
	         " SELECT public_id FROM p",
	         name, account + 2, account, hash);
	text_copy(person, sizeof person, ledger_value(owner, sql));
	cr_assert(text_is_uuid(person));
}

static void teardown(void)
{
	clock_replace(NULL);
	db_pool_free(pool);
	PQfinish(owner);
}

TestSuite(account, .init = setup, .fini = teardown);

static struct db *take(void)
{
	struct db *db = NULL;
	struct err err = {0};
	cr_assert(db_take(pool, &db, &err), "%s", err.text);
	return db;
}

/* 200, 401, 429, or the kind of another error as a negative number. */
static int login(const char *name, const char *password, char token[ACCOUNT_TOKEN_SIZE])
{
	struct account_session session;
	struct err err = {0};
	if (account_login(pool, name, password, "", token, &session, &err))
		return 200;
	return err.source == ERR_SOURCE_HTTP ? (int)err.code : -(int)err.kind;
}

static bool lives(const char *token)
{
	struct account_session session;
	struct err err = {0};
	struct db *db = take();
	bool found = account_session_find(db, token, &session, &err);
	db_give(db);
	cr_expect(found || (err.kind == ERR_REFUSED && err.code == 401), "%s", err.text);
	return found;
}

/* ":me" stands for the account of the test. */
static const char *filled(const char *sql)
{
	static char text[600];
	const char *mark = strstr(sql, ":me");
	cr_assert_not_null(mark);
	snprintf(text, sizeof text, "%.*s'%s'%s", (int)(mark - sql), sql, account, mark + 3);
	return text;
}

static const char *value(const char *sql)
{
	return ledger_value(owner, filled(sql));
}

static void run(const char *sql)
{
	ledger_run(owner, filled(sql));
}

Test(account, login_gives_a_session)
{
	char token[ACCOUNT_TOKEN_SIZE];
	struct account_session session = {0}, found = {0};
	struct err err = {0};
	cr_assert(account_login(pool, account, PASSWORD, "192.0.2.1", token, &session, &err), "%s", err.text);
	cr_expect_str_eq(session.person_id, person);
	cr_expect(session.roles == (ACCOUNT_ROLE(ACCOUNT_REPORTER) | ACCOUNT_ROLE(ACCOUNT_REVIEWER)));
	cr_expect(strlen(token) == 64 && strlen(session.csrf_token) == 64 && strcmp(token, session.csrf_token) != 0);
	struct db *db = take();
	cr_expect(account_session_find(db, token, &found, &err), "%s", err.text);
	cr_expect_str_eq(found.person_id, person);
	cr_expect_str_eq(found.csrf_token, session.csrf_token);
	cr_expect_str_eq(found.account, account);
	cr_expect(found.roles == session.roles);
	cr_expect(account_logout(db, token, &err) && account_logout(db, token, &err), "%s", err.text);
	db_give(db);
	cr_expect(!lives(token));
}

Test(account, who_may_not_in)
{
	char token[ACCOUNT_TOKEN_SIZE], upper[64];
	snprintf(upper, sizeof upper, "P%s", account + 1);
	cr_expect(login(upper, PASSWORD, token) == 200, "accounts have no case");
	cr_expect(login(account, "correct horse batterx", token) == 401);
	cr_expect(login(account, "", token) == 401);
	cr_expect(login("", PASSWORD, token) == 401);
	cr_expect(login("nobody-of-this-name", PASSWORD, token) == 401);
	cr_expect(login("' OR ''='", PASSWORD, token) == 401);
	run("UPDATE person SET is_active = false WHERE account = :me");
	cr_expect(login(account, PASSWORD, token) == 401);
}

Test(account, wrong_passwords_cost_time)
{
	char token[ACCOUNT_TOKEN_SIZE];
	for (int i = 0; i < 6; i++)
		cr_expect(login(account, "wrong", token) == 401, "try %d", i);
	cr_expect(login(account, PASSWORD, token) == 429);
	cr_expect_str_eq(
	    value("SELECT failed_logins || ' ' || (locked_until > yq_now()) FROM person WHERE account = :me"),
	    "6 true");
	/* The ledger's own count holds where another process counted. */
	struct err err = {0};
	cr_expect(!account_confirm(pool, person, PASSWORD, &err));
	cr_expect(err.code == 429, "%s", err.text);
}

Test(account, ledger_counts_and_forgets)
{
	struct err err = {0};
	static const char *const wants[] = {"0", "0", "0", "0", "0", "30", "60", "120", "240", "480", "900", "900"};
	for (size_t i = 0; i < sizeof wants / sizeof wants[0]; i++) {
		cr_expect(!account_confirm(pool, person, "wrong", &err));
		cr_expect(err.kind == ERR_REFUSED && err.code != 429, "try %zu: %s", i, err.text);
		const char *got = value(
		    "SELECT coalesce(round(extract(epoch FROM locked_until - yq_now())), 0)::bigint::text FROM person"
		    " WHERE account = :me");
		long seconds = strtol(got, NULL, 10), want = strtol(wants[i], NULL, 10);
		cr_expect(seconds <= want && seconds >= want - 20, "try %zu: wait %s, want %s", i, got, wants[i]);
		run("UPDATE person SET locked_until = yq_now() - interval '1 s' WHERE account = :me AND locked_until "
		    "IS NOT NULL");
	}
	run("UPDATE person SET locked_until = yq_now() - interval '2 h' WHERE account = :me");
	cr_expect(!account_confirm(pool, person, "wrong", &err));
	cr_expect_str_eq(value("SELECT failed_logins::text FROM person WHERE account = :me"), "1");
	cr_expect(account_confirm(pool, person, PASSWORD, &err), "%s", err.text);
	cr_expect_str_eq(value("SELECT failed_logins::text FROM person WHERE account = :me"), "0");
}

Test(account, session_ends_by_silence_and_lives_by_use)
{
	char token[ACCOUNT_TOKEN_SIZE];
	cr_assert(login(account, PASSWORD, token) == 200);
	run("UPDATE session SET last_seen_at = yq_now() - interval '1 min', expires_at = yq_now() + interval '1 min' "
	    "WHERE csrf_token <> '' AND person_id = (SELECT person_id FROM person WHERE account = :me)");
	cr_expect(lives(token));
	cr_expect_str_eq(
	    value("SELECT (expires_at > yq_now() + interval '7 h')::text FROM session JOIN person USING (person_id)"
	          " WHERE account = :me"),
	    "true");
	run("UPDATE session SET expires_at = yq_now() - interval '1 ms' "
	    "WHERE person_id = (SELECT person_id FROM person WHERE account = :me)");
	cr_expect(!lives(token));
}

Test(account, sessions_of_no_use_are_swept_by_the_router)
{
	char ended[ACCOUNT_TOKEN_SIZE], silent[ACCOUNT_TOKEN_SIZE], living[ACCOUNT_TOKEN_SIZE];
	struct db_pool *router = ledger_pool("yq_router", 1);
	struct err err = {0};
	int64_t deleted = 0;
	struct db *db;
	cr_assert(login(account, PASSWORD, silent) == 200);
	run("UPDATE session SET expires_at = yq_now() - interval '1 ms' "
	    "WHERE person_id = (SELECT person_id FROM person WHERE account = :me)");
	cr_assert(login(account, PASSWORD, ended) == 200 && login(account, PASSWORD, living) == 200);
	db = take();
	cr_assert(account_logout(db, ended, &err), "%s", err.text);
	db_give(db);
	cr_assert(db_take(router, &db, &err), "%s", err.text);
	cr_expect(account_sweep(db, &deleted, &err), "%s", err.text);
	db_give(db);
	cr_expect_geq(deleted, 2, "got %lld, want at least our own two", (long long)deleted);
	cr_expect_str_eq(value("SELECT count(*)::text FROM session JOIN person USING (person_id) WHERE account = :me"),
	                 "1");
	cr_expect(lives(living));
	db_pool_free(router);
}

Test(account, invented_tokens)
{
	static const char *const tokens[] = {
	    "",
	    "x",
	    "0000000000000000000000000000000000000000000000000000000000000000",
	    "zzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzz",
	    "' OR true --",
	};
	for (size_t i = 0; i < sizeof tokens / sizeof tokens[0]; i++)
		cr_expect(!lives(tokens[i]), "%s", tokens[i]);
	cr_expect(!lives(NULL));
}

Test(account, changed_password_ends_the_other_sessions)
{
	char one[ACCOUNT_TOKEN_SIZE], other[ACCOUNT_TOKEN_SIZE];
	struct err err = {0};
	cr_assert(login(account, PASSWORD, one) == 200 && login(account, PASSWORD, other) == 200);
	cr_expect(!account_change_password(pool, person, "wrong", "a better password", one, &err));
	cr_expect(err.kind == ERR_REFUSED && err.code != 401);
	cr_expect(!account_change_password(pool, person, PASSWORD, PASSWORD, one, &err) && err.kind == ERR_INVALID);
	cr_expect(!account_change_password(pool, person, PASSWORD, "short", one, &err) && err.kind == ERR_INVALID);
	cr_expect(lives(other));
	cr_expect(account_change_password(pool, person, PASSWORD, "a better password", one, &err), "%s", err.text);
	cr_expect(lives(one) && !lives(other));
	cr_expect(login(account, PASSWORD, other) == 401);
	cr_expect(login(account, "a better password", other) == 200);
}

struct change {
	const char *password;
	bool ok;
	struct err err;
};

static void *change(void *context)
{
	struct change *mine = context;
	mine->ok = account_change_password(pool, person, PASSWORD, mine->password, NULL, &mine->err);
	return NULL;
}

Test(account, two_changes_at_once_do_not_overwrite_each_other)
{
	struct change changes[2] = {{.password = "the first of two"}, {.password = "the second of two"}};
	pthread_t threads[2];
	for (int i = 0; i < 2; i++)
		cr_assert(pthread_create(&threads[i], NULL, change, &changes[i]) == 0);
	for (int i = 0; i < 2; i++)
		pthread_join(threads[i], NULL);
	char token[ACCOUNT_TOKEN_SIZE];
	for (int i = 0; i < 2; i++) {
		cr_expect((login(account, changes[i].password, token) == 200) == changes[i].ok, "%d", i);
		cr_expect(changes[i].ok || changes[i].err.kind == ERR_CONFLICT || changes[i].err.kind == ERR_REFUSED);
	}
	cr_expect(changes[0].ok + changes[1].ok == 1);
}
