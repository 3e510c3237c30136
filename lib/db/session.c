#include <errno.h>
#include <limits.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/base/clock.h"
#include "lib/base/conf.h"
#include "lib/base/file.h"
#include "lib/base/log.h"
#include "lib/db/internal.h"
#include "lib/db/migrate.h"

/* The server ends a statement after ledger_timeout itself; this much longer we wait for it to say so. */
enum { ANSWER_GRACE_MS = 5000, CONNECTION_STRING_MAX = 4096, KEYWORDS_MAX = 64 };

/* One line in the log when the ledger goes and one when it comes back, whatever number of sessions notices. */
static atomic_bool is_away;

static void note_away(const char *reason)
{
	if (!atomic_exchange(&is_away, true))
		log_warning(LOG_LEDGER_AWAY, "reason=%s", reason);
}

static void note_back(void)
{
	if (atomic_exchange(&is_away, false))
		log_info(LOG_LEDGER_BACK, NULL);
}

/* A server that ends an idle session says so by a notice of severity FATAL; other notices are of no use to us. */
static void on_notice(void *context, const PGresult *result)
{
	const char *severity = PQresultErrorField(result, PG_DIAG_SEVERITY_NONLOCALIZED);
	struct db *db = context;

	if (severity && (strcmp(severity, "FATAL") == 0 || strcmp(severity, "PANIC") == 0))
		db->is_lost = true;
}

/* --- connecting ------------------------------------------------------------------------------------------------ */

static bool connection_string(char **out, struct err *err)
{
	const char *configured = conf_text(CONF_LEDGER);
	char path[PATH_MAX];

	if (*configured) {
		*out = strdup(configured);
		if (!*out)
			err_panic("out of memory");
		return true;
	}
	if (!conf_path(path, sizeof(path), err, "run/ledger"))
		return false;
	if (!file_read_all(path, CONNECTION_STRING_MAX, out, NULL, err)) {
		err_context(err, "could not find the ledger of this installation");
		err->kind = ERR_TEMPORARY;
		return false;
	}
	(*out)[strcspn(*out, "\n")] = '\0';
	return true;
}

struct keywords {
	const char *names[KEYWORDS_MAX + 1];
	const char *values[KEYWORDS_MAX + 1];
	int count;
};

static void add_keyword(struct keywords *keywords, const char *name, const char *value)
{
	int i;

	for (i = 0; i < keywords->count; i++)
		if (strcmp(keywords->names[i], name) == 0)
			break;
	if (i == KEYWORDS_MAX)
		return;
	keywords->names[i] = name;
	keywords->values[i] = value;
	if (i == keywords->count)
		keywords->count++;
}

/* Our own words first where the operator may say otherwise, last where not. */
static void fill_keywords(struct keywords *keywords, const struct db *db, const PQconninfoOption *given)
{
	memset(keywords, 0, sizeof(*keywords));
	add_keyword(keywords, "keepalives_idle", "30");
	add_keyword(keywords, "keepalives_interval", "10");
	add_keyword(keywords, "keepalives_count", "3");
	for (; given->keyword; given++)
		if (given->val && *given->val)
			add_keyword(keywords, given->keyword, given->val);
	add_keyword(keywords, "user", db->role);
	add_keyword(keywords, "application_name", db->application);
	add_keyword(keywords, "client_encoding", "UTF8");
}

static bool start_connecting(struct db *db, struct err *err)
{
	struct keywords keywords;
	PQconninfoOption *given;
	char *text;

	if (!connection_string(&text, err))
		return false;
	/* libpq's own complaint would quote the string, which may hold a password. */
	given = PQconninfoParse(text, NULL);
	free(text);
	if (!given)
		return err_set(err, ERR_INVALID, "cannot read the connection string of the ledger");
	fill_keywords(&keywords, db, given);
	db->connection = PQconnectStartParams(keywords.names, keywords.values, 0);
	PQconninfoFree(given);
	if (!db->connection)
		err_panic("out of memory");
	return true;
}

