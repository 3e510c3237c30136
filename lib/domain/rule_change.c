#include "lib/domain/rule_change.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/db/db.h"
#include "lib/domain/change.h"
#include "lib/domain/routing.h"
#include "lib/domain/rule_form.h"

/* ---- places in a document ------------------------------------------------------------------------------------------------ */

static const char *member(const json_t *json, const char *name)
{
	const char *text = json_string_value(json_object_get(json, name));

	return text ? text : "";
}

static json_t *groups_of(const json_t *document)
{
	return json_object_get(document, "groups");
}

/* -1: there is none. */
static int index_of(const json_t *list, const char *name, const char *value)
{
	for (size_t i = 0; i < json_array_size(list); i++)
		if (strcmp(member(json_array_get(list, i), name), value) == 0)
			return (int)i;
	return -1;
}

struct place {
	json_t *group; /* borrowed */
	json_t *rules;
	int index;
};

static bool find_rule(const json_t *document, const char *rule_id, struct place *out, struct err *err)
{
	const json_t *groups = groups_of(document);

	for (size_t i = 0; i < json_array_size(groups); i++) {
		struct place place = {.group = json_array_get(groups, i)};

		place.rules = json_object_get(place.group, "rules");
		place.index = index_of(place.rules, "id", rule_id);
		if (place.index >= 0) {
			*out = place;
			return true;
		}
	}
	return err_set(err, ERR_NOT_FOUND, "there is no rule '%.40s' in the version in force", rule_id);
}

static bool find_group(const json_t *document, const char *name, json_t **out, struct err *err)
{
	json_t *groups = groups_of(document);
	int index = name ? index_of(groups, "name", name) : 0;

	if (index < 0)
		return err_set(err, ERR_NOT_FOUND, "there is no group '%.40s'", name);
	*out = json_array_get(groups, (size_t)index);
	return true;
}

static bool insert_rule(const json_t *group, json_t *rule, const char *before, struct err *err)
{
	json_t *rules = json_object_get(group, "rules");
	int index = before ? index_of(rules, "id", before) : (int)json_array_size(rules);

	if (index < 0)
		return err_set(err, ERR_NOT_FOUND, "there is no rule '%.40s' in group '%.100s'", before,
		               member(group, "name"));
	return json_array_insert(rules, (size_t)index, rule) == 0;
}

/* ---- the changes ------------------------------------------------------------------------------------------------------------ */

static void note(struct rule_change *change, const char *what, const char *name)
{
	snprintf(change->note, sizeof(change->note), "%s '%s'", what, name);
}

static bool add_rule(json_t *document, struct rule_change *change, struct err *err)
{
	json_t *group, *rule;
	bool ok;

	if (!find_group(document, change->group, &group, err) || !rule_form_read(change->body, &rule, err))
		return false;
	text_uuid_new(change->changed_id);
	json_object_set_new(rule, "id", json_string(change->changed_id));
	ok = insert_rule(group, rule, change->before, err);
	note(change, "added", member(rule, "name"));
	json_decref(rule);
	return ok;
}

static bool edit_rule(json_t *document, struct rule_change *change, struct err *err)
{
	struct place place;
	json_t *merged, *rule, *body;

	if (!json_is_object(change->body))
		return err_set(err, ERR_INVALID, "a rule is a JSON object");
	if (!find_rule(document, change->rule_id, &place, err))
		return false;
	merged = json_deep_copy(json_array_get(place.rules, (size_t)place.index));
	body = json_deep_copy(change->body);
	json_object_update(merged, body);
	json_decref(body);
	if (!rule_form_read(merged, &rule, err)) {
		json_decref(merged);
		return false;
	}
	json_decref(merged);
	json_object_set_new(rule, "id", json_string(change->rule_id));
	note(change, "changed", member(rule, "name"));
	return json_array_set_new(place.rules, (size_t)place.index, rule) == 0;
}

