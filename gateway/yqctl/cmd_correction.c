/* Corrections by the operator of the machine: by the same door as a radiographer's, under the login at this terminal. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "gateway/yqctl/handlers.h"
#include "gateway/yqctl/list.h"
#include "gateway/yqctl/operator.h"
#include "gateway/yqctl/study_find.h"
#include "lib/domain/correction.h"
#include "lib/domain/row_json.h"

static const struct column correction_columns[] = {
    {"made_at", "MADE", false}, {"site", "SITE", false},     {"kind", "KIND", false}, {"is_undo", "UNDO", false},
    {"made_by", "BY", false},   {"reason", "REASON", false}, {"id", "ID", false},     {0}};
static const struct column identity_columns[] = {{"site", "SITE", false},
                                                 {"reason", "WHY", false},
                                                 {"name", "NAME", false},
                                                 {"patient_id", "PATIENT ID", false},
                                                 {"other_name", "OTHER NAME", false},
                                                 {"other_patient_id", "OTHER ID", false},
                                                 {"contradictions", "CONTRADICT IN", false},
                                                 {"outcome", "OUTCOME", false},
                                                 {"id", "ID", false},
                                                 {0}};

static struct correction_maker maker(void)
{
	return (struct correction_maker){.operator_name = operator_name()};
}

/* ---- what the options say ---------------------------------------------------------------------------------------------- */

static void put_text(json_t *to, const char *name, const char *text)
{
	if (text)
		json_object_set_new(to, name, json_string(text));
}

/* A list with commas between its members; no member where the option is not given. */
static void put_list(json_t *to, const char *name, const char *text)
{
	json_t *list;
	char *copy, *rest, *one;

	if (!text)
		return;
	list = json_array();
	rest = copy = strdup(text);
	if (!copy)
		err_panic("out of memory");
	while ((one = strsep(&rest, ",")))
		if (*one)
			json_array_append_new(list, json_string(one));
	free(copy);
	json_object_set_new(to, name, list);
}

static void put_patient(struct invocation *in, bool is_needed, json_t *to)
{
	static const char *const names[][2] = {
	    {"name", "name"},         {"sex", "sex"},     {"birth_date", "birth-date"}, {"patient_id", "patient-id"},
	    {"document", "document"}, {"age_text", "age"}};
	json_t *patient = json_object();

	for (size_t i = 0; i < sizeof names / sizeof names[0]; i++)
		put_text(patient, names[i][0], option_value(in, names[i][1]));
	if (is_needed || json_object_size(patient))
		json_object_set(to, "patient", patient);
	json_decref(patient);
}

static json_t *form_of(struct invocation *in, const char *kind)
{
	json_t *what = json_object();

	put_text(what, "kind", kind);
	put_text(what, "reason", option_value(in, "reason"));
	return what;
}

/* ---- preview and deed ---------------------------------------------------------------------------------------------------- */

/* Takes result. What was refused for more than a line can say is shown, and is an error. */
static bool show(struct invocation *in, json_t *result, struct err *err)
{
	const char *why = correction_refusal(result);

	if (!output_object(option_given(in, "json"), result, err))
		return false;
	return !why || err_set(err, ERR_CONFLICT, "%s", why);
}

/* Takes what. Over the preview of just now: who is at the terminal has seen it by --dry-run, or trusts it. */
static bool run_correction(struct invocation *in, json_t *what, struct err *err)
{
	struct correction_maker me = maker();
	char study[TEXT_UUID_SIZE];
	json_t *preview = NULL, *result = NULL;
	bool ok;

	ok = study_find(in, in->arguments[0], study, err) &&
	     correction_preview(in->pool, &me, study, what, &preview, err);
	if (ok && !option_given(in, "dry-run")) {
		json_object_set(what, "revision", json_object_get(preview, "revision"));
		json_decref(preview);
		preview = NULL;
		ok = correction_apply(in->pool, &me, study, what, &result, err);
	}
	json_decref(what);
	return ok && show(in, result ? result : preview, err);
}

bool run_study_edit(struct invocation *in, struct err *err)
{
	json_t *what = form_of(in, "edit_patient");

	put_patient(in, true, what);
	return run_correction(in, what, err);
}

bool run_study_split(struct invocation *in, struct err *err)
{
	json_t *what = form_of(in, "split");

	put_list(what, "series", option_value(in, "series"));
	put_list(what, "instances", option_value(in, "instances"));
	put_text(what, "request_id", option_value(in, "request"));
	put_text(what, "claim_id", option_value(in, "claim"));
	put_patient(in, false, what);
	return run_correction(in, what, err);
}

