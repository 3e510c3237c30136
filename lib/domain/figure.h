/*
 * The figures of the cockpit (docs/figures.md). What counts is defined once, in the SQL functions figure_facts(), figure_marks(),
 * figure_legs() and figure_critical(); page, rows and export ask here. Coverage has its own definition: coverage.h.
 *
 * With the eyes of the session: communities of which its person may see figures (as duty leader, quality controller, administrator or operator);
 * all without a person. Days are those of the installation's zone.
 */
#ifndef YQ_DOMAIN_FIGURE_H
#define YQ_DOMAIN_FIGURE_H

#include <jansson.h>
#include <stdbool.h>

#include "lib/base/err.h"

struct db;

struct figure_query {
	const char *community;         /* public id; NULL: the first by name */
	const char *from_day, *to_day; /* as coverage_query */
	const char *modes; /* of "central,local_draft,local", parted by commas; NULL: all, and studies without one */
};

/*
 * The whole cockpit, as the type Figures of gateway/web/src/api/types.ts; *out is the caller's. Somebody who may see no community gets
 * "community": null and nothing counted. ERR_NOT_FOUND: no such community for these eyes; ERR_INVALID: period, or a mode that there is not.
 */
bool figure_read(struct db *db, const struct figure_query *query, json_t **out, struct err *err);

/* {"definitions":[...]}, type FigureDefinition. */
bool figure_definitions(struct db *db, json_t **out, struct err *err);

#endif
