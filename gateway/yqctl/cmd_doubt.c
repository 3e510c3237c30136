/* What is in doubt: conflicts and quarantine, shown, exported, decided, corrected, driven again. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "gateway/yqctl/doubt_file.h"
#include "gateway/yqctl/handlers.h"
#include "gateway/yqctl/list.h"
#include "gateway/yqctl/operator.h"
#include "lib/base/conf.h"
#include "lib/dicom/dicom.h"
#include "lib/domain/conflict.h"
#include "lib/domain/header_json.h"
#include "lib/domain/site.h"
#include "lib/intake/apart.h"
#include "lib/intake/redrive.h"

static const struct column conflict_columns[] = {{"state", "STATE", false},
                                                 {"likeness", "COMPARED", false},
                                                 {"site", "SITE", false},
                                                 {"arrived_at", "ARRIVED", false},
                                                 {"settled_at", "SETTLED", false},
                                                 {"sop_instance_uid", "SOP INSTANCE UID", false},
                                                 {"id", "ID", false},
                                                 {0}};
static const struct column quarantine_columns[] = {
    {"state", "STATE", false},        {"site", "SITE", false},     {"device", "DEVICE", false},
    {"arrived_at", "ARRIVED", false}, {"arrivals", "TIMES", true}, {"code", "WHAT", false},
    {"reason", "REASON", false},      {"id", "ID", false},         {0}};

bool run_conflict_list(struct invocation *in, struct err *err)
{
	return list_run(in, STMT_LIST_CONFLICTS, DB_NO_PARAMS, conflict_columns, err);
}

bool run_quarantine_list(struct invocation *in, struct err *err)
{
	return list_run(in, STMT_LIST_QUARANTINE, DB_NO_PARAMS, quarantine_columns, err);
}

/* ---- common ----------------------------------------------------------------------------------------------------------- */

static bool take_id(struct invocation *in, const char *what, const char **out, struct err *err)
{
	*out = in->arguments[0];
	return text_is_uuid(*out) ||
	       err_set(err, ERR_INVALID, "'%.60s' is no id; `yqctl %s list` shows them", *out, what);
}

/* The row of one as JSON; a new object. */
static bool show_row(struct invocation *in, enum db_statement statement, const char *id, const char *what, json_t **out,
                     struct err *err)
{
	struct db_rows *rows;

	if (!db_exec_one(in->db, statement, DB_PARAMS(db_text(id)), what, &rows, err))
		return false;
	*out = json_loads(db_get_text(rows, 0, "json"), 0, NULL);
	db_rows_free(rows);
	return *out || err_set(err, ERR_CORRUPT, "cannot show %s: the ledger gave no JSON", what);
}

static bool note_look(struct invocation *in, const char *action, const char *kind, const char *id, const json_t *shown,
                      struct err *err)
{
	struct operator_note note = {.subject_kind = kind, .action = action};
	const char *site = json_string_value(json_object_get(json_object_get(shown, "site"), "id"));

	(void)text_copy(note.subject, sizeof note.subject, id);
	(void)text_copy(note.site, sizeof note.site, site ? site : "");
	return operator_change(in, &note, doubt_no_work, NULL, err);
}

/* ---- conflicts -------------------------------------------------------------------------------------------------------- */

static bool open_conflict(struct invocation *in, const char *id, const char *which, int *out_fd, struct err *err)
{
	struct db_rows *rows;
	bool ok = false;

	if (!db_exec_one(in->db, STMT_CONFLICT_OBJECTS, DB_PARAMS(db_text(id)), "the conflict", &rows, err))
		return false;
	(void)err_set(err, ERR_INVALID, "'%.20s' is neither stored nor other", which);
	for (int i = 0; i < db_rows_count(rows); i++)
		if (strcmp(db_get_text(rows, i, "which"), which) == 0)
			ok = doubt_open_stored(db_get_text(rows, i, "object_key"), out_fd, err);
	db_rows_free(rows);
	return ok;
}

static bool add_differences(struct invocation *in, const char *id, json_t *shown, struct err *err)
{
	json_t *differences;
	int fd, other;

	if (!dicom_init(err) || !open_conflict(in, id, "stored", &fd, err))
		return false;
	if (!open_conflict(in, id, "other", &other, err)) {
		close(fd);
		return false;
	}
	differences = header_differences_json(fd, other);
	json_object_update(shown, differences);
	json_decref(differences);
	close(other);
	close(fd);
	return true;
}

bool run_conflict_show(struct invocation *in, struct err *err)
{
	const char *id;
	json_t *shown;

	if (!take_id(in, "conflict", &id, err) || !show_row(in, STMT_CONFLICT_SHOW, id, "the conflict", &shown, err))
		return false;
	if (!add_differences(in, id, shown, err) || !note_look(in, "conflict.view", "conflict", id, shown, err)) {
		json_decref(shown);
		return false;
	}
	return output_object(option_given(in, "json"), shown, err);
}

