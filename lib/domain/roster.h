/*
 * Rosters: which communities, grids and sites there are, and which coverage they are to reach, from a JSON file as a region publishes it.
 *
 * {"region": "...", "communities": [{"name": "...", "grids": [{"name": "...", "lead": "NAME", "lead_code": "CODE",
 *   "members": [{"name", "code", "licensed_type", "counts_as_township_health_centre", "has_equipment", "note"}]}]}],
 *  "targets": [{"figure", "site_type", "value", "deadline", "source", "community"}]}
 *
 * code, lead_code, has_equipment, note and community may be absent; other members are ignored. A site without a code gets one
 * made of its community and name. Loading is part of the caller's transaction, and idempotent: what is there already is found by code, else by name
 * inside its community, and put right. A site that another grid has now keeps its old membership up to yesterday. A site that the file no
 * longer names is kept: its figures are history.
 */
#ifndef YQ_DOMAIN_ROSTER_H
#define YQ_DOMAIN_ROSTER_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>

#include "lib/base/err.h"

struct db;

enum { ROSTER_FILE_MAX = 16 * 1024 * 1024 };

struct roster_counts {
	int communities_new, grids_new;
	int sites, sites_new, sites_changed, sites_moved; /* of the file */
	int sites_not_named;                              /* of its communities, kept */
	int targets, targets_changed;                     /* of the file; new or with another value */
};

/* *out: json_decref(). ERR_INVALID with line and column when it is no JSON object. */
bool roster_read(const char *path, json_t **out, struct err *err);

/* ERR_INVALID with the place in the file, e.g. "communities[0].grids[1].members[3].licensed_type: ...". */
bool roster_check(const json_t *roster, struct err *err);

/* Checks, then loads communities and targets. */
bool roster_load(struct db *db, const json_t *roster, struct roster_counts *out, struct err *err);
/* Only the targets. */
bool roster_load_targets(struct db *db, const json_t *roster, struct roster_counts *out, struct err *err);

#endif
