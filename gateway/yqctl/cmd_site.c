/* Sites, rosters, targets, and the defaults that follow from them. */
#include <stdio.h>
#include <string.h>

#include "gateway/yqctl/handlers.h"
#include "gateway/yqctl/list.h"
#include "gateway/yqctl/operator.h"
#include "lib/domain/defaults.h"
#include "lib/domain/roster.h"

static const struct column site_columns[] = {{"code", "CODE", false},
                                             {"name", "SITE", false},
                                             {"licensed_type", "TYPE", false},
                                             {"grid", "GRID", false},
                                             {"is_lead", "LEAD", false},
                                             {"counts_as_township_health_centre", "COUNTS", false},
                                             {"is_enrolled", "ENROLLED", false},
                                             {"devices", "DEVICES", true},
                                             {"community", "COMMUNITY", false},
                                             {0}};
static const struct column target_columns[] = {{"deadline", "DEADLINE", false},   {"value", "VALUE", true},
                                               {"site_type", "SITE TYPE", false}, {"community", "COMMUNITY", false},
                                               {"source", "SOURCE", false},       {0}};
bool run_site_list(struct invocation *in, struct err *err)
{
	return list_run(in, STMT_SITE_LIST, DB_NO_PARAMS, site_columns, err);
}

bool run_target_list(struct invocation *in, struct err *err)
{
	return list_run(in, STMT_TARGET_LIST, DB_NO_PARAMS, target_columns, err);
}

struct loading {
	const json_t *roster;
	bool only_targets;
	struct roster_counts counts;
};

static bool load_work(struct db *db, void *context, struct err *err)
{
	struct loading *loading = context;

	return loading->only_targets ? roster_load_targets(db, loading->roster, &loading->counts, err)
	                             : roster_load(db, loading->roster, &loading->counts, err);
}

static bool print_counts(struct invocation *in, const struct loading *loading, struct err *err)
{
	const struct roster_counts *c = &loading->counts;

	if (option_given(in, "json"))
		return output_json(json_pack("{si si si si si si si si si}", "communities_new", c->communities_new,
		                             "grids_new", c->grids_new, "sites", c->sites, "sites_new", c->sites_new,
		                             "sites_changed", c->sites_changed, "sites_moved", c->sites_moved,
		                             "sites_not_named", c->sites_not_named, "targets", c->targets,
		                             "targets_changed", c->targets_changed),
		                   err);
	if (!loading->only_targets)
		printf("sites: %d in the file, %d new, %d changed, %d moved to another grid; %d of the ledger not "
		       "named there and "
		       "kept\n",
		       c->sites, c->sites_new, c->sites_changed, c->sites_moved, c->sites_not_named);
	printf("targets: %d in the file, %d new or changed\n", c->targets, c->targets_changed);
	return true;
}

static bool load_file(struct invocation *in, bool only_targets, struct err *err)
{
	struct loading loading = {.only_targets = only_targets};
	struct operator_note note = {.action = only_targets ? "target.load" : "roster.load", .subject_kind = "roster"};
	json_t *roster;
	bool ok;

	if (!roster_read(in->arguments[0], &roster, err))
		return false;
	loading.roster = roster;
	ok = operator_change(in, &note, load_work, &loading, err);
	json_decref(roster);
	return ok ? print_counts(in, &loading, err) : err_context(err, "%s", in->arguments[0]);
}

bool run_roster_load(struct invocation *in, struct err *err)
{
	return load_file(in, false, err);
}

bool run_target_load(struct invocation *in, struct err *err)
{
	return load_file(in, true, err);
}

static bool defaults_work(struct db *db, void *context, struct err *err)
{
	return defaults_make(db, context, err);
}

bool run_rule_defaults(struct invocation *in, struct err *err)
{
	struct operator_note note = {.action = "rule.defaults", .subject_kind = "routing_rule_set"};
	struct defaults_made made = {0};

	if (!operator_change(in, &note, defaults_work, &made, err))
		return false;
	if (option_given(in, "json"))
		return output_json(json_pack("{si si si si sb}", "policies", made.policies, "queues", made.queues,
		                             "rules", made.rules, "limits", made.limits, "rules_are_own",
		                             made.rules_are_own),
		                   err);
	printf("made: %d signing policies, %d queues, %d routing rules, %d turnaround limits\n", made.policies,
	       made.queues, made.rules, made.limits);
	if (made.rules_are_own)
		printf("the routing rules in force were made by a person and stay as they are\n");
	return true;
}
