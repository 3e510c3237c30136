#include "lib/domain/site.h"

#include <stdio.h>
#include <string.h>

#include "lib/db/db.h"

enum { CANDIDATES_MAX = 8, CANDIDATE_TEXT_MAX = 300 };

bool site_code_is_valid(const char *code)
{
	size_t length = strspn(code, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_.-");

	return length > 0 && length < SITE_CODE_SIZE && !code[length];
}

/* "NAME (CODE, COMMUNITY), ..." as far as it fits. */
static void list_candidates(const struct db_rows *rows, char *out, size_t out_size)
{
	char one[SITE_NAME_SIZE * 2 + 80];
	size_t used = 0;

	out[0] = '\0';
	for (int i = 0; i < db_rows_count(rows); i++) {
		snprintf(one, sizeof(one), "%s%s (%s, %s)", i ? ", " : "", db_get_text(rows, i, "name"),
		         db_get_text(rows, i, "code"), db_get_text(rows, i, "parent"));
		if (used + strlen(one) >= out_size)
			break;
		memcpy(out + used, one, strlen(one) + 1);
		used += strlen(one);
	}
}

static bool not_found(struct db *db, const char *text, struct err *err)
{
	char near[CANDIDATE_TEXT_MAX];
	struct db_rows *rows;

	if (!db_exec(db, STMT_SITE_NEAR, DB_PARAMS(db_text(text), db_int(CANDIDATES_MAX)), &rows, err))
		return false;
	list_candidates(rows, near, sizeof(near));
	db_rows_free(rows);
	if (*near)
		return err_set(err, ERR_NOT_FOUND, "there is no site '%.60s'; meant: %s?", text, near);
	return err_set(err, ERR_NOT_FOUND, "there is no site '%.60s'; `yqctl site list` shows all", text);
}

static void read_site(const struct db_rows *rows, struct site *out)
{
	out->site_id = db_get_int(rows, 0, "site_id");
	text_copy(out->public_id, sizeof(out->public_id), db_get_text(rows, 0, "id"));
	text_copy(out->code, sizeof(out->code), db_get_text(rows, 0, "code"));
	text_copy(out->name, sizeof(out->name), db_get_text(rows, 0, "name"));
}

static bool check_name(const char *text, struct err *err)
{
	if (!*text || strlen(text) >= SITE_NAME_SIZE || !text_is_utf8(text, strlen(text)))
		return err_set(err, ERR_INVALID, "cannot use this name: 1 to 200 characters of UTF-8 are wanted");
	return true;
}

bool site_find(struct db *db, const char *text, struct site *out, struct err *err)
{
	char candidates[CANDIDATE_TEXT_MAX];
	struct db_rows *rows;
	int count;

	if (!check_name(text, err) || !db_exec(db, STMT_SITE_FIND, DB_PARAMS(db_text(text)), &rows, err))
		return false;
	count = db_rows_count(rows);
	if (count == 1)
		read_site(rows, out);
	list_candidates(rows, candidates, sizeof(candidates));
	db_rows_free(rows);
	if (count == 0)
		return not_found(db, text, err);
	if (count > 1)
		return err_set(err, ERR_INVALID, "several sites are named '%.60s', give a code: %s", text, candidates);
	return true;
}

bool scope_find(struct db *db, const char *text, struct scope *out, struct err *err)
{
	struct db_rows *rows;
	int count;

	if (!check_name(text, err) || !db_exec(db, STMT_SCOPE_FIND, DB_PARAMS(db_text(text)), &rows, err))
		return false;
	count = db_rows_count(rows);
	if (count > 0) {
		out->scope_id = db_get_int(rows, 0, "scope_id");
		text_copy(out->public_id, sizeof(out->public_id), db_get_text(rows, 0, "id"));
		text_copy(out->kind, sizeof(out->kind), db_get_text(rows, 0, "kind"));
		text_copy(out->name, sizeof(out->name), db_get_text(rows, 0, "name"));
	}
	db_rows_free(rows);
	if (count > 1)
		return err_set(err, ERR_INVALID,
		               "several scopes are named '%.60s'; give the code of a site, or a public id of `yqctl "
		               "site list --json`",
		               text);
	return count == 1 || not_found(db, text, err);
}

bool site_enrol(struct db *db, int64_t site_id, struct err *err)
{
	return db_exec(db, STMT_SITE_ENROL, DB_PARAMS(db_int(site_id)), NULL, err);
}
