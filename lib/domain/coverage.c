#include "lib/domain/coverage.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "lib/base/conf.h"
#include "lib/db/db.h"
#include "lib/domain/period.h"

enum { DEFINITION_VERSION = 1 };

/* The type whose sites are found by the flag and not by the licence. */
static const char township[] = "township_health_centre";

enum basis { BASIS_CONNECTED, BASIS_SERVED, BASIS_REGULAR, BASIS_COUNT };
static const char *const basis_names[BASIS_COUNT] = {"connected", "served", "regular"};

struct coverage {
	struct period period;
	enum basis basis;
	int64_t regular; /* reports in the whole period */
	struct db_rows *now, *before, *targets;
};

struct tally {
	int sites, without_equipment, of[BASIS_COUNT];
};

/* ---- what was asked ----------------------------------------------------------------------------------------------------- */

static bool find_basis(const char *name, enum basis *out, struct err *err)
{
	int i;

	if (!name)
		name = conf_text(CONF_COVERAGE_BASIS);
	for (i = 0; i < BASIS_COUNT; i++) {
		if (strcmp(name, basis_names[i]) == 0) {
			*out = (enum basis)i;
			return true;
		}
	}
	return err_set(err, ERR_INVALID, "cannot use basis \"%.40s\": connected, served or regular", name);
}

static bool load(struct db *db, const struct coverage_query *query, struct coverage *out, struct err *err)
{
	struct period *period = &out->period;

	if (!find_basis(query->basis, &out->basis, err) ||
	    !period_load(db, query->from_day, query->to_day, period, err))
		return false;
	out->regular = conf_number(CONF_COVERAGE_REGULAR) * period->months;
	return db_exec(db, STMT_COVERAGE_SITES, DB_PARAMS(db_text(period->from), db_text(period->to)), &out->now,
	               err) &&
	       db_exec(db, STMT_COVERAGE_SITES, DB_PARAMS(db_text(period->before_from), db_text(period->before_to)),
	               &out->before, err) &&
	       db_exec(db, STMT_COVERAGE_TARGETS, DB_PARAMS(db_text(period->to)), &out->targets, err);
}

/* ---- the figure --------------------------------------------------------------------------------------------------------- */

static bool is_covered(const struct coverage *coverage, const struct db_rows *rows, int row, enum basis basis)
{
	int64_t reports = db_get_int(rows, row, "reports");

	if (basis == BASIS_CONNECTED)
		return db_get_bool(rows, row, "is_enrolled") &&
		       db_get_int(rows, row, "echoes") + db_get_int(rows, row, "images") > 0;
	return basis == BASIS_SERVED ? reports > 0 : reports >= coverage->regular;
}

static bool is_of_type(const struct db_rows *rows, int row, const char *site_type)
{
	if (strcmp(site_type, township) == 0)
		return db_get_bool(rows, row, "counts");
	return strcmp(db_get_text(rows, row, "licensed_type"), site_type) == 0;
}

/* Over the rows from first up to the one before end. */
static struct tally tally_rows(const struct coverage *coverage, const struct db_rows *rows, int first, int end,
                               const char *community_id, const char *site_type)
{
	struct tally sum = {0};
	int row, basis;

	for (row = first; row < end; row++) {
		if (strcmp(db_get_text(rows, row, "community_id"), community_id) != 0 ||
		    !is_of_type(rows, row, site_type))
			continue;
		sum.sites++;
		sum.without_equipment += !db_get_bool(rows, row, "has_equipment");
		for (basis = 0; basis < BASIS_COUNT; basis++)
			sum.of[basis] += is_covered(coverage, rows, row, (enum basis)basis);
	}
	return sum;
}

static struct tally tally(const struct coverage *coverage, const struct db_rows *rows, const char *community_id,
                          const char *site_type)
{
	return tally_rows(coverage, rows, 0, db_rows_count(rows), community_id, site_type);
}

/* NAN: there is nothing to cover. Four digits, so that page, export and metrics print the same. */
static double rate(const struct tally *sum, enum basis basis)
{
	return sum->sites ? round(10000.0 * sum->of[basis] / sum->sites) / 10000 : NAN;
}

static json_t *rate_json(double value)
{
	return isnan(value) ? json_null() : json_real(value);
}

static const char *standing(double now, double before, double value, int64_t days_left, int days)
{
	double trend;

	if (isnan(now))
		return "late";
	if (now >= value)
		return "reached";
	if (days_left <= 0)
		return "late";
	trend = (now - (isnan(before) ? 0 : before)) / days;
	return now + trend * (double)days_left >= value ? "on_track" : "late";
}