bool run_conflict_export(struct invocation *in, struct err *err)
{
	const char *id, *which = option_value(in, "object") ? option_value(in, "object") : "other";
	json_t *shown;
	bool ok;
	int fd;

	if (!take_id(in, "conflict", &id, err) || !show_row(in, STMT_CONFLICT_SHOW, id, "the conflict", &shown, err))
		return false;
	ok = open_conflict(in, id, which, &fd, err);
	if (ok) {
		ok = note_look(in, "conflict.export", "conflict", id, shown, err) &&
		     doubt_write_file(fd, option_value(in, "to"), err);
		close(fd);
	}
	json_decref(shown);
	return ok;
}

static bool decide(struct invocation *in, const char *decision, struct err *err)
{
	enum conflict_event event = (enum conflict_event)machine_event_find(conflict_machine(), decision);
	const char *id, *reason = option_value(in, "reason");
	enum conflict_state state = CONFLICT_SEPARATE;
	struct store *store;
	bool ok;

	if (!take_id(in, "conflict", &id, err) || !store_open(conf_text(CONF_STORE), &store, err))
		return false;
	ok = event == CONFLICT_EVENT_SEPARATE ? redrive_separate(in->pool, store, NULL, id, reason, err)
	                                      : conflict_decide(in->pool, store, NULL, id, event, reason, &state, err);
	store_close(store);
	return ok && printf("conflict %s: %s\n", conflict_state_name(state), id) > 0;
}

bool run_conflict_settle(struct invocation *in, struct err *err)
{
	const char *decision = option_value(in, "decision");

	if (strcmp(decision, "keep") != 0 && strcmp(decision, "replace") != 0 && strcmp(decision, "separate") != 0)
		return err_set(err, ERR_INVALID, "'%.40s' is none of keep, replace, separate", decision);
	return decide(in, decision, err);
}

bool run_conflict_undo(struct invocation *in, struct err *err)
{
	return decide(in, "undo", err);
}

/* ---- quarantine ------------------------------------------------------------------------------------------------------- */

static bool open_apart(struct invocation *in, const char *id, int *out_fd, struct err *err)
{
	struct db_rows *rows;
	uint64_t size;
	bool ok;

	if (!db_exec_one(in->db, STMT_QUARANTINE_OBJECT, DB_PARAMS(db_text(id)), "the object", &rows, err))
		return false;
	ok = apart_open(db_get_text(rows, 0, "object_key"), out_fd, &size, err) ||
	     (err->kind == ERR_NOT_FOUND && strcmp(db_get_text(rows, 0, "state"), "indexed") == 0 &&
	      doubt_open_stored(db_get_text(rows, 0, "object_key"), out_fd, err));
	db_rows_free(rows);
	return ok;
}

bool run_quarantine_show(struct invocation *in, struct err *err)
{
	const char *id;
	json_t *shown, *header;
	int fd;

	if (!take_id(in, "quarantine", &id, err) || !dicom_init(err) ||
	    !show_row(in, STMT_QUARANTINE_SHOW, id, "the object", &shown, err))
		return false;
	if (open_apart(in, id, &fd, err)) {
		header = header_json(fd);
		close(fd);
		json_object_update(shown, header);
		json_decref(header);
	} else {
		json_object_set_new(shown, "unreadable", json_string(err->text));
	}
	if (!note_look(in, "quarantine.view", "quarantine", id, shown, err)) {
		json_decref(shown);
		return false;
	}
	return output_object(option_given(in, "json"), shown, err);
}

bool run_quarantine_export(struct invocation *in, struct err *err)
{
	const char *id;
	json_t *shown;
	bool ok;
	int fd;

	if (!take_id(in, "quarantine", &id, err) || !show_row(in, STMT_QUARANTINE_SHOW, id, "the object", &shown, err))
		return false;
	ok = open_apart(in, id, &fd, err);
	if (ok) {
		ok = note_look(in, "quarantine.export", "quarantine", id, shown, err) &&
		     doubt_write_file(fd, option_value(in, "to"), err);
		close(fd);
	}
	json_decref(shown);
	return ok;
}

static const struct {
	const char *option, *field;
	bool is_new_uid; /* of --new-uids, where nothing else is said */
} correctables[] = {
    {"study-uid", "study_instance_uid", true},       {"series-uid", "series_instance_uid", true},
    {"sop-uid", "sop_instance_uid", false},          {"sop-class", "sop_class_uid", false},
    {"patient-name", "patient_name", false},         {"patient-id", "patient_id", false},
    {"patient-sex", "patient_sex", false},           {"patient-birth", "patient_birth_date", false},
    {"accession-number", "accession_number", false},
};

