#include "lib/domain/workitem.h"

#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "lib/base/conf.h"
#include "lib/base/digest.h"
#include "lib/db/db.h"
#include "lib/domain/change.h"
#include "lib/domain/event.h"
#include "lib/domain/task_step.h"

/* One call, as it travels into its transaction. */
struct call {
	const char *person_id, *uid, *state, *transaction_uid, *reason;
	const struct workitem_progress *progress;
	enum workitem_status warning;
};

struct item {
	char id[TEXT_UUID_SIZE], task[TEXT_UUID_SIZE], state[16];
};

static bool fail(struct err *err, enum err_kind kind, enum workitem_status status, const char *text)
{
	err_set(err, kind, "%s", text);
	return err_code(err, ERR_SOURCE_DIMSE, status);
}

static bool is_state(const struct item *item, const char *state)
{
	return strcmp(item->state, state) == 0;
}

/* ---- Transaction UID ------------------------------------------------------------------------------------------------------ */

/* The number behind "2.25." as 16 bytes; false: more than that. */
static bool read_number(const char *digits, uint8_t out[16])
{
	memset(out, 0, 16);
	for (; *digits; digits++) {
		unsigned carry = (unsigned)(*digits - '0');
		int i;

		if (carry > 9)
			return false;
		for (i = 15; i >= 0; i--) {
			carry += out[i] * 10u;
			out[i] = (uint8_t)carry;
			carry >>= 8;
		}
		if (carry)
			return false;
	}
	return true;
}

void workitem_token(const char *transaction_uid, char out[TEXT_UUID_SIZE])
{
	uint8_t bytes[DIGEST_SIZE];
	char hex[2 * 16 + 1];

	if (strncmp(transaction_uid, "2.25.", 5) != 0 || !read_number(transaction_uid + 5, bytes))
		digest_bytes(transaction_uid, strlen(transaction_uid), bytes);
	text_hex(bytes, 16, hex);
	snprintf(out, TEXT_UUID_SIZE, "%.8s-%.4s-%.4s-%.4s-%.12s", hex, hex + 8, hex + 12, hex + 16, hex + 20);
}

/* ---- the workitem behind the lock of its task ------------------------------------------------------------------------------- */

static bool find(struct db *db, const char *uid, struct item *out, struct err *err)
{
	struct db_rows *rows;

	if (!text_is_uid(uid))
		return err_set(err, ERR_NOT_FOUND, "no such workitem");
	if (!db_exec_one(db, STMT_WORKITEM_FIND, DB_PARAMS(db_text(uid)), "the workitem", &rows, err))
		return false;
	text_copy(out->id, sizeof(out->id), db_get_text(rows, 0, "workitem"));
	text_copy(out->task, sizeof(out->task), db_get_text(rows, 0, "task"));
	text_copy(out->state, sizeof(out->state), db_get_text(rows, 0, "state"));
	db_rows_free(rows);
	return true;
}

/* The state is read again: whoever was first has changed it, and a lease that ran out is ended by the lock. */
static bool lock(struct db *db, const struct call *call, struct task_facts *facts, struct item *item, struct err *err)
{
	return find(db, call->uid, item, err) && task_lock(db, item->task, call->person_id, facts, err) &&
	       find(db, call->uid, item, err);
}

static bool check_transaction(const struct call *call, const struct task_facts *facts, struct err *err)
{
	char token[TEXT_UUID_SIZE];
	struct task_claim claim = {call->person_id, facts->task_id, token};

	workitem_token(call->transaction_uid, token);
	return task_check_claim(facts, &claim, err) || err_code(err, ERR_SOURCE_DIMSE, WORKITEM_OTHER_TRANSACTION);
}

/* ---- change of state --------------------------------------------------------------------------------------------------------- */

static bool claim(struct db *db, struct call *call, struct task_facts *facts, const struct item *item, struct err *err)
{
	struct task_lease lease;

	if (is_state(item, "IN PROGRESS"))
		return fail(err, ERR_CONFLICT, WORKITEM_ALREADY_IN_PROGRESS,
		            "cannot take this workitem: it is already IN PROGRESS");
	if (!is_state(item, "SCHEDULED"))
		return fail(err, ERR_CONFLICT, WORKITEM_ENDED, "cannot take this workitem: it has ended");
	workitem_token(call->transaction_uid, facts->next_token);
	return task_take_locked(db, facts, TASK_EVENT_TAKE, call->person_id, &lease, err);
}

