/* Headers of objects in doubt as JSON, for the API and the operator's command. Bounded; patient data is in it. */
#ifndef YQ_DOMAIN_HEADER_JSON_H
#define YQ_DOMAIN_HEADER_JSON_H

#include <jansson.h>
#include <stdbool.h>

#include "lib/base/err.h"

/* The descriptors stay the caller's; part 10 files. */

/* {"fields": [{"tag","name","value"}], "field_count": n}; unreadable: {"fields": [], "field_count": 0, "unreadable": "why"}. A new object. */
json_t *header_json(int fd);
/*
 * {"differences": [{"tag","name","stored","other","is_technical"}], "difference_count": n}; a side that has no such field is null; unreadable as
 * above. A new object.
 */
json_t *header_differences_json(int fd, int other_fd);

#endif
