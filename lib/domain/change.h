/*
 * The traces of a change, written in the transaction that makes it: an event for whoever watches and an audit record. The audit
 * record locks the chain of its writer until the commit, so this is the last thing that a transaction does.
 */
#ifndef YQ_DOMAIN_CHANGE_H
#define YQ_DOMAIN_CHANGE_H

#include <stdbool.h>

#include "lib/base/err.h"

struct db;

/* Borrowed; ids are public ids. */
struct change {
	const char *event;         /* "task.take", or NULL: no event */
	const char *action;        /* of the audit record, or NULL: none */
	const char *person_id;     /* who did it; NULL: the program itself */
	bool is_operator;          /* without person: the operator's command rather than a program */
	const char *operator_name; /* the login at the machine, where it is known; else NULL */
	const char *subject_kind, *subject_id;
	const char *site_id;
	const char *detail; /* a JSON object without patient data, or NULL */
};

bool change_record(struct db *db, const struct change *change, struct err *err);

#endif
