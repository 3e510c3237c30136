/*
 * Hosts that receive, as the ledger knows them (table host). They report for themselves (lib/intake/host_beat.h); here is what others do
 * with what they said.
 */
#ifndef YQ_DOMAIN_HOST_H
#define YQ_DOMAIN_HOST_H

#include "lib/base/err.h"
#include "lib/base/text.h"
#include "lib/db/db.h"
#include "lib/domain/presence.h"

/* A host whose last report is older than this does not report. */
enum { HOST_SILENT_MS = 3 * PRESENCE_BEAT_MS, HOST_NAME_SIZE = 256 };

struct host_forgotten {
	char id[TEXT_UUID_SIZE], name[HOST_NAME_SIZE];
	int64_t waiting_objects, unplaced_objects, quarantined_objects; /* as it said last */
};

/*
 * Removes a host that is gone for good, by id, or by name when only one has it. ERR_NOT_FOUND; ERR_INVALID: several have the name; ERR_CONFLICT: it
 * reports. One that comes back after all is there again with its next report.
 */
bool host_forget(struct db *db, const char *id_or_name, struct host_forgotten *out, struct err *err);

#endif
