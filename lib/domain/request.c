#include "lib/domain/request.h"

#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#include "lib/base/clock.h"
#include "lib/db/db.h"
#include "lib/domain/change.h"
#include "lib/domain/name_index.h"

/* One registration, as it travels into its transaction. */
struct call {
	const char *person_id, *request_id;
	const struct request_form *form;
	char today[CLOCK_TEXT_MAX];
	char site_id[TEXT_UUID_SIZE], id[TEXT_UUID_SIZE];
};

static void set_today(struct call *call)
{
	clock_format(clock_wall_us(), call->today);
	call->today[10] = '\0';
}

static bool record(struct db *db, const struct call *call, const char *what, const char *request_id, struct err *err)
{
	struct change change = {.event = what,
	                        .action = what,
	                        .person_id = call->person_id,
	                        .subject_kind = "request",
	                        .subject_id = request_id,
	                        .site_id = call->site_id};

	return change_record(db, &change, err);
}

static const char *or_empty(const char *text)
{
	return text ? text : "";
}

/* The columns that the form gives as they are, with the words of the catalogue where the form has none. free(3). */
static char *columns(const struct request_form *form, const struct db_rows *item)
{
	const char *names[] = {"item_name", "modality", "body_part"};
	const char *columns_of_item[] = {"name", "modality", "body_part"};
	const char *given[] = {form->item_name, form->modality, form->body_part};
	json_t *json = json_pack(
	    "{s:s, s:b, s:s, s:s, s:s, s:s, s:s, s:s, s:s, s:s, s:s, s:{s:s, s:s, s:s, s:s, s:s}}", "patient_class",
	    form->patient_class, "is_urgent", form->is_urgent, "visit_number", or_empty(form->visit_number), "phone",
	    or_empty(form->phone), "department", or_empty(form->department), "doctor", or_empty(form->doctor),
	    "laterality", or_empty(form->laterality), "purpose", or_empty(form->purpose), "history",
	    or_empty(form->history), "clinical_diagnosis", or_empty(form->clinical_diagnosis), "request_number",
	    or_empty(form->request_number), "details", "pregnancy", or_empty(form->pregnancy), "allergy",
	    or_empty(form->allergy), "renal_function", or_empty(form->renal_function), "operations",
	    or_empty(form->operations), "specimen", or_empty(form->specimen));
	char *text;

	for (int i = 0; i < 3; i++) {
		const char *value = or_empty(given[i]);
		if (!value[0] && item)
			value = db_get_text(item, 0, columns_of_item[i]);
		json_object_set_new(json, names[i], json_string(value));
	}
	text = json_dumps(json, JSON_COMPACT);
	json_decref(json);
	if (!text)
		err_panic("could not write JSON");
	return text;
}

/* *out_item: NULL without an item; else free it. */
static bool read_item(struct db *db, const struct call *call, struct db_rows **out_item, struct err *err)
{
	const char *item = call->form->item_code_id;

	*out_item = NULL;
	if (!item || !item[0])
		return true;
	if (!db_exec(db, STMT_REQUEST_ITEM, DB_PARAMS(db_text(item), db_text(call->site_id)), out_item, err))
		return false;
	if (db_rows_count(*out_item) > 0)
		return true;
	db_rows_free(*out_item);
	*out_item = NULL;
	return err_set(err, ERR_INVALID, "item_code_id names nothing that can be asked for at this site today");
}

static struct db_param text_or_null(const char *text)
{
	return text && text[0] ? db_text(text) : db_null();
}

/* ---- register ----------------------------------------------------------------------------------------------------------- */

static bool look_place(struct db *db, struct call *call, struct err *err)
{
	struct db_rows *rows;
	bool may;

	if (!db_exec_one(db, STMT_REQUEST_PLACE, DB_PARAMS(db_text(call->person_id), db_text(call->form->site_id)),
	                 "the site", &rows, err))
		return false;
	may = db_get_bool(rows, 0, "may");
	text_copy(call->site_id, sizeof call->site_id, db_get_text(rows, 0, "site"));
	db_rows_free(rows);
	return may || err_set(err, ERR_REFUSED, "cannot register here: no right at this site");
}

static bool add(struct db *db, struct call *call, const struct request_facts *facts, const char *rest, struct err *err)
{
	const struct request_form *form = call->form;
	struct db_rows *rows;

	if (!db_exec_one(db, STMT_REQUEST_ADD,
	                 DB_PARAMS(db_text(call->site_id), db_text(call->person_id),
	                           db_text(or_empty(form->patient_id)), db_text(facts->name), db_text(form->sex),
	                           text_or_null(facts->birth_date), db_text(or_empty(form->age_text)),
	                           db_text(facts->document), text_or_null(form->item_code_id), db_text(rest)),
	                 "the site", &rows, err))
		return false;
	text_copy(call->id, sizeof call->id, db_get_text(rows, 0, "request"));
	db_rows_free(rows);
	return true;
}

