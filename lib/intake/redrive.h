/*
 * What is in doubt, brought in after all: an object that was set apart, with what a person corrected laid over its header; and the other
 * bytes of a conflict, as an image of their own. The bytes stay as they came; the ledger holds the corrections.
 *
 * Each takes the same way as an object from the journal: into the store, durably, then the ledger in one transaction with history, event and
 * audit, then out of where it lay. A crash between any two leaves it where it was; driving it again finishes it.
 */
#ifndef YQ_INTAKE_REDRIVE_H
#define YQ_INTAKE_REDRIVE_H

#include <jansson.h>

#include "lib/base/text.h"
#include "lib/intake/index.h"

struct store;

/* Names of what can be corrected, NULL behind the last: site, study_instance_uid, ... */
extern const char *const redrive_fields[];
/*
 * Corrections as they come from outside: texts under redrive_fields, each checked for its form; "" takes a correction away. A new object, or
 * NULL with ERR_INVALID.
 */
json_t *redrive_check(const json_t *fields, struct err *err);

struct redrive_result {
	bool is_indexed;
	enum index_outcome outcome;    /* when indexed */
	char reason[ERR_TEXT_MAX];     /* when not: what still stands in the way */
	char study_id[TEXT_UUID_SIZE]; /* where it went, or empty */
};

/*
 * True with *out also when it could not be indexed: that is a result, and recorded. person_id NULL: the operator's command. ERR_NOT_FOUND for these
 * eyes, or its bytes are not on this host; ERR_REFUSED; ERR_CONFLICT: not open, or somebody drives it just now; ERR_TEMPORARY: try again.
 */
bool redrive_quarantined(struct db_pool *pool, struct store *store, const char *person_id, const char *quarantine_id,
                         struct redrive_result *out, struct err *err);

/*
 * Ends what a program that died left undone: objects that are in the ledger leave journal/quarantine. *out_count: how many. For a program that
 * runs all the time, now and then.
 */
bool redrive_sweep(struct db_pool *pool, struct store *store, int *out_count, struct err *err);

/* {"outcome": "stored|duplicate|conflict|failed", "reason", "study_id"}, the last two may be null. A new object. */
json_t *redrive_json(const struct redrive_result *result);

/*
 * Corrections replace those that were there; revision: how many there were when the person looked (ERR_CONFLICT when there are more by now).
 * fields as of redrive_check(). Nothing is indexed by it. ERR_INVALID also without a reason of 1 to 500 characters.
 */
bool quarantine_correct(struct db_pool *pool, const char *person_id, const char *quarantine_id, int revision,
                        const json_t *fields, const char *reason, int *out_revision, struct err *err);
/* Nothing will be made of it (the bytes stay), or it is looked at again. */
bool quarantine_close(struct db_pool *pool, const char *person_id, const char *quarantine_id, bool is_closed,
                      const char *reason, struct err *err);

/*
 * The other bytes of an open conflict become an image of their own, under a SOP Instance UID of ours in the ledger, in the study that they name.
 * Errors as of conflict_decide().
 */
bool redrive_separate(struct db_pool *pool, struct store *store, const char *person_id, const char *conflict_id,
                      const char *reason, struct err *err);

#endif
