/* Members of a checked roster. Private to roster*.c. */
#ifndef YQ_DOMAIN_ROSTER_PARTS_H
#define YQ_DOMAIN_ROSTER_PARTS_H

#include <jansson.h>
#include <stdbool.h>

/* NULL when absent. Borrowed. */
const char *roster_text(const json_t *object, const char *name);
bool roster_flag(const json_t *object, const char *name, bool fallback);

#endif
