/*
 * From records to rows: one call of the ledger's intake_index() brings a batch in, in one transaction, all or nothing.
 *
 * Idempotent: an object whose key the ledger knows is only reported again. Knows neither files nor the journal.
 */
#ifndef YQ_INTAKE_INDEX_H
#define YQ_INTAKE_INDEX_H

#include "lib/db/db.h"
#include "lib/intake/record.h"

enum index_outcome { INDEX_STORED, INDEX_DUPLICATE, INDEX_CONFLICT };

struct index_item {
	const struct intake_record *record;
	const struct dicom_fields *fields;
	enum index_outcome outcome; /* set by index_objects() */
};

/* Items in order of arrival. ERR_TEMPORARY, ERR_UNKNOWN_OUTCOME: try again later, unchanged. */
bool index_objects(struct db_pool *pool, struct index_item *items, size_t count, struct err *err);

/* Is this error about the data, so that the same object will be refused for ever? */
bool index_is_poison(const struct err *err);

/* Shows an object that was set apart. record may be NULL when it is unreadable. */
bool index_set_apart(struct db_pool *pool, const char *key, const struct intake_record *record, const char *reason,
                     struct err *err);

#endif
