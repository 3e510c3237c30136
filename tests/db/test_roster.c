#include <criterion/criterion.h>
#include <jansson.h>
#include <stdio.h>
#include <string.h>

#include "lib/domain/defaults.h"
#include "lib/domain/roster.h"
#include "lib/domain/site.h"
#include "tests/db/ledger.h"

static struct db_pool *pool;
static PGconn *owner;
static char word[40]; /* names of this test alone */

static void setup(void)
{
	ledger_setup();
	pool = ledger_pool("yq_operator", 2);
	owner = ledger_connect("yq_owner");
	ledger_name(word);
	word[16] = '\0';
}

static void teardown(void)
{
	db_pool_free(pool);
	PQfinish(owner);
}

TestSuite(roster, .init = setup, .fini = teardown, .timeout = 120);

static bool load_work(struct db *db, void *context, struct err *err)
{
	void **both = context;

	return roster_load(db, both[0], both[1], err);
}

/* text with every mark replaced by the word of the test. */
static void fill(const char *text, char mark, char *out, size_t out_size)
{
	size_t used = 0;

	for (; *text; text++)
		used += (size_t)(*text == mark ? snprintf(out + used, out_size - used, "%s", word)
		                               : snprintf(out + used, out_size - used, "%c", *text));
}

static bool load(const char *text, struct roster_counts *counts, struct err *err)
{
	char filled[4096] = "";
	json_t *roster;
	void *both[2];
	bool ok;

	fill(text, '@', filled, sizeof(filled));
	roster = json_loads(filled, 0, NULL);
	cr_assert_not_null(roster, "%s", filled);
	both[0] = roster;
	both[1] = counts;
	ok = db_transact(pool, NULL, load_work, both, err);
	json_decref(roster);
	return ok;
}

#define SITE(name, code)                                                                                               \
	"{\"name\":\"" name "\"," code                                                                                 \
	"\"licensed_type\":\"township_health_centre\",\"counts_as_township_health_centre\":true}"
#define ROSTER(first, second)                                                                                          \
	"{\"region\":\"R\",\"communities\":[{\"name\":\"C-@\",\"grids\":["                                             \
	"{\"name\":\"G1-@\",\"lead\":\"L1-@\",\"lead_code\":\"l1-@\",\"members\":[" first "]},"                        \
	"{\"name\":\"G2-@\",\"lead\":\"L2-@\",\"members\":[" second "]}]}]}"

static long number(const char *text)
{
	char sql[1000];

	fill(text, '#', sql, sizeof(sql));
	return strtol(ledger_value(owner, sql), NULL, 10);
}

Test(roster, loads_and_loads_again_without_a_change)
{
	const char *text = ROSTER(SITE("A-@", "\"code\":\"a-@\",") "," SITE("B-@", ""), SITE("D-@", ""));
	struct roster_counts counts;
	struct err err;

	cr_assert(load(text, &counts, &err), "%s", err.text);
	cr_expect_eq(counts.sites, 5, "got %d", counts.sites);
	cr_expect_eq(counts.sites_new, 5);
	cr_expect_eq(counts.communities_new, 1);
	cr_expect_eq(counts.grids_new, 2);
	cr_expect_eq(
	    number("SELECT count(*) FROM grid_lead l JOIN scope s ON s.scope_id = l.grid_id WHERE s.name LIKE 'G_-#'"),
	    2);
	cr_expect_eq(number("SELECT count(*) FROM yq_sites_under((SELECT scope_id FROM scope WHERE name = 'C-#'), "
	                    "yq_now()::date)"),
	             5);

	cr_assert(load(text, &counts, &err), "%s", err.text);
	cr_expect_eq(counts.sites_new + counts.sites_changed + counts.sites_moved + counts.grids_new +
	                 counts.communities_new,
	             0);
	cr_expect_eq(counts.sites_not_named, 0);
}

