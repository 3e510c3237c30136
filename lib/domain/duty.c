#include "lib/domain/duty.h"

#include <stdio.h>
#include <string.h>

#include "lib/db/db.h"
#include "lib/domain/change.h"
#include "lib/domain/day.h"
#include "lib/domain/rule.h"
#include "lib/domain/rule_form.h"

enum { NOTE_MAX = 500, WEEKDAYS = 7 };

static bool check_days(const char *from_day, const char *until_day, struct err *err)
{
	if ((from_day && !day_is_valid(from_day)) || (until_day && !day_is_valid(until_day)))
		return err_set(err, ERR_INVALID, "days are written as 2026-10-01");
	return !from_day || !until_day || strcmp(from_day, until_day) <= 0 ||
	       err_set(err, ERR_INVALID, "the last day is before the first");
}

static bool check_note(const char *note, struct err *err)
{
	return !note || !note[0] || rule_form_text(note, "note", NOTE_MAX, err);
}

static bool take_id(struct db_rows *rows, char out_id[TEXT_UUID_SIZE])
{
	bool is_there = db_rows_count(rows) > 0;

	if (is_there)
		text_copy(out_id, TEXT_UUID_SIZE, db_get_text(rows, 0, "id"));
	db_rows_free(rows);
	return is_there;
}

/* ---- duty table ---------------------------------------------------------------------------------------------------------- */

/* "1,3,5" into texts of one digit each, each once. */
static bool read_weekdays(const char *text, char digits[WEEKDAYS][2], const char *items[WEEKDAYS], size_t *out_count,
                          struct err *err)
{
	size_t count = 0, i, length = strlen(text);
	bool ok = length % 2 == 1 && length < (size_t)2 * WEEKDAYS;

	for (i = 0; ok && i < length; i++)
		ok = i % 2 ? text[i] == ',' : text[i] >= '1' && text[i] <= '7' && strchr(text + i + 1, text[i]) == NULL;
	if (!ok)
		return err_set(err, ERR_INVALID, "weekdays are numbers with commas, 1 Monday to 7 Sunday, as 1,2,5");
	for (i = 0; i < length; i += 2, count++) {
		digits[count][0] = text[i];
		digits[count][1] = '\0';
		items[count] = digits[count];
	}
	*out_count = count;
	return true;
}

static bool check_duty(const struct duty_new *duty, struct err *err)
{
	static const char *const kinds[] = {"any", "working", "off", "holiday", "adjusted"};
	bool is_kind = !duty->day_kind;

	for (size_t i = 0; !is_kind && i < sizeof(kinds) / sizeof(kinds[0]); i++)
		is_kind = strcmp(duty->day_kind, kinds[i]) == 0;
	if (!is_kind)
		return err_set(err, ERR_INVALID, "the kind of day is any, working, off, holiday or adjusted");
	if (!text_is_uuid(duty->queue_id) || !text_is_uuid(duty->by_queue_id))
		return err_set(err, ERR_INVALID, "a duty wants the ids of two queues");
	if (strcmp(duty->queue_id, duty->by_queue_id) == 0)
		return err_set(err, ERR_INVALID, "a queue cannot cover for itself");
	return check_days(duty->from_day, duty->until_day, err) && check_note(duty->note, err);
}

bool duty_add(struct db *db, const struct duty_author *author, const struct duty_new *duty, char out_id[TEXT_UUID_SIZE],
              struct err *err)
{
	char digits[WEEKDAYS][2];
	const char *items[WEEKDAYS];
	size_t count = 0;
	int from = 0, to = 24 * 60;
	struct db_rows *rows;

	if (!check_duty(duty, err) ||
	    !read_weekdays(duty->weekdays ? duty->weekdays : "1,2,3,4,5,6,7", digits, items, &count, err))
		return false;
	if (duty->hours && !rule_hours_read(duty->hours, &from, &to))
		return err_set(err, ERR_INVALID, "hours are written as 17:30-08:00");
	if (!db_exec(db, STMT_DUTY_ADD,
	             DB_PARAMS(db_text(duty->queue_id), db_text(duty->by_queue_id), db_texts(items, count),
	                       db_text(duty->day_kind ? duty->day_kind : "any"), db_int(from), db_int(to),
	                       db_text(duty->from_day), db_text(duty->until_day), db_text(duty->note ? duty->note : ""),
	                       db_text(author->person_id), db_text(author->operator_name)),
	             &rows, err))
		return false;
	return take_id(rows, out_id) ||
	       err_set(err, ERR_NOT_FOUND, "there is no such queue; `yqctl queue list` shows all");
}

bool duty_end(struct db *db, const char *duty_id, struct err *err)
{
	char id[TEXT_UUID_SIZE];
	struct db_rows *rows;

	if (!text_is_uuid(duty_id))
		return err_set(err, ERR_NOT_FOUND, "there is no duty '%.40s'", duty_id);
	if (!db_exec(db, STMT_DUTY_END, DB_PARAMS(db_text(duty_id)), &rows, err))
		return false;
	return take_id(rows, id) || err_set(err, ERR_NOT_FOUND, "there is no duty '%.40s' that has not ended", duty_id);
}

/* ---- agreements ------------------------------------------------------------------------------------------------------------ */

