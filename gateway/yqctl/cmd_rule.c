/* Routing rules: looking at them, asking them. */
#include <stdio.h>
#include <string.h>

#include "gateway/yqctl/handlers.h"
#include "gateway/yqctl/list.h"
#include "gateway/yqctl/output.h"
#include "gateway/yqctl/rule_find.h"
#include "gateway/yqctl/rule_print.h"
#include "gateway/yqctl/rule_text.h"
#include "gateway/yqctl/study_find.h"
#include "lib/domain/routing.h"
#include "lib/domain/rule_form.h"

enum { VERSION_MAX = 1000000000 };

static const struct column history_columns[] = {{"version", "VERSION", true},
                                                {"in_force_from", "FROM", false},
                                                {"in_force_until", "UNTIL", false},
                                                {"rules", "RULES", true},
                                                {"made_by", "BY", false},
                                                {"note", "CHANGE", false},
                                                {0}};
static const struct column waiting_columns[] = {{"site", "SITE", false},
                                                {"modality", "MODALITY", false},
                                                {"patient_class", "CLASS", false},
                                                {"last_arrival_at", "LAST ARRIVAL", false},
                                                {"hold_reason", "HELD", false},
                                                {"unrouted_reason", "NOT ROUTED", false},
                                                {"id", "ID", false},
                                                {0}};

/* --version, or the one in force. */
static bool take_version(struct invocation *in, int64_t *out_set, struct err *err)
{
	long version;

	*out_set = ROUTING_SET_IN_FORCE;
	if (!option_number(in, "version", 1, VERSION_MAX, 0, &version, err))
		return false;
	return version == 0 || routing_version(in->db, (int)version, out_set, err);
}

bool run_rule_list(struct invocation *in, struct err *err)
{
	json_t *document;
	int64_t set;

	if (!take_version(in, &set, err) || !routing_document(in->db, set, &document, err))
		return false;
	if (option_given(in, "json"))
		return output_json(document, err);
	rule_print_document(stdout, document);
	json_decref(document);
	return true;
}

bool run_rule_history(struct invocation *in, struct err *err)
{
	return list_run(in, STMT_RULE_SETS, DB_NO_PARAMS, history_columns, err);
}

bool run_rule_waiting(struct invocation *in, struct err *err)
{
	return list_run(in, STMT_ROUTING_WAITING, DB_NO_PARAMS, waiting_columns, err);
}

bool run_rule_show(struct invocation *in, struct err *err)
{
	struct rule_found found;
	json_t *document;

	if (!routing_document(in->db, ROUTING_SET_IN_FORCE, &document, err))
		return false;
	if (!rule_find(document, in->arguments[0], &found, err)) {
		json_decref(document);
		return false;
	}
	if (option_given(in, "json")) {
		json_t *rule = json_deep_copy(found.rule);

		json_object_set_new(rule, "group", json_string(found.group));
		json_decref(document);
		return output_json(rule, err);
	}
	rule_print_rule(stdout, found.rule, json_object_get(document, "names"), found.number);
	json_decref(document);
	return true;
}

/* ---- dry run -------------------------------------------------------------------------------------------------------------- */

static bool read_description(struct invocation *in, json_t **out, struct err *err)
{
	json_t *conditions;
	bool ok;

	if (!rule_text_parse(option_value(in, "describe"), &conditions, err))
		return false;
	ok = rule_text_resolve(in->db, conditions, err) && rule_text_facts(conditions, out, err);
	json_decref(conditions);
	return ok;
}

static bool ask(struct invocation *in, int64_t set, struct routing *out, struct err *err)
{
	char id[TEXT_UUID_SIZE];
	json_t *facts;
	bool ok;

	if ((in->argument_count > 0) == option_given(in, "describe"))
		return err_set(err, ERR_INVALID, "give either a study or --describe");
	if (in->argument_count > 0 && option_given(in, "at"))
		return err_set(err, ERR_INVALID, "--at goes with --describe: a study is asked about now");
	if (in->argument_count > 0)
		return study_find(in, in->arguments[0], id, err) && routing_of_study(in->db, id, set, out, err);
	if (!read_description(in, &facts, err))
		return false;
	ok = routing_described(in->db, facts, option_value(in, "at"), set, out, err);
	json_decref(facts);
	return ok;
}

bool run_rule_test(struct invocation *in, struct err *err)
{
	struct routing routing;
	json_t *outcome;
	int64_t set;
	bool ok;

	if (!take_version(in, &set, err) || !ask(in, set, &routing, err))
		return false;
	ok = routing_json(in->db, &routing, &outcome, err);
	routing_fini(&routing);
	if (!ok)
		return false;
	if (option_given(in, "json"))
		return output_json(outcome, err);
	rule_print_outcome(stdout, outcome);
	json_decref(outcome);
	return true;
}
