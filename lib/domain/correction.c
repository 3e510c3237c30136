#include "lib/domain/correction.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/base/clock.h"
#include "lib/base/text.h"
#include "lib/db/db.h"
#include "lib/domain/change.h"

/* One call, as it travels into its transaction. */
struct call {
	const struct correction_maker *maker;
	const char *subject_id; /* study, correction, review */
	const char *form, *kind;
	const char *reason, *revision, *outcome;
	const char **confirmed;
	size_t confirmed_count;
	bool is_applied;
	json_t *result;
};

static bool read_result(struct call *call, const struct db_rows *rows)
{
	json_decref(call->result);
	call->result = json_loads(db_get_text(rows, 0, "json"), 0, NULL);
	if (!call->result)
		err_panic("a statement gave no JSON object");
	return call->is_applied && !json_object_get(call->result, "code");
}

static const char *member(const json_t *object, const char *name)
{
	return json_string_value(json_object_get(object, name));
}

static bool record(struct db *db, const struct call *call, const char *action, const char *kind, const char *subject,
                   struct err *err)
{
	struct change change = {.action = action,
	                        .person_id = call->maker->person_id,
	                        .is_operator = true,
	                        .operator_name = call->maker->operator_name,
	                        .subject_kind = kind,
	                        .subject_id = subject,
	                        .site_id = member(call->result, "site")};

	return change_record(db, &change, err);
}

/* The router looks at the studies again; their tasks learn whether their request is urgent. */
static bool wake(struct db *db, const struct call *call, struct err *err)
{
	json_t *study;
	size_t i;

	json_array_foreach(json_object_get(call->result, "studies"), i, study)
	{
		const char *id = json_string_value(study);
		if (!db_exec(db, STMT_REQUEST_PRIORITY, DB_PARAMS(db_text(id), db_null()), NULL, err) ||
		    !db_exec(db, STMT_REQUEST_SIGNAL, DB_PARAMS(db_text(id), db_text(call->maker->person_id)), NULL,
		             err))
			return false;
	}
	return true;
}

static bool finish(struct db *db, const struct call *call, const char *kind, struct err *err)
{
	char action[40];

	snprintf(action, sizeof action, "correction.%s", kind);
	return wake(db, call, err) && record(db, call, action, "correction", member(call->result, "id"), err);
}

static bool make_work(struct db *db, void *context, struct err *err)
{
	struct call *call = context;
	struct db_rows *rows;
	bool is_done;

	if (!db_exec_one(db, STMT_CORRECTION_MAKE,
	                 DB_PARAMS(db_text(call->maker->person_id), db_text(call->maker->operator_name),
	                           db_text(call->subject_id), db_text(call->form), db_bool(call->is_applied)),
	                 "the study", &rows, err))
		return false;
	is_done = read_result(call, rows);
	db_rows_free(rows);
	return !is_done || finish(db, call, call->kind, err);
}

static bool run(struct db_pool *pool, db_work *work, struct call *call, json_t **out, struct err *err)
{
	if (!text_is_uuid(call->subject_id))
		return err_set(err, ERR_NOT_FOUND, "there is no such study, correction or review");
	if (!db_transact(pool, call->maker->person_id, work, call, err)) {
		json_decref(call->result);
		return false;
	}
	/* For inside alone; a preview has studies of its own. */
	json_object_del(call->result, "site");
	if (call->is_applied)
		json_object_del(call->result, "studies");
	*out = call->result;
	return true;
}

static bool make(struct db_pool *pool, struct call *call, const json_t *what, json_t **out, struct err *err)
{
	char today[CLOCK_TEXT_MAX], *form = NULL;
	bool ok;

	clock_format(clock_wall_us(), today);
	today[10] = '\0';
	if (!correction_form(what, today, call->is_applied, &form, err))
		return false;
	call->form = form;
	call->kind = member(what, "kind");
	ok = run(pool, make_work, call, out, err);
	free(form);
	return ok;
}

bool correction_preview(struct db_pool *pool, const struct correction_maker *maker, const char *study_id,
                        const json_t *what, json_t **out, struct err *err)
{
	struct call call = {.maker = maker, .subject_id = study_id};

	return make(pool, &call, what, out, err);
}

