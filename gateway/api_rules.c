/* Routing rules: looking at them, changing them, asking them. The rules of it are those of lib/domain/rule_change.h and routing.h. */
#include <string.h>

#include "gateway/answer.h"
#include "gateway/caller.h"
#include "gateway/handlers.h"
#include "gateway/input.h"
#include "lib/domain/routing.h"
#include "lib/domain/row_json.h"
#include "lib/domain/rule_change.h"

enum { VERSION_MAX = 1000000000, NAME_MAX_BYTES = 400, TIME_MAX = 40 };

static bool take_set(struct db *db, int version, int64_t *out_set, struct err *err)
{
	*out_set = ROUTING_SET_IN_FORCE;
	return version == 0 || routing_version(db, version, out_set, err);
}

bool handle_rules(struct http_request *request, void *context, struct err *err)
{
	(void)context;
	struct db *db;
	json_t *document;
	int64_t set;
	int version;
	if (!input_query_int(request, "version", 1, VERSION_MAX, 0, &version, err) || !caller_db(request, &db, err) ||
	    !take_set(db, version, &set, err) || !routing_document(db, set, &document, err))
		return false;
	return http_reply_json(request, 200, document, err);
}

bool handle_rule_versions(struct http_request *request, void *context, struct err *err)
{
	(void)context;
	struct db *db;
	struct db_rows *rows = NULL;
	if (!caller_db(request, &db, err) || !db_exec(db, STMT_RULE_SETS, DB_NO_PARAMS, &rows, err))
		return false;
	json_t *list = json_array();
	for (int i = 0; i < db_rows_count(rows); i++)
		json_array_append_new(list, row_json(rows, i));
	db_rows_free(rows);
	return http_reply_json(request, 200, json_pack("{s:o}", "versions", list), err);
}

bool handle_rule_choices(struct http_request *request, void *context, struct err *err)
{
	(void)context;
	struct db *db;
	struct db_rows *rows = NULL;
	if (!caller_db(request, &db, err) ||
	    !db_exec_one(db, STMT_RULE_CHOICES, DB_NO_PARAMS, "the choices", &rows, err))
		return false;
	json_t *json = answer_row(rows, 0);
	db_rows_free(rows);
	return http_reply_json(request, 200, json, err);
}

/* ---- changes ---------------------------------------------------------------------------------------------------------- */

/* {"ok", "id", "version", "note"}; the version that the page showed has to be the one in force. */
static bool make(struct http_request *request, struct gateway *gateway, const json_t *body, struct rule_change *change,
                 struct err *err)
{
	change->person_id = caller_id(request);
	if (!input_int(body, "base_version", 0, VERSION_MAX, &change->base_version, err))
		return false;
	caller_rest(request);
	return rule_change_by_person(gateway->pool, change, err) &&
	       http_reply_json(request, 200,
	                       json_pack("{s:b, s:s, s:i, s:s}", "ok", 1, "id", change->changed_id, "version",
	                                 change->version, "note", change->note),
	                       err);
}

static bool take_place(const json_t *body, struct rule_change *change, struct err *err)
{
	return input_text(body, "group", NAME_MAX_BYTES, false, &change->group, err) &&
	       input_id(body, "before", false, &change->before, err);
}

bool handle_rule_add(struct http_request *request, void *context, struct err *err)
{
	struct rule_change change = {.kind = RULE_CHANGE_ADD};
	json_t *body;
	if (!http_body_json(request, &body, err) || !take_place(body, &change, err))
		return false;
	change.body = json_object_get(body, "rule");
	return make(request, context, body, &change, err);
}

bool handle_rule_edit(struct http_request *request, void *context, struct err *err)
{
	struct rule_change change = {.kind = RULE_CHANGE_EDIT};
	json_t *body;
	if (!input_path_id(request, "rule", &change.rule_id, err) || !http_body_json(request, &body, err))
		return false;
	change.body = json_object_get(body, "rule");
	return make(request, context, body, &change, err);
}

