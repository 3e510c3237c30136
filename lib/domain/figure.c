#include "lib/domain/figure.h"

#include "lib/domain/coverage.h"
#include "lib/domain/figure_query.h"

/* The JSON of a row. A statement that gives something else is wrong. */
static json_t *parse(const struct db_rows *rows, int row)
{
	json_error_t fault;
	json_t *json = json_loads(db_get_text(rows, row, "json"), 0, &fault);

	if (!json)
		err_panic("a statement of the figures gave no JSON: %s", fault.text);
	return json;
}

static json_t *communities_json(const struct figure_scope *scope)
{
	json_t *list = json_array();
	int i;

	for (i = 0; i < db_rows_count(scope->communities); i++)
		json_array_append_new(list, json_pack("{ss ss}", "id", db_get_text(scope->communities, i, "id"), "name",
		                                      db_get_text(scope->communities, i, "name")));
	return list;
}

static json_t *modes_json(const struct figure_scope *scope)
{
	json_t *list = json_array();
	size_t i;

	for (i = 0; i < scope->mode_count; i++)
		json_array_append_new(list, json_string(scope->modes[i]));
	return list;
}

/* What was asked, beside what was counted. */
static void add_question(json_t *figures, const struct figure_scope *scope)
{
	json_t *list = communities_json(scope);
	const char *chosen = figure_scope_community(scope);

	json_object_set_new(figures, "period",
	                    json_pack("{ss ss}", "from", scope->period.from, "to", scope->period.to));
	json_object_set_new(figures, "community",
	                    chosen ? json_incref(json_array_get(list, (size_t)scope->chosen)) : json_null());
	json_object_set_new(figures, "communities", list);
	json_object_set_new(figures, "modes", modes_json(scope));
}

/* Inside a transaction, with which its settings end. */
static bool count_inside(struct db *db, const struct figure_scope *scope, struct db_rows **out, json_t **out_trend,
                         struct err *err)
{
	const char *community = figure_scope_community(scope);

	return db_exec(db, STMT_FIGURE_MEMORY, DB_NO_PARAMS, NULL, err) &&
	       coverage_trend(db, community, scope->period.to, out_trend, err) &&
	       db_exec_one(db, STMT_FIGURES,
	                   DB_PARAMS(db_text(community), db_text(scope->period.from), db_text(scope->period.to),
	                             figure_scope_modes(scope)),
	                   "figures", out, err);
}

static bool count(struct db *db, const struct figure_scope *scope, json_t **out, struct err *err)
{
	struct db_rows *rows = NULL;
	json_t *trend = NULL;
	bool ok = db_begin(db, err) && count_inside(db, scope, &rows, &trend, err) && db_commit(db, err);

	if (ok) {
		*out = parse(rows, 0);
		json_object_set(*out, "coverage_trend", trend);
		add_question(*out, scope);
	} else {
		db_rollback(db);
	}
	json_decref(trend);
	db_rows_free(rows);
	return ok;
}

bool figure_read(struct db *db, const struct figure_query *query, json_t **out, struct err *err)
{
	struct figure_scope scope;
	bool ok = figure_scope_load(db, query, &scope, err) && count(db, &scope, out, err);

	figure_scope_fini(&scope);
	return ok;
}

bool figure_definitions(struct db *db, json_t **out, struct err *err)
{
	struct db_rows *rows = NULL;
	json_t *list = json_array();
	int i;

	if (!db_exec(db, STMT_FIGURE_DEFINITIONS, DB_NO_PARAMS, &rows, err)) {
		json_decref(list);
		return false;
	}
	for (i = 0; i < db_rows_count(rows); i++)
		json_array_append_new(list, parse(rows, i));
	db_rows_free(rows);
	*out = json_pack("{so}", "definitions", list);
	return true;
}
