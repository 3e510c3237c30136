/* Studies, instances, tasks, deliveries. */
#include <stdio.h>
#include <string.h>

#include "gateway/yqctl/handlers.h"
#include "gateway/yqctl/list.h"
#include "gateway/yqctl/operator.h"
#include "gateway/yqctl/study_find.h"
#include "lib/base/conf.h"
#include "lib/domain/machines.h"
#include "lib/domain/name_key.h"
#include "lib/domain/row_json.h"
#include "lib/domain/site.h"
#include "lib/domain/study.h"

static const struct column study_columns[] = {{"site", "SITE", false},
                                              {"patient_name", "PATIENT", false},
                                              {"modality", "MODALITY", false},
                                              {"state", "STATE", false},
                                              {"task_state", "READING", false},
                                              {"instances", "IMAGES", true},
                                              {"bytes", "BYTES", true},
                                              {"last_arrival_at", "LAST ARRIVAL", false},
                                              {"study_instance_uid", "STUDY INSTANCE UID", false},
                                              {0}};
static const struct column instance_columns[] = {{"modality", "MODALITY", false},
                                                 {"number", "NO", true},
                                                 {"size_bytes", "BYTES", true},
                                                 {"origin", "ORIGIN", false},
                                                 {"sop_instance_uid", "SOP INSTANCE UID", false},
                                                 {"transfer_syntax_uid", "TRANSFER SYNTAX", false},
                                                 {0}};
static const struct column task_columns[] = {{"state", "STATE", false},
                                             {"site", "SITE", false},
                                             {"modality", "MODALITY", false},
                                             {"patient_class", "CLASS", false},
                                             {"queue", "QUEUE", false},
                                             {"holder", "HOLDER", false},
                                             {"opened_at", "OPENED", false},
                                             {"due_at", "DUE", false},
                                             {"id", "ID", false},
                                             {0}};

/* --state has to be one that the machine knows. */
static bool check_state(struct invocation *in, const struct machine *machine, const char **out, struct err *err)
{
	*out = option_value(in, "state");
	if (!*out || machine_state_find(machine, *out) > 0)
		return true;
	return err_set(err, ERR_INVALID, "there is no state '%.40s' of a %s", *out, machine->name);
}

bool run_study_list(struct invocation *in, struct err *err)
{
	struct db_param site_param = db_null();
	char term[NAME_KEY_SIZE];
	struct site site;
	const char *state, *patient = option_value(in, "patient");

	if (!check_state(in, study_machine(), &state, err))
		return false;
	if (option_given(in, "site")) {
		if (!site_find(in->db, option_value(in, "site"), &site, err))
			return false;
		site_param = db_int(site.site_id);
	}
	return list_run(in, STMT_LIST_STUDIES,
	                DB_PARAMS(site_param, db_text(state),
	                          db_text(patient && name_key_term(patient, term) ? term : NULL), db_text(patient)),
	                study_columns, err);
}

bool study_find(struct invocation *in, const char *text, char out_id[TEXT_UUID_SIZE], struct err *err)
{
	struct db_rows *rows;
	int count;

	if (!text_is_uid(text) && !text_is_uuid(text))
		return err_set(err, ERR_INVALID, "'%.70s' is neither a Study Instance UID nor the id of a study", text);
	if (!db_exec(in->db, STMT_LIST_STUDY_FIND, DB_PARAMS(db_text(text)), &rows, err))
		return false;
	count = db_rows_count(rows);
	if (count == 1)
		text_copy(out_id, TEXT_UUID_SIZE, db_get_text(rows, 0, "id"));
	else if (count > 1)
		err_set(err, ERR_INVALID, "%d studies have this UID; give an id: %s of %.60s, %s of %.60s ...", count,
		        db_get_text(rows, 0, "id"), db_get_text(rows, 0, "site"), db_get_text(rows, 1, "id"),
		        db_get_text(rows, 1, "site"));
	else
		err_set(err, ERR_NOT_FOUND, "there is no study %s; `yqctl study list` shows all", text);
	db_rows_free(rows);
	return count == 1;
}

bool run_study_show(struct invocation *in, struct err *err)
{
	char id[TEXT_UUID_SIZE];
	struct db_rows *rows;
	json_t *study;

	if (!study_find(in, in->arguments[0], id, err) ||
	    !db_exec_one(in->db, STMT_LIST_STUDY_SHOW, DB_PARAMS(db_text(id)), "the study", &rows, err))
		return false;
	study = row_json(rows, 0);
	db_rows_free(rows);
	return output_object(option_given(in, "json"), study, err);
}

bool run_study_submit(struct invocation *in, struct err *err)
{
	char id[TEXT_UUID_SIZE];

	if (!study_find(in, in->arguments[0], id, err) ||
	    !study_submit(in->pool, NULL, id, option_value(in, "class"), err))
		return false;
	printf("study submitted: %s\n", id);
	return true;
}

bool run_study_complete(struct invocation *in, struct err *err)
{
	char id[TEXT_UUID_SIZE];

	if (!study_find(in, in->arguments[0], id, err) ||
	    !study_complete_by_hand(in->pool, NULL, id, option_value(in, "reason"), err))
		return false;
	printf("study declared complete: %s\n", id);
	return true;
}

bool run_instance_list(struct invocation *in, struct err *err)
{
	const char *study = option_value(in, "study");

	if (study && !text_is_uid(study) && !text_is_uuid(study))
		return err_set(err, ERR_INVALID, "'%.70s' is neither a Study Instance UID nor the id of a study",
		               study);
	return list_run(in, STMT_LIST_INSTANCES, DB_PARAMS(db_text(study)), instance_columns, err);
}

bool run_task_list(struct invocation *in, struct err *err)
{
	const char *state;

	return check_state(in, task_machine(), &state, err) &&
	       list_run(in, STMT_LIST_TASKS, DB_PARAMS(db_text(state)), task_columns, err);
}
