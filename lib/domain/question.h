/*
 * 追问病史: the holder of a task asks its site, without giving the task up. Both clocks stand until the answer; submission ends the waiting,
 * the answer may still come. One open question a task.
 *
 * Each function is one transaction of the person (row-level security), with event and audit record about the task. Ids are public ids, borrowed.
 * Refusals: ERR_NOT_FOUND, ERR_REFUSED (no right at the site), ERR_CONFLICT (the lease is lost, a question is open, or this one is
 * answered), ERR_INVALID (empty or too long text).
 */
#ifndef YQ_DOMAIN_QUESTION_H
#define YQ_DOMAIN_QUESTION_H

#include <stdbool.h>

#include "lib/base/err.h"
#include "lib/base/text.h"
#include "lib/domain/task.h"

bool question_ask(struct db_pool *pool, const struct task_claim *claim, const char *question,
                  char out_id[TEXT_UUID_SIZE], struct err *err);
/* By radiographer, clinician or duty leader of the site. */
bool question_answer(struct db_pool *pool, const char *person_id, const char *question_id, const char *answer,
                     struct err *err);

#endif
