/*
 * Who is here: passwords, logins, sessions. Making accounts and granting rights is the operator's business (yqctl), not this module's.
 *
 * Passwords are kept as Argon2id (RFC 9106) PHC strings. A session is a random 256-bit token that only the browser has; the ledger
 * knows its SHA-256. It ends by logout, by a changed password, by `session_idle` of silence, or when the account is made
 * inactive. Every session has a CSRF token of its own, which unsafe methods must repeat.
 *
 * Guessing is slowed down, for accounts that exist and that do not alike: after 5 wrong passwords each further one doubles a wait of 30 s up
 * to 15 min, per account (kept in the ledger) and, more generously, per address (in this process). A wrong account, a wrong password and
 * an inactive account look the same from outside and take the same time.
 *
 * Refusals are ERR_REFUSED; ERR_SOURCE_HTTP says 401 (who are you?) or 429 (not now).
 * Threads: all functions may be called from several; at most two passwords are hashed at once (32 MiB each).
 */
#ifndef YQ_DOMAIN_ACCOUNT_H
#define YQ_DOMAIN_ACCOUNT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/base/err.h"
#include "lib/base/text.h"

struct db;
struct db_pool;

/* Roles of person_right; a set of them is a bit mask of ACCOUNT_ROLE(...). */
enum account_role {
	ACCOUNT_RADIOGRAPHER,
	ACCOUNT_CLINICIAN,
	ACCOUNT_REPORTER,
	ACCOUNT_REVIEWER,
	ACCOUNT_DUTY_LEADER,
	ACCOUNT_QUALITY_CONTROLLER,
	ACCOUNT_ADMINISTRATOR,
	ACCOUNT_OPERATOR,
	ACCOUNT_ROLE_COUNT
};
#define ACCOUNT_ROLE(role) (1u << (role))
const char *account_role_name(enum account_role role); /* "radiographer", ... */
uint32_t account_role_bit(const char *name);           /* 0: no such role */
uint32_t account_roles_read(const char *names);        /* separated by single blanks; unknown ones are left out */

enum { ACCOUNT_HASH_SIZE = 160, ACCOUNT_TOKEN_SIZE = 65, ACCOUNT_NAME_SIZE = 65, PERSON_NAME_SIZE = 401 };

/* ERR_INVALID: shorter than 10 or longer than 128 characters, no UTF-8. out is a PHC string for person.password_hash. */
bool account_password_hash(const char *password, char out[ACCOUNT_HASH_SIZE], struct err *err);

struct account_session {
	char person_id[TEXT_UUID_SIZE];
	char account[ACCOUNT_NAME_SIZE];
	char name[PERSON_NAME_SIZE];
	char csrf_token[ACCOUNT_TOKEN_SIZE];
	uint32_t roles; /* held anywhere, now; where is for row-level security and yq_person_may() */
};

/* *token is the cookie's value; it is shown this once. address: numeric, may be empty. */
bool account_login(struct db_pool *pool, const char *account, const char *password, const char *address,
                   char token[ACCOUNT_TOKEN_SIZE], struct account_session *out, struct err *err);
/* The living session behind a token, and renews its silence. Any text may be given. */
bool account_session_find(struct db *db, const char *token, struct account_session *out, struct err *err);
/* Idempotent. */
bool account_logout(struct db *db, const char *token, struct err *err);
/* Deletes the sessions that ended or fell silent for too long. For the router, now and then. */
bool account_sweep(struct db *db, int64_t *out_deleted, struct err *err);

/* Asks the password of a person again, before a signature. Wrong ones count like wrong logins. */
bool account_confirm(struct db_pool *pool, const char *person_id, const char *password, struct err *err);
/* Confirms the old one, ends every session of the person except the one of `token` (NULL: every one). */
bool account_change_password(struct db_pool *pool, const char *person_id, const char *old_password,
                             const char *new_password, const char *token, struct err *err);

#endif
