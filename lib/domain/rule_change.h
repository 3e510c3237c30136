/*
 * Changes of the rules. Each makes a new version, in force at once, and ends the one before; versions are never changed. What was routed
 * stays as it is. In the caller's transaction.
 *
 * ERR_INVALID (form, or something named that is not there), ERR_NOT_FOUND (no such rule or group), ERR_REFUSED (a person who is not operator
 * of every site), ERR_CONFLICT (another version is in force than the one that was changed).
 */
#ifndef YQ_DOMAIN_RULE_CHANGE_H
#define YQ_DOMAIN_RULE_CHANGE_H

#include <jansson.h>
#include <stdbool.h>

#include "lib/base/err.h"
#include "lib/base/text.h"

struct db;
struct db_pool;

enum rule_change_kind {
	RULE_CHANGE_ADD,
	RULE_CHANGE_EDIT, /* members that body has replace those of the rule */
	RULE_CHANGE_MOVE,
	RULE_CHANGE_REMOVE,
	RULE_CHANGE_GROUP,       /* makes the group, or changes its mode, name or place */
	RULE_CHANGE_GROUP_REMOVE /* an empty one */
};

enum { RULE_NOTE_MAX = 600 };

struct rule_change {
	enum rule_change_kind kind;
	const char *person_id, *operator_name; /* one of them; the other NULL */
	int base_version;                      /* that was looked at; 0: whichever is in force */
	const char *rule_id;                   /* of EDIT, MOVE, REMOVE */
	const json_t *body;                    /* of ADD and EDIT: rule_form.h */
	const char *group;                     /* its name; NULL: the first one (ADD), the rule's own (MOVE) */
	const char *
	    before; /* id of the rule, or name of the group, before which it comes; NULL: last, or where it was (GROUP) */
	const char *new_name, *mode; /* of GROUP; NULL: as it is; a new group is first */
	/* What came of it: */
	char changed_id[TEXT_UUID_SIZE]; /* of the rule; empty for groups */
	int version;
	char note[RULE_NOTE_MAX]; /* "added 'CT at night'" */
};

bool rule_change_make(struct db *db, struct rule_change *change, struct err *err);

/* The same in a transaction of its own in the name of change->person_id, with event and audit record. */
bool rule_change_by_person(struct db_pool *pool, struct rule_change *change, struct err *err);

/* "rule.add" ...: of event and audit. */
const char *rule_change_action(const struct rule_change *change);

#endif