static bool complete(struct call *call, const struct task_facts *facts, const struct item *item, struct err *err)
{
	if (is_state(item, "COMPLETED")) {
		call->warning = WORKITEM_ALREADY_COMPLETED;
		return true;
	}
	if (is_state(item, "CANCELED"))
		return fail(err, ERR_CONFLICT, WORKITEM_ENDED, "cannot complete this workitem: it is CANCELED");
	if (is_state(item, "SCHEDULED"))
		return fail(err, ERR_CONFLICT, WORKITEM_NOT_IN_PROGRESS,
		            "cannot complete this workitem: it is not yet IN PROGRESS");
	return check_transaction(call, facts, err) &&
	       fail(err, ERR_CONFLICT, WORKITEM_UNFINISHED,
	            "cannot complete this workitem: its report is not issued here; issuing it completes the workitem");
}

static bool give_back(struct db *db, struct call *call, const struct task_facts *facts, const struct item *item,
                      struct err *err)
{
	if (is_state(item, "CANCELED")) {
		call->warning = WORKITEM_ALREADY_CANCELED;
		return true;
	}
	if (is_state(item, "COMPLETED"))
		return fail(err, ERR_CONFLICT, WORKITEM_COMPLETED, "cannot cancel this workitem: it is COMPLETED");
	if (is_state(item, "SCHEDULED"))
		return fail(err, ERR_CONFLICT, WORKITEM_NOT_IN_PROGRESS,
		            "cannot cancel this workitem: it is not yet IN PROGRESS; ask for it by cancelrequest");
	return check_transaction(call, facts, err) &&
	       task_step(db, facts, TASK_EVENT_RELEASE, call->person_id, NULL, NULL, err);
}

static bool change_work(struct db *db, void *context, struct err *err)
{
	struct call *call = context;
	struct task_facts facts;
	struct item item;

	call->warning = WORKITEM_SUCCESS;
	if (!lock(db, call, &facts, &item, err))
		return false;
	if (strcmp(call->state, "IN PROGRESS") == 0)
		return claim(db, call, &facts, &item, err);
	if (strcmp(call->state, "COMPLETED") == 0)
		return complete(call, &facts, &item, err);
	return give_back(db, call, &facts, &item, err);
}

bool workitem_change_state(struct db_pool *pool, const char *person_id, const char *uid, const char *state,
                           const char *transaction_uid, enum workitem_status *out_warning, struct err *err)
{
	struct call call = {.person_id = person_id, .uid = uid, .state = state, .transaction_uid = transaction_uid};

	if (!state || (strcmp(state, "IN PROGRESS") != 0 && strcmp(state, "COMPLETED") != 0 &&
	               strcmp(state, "CANCELED") != 0 && strcmp(state, "SCHEDULED") != 0))
		return err_set(err, ERR_INVALID, "Procedure Step State must be IN PROGRESS, COMPLETED or CANCELED");
	if (strcmp(state, "SCHEDULED") == 0)
		return fail(err, ERR_INVALID, WORKITEM_SCHEDULED_AT_BIRTH,
		            "a workitem becomes SCHEDULED by its creation only");
	if (!transaction_uid || !text_is_uid(transaction_uid))
		return fail(err, ERR_INVALID, WORKITEM_OTHER_TRANSACTION, "the Transaction UID is missing or no UID");
	if (!db_transact(pool, person_id, change_work, &call, err))
		return false;
	*out_warning = call.warning;
	return true;
}

/* ---- update ------------------------------------------------------------------------------------------------------------------ */

static bool is_percent(const char *text)
{
	size_t whole = strspn(text, "0123456789"), rest;

	if (whole < 1 || whole > 3)
		return false;
	if (text[whole] == '\0')
		return whole < 3 || strcmp(text, "100") == 0;
	rest = strspn(text + whole + 1, "0123456789");
	if (text[whole] != '.' || rest < 1 || rest > 2 || text[whole + 1 + rest] != '\0')
		return false;
	return whole < 3 || (strncmp(text, "100.", 4) == 0 && strspn(text + 4, "0") == rest);
}

static bool keep_progress(struct db *db, const struct call *call, const struct task_facts *facts,
                          const struct item *item, struct err *err)
{
	const struct workitem_progress *progress = call->progress;

	return db_exec_one(db, STMT_WORKITEM_PROGRESS,
	                   DB_PARAMS(db_text(item->id), db_text(progress->percent), db_text(progress->text)),
	                   "the workitem", NULL, err) &&
	       event_append(db, "workitem.progress", item->id, facts->site_id, err);
}