/* Waits for the socket. 1: ready, 0: time is up, -1: wake_fd */
static int wait_socket(PGconn *connection, short events, int64_t until_ms, int wake_fd)
{
	struct pollfd fds[2] = {{.fd = PQsocket(connection), .events = events}, {.fd = wake_fd, .events = POLLIN}};

	for (;;) {
		int64_t left = until_ms - clock_monotonic_ms();
		int ready = poll(fds, 2, left < 0 ? 0 : left > INT_MAX ? INT_MAX : (int)left);

		if (ready < 0 && errno != EINTR)
			err_panic("could not poll: %d", errno);
		if (ready == 0)
			return 0;
		if (ready > 0)
			return fds[1].revents ? -1 : 1;
	}
}

static bool finish_connecting(struct db *db, int64_t until_ms, int wake_fd, struct err *err)
{
	PostgresPollingStatusType step = PGRES_POLLING_WRITING;
	char reason[200];

	while (step == PGRES_POLLING_WRITING || step == PGRES_POLLING_READING) {
		int ready;

		if (PQstatus(db->connection) == CONNECTION_BAD)
			break;
		ready =
		    wait_socket(db->connection, step == PGRES_POLLING_READING ? POLLIN : POLLOUT, until_ms, wake_fd);
		if (ready < 0)
			return err_set(err, ERR_CANCELLED, "gave up connecting to the ledger");
		if (ready == 0)
			return err_set(err, ERR_TEMPORARY, "could not connect to the ledger: no answer in time");
		step = PQconnectPoll(db->connection);
	}
	if (step == PGRES_POLLING_OK)
		return true;
	text_copy(reason, sizeof(reason), PQerrorMessage(db->connection));
	reason[strcspn(reason, "\n")] = '\0';
	return err_set(err, ERR_TEMPORARY, "could not connect to the ledger: %s", reason);
}

static bool apply_settings(struct db *db, struct err *err)
{
	char offset[48], timeout[48];

	snprintf(offset, sizeof(offset), "%lld", (long long)clock_offset_us());
	snprintf(timeout, sizeof(timeout), "%lldms", (long long)conf_number(CONF_LEDGER_TIMEOUT));
	if (!db_exec(db, STMT_DB_SESSION_SETTINGS,
	             DB_PARAMS(db_text(offset), db_text(timeout), db_text(conf_text(CONF_TIME_ZONE))), NULL, err))
		return false;
	return !db->person[0] || db_exec(db, STMT_DB_SESSION_PERSON, DB_PARAMS(db_text(db->person)), NULL, err);
}

bool db_session_open(struct db *db, int wake_fd, struct err *err)
{
	int64_t until_ms = clock_monotonic_ms() + conf_number(CONF_LEDGER_TIMEOUT);
	bool ok;

	db_session_close(db);
	db->is_opening = true;
	ok = start_connecting(db, err) && finish_connecting(db, until_ms, wake_fd, err);
	if (ok) {
		PQsetNoticeReceiver(db->connection, on_notice, db);
		ok = apply_settings(db, err) && (!db->pool || migrate_check(db, err));
	}
	db->is_opening = false;
	if (ok) {
		note_back();
		return true;
	}
	if (err->kind == ERR_TEMPORARY)
		note_away(err->text);
	db_session_close(db);
	return false;
}

void db_session_close(struct db *db)
{
	PQfinish(db->connection);
	db->connection = NULL;
	db->is_lost = false;
	memset(db->is_prepared, 0, sizeof(db->is_prepared));
}

/* --- alive or not ---------------------------------------------------------------------------------------------- */

bool db_session_is_alive(struct db *db)
{
	int i;

	if (!db->connection || db->is_lost || PQstatus(db->connection) != CONNECTION_OK)
		return false;
	/* A few rounds: first the farewell, then the end of the stream. */
	for (i = 0; i < 4 && wait_socket(db->connection, POLLIN, 0, -1) == 1; i++) {
		if (!PQconsumeInput(db->connection))
			return false;
		PQisBusy(db->connection); /* has the notice handed to on_notice() */
		if (db->is_lost)
			return false;
	}
	return PQstatus(db->connection) == CONNECTION_OK;
}

