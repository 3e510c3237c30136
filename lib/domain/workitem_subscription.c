/* Who is told of which workitems. What is told, and whether the person may still see it: the statements of schema/migrations/0037. */
#include <string.h>

#include "lib/db/db.h"
#include "lib/domain/change.h"
#include "lib/domain/workitem.h"

struct call {
	const char *person_id, *uid, *ae_title, *filter;
	bool is_locked;
};

bool workitem_is_worklist(const char *uid)
{
	return strcmp(uid, WORKITEM_WORKLIST_UID) == 0 || strcmp(uid, WORKITEM_FILTERED_UID) == 0;
}

/* *out empty: the worklist. */
static bool find(struct db *db, const char *uid, char out[TEXT_UUID_SIZE], struct err *err)
{
	struct db_rows *rows;

	out[0] = '\0';
	if (workitem_is_worklist(uid))
		return true;
	if (!text_is_uid(uid))
		return err_set(err, ERR_NOT_FOUND, "no such workitem");
	if (!db_exec_one(db, STMT_WORKITEM_FIND, DB_PARAMS(db_text(uid)), "the workitem", &rows, err))
		return false;
	text_copy(out, TEXT_UUID_SIZE, db_get_text(rows, 0, "workitem"));
	db_rows_free(rows);
	return true;
}

/* Whichever gateway has the channel of the workstation sends how things stand. */
static bool announce(struct db *db, const struct call *call, const struct db_rows *rows, struct err *err)
{
	struct change change = {.event = "workitem.subscribed",
	                        .action = "workitem.subscribe",
	                        .person_id = call->person_id,
	                        .subject_kind = "subscription"};

	if (db_rows_count(rows) == 0)
		return err_set(err, ERR_CONFLICT, "cannot subscribe: you have too many subscriptions, end some first");
	change.subject_id = db_get_text(rows, 0, "subscription");
	return change_record(db, &change, err);
}

static bool subscribe_work(struct db *db, void *context, struct err *err)
{
	const struct call *call = context;
	char workitem[TEXT_UUID_SIZE];
	struct db_rows *rows;
	bool ok;

	if (!find(db, call->uid, workitem, err) ||
	    !db_exec(db, STMT_WORKITEM_SUBSCRIBER_LOCK, DB_PARAMS(db_text(call->person_id)), NULL, err) ||
	    !db_exec(db, STMT_WORKITEM_FORGET_ENDED, DB_PARAMS(db_text(call->person_id)), NULL, err) ||
	    !db_exec(db, STMT_WORKITEM_SUBSCRIBE,
	             DB_PARAMS(db_text(call->person_id), db_text(call->ae_title),
	                       db_text(workitem[0] ? workitem : NULL), db_text(workitem[0] ? "{}" : call->filter),
	                       db_bool(call->is_locked)),
	             &rows, err))
		return false;
	ok = announce(db, call, rows, err);
	db_rows_free(rows);
	return ok;
}

bool workitem_subscribe(struct db_pool *pool, const char *person_id, const char *uid, const char *ae_title,
                        const char *filter, bool is_locked, struct err *err)
{
	struct call call = {person_id, uid, ae_title, filter, is_locked};

	return db_transact(pool, person_id, subscribe_work, &call, err);
}

static bool unsubscribe_work(struct db *db, void *context, struct err *err)
{
	const struct call *call = context;
	char workitem[TEXT_UUID_SIZE];

	if (!find(db, call->uid, workitem, err))
		return false;
	if (!workitem[0])
		return db_exec(db, STMT_WORKITEM_UNSUBSCRIBE_ALL,
		               DB_PARAMS(db_text(call->person_id), db_text(call->ae_title)), NULL, err);
	return db_exec(db, STMT_WORKITEM_UNSUBSCRIBE,
	               DB_PARAMS(db_text(call->person_id), db_text(call->ae_title), db_text(workitem)), NULL, err) &&
	       db_exec(db, STMT_WORKITEM_LEAVE_OUT,
	               DB_PARAMS(db_text(call->person_id), db_text(call->ae_title), db_text(workitem)), NULL, err);
}

bool workitem_unsubscribe(struct db_pool *pool, const char *person_id, const char *uid, const char *ae_title,
                          struct err *err)
{
	struct call call = {.person_id = person_id, .uid = uid, .ae_title = ae_title};

	return db_transact(pool, person_id, unsubscribe_work, &call, err);
}

static bool suspend_work(struct db *db, void *context, struct err *err)
{
	const struct call *call = context;

	return db_exec_one(db, STMT_WORKITEM_SUSPEND, DB_PARAMS(db_text(call->person_id), db_text(call->ae_title)),
	                   "the subscription", NULL, err);
}

bool workitem_suspend(struct db_pool *pool, const char *person_id, const char *uid, const char *ae_title,
                      struct err *err)
{
	struct call call = {.person_id = person_id, .uid = uid, .ae_title = ae_title};

	if (!workitem_is_worklist(uid))
		return err_set(err, ERR_NOT_FOUND, "only a subscription to the worklist can be suspended");
	return db_transact(pool, person_id, suspend_work, &call, err);
}
