#include "lib/domain/routing.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/db/db.h"
#include "lib/domain/day.h"
#include "lib/domain/rule_cover.h"
#include "lib/domain/rule_form.h"
#include "lib/domain/rule_json.h"

static json_t *json_of(const struct db_rows *rows, const char *column)
{
	json_t *json = json_loads(db_get_text(rows, 0, column), JSON_DECODE_ANY, NULL);

	if (!json)
		err_panic("the ledger gives no JSON as %s", column);
	return json;
}

/* ---- rules ----------------------------------------------------------------------------------------------------------------- */

/* NULL: there is none. */
static bool load_document(struct db *db, int64_t set, json_t **out, struct err *err)
{
	struct db_rows *rows;

	if (!db_exec(db, STMT_RULE_DOCUMENT, DB_PARAMS(set > 0 ? db_int(set) : db_null()), &rows, err))
		return false;
	*out = db_rows_count(rows) > 0 ? json_of(rows, "document") : NULL;
	db_rows_free(rows);
	return true;
}

static bool load_set(struct db *db, int64_t set, struct routing *out, struct err *err)
{
	if (!load_document(db, set, &out->document, err))
		return false;
	if (out->document)
		out->set = rule_set_new(out->document);
	return true;
}

bool routing_version(struct db *db, int version, int64_t *out_set, struct err *err)
{
	struct db_rows *rows;

	if (!db_exec_one(db, STMT_RULE_SET_OF_VERSION, DB_PARAMS(db_int(version)), "this version of the rules", &rows,
	                 err))
		return false;
	*out_set = db_get_int(rows, 0, "rule_set_id");
	db_rows_free(rows);
	return true;
}

static bool load_moment(struct db *db, const char *at, struct routing *out, struct err *err)
{
	struct db_rows *rows;

	if (!db_exec_one(db, STMT_RULE_MOMENT, DB_PARAMS(db_text(at)), "the moment", &rows, err))
		return false;
	out->moment = json_of(rows, "moment");
	db_rows_free(rows);
	return true;
}

/* ---- who reads it -------------------------------------------------------------------------------------------------------------- */

static struct rule_cover read_cover(const struct db_rows *rows, int row)
{
	return (struct rule_cover){.id = db_get_text(rows, row, "id"),
	                           .queue_id = db_get_text(rows, row, "queue"),
	                           .by_queue_id = db_get_text(rows, row, "by_queue"),
	                           .weekdays = db_get_text(rows, row, "weekdays"),
	                           .day_kind = db_get_text(rows, row, "day_kind"),
	                           .minute_from = (int)db_get_int(rows, row, "minute_from"),
	                           .minute_to = (int)db_get_int(rows, row, "minute_to"),
	                           .is_valid = db_get_bool(rows, row, "is_valid"),
	                           .was_valid = db_get_bool(rows, row, "was_valid")};
}

static void take_cover(const struct db_rows *rows, struct routing *routing)
{
	struct rule_cover_moment moment;
	size_t count = (size_t)db_rows_count(rows), i;
	struct rule_cover *covers = calloc(count ? count : 1, sizeof(*covers));
	const struct rule_cover *found;

	if (!covers)
		err_panic("out of memory");
	for (i = 0; i < count; i++)
		covers[i] = read_cover(rows, (int)i);
	rule_cover_moment_init(&moment, routing->moment);
	found = rule_cover_find(covers, count, routing->queue_id, &moment);
	if (found) {
		text_copy(routing->covered_queue_id, sizeof(routing->covered_queue_id), routing->queue_id);
		text_copy(routing->queue_id, sizeof(routing->queue_id), found->by_queue_id);
	}
	rule_cover_moment_fini(&moment);
	free(covers);
}

static bool ask_duty_table(struct db *db, struct routing *routing, struct err *err)
{
	const char *day = json_string_value(json_object_get(routing->moment, "day"));
	struct db_rows *rows;

	text_copy(routing->queue_id, sizeof(routing->queue_id), routing->decision.queue->queue_id);
	if (!db_exec(db, STMT_DUTY_OF_DAY, DB_PARAMS(db_text(day)), &rows, err))
		return false;
	take_cover(rows, routing);
	db_rows_free(rows);
	return true;
}

static void say(struct routing *routing, const char *code, const char *hospital, const char *day)
{
	text_copy(routing->code, sizeof(routing->code), code);
	routing->detail = json_object();
	if (hospital)
		json_object_set_new(routing->detail, "hospital", json_string(hospital));
	if (day)
		json_object_set_new(routing->detail, "day", json_string(day));
}

static void say_agreement(struct routing *routing, const struct db_rows *rows)
{
	const char *code = db_get_text(rows, 0, "code"), *hospital = db_get_text(rows, 0, "hospital");
	const char *day = db_get_text(rows, 0, "on_day");

	say(routing, code, hospital, day);
	json_object_set_new(routing->detail, "rule", json_string(routing->decision.queue->name));
	if (strcmp(code, "agreement_missing") == 0)
		snprintf(routing->reason, sizeof(routing->reason),
		         "there is no cooperation agreement by which %s reads for this site", hospital);
	else
		snprintf(routing->reason, sizeof(routing->reason), "the cooperation agreement with %s %s %s", hospital,
		         strcmp(code, "agreement_ended") == 0 ? "ended on" : "begins on", day ? day : "(no day)");
}

