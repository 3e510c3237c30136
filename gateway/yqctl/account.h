/*
 * Making accounts and certificates, for the commands on accounts and for the demonstration. Transaction work of operator_change().
 */
#ifndef YQ_YQCTL_ACCOUNT_H
#define YQ_YQCTL_ACCOUNT_H

#include "gateway/yqctl/operator.h"
#include "lib/domain/staff.h"

enum { ACCOUNT_ROLES_MAX = 8 };
struct account_making {
	struct site site;
	struct staff_new staff;
	const char *roles[ACCOUNT_ROLES_MAX];
	int role_count;
	int64_t scope_id;
	struct operator_note note;
	char id[TEXT_UUID_SIZE];
};
bool account_make(struct db *db, void *making, struct err *err);

struct account_certifying {
	const char *account;
	struct operator_note note;
};
bool account_certify(struct db *db, void *certifying, struct err *err);

#endif
