#include "lib/domain/figure_query.h"

#include <string.h>

static const char *const mode_names[FIGURE_MODES] = {"central", "local_draft", "local"};

/* The modes in their own order, whatever the order asked; each once. */
static bool load_modes(const char *text, struct figure_scope *out, struct err *err)
{
	bool is_asked[FIGURE_MODES] = {false};
	size_t i;

	out->is_every_mode = text == NULL;
	while (text) {
		size_t length = strcspn(text, ",");

		for (i = 0; i < FIGURE_MODES; i++)
			if (strlen(mode_names[i]) == length && strncmp(text, mode_names[i], length) == 0)
				break;
		if (i == FIGURE_MODES)
			return err_set(err, ERR_INVALID,
			               "cannot count reading mode \"%.*s\": central, local_draft or local",
			               length < 20 ? (int)length : 20, text);
		is_asked[i] = true;
		text = text[length] ? text + length + 1 : NULL;
	}
	for (i = 0; i < FIGURE_MODES; i++)
		if (out->is_every_mode || is_asked[i])
			out->modes[out->mode_count++] = mode_names[i];
	return true;
}

static bool choose_community(const char *id, struct figure_scope *out, struct err *err)
{
	int i;

	out->chosen = -1;
	for (i = 0; i < db_rows_count(out->communities) && out->chosen < 0; i++)
		if (!id || strcasecmp(db_get_text(out->communities, i, "id"), id) == 0)
			out->chosen = i;
	if (id && out->chosen < 0)
		return err_set(err, ERR_NOT_FOUND, "there is no such community");
	return true;
}

bool figure_scope_load(struct db *db, const struct figure_query *query, struct figure_scope *out, struct err *err)
{
	*out = (struct figure_scope){.chosen = -1};
	return load_modes(query->modes, out, err) &&
	       period_load(db, query->from_day, query->to_day, &out->period, err) &&
	       db_exec(db, STMT_FIGURE_COMMUNITIES, DB_PARAMS(db_text(out->period.to)), &out->communities, err) &&
	       choose_community(query->community, out, err);
}

void figure_scope_fini(struct figure_scope *scope)
{
	db_rows_free(scope->communities);
	scope->communities = NULL;
}

const char *figure_scope_community(const struct figure_scope *scope)
{
	return scope->chosen < 0 ? NULL : db_get_text(scope->communities, scope->chosen, "id");
}

const char *figure_scope_community_name(const struct figure_scope *scope)
{
	return scope->chosen < 0 ? "" : db_get_text(scope->communities, scope->chosen, "name");
}

struct db_param figure_scope_modes(const struct figure_scope *scope)
{
	return scope->is_every_mode ? db_null() : db_texts(scope->modes, scope->mode_count);
}
