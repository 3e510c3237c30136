#include "lib/domain/task.h"

#include <string.h>

#include "lib/base/conf.h"
#include "lib/db/db.h"
#include "lib/domain/task_step.h"

/* One call, as it travels into its transaction. */
struct call {
	const char *person_id, *task_id, *token, *to_person_id, *text;
	enum task_event event;
	enum task_return_kind kind;
	struct task_lease lease;
};

static bool check_text(const char *text, const char *what, struct err *err)
{
	size_t length = text ? strlen(text) : 0;

	if (length == 0)
		return err_set(err, ERR_INVALID, "cannot go on without %s", what);
	if (length > TASK_REASON_MAX || !text_is_utf8(text, length))
		return err_set(err, ERR_INVALID, "cannot take %s: at most %d bytes of UTF-8", what, TASK_REASON_MAX);
	return true;
}

static bool is_same(const char *a, const char *b)
{
	return a && b && *a && strcasecmp(a, b) == 0;
}

/* ---- take --------------------------------------------------------------------------------------------------------------- */

static bool check_take(const struct call *call, const struct task_facts *facts, struct err *err)
{
	enum task_state to;

	if (call->event == TASK_EVENT_TAKE ? !facts->may_write : !facts->may_review)
		return err_set(err, ERR_REFUSED, "cannot take this task: no right to %s here",
		               call->event == TASK_EVENT_TAKE ? "write" : "review");
	if (!task_next(facts->state, call->event, &to))
		return err_set(err, ERR_CONFLICT, "cannot take this task: it is %s", task_state_name(facts->state));
	if (facts->study_state == STUDY_RECEIVING)
		return err_set(err, ERR_CONFLICT, "could not take this task: images are still arriving");
	if (call->event == TASK_EVENT_TAKE_REVIEW && facts->different_persons &&
	    is_same(facts->author_id, call->person_id))
		return err_set(err, ERR_REFUSED,
		               "cannot review an own report: author and reviewer must be different persons");
	return true;
}

bool task_take_locked(struct db *db, const struct task_facts *facts, enum task_event event, const char *person_id,
                      struct task_lease *out, struct err *err)
{
	struct call call = {.person_id = person_id, .event = event};

	return check_take(&call, facts, err) && task_step(db, facts, event, person_id, person_id, out, err);
}

static bool take_work(struct db *db, void *context, struct err *err)
{
	struct call *call = context;
	struct task_facts facts;

	return task_lock(db, call->task_id, call->person_id, &facts, err) &&
	       task_take_locked(db, &facts, call->event, call->person_id, &call->lease, err);
}

static bool take(struct db_pool *pool, const char *person_id, const char *task_id, enum task_event event,
                 struct task_lease *out, struct err *err)
{
	struct call call = {.person_id = person_id, .task_id = task_id, .event = event};

	if (!db_transact(pool, person_id, take_work, &call, err))
		return false;
	*out = call.lease;
	return true;
}

bool task_take(struct db_pool *pool, const char *person_id, const char *task_id, struct task_lease *out,
               struct err *err)
{
	return take(pool, person_id, task_id, TASK_EVENT_TAKE, out, err);
}

bool task_take_review(struct db_pool *pool, const char *person_id, const char *task_id, struct task_lease *out,
                      struct err *err)
{
	return take(pool, person_id, task_id, TASK_EVENT_TAKE_REVIEW, out, err);
}

/* ---- the next one ------------------------------------------------------------------------------------------------------ */

struct next_call {
	struct call call;
	const struct task_wish *wish;
	char task_id[TEXT_UUID_SIZE];
};

static bool lock_next(struct db *db, struct next_call *next, struct err *err)
{
	const struct task_wish *wish = next->wish;
	struct db_rows *rows;

	next->task_id[0] = '\0';
	if (!db_exec(db, STMT_TASK_NEXT,
	             DB_PARAMS(db_text(next->call.person_id), db_bool(wish->work == TASK_WORK_WRITE),
	                       db_text(wish->queue_id), db_text(wish->patient_class), db_text(wish->modality)),
	             &rows, err))
		return false;
	if (db_rows_count(rows) > 0)
		text_copy(next->task_id, sizeof(next->task_id), db_get_text(rows, 0, "task"));
	db_rows_free(rows);
	return true;
}