bool handle_rule_move(struct http_request *request, void *context, struct err *err)
{
	struct rule_change change = {.kind = RULE_CHANGE_MOVE};
	json_t *body;
	return input_path_id(request, "rule", &change.rule_id, err) && http_body_json(request, &body, err) &&
	       take_place(body, &change, err) && make(request, context, body, &change, err);
}

bool handle_rule_remove(struct http_request *request, void *context, struct err *err)
{
	struct rule_change change = {.kind = RULE_CHANGE_REMOVE};
	json_t *body;
	return input_path_id(request, "rule", &change.rule_id, err) && http_body_json(request, &body, err) &&
	       make(request, context, body, &change, err);
}

bool handle_rule_group(struct http_request *request, void *context, struct err *err)
{
	struct rule_change change = {.kind = RULE_CHANGE_GROUP};
	json_t *body;
	return http_body_json(request, &body, err) &&
	       input_text(body, "name", NAME_MAX_BYTES, true, &change.group, err) &&
	       input_text(body, "new_name", NAME_MAX_BYTES, false, &change.new_name, err) &&
	       input_text(body, "before", NAME_MAX_BYTES, false, &change.before, err) &&
	       input_word(body, "mode", "first all", false, &change.mode, err) &&
	       make(request, context, body, &change, err);
}

bool handle_rule_ungroup(struct http_request *request, void *context, struct err *err)
{
	struct rule_change change = {.kind = RULE_CHANGE_GROUP_REMOVE};
	json_t *body;
	return http_body_json(request, &body, err) &&
	       input_text(body, "name", NAME_MAX_BYTES, true, &change.group, err) &&
	       make(request, context, body, &change, err);
}

/* ---- dry run ---------------------------------------------------------------------------------------------------------- */

/* What is told of a study is told of a patient: the look is audited. */
static bool ask_study(struct http_request *request, struct db *db, const char *study, int64_t set, struct routing *out,
                      struct err *err)
{
	struct db_rows *rows = NULL;
	if (!db_exec_one(db, STMT_GATEWAY_STUDY_SITE, DB_PARAMS(db_text(study)), "the study", &rows, err))
		return false;
	bool ok = caller_audit(request, "study.rule_test", "study", study, db_get_text(rows, 0, "site_id"), NULL, err);
	db_rows_free(rows);
	return ok && routing_of_study(db, study, set, out, err);
}

/* By its id or its Study Instance UID. */
static bool find_study(struct db *db, const char *text, char out_id[TEXT_UUID_SIZE], struct err *err)
{
	struct db_rows *rows = NULL;
	if (!db_exec_one(db, STMT_LIST_STUDY_FIND, DB_PARAMS(db_text(text)), "the study", &rows, err))
		return false;
	int count = db_rows_count(rows);
	text_copy(out_id, TEXT_UUID_SIZE, db_get_text(rows, 0, "id"));
	db_rows_free(rows);
	return count == 1 || err_set(err, ERR_INVALID, "%d studies have this UID: give the id of one", count);
}

static bool ask(struct http_request *request, struct db *db, const json_t *body, struct routing *out, struct err *err)
{
	char id[TEXT_UUID_SIZE];
	const char *study, *at;
	int version = 0;
	int64_t set;
	if (!input_text(body, "study", TEXT_UID_SIZE, false, &study, err) ||
	    !input_text(body, "at", TIME_MAX, false, &at, err) ||
	    (json_object_get(body, "version") && !input_int(body, "version", 0, VERSION_MAX, &version, err)) ||
	    !take_set(db, version, &set, err))
		return false;
	if (study)
		return find_study(db, study, id, err) && ask_study(request, db, id, set, out, err);
	return routing_described(db, json_object_get(body, "facts"), at, set, out, err);
}

bool handle_rule_test(struct http_request *request, void *context, struct err *err)
{
	(void)context;
	struct routing routing;
	struct db *db;
	json_t *body, *outcome;
	if (!http_body_json(request, &body, err) || !caller_db(request, &db, err) ||
	    !ask(request, db, body, &routing, err))
		return false;
	bool ok = routing_json(db, &routing, &outcome, err);
	routing_fini(&routing);
	return ok && http_reply_json(request, 200, outcome, err);
}
