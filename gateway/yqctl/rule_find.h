/* The rule that an operator means. */
#ifndef YQ_YQCTL_RULE_FIND_H
#define YQ_YQCTL_RULE_FIND_H

#include <jansson.h>
#include <stdbool.h>

#include "lib/base/err.h"

/* Borrowed from the document. */
struct rule_found {
	const json_t *rule;
	const char *id, *group;
	int number; /* as `yqctl rule list` counts */
};

/* text: an id, a number of the list, or a whole name. ERR_NOT_FOUND; ERR_INVALID: several have this name. */
bool rule_find(const json_t *document, const char *text, struct rule_found *out, struct err *err);

#endif