static bool move_rule(json_t *document, struct rule_change *change, struct err *err)
{
	struct place place;
	json_t *group, *rule;
	bool ok;

	if (!find_rule(document, change->rule_id, &place, err))
		return false;
	group = place.group;
	if (change->group && !find_group(document, change->group, &group, err))
		return false;
	if (change->before && change->rule_id && strcmp(change->before, change->rule_id) == 0)
		return err_set(err, ERR_INVALID, "cannot move a rule before itself");
	rule = json_incref(json_array_get(place.rules, (size_t)place.index));
	json_array_remove(place.rules, (size_t)place.index);
	ok = insert_rule(group, rule, change->before, err);
	note(change, "moved", member(rule, "name"));
	json_decref(rule);
	return ok;
}

static bool remove_rule(json_t *document, struct rule_change *change, struct err *err)
{
	struct place place;

	if (!find_rule(document, change->rule_id, &place, err))
		return false;
	note(change, "removed", member(json_array_get(place.rules, (size_t)place.index), "name"));
	return json_array_remove(place.rules, (size_t)place.index) == 0;
}

static bool place_group(json_t *groups, json_t *group, const char *before, struct err *err)
{
	int index = index_of(groups, "name", before);

	if (index < 0)
		return err_set(err, ERR_NOT_FOUND, "there is no group '%.40s'", before);
	return json_array_insert(groups, (size_t)index, group) == 0;
}

static bool put_group(json_t *document, struct rule_change *change, struct err *err)
{
	json_t *groups = groups_of(document), *group;
	int index = change->group ? index_of(groups, "name", change->group) : -1;
	bool ok = true;

	if (!rule_form_text(change->group, "the name of a group", RULE_NAME_MAX, err) ||
	    (change->new_name && !rule_form_text(change->new_name, "the name of a group", RULE_NAME_MAX, err)))
		return false;
	if (change->mode && strcmp(change->mode, "first") != 0 && strcmp(change->mode, "all") != 0)
		return err_set(err, ERR_INVALID, "the mode of a group is first or all");
	if (index < 0)
		json_array_append_new(groups,
		                      json_pack("{s:s, s:s, s:[]}", "name", change->group, "mode", "first", "rules"));
	index = index < 0 ? (int)json_array_size(groups) - 1 : index;
	group = json_incref(json_array_get(groups, (size_t)index));
	if (change->mode)
		json_object_set_new(group, "mode", json_string(change->mode));
	if (change->before && strcmp(change->before, change->group) != 0) {
		json_array_remove(groups, (size_t)index);
		ok = place_group(groups, group, change->before, err);
	}
	if (change->new_name)
		json_object_set_new(group, "name", json_string(change->new_name));
	note(change, "set group", member(group, "name"));
	json_decref(group);
	return ok;
}

static bool remove_group(json_t *document, struct rule_change *change, struct err *err)
{
	json_t *groups = groups_of(document);
	int index = index_of(groups, "name", change->group);

	if (index < 0)
		return err_set(err, ERR_NOT_FOUND, "there is no group '%.40s'", change->group);
	if (json_array_size(json_object_get(json_array_get(groups, (size_t)index), "rules")) > 0)
		return err_set(err, ERR_CONFLICT, "cannot remove a group that has rules: move or remove them first");
	if (json_array_size(groups) == 1)
		return err_set(err, ERR_CONFLICT, "cannot remove the last group");
	note(change, "removed group", change->group);
	return json_array_remove(groups, (size_t)index) == 0;
}

static bool apply(json_t *document, struct rule_change *change, struct err *err)
{
	switch (change->kind) {
	case RULE_CHANGE_ADD:
		return add_rule(document, change, err);
	case RULE_CHANGE_EDIT:
		return edit_rule(document, change, err);
	case RULE_CHANGE_MOVE:
		return move_rule(document, change, err);
	case RULE_CHANGE_REMOVE:
		return remove_rule(document, change, err);
	case RULE_CHANGE_GROUP:
		return put_group(document, change, err);
	case RULE_CHANGE_GROUP_REMOVE:
		return remove_group(document, change, err);
	}
	return err_set(err, ERR_INVALID, "there is no such change");
}