static bool ask_agreement(struct db *db, struct routing *routing, struct err *err)
{
	const char *site = json_string_value(json_array_get(json_object_get(routing->facts, "site"), 0));
	const char *day = json_string_value(json_object_get(routing->moment, "day"));
	struct db_rows *rows;

	if (!db_exec_one(db, STMT_RULE_QUEUE, DB_PARAMS(db_text(routing->queue_id), db_text(site), db_text(day)),
	                 "the queue", &rows, err))
		return false;
	routing->queue = json_pack("{s:s, s:s, s:s}", "queue", routing->queue_id, "queue_name",
	                           db_get_text(rows, 0, "name"), "hospital", db_get_text(rows, 0, "hospital"));
	/* A description may leave the site out: then nobody can say. */
	routing->has_queue = !site || !db_get_text(rows, 0, "code")[0];
	if (!routing->has_queue)
		say_agreement(routing, rows);
	db_rows_free(rows);
	return true;
}

/* ---- the decision ------------------------------------------------------------------------------------------------------------- */

static const char *first_fact(const struct routing *routing, const char *name, const char *fallback)
{
	const char *text = json_string_value(json_array_get(json_object_get(routing->facts, name), 0));

	return text ? text : fallback;
}

static void say_no_rule(struct routing *routing)
{
	int minute = routing->study ? routing->study->minute : 0;

	if (!routing->set) {
		say(routing, "no_rules", NULL, NULL);
		snprintf(routing->reason, sizeof(routing->reason), "no routing rule is in force");
	} else if (routing->decision.counted_count == 0) {
		say(routing, "no_match", NULL, NULL);
		snprintf(routing->reason, sizeof(routing->reason),
		         "no routing rule fits this site with class %s, modality %s, at %02d:%02d",
		         first_fact(routing, "patient_class", "(none)"), first_fact(routing, "modality", "(none)"),
		         minute / 60, minute % 60);
	} else {
		say(routing, "no_queue", NULL, NULL);
		snprintf(routing->reason, sizeof(routing->reason), "the routing rules that fit name no queue");
	}
}

static bool decide(struct db *db, struct routing *routing, struct err *err)
{
	const struct rule_decision *decision = &routing->decision;

	routing->study = rule_case_new(routing->facts, routing->moment);
	if (routing->set)
		rule_decide(routing->set, routing->study, &routing->decision);
	routing->reading_mode = decision->mode ? decision->mode->reading_mode : "central";
	routing->priority = decision->priority ? decision->priority->priority : 0;
	if (decision->queue)
		return ask_duty_table(db, routing, err) && ask_agreement(db, routing, err);
	say_no_rule(routing);
	return true;
}

static bool load_study(struct db *db, const char *study_id, int64_t *set, struct routing *out, struct err *err)
{
	struct db_rows *rows;

	if (!db_exec_one(db, STMT_RULE_STUDY, DB_PARAMS(db_text(study_id)), "study", &rows, err))
		return false;
	out->facts = json_of(rows, "facts");
	if (*set == ROUTING_SET_KEPT)
		*set = db_get_int(rows, 0, "rule_set_id");
	db_rows_free(rows);
	return true;
}

bool routing_of_study(struct db *db, const char *study_id, int64_t set, struct routing *out, struct err *err)
{
	struct routing routing = {0};

	if (load_study(db, study_id, &set, &routing, err) && load_set(db, set, &routing, err) &&
	    load_moment(db, NULL, &routing, err) && decide(db, &routing, err)) {
		*out = routing;
		return true;
	}
	routing_fini(&routing);
	return false;
}

/* ---- described studies ---------------------------------------------------------------------------------------------------------- */

/* "2026-10-01T20:00" */
static bool check_time(const char *at, struct err *err)
{
	char day[11], hours[12];
	int from, to;

	if (!at)
		return true;
	if (strlen(at) == 16 && at[10] == 'T') {
		memcpy(day, at, 10);
		day[10] = '\0';
		snprintf(hours, sizeof(hours), "%.5s-%s", at + 11, strcmp(at + 11, "00:01") == 0 ? "00:02" : "00:01");
		if (day_is_valid(day) && rule_hours_read(hours, &from, &to))
			return true;
	}
	return err_set(err, ERR_INVALID, "'%.40s' is no time: 2026-10-01T20:00 is wanted", at);
}

