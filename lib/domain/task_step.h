/*
 * One step of a reading task inside the caller's transaction: for lib/domain/task*.c and lib/domain/report*.c, which change a report
 * and its task together. task_lock() first, then the caller's own checks and writes, then task_step() as the last one, since it
 * writes the audit record.
 */
#ifndef YQ_DOMAIN_TASK_STEP_H
#define YQ_DOMAIN_TASK_STEP_H

#include "lib/domain/task.h"

/* What is known of a locked task, and what the person may do with it. Ids are public ids; empty: nobody. */
struct task_facts {
	char task_id[TEXT_UUID_SIZE], site_id[TEXT_UUID_SIZE];
	enum task_state state;
	enum study_state study_state;
	int study_version;     /* that the task offers */
	char holder_name[401]; /* empty: nobody */
	char holder_id[TEXT_UUID_SIZE], author_id[TEXT_UUID_SIZE], token[TEXT_UUID_SIZE];
	bool is_recheck;
	bool different_persons; /* the signing policy in force wants it */
	bool may_write, may_review, may_lead, may_answer;
	char next_token[TEXT_UUID_SIZE]; /* for the lease that a step gives, set by the caller; empty: a random one */
};

/*
 * Locks the task until the transaction ends. A lease that ran out is ended first (event expire). person_id NULL: the program itself.
 * ERR_NOT_FOUND: no such task for these eyes.
 */
bool task_lock(struct db *db, const char *task_id, const char *person_id, struct task_facts *out, struct err *err);

/* As task_lock(), and the claim's person holds the lease with its token: else ERR_CONFLICT, saying who holds the task now. */
bool task_lock_claim(struct db *db, const struct task_claim *claim, struct task_facts *out, struct err *err);

/* The same of a task that is locked already. */
bool task_check_claim(const struct task_facts *facts, const struct task_claim *claim, struct err *err);

/*
 * Applies an event to a locked task: state, lease, workitem, event "task.<name of the event>", audit record of the same name.
 * person_id: who acts (NULL: the program). to_person_id: who holds it afterwards, for take, take_review, assign, hand_over and
 * send_back, else NULL. out may be NULL; filled when somebody holds it. ERR_CONFLICT when the machine has no such step.
 */
bool task_step(struct db *db, const struct task_facts *facts, enum task_event event, const char *person_id,
               const char *to_person_id, struct task_lease *out, struct err *err);

/* task_take(), task_take_review() and task_cancel() of a task that the caller has locked for the person, in its transaction. */
bool task_take_locked(struct db *db, const struct task_facts *facts, enum task_event event, const char *person_id,
                      struct task_lease *out, struct err *err);
bool task_cancel_locked(struct db *db, const struct task_facts *facts, const char *person_id, const char *reason,
                        struct err *err);

#endif
