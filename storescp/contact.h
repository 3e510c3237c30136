/*
 * That devices called, counted in memory and brought to the ledger behind the work: echoes, associations, refused objects. What
 * was received is counted by whoever indexes it. Reception never waits for it; while the ledger is away the counts wait, by device and hour.
 *
 * Threads: any.
 */
#ifndef YQ_STORESCP_CONTACT_H
#define YQ_STORESCP_CONTACT_H

#include "lib/db/db.h"

enum contact_kind { CONTACT_ECHO, CONTACT_ASSOCIATION, CONTACT_REFUSED, CONTACT_KIND_COUNT };

struct contacts;
struct contacts *contacts_new(void);
void contacts_free(struct contacts *contacts);

/* error: what went wrong, without patient data, or NULL. */
void contacts_note(struct contacts *contacts, const char *device, enum contact_kind kind, const char *error);
/* Everything since the last flush, one statement a device and hour. What could not be written stays. */
bool contacts_flush(struct contacts *contacts, struct db_pool *pool, const char *zone, struct err *err);

#endif
