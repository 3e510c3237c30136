#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/base/file.h"
#include "lib/base/text.h"
#include "tests/db/ledger.h"

/* The runner of schema/tests (see README there). Run from the root of the tree. */

enum { FIELD_MAX = 200 };

struct test_case {
	char name[FIELD_MAX], role[FIELD_MAX], person[FIELD_MAX], wants[FIELD_MAX];
	char *sql;
};

TestSuite(schema, .init = ledger_setup, .timeout = 120);

static char *read_file(const char *name)
{
	char path[200];
	struct err err;
	char *text;

	snprintf(path, sizeof(path), "schema/tests/%s", name);
	cr_assert(file_read_all(path, 1 << 20, &text, NULL, &err), "%s", err.text);
	return text;
}

/* Once a ledger: several tests may come at the same time. */
static void load_world(void)
{
	PGconn *owner = ledger_connect("yq_owner");

	ledger_run(owner, "SELECT pg_advisory_lock(4711)");
	if (strcmp(ledger_value(owner, "SELECT count(*) FROM pg_namespace WHERE nspname = 'yq_test'"), "0") == 0) {
		char *world = read_file("world.sql");

		ledger_run(owner, world);
		free(world);
	}
	PQfinish(owner);
}

static bool take_field(const char *line, const char *label, char out[FIELD_MAX])
{
	size_t length = strlen(label);

	if (strncmp(line, label, length) != 0)
		return false;
	snprintf(out, FIELD_MAX, "%.*s", (int)strcspn(line + length, "\n"), line + length);
	return true;
}

/* Reads one case at `at`; what follows it, or NULL behind the last. */
static char *read_case(char *at, struct test_case *test)
{
	char *end = strstr(at, "\n-- case: ");
	char *line;

	if (end)
		*end++ = '\0';
	memset(test, 0, sizeof(*test));
	snprintf(test->role, sizeof(test->role), "yq_owner");
	for (line = at; line && strncmp(line, "-- ", 3) == 0; line = strchr(line, '\n') + 1)
		cr_assert(take_field(line, "-- case: ", test->name) || take_field(line, "-- as: ", test->role) ||
		              take_field(line, "-- person: ", test->person) ||
		              take_field(line, "-- wants: ", test->wants),
		          "cannot read: %.60s", line);
	test->sql = line;
	cr_assert(test->name[0] && test->wants[0] && test->sql && *test->sql, "incomplete case %s", test->name);
	return end;
}

static PGconn *begin_case(const struct test_case *test)
{
	PGconn *connection = ledger_connect(test->role);
	PGconn *owner = ledger_connect("yq_owner");
	char sql[600], id[64];

	ledger_run(connection, "BEGIN");
	if (test->person[0]) {
		snprintf(sql, sizeof(sql), "SELECT public_id FROM person WHERE account = 'test-%s'", test->person);
		snprintf(id, sizeof(id), "%s", ledger_value(owner, sql));
		cr_assert(text_is_uuid(id), "%s: no person %s", test->name, test->person);
		snprintf(sql, sizeof(sql), "SELECT set_config('yq.person', '%s', true)", id);
		ledger_run(connection, sql);
	}
	PQfinish(owner);
	return connection;
}

static void check_result(const struct test_case *test, const PGresult *result)
{
	const char *state = PQresultErrorField(result, PG_DIAG_SQLSTATE);
	const char *message = PQresultErrorMessage(result);
	const char *value;

	if (strcmp(test->wants, "ok") == 0) {
		cr_expect_null(state, "%s: got %s", test->name, message);
		return;
	}
	if (strncmp(test->wants, "value ", 6) == 0) {
		value = PQntuples(result) ? PQgetvalue(result, 0, 0) : "(no row)";
		cr_expect(!state && strcmp(value, test->wants + 6) == 0, "%s: got %s want %s", test->name,
		          state ? message : value, test->wants + 6);
		return;
	}
	cr_expect(state && strncmp(state, test->wants, 5) == 0, "%s: got %s %s, want %s", test->name,
	          state ? state : "success", message, test->wants);
	if (state && strlen(test->wants) > 6)
		cr_expect(strstr(message, test->wants + 6) != NULL, "%s: got %s", test->name, message);
}

static void run_file(const char *name)
{
	char *text = read_file(name);
	struct test_case test;
	char *at = text;
	int count = 0;

	cr_assert_eq(strncmp(at, "-- case: ", 9), 0, "%s does not begin with a case", name);
	load_world();
	while (at) {
		PGconn *connection;
		PGresult *result;

		at = read_case(at, &test);
		connection = begin_case(&test);
		result = PQexec(connection, test.sql);
		check_result(&test, result);
		PQclear(result);
		PQfinish(connection); /* rolls back */
		count++;
	}
	cr_expect_gt(count, 10);
	free(text);
}

Test(schema, foundation)
{
	run_file("foundation.sql");
}

Test(schema, studies)
{
	run_file("studies.sql");
}

Test(schema, reading)
{
	run_file("reading.sql");
}

Test(schema, sending)
{
	run_file("sending.sql");
}

Test(schema, rights)
{
	run_file("rights.sql");
}

Test(schema, township)
{
	run_file("township.sql");
}

Test(schema, desk)
{
	run_file("desk.sql");
}

Test(schema, names)
{
	run_file("names.sql");
}

Test(schema, devices)
{
	run_file("devices.sql");
}

Test(schema, doubts)
{
	run_file("doubts.sql");
}

Test(schema, completion)
{
	run_file("completion.sql");
}

Test(schema, operators)
{
	run_file("operators.sql");
}

Test(schema, rules)
{
	run_file("rules.sql");
}

Test(schema, every_table_is_in_the_book_and_in_a_test)
{
	PGconn *owner = ledger_connect("yq_owner");
	static const char *const files[] = {"world.sql",     "foundation.sql", "studies.sql",  "reading.sql",
	                                    "sending.sql",   "rights.sql",     "township.sql", "desk.sql",
	                                    "names.sql",     "devices.sql",    "doubts.sql",   "completion.sql",
	                                    "operators.sql", "rules.sql"};
	PGresult *tables;
	struct err err;
	char *book, *all;
	struct text_buf buf;
	size_t f;
	int i;

	text_buf_init(&buf, 1 << 22);
	for (f = 0; f < sizeof(files) / sizeof(files[0]); f++) {
		all = read_file(files[f]);
		cr_assert(text_buf_append(&buf, all, strlen(all)));
		free(all);
	}
	cr_assert(file_read_all("schema/SCHEMA.md", 1 << 20, &book, NULL, &err), "%s", err.text);
	tables = PQexec(owner, "SELECT tablename FROM pg_tables WHERE schemaname = 'public' AND tablename NOT IN"
	                       " ('schema_migration') ORDER BY 1");
	cr_assert_gt(PQntuples(tables), 50);
	for (i = 0; i < PQntuples(tables); i++) {
		const char *table = PQgetvalue(tables, i, 0);

		cr_expect(strstr(book, table) != NULL, "%s has no sentence in schema/SCHEMA.md", table);
		cr_expect(strstr(buf.data, table) != NULL, "%s has no case in schema/tests", table);
	}
	PQclear(tables);
	free(book);
	text_buf_fini(&buf);
	PQfinish(owner);
}
