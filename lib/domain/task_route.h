/* The part of task_open.h that asks the rules and does what they say. */
#ifndef YQ_DOMAIN_TASK_ROUTE_H
#define YQ_DOMAIN_TASK_ROUTE_H

#include "lib/domain/task_open.h"

struct db_rows;

/* Why rules are asked. */
struct task_cause {
	const char *name;   /* offered, class, released, rerouted, late_image: study_routing.cause */
	int64_t set;        /* routing.h */
	const char *reason; /* of a person, or empty */
};

/* Up to which version of the study images were forwarded, and by which rules. */
struct task_sent {
	int version;
	int64_t rule_set_id;
};

/* A study without a task: opens one, or holds it, or says why neither. */
bool task_route_new(struct db *db, struct task_follow *follow, const struct task_cause *cause,
                    const struct task_sent *sent, struct err *err);
/* A task that waits goes where the rules send its study; it stays where it is when none does, or one holds it. */
bool task_route_again(struct db *db, struct task_follow *follow, const struct task_cause *cause,
                      const struct task_sent *sent, struct err *err);
/* Late images follow to the destinations of the rules that routed the study. */
bool task_route_late(struct db *db, struct task_follow *follow, const struct task_sent *sent, struct err *err);

/* A task that was opened has its work item. */
bool task_finish_open(struct db *db, struct db_rows *rows, struct task_follow *follow, struct err *err);

#endif
