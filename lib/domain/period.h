/* A period of whole days in the installation's zone, as people ask for one. */
#ifndef YQ_DOMAIN_PERIOD_H
#define YQ_DOMAIN_PERIOD_H

#include <stdbool.h>

#include "lib/base/err.h"

struct db;

struct period {
	char from[16], to[16];               /* "2026-11-01", both within it */
	char before_from[16], before_to[16]; /* the period of the same length before it */
	int months, days;                    /* months that it touches */
};

/*
 * NULL: the running month up to today; with a last day only, the month of that up to it.
 * ERR_INVALID: no day, the period is empty or longer than 5 years.
 */
bool period_load(struct db *db, const char *from_day, const char *to_day, struct period *out, struct err *err);

#endif
