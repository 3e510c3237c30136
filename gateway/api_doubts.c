/* What waits for a person to decide: two identities, two objects under one UID, objects that nothing could be made of. */
#include <stdlib.h>
#include <string.h>

#include "gateway/answer.h"
#include "gateway/caller.h"
#include "gateway/handlers.h"
#include "gateway/input.h"

enum { PAGE_DEFAULT = 50, PAGE_MAX = 200 };

struct page {
	const char *after;
	struct db_param is_open; /* ?open=, or NULL */
	int limit;
	struct db *db;
};

static bool begin_page(struct http_request *request, struct page *out, struct err *err)
{
	const char *open;
	if (!input_query_word(request, "open", "yes no", &open, err))
		return false;
	out->is_open = open != NULL ? db_bool(strcmp(open, "yes") == 0) : db_null();
	return input_query_id(request, "after", &out->after, err) &&
	       input_query_int(request, "limit", 1, PAGE_MAX, PAGE_DEFAULT, &out->limit, err) &&
	       caller_db(request, &out->db, err);
}

/* Which of them were shown; free(3). */
static char *shown_ids(const json_t *list)
{
	json_t *ids = json_array(), *entry;
	size_t i;
	json_array_foreach(list, i, entry) json_array_append(ids, json_object_get(entry, "id"));
	json_t *detail = json_pack("{s:o}", "shown", ids);
	char *text = json_dumps(detail, JSON_COMPACT);
	json_decref(detail);
	if (text == NULL)
		err_panic("could not write JSON");
	return text;
}

/* Takes rows. The look is noted: what is shown is of patients. */
static bool reply_page(struct http_request *request, struct db_rows *rows, const char *name, int limit,
                       const char *action, struct err *err)
{
	json_t *page = answer_page(rows, name, limit);
	char *detail = shown_ids(json_object_get(page, name));
	bool ok = caller_audit(request, action, NULL, NULL, NULL, detail, err);
	db_rows_free(rows);
	free(detail);
	if (!ok) {
		json_decref(page);
		return false;
	}
	return http_reply_json(request, 200, page, err);
}

bool handle_identity_reviews(struct http_request *request, void *context, struct err *err)
{
	(void)context;
	struct page page;
	struct db_rows *rows = NULL;
	return begin_page(request, &page, err) &&
	       db_exec(page.db, STMT_OPERATIONS_IDENTITY_REVIEWS,
	               DB_PARAMS(page.is_open, db_text(page.after), db_int(page.limit + 1)), &rows, err) &&
	       reply_page(request, rows, "reviews", page.limit, "identity.list", err);
}

bool handle_conflicts(struct http_request *request, void *context, struct err *err)
{
	(void)context;
	struct page page;
	struct db_rows *rows = NULL;
	return begin_page(request, &page, err) &&
	       db_exec(page.db, STMT_OPERATIONS_CONFLICTS,
	               DB_PARAMS(db_text(page.after), db_int(page.limit + 1), page.is_open), &rows, err) &&
	       reply_page(request, rows, "conflicts", page.limit, "conflict.list", err);
}

bool handle_quarantine(struct http_request *request, void *context, struct err *err)
{
	(void)context;
	struct page page;
	struct db_rows *rows = NULL;
	return begin_page(request, &page, err) &&
	       db_exec(page.db, STMT_OPERATIONS_QUARANTINE,
	               DB_PARAMS(db_text(page.after), db_int(page.limit + 1), page.is_open), &rows, err) &&
	       reply_page(request, rows, "quarantined", page.limit, "quarantine.list", err);
}
