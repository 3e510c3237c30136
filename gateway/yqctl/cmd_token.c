/* Tokens of workstations. */
#include <stdio.h>
#include <string.h>

#include "gateway/yqctl/handlers.h"
#include "gateway/yqctl/list.h"
#include "gateway/yqctl/operator.h"
#include "lib/domain/workstation.h"

enum { USES_MAX_BYTES = 64 };

static const struct column token_columns[] = {{"account", "ACCOUNT", false},
                                              {"workstation", "WORKSTATION", false},
                                              {"uses", "MAY", false},
                                              {"state", "STATE", false},
                                              {"expires_at", "ENDS", false},
                                              {"last_used_at", "LAST USED", false},
                                              {"last_address", "FROM", false},
                                              {"id", "ID", false},
                                              {0}};

bool run_token_list(struct invocation *in, struct err *err)
{
	return list_run(in, STMT_WORKSTATION_LIST_ALL, DB_PARAMS(db_text(option_value(in, "account"))), token_columns,
	                err);
}

struct token_work {
	const char *account;
	struct workstation_new fresh;
	struct workstation_ended ended;
	struct operator_note note;
	char person[TEXT_UUID_SIZE], id[TEXT_UUID_SIZE], token[WORKSTATION_TOKEN_SIZE];
};

/* The name is an operator's own words: quoted as JSON. */
static bool note_token(struct token_work *work, const char *name, const char *person)
{
	json_t *detail = json_pack("{ss ss}", "workstation", name, "person", person);
	bool fits = json_dumpb(detail, NULL, 0, JSON_COMPACT) < sizeof(work->note.detail);

	if (fits)
		work->note.detail[json_dumpb(detail, work->note.detail, sizeof(work->note.detail) - 1, JSON_COMPACT)] =
		    '\0';
	json_decref(detail);
	snprintf(work->note.subject, sizeof(work->note.subject), "%s", work->id);
	return true;
}

static bool add_token(struct db *db, void *context, struct err *err)
{
	struct token_work *work = context;
	struct db_rows *rows;

	if (!db_exec_one(db, STMT_STAFF_FIND, DB_PARAMS(db_text(work->account)), "the account", &rows, err))
		return false;
	text_copy(work->person, sizeof(work->person), db_get_text(rows, 0, "id"));
	db_rows_free(rows);
	work->fresh.person_id = work->person;
	return workstation_add(db, &work->fresh, work->token, work->id, err) &&
	       note_token(work, work->fresh.name, work->person);
}

/* "read,store" */
static bool read_uses(const char *text, uint32_t *out, struct err *err)
{
	char copy[USES_MAX_BYTES], *state, *word;

	*out = 0;
	if (!text_copy(copy, sizeof(copy), text))
		return err_set(err, ERR_INVALID, "--may wants read, store or worklist");
	for (word = strtok_r(copy, ", ", &state); word; word = strtok_r(NULL, ", ", &state)) {
		if (!workstation_use_bit(word))
			return err_set(err, ERR_INVALID, "--may wants read, store or worklist, not '%s'", word);
		*out |= workstation_use_bit(word);
	}
	return true;
}

static bool print_token(const struct invocation *in, const struct token_work *work, struct err *err)
{
	if (option_given(in, "json"))
		return output_json(json_pack("{ss ss ss ss}", "id", work->id, "account", work->account, "workstation",
		                             work->fresh.name, "token", work->token),
		                   err);
	return printf("token %s of %s for %s\nshown this once: %s\n", work->id, work->account, work->fresh.name,
	              work->token) > 0;
}

bool run_token_add(struct invocation *in, struct err *err)
{
	struct token_work work = {.account = in->arguments[0],
	                          .fresh = {.name = option_value(in, "workstation"),
	                                    .until_day = option_value(in, "until"),
	                                    .made_by = operator_name()},
	                          .note = {.action = "workstation.add", .subject_kind = "workstation_token"}};
	bool ok = read_uses(option_value(in, "may"), &work.fresh.uses, err) &&
	          operator_change(in, &work.note, add_token, &work, err) && print_token(in, &work, err);

	explicit_bzero(work.token, sizeof(work.token));
	return ok;
}

static bool end_token(struct db *db, void *context, struct err *err)
{
	struct token_work *work = context;

	return workstation_end(db, work->id, NULL, operator_name(), &work->ended, err) &&
	       note_token(work, work->ended.name, work->ended.person_id);
}

bool run_token_revoke(struct invocation *in, struct err *err)
{
	struct token_work work = {.note = {.action = "workstation.end", .subject_kind = "workstation_token"}};

	text_copy(work.id, sizeof(work.id), in->arguments[0]);
	return operator_change(in, &work.note, end_token, &work, err) &&
	       printf("token of %s revoked\n", work.ended.name) > 0;
}
