/*
 * One error value for the whole project.
 *
 * A fallible function returns bool and takes `struct err *err` as its last parameter. On true, *err is untouched;
 * on false, *err is filled and every other output is untouched. err may not be NULL.
 *
 * A kind is an action for whoever handles the error, not a diagnosis: err_kind_info() is the one table that maps it to
 * "try again?", an HTTP status, a DIMSE status and a log level.
 *
 * Texts are lower case, name no function, and say "could not X: reason" when it may work next time and
 * "cannot X: reason" when it never will. They hold no patient data, since they are logged.
 */
#ifndef YQ_BASE_ERR_H
#define YQ_BASE_ERR_H

#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

enum err_kind {
	ERR_NONE = 0,
	ERR_TEMPORARY,       /* may work later, unchanged: peer or ledger away, time-out, lock */
	ERR_REFUSED,         /* the caller may not do this, or the state does not allow it */
	ERR_INVALID,         /* the input is wrong and will stay wrong */
	ERR_NOT_FOUND,       /* what was named does not exist, or not for this caller */
	ERR_CONFLICT,        /* somebody else changed it first, or it exists with other content */
	ERR_CORRUPT,         /* stored data does not agree with its digest or its form */
	ERR_NO_SPACE,        /* disk, quota or a configured limit of room is used up */
	ERR_UNKNOWN_OUTCOME, /* sent, no answer: it may or may not have happened. Never success, never refusal */
	ERR_CANCELLED,       /* we are stopping, or the caller went away */
	ERR_KIND_COUNT
};

/* Where the code number comes from. */
enum err_source {
	ERR_SOURCE_NONE = 0,
	ERR_SOURCE_ERRNO,  /* code is errno */
	ERR_SOURCE_SQL,    /* code is the SQLSTATE packed by err_sqlstate_pack() */
	ERR_SOURCE_DIMSE,  /* code is a DIMSE status, PS3.7 annex C */
	ERR_SOURCE_DCMTK,  /* code is module << 16 | code of an OFCondition */
	ERR_SOURCE_HTTP,   /* code is an HTTP status */
	ERR_SOURCE_OPENSSL /* code is an OpenSSL error number, cut to 32 bits */
};

enum { ERR_TEXT_MAX = 400 };

struct err {
	enum err_kind kind;
	enum err_source source;
	uint32_t code;
	char text[ERR_TEXT_MAX]; /* UTF-8, cut at a character boundary when too long */
	const char *file;        /* where it was set first; static storage */
	int line;
};

enum err_log_level { ERR_LOG_DEBUG = 0, ERR_LOG_INFO, ERR_LOG_WARNING, ERR_LOG_ERROR };

struct err_kind_info {
	enum err_kind kind;
	const char *name;      /* "temporary", "refused", ...: stable, used in JSON, logs and the ledger */
	bool retry;            /* an unchanged second try may succeed */
	int http_status;       /* RFC 9110 */
	uint16_t dimse_status; /* C-STORE, PS3.4 table B.2-1 */
	enum err_log_level log_level;
	int exit_code; /* of yqctl */
};

/* Borrowed from a static table; never NULL (an unknown kind gets ERR_TEMPORARY's row). */
const struct err_kind_info *err_kind_info(enum err_kind kind);

/* Fills *err and returns false, so that `return err_set(err, ...)` reads well. Errors already in *err are replaced. */
bool err_set_at(struct err *err, const char *file, int line, enum err_kind kind, const char *format, ...)
    __attribute__((format(printf, 5, 6)));
#define err_set(err, kind, ...) err_set_at((err), __FILE__, __LINE__, (kind), __VA_ARGS__)

/* Like err_set() with errno's number and text behind ": "; ENOSPC and EDQUOT give ERR_NO_SPACE whatever kind says. */
bool err_set_errno_at(struct err *err, const char *file, int line, enum err_kind kind, int errnum, const char *format,
                      ...) __attribute__((format(printf, 6, 7)));
#define err_set_errno(err, kind, errnum, ...) err_set_errno_at((err), __FILE__, __LINE__, (kind), (errnum), __VA_ARGS__)

/* Puts "format: " before the text that *err has, keeping kind, source, code and place. Returns false. */
bool err_context(struct err *err, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* Remembers a foreign code beside an error just set. Returns false. */
bool err_code(struct err *err, enum err_source source, uint32_t code);

#if defined(__clang_analyzer__) && !defined(YQ_BASE_ERR_C)
/* It sees one file at a time: tell it that these are always false. */
#undef err_set
#define err_set(err, kind, ...) (err_set_at((err), __FILE__, __LINE__, (kind), __VA_ARGS__), false)
#undef err_set_errno
#define err_set_errno(err, kind, errnum, ...)                                                                          \
	(err_set_errno_at((err), __FILE__, __LINE__, (kind), (errnum), __VA_ARGS__), false)
#define err_context(err, ...) (err_context((err), __VA_ARGS__), false)
#define err_code(err, source, code) (err_code((err), (source), (code)), false)
#endif

/* Five characters of an SQLSTATE in base 36, and back. out holds 6 bytes. */
uint32_t err_sqlstate_pack(const char *sqlstate);
void err_sqlstate_unpack(uint32_t code, char out[6]);

/* A bug or lack of memory: says so on the log and aborts. The state is durable; restart is the tested path. */
__attribute__((noreturn)) void err_panic_at(const char *file, int line, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
#define err_panic(...) err_panic_at(__FILE__, __LINE__, __VA_ARGS__)

#ifdef __cplusplus
}
#endif
#endif