/* ---- the whole ---------------------------------------------------------------------------------------------------------------- */

static bool check_size(const json_t *document, struct err *err)
{
	const json_t *groups = groups_of(document);
	size_t rules = 0, same;

	for (size_t i = 0; i < json_array_size(groups); i++) {
		rules += json_array_size(json_object_get(json_array_get(groups, i), "rules"));
		same = (size_t)index_of(groups, "name", member(json_array_get(groups, i), "name"));
		if (same != i)
			return err_set(err, ERR_CONFLICT, "there is a group of this name already");
	}
	if (json_array_size(groups) > RULE_GROUPS_MAX || rules > RULE_RULES_MAX)
		return err_set(err, ERR_INVALID, "there are at most %d groups and %d rules", RULE_GROUPS_MAX,
		               RULE_RULES_MAX);
	return true;
}

/* Where there are no rules yet, the first one comes into the group that every version has. */
static bool load(struct db *db, json_t **out, struct err *err)
{
	struct err absent = {0};

	if (routing_document(db, ROUTING_SET_IN_FORCE, out, &absent))
		return true;
	if (absent.kind != ERR_NOT_FOUND) {
		*err = absent;
		return false;
	}
	*out = json_pack("{s:i, s:[{s:s, s:s, s:[]}]}", "version", 0, "groups", "name", "reading", "mode", "first",
	                 "rules");
	return true;
}

static bool write(struct db *db, const json_t *document, struct rule_change *change, struct err *err)
{
	json_int_t version = json_integer_value(json_object_get(document, "version"));
	char *text;
	struct db_rows *rows;
	bool ok;

	if (change->base_version > 0 && change->base_version != version)
		return err_set(err, ERR_CONFLICT,
		               "cannot change version %d of the rules: version %d is in force by now",
		               change->base_version, (int)version);
	text = json_dumps(document, JSON_COMPACT);
	if (!text)
		err_panic("out of memory");
	ok = db_exec_one(db, STMT_RULE_WRITE,
	                 DB_PARAMS(version > 0 ? db_int(version) : db_null(), db_text(text), db_text(change->person_id),
	                           db_text(change->operator_name), db_text(change->note)),
	                 "the rules", &rows, err);
	free(text);
	if (!ok)
		return false;
	change->version = (int)db_get_int(rows, 0, "version");
	db_rows_free(rows);
	return true;
}

bool rule_change_make(struct db *db, struct rule_change *change, struct err *err)
{
	json_t *document;
	bool ok;

	if (!load(db, &document, err))
		return false;
	if (change->rule_id)
		text_copy(change->changed_id, sizeof(change->changed_id), change->rule_id);
	ok = apply(document, change, err) && check_size(document, err) && write(db, document, change, err);
	json_decref(document);
	return ok;
}

const char *rule_change_action(const struct rule_change *change)
{
	static const char *const actions[] = {
	    [RULE_CHANGE_ADD] = "rule.add",     [RULE_CHANGE_EDIT] = "rule.edit",
	    [RULE_CHANGE_MOVE] = "rule.move",   [RULE_CHANGE_REMOVE] = "rule.remove",
	    [RULE_CHANGE_GROUP] = "rule.group", [RULE_CHANGE_GROUP_REMOVE] = "rule.group_remove"};

	return actions[change->kind];
}

static bool change_work(struct db *db, void *context, struct err *err)
{
	struct rule_change *change = context;
	char detail[40];
	struct change record = {.action = rule_change_action(change),
	                        .person_id = change->person_id,
	                        .subject_kind = "rule",
	                        .detail = detail};

	if (!rule_change_make(db, change, err))
		return false;
	record.subject_id = change->changed_id;
	snprintf(detail, sizeof(detail), "{\"version\": %d}", change->version);
	return change_record(db, &record, err);
}

bool rule_change_by_person(struct db_pool *pool, struct rule_change *change, struct err *err)
{
	return db_transact(pool, change->person_id, change_work, change, err);
}
