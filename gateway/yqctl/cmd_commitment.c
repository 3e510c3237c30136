/* What machines say of their studies: storage commitments, performed procedure steps. */
#include <stdio.h>

#include "gateway/yqctl/handlers.h"
#include "gateway/yqctl/list.h"
#include "gateway/yqctl/operator.h"
#include "lib/domain/commitment.h"
#include "lib/domain/find_one.h"
#include "lib/domain/machines.h"
#include "lib/domain/row_json.h"

static const struct column commitment_columns[] = {{"state", "STATE", false},
                                                   {"site", "SITE", false},
                                                   {"device", "DEVICE", false},
                                                   {"held", "HELD", true},
                                                   {"instances", "OF", true},
                                                   {"requested_at", "REQUESTED", false},
                                                   {"tries", "TRIES", true},
                                                   {"next_try_at", "NEXT TRY", false},
                                                   {"last_error", "LAST ERROR", false},
                                                   {"id", "ID", false},
                                                   {0}};
static const struct column mpps_columns[] = {{"state", "STATE", false},
                                             {"site", "SITE", false},
                                             {"device", "DEVICE", false},
                                             {"modality", "MODALITY", false},
                                             {"accession_number", "ACCESSION", false},
                                             {"here", "HERE", true},
                                             {"named", "OF", true},
                                             {"created_at", "BEGUN", false},
                                             {"ended_at", "ENDED", false},
                                             {"study_instance_uid", "STUDY INSTANCE UID", false},
                                             {0}};

static bool list_states(struct invocation *in, const struct machine *machine, enum db_statement statement,
                        const struct column *columns, struct err *err)
{
	const char *state = option_value(in, "state");

	if (state && machine_state_find(machine, state) <= 0)
		return err_set(err, ERR_INVALID, "there is no state '%.40s' of a %s", state, machine->name);
	return list_run(in, statement, DB_PARAMS(db_text(state)), columns, err);
}

bool run_commitment_list(struct invocation *in, struct err *err)
{
	return list_states(in, commitment_machine(), STMT_COMMITMENT_LIST, commitment_columns, err);
}

bool run_mpps_list(struct invocation *in, struct err *err)
{
	return list_states(in, mpps_machine(), STMT_MPPS_LIST, mpps_columns, err);
}

bool run_commitment_show(struct invocation *in, struct err *err)
{
	char id[TEXT_UUID_SIZE];
	struct db_rows *rows;
	json_t *commitment;

	if (!find_one(in->db, STMT_COMMITMENT_FIND, "commitment", in->arguments[0], id, err) ||
	    !db_exec_one(in->db, STMT_COMMITMENT_SHOW, DB_PARAMS(db_text(id)), "the commitment", &rows, err))
		return false;
	commitment = row_json(rows, 0);
	db_rows_free(rows);
	return output_object(option_given(in, "json"), commitment, err);
}

/* ---- changes ---------------------------------------------------------------------------------------------------------- */

struct act {
	const char *argument, *host;
	int port;
	bool is_tls;
	struct operator_note note;
	char id[TEXT_UUID_SIZE], site[TEXT_UUID_SIZE];
};

static void note_it(struct act *act)
{
	snprintf(act->note.subject, sizeof(act->note.subject), "%s", act->id);
	snprintf(act->note.site, sizeof(act->note.site), "%s", act->site);
}

static bool requeue(struct db *db, void *context, struct err *err)
{
	struct act *act = context;

	if (!commitment_requeue(db, act->argument, act->id, act->site, err))
		return false;
	note_it(act);
	return true;
}

bool run_commitment_requeue(struct invocation *in, struct err *err)
{
	struct act act = {.argument = in->arguments[0],
	                  .note = {.action = "commitment.requeue", .subject_kind = "commitment"}};

	if (!operator_change(in, &act.note, requeue, &act, err))
		return false;
	printf("commitment to be reported: %s\n", act.id);
	return true;
}

static bool set_address(struct db *db, void *context, struct err *err)
{
	struct act *act = context;

	if (!commitment_set_address(db, act->argument, act->host, act->port, act->is_tls, act->id, act->site, err))
		return false;
	note_it(act);
	return true;
}

bool run_device_commitment(struct invocation *in, struct err *err)
{
	struct act act = {.argument = in->arguments[0],
	                  .host = option_value(in, "host"),
	                  .is_tls = option_given(in, "tls"),
	                  .note = {.action = "device.commitment", .subject_kind = "device"}};
	long port;

	if (!option_number(in, "port", 1, 65535, 0, &port, err))
		return false;
	act.port = (int)port;
	if (!operator_change(in, &act.note, set_address, &act, err))
		return false;
	printf("device set: %s\n", act.id);
	return true;
}
