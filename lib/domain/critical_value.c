#include "lib/domain/critical_value.h"

#include <string.h>

#include "lib/base/conf.h"
#include "lib/base/log.h"
#include "lib/db/db.h"
#include "lib/domain/change.h"
#include "lib/domain/machines.h"

/* One call, as it travels into its transaction. */
struct call {
	const char *person_id, *id, *study_id, *text, *physician;
	bool is_physician;
	char out_id[TEXT_UUID_SIZE];
};

/* What is known of a locked one. */
struct facts {
	char site_id[TEXT_UUID_SIZE];
	enum critical_value_state state;
	bool may_tell, may_handle;
};

static bool check_text(const char *text, const char *what, size_t max, struct err *err)
{
	size_t length = text ? strlen(text) : 0;

	if (length == 0 || text[strspn(text, " \t\n")] == '\0')
		return err_set(err, ERR_INVALID, "cannot go on without %s", what);
	return (length <= max && text_is_utf8(text, length)) ||
	       err_set(err, ERR_INVALID, "cannot take %s: at most %zu bytes of UTF-8", what, max);
}

static bool record(struct db *db, const char *person_id, const char *id, const char *site_id, const char *event,
                   struct err *err)
{
	char name[64] = "critical_value.";
	struct change change = {.event = name,
	                        .action = name,
	                        .person_id = person_id,
	                        .subject_kind = "critical_value",
	                        .subject_id = id,
	                        .site_id = site_id};
	size_t prefix = strlen(name);

	text_copy(name + prefix, sizeof name - prefix, event);
	log_info(LOG_CRITICAL_VALUE, "critical_value=%s event=%s", id, event);
	return change_record(db, &change, err);
}

static bool lock(struct db *db, const struct call *call, struct facts *out, struct err *err)
{
	struct db_rows *rows;

	if (!db_exec_one(db, STMT_CRITICAL_LOCK, DB_PARAMS(db_text(call->id), db_text(call->person_id)),
	                 "the critical value", &rows, err))
		return false;
	out->state =
	    (enum critical_value_state)machine_state_find(critical_value_machine(), db_get_text(rows, 0, "state"));
	text_copy(out->site_id, sizeof out->site_id, db_get_text(rows, 0, "site"));
	out->may_tell = db_get_bool(rows, 0, "may_tell");
	out->may_handle = db_get_bool(rows, 0, "may_handle");
	db_rows_free(rows);
	return true;
}

/* The one gate: may the person, and is there such a step? */
static bool check(const struct facts *facts, enum critical_value_event event, bool may, enum critical_value_state *to,
                  struct err *err)
{
	if (!may)
		return err_set(err, ERR_REFUSED, "cannot %s this critical value: no right at its site",
		               critical_value_event_name(event));
	return critical_value_next(facts->state, event, to) ||
	       err_set(err, ERR_CONFLICT, "cannot %s this critical value: it is %s", critical_value_event_name(event),
	               critical_value_state_name(facts->state));
}

static bool move(struct db *db, const struct call *call, const struct facts *facts, enum critical_value_state to,
                 struct err *err)
{
	return db_exec_one(db, STMT_CRITICAL_MOVE,
	                   DB_PARAMS(db_text(call->id), db_text(critical_value_state_name(facts->state)),
	                             db_text(critical_value_state_name(to))),
	                   "the critical value", NULL, err);
}

static bool is_id(const char *id, struct err *err)
{
	return text_is_uuid(id) || err_set(err, ERR_NOT_FOUND, "there is no such critical value");
}

/* ---- raise -------------------------------------------------------------------------------------------------------------- */

static bool raise_work(struct db *db, void *context, struct err *err)
{
	struct call *call = context;
	char site_id[TEXT_UUID_SIZE];
	struct db_rows *rows;
	bool may;

	if (!db_exec_one(db, STMT_CRITICAL_STUDY, DB_PARAMS(db_text(call->study_id), db_text(call->person_id)),
	                 "the study", &rows, err))
		return false;
	may = db_get_bool(rows, 0, "may");
	text_copy(site_id, sizeof site_id, db_get_text(rows, 0, "site"));
	db_rows_free(rows);
	if (!may)
		return err_set(err, ERR_REFUSED, "cannot raise a critical value: no right at this site");
	if (!db_exec_one(db, STMT_CRITICAL_ADD,
	                 DB_PARAMS(db_text(call->study_id), db_text(call->person_id), db_text(call->text),
	                           db_int(conf_number(CONF_CRITICAL_CONFIRM))),
	                 "the study", &rows, err))
		return false;
	text_copy(call->out_id, sizeof call->out_id, db_get_text(rows, 0, "critical_value"));
	db_rows_free(rows);
	return record(db, call->person_id, call->out_id, site_id, "raise", err);
}

bool critical_value_raise(struct db_pool *pool, const char *person_id, const char *study_id, const char *item,
                          char out_id[TEXT_UUID_SIZE], struct err *err)
{
	struct call call = {.person_id = person_id, .study_id = study_id, .text = item};

	if (!text_is_uuid(study_id))
		return err_set(err, ERR_NOT_FOUND, "there is no such study");
	if (!check_text(item, "an item", CRITICAL_VALUE_LINE_MAX, err) ||
	    !db_transact(pool, person_id, raise_work, &call, err))
		return false;
	text_copy(out_id, TEXT_UUID_SIZE, call.out_id);
	return true;
}

/* ---- notify, read back ---------------------------------------------------------------------------------------------------- */

