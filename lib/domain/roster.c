#include "lib/domain/roster.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/base/digest.h"
#include "lib/db/db.h"
#include "lib/domain/roster_parts.h"
#include "lib/domain/site.h"

enum { KEY_TEXT_MAX = 24 };

/* One load under way. Starts anew when the transaction does. */
struct load {
	const json_t *roster;
	const char *region;
	const char *community; /* name of the one at hand */
	int64_t community_id;
	json_t *named; /* keys of its sites, as texts */
	struct roster_counts counts;
};

/* What one line of the roster says of a site. */
struct member {
	const char *code, *name, *licensed_type, *note;
	bool counts, has_equipment;
};

static const char *or_empty(const char *text)
{
	return text ? text : "";
}

/* Stable for a community and a name, so that the file loads again to the same sites. */
static void make_code(const struct load *load, const char *name, char out[SITE_CODE_SIZE])
{
	struct digest *digest = digest_new();
	uint8_t hash[DIGEST_SIZE];

	digest_update(digest, load->community, strlen(load->community) + 1);
	digest_update(digest, name, strlen(name));
	digest_final(digest, hash);
	digest_free(digest);
	out[0] = 's';
	out[1] = '-';
	text_hex(hash, 5, out + 2);
}

static bool put_scope(struct db *db, enum db_statement statement, const struct db_param *params, size_t count,
                      int64_t *out_id, int *new_count, struct err *err)
{
	struct db_rows *rows;

	if (!db_exec_one(db, statement, params, count, "the scope", &rows, err))
		return false;
	*out_id = db_get_int(rows, 0, "scope_id");
	*new_count += db_get_bool(rows, 0, "is_new");
	db_rows_free(rows);
	return true;
}

/* *out is 0 when there is none. */
static bool find_site(struct db *db, const struct load *load, const char *code, const char *name, int64_t *out,
                      struct err *err)
{
	struct db_rows *rows;

	if (!db_exec(db, STMT_ROSTER_SITE_FIND, DB_PARAMS(db_text(code), db_text(name), db_int(load->community_id)),
	             &rows, err))
		return false;
	*out = db_rows_count(rows) ? db_get_int(rows, 0, "site_id") : 0;
	db_rows_free(rows);
	return true;
}

static bool add_site(struct db *db, struct load *load, const struct member *member, int64_t *out, struct err *err)
{
	char code[SITE_CODE_SIZE];
	struct db_rows *rows;

	make_code(load, member->name, code);
	if (!db_exec_one(db, STMT_ROSTER_SITE_ADD,
	                 DB_PARAMS(db_text(member->code ? member->code : code), db_text(member->name),
	                           db_text(load->region), db_text(member->licensed_type), db_bool(member->counts),
	                           db_bool(member->has_equipment), db_text(member->note)),
	                 "the site", &rows, err))
		return false;
	*out = db_get_int(rows, 0, "site_id");
	load->counts.sites_new++;
	db_rows_free(rows);
	return true;
}

static bool update_site(struct db *db, struct load *load, int64_t site_id, const struct member *member, struct err *err)
{
	struct db_rows *rows;

	if (!db_exec(db, STMT_ROSTER_SITE_UPDATE,
	             DB_PARAMS(db_int(site_id), db_text(member->code), db_text(member->name),
	                       db_text(member->licensed_type), db_bool(member->counts), db_bool(member->has_equipment),
	                       db_text(member->note)),
	             &rows, err))
		return false;
	load->counts.sites_changed += db_rows_count(rows) > 0;
	db_rows_free(rows);
	return true;
}

static bool put_site(struct db *db, struct load *load, const struct member *member, int64_t *out_site, struct err *err)
{
	char key[KEY_TEXT_MAX];

	if (!find_site(db, load, member->code, member->name, out_site, err))
		return false;
	if (*out_site == 0 ? !add_site(db, load, member, out_site, err)
	                   : !update_site(db, load, *out_site, member, err))
		return err_context(err, "site '%.60s'", member->name);
	load->counts.sites++;
	snprintf(key, sizeof(key), "%lld", (long long)*out_site);
	json_array_append_new(load->named, json_string(key));
	return true;
}

