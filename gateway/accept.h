/*
 * Which media types a client takes (RFC 9110 section 12.5.1, as far as PS3.18 section 8.7 goes), for everything that is served in several. Pure.
 */
#ifndef YQ_GATEWAY_ACCEPT_H
#define YQ_GATEWAY_ACCEPT_H

#include <stdbool.h>

#include "lib/base/err.h"

/* One element of Accept. Empty: not said. */
struct accept_range {
	char type[64];                /* "multipart/related", lower case; may end in a star */
	char part[64];                /* the parameter "type" of a multipart: "application/dicom" */
	char transfer_syntax_uid[65]; /* "*": as stored */
	double weight;
};

enum { ACCEPT_RANGES_MAX = 16 };
struct accept {
	struct accept_range taken[ACCEPT_RANGES_MAX]; /* the heaviest first, of equal ones the first named */
	int count;
	struct accept_range refused[ACCEPT_RANGES_MAX]; /* of weight 0 */
	int refused_count;
};

/* NULL or blank: anything. ERR_INVALID: no list of media types, a weight that is none, or too many. */
bool accept_parse(const char *text, struct accept *out, struct err *err);

/* What could be served. part: NULL: it is no multipart; transfer_syntax_uid: NULL: it has none. */
struct accept_offer {
	const char *type, *part, *transfer_syntax_uid;
};
/*
 * Whether taken[index] is what decides about the offer: of all ranges that name it the most exact one does, and a weight of 0 excludes it. A range of a
 * single type names multiparts of that type, too.
 */
bool accept_decides(const struct accept *accept, int index, const struct accept_offer *offer);
/* The weight of the offer; 0: it is not taken. */
double accept_weight(const struct accept *accept, const struct accept_offer *offer);
/* Whether range, perhaps with a star, names a type. */
bool accept_names(const char *range, const char *type);

#endif
