/*
 * Changes that the operator makes: one transaction each, with an audit record in it that names the person at the terminal.
 */
#ifndef YQ_YQCTL_OPERATOR_H
#define YQ_YQCTL_OPERATOR_H

#include "gateway/yqctl/command.h"
#include "lib/db/db.h"
#include "lib/domain/audit.h"

/* The audit record of a change; work fills what it only knows afterwards. Texts are copied when it is written. */
struct operator_note {
	const char *action;       /* "device.add" */
	const char *subject_kind; /* "device" */
	char subject[64];         /* public id, or an account's name */
	char site[64];            /* public id, or empty */
	char detail[512];         /* a JSON object, or empty */
};

/* work runs in a transaction (again, when that could not be serialised), the audit record of note behind it. */
bool operator_change(struct invocation *in, struct operator_note *note, db_work *work, void *context, struct err *err);

/* The login name at this terminal. */
const char *operator_name(void);

#endif
