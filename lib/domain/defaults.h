/*
 * What an installation begins with, so that a study finds its way without anybody writing rules first: a signing policy of two
 * signatures by different persons, a queue for every lead hospital, a rule set that sends every site of a grid to its lead, and the turnaround limits that
 * the guidance gives (参考，以本院制度为准).
 *
 * Idempotent. What a person changed is left alone: a policy or a limit that is there stays, and the rule set is only replaced while the one in
 * force is itself a default one and the roster has grids that it does not cover.
 */
#ifndef YQ_DOMAIN_DEFAULTS_H
#define YQ_DOMAIN_DEFAULTS_H

#include <stdbool.h>

#include "lib/base/err.h"

struct db;

struct defaults_made {
	int policies, queues, rules, limits;
	bool rules_are_own; /* the rule set in force was made by a person: nothing was changed there */
};

/* In the caller's transaction. Needs a roster. */
bool defaults_make(struct db *db, struct defaults_made *out, struct err *err);

#endif