bool correction_apply(struct db_pool *pool, const struct correction_maker *maker, const char *study_id,
                      const json_t *what, json_t **out, struct err *err)
{
	struct call call = {.maker = maker, .subject_id = study_id, .is_applied = true};

	return make(pool, &call, what, out, err);
}

/* ---- undo ---------------------------------------------------------------------------------------------------------------- */

static bool check_reason(const char *reason, struct err *err)
{
	size_t length = reason ? strlen(reason) : 0;

	if (!reason || !reason[strspn(reason, " \t\n")])
		return err_set(err, ERR_INVALID, "cannot go on without a reason");
	if (length > CORRECTION_REASON_MAX || !text_is_utf8(reason, length))
		return err_set(err, ERR_INVALID, "cannot take a reason: at most %d bytes of UTF-8",
		               CORRECTION_REASON_MAX);
	return true;
}

static bool undo_work(struct db *db, void *context, struct err *err)
{
	struct call *call = context;
	struct db_rows *rows;
	bool is_done;

	if (!db_exec_one(db, STMT_CORRECTION_UNDO,
	                 DB_PARAMS(db_text(call->maker->person_id), db_text(call->maker->operator_name),
	                           db_text(call->subject_id), db_text(call->reason), db_text(call->revision),
	                           db_bool(call->is_applied)),
	                 "the correction", &rows, err))
		return false;
	is_done = read_result(call, rows);
	db_rows_free(rows);
	return !is_done || finish(db, call, "undo", err);
}

bool correction_undo_preview(struct db_pool *pool, const struct correction_maker *maker, const char *correction_id,
                             json_t **out, struct err *err)
{
	struct call call = {.maker = maker, .subject_id = correction_id, .reason = ""};

	return run(pool, undo_work, &call, out, err);
}

bool correction_undo(struct db_pool *pool, const struct correction_maker *maker, const char *correction_id,
                     const char *reason, const char *revision, json_t **out, struct err *err)
{
	struct call call = {
	    .maker = maker, .subject_id = correction_id, .reason = reason, .revision = revision, .is_applied = true};

	return check_reason(reason, err) && run(pool, undo_work, &call, out, err);
}

const char *correction_refusal(const json_t *result)
{
	static const struct {
		const char *code, *text;
	} words[] = {
	    {"stale", "cannot correct: it was changed meanwhile, look at it again"},
	    {"unconfirmed", "cannot go on: the two contradict each other, confirm that you have seen it"},
	    {"blocked", "cannot take this back: something later builds on it, take that back first"},
	    {"settled", "cannot settle this: somebody did already"},
	};
	const char *code = member(result, "code");

	for (size_t i = 0; code && i < sizeof words / sizeof words[0]; i++)
		if (strcmp(code, words[i].code) == 0)
			return words[i].text;
	return NULL;
}

/* ---- identities ------------------------------------------------------------------------------------------------------------ */

static bool settle_work(struct db *db, void *context, struct err *err)
{
	struct call *call = context;
	struct db_rows *rows;
	bool is_done;

	if (!db_exec_one(db, STMT_IDENTITY_SETTLE,
	                 DB_PARAMS(db_text(call->maker->person_id), db_text(call->maker->operator_name),
	                           db_text(call->subject_id), db_text(call->outcome), db_text(call->reason),
	                           db_texts(call->confirmed, call->confirmed_count)),
	                 "the review", &rows, err))
		return false;
	is_done = read_result(call, rows);
	db_rows_free(rows);
	return !is_done || record(db, call, "identity.settle", "identity_review", call->subject_id, err);
}

bool correction_identity_settle(struct db_pool *pool, const struct correction_maker *maker, const char *review_id,
                                const char *outcome, const char *reason, const json_t *confirmed, json_t **out,
                                struct err *err)
{
	enum { WORDS_MAX = 8 };
	const char *words[WORDS_MAX];
	struct call call = {.maker = maker,
	                    .subject_id = review_id,
	                    .outcome = outcome,
	                    .reason = reason,
	                    .confirmed = words,
	                    .is_applied = true};

