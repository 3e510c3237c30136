#include "lib/domain/task_step.h"

#include <string.h>

#include "lib/base/conf.h"
#include "lib/base/log.h"
#include "lib/db/db.h"
#include "lib/domain/change.h"

/* What a step does to the UPS workitem (PS3.4 annex CC): IN PROGRESS never goes back, so a claim that ends early leaves a new row. */
enum workitem_step {
	WORKITEM_KEEP,
	WORKITEM_CLAIM,      /* the open row is this claim now */
	WORKITEM_RESCHEDULE, /* cancelled; a new one waits */
	WORKITEM_WAIT,       /* cancelled; a new one in progress waits for its reviewer */
	WORKITEM_PASS_ON,    /* cancelled; a new one in other hands */
	WORKITEM_COMPLETE,
	WORKITEM_CANCEL
};

static enum workitem_step workitem_step(enum task_state from, enum task_event event)
{
	switch (event) {
	case TASK_EVENT_TAKE:
	case TASK_EVENT_ASSIGN:
	case TASK_EVENT_TAKE_REVIEW:
	case TASK_EVENT_SEND_BACK:
		return WORKITEM_CLAIM;
	case TASK_EVENT_RELEASE:
	case TASK_EVENT_EXPIRE:
		return from == TASK_WRITING ? WORKITEM_RESCHEDULE : WORKITEM_WAIT;
	case TASK_EVENT_RETURN:
		return from == TASK_WRITING ? WORKITEM_RESCHEDULE : WORKITEM_KEEP;
	case TASK_EVENT_HAND_OVER:
		return WORKITEM_PASS_ON;
	case TASK_EVENT_ISSUE:
	case TASK_EVENT_NO_INFLUENCE:
		return WORKITEM_COMPLETE;
	case TASK_EVENT_CANCEL:
		return WORKITEM_CANCEL;
	default:
		return WORKITEM_KEEP;
	}
}

static bool workitem_end(struct db *db, const char *task_id, const char *state, const char *reason, struct err *err)
{
	return db_exec(db, STMT_WORKITEM_END, DB_PARAMS(db_text(task_id), db_text(state), db_text(reason)), NULL, err);
}

static bool workitem_open(struct db *db, const char *task_id, const char *state, const char *token,
                          const char *person_id, struct err *err)
{
	char uid[TEXT_UID_SIZE];

	text_uid_new(uid);
	return db_exec(db, STMT_WORKITEM_OPEN,
	               DB_PARAMS(db_text(task_id), db_text(uid), db_text(state), db_text(token), db_text(person_id)),
	               NULL, err);
}

static bool move_workitem(struct db *db, const struct task_facts *facts, enum task_event event,
                          const char *to_person_id, const char *token, struct err *err)
{
	const char *task = facts->task_id, *reason = task_event_name(event);

	switch (workitem_step(facts->state, event)) {
	case WORKITEM_KEEP:
		return true;
	case WORKITEM_CLAIM:
		return db_exec_one(db, STMT_WORKITEM_CLAIM,
		                   DB_PARAMS(db_text(task), db_text(token), db_text(to_person_id)), "open workitem",
		                   NULL, err);
	case WORKITEM_RESCHEDULE:
		return workitem_end(db, task, "CANCELED", reason, err) &&
		       workitem_open(db, task, "SCHEDULED", NULL, NULL, err);
	case WORKITEM_WAIT:
		return workitem_end(db, task, "CANCELED", reason, err) &&
		       workitem_open(db, task, "IN PROGRESS", NULL, NULL, err);
	case WORKITEM_PASS_ON:
		return workitem_end(db, task, "CANCELED", reason, err) &&
		       workitem_open(db, task, "IN PROGRESS", token, to_person_id, err);
	case WORKITEM_COMPLETE:
		return workitem_end(db, task, "COMPLETED", reason, err);
	case WORKITEM_CANCEL:
		return workitem_end(db, task, "CANCELED", reason, err);
	}
	return true;
}

static bool give(struct db *db, const struct task_facts *facts, enum task_state to, enum task_event event,
                 const char *to_person_id, struct task_lease *lease, struct err *err)
{
	struct db_rows *rows;

	if (facts->next_token[0])
		text_copy(lease->token, sizeof(lease->token), facts->next_token);
	else
		text_uuid_new(lease->token);
	if (!db_exec_one(db, STMT_TASK_GIVE,
	                 DB_PARAMS(db_text(facts->task_id), db_text(task_state_name(facts->state)),
	                           db_text(task_state_name(to)), db_text(to_person_id), db_text(lease->token),
	                           db_int(conf_number(CONF_LEASE)),
	                           db_bool(to == TASK_WRITING && event != TASK_EVENT_SEND_BACK)),
	                 "reading task", &rows, err))
		return false;
	lease->until_us = db_get_time(rows, 0, "lease_until");
	lease->study_version = (int)db_get_int(rows, 0, "study_version");
	lease->state = to;
	db_rows_free(rows);
	return true;
}

static bool release(struct db *db, const struct task_facts *facts, enum task_state to, enum task_event event,
                    struct err *err)
{
	if (event == TASK_EVENT_ANSWER)
		return db_exec_one(db, STMT_TASK_ANSWER, DB_PARAMS(db_text(facts->task_id)), "reading task", NULL, err);
	return db_exec_one(
	    db, STMT_TASK_FREE,
	    DB_PARAMS(db_text(facts->task_id), db_text(task_state_name(facts->state)), db_text(task_state_name(to))),
	    "reading task", NULL, err);
}

