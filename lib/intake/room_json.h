/* Room as JSON: the same for yqctl and for the API. */
#ifndef YQ_INTAKE_ROOM_JSON_H
#define YQ_INTAKE_ROOM_JSON_H

#include <jansson.h>

#include "lib/intake/room.h"

/* {"state", "is_shared", "store": {"state", "total_bytes", "free_bytes", "warn_bytes", "reserve_bytes"}, "journal": the same} */
json_t *room_json(const struct room *room);

#endif
