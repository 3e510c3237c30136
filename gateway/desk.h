/* What the handlers of the reading desk share. */
#ifndef YQ_GATEWAY_DESK_H
#define YQ_GATEWAY_DESK_H

#include "lib/db/db.h"
#include "lib/domain/task.h"
#include "lib/http/http.h"

/*
 * Rows of the queue (columns json, id, site_id, study_id) of the tasks with these ids, commas between them, in their order; what the caller does
 * not reach is left out. *out: db_rows_free(). Looking is not audited here.
 */
bool desk_rows(struct http_request *request, const char *ids, struct db_rows **out, struct err *err);

/* A lease as the API shows it; a new object. */
json_t *answer_lease(const struct task_lease *lease);

#endif
