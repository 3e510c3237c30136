/* What stands behind a figure, row by row: the studies (or critical values, or sites) of its denominator, without names of patients. */
#ifndef YQ_DOMAIN_FIGURE_ROWS_H
#define YQ_DOMAIN_FIGURE_ROWS_H

#include "lib/domain/figure_query.h"

struct figure_rows_query {
	struct figure_query query;
	const char *figure; /* of figure_definition */
	const char *site;   /* public id; NULL: every one */
	const char *after;  /* public id of the last row of the page before; NULL: the first page */
	int limit;
};

/*
 * {"columns":[name...],"rows":[[...]...],"next":id|null}, type FigureRows; *out is the caller's. The last ones come first. "counted" says
 * whether the row is in the numerator. ERR_NOT_FOUND: no such figure or community.
 * A site that is not among them has no rows.
 */
bool figure_rows_read(struct db *db, const struct figure_rows_query *query, json_t **out, struct err *err);

/* The same without pages: calls each row by row with its columns but the first, which is the id. */
bool figure_rows_stream(struct db *db, const struct figure_scope *scope, const struct figure_rows_query *query,
                        db_each_row *each, void *context, struct err *err);

#endif
