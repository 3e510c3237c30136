/* What was asked of the figures, checked: shared by the files of this module. */
#ifndef YQ_DOMAIN_FIGURE_QUERY_H
#define YQ_DOMAIN_FIGURE_QUERY_H

#include "lib/db/db.h"
#include "lib/domain/figure.h"
#include "lib/domain/period.h"

enum { FIGURE_MODES = 3 };

struct figure_scope {
	struct period period;
	struct db_rows *communities; /* id, name: that may be asked for */
	int chosen;                  /* of these; -1: there is none */
	const char *modes[FIGURE_MODES];
	size_t mode_count;
	bool is_every_mode;
};

/* figure_scope_fini() also after a failure. */
bool figure_scope_load(struct db *db, const struct figure_query *query, struct figure_scope *out, struct err *err);
void figure_scope_fini(struct figure_scope *scope);

/* Public id of the chosen community; NULL: none. */
const char *figure_scope_community(const struct figure_scope *scope);
const char *figure_scope_community_name(const struct figure_scope *scope);
/* For a statement: NULL when every study counts. */
struct db_param figure_scope_modes(const struct figure_scope *scope);

#endif
