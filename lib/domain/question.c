#include "lib/domain/question.h"

#include <string.h>

#include "lib/db/db.h"
#include "lib/domain/change.h"
#include "lib/domain/task_step.h"

struct call {
	const struct task_claim *claim; /* of who asks */
	const char *person_id, *question_id, *text;
	char out_id[TEXT_UUID_SIZE];
};

static bool check_text(const char *text, const char *what, struct err *err)
{
	size_t length = text ? strlen(text) : 0;

	if (length == 0 || text[strspn(text, " \t\n")] == '\0')
		return err_set(err, ERR_INVALID, "cannot go on without %s", what);
	return (length <= TASK_REASON_MAX && text_is_utf8(text, length)) ||
	       err_set(err, ERR_INVALID, "cannot take %s: at most %d bytes of UTF-8", what, TASK_REASON_MAX);
}

static bool record(struct db *db, const struct task_facts *facts, const char *person_id, const char *what,
                   struct err *err)
{
	struct change change = {.event = what,
	                        .action = what,
	                        .person_id = person_id,
	                        .subject_kind = "task",
	                        .subject_id = facts->task_id,
	                        .site_id = facts->site_id};

	return change_record(db, &change, err);
}

static bool check_none_open(struct db *db, const char *task_id, struct err *err)
{
	struct db_rows *rows;
	bool is_open;

	if (!db_exec_one(db, STMT_QUESTION_IS_OPEN, DB_PARAMS(db_text(task_id)), "the task", &rows, err))
		return false;
	is_open = db_get_bool(rows, 0, "is_open");
	db_rows_free(rows);
	return !is_open || err_set(err, ERR_CONFLICT, "cannot ask: a question is not answered yet");
}

static bool ask_work(struct db *db, void *context, struct err *err)
{
	struct call *call = context;
	struct task_facts facts;
	struct db_rows *rows;

	if (!task_lock_claim(db, call->claim, &facts, err) || !check_none_open(db, facts.task_id, err) ||
	    !db_exec_one(db, STMT_QUESTION_ADD,
	                 DB_PARAMS(db_text(facts.task_id), db_text(call->claim->person_id), db_text(call->text)),
	                 "the task", &rows, err))
		return false;
	text_copy(call->out_id, sizeof call->out_id, db_get_text(rows, 0, "question"));
	db_rows_free(rows);
	return record(db, &facts, call->claim->person_id, "task.ask", err);
}

bool question_ask(struct db_pool *pool, const struct task_claim *claim, const char *question,
                  char out_id[TEXT_UUID_SIZE], struct err *err)
{
	struct call call = {.claim = claim, .text = question};

	if (!check_text(question, "a question", err) || !db_transact(pool, claim->person_id, ask_work, &call, err))
		return false;
	text_copy(out_id, TEXT_UUID_SIZE, call.out_id);
	return true;
}

static bool answer_work(struct db *db, void *context, struct err *err)
{
	struct call *call = context;
	char task_id[TEXT_UUID_SIZE];
	struct task_facts facts;
	struct db_rows *rows;
	bool is_done;

	if (!db_exec_one(db, STMT_QUESTION_TASK, DB_PARAMS(db_text(call->question_id)), "the question", &rows, err))
		return false;
	text_copy(task_id, sizeof task_id, db_get_text(rows, 0, "task"));
	db_rows_free(rows);
	if (!task_lock(db, task_id, call->person_id, &facts, err))
		return false;
	if (!facts.may_answer)
		return err_set(err, ERR_REFUSED, "cannot answer: no right at this site");
	if (!db_exec(db, STMT_QUESTION_ANSWER,
	             DB_PARAMS(db_text(call->question_id), db_text(call->person_id), db_text(call->text)), &rows, err))
		return false;
	is_done = db_rows_count(rows) > 0;
	db_rows_free(rows);
	return is_done ? record(db, &facts, call->person_id, "task.question_answered", err)
	               : err_set(err, ERR_CONFLICT, "cannot answer: somebody has answered already");
}

bool question_answer(struct db_pool *pool, const char *person_id, const char *question_id, const char *answer,
                     struct err *err)
{
	struct call call = {.person_id = person_id, .question_id = question_id, .text = answer};

	if (!text_is_uuid(question_id))
		return err_set(err, ERR_NOT_FOUND, "there is no such question");
	return check_text(answer, "an answer", err) && db_transact(pool, person_id, answer_work, &call, err);
}