Test(roster, a_site_that_moves_keeps_its_history)
{
	struct roster_counts counts;
	struct err err;

	cr_assert(load(ROSTER(SITE("A-@", ""), SITE("D-@", "")), &counts, &err), "%s", err.text);
	cr_assert(load(ROSTER("", SITE("A-@", "") "," SITE("D-@", "")), &counts, &err), "%s", err.text);
	cr_expect_eq(counts.sites_moved, 1, "got %d", counts.sites_moved);
	cr_expect_eq(counts.sites_new, 0);
	cr_expect_eq(number("SELECT count(*) FROM scope_membership m JOIN scope s ON s.scope_id = m.child_id WHERE "
	                    "s.name = 'A-#'"),
	             2);
	cr_expect_str_eq(
	    ledger_value(owner, "SELECT bool_and(lower(valid) = yq_now()::date OR upper(valid) = yq_now()::date) FROM "
	                        "scope_membership m "
	                        "JOIN scope s ON s.scope_id = m.child_id JOIN scope g ON g.scope_id = m.parent_id "
	                        "WHERE s.name LIKE 'A-%' "
	                        "AND (SELECT count(*) FROM scope_membership o WHERE o.child_id = m.child_id) = 2"),
	    "t");

	/* Back on the same day: what began today is put right, there is no empty range. */
	cr_assert(load(ROSTER(SITE("A-@", ""), SITE("D-@", "")), &counts, &err), "%s", err.text);
	cr_expect_eq(
	    number("SELECT count(*) FROM scope_membership m JOIN scope s ON s.scope_id = m.child_id JOIN scope g ON "
	           "g.scope_id = m.parent_id WHERE s.name LIKE 'A-#' AND g.name LIKE 'G1-%' AND m.valid @> "
	           "yq_now()::date"),
	    1);
}

Test(roster, renames_by_code_and_keeps_what_is_not_named)
{
	struct roster_counts counts;
	struct err err;

	cr_assert(load(ROSTER(SITE("A-@", "\"code\":\"x-@\","), SITE("D-@", "")), &counts, &err), "%s", err.text);
	cr_assert(load(ROSTER(SITE("New-@", "\"code\":\"x-@\","), ""), &counts, &err), "%s", err.text);
	cr_expect_eq(counts.sites_changed, 1);
	cr_expect_eq(counts.sites_new, 0);
	cr_expect_eq(counts.sites_not_named, 1, "got %d", counts.sites_not_named);
	cr_expect_eq(number("SELECT count(*) FROM scope WHERE name = 'New-#'"), 1);
	cr_expect_eq(number("SELECT count(*) FROM scope WHERE name = 'D-#'"), 1);
}

Test(roster, a_wrong_file_changes_nothing)
{
	struct roster_counts counts;
	struct err err;

	cr_expect_not(load(ROSTER(SITE("A-@", ""), "{\"name\":\"broken-@\"}"), &counts, &err));
	cr_expect_eq(err.kind, ERR_INVALID);
	cr_expect_eq(number("SELECT count(*) FROM scope WHERE name = 'C-#'"), 0);
	/* What only the ledger can refuse, after the community was put. */
	cr_expect_not(load(
	    "{\"communities\":[{\"name\":\"C-@\",\"grids\":[]}],\"targets\":[{\"figure\":\"coverage_"
	    "rate\",\"site_type\":"
	    "\"hospital\",\"value\":0.5,\"deadline\":\"2026-02-28\",\"source\":\"s\",\"community\":\"nobody-@\"}]}",
	    &counts, &err));
	cr_expect_eq(number("SELECT count(*) FROM scope WHERE name = 'C-#'"), 0, "the transaction was not rolled back");
}

Test(roster, targets_are_put_right)
{
	const char *half =
	    "{\"communities\":[{\"name\":\"C-@\",\"grids\":[]}],\"targets\":[{\"figure\":\"coverage_rate\",\"site_"
	    "type\":"
	    "\"hospital\",\"value\":0.5,\"deadline\":\"2026-12-31\",\"source\":\"s\",\"community\":\"C-@\"}]}";
	const char *more =
	    "{\"targets\":[{\"figure\":\"coverage_rate\",\"site_type\":"
	    "\"hospital\",\"value\":0.8,\"deadline\":\"2026-12-31\",\"source\":\"s\",\"community\":\"C-@\"}]}";
	const char *stray =
	    "{\"targets\":[{\"figure\":\"coverage_rate\",\"site_type\":"
	    "\"hospital\",\"value\":0.8,\"deadline\":\"2026-12-31\",\"source\":\"s\",\"community\":\"nobody-@\"}]}";
	struct roster_counts counts;
	struct err err;

	cr_assert(load(half, &counts, &err), "%s", err.text);
	cr_expect_eq(counts.targets_changed, 1);
	cr_assert(load(half, &counts, &err), "%s", err.text);
	cr_expect_eq(counts.targets_changed, 0);
	cr_assert(load(more, &counts, &err), "%s", err.text);
	cr_expect_eq(counts.targets_changed, 1);
	cr_expect_eq(number("SELECT count(*) FROM coverage_target t JOIN scope s USING (scope_id) WHERE s.name = "
	                    "'C-#' AND value = 0.8"),
	             1);
	cr_expect_not(load(stray, &counts, &err));
	cr_expect_eq(err.kind, ERR_NOT_FOUND);
}