/*
 * The task is locked when it comes, but what stands beside it (the study) may have changed since the statement began; then the gate
 * refuses it, and the statement, begun anew, sees why.
 */
static bool take_next_work(struct db *db, void *context, struct err *err)
{
	enum { TRIES = 8 };
	struct next_call *next = context;
	struct task_facts facts;
	int tries = TRIES;

	for (;;) {
		if (!lock_next(db, next, err))
			return false;
		if (!next->task_id[0])
			return true;
		if (!task_lock(db, next->task_id, next->call.person_id, &facts, err))
			return false;
		if (check_take(&next->call, &facts, err))
			return task_step(db, &facts, next->call.event, next->call.person_id, next->call.person_id,
			                 &next->call.lease, err);
		if (--tries == 0)
			return false;
	}
}

bool task_take_next(struct db_pool *pool, const char *person_id, const struct task_wish *wish,
                    char out_task_id[TEXT_UUID_SIZE], struct task_lease *out, struct err *err)
{
	struct next_call next = {
	    .call = {.person_id = person_id,
	             .event = wish->work == TASK_WORK_WRITE ? TASK_EVENT_TAKE : TASK_EVENT_TAKE_REVIEW},
	    .wish = wish};

	if (!db_transact(pool, person_id, take_next_work, &next, err))
		return false;
	text_copy(out_task_id, TEXT_UUID_SIZE, next.task_id);
	if (next.task_id[0])
		*out = next.call.lease;
	return true;
}

/* ---- resume, renew ------------------------------------------------------------------------------------------------------ */

static bool renew(struct db *db, const char *task_id, const char *token, const char *person_id, struct task_lease *out,
                  struct err *err)
{
	struct db_rows *rows;

	if (!db_exec(db, STMT_TASK_RENEW,
	             DB_PARAMS(db_text(task_id), db_text(token), db_text(person_id), db_int(conf_number(CONF_LEASE))),
	             &rows, err))
		return false;
	if (db_rows_count(rows) == 0) {
		db_rows_free(rows);
		return err_set(err, ERR_CONFLICT, "cannot go on: this task is not yours any more");
	}
	text_copy(out->token, sizeof(out->token), token);
	out->until_us = db_get_time(rows, 0, "lease_until");
	out->study_version = (int)db_get_int(rows, 0, "study_version");
	out->state = (enum task_state)machine_state_find(task_machine(), db_get_text(rows, 0, "state"));
	db_rows_free(rows);
	return true;
}

static bool resume_work(struct db *db, void *context, struct err *err)
{
	struct call *call = context;
	struct task_facts facts;

	if (!task_lock(db, call->task_id, call->person_id, &facts, err))
		return false;
	if (!is_same(facts.holder_id, call->person_id))
		return err_set(err, ERR_CONFLICT, "cannot go on: this task is not yours");
	return renew(db, facts.task_id, facts.token, call->person_id, &call->lease, err);
}

bool task_resume(struct db_pool *pool, const char *person_id, const char *task_id, struct task_lease *out,
                 struct err *err)
{
	struct call call = {.person_id = person_id, .task_id = task_id};

	if (!db_transact(pool, person_id, resume_work, &call, err))
		return false;
	*out = call.lease;
	return true;
}

static bool renew_work(struct db *db, void *context, struct err *err)
{
	struct call *call = context;

	if (!text_is_uuid(call->task_id) || !call->token || !text_is_uuid(call->token))
		return err_set(err, ERR_CONFLICT, "cannot go on: this task is not yours");
	return renew(db, call->task_id, call->token, call->person_id, &call->lease, err);
}