static bool run_to_target(struct invocation *in, json_t *what, const char *option, struct err *err)
{
	char target[TEXT_UUID_SIZE];

	put_list(what, "confirmed", option_value(in, "confirm"));
	if (study_find(in, option_value(in, option), target, err)) {
		put_text(what, "target_study_id", target);
		return run_correction(in, what, err);
	}
	json_decref(what);
	return false;
}

bool run_study_merge(struct invocation *in, struct err *err)
{
	return run_to_target(in, form_of(in, "merge"), "into", err);
}

bool run_study_move(struct invocation *in, struct err *err)
{
	json_t *what = form_of(in, "move_images");

	put_list(what, "series", option_value(in, "series"));
	put_list(what, "instances", option_value(in, "instances"));
	return run_to_target(in, what, "to", err);
}

/* ---- history ------------------------------------------------------------------------------------------------------------- */

bool run_correction_list(struct invocation *in, struct err *err)
{
	char study[TEXT_UUID_SIZE];

	if (option_given(in, "study") && !study_find(in, option_value(in, "study"), study, err))
		return false;
	return list_run(in, STMT_CORRECTION_ROWS, DB_PARAMS(option_given(in, "study") ? db_text(study) : db_null()),
	                correction_columns, err);
}

static bool check_id(const struct invocation *in, const char *what, struct err *err)
{
	return text_is_uuid(in->arguments[0]) ||
	       err_set(err, ERR_INVALID, "'%.70s' is no id of a %s", in->arguments[0], what);
}

bool run_correction_show(struct invocation *in, struct err *err)
{
	struct db_rows *rows;
	json_t *fact;

	if (!check_id(in, "correction", err) ||
	    !db_exec_one(in->db, STMT_CORRECTION_SHOW, DB_PARAMS(db_text(in->arguments[0])), "the correction", &rows,
	                 err))
		return false;
	fact = json_loads(db_get_text(rows, 0, "json"), 0, NULL);
	db_rows_free(rows);
	return output_object(option_given(in, "json"), fact, err);
}

bool run_correction_undo(struct invocation *in, struct err *err)
{
	struct correction_maker me = maker();
	const char *id = in->arguments[0];
	json_t *preview = NULL, *result = NULL;

	if (!check_id(in, "correction", err) || !correction_undo_preview(in->pool, &me, id, &preview, err))
		return false;
	if (option_given(in, "dry-run") || correction_refusal(preview))
		return show(in, preview, err);
	bool ok = correction_undo(in->pool, &me, id, option_value(in, "reason"),
	                          json_string_value(json_object_get(preview, "revision")), &result, err);
	json_decref(preview);
	return ok && show(in, result, err);
}

/* ---- who is who ---------------------------------------------------------------------------------------------------------- */

bool run_identity_list(struct invocation *in, struct err *err)
{
	bool open = option_given(in, "open"), settled = option_given(in, "settled");

	return list_run(in, STMT_IDENTITY_ROWS, DB_PARAMS(open == settled ? db_null() : db_bool(open)),
	                identity_columns, err);
}

static bool show_settled(json_t *result, const char *done, struct err *err)
{
	const char *why = correction_refusal(result);
	char *more = why ? json_dumps(result, JSON_COMPACT) : NULL;
	bool ok =
	    why ? err_set(err, ERR_CONFLICT, "%s: %.300s", why, more ? more : "") : printf("identity %s\n", done) > 0;

	free(more);
	json_decref(result);
	return ok;
}

bool run_identity_settle(struct invocation *in, struct err *err)
{
	struct correction_maker me = maker();
	json_t *form = json_object(), *result = NULL;
	bool ok;

	put_list(form, "confirmed", option_value(in, "confirm"));
	ok = check_id(in, "review", err) &&
	     correction_identity_settle(in->pool, &me, in->arguments[0], option_value(in, "outcome"),
	                                option_value(in, "reason"), json_object_get(form, "confirmed"), &result, err);
	json_decref(form);
	return ok && show_settled(result, "settled", err);
}

bool run_identity_undo(struct invocation *in, struct err *err)
{
	struct correction_maker me = maker();
	json_t *result = NULL;

	return check_id(in, "review", err) &&
	       correction_identity_undo(in->pool, &me, in->arguments[0], option_value(in, "reason"), &result, err) &&
	       show_settled(result, "open again", err);
}
