/* What devices said about their examinations: storage commitments and performed procedure steps, without names of patients. */
#include "gateway/answer.h"
#include "gateway/caller.h"
#include "gateway/handlers.h"
#include "gateway/input.h"

enum { PAGE_DEFAULT = 50, PAGE_MAX = 200 };

static bool reply_page(struct http_request *request, enum db_statement statement, const char *states, const char *name,
                       struct err *err)
{
	const char *state, *after;
	struct db *db;
	struct db_rows *rows = NULL;
	int limit = 0;
	if (!input_query_word(request, "state", states, &state, err) ||
	    !input_query_id(request, "after", &after, err) ||
	    !input_query_int(request, "limit", 1, PAGE_MAX, PAGE_DEFAULT, &limit, err) ||
	    !caller_db(request, &db, err) ||
	    !db_exec(db, statement, DB_PARAMS(db_text(state), db_text(after), db_int(limit + 1)), &rows, err))
		return false;
	json_t *page = answer_page(rows, name, limit);
	db_rows_free(rows);
	return http_reply_json(request, 200, page, err);
}

bool handle_commitments(struct http_request *request, void *context, struct err *err)
{
	(void)context;
	return reply_page(request, STMT_OPERATIONS_COMMITMENTS, "waiting judged reporting reported dead", "commitments",
	                  err);
}

bool handle_performed_steps(struct http_request *request, void *context, struct err *err)
{
	(void)context;
	return reply_page(request, STMT_OPERATIONS_STEPS, "in_progress completed discontinued", "performed_steps", err);
}