/* Over what was corrected before. */
static bool collect(struct invocation *in, json_t *fields, struct err *err)
{
	struct site site;
	char uid[TEXT_UID_SIZE];

	for (size_t i = 0; i < sizeof correctables / sizeof correctables[0]; i++) {
		const char *value = option_value(in, correctables[i].option);

		if (!value && correctables[i].is_new_uid && option_given(in, "new-uids")) {
			text_uid_new(uid);
			value = uid;
		}
		if (value)
			json_object_set_new(fields, correctables[i].field, json_string(value));
	}
	if (!option_given(in, "site"))
		return true;
	if (!site_find(in->db, option_value(in, "site"), &site, err))
		return false;
	json_object_set_new(fields, "site", json_string(site.public_id));
	return true;
}

bool run_quarantine_correct(struct invocation *in, struct err *err)
{
	const char *id;
	int revision;
	json_t *shown, *fields;
	bool ok;

	if (!take_id(in, "quarantine", &id, err) || !show_row(in, STMT_QUARANTINE_SHOW, id, "the object", &shown, err))
		return false;
	fields = json_object_get(shown, "corrections");
	revision = (int)json_integer_value(json_object_get(shown, "revision"));
	ok = collect(in, fields, err) &&
	     quarantine_correct(in->pool, NULL, id, revision, fields, option_value(in, "reason"), &revision, err);
	json_decref(shown);
	return ok && printf("object corrected: %s\n", id) > 0;
}

struct retry {
	struct invocation *in;
	struct store *store;
	json_t *results; /* with --json */
	int count, failed;
};

/* One that cannot be driven does not hold up the others. */
static bool retry_one(struct retry *retry, const char *id)
{
	struct redrive_result result;
	json_t *json;
	struct err err;

	retry->count++;
	if (redrive_quarantined(retry->in->pool, retry->store, NULL, id, &result, &err))
		json = redrive_json(&result);
	else
		json = json_pack("{s:s, s:s, s:n}", "outcome", "refused", "reason", err.text, "study_id");
	json_object_set_new(json, "id", json_string(id));
	if (strcmp(json_string_value(json_object_get(json, "outcome")), "failed") == 0 ||
	    strcmp(json_string_value(json_object_get(json, "outcome")), "refused") == 0)
		retry->failed++;
	if (retry->results)
		return json_array_append_new(retry->results, json) == 0;
	printf("%s  %-9s  %s\n", id, json_string_value(json_object_get(json, "outcome")),
	       json_is_string(json_object_get(json, "reason")) ? json_string_value(json_object_get(json, "reason"))
	                                                       : "");
	json_decref(json);
	return true;
}

static bool retry_some(struct retry *retry, struct err *err)
{
	struct db_rows *rows;

	for (int i = 0; i < retry->in->argument_count; i++)
		(void)retry_one(retry, retry->in->arguments[i]);
	if (!option_given(retry->in, "all"))
		return true;
	if (!db_exec(retry->in->db, STMT_QUARANTINE_OPEN_IDS, DB_NO_PARAMS, &rows, err))
		return false;
	for (int i = 0; i < db_rows_count(rows); i++)
		(void)retry_one(retry, db_get_text(rows, i, "id"));
	db_rows_free(rows);
	return true;
}

bool run_quarantine_retry(struct invocation *in, struct err *err)
{
	struct retry retry = {.in = in, .results = option_given(in, "json") ? json_array() : NULL};
	bool ok;

	for (int i = 0; i < in->argument_count; i++)
		if (!text_is_uuid(in->arguments[i]))
			return err_set(err, ERR_INVALID, "'%.60s' is no id; `yqctl quarantine list` shows them",
			               in->arguments[i]);
	if ((in->argument_count > 0) == option_given(in, "all"))
		return err_set(err, ERR_INVALID, "give ids, or --all");
	if (!dicom_init(err) || !store_open(conf_text(CONF_STORE), &retry.store, err))
		return false;
	ok = retry_some(&retry, err);
	store_close(retry.store);
	if (retry.results && !output_json(retry.results, err))
		return false;
	return ok && (retry.failed == 0 ||
	              err_set(err, ERR_CONFLICT, "%d of %d could not be indexed", retry.failed, retry.count));
}

static bool close_one(struct invocation *in, bool is_closed, struct err *err)
{
	const char *id;

	return take_id(in, "quarantine", &id, err) &&
	       quarantine_close(in->pool, NULL, id, is_closed, option_value(in, "reason"), err) &&
	       printf("object %s: %s\n", is_closed ? "closed" : "open again", id) > 0;
}

bool run_quarantine_close(struct invocation *in, struct err *err)
{
	return close_one(in, true, err);
}

bool run_quarantine_reopen(struct invocation *in, struct err *err)
{
	return close_one(in, false, err);
}
