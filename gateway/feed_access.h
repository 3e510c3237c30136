/*
 * By what those who listen came in: the session of a person, or the token of a workstation. Either may end at another gateway, by yqctl, by a new password
 * or by its time, so the open ones are looked up again, all in one statement. Knows neither streams nor channels.
 */
#ifndef YQ_GATEWAY_FEED_ACCESS_H
#define YQ_GATEWAY_FEED_ACCESS_H

#include "lib/db/db.h"
#include "lib/domain/account.h"

enum { FEED_ACCESS_SIZE = ACCOUNT_TOKEN_SIZE };

/* token: as in struct caller. What is kept of it admits nobody: the SHA-256 of a session's token, the public id of a workstation's. */
void feed_access_name(const char *token, char out[FEED_ACCESS_SIZE]);

/* Begins as {0}. */
struct feed_accesses {
	char (*names)[FEED_ACCESS_SIZE];
	size_t count, room;
};
void feed_accesses_add(struct feed_accesses *accesses, const char *name);
bool feed_accesses_have(const struct feed_accesses *accesses, const char *name);
void feed_accesses_fini(struct feed_accesses *accesses);

/* Adds to out those of open that have ended. */
bool feed_accesses_ended(struct db *db, const struct feed_accesses *open, struct feed_accesses *out, struct err *err);

#endif