/* ---- sites by name -------------------------------------------------------------------------------------------------- */

static bool find(const char *name, struct site *out, struct err *err)
{
	struct db *db;
	bool ok;

	cr_assert(db_take(pool, &db, err));
	ok = site_find(db, name, out, err);
	db_give(db);
	return ok;
}

Test(roster, sites_are_found_by_id_code_and_name)
{
	struct roster_counts counts;
	struct site site, again;
	char name[60], code[60];
	struct err err;

	cr_assert(
	    load(ROSTER(SITE("A-@", "\"code\":\"c-@\","), SITE("Same-@", "\"code\":\"s1-@\",") "," SITE("Other-@", "")),
	         &counts, &err));
	snprintf(name, sizeof(name), "A-%s", word);
	snprintf(code, sizeof(code), "c-%s", word);
	cr_assert(find(name, &site, &err), "%s", err.text);
	cr_expect_str_eq(site.code, code);
	cr_assert(find(code, &again, &err), "%s", err.text);
	cr_expect_eq(site.site_id, again.site_id);
	cr_assert(find(site.public_id, &again, &err), "%s", err.text);
	cr_expect_eq(site.site_id, again.site_id);

	cr_expect_not(find("", &site, &err));
	cr_expect_eq(err.kind, ERR_INVALID);
	snprintf(name, sizeof(name), "ther-%s", word);
	cr_expect_not(find(name, &site, &err));
	cr_expect_eq(err.kind, ERR_NOT_FOUND);
	cr_expect_not_null(strstr(err.text, "Other-"), "got '#'", err.text);
}

Test(roster, a_shared_name_lists_the_candidates)
{
	struct roster_counts counts;
	struct site site;
	char name[60], first[60], second[60];
	struct err err;

	cr_assert(
	    load("{\"communities\":[{\"name\":\"C1-@\",\"grids\":[{\"name\":\"G\",\"lead\":\"La-@\",\"members\":[" SITE(
	             "Twin-@", "\"code\":\"t1-@\",") "]}]},{\"name\":\"C2-@\",\"grids\":[{\"name\":\"G\",\"lead\":\"Lb-"
	                                             "@\",\"members\":[" SITE("Twin-@", "\"code\":\"t2-@\",") "]}]}]}",
	         &counts, &err),
	    "%s", err.text);
	snprintf(name, sizeof(name), "Twin-%s", word);
	snprintf(first, sizeof(first), "t1-%s", word);
	snprintf(second, sizeof(second), "t2-%s", word);
	cr_expect_not(find(name, &site, &err));
	cr_expect_eq(err.kind, ERR_INVALID);
	cr_expect(strstr(err.text, first) && strstr(err.text, second), "got '#'", err.text);
}

/* ---- defaults ------------------------------------------------------------------------------------------------------- */

static bool defaults_work(struct db *db, void *context, struct err *err)
{
	return defaults_make(db, context, err);
}

Test(roster, defaults_cover_every_grid_and_are_made_once)
{
	struct roster_counts counts;
	struct defaults_made made;
	struct err err;

	cr_assert(load(ROSTER(SITE("A-@", ""), SITE("D-@", "")), &counts, &err), "%s", err.text);
	cr_assert(db_transact(pool, NULL, defaults_work, &made, &err), "%s", err.text);
	cr_expect_eq(number("SELECT count(*) FROM routing_rule u JOIN routing_rule_set t USING (rule_set_id) JOIN "
	                    "scope s ON u.conditions -> 0 -> 'values' ? s.public_id::text "
	                    "WHERE t.in_force @> yq_now() AND s.name LIKE 'G_-#' AND u.reading_mode = 'central'"),
	             6);
	cr_expect_eq(number("SELECT count(*) FROM reading_queue q JOIN scope s ON s.scope_id = q.lead_site_id WHERE "
	                    "s.name LIKE 'L_-#'"),
	             2);
	cr_assert(db_transact(pool, NULL, defaults_work, &made, &err), "%s", err.text);
	cr_expect_eq(made.policies + made.queues + made.rules + made.limits, 0);
	/* Without a gap: a set begins at the moment at which the one before ends. */
	cr_expect_str_eq(
	    ledger_value(owner, "SELECT coalesce(bool_and(lower(in_force) = previous), true) FROM (SELECT in_force, "
	                        "lag(upper(in_force)) OVER (ORDER BY version) AS previous FROM routing_rule_set "
	                        "WHERE note = 'default') AS s WHERE previous IS NOT NULL"),
	    "t");
}