bool task_renew(struct db_pool *pool, const struct task_claim *claim, int64_t *out_until_us, struct err *err)
{
	struct call call = {.person_id = claim->person_id, .task_id = claim->task_id, .token = claim->lease_token};

	if (!db_transact(pool, claim->person_id, renew_work, &call, err))
		return false;
	if (out_until_us)
		*out_until_us = call.lease.until_us;
	return true;
}

/* ---- release, return, answer -------------------------------------------------------------------------------------------- */

static bool release_work(struct db *db, void *context, struct err *err)
{
	struct call *call = context;
	struct task_claim claim = {call->person_id, call->task_id, call->token};
	struct task_facts facts;

	return task_lock_claim(db, &claim, &facts, err) &&
	       task_step(db, &facts, TASK_EVENT_RELEASE, call->person_id, NULL, NULL, err);
}

bool task_release(struct db_pool *pool, const struct task_claim *claim, struct err *err)
{
	struct call call = {.person_id = claim->person_id, .task_id = claim->task_id, .token = claim->lease_token};

	return db_transact(pool, claim->person_id, release_work, &call, err);
}

static bool settle_recheck_work(struct db *db, void *context, struct err *err)
{
	struct call *call = context;
	struct task_claim claim = {call->person_id, call->task_id, call->token};
	struct task_facts facts;

	if (!task_lock_claim(db, &claim, &facts, err))
		return false;
	if (!facts.is_recheck || facts.state != TASK_WRITING)
		return err_set(err, ERR_CONFLICT, "cannot settle this task: it is no recheck in your hands");
	if (!facts.may_review)
		return err_set(err, ERR_REFUSED, "cannot settle this recheck: no right to sign here");
	if (facts.study_state == STUDY_RECEIVING)
		return err_set(err, ERR_CONFLICT, "cannot settle this recheck: images are still coming");
	return db_exec(db, STMT_TASK_SETTLE_RECHECK,
	               DB_PARAMS(db_text(facts.task_id), db_text(call->text), db_text(call->person_id)), NULL, err) &&
	       task_step(db, &facts, TASK_EVENT_NO_INFLUENCE, call->person_id, NULL, NULL, err);
}

bool task_settle_recheck(struct db_pool *pool, const struct task_claim *claim, const char *reason, struct err *err)
{
	struct call call = {
	    .person_id = claim->person_id, .task_id = claim->task_id, .token = claim->lease_token, .text = reason};

	return check_text(reason, "a reason", err) &&
	       db_transact(pool, claim->person_id, settle_recheck_work, &call, err);
}

/* From the queue everybody may who could take it; out of somebody's hands only the holder. */
static bool lock_for_return(struct db *db, const struct call *call, struct task_facts *facts, struct err *err)
{
	struct task_claim claim = {call->person_id, call->task_id, call->token};
	enum task_state to;

	if (call->token)
		return task_lock_claim(db, &claim, facts, err);
	if (!task_lock(db, call->task_id, call->person_id, facts, err))
		return false;
	if (!facts->may_write && !facts->may_lead)
		return err_set(err, ERR_REFUSED, "cannot return this task: no right to write here");
	if (facts->state != TASK_AWAITING || !task_next(facts->state, TASK_EVENT_RETURN, &to))
		return err_set(err, ERR_CONFLICT, "cannot return this task: it is %s", task_state_name(facts->state));
	return true;
}

static bool return_work(struct db *db, void *context, struct err *err)
{
	struct call *call = context;
	struct task_facts facts;
	enum task_state to;

	if (!lock_for_return(db, call, &facts, err))
		return false;
	if (!task_next(facts.state, TASK_EVENT_RETURN, &to))
		return err_set(err, ERR_CONFLICT, "cannot return this task: it is %s", task_state_name(facts.state));
	return db_exec(db, STMT_TASK_RETURN_OPEN,
	               DB_PARAMS(db_text(facts.task_id),
	                         db_text(call->kind == TASK_RETURN_RETAKE ? "retake" : "request"), db_text(call->text),
	                         db_text(call->person_id)),
	               NULL, err) &&
	       task_step(db, &facts, TASK_EVENT_RETURN, call->person_id, NULL, NULL, err);
}