/* ---- JSON --------------------------------------------------------------------------------------------------------------- */

static json_t *site_json(const struct coverage *coverage, int row)
{
	const struct db_rows *rows = coverage->now;

	return json_pack("{ss ss ss ss ss sb sb sI sI sI sb sb sb}", "id", db_get_text(rows, row, "site_id"), "code",
	                 db_get_text(rows, row, "code"), "name", db_get_text(rows, row, "name"), "grid",
	                 db_get_text(rows, row, "grid"), "licensed_type", db_get_text(rows, row, "licensed_type"),
	                 "has_equipment", db_get_bool(rows, row, "has_equipment"), "counts",
	                 db_get_bool(rows, row, "counts"), "echoes", (json_int_t)db_get_int(rows, row, "echoes"),
	                 "images", (json_int_t)db_get_int(rows, row, "images"), "reports",
	                 (json_int_t)db_get_int(rows, row, "reports"), "is_connected",
	                 is_covered(coverage, rows, row, BASIS_CONNECTED), "is_served",
	                 is_covered(coverage, rows, row, BASIS_SERVED), "is_regular",
	                 is_covered(coverage, rows, row, BASIS_REGULAR));
}

static bool target_is_for(const struct coverage *coverage, int target, const char *community_id)
{
	const char *scope = db_get_text(coverage->targets, target, "community_id");

	return !scope || strcmp(scope, community_id) == 0;
}

static json_t *target_json(const struct coverage *coverage, int target, const char *community_id)
{
	const struct db_rows *rows = coverage->targets;
	const char *site_type = db_get_text(rows, target, "site_type");
	struct tally sum = tally(coverage, coverage->now, community_id, site_type);
	struct tally sum_before = tally(coverage, coverage->before, community_id, site_type);
	double value = strtod(db_get_text(rows, target, "value"), NULL), now = rate(&sum, coverage->basis);

	return json_pack("{ss sf ss ss so ss}", "site_type", site_type, "value", value, "deadline",
	                 db_get_text(rows, target, "deadline"), "source", db_get_text(rows, target, "source"), "rate",
	                 rate_json(now), "standing",
	                 standing(now, rate(&sum_before, coverage->basis), value, db_get_int(rows, target, "days_left"),
	                          coverage->period.days));
}

static json_t *targets_json(const struct coverage *coverage, const char *community_id)
{
	json_t *list = json_array();
	int i;

	for (i = 0; i < db_rows_count(coverage->targets); i++)
		if (target_is_for(coverage, i, community_id))
			json_array_append_new(list, target_json(coverage, i, community_id));
	return list;
}

static json_t *community_json(const struct coverage *coverage, int row)
{
	const char *id = db_get_text(coverage->now, row, "community_id");
	struct tally sum = tally(coverage, coverage->now, id, township);
	json_t *sites = json_array();
	int i;

	for (i = row; i < db_rows_count(coverage->now); i++)
		if (strcmp(db_get_text(coverage->now, i, "community_id"), id) == 0)
			json_array_append_new(sites, site_json(coverage, i));
	return json_pack("{ss ss ss si si si si si s{so so so} so so so}", "id", id, "name",
	                 db_get_text(coverage->now, row, "community"), "site_type", township, "sites", sum.sites,
	                 "without_equipment", sum.without_equipment, "connected", sum.of[BASIS_CONNECTED], "served",
	                 sum.of[BASIS_SERVED], "regular", sum.of[BASIS_REGULAR], "rate", "connected",
	                 rate_json(rate(&sum, BASIS_CONNECTED)), "served", rate_json(rate(&sum, BASIS_SERVED)),
	                 "regular", rate_json(rate(&sum, BASIS_REGULAR)), "headline_rate",
	                 rate_json(rate(&sum, coverage->basis)), "targets", targets_json(coverage, id), "site_list",
	                 sites);
}

/* Rows of one community follow each other. */
static json_t *communities_json(const struct coverage *coverage)
{
	json_t *list = json_array();
	const char *last = "";
	int row;

	for (row = 0; row < db_rows_count(coverage->now); row++) {
		if (strcmp(db_get_text(coverage->now, row, "community_id"), last) == 0)
			continue;
		last = db_get_text(coverage->now, row, "community_id");
		json_array_append_new(list, community_json(coverage, row));
	}
	return list;
}

