/*
 * From records to rows: one call of the ledger's intake_index() brings a batch in, in one transaction, all or nothing. The form in which an
 * object goes there is also the one in which it waits (index_log.h).
 *
 * Idempotent: an object whose key the ledger knows is only reported again. Knows neither files nor the journal.
 */
#ifndef YQ_INTAKE_INDEX_H
#define YQ_INTAKE_INDEX_H

#include "lib/db/db.h"
#include "lib/intake/doubt.h"
#include "lib/intake/record.h"

enum index_outcome { INDEX_STORED, INDEX_DUPLICATE, INDEX_CONFLICT };

/* One object as intake_index() takes it, without its ordinal; free(3). Known again from index_record_of(). */
char *index_encode(const struct intake_record *record, const struct dicom_fields *fields);
/* ERR_CORRUPT when it is no such text. */
bool index_record_of(const char *json, struct intake_record *out, struct err *err);

/* Objects in order of arrival; outcomes has count members. ERR_TEMPORARY, ERR_UNKNOWN_OUTCOME: try again later, unchanged. */
bool index_objects(struct db_pool *pool, const char *const *json, size_t count, enum index_outcome *outcomes,
                   struct err *err);

/* One object, in the caller's transaction. */
bool index_object(struct db *db, const char *json, enum index_outcome *out, struct err *err);
const char *index_outcome_name(enum index_outcome outcome); /* "stored", ... */

/* Is this error about the data, so that the same object will be refused for ever? */
bool index_is_poison(const struct err *err);

/* Shows an object that was set apart. record may be NULL when it is unreadable; its digest counts where is_read. */
bool index_set_apart(struct db_pool *pool, const char *key, const struct intake_record *record, bool is_read,
                     enum intake_doubt doubt, const char *reason, struct err *err);
/*
 * Were the same bytes of the same device, or without one of the same site, set apart before, and are they still there on this host? Then that one is counted again, and these
 * may go. record has its digest.
 */
bool index_has_twin_apart(struct db_pool *pool, const struct intake_record *record, bool *out, struct err *err);

#endif
