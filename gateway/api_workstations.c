/* 我的工作站: tokens that people make for their workstations, and that they or their operators revoke. */
#include <stdlib.h>
#include <string.h>

#include "gateway/answer.h"
#include "gateway/caller.h"
#include "gateway/feed.h"
#include "gateway/handlers.h"
#include "gateway/input.h"

enum { PASSWORD_BYTES = 1024, USES_MAX = 3 };

bool handle_workstations(struct http_request *request, void *context, struct err *err)
{
	(void)context;
	const char *whose;
	struct db *db;
	struct db_rows *rows = NULL;
	if (!input_query_word(request, "whose", "own all", &whose, err) || !caller_db(request, &db, err) ||
	    !db_exec(db, STMT_WORKSTATION_LIST,
	             DB_PARAMS(db_text(caller_id(request)), db_bool(whose != NULL && strcmp(whose, "all") == 0)), &rows,
	             err))
		return false;
	json_t *answer = answer_list(rows, "workstations");
	db_rows_free(rows);
	return http_reply_json(request, 200, answer, err);
}

static bool read_uses(const json_t *body, uint32_t *out, struct err *err)
{
	const json_t *uses = json_object_get(body, "uses"), *use;
	size_t i;
	*out = 0;
	if (!json_is_array(uses) || json_array_size(uses) > USES_MAX)
		return err_set(err, ERR_INVALID, "uses is a list of read, store, worklist");
	json_array_foreach(uses, i, use)
	{
		uint32_t bit = json_is_string(use) ? workstation_use_bit(json_string_value(use)) : 0;
		if (bit == 0 || (*out & bit) != 0)
			return err_set(err, ERR_INVALID, "uses is a list of read, store, worklist, each once");
		*out |= bit;
	}
	return true;
}

static bool audit_token(struct http_request *request, const char *action, const char *id, const char *name,
                        const char *owner, struct err *err)
{
	json_t *detail = json_pack("{s:s, s:s}", "workstation", name, "person", owner);
	char *text = detail != NULL ? json_dumps(detail, JSON_COMPACT) : NULL;
	if (text == NULL)
		err_panic("could not write JSON");
	bool ok = caller_audit(request, action, "workstation_token", id, NULL, text, err);
	free(text);
	json_decref(detail);
	return ok;
}

/* What lasts longer than the login is not made from a page that somebody left open: the password is asked again. */
static bool confirm(struct http_request *request, const json_t *body, struct err *err)
{
	const char *password;
	return input_text(body, "password", PASSWORD_BYTES, true, &password, err) &&
	       account_confirm(caller_of(request)->gateway->pool, caller_id(request), password, err);
}

bool handle_workstation_add(struct http_request *request, void *context, struct err *err)
{
	(void)context;
	json_t *body;
	struct workstation_new fresh = {.person_id = caller_id(request)};
	char token[WORKSTATION_TOKEN_SIZE], id[TEXT_UUID_SIZE];
	struct db *db;
	if (!http_body_json(request, &body, err) ||
	    !input_text(body, "workstation", WORKSTATION_NAME_SIZE, true, &fresh.name, err) ||
	    !input_text(body, "until", 10, true, &fresh.until_day, err) || !read_uses(body, &fresh.uses, err) ||
	    !confirm(request, body, err) || !caller_db(request, &db, err) ||
	    !workstation_add(db, &fresh, token, id, err) ||
	    !audit_token(request, "workstation.add", id, fresh.name, fresh.person_id, err))
		return false;
	http_keep_plain(request);
	json_t *answer = json_pack("{s:s, s:s}", "id", id, "token", token);
	explicit_bzero(token, sizeof token);
	return http_reply_json(request, 201, answer, err);
}

/* What it listens to at this gateway ends with it. */
bool handle_workstation_end(struct http_request *request, void *context, struct err *err)
{
	struct gateway *gateway = context;
	const char *id;
	struct workstation_ended ended;
	struct db *db;
	if (!input_path_id(request, "workstation", &id, err) || !caller_db(request, &db, err) ||
	    !workstation_end(db, id, caller_id(request), caller_of(request)->session.name, &ended, err) ||
	    !audit_token(request, "workstation.end", id, ended.name, ended.person_id, err))
		return false;
	feed_end_session(gateway->feed, id);
	return answer_done(request, err);
}
