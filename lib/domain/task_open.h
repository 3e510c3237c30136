/*
 * What a study needs of the reading room: a task when it is offered, the new version on the task that is open, a recheck (复核) when
 * a late image came after the issue; and what else the rules want: a hold, its images sent to destinations. Inside the router's transaction,
 * with the study locked.
 *
 * A study keeps the version of the rules that routed it: a class that changes, a late image and a release ask that one again. Only what no rule
 * took, and what a person asks to be routed anew (reroute.h), meets the rules in force now.
 */
#ifndef YQ_DOMAIN_TASK_OPEN_H
#define YQ_DOMAIN_TASK_OPEN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/base/err.h"
#include "lib/base/text.h"
#include "lib/domain/routing.h"

struct db;

/* Destinations that get the images, and which rules say so. */
struct task_forwards {
	struct task_forward {
		char destination_id[TEXT_UUID_SIZE];
		int64_t rule_id;
	} items[RULE_FORWARDS_MAX];
	size_t count;
	int rank; /* delivery_forward.h */
};

struct task_follow {
	const char *study_id, *patient_class, *modality;
	int version;
	bool is_offered;       /* complete or incomplete, not receiving */
	bool is_class_changed; /* the patient class is another one than before */
	/* What came of it: */
	char opened_id[TEXT_UUID_SIZE];   /* a task that was opened, or empty */
	char informed_id[TEXT_UUID_SIZE]; /* a task that learned something, or empty */
	char rerouted_id[TEXT_UUID_SIZE]; /* a task that went to where a person asked it to be routed, or empty */
	bool is_held;                     /* by a rule, now */
	char unrouted_reason[ROUTING_REASON_MAX]; /* why no task could be opened, or empty */
	struct task_forwards forwards;            /* for task_follow_forward() */
};

bool task_follow_study(struct db *db, struct task_follow *follow, struct err *err);

/* Makes the deliveries of follow->forwards. Comes late in the transaction, since it writes into the audit. */
bool task_follow_forward(struct db *db, const struct task_follow *follow, struct err *err);

#endif