static bool register_work(struct db *db, void *context, struct err *err)
{
	struct call *call = context;
	struct request_facts facts;
	struct db_rows *item;
	char *rest;
	bool ok;

	if (!request_check(call->form, call->today, &facts, err) || !look_place(db, call, err) ||
	    !read_item(db, call, &item, err))
		return false;
	rest = columns(call->form, item);
	db_rows_free(item);
	ok = add(db, call, &facts, rest, err);
	free(rest);
	return ok && name_index_own(db, err) && record(db, call, "request.register", call->id, err);
}

bool request_register(struct db_pool *pool, const char *person_id, const struct request_form *form,
                      char out_id[TEXT_UUID_SIZE], struct err *err)
{
	struct call call = {.person_id = person_id, .form = form};

	set_today(&call);
	if (!db_transact(pool, person_id, register_work, &call, err))
		return false;
	text_copy(out_id, TEXT_UUID_SIZE, call.id);
	return true;
}

/* ---- change, cancel ----------------------------------------------------------------------------------------------------- */

/* Locks the request; *out_state and *out_document (may be NULL) as they are now. */
static bool lock(struct db *db, struct call *call, char out_state[16], char out_document[REQUEST_DOCUMENT_SIZE],
                 struct err *err)
{
	struct db_rows *rows;
	bool may;

	if (!db_exec_one(db, STMT_REQUEST_LOCK, DB_PARAMS(db_text(call->request_id), db_text(call->person_id)),
	                 "the request", &rows, err))
		return false;
	may = db_get_bool(rows, 0, "may");
	text_copy(call->site_id, sizeof call->site_id, db_get_text(rows, 0, "site"));
	text_copy(out_state, 16, db_get_text(rows, 0, "state"));
	if (out_document)
		text_copy(out_document, REQUEST_DOCUMENT_SIZE, db_get_text(rows, 0, "national_id"));
	db_rows_free(rows);
	return may || err_set(err, ERR_REFUSED, "cannot change this request: no right at its site");
}

static bool rewrite(struct db *db, struct call *call, const struct request_form *form, struct err *err)
{
	struct request_facts facts;
	struct db_rows *item;
	char *rest;
	bool ok;

	if (!request_check(form, call->today, &facts, err) || !read_item(db, call, &item, err))
		return false;
	rest = columns(form, item);
	db_rows_free(item);
	ok =
	    db_exec_one(db, STMT_REQUEST_CHANGE,
	                DB_PARAMS(db_text(call->request_id), db_text(or_empty(form->patient_id)), db_text(facts.name),
	                          db_text(form->sex), text_or_null(facts.birth_date), db_text(or_empty(form->age_text)),
	                          db_text(facts.document), text_or_null(form->item_code_id), db_text(rest)),
	                "the request", NULL, err) &&
	    db_exec(db, STMT_REQUEST_PRIORITY, DB_PARAMS(db_null(), db_text(call->request_id)), NULL, err);
	free(rest);
	return ok;
}

static bool change_work(struct db *db, void *context, struct err *err)
{
	struct call *call = context;
	struct request_form form = *call->form;
	char state[16], document[REQUEST_DOCUMENT_SIZE];

	if (!lock(db, call, state, document, err))
		return false;
	if (strcmp(state, "cancelled") == 0)
		return err_set(err, ERR_CONFLICT, "cannot change this request: it is cancelled");
	/* The number is never shown again, so that it cannot come back with the form: it stays, and must still fit. */
	if (!form.document || !form.document[0])
		form.document = document;
	return rewrite(db, call, &form, err) && name_index_own(db, err) &&
	       record(db, call, "request.change", call->request_id, err);
}

bool request_change(struct db_pool *pool, const char *person_id, const char *request_id,
                    const struct request_form *form, struct err *err)
{
	struct call call = {.person_id = person_id, .request_id = request_id, .form = form};

	if (!text_is_uuid(request_id))
		return err_set(err, ERR_NOT_FOUND, "there is no such request");
	set_today(&call);
	return db_transact(pool, person_id, change_work, &call, err);
}

static bool cancel_work(struct db *db, void *context, struct err *err)
{
	struct call *call = context;
	char state[16];

	if (!lock(db, call, state, NULL, err))
		return false;
	if (strcmp(state, "registered") != 0)
		return err_set(err, ERR_CONFLICT, "cannot cancel this request: it is %s", state);
	return db_exec_one(db, STMT_REQUEST_SET_STATE,
	                   DB_PARAMS(db_text(call->request_id), db_text("registered"), db_text("cancelled")),
	                   "the request", NULL, err) &&
	       record(db, call, "request.cancel", call->request_id, err);
}

bool request_cancel(struct db_pool *pool, const char *person_id, const char *request_id, struct err *err)
{
	struct call call = {.person_id = person_id, .request_id = request_id};

	if (!text_is_uuid(request_id))
		return err_set(err, ERR_NOT_FOUND, "there is no such request");
	return db_transact(pool, person_id, cancel_work, &call, err);
}
