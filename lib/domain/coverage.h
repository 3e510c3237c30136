/*
 * Coverage 覆盖率, by its one definition (SQL function coverage_sites() and the sums here), for yqctl, API and metrics alike.
 *
 * Denominator: the sites that on the last day of the period belong to a community and count as township health centres; without
 * equipment they stay in it, flagged. Of those, in the period:
 *   connected  enrolled, and an echo or image came
 *   served     at least one report, issued by a lead hospital of the site's grid, came back: delivered, or opened at the site
 *   regular    at least coverage_regular such reports for each month that the period touches
 * Reports signed by the site itself (reading mode local) do not count.
 * A site with nothing is there with zeros. The headline basis is the setting coverage_basis.
 * A target is reached; or on_track, when the headline rate, going on as it went from the period of the same length before to this one,
 * reaches it by its deadline; or late.
 */
#ifndef YQ_DOMAIN_COVERAGE_H
#define YQ_DOMAIN_COVERAGE_H

#include <jansson.h>
#include <stdbool.h>

#include "lib/base/err.h"

struct db;

/* Days as "2026-11-01", both within the period; NULL: the running month up to today. basis: connected, served, regular; NULL: as configured. */
struct coverage_query {
	const char *from_day, *to_day;
	const char *basis;
};

/*
 * With the eyes of the session: communities of which the person may see a site; all when it has no person.
 * *out is the caller's, json_decref():
 * {"figure":"coverage_rate","definition_version":1,"period":{"from","to"},"basis","regular_reports_a_month",
 *  "region":{"communities":n,"with_target":n,"reached":n,"worst":{"id","name","rate"}|null},
 *  "communities":[{"id","name","sites":n,"without_equipment":n,"connected":n,"served":n,"regular":n,
 *    "rate":{"connected":x,"served":x,"regular":x},"headline_rate":x,
 *    "targets":[{"site_type","value","deadline","source","rate":x,"standing":"reached|on_track|late"}],
 *    "site_list":[{"id","code","name","grid","has_equipment":b,"counts":b,"echoes":n,"images":n,"reports":n,
 *                  "is_connected":b,"is_served":b,"is_regular":b}]}]}
 * A rate is null where the denominator is 0. ERR_INVALID: no day, the period is empty or longer than 5 years, no such basis.
 */
bool coverage_read(struct db *db, const struct coverage_query *query, json_t **out, struct err *err);

/*
 * Of one community in each month up to a day, at most 13, the oldest first; the last one ends with that day. *out is the caller's:
 * [{"month":"2026-11","connected":{"numerator":n,"denominator":n,"value":x|null},"served":{...},"regular":{...}}]
 */
bool coverage_trend(struct db *db, const char *community_id, const char *to_day, json_t **out, struct err *err);

#endif
