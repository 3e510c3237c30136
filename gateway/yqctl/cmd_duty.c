/* Beside the rules: queues, hospitals from outside, cooperation agreements, the duty table, the calendar, AI nodes. */
#include <stdio.h>
#include <string.h>

#include "gateway/yqctl/handlers.h"
#include "gateway/yqctl/list.h"
#include "gateway/yqctl/operator.h"
#include "lib/domain/duty.h"
#include "lib/domain/find_one.h"
#include "lib/domain/rule_form.h"
#include "lib/domain/site.h"

enum { NAME_MAX_CHARACTERS = 100 };

static const struct column queue_columns[] = {{"name", "QUEUE", false},
                                              {"hospital", "HOSPITAL", false},
                                              {"hospital_code", "CODE", false},
                                              {"policy", "POLICY", false},
                                              {"awaiting", "AWAITING", true},
                                              {"id", "ID", false},
                                              {0}};
static const struct column agreement_columns[] = {{"hospital", "HOSPITAL", false},
                                                  {"scope", "READS FOR", false},
                                                  {"state", "STATE", false},
                                                  {"from_day", "FROM", false},
                                                  {"until_day", "UNTIL", false},
                                                  {"note", "NOTE", false},
                                                  {"id", "ID", false},
                                                  {0}};
static const struct column duty_columns[] = {{"queue", "QUEUE", false},
                                             {"by_queue", "COVERED BY", false},
                                             {"weekdays", "WEEKDAYS", false},
                                             {"day_kind", "DAYS", false},
                                             {"hours", "HOURS", false},
                                             {"from_day", "FROM", false},
                                             {"until_day", "UNTIL", false},
                                             {"note", "NOTE", false},
                                             {"id", "ID", false},
                                             {0}};
static const struct column calendar_columns[] = {
    {"day", "DAY", false}, {"is_working", "WORKED", false}, {"name", "NAME", false}, {0}};

bool run_queue_list(struct invocation *in, struct err *err)
{
	return list_run(in, STMT_QUEUE_LIST, DB_NO_PARAMS, queue_columns, err);
}

bool run_agreement_list(struct invocation *in, struct err *err)
{
	return list_run(in, STMT_AGREEMENT_LIST, DB_NO_PARAMS, agreement_columns, err);
}

bool run_duty_list(struct invocation *in, struct err *err)
{
	return list_run(in, STMT_DUTY_LIST, DB_NO_PARAMS, duty_columns, err);
}

bool run_calendar_list(struct invocation *in, struct err *err)
{
	return list_run(in, STMT_CALENDAR_LIST, DB_NO_PARAMS, calendar_columns, err);
}

/* A change whose row has an id: what is asked for, and what came of it. */
struct making {
	struct invocation *in;
	struct operator_note note;
	struct site site;
	struct scope scope;
	char id[TEXT_UUID_SIZE], other_id[TEXT_UUID_SIZE];
};

static bool make(struct invocation *in, struct making *making, const char *action, const char *kind, db_work *work,
                 struct err *err)
{
	making->in = in;
	making->note.action = action;
	making->note.subject_kind = kind;
	return operator_change(in, &making->note, work, making, err);
}

static bool note_id(struct making *making)
{
	snprintf(making->note.subject, sizeof(making->note.subject), "%s", making->id);
	return true;
}

/* The id of the one row that came back. */
static bool take_id(struct making *making, struct db *db, enum db_statement statement, const struct db_param *params,
                    size_t count, const char *what, struct err *err)
{
	struct db_rows *rows;

	if (!db_exec_one(db, statement, params, count, what, &rows, err))
		return false;
	text_copy(making->id, sizeof(making->id), db_get_text(rows, 0, "id"));
	db_rows_free(rows);
	return note_id(making);
}

/* ---- sites and queues --------------------------------------------------------------------------------------------------- */

static bool add_site(struct db *db, void *context, struct err *err)
{
	struct making *making = context;

	return take_id(making, db, STMT_SITE_ADD,
	               DB_PARAMS(db_text(making->in->arguments[0]), db_text(option_value(making->in, "code"))),
	               "the site", err);
}

