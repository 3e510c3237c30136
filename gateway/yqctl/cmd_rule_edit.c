/* Routing rules: changing them. Each change makes a new version; what was routed stays as it is. */
#include <stdio.h>
#include <string.h>

#include "gateway/yqctl/handlers.h"
#include "gateway/yqctl/operator.h"
#include "gateway/yqctl/rule_find.h"
#include "gateway/yqctl/rule_text.h"
#include "lib/domain/find_one.h"
#include "lib/domain/routing.h"
#include "lib/domain/rule_change.h"

enum { LIST_BYTES_MAX = 4000 };

/* ---- values ---------------------------------------------------------------------------------------------------------------- */

static bool is_none(const char *value)
{
	return strcmp(value, "none") == 0;
}

static bool put_conditions(struct invocation *in, json_t *body, struct err *err)
{
	json_t *conditions;

	if (!option_given(in, "when"))
		return true;
	if (!rule_text_parse(option_value(in, "when"), &conditions, err))
		return false;
	json_object_set_new(body, "conditions", conditions);
	return rule_text_resolve(in->db, conditions, err);
}

static bool put_queue(struct invocation *in, json_t *body, struct err *err)
{
	const char *queue = option_value(in, "queue");
	char id[TEXT_UUID_SIZE];

	if (!queue)
		return true;
	if (is_none(queue))
		return json_object_set_new(body, "queue", json_null()) == 0;
	return find_one(in->db, STMT_QUEUE_FIND, "queue", queue, id, err) &&
	       json_object_set_new(body, "queue", json_string(id)) == 0;
}

static void put_text(struct invocation *in, json_t *body, const char *option, const char *member)
{
	const char *value = option_value(in, option);

	if (value)
		json_object_set_new(body, member, is_none(value) ? json_null() : json_string(value));
}

static bool put_priority(struct invocation *in, json_t *body, struct err *err)
{
	long priority;

	if (!option_given(in, "priority"))
		return true;
	if (is_none(option_value(in, "priority")))
		return json_object_set_new(body, "priority", json_null()) == 0;
	return option_number(in, "priority", -10, 10, 0, &priority, err) &&
	       json_object_set_new(body, "priority", json_integer(priority)) == 0;
}

/* Ids or AE titles with commas between them. */
static bool put_destinations(struct invocation *in, json_t *body, const char *name, struct err *err)
{
	const char *value = option_value(in, name);
	char list[LIST_BYTES_MAX], id[TEXT_UUID_SIZE], *rest = list;
	json_t *ids;

	if (!value)
		return true;
	ids = json_array();
	json_object_set_new(body, name, ids);
	if (is_none(value))
		return true;
	if (!text_copy(list, sizeof(list), value))
		return err_set(err, ERR_INVALID, "--%s is too long", name);
	for (char *one = strsep(&rest, ","); one; one = strsep(&rest, ",")) {
		if (!find_one(in->db, STMT_DESTINATION_FIND, "destination", one, id, err))
			return false;
		json_array_append_new(ids, json_string(id));
	}
	return true;
}

static bool read_body(struct invocation *in, json_t *body, struct err *err)
{
	if (option_value(in, "name"))
		json_object_set_new(body, "name", json_string(option_value(in, "name")));
	put_text(in, body, "reading", "reading_mode");
	put_text(in, body, "hold", "hold");
	return put_conditions(in, body, err) && put_queue(in, body, err) && put_priority(in, body, err) &&
	       put_destinations(in, body, "forward", err) && put_destinations(in, body, "ai", err);
}

/* ---- changes --------------------------------------------------------------------------------------------------------------- */

struct changing {
	struct rule_change change;
	struct operator_note note;
};

static bool change_work(struct db *db, void *context, struct err *err)
{
	struct changing *changing = context;

	if (!rule_change_make(db, &changing->change, err))
		return false;
	snprintf(changing->note.subject, sizeof(changing->note.subject), "%s", changing->change.changed_id);
	snprintf(changing->note.detail, sizeof(changing->note.detail), "{\"version\": %d}", changing->change.version);
	return true;
}

