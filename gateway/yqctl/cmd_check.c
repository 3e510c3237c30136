/* Looking whether things are as they are said to be: store, audit; and the coverage. */
#include <stdio.h>
#include <string.h>

#include "gateway/yqctl/handlers.h"
#include "gateway/yqctl/output.h"
#include "lib/base/clock.h"
#include "lib/base/conf.h"
#include "lib/db/db.h"
#include "lib/domain/audit.h"
#include "lib/domain/coverage.h"
#include "lib/intake/check.h"
#include "lib/store/store.h"

enum { FINDINGS_MAX = 1000 }; /* of each list; the numbers count all */

/* ---- store ---------------------------------------------------------------------------------------------------------- */

static const char *const list_names[] = {
    [CHECK_MISSING] = "missing_list", [CHECK_MISMATCHED] = "mismatched_list", [CHECK_ORPHAN] = "orphan_list"};

static bool take_finding(void *context, const struct check_finding *finding, struct err *err)
{
	json_t *list = json_object_get(context, list_names[finding->fault]);

	(void)err;
	if (json_array_size(list) < FINDINGS_MAX)
		json_array_append_new(list,
		                      json_pack("{ss ss? ss?}", "object_key", finding->object_key, "sop_instance_uid",
		                                finding->sop_instance_uid, "reason", finding->reason));
	return true;
}

static void add_counts(json_t *result, const struct check_counts *counts)
{
	json_object_set_new(result, "instances", json_integer((json_int_t)counts->instances));
	json_object_set_new(result, "bytes", json_integer((json_int_t)counts->bytes));
	json_object_set_new(result, "missing", json_integer((json_int_t)counts->missing));
	json_object_set_new(result, "mismatched", json_integer((json_int_t)counts->mismatched));
	json_object_set_new(result, "orphans", json_integer((json_int_t)counts->orphans));
	json_object_set_new(result, "pending", json_integer((json_int_t)counts->pending));
	json_object_set_new(result, "quarantined", json_integer((json_int_t)counts->quarantined));
}

static json_t *new_result(void)
{
	struct check_counts none = {0};
	json_t *result = json_object();

	/* Numbers first in the output; they are overwritten in place. */
	add_counts(result, &none);
	for (int fault = CHECK_MISSING; fault <= CHECK_ORPHAN; fault++)
		json_object_set_new(result, list_names[fault], json_array());
	return result;
}

bool run_store_check(struct invocation *in, struct err *err)
{
	const char *grace = option_value(in, "orphan-grace") ? option_value(in, "orphan-grace") : "1 h";
	struct check_settings settings = {.each = take_finding};
	struct check_counts counts;
	struct store *store;
	bool ok;

	if (!clock_parse_duration(grace, &settings.orphan_grace_ms, err))
		return err_context(err, "--orphan-grace");
	if (!store_open(conf_text(CONF_STORE), &store, err))
		return false;
	settings.context = new_result();
	ok = check_store(store, in->pool, &settings, &counts, err);
	store_close(store);
	if (!ok) {
		json_decref(settings.context);
		return false;
	}
	add_counts(settings.context, &counts);
	if (!output_object(option_given(in, "json"), settings.context, err))
		return false;
	if (counts.missing || counts.mismatched)
		return err_set(err, ERR_CORRUPT,
		               "the store does not agree with the ledger: %llu missing, %llu mismatched",
		               (unsigned long long)counts.missing, (unsigned long long)counts.mismatched);
	return true;
}

/* ---- audit ---------------------------------------------------------------------------------------------------------- */

bool run_audit_verify(struct invocation *in, struct err *err)
{
	struct audit_verdict verdict;

	if (!audit_verify(in->db, &verdict, err))
		return false;
	if (!output_object(option_given(in, "json"),
	                   json_pack("{sI sI sI ss}", "records", (json_int_t)verdict.records, "chains",
	                             (json_int_t)verdict.chains, "faults", (json_int_t)verdict.faults, "first_fault",
	                             verdict.first_fault),
	                   err))
		return false;
	if (verdict.faults)
		return err_set(err, ERR_CORRUPT, "the audit was tampered with: %lld faults, first: %s",
		               (long long)verdict.faults, verdict.first_fault);
	return true;
}

/* ---- coverage ------------------------------------------------------------------------------------------------------- */

static void percent(const json_t *rate, char out[16])
{
	if (json_is_number(rate))
		snprintf(out, 16, "%.1f %%", 100 * json_number_value(rate));
	else
		snprintf(out, 16, "-");
}

static void print_sites(const json_t *community)
{
	size_t i;
	json_t *site;

	json_array_foreach(json_object_get(community, "site_list"), i, site)
	{
		printf("    ");
		output_padded(stdout, json_string_value(json_object_get(site, "name")), 30, false);
		printf(" %s echoes %lld, images %lld, reports %lld%s\n",
		       json_is_true(json_object_get(site, "is_served"))      ? "served   "
		       : json_is_true(json_object_get(site, "is_connected")) ? "connected"
		                                                             : "-        ",
		       (long long)json_integer_value(json_object_get(site, "echoes")),
		       (long long)json_integer_value(json_object_get(site, "images")),
		       (long long)json_integer_value(json_object_get(site, "reports")),
		       json_is_false(json_object_get(site, "has_equipment")) ? ", without equipment" : "");
	}
}

static void print_community(const json_t *community)
{
	const json_t *rate = json_object_get(community, "rate");
	char connected[16], served[16], regular[16];
	size_t i;
	json_t *target;

	percent(json_object_get(rate, "connected"), connected);
	percent(json_object_get(rate, "served"), served);
	percent(json_object_get(rate, "regular"), regular);
	printf("%s: connected %s, served %s, regular %s of %lld sites\n",
	       json_string_value(json_object_get(community, "name")), connected, served, regular,
	       (long long)json_integer_value(json_object_get(community, "sites")));
	json_array_foreach(json_object_get(community, "targets"), i, target)
	{
		printf("    target %.0f %% by %s: %s\n", 100 * json_number_value(json_object_get(target, "value")),
		       json_string_value(json_object_get(target, "deadline")),
		       json_string_value(json_object_get(target, "standing")));
	}
	print_sites(community);
}

bool run_coverage(struct invocation *in, struct err *err)
{
	struct coverage_query query = {option_value(in, "from"), option_value(in, "to"), option_value(in, "basis")};
	const json_t *period;
	json_t *coverage, *community;
	size_t i;

	if (!coverage_read(in->db, &query, &coverage, err))
		return false;
	if (option_given(in, "json"))
		return output_json(coverage, err);
	period = json_object_get(coverage, "period");
	printf("coverage %s to %s, headline basis %s\n", json_string_value(json_object_get(period, "from")),
	       json_string_value(json_object_get(period, "to")), json_string_value(json_object_get(coverage, "basis")));
	json_array_foreach(json_object_get(coverage, "communities"), i, community) print_community(community);
	json_decref(coverage);
	return true;
}