static bool tell(struct db *db, const struct call *call, const char *contact, bool is_physician, struct err *err)
{
	return db_exec(db, STMT_CRITICAL_TELL, DB_PARAMS(db_text(call->id), db_text(contact), db_bool(is_physician)),
	               NULL, err);
}

static bool notify_work(struct db *db, void *context, struct err *err)
{
	struct call *call = context;
	enum critical_value_event event;
	enum critical_value_state to;
	struct facts facts;

	if (!lock(db, call, &facts, err))
		return false;
	event = facts.state == CRITICAL_VALUE_NOTIFIED ? CRITICAL_VALUE_EVENT_ESCALATE : CRITICAL_VALUE_EVENT_NOTIFY;
	return check(&facts, event, facts.may_tell, &to, err) && tell(db, call, call->text, call->is_physician, err) &&
	       move(db, call, &facts, to, err) &&
	       record(db, call->person_id, call->id, facts.site_id, critical_value_event_name(event), err);
}

bool critical_value_notify(struct db_pool *pool, const char *person_id, const char *id, const char *contact,
                           bool is_physician, struct err *err)
{
	struct call call = {.person_id = person_id, .id = id, .text = contact, .is_physician = is_physician};

	return is_id(id, err) && check_text(contact, "a contact", CRITICAL_VALUE_LINE_MAX, err) &&
	       db_transact(pool, person_id, notify_work, &call, err);
}

/* Whoever reads it back was told by that. */
static bool tell_first(struct db *db, const struct call *call, struct facts *facts, struct err *err)
{
	if (facts->state != CRITICAL_VALUE_RAISED)
		return true;
	if (!tell(db, call, call->physician, true, err) || !move(db, call, facts, CRITICAL_VALUE_NOTIFIED, err))
		return false;
	facts->state = CRITICAL_VALUE_NOTIFIED;
	return true;
}

static bool read_back_work(struct db *db, void *context, struct err *err)
{
	struct call *call = context;
	enum critical_value_state to;
	struct facts facts;

	if (!lock(db, call, &facts, err))
		return false;
	if (facts.may_tell && !tell_first(db, call, &facts, err))
		return false;
	return check(&facts, CRITICAL_VALUE_EVENT_READ_BACK, facts.may_tell, &to, err) &&
	       db_exec_one(db, STMT_CRITICAL_READ_BACK,
	                   DB_PARAMS(db_text(call->id), db_text(call->text), db_text(call->physician),
	                             db_text(call->person_id)),
	                   "the critical value", NULL, err) &&
	       record(db, call->person_id, call->id, facts.site_id, "read_back", err);
}

bool critical_value_read_back(struct db_pool *pool, const char *person_id, const char *id, const char *words,
                              const char *physician, struct err *err)
{
	struct call call = {.person_id = person_id, .id = id, .text = words, .physician = physician};

	return is_id(id, err) && check_text(words, "the words read back", CRITICAL_VALUE_TEXT_MAX, err) &&
	       check_text(physician, "the name of a physician", CRITICAL_VALUE_LINE_MAX, err) &&
	       db_transact(pool, person_id, read_back_work, &call, err);
}

/* ---- handle, close -------------------------------------------------------------------------------------------------------- */

static bool handle_work(struct db *db, void *context, struct err *err)
{
	struct call *call = context;
	enum critical_value_state to;
	struct facts facts;

	return lock(db, call, &facts, err) && check(&facts, CRITICAL_VALUE_EVENT_HANDLE, facts.may_handle, &to, err) &&
	       db_exec_one(db, STMT_CRITICAL_HANDLE, DB_PARAMS(db_text(call->id), db_text(call->text)),
	                   "the critical value", NULL, err) &&
	       record(db, call->person_id, call->id, facts.site_id, "handle", err);
}

bool critical_value_handle(struct db_pool *pool, const char *person_id, const char *id, const char *handling,
                           struct err *err)
{
	struct call call = {.person_id = person_id, .id = id, .text = handling};

	return is_id(id, err) && check_text(handling, "what was done", CRITICAL_VALUE_TEXT_MAX, err) &&
	       db_transact(pool, person_id, handle_work, &call, err);
}

static bool close_work(struct db *db, void *context, struct err *err)
{
	struct call *call = context;
	enum critical_value_state to;
	struct facts facts;

	return lock(db, call, &facts, err) &&
	       check(&facts, CRITICAL_VALUE_EVENT_CLOSE, facts.may_tell || facts.may_handle, &to, err) &&
	       move(db, call, &facts, to, err) && record(db, call->person_id, call->id, facts.site_id, "close", err);
}

bool critical_value_close(struct db_pool *pool, const char *person_id, const char *id, struct err *err)
{
	struct call call = {.person_id = person_id, .id = id};

	return is_id(id, err) && db_transact(pool, person_id, close_work, &call, err);
}

/* ---- time ------------------------------------------------------------------------------------------------------------------ */

bool critical_value_expire(struct db *db, int limit, int *out_count, struct err *err)
{
	struct db_rows *rows;
	bool ok = true;

	if (!db_exec(db, STMT_CRITICAL_OVERDUE, DB_PARAMS(db_int(conf_number(CONF_CRITICAL_CONFIRM)), db_int(limit)),
	             &rows, err))
		return false;
	*out_count = db_rows_count(rows);
	for (int i = 0; ok && i < *out_count; i++)
		ok = record(db, NULL, db_get_text(rows, i, "critical_value"), db_get_text(rows, i, "site"), "overdue",
		            err);
	db_rows_free(rows);
	return ok;
}