static bool make(struct invocation *in, struct rule_change change, struct err *err)
{
	struct changing changing = {.change = change, .note = {.subject_kind = "rule"}};

	changing.change.operator_name = operator_name();
	changing.note.action = rule_change_action(&change);
	if (!operator_change(in, &changing.note, change_work, &changing, err))
		return false;
	printf("version %d of the rules is in force: %s\n", changing.change.version, changing.change.note);
	if (changing.change.changed_id[0])
		printf("rule %s\n", changing.change.changed_id);
	return true;
}

/* A rule by its id, number or name. *out_id and *out_version are of the version in force now. */
static bool find(struct invocation *in, const char *text, char out_id[TEXT_UUID_SIZE], struct err *err)
{
	struct rule_found found;
	json_t *document;
	bool ok;

	if (!routing_document(in->db, ROUTING_SET_IN_FORCE, &document, err))
		return false;
	ok = rule_find(document, text, &found, err);
	if (ok)
		text_copy(out_id, TEXT_UUID_SIZE, found.id);
	json_decref(document);
	return ok;
}

static bool find_before(struct invocation *in, char out_id[TEXT_UUID_SIZE], struct err *err)
{
	out_id[0] = '\0';
	return !option_given(in, "before") || find(in, option_value(in, "before"), out_id, err);
}

bool run_rule_add(struct invocation *in, struct err *err)
{
	char before[TEXT_UUID_SIZE];
	json_t *body = json_object();
	struct rule_change change = {.kind = RULE_CHANGE_ADD, .body = body, .group = option_value(in, "group")};
	bool ok = read_body(in, body, err) && find_before(in, before, err);

	if (option_given(in, "disabled"))
		json_object_set_new(body, "is_enabled", json_false());
	change.before = ok && before[0] ? before : NULL;
	ok = ok && make(in, change, err);
	json_decref(body);
	return ok;
}

bool run_rule_edit(struct invocation *in, struct err *err)
{
	char id[TEXT_UUID_SIZE];
	json_t *body = json_object();
	struct rule_change change = {.kind = RULE_CHANGE_EDIT, .body = body, .rule_id = id};
	bool ok = find(in, in->arguments[0], id, err) && read_body(in, body, err);

	if (ok && json_object_size(body) == 0)
		ok = err_set(err, ERR_INVALID, "nothing to change: give at least one option");
	ok = ok && make(in, change, err);
	json_decref(body);
	return ok;
}

static bool switch_rule(struct invocation *in, bool is_enabled, struct err *err)
{
	char id[TEXT_UUID_SIZE];
	json_t *body = json_pack("{s:b}", "is_enabled", is_enabled);
	struct rule_change change = {.kind = RULE_CHANGE_EDIT, .body = body, .rule_id = id};
	bool ok = find(in, in->arguments[0], id, err) && make(in, change, err);

	json_decref(body);
	return ok;
}

bool run_rule_enable(struct invocation *in, struct err *err)
{
	return switch_rule(in, true, err);
}

bool run_rule_disable(struct invocation *in, struct err *err)
{
	return switch_rule(in, false, err);
}

bool run_rule_move(struct invocation *in, struct err *err)
{
	char id[TEXT_UUID_SIZE], before[TEXT_UUID_SIZE];
	struct rule_change change = {.kind = RULE_CHANGE_MOVE, .rule_id = id, .group = option_value(in, "group")};

	if (!find(in, in->arguments[0], id, err) || !find_before(in, before, err))
		return false;
	change.before = before[0] ? before : NULL;
	return make(in, change, err);
}

bool run_rule_remove(struct invocation *in, struct err *err)
{
	char id[TEXT_UUID_SIZE];
	struct rule_change change = {.kind = RULE_CHANGE_REMOVE, .rule_id = id};

	return find(in, in->arguments[0], id, err) && make(in, change, err);
}

bool run_rule_group(struct invocation *in, struct err *err)
{
	struct rule_change change = {.kind = RULE_CHANGE_GROUP,
	                             .group = in->arguments[0],
	                             .before = option_value(in, "before"),
	                             .new_name = option_value(in, "name"),
	                             .mode = option_value(in, "mode")};

	return make(in, change, err);
}

bool run_rule_ungroup(struct invocation *in, struct err *err)
{
	struct rule_change change = {.kind = RULE_CHANGE_GROUP_REMOVE, .group = in->arguments[0]};

	return make(in, change, err);
}
