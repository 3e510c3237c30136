/*
 * What a host tells the ledger about its receiving journal: one row per YQ_HOME (table host), renewed while one of its receivers runs.
 *
 * The row says what was acknowledged and is still only here, so that whoever looks at the ledger sees images that would be lost with this
 * host. It goes by a random id that lies in the journal, and so moves with the journal when its disk is mounted elsewhere.
 *
 * Looking needs no ledger. All numbers are of the whole YQ_HOME, so it does not matter which of its receivers reported last.
 * Threads: a beat belongs to one; host_id() any, in any number of processes.
 */
#ifndef YQ_INTAKE_HOST_BEAT_H
#define YQ_INTAKE_HOST_BEAT_H

#include <stdbool.h>

#include "lib/base/err.h"
#include "lib/base/text.h"
#include "lib/intake/intake.h"
#include "lib/intake/room.h"

struct db_pool;
struct host_beat;

/* The id of this YQ_HOME, made when it has none. Durable on return. */
bool host_id(char out[TEXT_UUID_SIZE], struct err *err);
/* The same without making one: ERR_NOT_FOUND. */
bool host_id_find(char out[TEXT_UUID_SIZE], struct err *err);

/* Slots of the journal that a running process holds. */
bool host_slots_held(int *out, struct err *err);

struct host_look {
	struct intake_backlog backlog;
	uint64_t peak_objects; /* the most that waited for the ledger since nothing did */
	int slots;
	struct room room;
};

/* store and pool are borrowed until host_beat_free(). program: "yq-storescp". Does not need the ledger. */
struct host_beat *host_beat_new(struct store *store, struct db_pool *pool, const char *program);
void host_beat_free(struct host_beat *beat);
/*
 * Asks the ledger for its time; to be called before the look that is reported. What was acknowledged by then is in the ledger, or the look sees
 * it. An age of the look would be taken off the time at which the report arrives, and on a busy machine objects are acknowledged meanwhile.
 */
bool host_beat_ask_time(struct host_beat *beat, struct err *err);
/* Looks, logs a change of the room, and remembers what it saw; *out is borrowed until the next look. */
bool host_beat_look(struct host_beat *beat, const struct host_look **out, struct err *err);
/*
 * Writes the last look, and so up to when the ledger knows what was acknowledged here. has_ended: this receiver ends in order, and
 * reports for the last time. *out_awaited: somebody waits for a later look than this one.
 */
bool host_beat_report(struct host_beat *beat, bool has_ended, bool *out_awaited, struct err *err);

#endif
