/*
 * The device registry in use: read from the ledger, kept durable beside it, asked by every association.
 *
 * Loaded at start, when the ledger says that devices changed, every poll_interval, and, since a device may call the moment after it
 * was registered, once more before a caller is refused. While the ledger is away the last one read goes on to rule; it lies in
 * $YQ_HOME/journal/devices.snapshot, so this also holds for a start without ledger.
 *
 * Threads: everything but directory_new() and _free() may be called by any thread.
 */
#ifndef YQ_STORESCP_DIRECTORY_H
#define YQ_STORESCP_DIRECTORY_H

#include "lib/db/db.h"
#include "storescp/registry.h"

struct directory;
/* Tries the ledger, then the snapshot; without both every caller is refused as transient. pool and own_ae are borrowed. */
bool directory_new(struct db_pool *pool, const char *own_ae, struct directory **out, struct err *err);
void directory_free(struct directory *directory);

/* One reload from the ledger, now. false: it is away, the old one stays. */
bool directory_reload(struct directory *directory, struct err *err);

enum directory_answer { DIRECTORY_NO_SNAPSHOT = -1 };
/* REGISTRY_* or DIRECTORY_NO_SNAPSHOT. *out is filled for REGISTRY_KNOWN. May ask the ledger once. */
int directory_find(struct directory *directory, const struct dicom_peer *peer, struct registry_device *out);
/* The same after a look into the ledger: for a caller who would be refused for what may have been registered just now. */
int directory_find_again(struct directory *directory, const struct dicom_peer *peer, struct registry_device *out);

size_t directory_count(struct directory *directory);

#endif
