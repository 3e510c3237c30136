/*
 * What a study needs of the reading room: a task when it is offered, the new version on the task that is open, a recheck (复核) when
 * a late image came after the issue. Inside the router's transaction, with the study locked.
 */
#ifndef YQ_DOMAIN_TASK_OPEN_H
#define YQ_DOMAIN_TASK_OPEN_H

#include <stdbool.h>

#include "lib/base/err.h"
#include "lib/base/text.h"

struct db;

enum { TASK_FOLLOW_TEXT_MAX = 200 };

struct task_follow {
	const char *study_id, *patient_class, *modality;
	int version;
	bool is_offered;       /* complete or incomplete, not receiving */
	bool is_class_changed; /* the patient class is another one than before */
	/* What came of it: */
	char opened_id[TEXT_UUID_SIZE];             /* a task that was opened, or empty */
	char informed_id[TEXT_UUID_SIZE];           /* a task that learned something, or empty */
	char unrouted_reason[TASK_FOLLOW_TEXT_MAX]; /* why no task could be opened, or empty */
};

bool task_follow_study(struct db *db, struct task_follow *follow, struct err *err);

#endif