static bool put_member(struct db *db, struct load *load, int64_t grid_id, const json_t *json, struct err *err)
{
	struct member member = {
	    .code = roster_text(json, "code"),
	    .name = roster_text(json, "name"),
	    .licensed_type = roster_text(json, "licensed_type"),
	    .note = or_empty(roster_text(json, "note")),
	    .counts = roster_flag(json, "counts_as_township_health_centre", false),
	    .has_equipment = roster_flag(json, "has_equipment", true),
	};
	struct db_rows *rows;
	int64_t site_id;

	if (!put_site(db, load, &member, &site_id, err) ||
	    !db_exec(db, STMT_ROSTER_MEMBER_MOVE, DB_PARAMS(db_int(site_id), db_int(grid_id)), &rows, err))
		return false;
	load->counts.sites_moved += db_rows_affected(rows) > 0;
	db_rows_free(rows);
	return db_exec(db, STMT_ROSTER_MEMBER_PUT, DB_PARAMS(db_int(site_id), db_int(grid_id)), NULL, err);
}

static bool is_named_as_member(const json_t *roster_community, const char *name)
{
	size_t i, j;
	json_t *grid, *member;

	json_array_foreach(json_object_get(roster_community, "grids"), i, grid)
	{
		json_array_foreach(json_object_get(grid, "members"), j, member)
		{
			if (strcmp(roster_text(member, "name"), name) == 0)
				return true;
		}
	}
	return false;
}

/* A lead is a hospital of its own grid, unless the roster lists it among the members; it may lead several grids. */
static bool put_lead(struct db *db, struct load *load, const json_t *community, int64_t grid_id, const json_t *grid,
                     struct err *err)
{
	struct member lead = {
	    .code = roster_text(grid, "lead_code"),
	    .name = roster_text(grid, "lead"),
	    .licensed_type = "hospital",
	    .note = "",
	    .has_equipment = true,
	};
	int64_t site_id;

	if (is_named_as_member(community, lead.name) ? !find_site(db, load, lead.code, lead.name, &site_id, err)
	                                             : !put_site(db, load, &lead, &site_id, err))
		return false;
	return db_exec(db, STMT_ROSTER_MEMBER_PUT, DB_PARAMS(db_int(site_id), db_int(grid_id)), NULL, err) &&
	       db_exec(db, STMT_ROSTER_LEAD_MOVE, DB_PARAMS(db_int(grid_id), db_int(site_id)), NULL, err) &&
	       db_exec(db, STMT_ROSTER_LEAD_PUT, DB_PARAMS(db_int(grid_id), db_int(site_id)), NULL, err);
}

static bool put_grid(struct db *db, struct load *load, const json_t *community, const json_t *grid, struct err *err)
{
	size_t i;
	json_t *member;
	int64_t grid_id;

	if (!put_scope(db, STMT_ROSTER_GRID_PUT,
	               DB_PARAMS(db_int(load->community_id), db_text(roster_text(grid, "name")), db_text(load->region)),
	               &grid_id, &load->counts.grids_new, err))
		return false;
	json_array_foreach(json_object_get(grid, "members"), i, member)
	{
		if (!put_member(db, load, grid_id, member, err))
			return false;
	}
	return put_lead(db, load, community, grid_id, grid, err);
}

static bool count_not_named(struct db *db, struct load *load, struct err *err)
{
	size_t count = json_array_size(load->named);
	const char **keys = calloc(count + 1, sizeof(*keys));
	struct db_rows *rows;
	bool ok;

	if (!keys)
		err_panic("out of memory");
	for (size_t i = 0; i < count; i++)
		keys[i] = json_string_value(json_array_get(load->named, i));
	ok = db_exec(db, STMT_ROSTER_NOT_NAMED, DB_PARAMS(db_int(load->community_id), db_texts(keys, count)), &rows,
	             err);
	free(keys);
	if (!ok)
		return false;
	load->counts.sites_not_named += db_rows_count(rows);
	db_rows_free(rows);
	return true;
}