bool task_step(struct db *db, const struct task_facts *facts, enum task_event event, const char *person_id,
               const char *to_person_id, struct task_lease *out, struct err *err)
{
	char name[64] = "task.";
	struct task_lease lease;
	enum task_state to;
	struct change change = {.event = name,
	                        .action = name,
	                        .person_id = person_id,
	                        .subject_kind = "task",
	                        .subject_id = facts->task_id,
	                        .site_id = facts->site_id};

	if (!task_next(facts->state, event, &to))
		return err_set(err, ERR_CONFLICT, "cannot %s a reading task that is %s", task_event_name(event),
		               task_state_name(facts->state));
	if (to_person_id ? !give(db, facts, to, event, to_person_id, &lease, err) : !release(db, facts, to, event, err))
		return false;
	text_copy(name + 5, sizeof(name) - 5, task_event_name(event));
	if (!move_workitem(db, facts, event, to_person_id, lease.token, err) || !change_record(db, &change, err))
		return false;
	log_info(LOG_TASK_STATE, "task=%s event=%s from=%s to=%s", facts->task_id, task_event_name(event),
	         task_state_name(facts->state), task_state_name(to));
	if (out && to_person_id)
		*out = lease;
	return true;
}

static void read_facts(const struct db_rows *rows, struct task_facts *out)
{
	const char *text;

	memset(out, 0, sizeof(*out));
	text_copy(out->task_id, sizeof(out->task_id), db_get_text(rows, 0, "task"));
	text_copy(out->site_id, sizeof(out->site_id), db_get_text(rows, 0, "site"));
	out->state = (enum task_state)machine_state_find(task_machine(), db_get_text(rows, 0, "state"));
	out->study_state = (enum study_state)machine_state_find(study_machine(), db_get_text(rows, 0, "study_state"));
	out->study_version = (int)db_get_int(rows, 0, "study_version");
	if ((text = db_get_text(rows, 0, "holder")))
		text_copy(out->holder_id, sizeof(out->holder_id), text);
	if ((text = db_get_text(rows, 0, "holder_name")))
		text_copy(out->holder_name, sizeof(out->holder_name), text);
	if ((text = db_get_text(rows, 0, "author")))
		text_copy(out->author_id, sizeof(out->author_id), text);
	if ((text = db_get_text(rows, 0, "token")))
		text_copy(out->token, sizeof(out->token), text);
	out->is_recheck = strcmp(db_get_text(rows, 0, "kind"), "recheck") == 0;
	out->different_persons = db_get_bool(rows, 0, "different_persons");
	out->may_write = db_get_bool(rows, 0, "may_write");
	out->may_review = db_get_bool(rows, 0, "may_review");
	out->may_lead = db_get_bool(rows, 0, "may_lead");
	out->may_answer = db_get_bool(rows, 0, "may_answer");
}

static bool end_lease(struct db *db, struct task_facts *facts, struct err *err)
{
	enum task_state to;

	if (!task_step(db, facts, TASK_EVENT_EXPIRE, NULL, NULL, NULL, err) ||
	    !task_next(facts->state, TASK_EVENT_EXPIRE, &to))
		return false;
	facts->state = to;
	facts->holder_id[0] = facts->holder_name[0] = facts->token[0] = '\0';
	return true;
}

bool task_lock(struct db *db, const char *task_id, const char *person_id, struct task_facts *out, struct err *err)
{
	struct task_facts facts;
	struct db_rows *rows;
	bool is_leased;

	if (!text_is_uuid(task_id))
		return err_set(err, ERR_NOT_FOUND, "no such reading task");
	if (!db_exec_one(db, STMT_TASK_LOCK, DB_PARAMS(db_text(task_id), db_text(person_id)), "reading task", &rows,
	                 err))
		return false;
	read_facts(rows, &facts);
	is_leased = db_get_bool(rows, 0, "is_leased");
	db_rows_free(rows);
	if (facts.token[0] && !is_leased && !end_lease(db, &facts, err))
		return false;
	*out = facts;
	return true;
}

/* Who lost a lease wants to know whom to ask. */
static bool refuse_claim(const struct task_facts *facts, const char *person_id, struct err *err)
{
	if (!facts->holder_id[0])
		return err_set(err, ERR_CONFLICT, "cannot go on: this task is not yours any more, it is %s",
		               task_state_name(facts->state));
	if (strcasecmp(facts->holder_id, person_id) == 0)
		return err_set(err, ERR_CONFLICT, "cannot go on: you took this task anew meanwhile, load it again");
	return err_set(err, ERR_CONFLICT, "cannot go on: this task is not yours any more, %s holds it now",
	               facts->holder_name);
}

bool task_check_claim(const struct task_facts *facts, const struct task_claim *claim, struct err *err)
{
	/* The token is the proof, the person is who was given it: a token that leaked does not help anybody else. */
	if (!facts->token[0] || !claim->lease_token || strcasecmp(facts->token, claim->lease_token) != 0 ||
	    strcasecmp(facts->holder_id, claim->person_id) != 0)
		return refuse_claim(facts, claim->person_id, err);
	return true;
}

bool task_lock_claim(struct db *db, const struct task_claim *claim, struct task_facts *out, struct err *err)
{
	struct task_facts facts;

	if (!task_lock(db, claim->task_id, claim->person_id, &facts, err) || !task_check_claim(&facts, claim, err))
		return false;
	*out = facts;
	return true;
}
