/*
 * Resident identity numbers (GB 11643): 17 digits with birth date and sex in them, and a check character. Pure.
 */
#ifndef YQ_DOMAIN_NATIONAL_ID_H
#define YQ_DOMAIN_NATIONAL_ID_H

#include <stdbool.h>

#include "lib/base/err.h"

enum { NATIONAL_ID_SIZE = 19, NATIONAL_ID_BIRTH_SIZE = 11 };

struct national_id {
	char text[NATIONAL_ID_SIZE];        /* 18 characters, the last one perhaps X */
	char birth[NATIONAL_ID_BIRTH_SIZE]; /* 1981-02-03 */
	char sex;                           /* M or F */
};

/* ERR_INVALID: length, characters, birth date or check character; the text says which, and never the number. */
bool national_id_parse(const char *text, struct national_id *out, struct err *err);

#endif