bool task_return(struct db_pool *pool, const struct task_claim *claim, enum task_return_kind kind, const char *reason,
                 struct err *err)
{
	struct call call = {.person_id = claim->person_id,
	                    .task_id = claim->task_id,
	                    .token = claim->lease_token,
	                    .kind = kind,
	                    .text = reason};

	return check_text(reason, "a reason", err) && db_transact(pool, claim->person_id, return_work, &call, err);
}

static bool answer_work(struct db *db, void *context, struct err *err)
{
	struct call *call = context;
	struct task_facts facts;

	if (!task_lock(db, call->task_id, call->person_id, &facts, err))
		return false;
	if (!facts.may_answer)
		return err_set(err, ERR_REFUSED, "cannot answer: no right at this site");
	if (facts.state != TASK_RETURNED)
		return err_set(err, ERR_CONFLICT, "cannot answer: the task is %s", task_state_name(facts.state));
	return db_exec(db, STMT_TASK_RETURN_ANSWER,
	               DB_PARAMS(db_text(facts.task_id), db_text(call->text), db_text(call->person_id)), NULL, err) &&
	       task_step(db, &facts, TASK_EVENT_ANSWER, call->person_id, NULL, NULL, err);
}

bool task_answer(struct db_pool *pool, const char *person_id, const char *task_id, const char *answer, struct err *err)
{
	struct call call = {.person_id = person_id, .task_id = task_id, .text = answer};

	return check_text(answer, "an answer", err) && db_transact(pool, person_id, answer_work, &call, err);
}

/* ---- 指派, 转派, 接管, cancel --------------------------------------------------------------------------------------------- */

static bool check_receiver(struct db *db, const struct task_facts *facts, const char *to_person_id, enum task_state to,
                           struct err *err)
{
	struct db_rows *rows;
	bool may;

	if (!to_person_id || !text_is_uuid(to_person_id))
		return err_set(err, ERR_INVALID, "no such person");
	if (!db_exec_one(db, STMT_TASK_MAY, DB_PARAMS(db_text(facts->task_id), db_text(to_person_id)), "reading task",
	                 &rows, err))
		return false;
	may = db_get_bool(rows, 0, to == TASK_REVIEWING ? "may_review" : "may_write");
	db_rows_free(rows);
	if (!may)
		return err_set(err, ERR_REFUSED, "cannot give the task to a person who has no right to %s there",
		               to == TASK_REVIEWING ? "review" : "write");
	if (to == TASK_REVIEWING && facts->different_persons && is_same(facts->author_id, to_person_id))
		return err_set(err, ERR_REFUSED, "cannot give the review to the author of the report");
	return true;
}

static bool add_assignment(struct db *db, const struct task_facts *facts, const struct call *call, const char *kind,
                           struct err *err)
{
	return db_exec(db, STMT_TASK_ASSIGNMENT_ADD,
	               DB_PARAMS(db_text(facts->task_id), db_text(kind),
	                         db_text(facts->holder_id[0] ? facts->holder_id : NULL), db_text(call->to_person_id),
	                         db_text(call->person_id), db_text(call->text)),
	               NULL, err);
}

static bool assign_work(struct db *db, void *context, struct err *err)
{
	struct call *call = context;
	struct task_facts facts;

	if (!task_lock(db, call->task_id, call->person_id, &facts, err))
		return false;
	if (!facts.may_lead)
		return err_set(err, ERR_REFUSED, "cannot assign this task: that is for a duty leader");
	if (facts.state != TASK_AWAITING)
		return err_set(err, ERR_CONFLICT, "cannot assign this task: it is %s", task_state_name(facts.state));
	return check_receiver(db, &facts, call->to_person_id, TASK_WRITING, err) &&
	       add_assignment(db, &facts, call, "assign", err) &&
	       task_step(db, &facts, TASK_EVENT_ASSIGN, call->person_id, call->to_person_id, NULL, err);
}