/* The target that matters on the last day: the next to fall due, or the last that did. */
static const json_t *target_in_force(const json_t *community, const char *day)
{
	const json_t *targets = json_object_get(community, "targets"), *target, *last = NULL;
	size_t i;

	json_array_foreach(targets, i, target)
	{
		if (strcmp(json_string_value(json_object_get(target, "site_type")), township) != 0)
			continue;
		last = target;
		if (strcmp(json_string_value(json_object_get(target, "deadline")), day) >= 0)
			break;
	}
	return last;
}

static bool has_reached(const json_t *target)
{
	return strcmp(json_string_value(json_object_get(target, "standing")), "reached") == 0;
}

static json_t *region_json(const json_t *communities, const char *day)
{
	const json_t *community, *target, *worst = NULL;
	int with_target = 0, reached = 0;
	double lowest = 2;
	size_t i;

	json_array_foreach(communities, i, community)
	{
		const json_t *headline = json_object_get(community, "headline_rate");

		if ((target = target_in_force(community, day))) {
			with_target++;
			reached += has_reached(target);
		}
		if (json_is_real(headline) && json_real_value(headline) < lowest) {
			lowest = json_real_value(headline);
			worst = community;
		}
	}
	return json_pack("{si si si so}", "communities", (int)json_array_size(communities), "with_target", with_target,
	                 "reached", reached, "worst",
	                 worst ? json_pack("{sO sO sf}", "id", json_object_get(worst, "id"), "name",
	                                   json_object_get(worst, "name"), "rate", lowest)
	                       : json_null());
}

static json_t *coverage_json(const struct coverage *coverage)
{
	const struct period *period = &coverage->period;
	json_t *communities = communities_json(coverage);
	json_t *region = region_json(communities, period->to);

	return json_pack("{ss si s{ss ss} ss sI s[ss] so so}", "figure", "coverage_rate", "definition_version",
	                 DEFINITION_VERSION, "period", "from", period->from, "to", period->to, "basis",
	                 basis_names[coverage->basis], "regular_reports_a_month",
	                 (json_int_t)conf_number(CONF_COVERAGE_REGULAR), "reading_modes", "central", "local_draft",
	                 "region", region, "communities", communities);
}

bool coverage_read(struct db *db, const struct coverage_query *query, json_t **out, struct err *err)
{
	struct coverage coverage = {.basis = BASIS_SERVED};
	json_t *json = NULL;
	bool ok = load(db, query, &coverage, err);

	if (ok && !(json = coverage_json(&coverage)))
		err_panic("cannot write coverage as JSON");
	db_rows_free(coverage.now);
	db_rows_free(coverage.before);
	db_rows_free(coverage.targets);
	if (ok)
		*out = json;
	return ok;
}

/* ---- the trend ---------------------------------------------------------------------------------------------------------- */

static json_t *ratio_json(const struct tally *sum, enum basis basis)
{
	return json_pack("{si si so}", "numerator", sum->of[basis], "denominator", sum->sites, "value",
	                 rate_json(rate(sum, basis)));
}

static int month_end(const struct db_rows *rows, int first)
{
	const char *month = db_get_text(rows, first, "month");
	int end = first;

	while (end < db_rows_count(rows) && strcmp(db_get_text(rows, end, "month"), month) == 0)
		end++;
	return end;
}

bool coverage_trend(struct db *db, const char *community_id, const char *to_day, json_t **out, struct err *err)
{
	struct coverage coverage = {.regular = conf_number(CONF_COVERAGE_REGULAR)};
	struct db_rows *rows = NULL;
	json_t *months = json_array();
	int row, end;

	if (!db_exec(db, STMT_COVERAGE_MONTHS, DB_PARAMS(db_text(community_id), db_text(to_day)), &rows, err)) {
		json_decref(months);
		return false;
	}
	for (row = 0; row < db_rows_count(rows); row = end) {
		end = month_end(rows, row);
		struct tally sum = tally_rows(&coverage, rows, row, end, community_id, township);
		json_array_append_new(months, json_pack("{ss so so so}", "month", db_get_text(rows, row, "month"),
		                                        "connected", ratio_json(&sum, BASIS_CONNECTED), "served",
		                                        ratio_json(&sum, BASIS_SERVED), "regular",
		                                        ratio_json(&sum, BASIS_REGULAR)));
	}
	db_rows_free(rows);
	*out = months;
	return true;
}
