#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "lib/base/clock.h"
#include "lib/base/conf.h"
#include "lib/db/internal.h"

static const char *name_of(enum db_statement statement)
{
	return db_statements[statement].name;
}

/*
 * Outside a transaction a lost answer leaves open whether a statement that changes something did so. A SELECT is taken as harmless;
 * one that calls a changing function says so by running inside a transaction.
 */
static bool may_have_changed(const struct db *db, enum db_statement statement)
{
	return !db->in_transaction && strncasecmp(db_statements[statement].sql, "SELECT", 6) != 0;
}

/* What a session is itself is set in any case. The words of a change stand in a statement as they are written here. */
static bool only_reads(const struct db *db, enum db_statement statement)
{
	const char *sql = db_statements[statement].sql;

	if (db->in_transaction || statement == STMT_DB_SESSION_SETTINGS || statement == STMT_DB_SESSION_PERSON ||
	    statement == STMT_DB_SESSION_TIMEOUT)
		return false;
	return strncmp(sql, "SELECT", 6) == 0 || (strncmp(sql, "WITH", 4) == 0 && !strstr(sql, "INSERT") &&
	                                          !strstr(sql, "UPDATE") && !strstr(sql, "DELETE"));
}

static bool prepare(struct db *db, enum db_statement statement, struct err *err)
{
	PGresult *result;
	bool ok;

	if (db->is_prepared[statement])
		return true;
	if (!PQsendPrepare(db->connection, name_of(statement), db_statements[statement].sql, 0, NULL)) {
		db->is_lost = true;
		return err_set(err, ERR_TEMPORARY, "could not prepare %s: the connection to the ledger was lost",
		               name_of(statement));
	}
	result = db_session_answer(db, err);
	if (!result)
		return false;
	ok = db_result_is_good(result) || db_result_error(db, result, name_of(statement), err);
	PQclear(result);
	db->is_prepared[statement] = ok;
	return ok;
}

static bool send(struct db *db, enum db_statement statement, const struct db_wire *wire, struct err *err)
{
	if (PQsendQueryPrepared(db->connection, name_of(statement), wire->count, wire->values, wire->lengths,
	                        wire->formats, 0))
		return true;
	db->is_lost = true;
	return err_set(err, ERR_TEMPORARY, "could not send %s: the connection to the ledger was lost",
	               name_of(statement));
}

/*
 * Up to here nothing was changed, so a connection that turns out to be dead is replaced once and everything is sent again.
 * A session that is just being set up is not replaced from inside.
 */
static bool start(struct db *db, enum db_statement statement, const struct db_wire *wire, struct err *err)
{
	if (wire->count != db_statements[statement].params)
		err_panic("%s takes %d parameters, not %d", name_of(statement), db_statements[statement].params,
		          wire->count);
	if (!db->is_opening && !db_session_ready(db, err))
		return false;
	if (prepare(db, statement, err) && send(db, statement, wire, err))
		return true;
	if (db->is_opening || !db->is_lost || db->in_transaction)
		return false;
	return db_session_ready(db, err) && prepare(db, statement, err) && send(db, statement, wire, err);
}

/* 57014 is also what the server says when statement_timeout is over: that may work later. */
static void tell_timeout(struct err *err, int64_t started_ms)
{
	if (err->kind == ERR_CANCELLED && clock_monotonic_ms() - started_ms >= conf_number(CONF_LEDGER_TIMEOUT))
		err->kind = ERR_TEMPORARY;
}

static bool finish(struct db *db, enum db_statement statement, struct db_rows **rows, struct err *err)
{
	PGresult *result = db_session_answer(db, err);

	if (result && db_result_is_good(result) && !db->is_unwanted) {
		if (rows)
			*rows = db_rows_new(result);
		else
			PQclear(result);
		return true;
	}
	if (!result)
		err_context(err, "%s", name_of(statement));
	else if (!db_result_is_good(result))
		db_result_error(db, result, name_of(statement), err);
	PQclear(result);
	if (db->is_lost && may_have_changed(db, statement))
		err->kind = ERR_UNKNOWN_OUTCOME;
	return false;
}

/* Statements of the session's own run inside of another; *was is given back to end_watch(). */
static void begin_watch(struct db *db, enum db_statement statement, bool *was)
{
	*was = db->is_watching;
	db->is_watching = only_reads(db, statement);
}