bool db_session_ready(struct db *db, struct err *err)
{
	if (db->is_streaming)
		return err_set(err, ERR_REFUSED, "cannot run a statement while its session hands out rows");
	if (db->in_transaction) {
		if (!db->is_lost && PQstatus(db->connection) == CONNECTION_OK)
			return true;
		return err_set(err, ERR_TEMPORARY,
		               "could not go on with the transaction: the connection to the ledger was lost");
	}
	if (db_session_is_alive(db))
		return true;
	if (db->is_pinned)
		return err_set(err, ERR_TEMPORARY, "could not go on: the connection to the ledger was lost");
	if (db->connection)
		note_away("connection lost");
	return db_session_open(db, -1, err);
}

/* --- nobody waits any more --------------------------------------------------------------------------------------- */

bool db_watch_ask(const struct db_watch *watch, struct err *err)
{
	if (!watch->is_wanted || watch->is_wanted(watch->context))
		return true;
	return err_set(err, ERR_CANCELLED, "nobody waits for the answer any more");
}

void db_session_cancel(struct db *db)
{
	PGcancel *request = PQgetCancel(db->connection);
	char reason[256];

	if (request)
		PQcancel(request, reason, sizeof(reason));
	PQfreeCancel(request);
}

static void look_at_watch(struct db *db)
{
	struct err ignored;

	if (db_watch_ask(&db->watch, &ignored))
		return;
	db->is_unwanted = true;
	db_session_cancel(db);
}

/* --- answers --------------------------------------------------------------------------------------------------- */

static bool lost(struct db *db, const char *why, struct err *err)
{
	db->is_lost = true;
	note_away(why);
	return err_set(err, ERR_TEMPORARY, "could not hear the answer of the ledger: %s", why);
}

bool db_session_wait(struct db *db, int64_t until_ms, struct err *err)
{
	for (;;) {
		bool looks = db->is_watching && db->watch.is_wanted && !db->is_unwanted;
		int64_t look_ms = looks ? clock_monotonic_ms() + DB_LOOK_EVERY_MS : INT64_MAX;
		int unsent = PQflush(db->connection);
		int ready;

		if (unsent < 0)
			return lost(db, "connection lost", err);
		if (!unsent && !PQisBusy(db->connection))
			return true;
		ready = wait_socket(db->connection, unsent ? POLLIN | POLLOUT : POLLIN,
		                    look_ms < until_ms ? look_ms : until_ms, -1);
		if (ready == 0 && look_ms < until_ms) {
			look_at_watch(db);
			continue;
		}
		if (ready == 0)
			return lost(db, "no answer in time", err);
		if (!PQconsumeInput(db->connection))
			return lost(db, "connection lost", err);
	}
}

/*
 * A statement outside a transaction is committed only by what follows its "command complete", so that the answer counts
 * when all of it is here.
 */
PGresult *db_session_answer(struct db *db, struct err *err)
{
	int64_t until_ms =
	    db->is_pinned ? INT64_MAX : clock_monotonic_ms() + conf_number(CONF_LEDGER_TIMEOUT) + ANSWER_GRACE_MS;
	PGresult *kept = NULL, *next;

	for (;;) {
		if (!db_session_wait(db, until_ms, err)) {
			PQclear(kept);
			return NULL;
		}
		next = PQgetResult(db->connection);
		if (!next)
			break;
		if (kept && !db_result_is_good(kept)) {
			PQclear(next);
			continue;
		}
		PQclear(kept);
		kept = next;
	}
	if (!kept)
		lost(db, "connection lost", err);
	return kept;
}

bool db_session_command(struct db *db, const char *command, const char *what, PGresult **out, struct err *err)
{
	PGresult *result;
	bool ok;

	if (!PQsendQuery(db->connection, command))
		return lost(db, "connection lost", err);
	result = db_session_answer(db, err);
	if (!result)
		return false;
	ok = db_result_is_good(result) || db_result_error(db, result, what, err);
	if (ok && out)
		*out = result;
	else
		PQclear(result);
	return ok;
}
