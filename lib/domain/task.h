/*
 * The reading task: who holds it. One person at a time, under a lease (a random token and a time), for writing or for
 * review. How the report comes about is lib/domain/report.h; which step leads where is task.def.
 *
 * Every function is one transaction of the person (row-level security), changes the task only from the state that it expects, and
 * writes the event, the audit record and, for each claim attempt, the workitem row with it. Expiry is decided by the ledger's clock
 * and the setting `lease`. All ids are public ids, borrowed.
 *
 * Refusals: ERR_NOT_FOUND (no such task for these eyes), ERR_REFUSED (no right at this task), ERR_CONFLICT (somebody else was first, the lease
 * is lost, or the state does not allow it: the caller looks again), ERR_INVALID (empty or too long reason, no such id).
 * A false with ERR_UNKNOWN_OUTCOME or ERR_TEMPORARY after a take: task_resume() tells.
 * ERR_CONFLICT of a lease that is lost names who holds the task now, or its state.
 */
#ifndef YQ_DOMAIN_TASK_H
#define YQ_DOMAIN_TASK_H

#include <stdbool.h>
#include <stdint.h>

#include "lib/base/err.h"
#include "lib/base/text.h"
#include "lib/domain/machines.h"

struct db;
struct db_pool;

enum { TASK_REASON_MAX = 2000 }; /* bytes of a reason or an answer, UTF-8 */

/* A lease as given. */
struct task_lease {
	char token[TEXT_UUID_SIZE];
	int64_t until_us;  /* wall time; silence until then gives the task back */
	int study_version; /* that the task knows now */
	enum task_state state;
};

/* Which task, under which lease, by whom. */
struct task_claim {
	const char *person_id;
	const char *task_id;
	const char *lease_token;
};

/* 领取: awaiting -> writing. Of any number that try at once exactly one wins, the others get ERR_CONFLICT (also the same person again). */
bool task_take(struct db_pool *pool, const char *person_id, const char *task_id, struct task_lease *out,
               struct err *err);

/* 领取审核: awaiting_review -> reviewing. The author of the report is refused (ERR_REFUSED) where the signing policy wants two persons. */
bool task_take_review(struct db_pool *pool, const char *person_id, const char *task_id, struct task_lease *out,
                      struct err *err);

/*
 * 下一例: claims the task that the person should do next, with the rules of task_take() or task_take_review(); beyond these the person is qualified
 * for the examination today, so that what is written can be submitted. Class first (emergency, then outpatient and inpatient, then health check); inside the
 * class what the person began (an own draft given back or expired, an own return that was answered), then priority and due time. Of any
 * number that ask at once no two get the same, and nobody an error while there is something left. True with an empty out_task_id: nothing waits.
 */
enum task_work { TASK_WORK_WRITE, TASK_WORK_REVIEW };
struct task_wish {
	enum task_work work;
	const char *queue_id, *patient_class, *modality; /* NULL: any */
};
bool task_take_next(struct db_pool *pool, const char *person_id, const struct task_wish *wish,
                    char out_task_id[TEXT_UUID_SIZE], struct task_lease *out, struct err *err);

/* The lease that the person holds on the task already (assigned, sent back, or the answer of the take was lost), renewed. ERR_CONFLICT: none. */
bool task_resume(struct db_pool *pool, const char *person_id, const char *task_id, struct task_lease *out,
                 struct err *err);

/* Any sign of life: the lease runs from now on. *out_until_us may be NULL. No event, no audit. */
bool task_renew(struct db_pool *pool, const struct task_claim *claim, int64_t *out_until_us, struct err *err);

/* 放回: writing -> awaiting, reviewing -> awaiting_review. The draft stays its author's. */
bool task_release(struct db_pool *pool, const struct task_claim *claim, struct err *err);

/*
 * 复核, 无影响: writing -> done of a recheck, by its holder, who has the right to sign: what came after the issue does not change the report. reason
 * mandatory, kept. ERR_CONFLICT: no recheck, or images are still coming.
 */
bool task_settle_recheck(struct db_pool *pool, const struct task_claim *claim, const char *reason, struct err *err);

enum task_return_kind {
	TASK_RETURN_REQUEST, /* 退回申请: no history, wrong patient, side or part */
	TASK_RETURN_RETAKE   /* 退回重拍 */
};
/* awaiting | writing -> returned, reason mandatory. claim->lease_token NULL: from awaiting. */
bool task_return(struct db_pool *pool, const struct task_claim *claim, enum task_return_kind kind, const char *reason,
                 struct err *err);
/* The site answers a return: returned -> awaiting, the reading clock goes on. */
bool task_answer(struct db_pool *pool, const char *person_id, const char *task_id, const char *answer, struct err *err);

/* 指派, by a duty leader: awaiting -> writing in the hands of to_person_id, who picks it up by task_resume(). reason may be NULL. */
bool task_assign(struct db_pool *pool, const char *person_id, const char *task_id, const char *to_person_id,
                 const char *reason, struct err *err);
/*
 * 转派 and 接管: the lease of a task in writing or review moves to to_person_id (may be the caller), under a new token.
 * By its holder (lease_token given) or by a duty leader (lease_token NULL).
 */
bool task_hand_over(struct db_pool *pool, const struct task_claim *claim, const char *to_person_id, const char *reason,
                    struct err *err);

/* Any state before done -> cancelled, by a duty leader. */
bool task_cancel(struct db_pool *pool, const char *person_id, const char *task_id, const char *reason, struct err *err);

/* For the router, inside its own transaction: gives back at most `limit` tasks whose lease ran out. *out_count: how many. */
bool task_expire_leases(struct db *db, int limit, int *out_count, struct err *err);

#endif
