/*
 * UPS-RS, pull (PS3.18 sections 11.4 to 11.9): the reading queue as a worklist. What a change means for the task is said in lib/domain/workitem.h.
 *
 * Statuses of PS3.18, each with the Warning of PS3.4: 400 what is missing or malformed; 403 no right at this task; 404 not there for these eyes; 409 the state or the
 * transaction is another one.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "gateway/answer.h"
#include "gateway/caller.h"
#include "gateway/dicomweb.h"
#include "gateway/dicomweb_ignored.h"
#include "gateway/dicomweb_keys.h"
#include "gateway/handlers.h"
#include "gateway/input.h"
#include "gateway/workitems.h"
#include "lib/domain/task.h"
#include "lib/domain/workitem.h"

enum { HTTP_ACCEPTED = 202, HTTP_NO_CONTENT = 204, ATTRIBUTES_MAX = 200, NUMBER_SIZE = 32 };

#define STATE "00741000"
#define TRANSACTION "00081195"
#define PROGRESS "00741002"
#define PERCENT "00741004"
#define DESCRIPTION "00741006"
#define REASON "00741238"

/* ---- statuses ------------------------------------------------------------------------------------------------------------ */

/* PS3.4 sections CC.2.1.3, CC.2.2.3, CC.2.6.3 in the words of PS3.18 sections 11.6.3, 11.7.3 and 11.8.3 */
static const char *warning_of(uint32_t status)
{
	switch (status) {
	case WORKITEM_SOME_ATTRIBUTES:
		return "Requested optional Attributes are not supported";
	case WORKITEM_ALREADY_CANCELED:
		return "The UPS is already in the requested state of CANCELED";
	case WORKITEM_ALREADY_COMPLETED:
		return "The UPS is already in the requested state of COMPLETED";
	case WORKITEM_ENDED:
		return "The UPS may no longer be updated";
	case WORKITEM_ALREADY_IN_PROGRESS:
		return "The UPS is already IN PROGRESS";
	case WORKITEM_SCHEDULED_AT_BIRTH:
		return "The UPS may only become SCHEDULED via creation";
	case WORKITEM_UNFINISHED:
		return "The UPS has not met final state requirements for the requested state change";
	case WORKITEM_NOT_IN_PROGRESS:
		return "The UPS is not yet in the IN PROGRESS state";
	case WORKITEM_COMPLETED:
		return "The UPS is already COMPLETED";
	case WORKITEM_NOBODY_TO_ASK:
		return "The performer cannot be contacted";
	default:
		return "The submitted request is inconsistent with the current state of the UPS Instance";
	}
}

static bool warn(struct http_request *request, const char *words, struct err *err)
{
	char text[160];
	snprintf(text, sizeof text, "299 yingqiao: \"%s\"", words);
	return http_add_header(request, "Warning", text, err);
}

/* Beside the problem, what PS3.18 says of it. Returns false. */
static bool refuse(struct http_request *request, struct err *err)
{
	struct err ignored = {0};
	bool has_status = err->source == ERR_SOURCE_DIMSE;
	const char *words = warning_of(has_status ? err->code : WORKITEM_SUCCESS);
	if (!has_status && err->kind != ERR_CONFLICT)
		return false;
	if (has_status && err->code == WORKITEM_OTHER_TRANSACTION)
		words =
		    err->kind == ERR_INVALID ? "The Transaction UID is missing" : "The Transaction UID is incorrect";
	if (!warn(request, words, &ignored))
		err_panic("too many headers in one answer");
	return false;
}

static bool reply(struct http_request *request, int status, enum workitem_status warning, struct err *err)
{
	return (warning == WORKITEM_SUCCESS || warn(request, warning_of(warning), err)) &&
	       http_reply_empty(request, status, err);
}

/* ---- datasets ------------------------------------------------------------------------------------------------------------- */

/* The first value of an attribute (PS3.18 section F.2.2); NULL: absent, or without a value. ERR_INVALID: malformed. */
static bool first_value(const json_t *dataset, const char *tag, const json_t **out, struct err *err)
{
	const json_t *attribute = json_object_get(dataset, tag), *values = json_object_get(attribute, "Value");
	*out = NULL;
	if (attribute == NULL)
		return true;
	if (!json_is_object(attribute) || (values != NULL && !json_is_array(values)))
		return err_set(err, ERR_INVALID, "%s is no attribute of the DICOM JSON model", tag);
	*out = json_array_get(values, 0);
	if (json_is_null(*out))
		*out = NULL;
	return true;
}

static bool text_value(const json_t *dataset, const char *tag, const char **out, struct err *err)
{
	const json_t *value;
	*out = NULL;
	if (!first_value(dataset, tag, &value, err))
		return false;
	if (value != NULL && !json_is_string(value))
		return err_set(err, ERR_INVALID, "the value of %s is no text", tag);
	*out = json_string_value(value);
	return true;
}

