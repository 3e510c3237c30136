/*
 * The store check: do ledger and object store agree, byte for byte? Read only; may run while everything runs.
 *
 * Every instance, every kept conflict and every report artefact of the ledger is opened, its length compared and the SHA-256 of its dataset computed anew
 * (our preamble and meta header are skipped). Every object of the store that is older than the grace and known neither to the ledger nor to the
 * receiving journal is an orphan. What arrives or leaves while the check runs is looked at twice before it is called a fault.
 */
#ifndef YQ_INTAKE_CHECK_H
#define YQ_INTAKE_CHECK_H

#include <stdbool.h>
#include <stdint.h>

#include "lib/base/err.h"

struct store;
struct db_pool;

struct check_counts {
	uint64_t instances;   /* of the ledger */
	uint64_t bytes;       /* of their datasets */
	uint64_t missing;     /* in the ledger, not in the store */
	uint64_t mismatched;  /* in both, with other bytes */
	uint64_t orphans;     /* in the store only */
	uint64_t pending;     /* acknowledged, and still in the receiving journal when the check began */
	uint64_t quarantined; /* set apart: acknowledged, refused by the ledger for good, kept in the journal */
};

enum check_fault { CHECK_MISSING, CHECK_MISMATCHED, CHECK_ORPHAN };

struct check_finding {
	enum check_fault fault;
	const char *object_key;
	const char *sop_instance_uid; /* NULL: none, or an orphan */
	const char *reason;
};

struct check_settings {
	int64_t orphan_grace_ms; /* younger objects of the store may just be on their way; 0: none are */
	/* Called for each finding; may be NULL. false ends the check. The caller bounds its own lists. */
	bool (*each)(void *context, const struct check_finding *finding, struct err *err);
	void *context;
};

const char *check_fault_name(enum check_fault fault); /* missing, mismatched, orphan */

/* *out is filled when true. A fault that was found is not an error. */
bool check_store(struct store *store, struct db_pool *pool, const struct check_settings *settings,
                 struct check_counts *out, struct err *err);

#endif
