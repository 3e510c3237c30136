/*
 * Room for objects: the watermarks of object store and receiving journal, which may lie on different file systems.
 *
 * Two marks each, and of bytes and percent the larger one counts: `store_warn` and `store_warn_percent` (low: said everywhere, and everything
 * is still taken), `store_reserve` and `store_reserve_percent` (full: objects are refused with A700, before the disk is full).
 *
 * The state is that of this moment, asked of the file system each time, so that reception goes on by itself when room is made. Any state may
 * follow any other: others take and make room, too.
 *
 * Threads: any.
 */
#ifndef YQ_INTAKE_ROOM_H
#define YQ_INTAKE_ROOM_H

#include <stdbool.h>
#include <stdint.h>

#include "lib/base/err.h"

struct store;

/* Room is asked again after so much of one object: with 1,000 objects under way at once they pass the reserve by 1 GiB. */
enum { ROOM_STEP = 1024 * 1024 };

enum room_state { ROOM_FINE, ROOM_LOW, ROOM_FULL };
const char *room_state_name(enum room_state state); /* fine, low, full */

struct room_area {
	uint64_t total_bytes, free_bytes;
	uint64_t warn_bytes, reserve_bytes; /* the marks that hold for a file system of this size */
	enum room_state state;
};

struct room {
	struct room_area store, journal;
	bool is_shared;          /* both on one file system */
	enum room_state state;   /* the worse of the two */
	const char *store_place; /* borrowed from the store */
};

/* Marks and state of an area whose total_bytes and free_bytes are filled. */
void room_judge(struct room_area *area);
/*
 * The state to tell after `told`: worse at once, better only when the room is a sixteenth of the mark above it. An object that is refused half
 * way gives its room back; without the distance each of them would be two lines of the log.
 */
enum room_state room_settle(enum room_state told, const struct room_area *area);

/* The journal directory must be there. */
bool room_read(struct store *store, struct room *out, struct err *err);
/* Logs what changed since this process last noted it, once. */
void room_note(const struct room *room);
/* The worse of the states that this process told last. */
enum room_state room_told(void);

#endif
