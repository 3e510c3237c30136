#include "lib/domain/staff.h"

#include <string.h>

#include "lib/db/db.h"
#include "lib/domain/account.h"
#include "lib/domain/day.h"

enum { NAME_CHARACTERS_MAX = 100, SHORT_CHARACTERS_MAX = 64 };

static bool account_is_valid(const char *account)
{
	size_t length = strspn(account, "abcdefghijklmnopqrstuvwxyz0123456789._-");

	return length > 0 && length < ACCOUNT_NAME_SIZE && !account[length] && !strchr("._-", account[0]);
}

static bool check_text(const char *text, const char *what, size_t min, size_t max, struct err *err)
{
	size_t count = text_is_utf8(text, strlen(text)) ? text_utf8_count(text) : SIZE_MAX;

	if (count < min || count > max)
		return err_set(err, ERR_INVALID, "cannot use this %s: %zu to %zu characters of UTF-8 are wanted", what,
		               min, max);
	for (; *text; text++)
		if ((unsigned char)*text < 0x20 || *text == 0x7f)
			return err_set(err, ERR_INVALID, "cannot use this %s: it has a control character", what);
	return true;
}

static bool check_staff(const struct staff_new *staff, struct err *err)
{
	const char *language = staff->language;

	if (!account_is_valid(staff->account))
		return err_set(
		    err, ERR_INVALID,
		    "cannot use this account: 1 to 64 of a-z 0-9 . _ - are wanted, beginning with a letter or digit");
	if (language && strcmp(language, "zh-CN") != 0 && strcmp(language, "en") != 0)
		return err_set(err, ERR_INVALID, "cannot use this language: zh-CN or en is wanted");
	return check_text(staff->name, "name", 1, NAME_CHARACTERS_MAX, err) &&
	       (!staff->title || check_text(staff->title, "title", 0, SHORT_CHARACTERS_MAX, err)) &&
	       (!staff->licence_number ||
	        check_text(staff->licence_number, "licence number", 0, SHORT_CHARACTERS_MAX, err));
}

bool staff_add(struct db *db, const struct staff_new *staff, char out_id[TEXT_UUID_SIZE], struct err *err)
{
	char hash[ACCOUNT_HASH_SIZE];
	struct db_rows *rows;
	bool is_new;

	if (!check_staff(staff, err) || !account_password_hash(staff->password, hash, err) ||
	    !db_exec(db, STMT_STAFF_ADD,
	             DB_PARAMS(db_text(staff->account), db_text(staff->name), db_text(hash),
	                       db_int(staff->site->site_id), db_text(staff->title), db_text(staff->licence_number),
	                       db_text(staff->language)),
	             &rows, err))
		return false;
	is_new = db_rows_count(rows) == 1;
	if (is_new)
		text_copy(out_id, TEXT_UUID_SIZE, db_get_text(rows, 0, "id"));
	db_rows_free(rows);
	return is_new || err_set(err, ERR_CONFLICT, "there is an account '%s' already", staff->account);
}

/* Statements that give the public id of the account back. */
static bool change(struct db *db, enum db_statement statement, const struct db_param *params, size_t count,
                   char out_id[TEXT_UUID_SIZE], struct err *err)
{
	struct db_rows *rows;
	bool is_there;

	if (!db_exec(db, statement, params, count, &rows, err))
		return false;
	is_there = db_rows_count(rows) > 0;
	if (is_there && out_id)
		text_copy(out_id, TEXT_UUID_SIZE, db_get_text(rows, 0, "id"));
	db_rows_free(rows);
	return is_there || err_set(err, ERR_NOT_FOUND, "there is no account '%.64s'; `yqctl account list` shows all",
	                           params[0].text);
}

bool staff_grant_role(struct db *db, const char *account, const char *role, int64_t scope_id, struct err *err)
{
	if (!account_role_bit(role))
		return err_set(err, ERR_INVALID,
		               "there is no role '%.40s': radiographer, clinician, reporter, reviewer, duty_leader, "
		               "quality_controller, administrator or operator is wanted",
		               role);
	return change(db, STMT_STAFF_GRANT_ROLE, DB_PARAMS(db_text(account), db_text(role), db_int(scope_id)), NULL,
	              err);
}

bool staff_set_password(struct db *db, const char *account, const char *password, char out_id[TEXT_UUID_SIZE],
                        struct err *err)
{
	char hash[ACCOUNT_HASH_SIZE];

	return account_password_hash(password, hash, err) &&
	       change(db, STMT_STAFF_SET_PASSWORD, DB_PARAMS(db_text(account), db_text(hash)), out_id, err) &&
	       db_exec(db, STMT_STAFF_END_SESSIONS, DB_PARAMS(db_text(out_id)), NULL, err);
}

bool staff_set_active(struct db *db, const char *account, bool is_active, char out_id[TEXT_UUID_SIZE], struct err *err)
{
	return change(db, STMT_STAFF_SET_ACTIVE, DB_PARAMS(db_text(account), db_bool(is_active)), out_id, err) &&
	       (is_active || db_exec(db, STMT_STAFF_END_SESSIONS, DB_PARAMS(db_text(out_id)), NULL, err));
}

static bool check_kind(const char *kind, struct err *err)
{
	if (strcmp(kind, "write") == 0 || strcmp(kind, "review") == 0 || strcmp(kind, "sign_provisional") == 0)
		return true;
	return err_set(err, ERR_INVALID,
	               "there is no qualification '%.40s': write, review or sign_provisional is wanted", kind);
}

static bool check_day(const char *day, struct err *err)
{
	if (!day || day_is_valid(day))
		return true;
	return err_set(err, ERR_INVALID, "'%.20s' is no day: 2026-12-31 is wanted", day);
}

bool staff_qualify(struct db *db, const struct staff_qualification *qualification, struct err *err)
{
	const struct staff_qualification *q = qualification;

	return check_kind(q->kind, err) && check_day(q->from_day, err) && check_day(q->until_day, err) &&
	       change(db, STMT_STAFF_QUALIFY,
	              DB_PARAMS(db_text(q->account), db_text(q->kind), db_text(q->modality), db_int(q->scope_id),
	                        db_text(q->from_day), db_text(q->until_day)),
	              NULL, err);
}

void staff_make_password(char out[STAFF_PASSWORD_SIZE])
{
	static const char letters[33] = "abcdefghijkmnpqrstuvwxyz23456789";
	unsigned char random[20];
	size_t used = 0;

	text_random(random, sizeof(random));
	for (size_t i = 0; i < sizeof(random); i++)
		out[used++] = letters[random[i] & 31];
	out[used] = '\0';
}
