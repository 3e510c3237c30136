/*
 * Tokens of workstations: how a program that has no browser acts for a person at the DICOMweb doors (PS3.18 section 6.5 leaves authentication to HTTP).
 *
 * A token is a random 256-bit value that a person makes for a named workstation, until a day, for some uses. It is shown once; the ledger
 * knows its SHA-256, which needs no slow hash: there is nothing to guess. It has the roles and the scope that the person has at the moment. It
 * ends by its day, by being revoked, by a new password, and with the account.
 *
 * Guessing is slowed down per address as with logins (account.h); the same wrong token again, from a workstation that was set up wrongly, has
 * its own wait and does not lock its neighbours out. A token that has ended is no guess.
 *
 * Knows no HTTP. Refusals are ERR_REFUSED; ERR_SOURCE_HTTP says 401 or 429. Threads: all functions may be called from several.
 */
#ifndef YQ_DOMAIN_WORKSTATION_H
#define YQ_DOMAIN_WORKSTATION_H

#include "lib/domain/account.h"

/* What a token may; a set of them is a bit mask. */
enum workstation_use {
	WORKSTATION_READ = 1,    /* QIDO-RS, WADO-RS */
	WORKSTATION_STORE = 2,   /* STOW-RS */
	WORKSTATION_WORKLIST = 4 /* UPS-RS */
};
const char *workstation_use_name(enum workstation_use use); /* "read", ... */
uint32_t workstation_use_bit(const char *name);             /* 0: no such use */

/* "yqt_" and 64 hexadecimal digits. */
enum { WORKSTATION_TOKEN_SIZE = 69, WORKSTATION_NAME_MAX = 60, WORKSTATION_NAME_SIZE = 4 * WORKSTATION_NAME_MAX + 1 };
enum { WORKSTATION_DAYS_MAX = 400, WORKSTATION_TOKENS_MAX = 20 };

/* Borrowed. */
struct workstation_new {
	const char *person_id;
	const char *name;      /* 1 to 60 characters, no ':' (RFC 7617 section 2: it is a user of HTTP Basic) */
	uint32_t uses;         /* at least one */
	const char *until_day; /* "2027-06-30", its last day; at most 400 days ahead */
	const char *made_by;   /* an operator's login name; NULL: the person */
};
/* ERR_INVALID: a value; ERR_CONFLICT: 20 live already; ERR_NOT_FOUND: no such person, or disabled. */
bool workstation_add(struct db *db, const struct workstation_new *workstation, char token[WORKSTATION_TOKEN_SIZE],
                     char out_id[TEXT_UUID_SIZE], struct err *err);

struct workstation_caller {
	struct account_session session; /* without CSRF token */
	char token_id[TEXT_UUID_SIZE];
	char name[WORKSTATION_NAME_SIZE];
	uint32_t uses;
};
/*
 * Whose living token this is. user: what was said with it, the account or the workstation's name; NULL: nothing. Any texts may be given.
 * *out_is_news: the refusal should be noted, since it is not the same token again that waits already.
 */
bool workstation_enter(struct db_pool *pool, const char *user, const char *token, const char *address,
                       struct workstation_caller *out, bool *out_is_news, struct err *err);

struct workstation_ended {
	char name[WORKSTATION_NAME_SIZE];
	char person_id[TEXT_UUID_SIZE];
};
/*
 * Revokes; idempotent. person_id: the owner, or an administrator or operator of the owner's seat; NULL: the operator of the machine. by: in words.
 * ERR_NOT_FOUND: not there for these eyes.
 */
bool workstation_end(struct db *db, const char *id, const char *person_id, const char *by,
                     struct workstation_ended *out, struct err *err);

#endif
