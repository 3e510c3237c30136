#include "lib/intake/room_json.h"

static json_t *area_json(const struct room_area *area)
{
	return json_pack("{ss sI sI sI sI}", "state", room_state_name(area->state), "total_bytes",
	                 (json_int_t)area->total_bytes, "free_bytes", (json_int_t)area->free_bytes, "warn_bytes",
	                 (json_int_t)area->warn_bytes, "reserve_bytes", (json_int_t)area->reserve_bytes);
}

json_t *room_json(const struct room *room)
{
	return json_pack("{ss sb so so}", "state", room_state_name(room->state), "is_shared", (int)room->is_shared,
	                 "store", area_json(&room->store), "journal", area_json(&room->journal));
}