/* DS is a number or a text (PS3.18 table F.2.3-1). */
static bool number_value(const json_t *dataset, const char *tag, char out[NUMBER_SIZE], const char **found,
                         struct err *err)
{
	const json_t *value;
	*found = NULL;
	if (!first_value(dataset, tag, &value, err))
		return false;
	if (!json_is_number(value))
		return text_value(dataset, tag, found, err);
	if (json_is_integer(value))
		snprintf(out, NUMBER_SIZE, "%lld", (long long)json_integer_value(value));
	else
		snprintf(out, NUMBER_SIZE, "%.2f", json_real_value(value));
	*found = out;
	return true;
}

/* ---- search, retrieve -------------------------------------------------------------------------------------------------------- */

static bool reply_found(struct http_request *request, const struct db_rows *rows, int limit, struct err *err)
{
	int count = db_rows_count(rows), shown = count < limit ? count : limit;
	if (!dicomweb_audit_shown(request, "workitem.list", rows, shown, err) ||
	    !dicomweb_warn_of_more(request, count > shown, err))
		return false;
	if (shown == 0)
		return dicomweb_warn_of_ignored(request, WORKITEM_KEYS, NULL, err) &&
		       http_reply_empty(request, HTTP_NO_CONTENT, err);
	json_t *list = json_array();
	for (int row = 0; row < shown; row++)
		json_array_append_new(list, answer_row(rows, row));
	if (dicomweb_warn_of_ignored(request, WORKITEM_KEYS, list, err))
		return http_reply_json_as(request, 200, "application/dicom+json", list, err);
	json_decref(list);
	return false;
}

static bool find(struct http_request *request, const json_t *filter, const struct dicomweb_window *window,
                 struct db_rows **rows, struct err *err)
{
	struct db *db;
	char *text = json_dumps(filter, JSON_COMPACT);
	if (text == NULL)
		err_panic("could not write JSON");
	bool ok = caller_db(request, &db, err) &&
	          db_exec(db, STMT_WORKITEM_LIST,
	                  DB_PARAMS(db_text(text), db_int(window->limit + 1), db_int(window->offset)), rows, err);
	free(text);
	return ok || dicomweb_search_failed(err);
}

/* A filtered worklist has no names by sound: its keys are compared with every workitem to come. */
static bool read_search(const struct http_request *request, json_t **out, struct err *err)
{
	char term[NAME_KEY_SIZE];
	if (!dicomweb_key_term(request, term, err) || !workitem_filter(request, out, err))
		return false;
	if (term[0] == '\0')
		return true;
	json_object_del(*out, "patient_name");
	if (json_object_set_new(*out, "term", json_string(term)) != 0)
		err_panic("could not write JSON");
	return true;
}

bool handle_workitems(struct http_request *request, void *context, struct err *err)
{
	(void)context;
	struct dicomweb_window window;
	struct db_rows *rows = NULL;
	json_t *filter = NULL;
	bool ok = dicomweb_accept_json(request, err) && dicomweb_check_fields(request, err) &&
	          dicomweb_key_window(request, &window, err) && read_search(request, &filter, err) &&
	          find(request, filter, &window, &rows, err) && reply_found(request, rows, window.limit, err);
	json_decref(filter);
	db_rows_free(rows);
	return ok;
}

bool handle_workitem(struct http_request *request, void *context, struct err *err)
{
	(void)context;
	char base[DICOMWEB_BASE_SIZE];
	const char *uid;
	struct db *db;
	struct db_rows *rows = NULL;
	dicomweb_base(request, base);
	if (!dicomweb_accept_json(request, err) || !input_path_uid(request, "workitem", &uid, err) ||
	    !caller_db(request, &db, err) ||
	    !db_exec_one(db, STMT_WORKITEM_SHOW, DB_PARAMS(db_text(uid), db_text(base)), "the workitem", &rows, err))
		return false;
	bool ok =
	    caller_audit(request, "workitem.view", "study", db_get_text(rows, 0, "study"),
	                 db_get_text(rows, 0, "site_id"), NULL, err) &&
	    http_reply_json_as(request, 200, "application/dicom+json", json_pack("[o]", answer_row(rows, 0)), err);
	db_rows_free(rows);
	return ok;
}

/* ---- change ------------------------------------------------------------------------------------------------------------------- */

bool handle_workitem_create(struct http_request *request, void *context, struct err *err)
{
	(void)request;
	(void)context;
	return err_set(err, ERR_REFUSED,
	               "workitems are not created here: each comes from the reading queue, when its study is complete");
}

