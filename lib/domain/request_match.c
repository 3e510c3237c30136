#include <string.h>

#include "lib/db/db.h"
#include "lib/domain/change.h"
#include "lib/domain/request.h"

struct match {
	const char *person_id, *study_id, *request_id, *reason;
	char site_id[TEXT_UUID_SIZE];
};

static bool check_reason(const char *reason, bool is_required, struct err *err)
{
	size_t length = reason ? strlen(reason) : 0;

	if (length == 0 && is_required)
		return err_set(err, ERR_INVALID, "cannot go on without a reason");
	if (length > REQUEST_REASON_MAX || (length && !text_is_utf8(reason, length)))
		return err_set(err, ERR_INVALID, "cannot take a reason: at most %d bytes of UTF-8", REQUEST_REASON_MAX);
	return true;
}

static bool record(struct db *db, const struct match *match, const char *event, const char *action, struct err *err)
{
	struct change change = {.event = event,
	                        .action = action,
	                        .person_id = match->person_id,
	                        .subject_kind = "study",
	                        .subject_id = match->study_id,
	                        .site_id = match->site_id};

	return change_record(db, &change, err);
}

static bool lock_study(struct db *db, struct match *match, struct err *err)
{
	struct db_rows *rows;
	bool may;

	if (!db_exec_one(db, STMT_REQUEST_STUDY_LOCK, DB_PARAMS(db_text(match->study_id), db_text(match->person_id)),
	                 "the study", &rows, err))
		return false;
	may = db_get_bool(rows, 0, "may");
	text_copy(match->site_id, sizeof match->site_id, db_get_text(rows, 0, "site"));
	db_rows_free(rows);
	return may || err_set(err, ERR_REFUSED, "cannot match this study: no right at its site");
}

/* The request is of the study's site and may still be matched. */
static bool lock_request(struct db *db, const struct match *match, struct err *err)
{
	struct db_rows *rows;
	bool is_same_site, is_cancelled;

	if (!db_exec_one(db, STMT_REQUEST_LOCK, DB_PARAMS(db_text(match->request_id), db_text(match->person_id)),
	                 "the request", &rows, err))
		return false;
	is_same_site = strcmp(match->site_id, db_get_text(rows, 0, "site")) == 0;
	is_cancelled = strcmp("cancelled", db_get_text(rows, 0, "state")) == 0;
	db_rows_free(rows);
	if (!is_same_site)
		return err_set(err, ERR_INVALID, "cannot match: the request is of another site");
	return !is_cancelled || err_set(err, ERR_CONFLICT, "cannot match: the request is cancelled");
}

static bool check_free(struct db *db, const struct match *match, struct err *err)
{
	struct db_rows *rows;
	bool has_request, is_taken;

	if (!db_exec_one(db, STMT_REQUEST_MATCH_CHECK, DB_PARAMS(db_text(match->study_id), db_text(match->request_id)),
	                 "the study", &rows, err))
		return false;
	has_request = db_get_bool(rows, 0, "has_request");
	is_taken = db_get_bool(rows, 0, "is_taken");
	db_rows_free(rows);
	if (has_request)
		return err_set(err, ERR_CONFLICT, "cannot match: the study has a request already");
	return !is_taken || err_set(err, ERR_CONFLICT, "cannot match: the request has a study already");
}

static bool set_state(struct db *db, const char *request_id, const char *from, const char *to, struct err *err)
{
	return db_exec(db, STMT_REQUEST_SET_STATE, DB_PARAMS(db_text(request_id), db_text(from), db_text(to)), NULL,
	               err);
}

static bool signal_router(struct db *db, const struct match *match, struct err *err)
{
	return db_exec(db, STMT_REQUEST_PRIORITY, DB_PARAMS(db_text(match->study_id), db_null()), NULL, err) &&
	       db_exec(db, STMT_REQUEST_SIGNAL, DB_PARAMS(db_text(match->study_id), db_text(match->person_id)), NULL,
	               err);
}

static bool match_work(struct db *db, void *context, struct err *err)
{
	struct match *match = context;

	return lock_study(db, match, err) && lock_request(db, match, err) && check_free(db, match, err) &&
	       db_exec_one(db, STMT_REQUEST_MATCH_ADD,
	                   DB_PARAMS(db_text(match->study_id), db_text(match->request_id), db_text(match->person_id),
	                             db_text(match->reason ? match->reason : "")),
	                   "the request", NULL, err) &&
	       set_state(db, match->request_id, "registered", "matched", err) && signal_router(db, match, err) &&
	       record(db, match, "study.matched", "request.match", err);
}

bool request_match(struct db_pool *pool, const char *person_id, const char *study_id, const char *request_id,
                   const char *reason, struct err *err)
{
	struct match match = {person_id, study_id, request_id, reason, ""};

	if (!text_is_uuid(study_id) || !text_is_uuid(request_id))
		return err_set(err, ERR_NOT_FOUND, "there is no such study or request");
	return check_reason(reason, false, err) && db_transact(pool, person_id, match_work, &match, err);
}

/* The request is free again, unless it goes on with a retake. */
static bool end_match(struct db *db, const struct match *match, struct err *err)
{
	char request[TEXT_UUID_SIZE];
	struct db_rows *rows;
	bool has_study;

	if (!db_exec(db, STMT_REQUEST_MATCH_END,
	             DB_PARAMS(db_text(match->study_id), db_text(match->person_id), db_text(match->reason)), &rows,
	             err))
		return false;
	text_copy(request, sizeof request, db_rows_count(rows) ? db_get_text(rows, 0, "request") : "");
	db_rows_free(rows);
	if (!request[0])
		return err_set(err, ERR_CONFLICT, "cannot take the match back: the study has no request");
	if (!db_exec_one(db, STMT_REQUEST_HAS_STUDY, DB_PARAMS(db_text(request)), "the request", &rows, err))
		return false;
	has_study = db_get_bool(rows, 0, "has_study");
	db_rows_free(rows);
	return has_study || set_state(db, request, "matched", "registered", err);
}

static bool unmatch_work(struct db *db, void *context, struct err *err)
{
	struct match *match = context;

	return lock_study(db, match, err) && end_match(db, match, err) && signal_router(db, match, err) &&
	       record(db, match, "study.unmatched", "request.unmatch", err);
}

bool request_unmatch(struct db_pool *pool, const char *person_id, const char *study_id, const char *reason,
                     struct err *err)
{
	struct match match = {person_id, study_id, NULL, reason, ""};

	if (!text_is_uuid(study_id))
		return err_set(err, ERR_NOT_FOUND, "there is no such study");
	return check_reason(reason, true, err) && db_transact(pool, person_id, unmatch_work, &match, err);
}

/* ---- by the router ------------------------------------------------------------------------------------------------------ */

bool request_match_automatic(struct db *db, const char *study_id, bool *out_matched, struct err *err)
{
	struct match match = {.study_id = study_id};
	struct db_rows *rows;

	*out_matched = false;
	if (!db_exec_one(db, STMT_REQUEST_MATCH_AUTOMATIC, DB_PARAMS(db_text(study_id)), "the study", &rows, err))
		return false;
	*out_matched = db_get_bool(rows, 0, "is_matched");
	db_rows_free(rows);
	return !*out_matched || signal_router(db, &match, err);
}

bool request_matched(struct db *db, const char *study_id, const char *site_id, struct err *err)
{
	struct match match = {.study_id = study_id};

	text_copy(match.site_id, sizeof match.site_id, site_id);
	return record(db, &match, "study.matched", "request.match", err);
}
