/* Search of the audit. What a person may see of it is decided by the ledger (audit_search); that somebody searched is in it, too. */
#include <stdlib.h>
#include <string.h>

#include "gateway/answer.h"
#include "gateway/caller.h"
#include "gateway/handlers.h"
#include "gateway/input.h"

enum { PAGE_DEFAULT = 100, PAGE_MAX = 500, ACTOR_MAX = 100, ACTION_MAX = 64, SUBJECT_MAX = 256 };

struct search {
	const char *from, *to, *actor, *action, *subject, *outcome, *after;
	int limit;
};

static bool read_search(const struct http_request *request, struct search *out, struct err *err)
{
	if (!input_query_day(request, "from", &out->from, err) || !input_query_day(request, "to", &out->to, err) ||
	    !input_query_text(request, "actor", ACTOR_MAX, &out->actor, err) ||
	    !input_query_text(request, "action", ACTION_MAX, &out->action, err) ||
	    !input_query_text(request, "subject", SUBJECT_MAX, &out->subject, err) ||
	    !input_query_word(request, "outcome", "success refused failed", &out->outcome, err) ||
	    !input_query_id(request, "after", &out->after, err) ||
	    !input_query_int(request, "limit", 1, PAGE_MAX, PAGE_DEFAULT, &out->limit, err))
		return false;
	if (out->action != NULL && out->action[strspn(out->action, "abcdefghijklmnopqrstuvwxyz_.")] != '\0')
		return err_set(err, ERR_INVALID, "action is no beginning of an action like report.issue");
	if (out->from != NULL && out->to != NULL && strcmp(out->from, out->to) > 0)
		return err_set(err, ERR_INVALID, "from lies behind to");
	return true;
}

/* Actor and subject may be anything that somebody typed, so they are kept only as ids. */
static const char *kept(const char *text)
{
	return text == NULL || text_is_uuid(text) ? text : "(text)";
}

static bool audit_search_itself(struct http_request *request, const struct search *search, struct err *err)
{
	json_t *detail = json_pack("{s:s?, s:s?, s:s?, s:s?, s:s?, s:s?}", "from", search->from, "to", search->to,
	                           "actor", kept(search->actor), "action", search->action, "subject",
	                           kept(search->subject), "outcome", search->outcome);
	char *text = json_dumps(detail, JSON_COMPACT);
	json_decref(detail);
	if (text == NULL)
		err_panic("could not write JSON");
	bool ok = caller_audit(request, "audit.search", NULL, NULL, NULL, text, err);
	free(text);
	return ok;
}

/* The look is noted before it is answered, and after it was made: a search does not find itself. */
bool handle_audit(struct http_request *request, void *context, struct err *err)
{
	(void)context;
	struct search search;
	struct db *db;
	struct db_rows *rows = NULL;
	if (!read_search(request, &search, err) || !caller_db(request, &db, err) ||
	    !db_exec(db, STMT_OPERATIONS_AUDIT,
	             DB_PARAMS(db_text(search.from), db_text(search.to), db_text(search.actor), db_text(search.action),
	                       db_text(search.subject), db_text(search.outcome), db_text(search.after),
	                       db_int(search.limit + 1)),
	             &rows, err))
		return false;
	json_t *page = answer_page(rows, "entries", search.limit);
	db_rows_free(rows);
	if (!audit_search_itself(request, &search, err)) {
		json_decref(page);
		return false;
	}
	return http_reply_json(request, 200, page, err);
}
