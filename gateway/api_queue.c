/* The queue: what this person may work on, in the order in which it should be done. */
#include <stdlib.h>

#include "gateway/answer.h"
#include "gateway/caller.h"
#include "gateway/handlers.h"
#include "gateway/input.h"

enum { QUEUE_DEFAULT = 200, QUEUE_MAX = 1000 };

static const char *const open_states[] = {"awaiting", "writing", "awaiting_review", "reviewing", "returned"};

/* Names of patients were seen: which ones, by study. */
static bool audit_queue(struct http_request *request, const struct db_rows *rows, struct err *err)
{
	json_t *ids = json_array();
	/* The first screens; what the audit takes of one look is bounded. */
	for (int i = 0; i < db_rows_count(rows) && i < QUEUE_DEFAULT; i++)
		json_array_append_new(ids, json_string(db_get_text(rows, i, "study_id")));
	json_t *detail = json_pack("{s:i, s:o}", "count", db_rows_count(rows), "studies", ids);
	char *text = json_dumps(detail, JSON_COMPACT);
	bool ok = caller_audit(request, "queue.view", NULL, NULL, NULL, text, err);
	free(text);
	json_decref(detail);
	return ok;
}

bool handle_queue(struct http_request *request, void *context, struct err *err)
{
	(void)context;
	const char *state, *queue;
	int limit;
	struct db *db;
	struct db_rows *rows = NULL;
	if (!input_query_word(request, "state", "awaiting writing awaiting_review reviewing returned", &state, err) ||
	    !input_query_id(request, "queue", &queue, err) ||
	    !input_query_int(request, "limit", 1, QUEUE_MAX, QUEUE_DEFAULT, &limit, err) ||
	    !caller_db(request, &db, err))
		return false;
	struct db_param states =
	    state != NULL ? db_texts(&state, 1) : db_texts(open_states, sizeof open_states / sizeof open_states[0]);
	if (!db_exec(db, STMT_GATEWAY_QUEUE,
	             DB_PARAMS(db_text(caller_id(request)), states, db_text(queue), db_int(limit + 1)), &rows, err))
		return false;
	bool ok = audit_queue(request, rows, err);
	json_t *page = ok ? answer_page(rows, "tasks", limit) : NULL;
	db_rows_free(rows);
	if (!ok)
		return false;
	/* The order moves with the time, so that there is no place to go on from: ask for more instead. */
	json_object_set_new(page, "is_cut", json_boolean(!json_is_null(json_object_get(page, "next"))));
	json_object_del(page, "next");
	return http_reply_json(request, 200, page, err);
}