bool run_site_add(struct invocation *in, struct err *err)
{
	struct making making = {0};

	if (!rule_form_text(in->arguments[0], "name", NAME_MAX_CHARACTERS, err))
		return false;
	if (!site_code_is_valid(option_value(in, "code")))
		return err_set(err, ERR_INVALID, "a code is 1 to 32 of A-Z a-z 0-9 . _ -");
	if (!make(in, &making, "site.add", "site", add_site, err))
		return err->kind == ERR_CONFLICT
		           ? err_set(err, ERR_CONFLICT, "there is a site with this code; `yqctl site list` shows all")
		           : false;
	printf("site added: %s\n", making.id);
	return true;
}

static bool add_queue(struct db *db, void *context, struct err *err)
{
	struct making *making = context;
	const char *policy = option_value(making->in, "policy");

	return take_id(making, db, STMT_QUEUE_ADD,
	               DB_PARAMS(db_text(making->site.public_id), db_text(making->in->arguments[0]),
	                         db_text(policy ? policy : "two_signatures")),
	               "the signing policy", err);
}

bool run_queue_add(struct invocation *in, struct err *err)
{
	struct making making = {0};

	if (!rule_form_text(in->arguments[0], "name", NAME_MAX_CHARACTERS, err) ||
	    !site_find(in->db, option_value(in, "hospital"), &making.site, err))
		return false;
	snprintf(making.note.site, sizeof(making.note.site), "%s", making.site.public_id);
	if (!make(in, &making, "queue.add", "queue", add_queue, err))
		return false;
	printf("queue added: %s\n", making.id);
	return true;
}

/* ---- agreements ------------------------------------------------------------------------------------------------------------ */

static bool add_agreement(struct db *db, void *context, struct err *err)
{
	struct making *making = context;
	const struct duty_author author = {NULL, operator_name()};
	const struct agreement_new agreement = {.hospital_id = making->site.public_id,
	                                        .scope_id = making->scope.public_id,
	                                        .from_day = option_value(making->in, "from"),
	                                        .until_day = option_value(making->in, "until"),
	                                        .note = option_value(making->in, "note")};

	return agreement_add(db, &author, &agreement, making->id, err) && note_id(making);
}

bool run_agreement_add(struct invocation *in, struct err *err)
{
	struct making making = {0};

	if (!site_find(in->db, option_value(in, "hospital"), &making.site, err) ||
	    !scope_find(in->db, option_value(in, "scope"), &making.scope, err) ||
	    !make(in, &making, "agreement.add", "agreement", add_agreement, err))
		return false;
	printf("agreement added: %s\n", making.id);
	return true;
}

static bool end_agreement(struct db *db, void *context, struct err *err)
{
	struct making *making = context;

	return agreement_end(db, making->id, option_value(making->in, "last-day"), err) && note_id(making);
}

bool run_agreement_end(struct invocation *in, struct err *err)
{
	struct making making = {0};

	text_copy(making.id, sizeof(making.id), in->arguments[0]);
	return make(in, &making, "agreement.end", "agreement", end_agreement, err) &&
	       printf("agreement ends: %s\n", making.id) > 0;
}

/* ---- duty table ------------------------------------------------------------------------------------------------------------ */

static bool add_duty(struct db *db, void *context, struct err *err)
{
	struct making *making = context;
	const struct invocation *in = making->in;
	const struct duty_author author = {NULL, operator_name()};
	const struct duty_new duty = {.queue_id = making->other_id,
	                              .by_queue_id = making->id,
	                              .weekdays = option_value(in, "weekdays"),
	                              .day_kind = option_value(in, "days"),
	                              .hours = option_value(in, "hours"),
	                              .from_day = option_value(in, "from"),
	                              .until_day = option_value(in, "until"),
	                              .note = option_value(in, "note")};
	char made[TEXT_UUID_SIZE];

	if (!duty_add(db, &author, &duty, made, err))
		return false;
	snprintf(making->note.subject, sizeof(making->note.subject), "%s", made);
	return true;
}