bool handle_workitem_state(struct http_request *request, void *context, struct err *err)
{
	struct gateway *gateway = context;
	const char *uid, *state, *transaction;
	enum workitem_status warning;
	json_t *dataset;
	if (!input_path_uid(request, "workitem", &uid, err) || !http_body_dicom_json(request, &dataset, err) ||
	    !text_value(dataset, STATE, &state, err) || !text_value(dataset, TRANSACTION, &transaction, err))
		return false;
	if (!workitem_change_state(gateway->pool, caller_id(request), uid, state, transaction, &warning, err))
		return refuse(request, err);
	return reply(request, 200, warning, err);
}

/* What PS3.4 table CC.2.5-3 lets nobody set, and what the rules and the ledger decide here. */
static bool is_decided_here(const char *tag)
{
	static const char *const tags[] = {"00080016", "00080018", "00100010", "00100020", "00100021",
	                                   "00100030", "00100040", "0020000D", STATE,      "00741200",
	                                   "00741202", "00741204", "00404005", "00404011", "00404018",
	                                   "00404021", "00404034", "00404041", "0040A370"};
	for (size_t i = 0; i < sizeof tags / sizeof tags[0]; i++)
		if (strcmp(tag, tags[i]) == 0)
			return true;
	return false;
}

static bool is_tag(const char *text)
{
	return strlen(text) == 8 && strspn(text, "0123456789ABCDEF") == 8;
}

static bool check_attributes(json_t *dataset, bool *out_is_partial, struct err *err)
{
	const char *tag;
	json_t *ignored;
	*out_is_partial = false;
	if (json_object_size(dataset) > ATTRIBUTES_MAX)
		return err_set(err, ERR_INVALID, "the dataset has more than %d attributes", ATTRIBUTES_MAX);
	json_object_foreach(dataset, tag, ignored)
	{
		if (!is_tag(tag))
			return err_set(err, ERR_INVALID, "the dataset has a member that is no tag of eight digits");
		if (is_decided_here(tag))
			return err_set(err, ERR_INVALID, "%s cannot be changed by a workstation", tag);
		*out_is_partial |= strcmp(tag, PROGRESS) != 0 && strcmp(tag, TRANSACTION) != 0;
	}
	return true;
}

static bool read_progress(const json_t *dataset, struct workitem_progress *out, char number[NUMBER_SIZE],
                          struct err *err)
{
	const json_t *item;
	*out = (struct workitem_progress){NULL, NULL};
	if (!first_value(dataset, PROGRESS, &item, err))
		return false;
	if (item == NULL)
		return true;
	if (!json_is_object(item))
		return err_set(err, ERR_INVALID, "%s is no sequence of items", PROGRESS);
	return number_value(item, PERCENT, number, &out->percent, err) &&
	       text_value(item, DESCRIPTION, &out->text, err);
}

/* As PS3.18 section 11.6.1 has it in the query; older clients have it in the dataset. */
static bool read_transaction(const struct http_request *request, const json_t *dataset, const char **out,
                             struct err *err)
{
	*out = http_query(request, "transaction-uid");
	return *out != NULL || text_value(dataset, TRANSACTION, out, err);
}

bool handle_workitem_update(struct http_request *request, void *context, struct err *err)
{
	struct gateway *gateway = context;
	const char *uid, *transaction;
	char number[NUMBER_SIZE];
	struct workitem_progress progress;
	bool is_partial;
	json_t *dataset;
	if (!input_path_uid(request, "workitem", &uid, err) || !http_body_dicom_json(request, &dataset, err) ||
	    !check_attributes(dataset, &is_partial, err) || !read_progress(dataset, &progress, number, err) ||
	    !read_transaction(request, dataset, &transaction, err))
		return false;
	if (!workitem_update(gateway->pool, caller_id(request), uid, transaction, &progress, err))
		return refuse(request, err);
	return reply(request, 200, is_partial ? WORKITEM_SOME_ATTRIBUTES : WORKITEM_SUCCESS, err);
}

/* The body may be absent (PS3.18 section 11.8.1.3). */
static bool read_reason(struct http_request *request, const char **out, struct err *err)
{
	const void *bytes;
	size_t length;
	json_t *dataset;
	*out = NULL;
	http_body(request, &bytes, &length);
	return length == 0 || (http_body_dicom_json(request, &dataset, err) && text_value(dataset, REASON, out, err));
}

bool handle_workitem_cancel(struct http_request *request, void *context, struct err *err)
{
	struct gateway *gateway = context;
	const char *uid, *reason;
	enum workitem_status warning;
	if (!input_path_uid(request, "workitem", &uid, err) || !read_reason(request, &reason, err))
		return false;
	if (!workitem_ask_cancel(gateway->pool, caller_id(request), uid, reason, &warning, err))
		return refuse(request, err);
	return reply(request, HTTP_ACCEPTED, warning, err);
}
