/*
 * The demonstration: persons of one township and its lead hospital, a device, a destination. Only where demo = yes.
 */
#ifndef YQ_YQCTL_DEMO_H
#define YQ_YQCTL_DEMO_H

#include <jansson.h>
#include <stdbool.h>

#include "lib/base/err.h"

/* A person of the demonstration. Roles are held at `scope` (a code of a site, or names of a grid or of communities). */
struct demo_person {
	const char *account, *name, *title, *licence, *site;
	const char *roles;          /* words with a comma between */
	const char *scopes[3];      /* NULL behind the last */
	const char *qualifications; /* "write", "write,review" or NULL */
};
extern const struct demo_person demo_persons[]; /* account NULL behind the last */

/* $YQ_HOME/demo/accounts as JSON {"accounts": [{"account", "password", ...}]}; an empty one when there is none. *out: json_decref(). */
bool demo_accounts_read(json_t **out, struct err *err);
/* Durable, 0600. */
bool demo_accounts_write(const json_t *accounts, struct err *err);
/* Borrowed; NULL: none. */
const char *demo_password(const json_t *accounts, const char *account);
/* Adds every person that has no password yet, with a new one; *out: how many. */
int demo_accounts_complete(json_t *accounts);

#endif
