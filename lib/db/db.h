/*
 * The ledger: PostgreSQL through libpq.
 *
 * Statements live in schema/statements/<module>.sql, each under a line `-- name: delivery_claim`, and are generated into
 * build/gen/statements.h as enum db_statement { STMT_DELIVERY_CLAIM, ... }. They are prepared on a connection when first
 * used there, under their name. Values travel only as parameters; no SQL text stands in any C file.
 *
 * A connection that broke is replaced when it is next taken. SQLSTATE decides the kind of an error (db_sqlstate_kind()):
 * class 08, 57P0x, 53xxx except 53100, 40xxx, 55P03 ERR_TEMPORARY; 53100 ERR_NO_SPACE; 23505, 23P01 and YQ409 ERR_CONFLICT; other 23xxx, 22xxx
 * and YQ400 ERR_INVALID; 42501, YQ403, P0001 ERR_REFUSED (YQ4xx are raised by our own triggers and functions; their message is the text of the error,
 * alone); YQ404 ERR_NOT_FOUND; 57014 ERR_CANCELLED, or ERR_TEMPORARY after ledger_timeout; other 42xxx, 0A000 ERR_CORRUPT (program and ledger do not fit).
 * A lost answer: inside a transaction ERR_TEMPORARY (it was rolled back), of COMMIT and of a changing statement outside a transaction
 * ERR_UNKNOWN_OUTCOME. No error text has a parameter's value in it.
 *
 * Threads: a pool is shared; a session belongs to the thread that took it.
 */
#ifndef YQ_DB_DB_H
#define YQ_DB_DB_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "gen/statements.h"
#include "lib/base/err.h"

