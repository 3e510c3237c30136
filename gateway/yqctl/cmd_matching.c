/* How far the rule may match requests and studies of a site without a person. */
#include <stdio.h>
#include <string.h>

#include "gateway/yqctl/handlers.h"
#include "gateway/yqctl/list.h"
#include "gateway/yqctl/operator.h"
#include "lib/domain/site.h"

static const struct column matching_columns[] = {{"code", "CODE", false},
                                                 {"site", "SITE", false},
                                                 {"beyond_accession", "BEYOND ACCESSION", false},
                                                 {"changed_at", "CHANGED", false},
                                                 {"automatic_7d", "BY RULE 7 D", true},
                                                 {"manual_7d", "BY HAND 7 D", true},
                                                 {"waiting_7d", "WAITING 7 D", true},
                                                 {0}};

bool run_matching_list(struct invocation *in, struct err *err)
{
	return list_run(in, STMT_MATCH_POLICY_LIST, DB_NO_PARAMS, matching_columns, err);
}

struct policy {
	struct site site;
	bool beyond_accession;
};

static bool set_policy(struct db *db, void *context, struct err *err)
{
	const struct policy *policy = context;

	return db_exec(db, STMT_MATCH_POLICY_SET,
	               DB_PARAMS(db_int(policy->site.site_id), db_bool(policy->beyond_accession)), NULL, err);
}

bool run_matching_set(struct invocation *in, struct err *err)
{
	struct operator_note note = {.action = "matching.set", .subject_kind = "site"};
	const char *value = option_value(in, "beyond-accession");
	struct policy policy = {.beyond_accession = strcmp(value, "yes") == 0};

	if (!policy.beyond_accession && strcmp(value, "no") != 0)
		return err_set(err, ERR_INVALID, "--beyond-accession wants yes or no");
	if (!site_find(in->db, in->arguments[0], &policy.site, err))
		return false;
	snprintf(note.subject, sizeof(note.subject), "%s", policy.site.public_id);
	snprintf(note.site, sizeof(note.site), "%s", policy.site.public_id);
	snprintf(note.detail, sizeof(note.detail), "{\"beyond_accession\": %s}",
	         policy.beyond_accession ? "true" : "false");
	if (!operator_change(in, &note, set_policy, &policy, err))
		return false;
	printf("%s: beyond the accession number (检查号) %s\n", policy.site.name,
	       policy.beyond_accession ? "certain matches are made by the rule" : "a person matches");
	return true;
}