static bool put_community(struct db *db, struct load *load, const json_t *community, struct err *err)
{
	size_t i;
	json_t *grid;

	load->community = roster_text(community, "name");
	json_array_clear(load->named);
	if (!put_scope(db, STMT_ROSTER_COMMUNITY_PUT, DB_PARAMS(db_text(load->community), db_text(load->region)),
	               &load->community_id, &load->counts.communities_new, err))
		return false;
	json_array_foreach(json_object_get(community, "grids"), i, grid)
	{
		if (!put_grid(db, load, community, grid, err))
			return false;
	}
	return count_not_named(db, load, err);
}

static bool find_community(struct db *db, const char *name, struct db_param *out, struct err *err)
{
	struct db_rows *rows;
	int count;

	if (!db_exec(db, STMT_COMMUNITY_FIND, DB_PARAMS(db_text(name)), &rows, err))
		return false;
	count = db_rows_count(rows);
	if (count == 1)
		*out = db_int(db_get_int(rows, 0, "scope_id"));
	db_rows_free(rows);
	if (count == 0)
		return err_set(err, ERR_NOT_FOUND, "there is no community '%.60s'; load its roster first", name);
	return count == 1 || err_set(err, ERR_INVALID, "several communities are named '%.60s'", name);
}

static bool put_target(struct db *db, struct load *load, const json_t *target, struct err *err)
{
	const char *community = roster_text(target, "community");
	struct db_param scope = db_null();
	struct db_rows *rows;
	char value[32];

	if (community && !find_community(db, community, &scope, err))
		return false;
	snprintf(value, sizeof(value), "%.4f", json_number_value(json_object_get(target, "value")));
	if (!db_exec(db, STMT_TARGET_PUT,
	             DB_PARAMS(scope, db_text(roster_text(target, "figure")), db_text(roster_text(target, "site_type")),
	                       db_text(value), db_text(roster_text(target, "deadline")),
	                       db_text(roster_text(target, "source"))),
	             &rows, err))
		return false;
	load->counts.targets++;
	load->counts.targets_changed += db_rows_count(rows);
	db_rows_free(rows);
	return true;
}

static bool put_targets(struct db *db, void *context, struct err *err)
{
	struct load *load = context;
	size_t i;
	json_t *target;

	memset(&load->counts, 0, sizeof(load->counts));
	json_array_foreach(json_object_get(load->roster, "targets"), i, target)
	{
		if (!put_target(db, load, target, err))
			return false;
	}
	return true;
}

static bool put_all(struct db *db, void *context, struct err *err)
{
	struct load *load = context;
	struct roster_counts counts;
	size_t i;
	json_t *community;

	memset(&load->counts, 0, sizeof(load->counts));
	if (!db_exec(db, STMT_ROSTER_LOCK, DB_NO_PARAMS, NULL, err))
		return false;
	json_array_foreach(json_object_get(load->roster, "communities"), i, community)
	{
		if (!put_community(db, load, community, err))
			return false;
	}
	counts = load->counts;
	if (!put_targets(db, load, err))
		return false;
	counts.targets = load->counts.targets;
	counts.targets_changed = load->counts.targets_changed;
	load->counts = counts;
	return true;
}

static bool load_with(struct db *db, db_work *work, const json_t *roster, struct roster_counts *out, struct err *err)
{
	struct load load = {.roster = roster, .region = or_empty(roster_text(roster, "region"))};
	bool ok;

	if (!roster_check(roster, err))
		return false;
	load.named = json_array();
	ok = work(db, &load, err);
	json_decref(load.named);
	if (ok)
		*out = load.counts;
	return ok;
}

bool roster_load(struct db *db, const json_t *roster, struct roster_counts *out, struct err *err)
{
	return load_with(db, put_all, roster, out, err);
}

bool roster_load_targets(struct db *db, const json_t *roster, struct roster_counts *out, struct err *err)
{
	return load_with(db, put_targets, roster, out, err);
}