static bool update_work(struct db *db, void *context, struct err *err)
{
	struct call *call = context;
	struct task_facts facts;
	struct item item;
	bool has_progress = call->progress->percent || call->progress->text;

	if (!lock(db, call, &facts, &item, err))
		return false;
	if (is_state(&item, "SCHEDULED"))
		return !has_progress ||
		       fail(err, ERR_CONFLICT, WORKITEM_NOT_IN_PROGRESS, "the workitem is not yet IN PROGRESS");
	if (!is_state(&item, "IN PROGRESS"))
		return fail(err, ERR_CONFLICT, WORKITEM_ENDED, "the workitem has ended and may no longer be updated");
	if (!call->transaction_uid)
		return fail(err, ERR_INVALID, WORKITEM_OTHER_TRANSACTION, "the Transaction UID is missing");
	return check_transaction(call, &facts, err) &&
	       db_exec_one(db, STMT_TASK_RENEW,
	                   DB_PARAMS(db_text(facts.task_id), db_text(facts.token), db_text(call->person_id),
	                             db_int(conf_number(CONF_LEASE))),
	                   "the lease", NULL, err) &&
	       (!has_progress || keep_progress(db, call, &facts, &item, err));
}

bool workitem_update(struct db_pool *pool, const char *person_id, const char *uid, const char *transaction_uid,
                     const struct workitem_progress *progress, struct err *err)
{
	struct call call = {
	    .person_id = person_id, .uid = uid, .transaction_uid = transaction_uid, .progress = progress};
	const char *text = progress->text;

	if (transaction_uid && !text_is_uid(transaction_uid))
		return fail(err, ERR_INVALID, WORKITEM_OTHER_TRANSACTION, "the Transaction UID is no UID");
	if (progress->percent && !is_percent(progress->percent))
		return err_set(err, ERR_INVALID, "Procedure Step Progress must be 0 to 100, with at most two decimals");
	if (text && (!text_is_utf8(text, strlen(text)) || text_utf8_count(text) > WORKITEM_PROGRESS_TEXT_MAX))
		return err_set(err, ERR_INVALID, "Procedure Step Progress Description has more than %d characters",
		               WORKITEM_PROGRESS_TEXT_MAX);
	return db_transact(pool, person_id, update_work, &call, err);
}

/* ---- request to cancel --------------------------------------------------------------------------------------------------------- */

static bool tell_holder(struct db *db, const struct call *call, const struct task_facts *facts, const struct item *item,
                        struct err *err)
{
	struct change change = {.event = "workitem.cancel_asked",
	                        .action = "workitem.ask_cancel",
	                        .person_id = call->person_id,
	                        .subject_kind = "workitem",
	                        .subject_id = item->id,
	                        .site_id = facts->site_id};
	struct db_rows *rows;
	int count;

	if (!db_exec(db, STMT_WORKITEM_ASK_CANCEL,
	             DB_PARAMS(db_text(item->id), db_text(call->person_id), db_text(call->reason)), &rows, err))
		return false;
	count = db_rows_count(rows);
	db_rows_free(rows);
	if (count == 0)
		return fail(err, ERR_CONFLICT, WORKITEM_NOBODY_TO_ASK,
		            "the performer cannot be contacted: no workstation of his listens");
	return change_record(db, &change, err);
}

static bool ask_cancel_work(struct db *db, void *context, struct err *err)
{
	struct call *call = context;
	struct task_facts facts;
	struct item item;

	call->warning = WORKITEM_SUCCESS;
	if (!lock(db, call, &facts, &item, err))
		return false;
	if (is_state(&item, "COMPLETED"))
		return fail(err, ERR_CONFLICT, WORKITEM_COMPLETED, "the workitem is already COMPLETED");
	if (is_state(&item, "CANCELED")) {
		call->warning = WORKITEM_ALREADY_CANCELED;
		return true;
	}
	if (is_state(&item, "SCHEDULED"))
		return task_cancel_locked(db, &facts, call->person_id, call->reason, err);
	return tell_holder(db, call, &facts, &item, err);
}

bool workitem_ask_cancel(struct db_pool *pool, const char *person_id, const char *uid, const char *reason,
                         enum workitem_status *out_warning, struct err *err)
{
	struct call call = {.person_id = person_id, .uid = uid, .reason = reason && *reason ? reason : "cancelrequest"};
	size_t length = strlen(call.reason);

	if (length > TASK_REASON_MAX || !text_is_utf8(call.reason, length))
		return err_set(err, ERR_INVALID, "the reason has more than %d bytes of UTF-8", TASK_REASON_MAX);
	if (!db_transact(pool, person_id, ask_cancel_work, &call, err))
		return false;
	*out_warning = call.warning;
	return true;
}
