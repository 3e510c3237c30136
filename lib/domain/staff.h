/*
 * Making accounts, rights and qualifications: the operator's side of lib/domain/account.h. Passwords come in here in the clear and go
 * to the ledger as Argon2id only.
 *
 * Every function works in the caller's transaction or alone, as yq_operator.
 */
#ifndef YQ_DOMAIN_STAFF_H
#define YQ_DOMAIN_STAFF_H

#include <stdbool.h>
#include <stdint.h>

#include "lib/base/err.h"
#include "lib/base/text.h"
#include "lib/domain/site.h"

struct db;

/* Borrowed. NULL: empty. */
struct staff_new {
	const char *account; /* [a-z0-9][a-z0-9._-]{0,63} */
	const char *name;    /* 1 to 100 characters */
	const char *password;
	const struct site *site; /* main institution, and seat for now */
	const char *title, *licence_number;
	const char *language; /* zh-CN or en; NULL: zh-CN */
};

/* ERR_INVALID: a value; ERR_CONFLICT: there is such an account. */
bool staff_add(struct db *db, const struct staff_new *staff, char out_id[TEXT_UUID_SIZE], struct err *err);

/* The role at a scope and below it. Idempotent. ERR_INVALID: no such role; ERR_NOT_FOUND: no such account. */
bool staff_grant_role(struct db *db, const char *account, const char *role, int64_t scope_id, struct err *err);

/* A new password; unlocks, and ends every login of the person. */
bool staff_set_password(struct db *db, const char *account, const char *password, char out_id[TEXT_UUID_SIZE],
                        struct err *err);

/* An inactive person cannot log in, sign, or be given a task; logins end at once. Idempotent. */
bool staff_set_active(struct db *db, const char *account, bool is_active, char out_id[TEXT_UUID_SIZE], struct err *err);

/* kind: write, review or sign_provisional; modality NULL: every one; days "2026-01-31" or NULL: from today, for good. */
struct staff_qualification {
	const char *account, *kind, *modality;
	int64_t scope_id;
	const char *from_day, *until_day;
};
/* Idempotent: what is granted for the same and longer already stays as it is. */
bool staff_qualify(struct db *db, const struct staff_qualification *qualification, struct err *err);

/* 20 characters of 32 that are not mistaken for one another, 100 bits. */
enum { STAFF_PASSWORD_SIZE = 24 };
void staff_make_password(char out[STAFF_PASSWORD_SIZE]);

#endif