bool run_duty_add(struct invocation *in, struct err *err)
{
	struct making making = {0};

	if (!find_one(in->db, STMT_QUEUE_FIND, "queue", option_value(in, "queue"), making.other_id, err) ||
	    !find_one(in->db, STMT_QUEUE_FIND, "queue", option_value(in, "by"), making.id, err) ||
	    !make(in, &making, "duty.add", "duty", add_duty, err))
		return false;
	printf("duty added: %s\n", making.note.subject);
	return true;
}

static bool end_duty(struct db *db, void *context, struct err *err)
{
	struct making *making = context;

	return duty_end(db, making->id, err) && note_id(making);
}

bool run_duty_end(struct invocation *in, struct err *err)
{
	struct making making = {0};

	text_copy(making.id, sizeof(making.id), in->arguments[0]);
	return make(in, &making, "duty.end", "duty", end_duty, err) && printf("duty ended: %s\n", making.id) > 0;
}

/* ---- calendar -------------------------------------------------------------------------------------------------------------- */

struct days {
	char first[11], last[11];
	bool is_working;
	const char *name;
};

static bool set_days(struct db *db, void *context, struct err *err)
{
	const struct days *days = context;

	return db_exec(
	    db, STMT_CALENDAR_SET,
	    DB_PARAMS(db_text(days->first), db_text(days->last), db_bool(days->is_working), db_text(days->name)), NULL,
	    err);
}

static bool clear_days(struct db *db, void *context, struct err *err)
{
	const struct days *days = context;

	return db_exec(db, STMT_CALENDAR_CLEAR, DB_PARAMS(db_text(days->first), db_text(days->last)), NULL, err);
}

static bool change_days(struct invocation *in, const char *action, db_work *work, struct days *days, struct err *err)
{
	struct operator_note note = {.action = action, .subject_kind = "calendar"};

	if (!duty_days_read(in->arguments[0], days->first, days->last, err))
		return false;
	snprintf(note.subject, sizeof(note.subject), "%s..%s", days->first, days->last);
	return operator_change(in, &note, work, days, err);
}

bool run_calendar_set(struct invocation *in, struct err *err)
{
	const char *worked = option_value(in, "worked"), *name = option_value(in, "name");
	struct days days = {.is_working = strcmp(worked, "yes") == 0, .name = name ? name : ""};

	if (!days.is_working && strcmp(worked, "no") != 0)
		return err_set(err, ERR_INVALID, "--worked wants yes or no");
	if (name && !rule_form_text(name, "name", NAME_MAX_CHARACTERS, err))
		return false;
	return change_days(in, "calendar.set", set_days, &days, err) &&
	       printf("calendar set: %s to %s, %s\n", days.first, days.last, days.is_working ? "worked" : "off") > 0;
}

bool run_calendar_clear(struct invocation *in, struct err *err)
{
	struct days days = {0};

	return change_days(in, "calendar.clear", clear_days, &days, err) &&
	       printf("calendar cleared: %s to %s are as any week\n", days.first, days.last) > 0;
}

/* ---- AI nodes -------------------------------------------------------------------------------------------------------------- */

static bool mark_ai(struct db *db, void *context, struct err *err)
{
	struct making *making = context;
	bool is_ai = strcmp(making->in->arguments[1], "yes") == 0;

	return take_id(making, db, STMT_DESTINATION_AI_NODE, DB_PARAMS(db_text(making->id), db_bool(is_ai)),
	               "the destination", err);
}

bool run_destination_ai_node(struct invocation *in, struct err *err)
{
	struct making making = {0};
	const char *value = in->arguments[1];

	if (strcmp(value, "yes") != 0 && strcmp(value, "no") != 0)
		return err_set(err, ERR_INVALID, "is it an AI node, yes or no?");
	return find_one(in->db, STMT_DESTINATION_FIND, "destination", in->arguments[0], making.id, err) &&
	       make(in, &making, "destination.ai_node", "destination", mark_ai, err) &&
	       printf("%s %s an AI node\n", in->arguments[0], strcmp(value, "yes") == 0 ? "is" : "is no longer") > 0;
}
