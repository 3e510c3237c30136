/* Keys of DT, a moment or a range of them (PS3.5 section 6.2, PS3.4 section C.2.2.2.5), as the ledger compares them. */
#ifndef YQ_GATEWAY_WORKITEM_MOMENT_H
#define YQ_GATEWAY_WORKITEM_MOMENT_H

#include <stdbool.h>

enum { WORKITEM_MOMENT_SIZE = 15 }; /* YYYYMMDDHHMMSS in the zone of the installation */

/* Both ends belong to it. An open end is "" of from, and nothing but 9 of to. Of a moment that is not written to the second from is its digits. */
struct workitem_moments {
	char from[WORKITEM_MOMENT_SIZE], to[WORKITEM_MOMENT_SIZE];
};

/*
 * YYYY[MM[DD[HH[MM[SS[.F{1-6}]]]]]][&ZZXX] (a blank for the plus of &), and ranges of them with a hyphen; without an offset the moment is of the zone of the installation. A
 * hyphen with four digits behind it that can be an offset (to -1200) is one, else it makes a range: no range ends before the year 1201.
 * Moments here are of whole seconds, so that one with a fraction fits none but in a range. False: it is no such value.
 */
bool workitem_moments_read(const char *text, struct workitem_moments *out);

#endif