bool agreement_add(struct db *db, const struct duty_author *author, const struct agreement_new *agreement,
                   char out_id[TEXT_UUID_SIZE], struct err *err)
{
	struct err made = {0};
	struct db_rows *rows;

	if (!text_is_uuid(agreement->hospital_id) || !text_is_uuid(agreement->scope_id))
		return err_set(err, ERR_INVALID,
		               "an agreement wants the ids of a hospital and of a site, grid or community");
	if (!agreement->from_day)
		return err_set(err, ERR_INVALID, "an agreement wants its first day");
	if (!check_days(agreement->from_day, agreement->until_day, err) || !check_note(agreement->note, err))
		return false;
	if (!db_exec(db, STMT_AGREEMENT_ADD,
	             DB_PARAMS(db_text(agreement->hospital_id), db_text(agreement->scope_id),
	                       db_text(agreement->from_day), db_text(agreement->until_day),
	                       db_text(agreement->note ? agreement->note : ""), db_text(author->person_id),
	                       db_text(author->operator_name)),
	             &rows, &made)) {
		*err = made;
		return made.kind == ERR_CONFLICT
		           ? err_set(err, ERR_CONFLICT,
		                     "this hospital has an agreement for this scope on some of these days already")
		           : false;
	}
	return take_id(rows, out_id) || err_set(err, ERR_NOT_FOUND, "there is no such hospital or scope");
}

bool agreement_end(struct db *db, const char *agreement_id, const char *last_day, struct err *err)
{
	char id[TEXT_UUID_SIZE];
	struct db_rows *rows;

	if (!text_is_uuid(agreement_id))
		return err_set(err, ERR_NOT_FOUND, "there is no agreement '%.40s'", agreement_id);
	if (!last_day || !day_is_valid(last_day))
		return err_set(err, ERR_INVALID, "days are written as 2026-10-01");
	if (!db_exec(db, STMT_AGREEMENT_END, DB_PARAMS(db_text(agreement_id), db_text(last_day)), &rows, err))
		return false;
	return take_id(rows, id) ||
	       err_set(err, ERR_CONFLICT,
	               "cannot end this agreement on %s: it is not there, begins later or has ended before", last_day);
}

/* ---- by a person ------------------------------------------------------------------------------------------------------------ */

static bool do_act(struct db *db, struct duty_act *act, struct err *err)
{
	const struct duty_author author = {act->person_id, NULL};

	switch (act->kind) {
	case DUTY_ACT_ADD:
		return duty_add(db, &author, &act->duty, act->id, err);
	case DUTY_ACT_END:
		return duty_end(db, act->id, err);
	case DUTY_ACT_AGREE:
		return agreement_add(db, &author, &act->agreement, act->id, err);
	case DUTY_ACT_AGREEMENT_END:
		return agreement_end(db, act->id, act->last_day, err);
	}
	return err_set(err, ERR_INVALID, "there is no such act");
}

static bool act_work(struct db *db, void *context, struct err *err)
{
	static const char *const actions[] = {[DUTY_ACT_ADD] = "duty.add",
	                                      [DUTY_ACT_END] = "duty.end",
	                                      [DUTY_ACT_AGREE] = "agreement.add",
	                                      [DUTY_ACT_AGREEMENT_END] = "agreement.end"};
	struct duty_act *act = context;
	const struct change change = {.action = actions[act->kind],
	                              .person_id = act->person_id,
	                              .subject_kind = act->kind < DUTY_ACT_AGREE ? "duty" : "agreement",
	                              .subject_id = act->id};
	struct db_rows *rows;
	bool may;

	if (!db_exec_one(db, STMT_RULE_MAY, DB_NO_PARAMS, "the right", &rows, err))
		return false;
	may = db_get_bool(rows, 0, "may");
	db_rows_free(rows);
	if (!may)
		return err_set(err, ERR_REFUSED,
		               "cannot change this: it holds for every site, and you are not operator of all of them");
	return do_act(db, act, err) && change_record(db, &change, err);
}

bool duty_act_make(struct db_pool *pool, struct duty_act *act, struct err *err)
{
	return db_transact(pool, act->person_id, act_work, act, err);
}

/* ---- days ------------------------------------------------------------------------------------------------------------------ */

/* Of a valid day. */
static int year_of(const char *day)
{
	return (day[0] - '0') * 1000 + (day[1] - '0') * 100 + (day[2] - '0') * 10 + day[3] - '0';
}

bool duty_days_read(const char *text, char out_first[11], char out_last[11], struct err *err)
{
	size_t length = strlen(text);
	char first[11], last[11];

	if (length != 10 && !(length == 22 && text[10] == '.' && text[11] == '.'))
		return err_set(err, ERR_INVALID, "'%.40s' is no day: 2026-10-01 or 2026-10-01..2026-10-07 is wanted",
		               text);
	snprintf(first, sizeof(first), "%.10s", text);
	snprintf(last, sizeof(last), "%.10s", length == 10 ? text : text + 12);
	if (!check_days(first, last, err))
		return false;
	if (year_of(last) - year_of(first) > 1)
		return err_set(err, ERR_INVALID, "the days have to lie in one year or two");
	text_copy(out_first, 11, first);
	text_copy(out_last, 11, last);
	return true;
}