/* Whatever came meanwhile: the cancellation is what ended it, and nobody would read more. */
static void end_watch(struct db *db, bool was, bool ok, struct err *err)
{
	if (!ok && db->is_unwanted)
		err_set(err, ERR_CANCELLED, "nobody waits for the answer any more");
	if (!was)
		db->is_unwanted = false;
	db->is_watching = was;
}

bool db_exec(struct db *db, enum db_statement statement, const struct db_param *params, size_t count,
             struct db_rows **rows, struct err *err)
{
	int64_t started_ms = clock_monotonic_ms();
	struct db_wire wire;
	bool ok, was;

	if (!db_wire_init(&wire, params, count, err))
		return false;
	begin_watch(db, statement, &was);
	ok = start(db, statement, &wire, err) && finish(db, statement, rows, err);
	db_wire_fini(&wire);
	if (!ok)
		tell_timeout(err, started_ms);
	end_watch(db, was, ok, err);
	return ok;
}

bool db_exec_one(struct db *db, enum db_statement statement, const struct db_param *params, size_t count,
                 const char *what, struct db_rows **rows, struct err *err)
{
	struct db_rows *found;

	if (!db_exec(db, statement, params, count, &found, err))
		return false;
	if (db_rows_count(found) == 0) {
		db_rows_free(found);
		return err_set(err, ERR_NOT_FOUND, "cannot find %s", what);
	}
	if (rows)
		*rows = found;
	else
		db_rows_free(found);
	return true;
}

/* --- row by row ------------------------------------------------------------------------------------------------ */

struct stream {
	struct db *db;
	enum db_statement statement;
	db_each_row *each;
	void *context;
	bool has_failed; /* *err is set; what still comes is thrown away */
};

static void take_row(struct stream *stream, PGresult *result, struct err *err)
{
	ExecStatusType status = PQresultStatus(result);
	struct db_rows *row;

	if (stream->has_failed || status == PGRES_TUPLES_OK || status == PGRES_COMMAND_OK) {
		PQclear(result);
		return;
	}
	if (status != PGRES_SINGLE_TUPLE) {
		stream->has_failed = !db_result_error(stream->db, result, name_of(stream->statement), err);
		PQclear(result);
		return;
	}
	row = db_rows_new(result);
	if (!stream->each(stream->context, row, err)) {
		stream->has_failed = true;
		db_session_cancel(stream->db);
	}
	db_rows_free(row);
}

static bool read_stream(struct stream *stream, struct err *err)
{
	struct err ignored;

	for (;;) {
		int64_t until_ms = clock_monotonic_ms() + conf_number(CONF_LEDGER_TIMEOUT);
		PGresult *result;

		if (!db_session_wait(stream->db, until_ms, stream->has_failed ? &ignored : err))
			return false;
		result = PQgetResult(stream->db->connection);
		if (!result)
			return !stream->has_failed && !stream->db->is_unwanted;
		take_row(stream, result, err);
	}
}

static bool set_timeout(struct db *db, int64_t timeout_ms, struct err *err)
{
	char text[48];

	snprintf(text, sizeof(text), "%lldms", (long long)timeout_ms);
	return db_exec(db, STMT_DB_SESSION_TIMEOUT, DB_PARAMS(db_text(text)), NULL, err);
}

/* The server's time-out would count the time that our reader takes, so it is off meanwhile; each row has the time-out here. */
bool db_stream(struct db *db, enum db_statement statement, const struct db_param *params, size_t count,
               db_each_row *each, void *context, struct err *err)
{
	struct stream stream = {db, statement, each, context, false};
	struct err ignored;
	struct db_wire wire;
	bool ok, was;

	if (!set_timeout(db, 0, err) || !db_wire_init(&wire, params, count, err))
		return false;
	begin_watch(db, statement, &was);
	ok = start(db, statement, &wire, err);
	db_wire_fini(&wire);
	if (ok) {
		PQsetSingleRowMode(db->connection);
		db->is_streaming = true;
		ok = read_stream(&stream, err);
		db->is_streaming = false;
	}
	end_watch(db, was, ok, err);
	/* In a transaction that failed the setting falls back with it; elsewhere a session that cannot be reset is replaced. */
	if (!set_timeout(db, conf_number(CONF_LEDGER_TIMEOUT), &ignored) && !db->in_transaction)
		db->is_lost = true;
	return ok;
}