	if (!outcome || (strcmp(outcome, "same") != 0 && strcmp(outcome, "different") != 0))
		return err_set(err, ERR_INVALID, "outcome is none of: same different");
	for (size_t i = 0; i < json_array_size(confirmed); i++) {
		if (i == WORDS_MAX || !json_is_string(json_array_get(confirmed, i)))
			return err_set(err, ERR_INVALID, "confirmed is no list of contradictions");
		words[call.confirmed_count++] = json_string_value(json_array_get(confirmed, i));
	}
	return check_reason(reason, err) && run(pool, settle_work, &call, out, err);
}

static bool unsettle_work(struct db *db, void *context, struct err *err)
{
	struct call *call = context;
	struct db_rows *rows;
	bool is_done;

	if (!db_exec_one(db, STMT_IDENTITY_UNDO,
	                 DB_PARAMS(db_text(call->maker->person_id), db_text(call->maker->operator_name),
	                           db_text(call->subject_id), db_text(call->reason)),
	                 "the review", &rows, err))
		return false;
	is_done = read_result(call, rows);
	db_rows_free(rows);
	return !is_done || record(db, call, "identity.undo", "identity_review", call->subject_id, err);
}

bool correction_identity_undo(struct db_pool *pool, const struct correction_maker *maker, const char *review_id,
                              const char *reason, json_t **out, struct err *err)
{
	struct call call = {.maker = maker, .subject_id = review_id, .reason = reason, .is_applied = true};

	return check_reason(reason, err) && run(pool, unsettle_work, &call, out, err);
}

/* ---- proposals --------------------------------------------------------------------------------------------------------------- */

struct dismissal {
	const char *person_id, *proposal_id, *reason;
	char site_id[TEXT_UUID_SIZE], report_id[TEXT_UUID_SIZE];
};

static bool lock_proposal(struct db *db, struct dismissal *dismissal, struct err *err)
{
	struct db_rows *rows;
	bool may, is_open;

	if (!db_exec_one(db, STMT_PROPOSAL_LOCK,
	                 DB_PARAMS(db_text(dismissal->proposal_id), db_text(dismissal->person_id)), "the proposal",
	                 &rows, err))
		return false;
	may = db_get_bool(rows, 0, "may");
	is_open = strcmp(db_get_text(rows, 0, "state"), "open") == 0;
	text_copy(dismissal->site_id, sizeof dismissal->site_id, db_get_text(rows, 0, "site"));
	text_copy(dismissal->report_id, sizeof dismissal->report_id, db_get_text(rows, 0, "report"));
	db_rows_free(rows);
	if (!may)
		return err_set(err, ERR_REFUSED, "cannot settle this: you do not sign at its queue");
	return is_open || err_set(err, ERR_CONFLICT, "cannot settle this: it is settled already");
}

static bool dismiss_work(struct db *db, void *context, struct err *err)
{
	struct dismissal *dismissal = context;
	struct change change = {.event = "report.proposal_settled",
	                        .action = "report.proposal_dismiss",
	                        .person_id = dismissal->person_id,
	                        .subject_kind = "report_version",
	                        .subject_id = dismissal->report_id,
	                        .site_id = dismissal->site_id};

	return lock_proposal(db, dismissal, err) &&
	       db_exec_one(db, STMT_PROPOSAL_SETTLE,
	                   DB_PARAMS(db_text(dismissal->proposal_id), db_text(dismissal->person_id),
	                             db_text(dismissal->reason)),
	                   "the proposal", NULL, err) &&
	       change_record(db, &change, err);
}

bool correction_dismiss(struct db_pool *pool, const char *person_id, const char *proposal_id, const char *reason,
                        struct err *err)
{
	struct dismissal dismissal = {person_id, proposal_id, reason, "", ""};

	if (!text_is_uuid(proposal_id))
		return err_set(err, ERR_NOT_FOUND, "there is no such proposal");
	return check_reason(reason, err) && db_transact(pool, person_id, dismiss_work, &dismissal, err);
}