bool task_assign(struct db_pool *pool, const char *person_id, const char *task_id, const char *to_person_id,
                 const char *reason, struct err *err)
{
	bool has_reason = reason && *reason;
	struct call call = {
	    .person_id = person_id, .task_id = task_id, .to_person_id = to_person_id, .text = has_reason ? reason : ""};

	return (!has_reason || check_text(reason, "a reason", err)) &&
	       db_transact(pool, person_id, assign_work, &call, err);
}

static bool hand_over_work(struct db *db, void *context, struct err *err)
{
	struct call *call = context;
	struct task_claim claim = {call->person_id, call->task_id, call->token};
	struct task_facts facts;
	enum task_state to;

	if (!(call->token ? task_lock_claim(db, &claim, &facts, err)
	                  : task_lock(db, call->task_id, call->person_id, &facts, err)))
		return false;
	if (!call->token && !facts.may_lead)
		return err_set(err, ERR_REFUSED, "cannot move this task: that is for its holder or a duty leader");
	if (!task_next(facts.state, TASK_EVENT_HAND_OVER, &to))
		return err_set(err, ERR_CONFLICT, "cannot move this task: it is %s", task_state_name(facts.state));
	return check_receiver(db, &facts, call->to_person_id, to, err) &&
	       add_assignment(db, &facts, call, is_same(call->person_id, call->to_person_id) ? "take_over" : "transfer",
	                      err) &&
	       task_step(db, &facts, TASK_EVENT_HAND_OVER, call->person_id, call->to_person_id, NULL, err);
}

bool task_hand_over(struct db_pool *pool, const struct task_claim *claim, const char *to_person_id, const char *reason,
                    struct err *err)
{
	struct call call = {.person_id = claim->person_id,
	                    .task_id = claim->task_id,
	                    .token = claim->lease_token,
	                    .to_person_id = to_person_id,
	                    .text = reason};

	return check_text(reason, "a reason", err) && db_transact(pool, claim->person_id, hand_over_work, &call, err);
}

bool task_cancel_locked(struct db *db, const struct task_facts *facts, const char *person_id, const char *reason,
                        struct err *err)
{
	if (!facts->may_lead)
		return err_set(err, ERR_REFUSED, "cannot cancel this task: that is for a duty leader");
	/* The workitem keeps the reason; the step finds it ended already. */
	return db_exec(db, STMT_WORKITEM_END, DB_PARAMS(db_text(facts->task_id), db_text("CANCELED"), db_text(reason)),
	               NULL, err) &&
	       task_step(db, facts, TASK_EVENT_CANCEL, person_id, NULL, NULL, err);
}

static bool cancel_work(struct db *db, void *context, struct err *err)
{
	struct call *call = context;
	struct task_facts facts;

	return task_lock(db, call->task_id, call->person_id, &facts, err) &&
	       task_cancel_locked(db, &facts, call->person_id, call->text, err);
}

bool task_cancel(struct db_pool *pool, const char *person_id, const char *task_id, const char *reason, struct err *err)
{
	struct call call = {.person_id = person_id, .task_id = task_id, .text = reason};

	return check_text(reason, "a reason", err) && db_transact(pool, person_id, cancel_work, &call, err);
}

/* ---- expiry ------------------------------------------------------------------------------------------------------------- */

bool task_expire_leases(struct db *db, int limit, int *out_count, struct err *err)
{
	struct task_facts facts;
	struct db_rows *rows;
	int i, count;
	bool ok = true;

	if (!db_exec(db, STMT_TASK_EXPIRED, DB_PARAMS(db_int(limit)), &rows, err))
		return false;
	count = db_rows_count(rows);
	for (i = 0; ok && i < count; i++)
		ok = task_lock(db, db_get_text(rows, i, "task"), NULL, &facts, err);
	db_rows_free(rows);
	if (ok)
		*out_count = count;
	return ok;
}