static bool add_site(struct db *db, struct routing *routing, struct err *err)
{
	const char *site = first_fact(routing, "site", NULL);
	struct db_rows *rows;
	json_t *facts;

	if (!site)
		return true;
	if (!text_is_uuid(site))
		return err_set(err, ERR_INVALID, "site wants the id of a site");
	if (!db_exec_one(db, STMT_RULE_SITE, DB_PARAMS(db_text(site)), "the site", &rows, err))
		return false;
	facts = json_of(rows, "facts");
	db_rows_free(rows);
	json_object_update_missing(routing->facts, facts);
	json_decref(facts);
	return true;
}

bool routing_described(struct db *db, const json_t *facts, const char *at, int64_t set, struct routing *out,
                       struct err *err)
{
	struct routing routing = {.facts = json_deep_copy(facts)};

	if (json_is_object(facts) && rule_form_facts(facts, err) && check_time(at, err) &&
	    add_site(db, &routing, err) && load_set(db, set, &routing, err) && load_moment(db, at, &routing, err) &&
	    decide(db, &routing, err)) {
		*out = routing;
		return true;
	}
	routing_fini(&routing);
	return json_is_object(facts) ? false : err_set(err, ERR_INVALID, "a description is a JSON object");
}

void routing_fini(struct routing *routing)
{
	rule_case_free(routing->study);
	rule_set_free(routing->set);
	json_decref(routing->document);
	json_decref(routing->facts);
	json_decref(routing->moment);
	json_decref(routing->queue);
	json_decref(routing->detail);
}

/* ---- as JSON ------------------------------------------------------------------------------------------------------------------- */

static bool add_names(struct db *db, json_t *to, struct err *err)
{
	json_t *ids = rule_ids(to);
	size_t count = json_array_size(ids), i;
	const char **texts = calloc(count ? count : 1, sizeof(*texts));
	struct db_rows *rows;
	bool ok;

	if (!texts)
		err_panic("out of memory");
	for (i = 0; i < count; i++)
		texts[i] = json_string_value(json_array_get(ids, i));
	ok = db_exec_one(db, STMT_RULE_NAMES, DB_PARAMS(db_texts(texts, count)), "names", &rows, err);
	if (ok) {
		json_object_set_new(to, "names", json_of(rows, "names"));
		db_rows_free(rows);
	}
	free(texts);
	json_decref(ids);
	return ok;
}

static json_t *forwards_json(const struct rule_decision *decision)
{
	json_t *list = json_array();

	for (size_t i = 0; i < decision->forward_count; i++)
		json_array_append_new(list, json_pack("{s:s, s:s}", "destination", decision->forwards[i].destination_id,
		                                      "rule", decision->forwards[i].rule->name));
	return list;
}

static const char *name_of(const struct rule *rule)
{
	return rule ? rule->name : NULL;
}

static json_t *outcome_json(const struct routing *routing)
{
	const struct rule_decision *decision = &routing->decision;
	json_t *json =
	    json_pack("{s:b, s:s, s:s, s:o, s:s, s:s?, s:i, s:s?, s:s?, s:s?, s:s?, s:o}", "is_routed",
	              routing->has_queue && !decision->hold, "reason", routing->reason, "code", routing->code, "detail",
	              routing->detail ? json_incref(routing->detail) : json_object(), "reading_mode",
	              routing->reading_mode, "reading_mode_rule", name_of(decision->mode), "priority",
	              routing->priority, "priority_rule", name_of(decision->priority), "queue_rule",
	              name_of(decision->queue), "hold", decision->hold ? decision->hold->hold : NULL, "hold_rule",
	              name_of(decision->hold), "forward", forwards_json(decision));

	json_object_set_new(json, "version", routing->set ? json_integer(routing->set->version) : json_null());
	if (routing->queue)
		json_object_update(json, routing->queue);
	if (routing->covered_queue_id[0]) /* its name is with the others */
		json_object_set_new(json, "covers", json_string(routing->covered_queue_id));
	return json;
}

bool routing_json(struct db *db, const struct routing *routing, json_t **out, struct err *err)
{
	json_t *json = outcome_json(routing);

	json_object_set_new(json, "groups", routing->set ? rule_explain(routing->set, routing->study) : json_array());
	json_object_set(json, "facts", routing->facts);
	json_object_set(json, "moment", routing->moment);
	if (add_names(db, json, err)) {
		*out = json;
		return true;
	}
	json_decref(json);
	return false;
}

/* Keys of the ledger do not leave the programs. */
static void drop_keys(json_t *document)
{
	json_t *group, *rule;
	size_t i, j;

	json_object_del(document, "rule_set_id");
	json_array_foreach(json_object_get(document, "groups"), i, group)
	{
		json_array_foreach(json_object_get(group, "rules"), j, rule)
		{
			json_object_del(rule, "rule_id");
		}
	}
}

bool routing_document(struct db *db, int64_t set, json_t **out, struct err *err)
{
	json_t *document;

	if (!load_document(db, set, &document, err))
		return false;
	if (!document)
		return err_set(err, ERR_NOT_FOUND, "no routing rule is in force; `yqctl rule defaults` makes some");
	if (add_names(db, document, err)) {
		drop_keys(document);
		*out = document;
		return true;
	}
	json_decref(document);
	return false;
}