#ifdef __cplusplus
extern "C" {
#endif

struct db_pool;
struct db; /* one session: a connection, taken */
struct db_rows;

/* role: yq_storescp, yq_router, yq_gateway, yq_operator or yq_owner. At most max connections; none is opened yet. */
bool db_pool_new(const char *role, const char *application, int max, struct db_pool **out, struct err *err);
void db_pool_free(struct db_pool *pool);

/*
 * Waits for a free connection at most ledger_timeout. ERR_TEMPORARY when the ledger is away or the pool is busy; ERR_CONFLICT when
 * it is not at exactly the version that this program was built for (migrate_check() on every new connection).
 */
bool db_take(struct db_pool *pool, struct db **out, struct err *err);

/*
 * Whether somebody still waits for what a session is asked: looked at every 250 ms by the thread that waits for the ledger. Must not block, and must not use the
 * session. Programs without clients have none.
 */
struct db_watch {
	bool (*is_wanted)(void *context);
	void *context;
};
/*
 * As db_take(), with a watch until db_give(). When nobody waits any more, the wait for a free connection and a statement that only reads (a SELECT, or a WITH
 * that changes nothing, outside a transaction) end with ERR_CANCELLED; the server is told to end the statement, and the session stays usable.
 * What writes goes on to its end.
 */
bool db_take_watched(struct db_pool *pool, struct db_watch watch, struct db **out, struct err *err);
/* Rolls an open transaction back, forgets the person and the watch, gives the connection back. NULL is fine. */
void db_give(struct db *db);

/*
 * Whose eyes this session has: row-level security shows the rows of the sites that the person's rights reach, now.
 * NULL: none (only tables without patients). Lasts until db_give(), also over a reconnect; not inside a transaction (ERR_REFUSED).
 * Only meaningful for yq_gateway; other roles see all.
 */
bool db_set_person(struct db *db, const char *person_public_id, struct err *err);

/* --- parameters ------------------------------------------------------------------------------------------------- */

enum db_kind { DB_NULL, DB_TEXT, DB_INT, DB_BOOL, DB_BYTES, DB_TEXT_ARRAY, DB_TIME };
struct db_param {
	enum db_kind kind;
	const char *text;
	const void *bytes;
	size_t length;            /* of bytes; or number of items of an array */
	const char *const *items; /* DB_TEXT_ARRAY; a NULL item is SQL NULL */
	int64_t number;           /* DB_INT, DB_BOOL, DB_TIME (microseconds since 1970 UTC) */
};
/* Everything behind a parameter is borrowed until the call returns. A NULL text or NULL bytes is SQL NULL. */
static inline struct db_param db_text(const char *text)
{
	struct db_param p = {text ? DB_TEXT : DB_NULL, text, 0, 0, 0, 0};
	return p;
}
static inline struct db_param db_int(int64_t number)
{
	struct db_param p = {DB_INT, 0, 0, 0, 0, number};
	return p;
}
static inline struct db_param db_bool(bool value)
{
	struct db_param p = {DB_BOOL, 0, 0, 0, 0, value};
	return p;
}
static inline struct db_param db_time(int64_t wall_us)
{
	struct db_param p = {DB_TIME, 0, 0, 0, 0, wall_us};
	return p;
}
static inline struct db_param db_bytes(const void *bytes, size_t length)
{
	struct db_param p = {bytes ? DB_BYTES : DB_NULL, 0, bytes, length, 0, 0};
	return p;
}
static inline struct db_param db_texts(const char *const *items, size_t count)
{
	struct db_param p = {DB_TEXT_ARRAY, 0, 0, count, items, 0};
	return p;
}
static inline struct db_param db_null(void)
{
	struct db_param p = {DB_NULL, 0, 0, 0, 0, 0};
	return p;
}

/* --- statements ------------------------------------------------------------------------------------------------- */

/* Runs one statement. rows may be NULL when the result does not matter; else *rows is the caller's, db_rows_free(). */
bool db_exec(struct db *db, enum db_statement statement, const struct db_param *params, size_t count,
             struct db_rows **rows, struct err *err);
/* As db_exec(), ERR_NOT_FOUND with `what` in the text when no row came back; use for statements that return the row they change. */
bool db_exec_one(struct db *db, enum db_statement statement, const struct db_param *params, size_t count,
                 const char *what, struct db_rows **rows, struct err *err);
#define DB_PARAMS(...)                                                                                                 \
	(const struct db_param[]){__VA_ARGS__}, sizeof((const struct db_param[]){__VA_ARGS__}) / sizeof(struct db_param)
#define DB_NO_PARAMS NULL, 0

/* Row by row without holding the result: each is called with a one-row result, and ends the run early by false + *err. */
typedef bool db_each_row(void *context, const struct db_rows *row, struct err *err);
bool db_stream(struct db *db, enum db_statement statement, const struct db_param *params, size_t count,
               db_each_row *each, void *context, struct err *err);

int db_rows_count(const struct db_rows *rows);
void db_rows_free(struct db_rows *rows);
int64_t db_rows_affected(const struct db_rows *rows);

/*
 * As text, a timestamptz reads as RFC 3339 in the installation's zone, bytea as hexadecimal.
 * Values by column name; an unknown column is a bug and panics. Borrowed from rows. NULL reads as NULL / 0 / false.
 */
const char *db_get_text(const struct db_rows *rows, int row, const char *column);
int64_t db_get_int(const struct db_rows *rows, int row, const char *column);
bool db_get_bool(const struct db_rows *rows, int row, const char *column);
int64_t db_get_time(const struct db_rows *rows, int row, const char *column); /* microseconds since 1970 UTC; NULL: 0 */
bool db_is_null(const struct db_rows *rows, int row, const char *column);
/* Decoded bytea; *out is the caller's, free(3). */
void db_get_bytes(const struct db_rows *rows, int row, const char *column, uint8_t **out, size_t *out_length);

/* For generic output (lists as JSON): columns in order. */
int db_rows_columns(const struct db_rows *rows);
const char *db_column_name(const struct db_rows *rows, int column);
/* DB_INT, DB_BOOL, DB_TIME (RFC 3339 text), DB_BYTES (hex text) or DB_TEXT; json and jsonb give DB_NULL's neighbour DB_TEXT with *is_json set. */
enum db_kind db_column_kind(const struct db_rows *rows, int column, bool *is_json);

/* --- transactions ----------------------------------------------------------------------------------------------- */

bool db_begin(struct db *db, struct err *err);
bool db_commit(struct db *db, struct err *err);
void db_rollback(struct db *db);

/*
 * Takes a session, runs work inside a transaction and commits; runs it again (at most 5 times) after a serialization failure
 * or deadlock. work returns false to roll back. Outputs of work may be written more than once.
 */
typedef bool db_work(struct db *db, void *context, struct err *err);
bool db_transact(struct db_pool *pool, const char *person_public_id, db_work *work, void *context, struct err *err);

/* --- hints ------------------------------------------------------------------------------------------------------- */

/*
 * Listens on a channel with a connection of its own. db_wait() returns true when a notification came, the time ran out, the connection was made anew, or
 * wake_fd became readable: the caller then scans the ledger, which is the truth. It never fails: an absent ledger
 * only means waiting the full time.
 */
struct db_listener;
bool db_listener_new(const char *role, const char *const *channels, size_t count, struct db_listener **out,
                     struct err *err);
void db_listener_free(struct db_listener *listener);
void db_wait(struct db_listener *listener, int64_t timeout_ms, int wake_fd);

enum err_kind db_sqlstate_kind(const char *sqlstate);

#ifdef __cplusplus
}
#endif
#endif
