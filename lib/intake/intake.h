/*
 * The one way in for objects, whoever brings them: C-STORE, STOW-RS, the link from an edge, and our own reports.
 *
 * Promise 1 of the project stands here: intake_commit() returns true only when the object's bytes and the fact of its
 * reception would survive power loss. What was committed is placed in the store and reaches the ledger behind the answer,
 * exactly once, after any crash, however long the ledger is away. What was not committed is never visible.
 *
 * The bytes of the dataset are kept as received; the stored object is our preamble and meta header + those bytes.
 * From the commit until it lies in the store an object is in the receiving journal of this process (journal.h): one slot directory under
 * $YQ_HOME/journal, held by flock; then in the index backlog there, until the ledger has it. An open intake adopts slots that nobody
 * holds.
 *
 * Refusals of intake_begin() and intake_commit() carry a DIMSE status (ERR_SOURCE_DIMSE) of PS3.4 table B.2-1:
 * A700 no room; A900 dataset does not match SOP class or instance of the command; C000 cannot understand (no or bad UIDs,
 * broken structure); 0110 processing failure. STOW maps the same values (PS3.18 table 10.5.1-2).
 *
 * Threads: an intake is shared; an object belongs to one thread. Memory does not grow with the object.
 */
#ifndef YQ_INTAKE_INTAKE_H
#define YQ_INTAKE_INTAKE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/base/err.h"

struct intake;
struct intake_object;
struct dicom_fields;
struct dicom_references;
struct store;
struct db_pool;

enum intake_origin { INTAKE_DEVICE, INTAKE_LINK, INTAKE_OWN };

/* Who brought it and how. Copied by intake_begin(). */
struct intake_source {
	enum intake_origin origin;
	const char *device_public_id; /* of the device registry; NULL for INTAKE_OWN, and for what a person sent */
	const char *site_public_id;
	const char *calling_ae, *called_ae, *address;
	const char *sop_class_uid, *sop_instance_uid, *transfer_syntax_uid; /* as announced */
	const char *default_charset; /* registered for the device, used where the bytes do not decide; NULL: none */
};

/* Claims or makes a slot, recovers it and every abandoned one, starts the two threads that bring objects on. store and pool are borrowed until intake_close(). */
bool intake_open(struct store *store, struct db_pool *pool, struct intake **out, struct err *err);
/* Waits for the objects at hand, gives the indexer at most drain_ms, releases the slot. What is left is adopted by the next process. */
void intake_close(struct intake *intake, int64_t drain_ms);

/* Would an object be taken now? Journal and store must have room above their reserve (room.h). ERR_NO_SPACE: it would be refused with A700. */
bool intake_check_room(struct store *store, struct err *err);

bool intake_begin(struct intake *intake, const struct intake_source *source, struct intake_object **out,
                  struct err *err);
bool intake_append(struct intake_object *object, const void *bytes, size_t length, struct err *err);
/*
 * What the dataset says, for whoever has conditions of his own; all bytes were appended, and nothing follows but commit or abort. Errors as of
 * intake_commit(); then it can only be aborted.
 */
bool intake_look(struct intake_object *object, struct dicom_fields *out, struct err *err);
/* Which objects it is about (dicom_read_references()), behind intake_look() and under the same terms. */
bool intake_look_references(struct intake_object *object, struct dicom_references *out, struct err *err);
/*
 * Ends the object's life in every case. After true: survives power loss. After false: it will never be in a study by itself. Nothing of it
 * remains, except of a dataset that is whole and readable, but has wrong UIDs (A900, C000 of doubt.h): that is kept as durably, and waits in
 * quarantine for a person, however often its sender tries again.
 */
bool intake_commit(struct intake_object *object, struct err *err);
void intake_abort(struct intake_object *object);

/* What is acknowledged and not yet in the ledger, over all slots of this YQ_HOME, for status and `wait --settled`. Reads files only. */
struct intake_backlog {
	uint64_t objects, bytes;                   /* acknowledged and not in the ledger */
	uint64_t unplaced_objects, unplaced_bytes; /* of these: still only in the journal of this host */
	int64_t oldest_ms;                         /* age of the oldest; 0: none */
	uint64_t quarantined; /* set apart under journal/quarantine: refused by the ledger for good */
};
bool intake_backlog_read(struct intake_backlog *out, struct err *err);

/* True while the ledger is away for the indexer. */
bool intake_is_behind(const struct intake *intake);

#endif
