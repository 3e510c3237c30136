#include "tests/db/ledger.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <unistd.h>

#include "lib/base/conf.h"
#include "lib/base/text.h"

static char connection_string[2048];
/* Stays open and locked as long as the test's process. */
static FILE *ledger_file;

void ledger_setup(void)
{
	char path[1024];
	struct err err;

	cr_assert(conf_load(&err), "%s", err.text);
	cr_assert(conf_path(path, sizeof(path), &err, "run/ledger"));
	ledger_file = fopen(path, "re");
	cr_assert_not_null(ledger_file, "run this by tests/support/with-ledger");
	cr_assert_eq(flock(fileno(ledger_file), LOCK_EX), 0);
	cr_assert_not_null(fgets(connection_string, sizeof(connection_string), ledger_file));
	connection_string[strcspn(connection_string, "\n")] = '\0';
}

static void reload(const char *value)
{
	struct err err;

	if (value)
		setenv("YQ_LEDGER", value, 1);
	else
		unsetenv("YQ_LEDGER");
	cr_assert(conf_load(&err), "%s", err.text);
}

void ledger_redirect(const char *more)
{
	char text[4096];

	snprintf(text, sizeof(text), "%s %s", connection_string, more ? more : "");
	reload(more ? text : NULL);
}

void ledger_hide(void)
{
	reload("host=/nonexistent/yq dbname=none");
}

PGconn *ledger_connect(const char *role)
{
	char text[4096];
	PGconn *connection;

	snprintf(text, sizeof(text), "%s user=%s client_encoding=UTF8", connection_string, role);
	connection = PQconnectdb(text);
	cr_assert_eq(PQstatus(connection), CONNECTION_OK, "%s", PQerrorMessage(connection));
	/* "Today" is the programs' day: their sessions have the installation's zone, and from 16:00 UTC on the days differ. */
	ledger_run(connection, "SET TimeZone TO 'Asia/Shanghai'");
	return connection;
}

void ledger_run(PGconn *connection, const char *sql)
{
	PGresult *result = PQexec(connection, sql);
	ExecStatusType status = PQresultStatus(result);

	cr_assert(status == PGRES_COMMAND_OK || status == PGRES_TUPLES_OK, "%s: %s", sql, PQerrorMessage(connection));
	PQclear(result);
}

const char *ledger_value(PGconn *connection, const char *sql)
{
	static char value[4096];
	PGresult *result = PQexec(connection, sql);

	cr_assert_eq(PQresultStatus(result), PGRES_TUPLES_OK, "%s: %s", sql, PQerrorMessage(connection));
	text_copy(value, sizeof(value), PQntuples(result) ? PQgetvalue(result, 0, 0) : "");
	PQclear(result);
	return value;
}

void ledger_await(PGconn *connection, const char *sql)
{
	while (strcmp(ledger_value(connection, sql), "t") != 0)
		usleep(2000); /* no wait for an event: only leaves the processor to what is awaited */
}

struct db_pool *ledger_pool(const char *role, int max)
{
	struct db_pool *pool;
	struct err err;

	cr_assert(db_pool_new(role, "test", max, &pool, &err), "%s", err.text);
	return pool;
}

void ledger_name(char out[40])
{
	uint8_t bytes[12];
	char hex[25], *at;

	/* Letters only, so that it also fits where words are wanted. */
	text_random(bytes, sizeof(bytes));
	text_hex(bytes, sizeof(bytes), hex);
	for (at = hex; *at; at++)
		if (*at <= '9')
			*at = (char)(*at - '0' + 'k');
	snprintf(out, 40, "t_%s", hex);
}
