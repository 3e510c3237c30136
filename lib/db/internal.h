/*
 * What the files of lib/db share; nobody else includes it. Knows libpq.
 */
#ifndef YQ_DB_INTERNAL_H
#define YQ_DB_INTERNAL_H

#include <libpq-fe.h>
#include <stdatomic.h>

#include "lib/base/text.h"
#include "lib/db/db.h"

struct db_pool;

struct db {
	struct db_pool *pool; /* NULL: a session of its own (migrations) */
	const char *role, *application;
	PGconn *connection;  /* NULL until first used */
	bool is_lost;        /* the server said farewell, or gave no answer in time: replace before the next use */
	bool in_transaction; /* between a good db_begin() and the end of the transaction */
	bool is_opening;     /* being set up: what fails then is not replaced from inside */
	bool is_streaming;   /* inside db_stream(): the connection is busy */
	bool is_taken;
	struct db_watch watch; /* is_wanted NULL: nobody is asked */
	bool is_watching;      /* the statement that runs may be cancelled when nobody wants it */
	bool is_unwanted;      /* nobody did, and the server was told */
	bool is_pinned; /* never replaced, no time-out: the session itself holds something (the migration lock) */
	char person[TEXT_UUID_SIZE]; /* empty: nobody */
	unsigned char is_prepared[STMT_COUNT + 1];
};

/* PGresult with what makes reading by name and time cheap. */
struct db_rows {
	PGresult *result;
	char **times; /* rows x columns, filled when a timestamptz is read as text; NULL until then */
};

/* Connects within ledger_timeout and applies the settings of a session. wake_fd (or -1) readable: given up, ERR_CANCELLED. */
bool db_session_open(struct db *db, int wake_fd, struct err *err);
void db_session_close(struct db *db);
/* Before a statement: replaces a connection that is known to be lost, unless a transaction was open on it (ERR_TEMPORARY). */
bool db_session_ready(struct db *db, struct err *err);
/* Looks without waiting whether the server closed an idle connection. */
bool db_session_is_alive(struct db *db);

enum { DB_LOOK_EVERY_MS = 250 }; /* at a watch */
/* False, with ERR_CANCELLED: nobody waits for what is asked. */
bool db_watch_ask(const struct db_watch *watch, struct err *err);
/* Tells the server to end what runs. Not heard: the answer is read and thrown away, which only takes longer. */
void db_session_cancel(struct db *db);

/* Waits until the next result can be had without blocking. False: time out or connection lost, and is_lost is set. */
bool db_session_wait(struct db *db, int64_t until_ms, struct err *err);
/* The whole answer of one command: its last result, or its first error. NULL with *err when none came. */
PGresult *db_session_answer(struct db *db, struct err *err);
/* BEGIN and the like, literals of lib/db only, and migrations; what names it in errors. */
bool db_session_command(struct db *db, const char *command, const char *what, PGresult **out, struct err *err);

/* Fills *err from a failed result; `what` names the statement. Values of parameters never get into the text. */
bool db_result_error(struct db *db, const PGresult *result, const char *what, struct err *err);
bool db_result_is_good(const PGresult *result);

struct db_rows *db_rows_new(PGresult *result);
/* Microseconds since 1970 UTC of the ISO text of a timestamptz; infinity is INT64_MAX, -infinity INT64_MIN. */
bool db_parse_time(const char *text, int64_t *out_us);
enum { DB_TIME_TEXT_MAX = 48 };
void db_print_time(int64_t wall_us, char out[DB_TIME_TEXT_MAX]);

/* Parameters in the shape that libpq wants. */
enum { DB_PARAMS_MAX = 64 };
struct db_wire {
	const char *values[DB_PARAMS_MAX];
	int lengths[DB_PARAMS_MAX];
	int formats[DB_PARAMS_MAX];
	char *owned[DB_PARAMS_MAX];
	int count;
};
bool db_wire_init(struct db_wire *wire, const struct db_param *params, size_t count, struct err *err);
void db_wire_fini(struct db_wire *wire);

#endif
