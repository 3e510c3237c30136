#include "lib/domain/reroute.h"

#include <stdio.h>
#include <string.h>

#include "lib/db/db.h"
#include "lib/domain/change.h"
#include "lib/domain/routing.h"
#include "lib/domain/rule_form.h"

enum { REASON_MAX = 500, REFUSAL_MAX = 200 };

static bool look(struct db *db, const struct reroute *reroute, struct db_rows **rows, struct err *err)
{
	if (!text_is_uuid(reroute->study_id))
		return err_set(err, ERR_NOT_FOUND, "no such study");
	if (!db_exec_one(db, STMT_ROUTING_STATE, DB_PARAMS(db_text(reroute->study_id), db_text(reroute->person_id)),
	                 "study", rows, err))
		return false;
	if (db_get_bool(*rows, 0, "may"))
		return true;
	db_rows_free(*rows);
	return err_set(err, ERR_REFUSED, "cannot do this: you are neither duty leader nor operator at its site");
}

/* Why a study cannot be routed anew, as a word and as a sentence; empty: it can. */
struct refusal {
	const char *code;
	char text[REFUSAL_MAX];
};

static struct refusal refusal_of(const struct db_rows *rows)
{
	const char *state = db_get_text(rows, 0, "state"), *task = db_get_text(rows, 0, "task_state");

	if (strcmp(state, "merged") == 0)
		return (struct refusal){"merged", "its images went to another study"};
	if (strcmp(state, "receiving") == 0 && !task)
		return (struct refusal){"receiving", "it is still receiving, and is routed when it is offered"};
	if (task && strcmp(task, "awaiting") != 0) {
		struct refusal taken = {.code = "taken"};

		snprintf(taken.text, sizeof(taken.text), "its task is %s already", task);
		return taken;
	}
	if (!task && db_get_bool(rows, 0, "is_read"))
		return (struct refusal){"issued", "its report was issued"};
	return (struct refusal){"", ""};
}

/* ---- preview ------------------------------------------------------------------------------------------------------------ */

static json_t *text_or_null(const struct db_rows *rows, const char *column)
{
	const char *text = db_get_text(rows, 0, column);

	return text && text[0] ? json_string(text) : json_null();
}

static json_t *now_json(const struct db_rows *rows)
{
	static const char *const texts[][2] = {{"queue", "queue"},
	                                       {"queue_name", "queue_name"},
	                                       {"reading_mode", "reading_mode"},
	                                       {"hold", "hold_reason"},
	                                       {"reason", "unrouted_reason"}};
	static const char *const numbers[][2] = {{"priority", "rule_priority"}, {"version", "rule_set_version"}};
	json_t *now = json_object();

	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++)
		json_object_set_new(now, texts[i][0], text_or_null(rows, texts[i][1]));
	for (size_t i = 0; i < sizeof(numbers) / sizeof(numbers[0]); i++)
		json_object_set_new(now, numbers[i][0],
		                    db_is_null(rows, 0, numbers[i][1])
		                        ? json_null()
		                        : json_integer(db_get_int(rows, 0, numbers[i][1])));
	return now;
}

static bool is_same(const json_t *now, const json_t *then, const char *name)
{
	return json_equal(json_object_get(now, name), json_object_get(then, name));
}

/* A task stays where it is when no rule takes its study now, or one holds it. */
static bool is_change(const json_t *now, const json_t *then)
{
	bool is_routed = json_is_true(json_object_get(then, "is_routed"));

	if (!json_is_string(json_object_get(now, "queue")))
		return is_routed || !is_same(now, then, "hold");
	return is_routed &&
	       (!is_same(now, then, "queue") || !is_same(now, then, "reading_mode") || !is_same(now, then, "priority"));
}

bool reroute_preview(struct db *db, const struct reroute *reroute, json_t **out, struct err *err)
{
	struct refusal refusal;
	struct routing routing;
	struct db_rows *rows;
	json_t *now, *then;

	if (!look(db, reroute, &rows, err))
		return false;
	now = now_json(rows);
	refusal = refusal_of(rows);
	db_rows_free(rows);
	if (!routing_of_study(db, reroute->study_id, ROUTING_SET_IN_FORCE, &routing, err)) {
		json_decref(now);
		return false;
	}
	if (!routing_json(db, &routing, &then, err)) {
		json_decref(now);
		routing_fini(&routing);
		return false;
	}
	routing_fini(&routing);
	*out = json_pack("{s:b, s:b, s:s, s:s, s:o, s:o}", "changes", !refusal.code[0] && is_change(now, then), "can",
	                 !refusal.code[0], "refusal", refusal.text, "refusal_code", refusal.code, "now", now, "then",
	                 then);
	return true;
}

/* ---- deeds -------------------------------------------------------------------------------------------------------------- */

static bool signal(struct db *db, const struct reroute *reroute, const char *kind, const char *site_id, struct err *err)
{
	char action[32];
	const struct change change = {.event = action,
	                              .action = action,
	                              .person_id = reroute->person_id,
	                              .is_operator = true,
	                              .operator_name = reroute->operator_name,
	                              .subject_kind = "study",
	                              .subject_id = reroute->study_id,
	                              .site_id = site_id};

	snprintf(action, sizeof(action), "study.%s", kind);
	return db_exec(db, STMT_ROUTING_SIGNAL,
	               DB_PARAMS(db_text(reroute->study_id), db_text(reroute->person_id), db_text(kind),
	                         db_text(reroute->reason)),
	               NULL, err) &&
	       change_record(db, &change, err);
}

static bool ask(struct db *db, const struct reroute *reroute, const struct db_rows *rows, struct err *err)
{
	struct refusal refusal = refusal_of(rows);

	if (refusal.code[0])
		return err_set(err, ERR_CONFLICT, "cannot route this study anew: %s", refusal.text);
	return signal(db, reroute, "reroute", db_get_text(rows, 0, "site"), err);
}

bool reroute_ask(struct db *db, const struct reroute *reroute, struct err *err)
{
	struct db_rows *rows;
	bool ok;

	if (!rule_form_text(reroute->reason, "reason", REASON_MAX, err) || !look(db, reroute, &rows, err))
		return false;
	ok = ask(db, reroute, rows, err);
	db_rows_free(rows);
	return ok;
}

static bool release(struct db *db, const struct reroute *reroute, const struct db_rows *rows, struct err *err)
{
	struct db_rows *held;
	int count;

	if (!db_exec(db, STMT_HOLD_RELEASE,
	             DB_PARAMS(db_text(reroute->study_id), db_text(reroute->person_id), db_text(reroute->operator_name),
	                       db_text(reroute->reason)),
	             &held, err))
		return false;
	count = db_rows_count(held);
	db_rows_free(held);
	if (count == 0)
		return err_set(err, ERR_CONFLICT, "cannot release this study: no rule holds it");
	return signal(db, reroute, "release", db_get_text(rows, 0, "site"), err);
}

bool reroute_release(struct db *db, const struct reroute *reroute, struct err *err)
{
	struct db_rows *rows;
	bool ok;

	if (!rule_form_text(reroute->reason, "reason", REASON_MAX, err) || !look(db, reroute, &rows, err))
		return false;
	ok = release(db, reroute, rows, err);
	db_rows_free(rows);
	return ok;
}
