#include "lib/domain/account.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "lib/base/clock.h"
#include "lib/base/conf.h"
#include "lib/base/digest.h"
#include "lib/base/log.h"
#include "lib/db/db.h"
#include "lib/domain/account_password.h"
#include "lib/domain/throttle.h"

enum { HTTP_UNAUTHORIZED = 401, HTTP_TOO_MANY = 429, TOKEN_BYTES = 32 };

/* A person forgets; a whole office may share one address. */
static const struct throttle_limits account_limits = {5, 30 * 1000, 15 * 60 * 1000, 60 * 60 * 1000};
static const struct throttle_limits address_limits = {50, 30 * 1000, 15 * 60 * 1000, 60 * 60 * 1000};

static pthread_once_t once = PTHREAD_ONCE_INIT;
static struct throttle *by_account, *by_address;

static void prepare(void)
{
	by_account = throttle_new(&account_limits);
	by_address = throttle_new(&address_limits);
}

static const char *const role_names[ACCOUNT_ROLE_COUNT] = {
    [ACCOUNT_RADIOGRAPHER] = "radiographer",   [ACCOUNT_CLINICIAN] = "clinician",
    [ACCOUNT_REPORTER] = "reporter",           [ACCOUNT_REVIEWER] = "reviewer",
    [ACCOUNT_DUTY_LEADER] = "duty_leader",     [ACCOUNT_QUALITY_CONTROLLER] = "quality_controller",
    [ACCOUNT_ADMINISTRATOR] = "administrator", [ACCOUNT_OPERATOR] = "operator",
};

const char *account_role_name(enum account_role role)
{
	return role_names[role];
}

uint32_t account_role_bit(const char *name)
{
	for (int i = 0; i < ACCOUNT_ROLE_COUNT; i++)
		if (strcmp(role_names[i], name) == 0)
			return ACCOUNT_ROLE(i);
	return 0;
}

/* Names separated by single blanks. */
uint32_t account_roles_read(const char *text)
{
	uint32_t roles = 0;
	while (*text != '\0') {
		char name[32];
		size_t length = strcspn(text, " ");
		if (length < sizeof name) {
			memcpy(name, text, length);
			name[length] = '\0';
			roles |= account_role_bit(name);
		}
		text += length + (text[length] == ' ');
	}
	return roles;
}

static bool refuse(struct err *err, uint32_t http_status, const char *text)
{
	err_set(err, ERR_REFUSED, "%s", text);
	return err_code(err, ERR_SOURCE_HTTP, http_status);
}

static bool refuse_for_now(struct err *err, int64_t left_s)
{
	err_set(err, ERR_REFUSED, "too many wrong passwords: try again in %lld s", (long long)left_s);
	return err_code(err, ERR_SOURCE_HTTP, HTTP_TOO_MANY);
}

/* What the ledger knows of whom somebody claims to be. */
struct identity {
	char person_id[TEXT_UUID_SIZE]; /* empty: nobody */
	char account[ACCOUNT_NAME_SIZE];
	char name[PERSON_NAME_SIZE];
	char hash[ACCOUNT_HASH_SIZE];
	bool is_active;
	int64_t locked_s;
};

static bool find_identity(struct db *db, enum db_statement statement, const char *key, struct identity *out,
                          struct err *err)
{
	struct db_rows *rows = NULL;
	if (!db_exec(db, statement, DB_PARAMS(db_text(key)), &rows, err))
		return false;
	memset(out, 0, sizeof *out);
	if (db_rows_count(rows) == 1) {
		text_copy(out->person_id, sizeof out->person_id, db_get_text(rows, 0, "public_id"));
		text_copy(out->account, sizeof out->account, db_get_text(rows, 0, "account"));
		text_copy(out->name, sizeof out->name, db_get_text(rows, 0, "name"));
		text_copy(out->hash, sizeof out->hash, db_get_text(rows, 0, "password_hash"));
		out->is_active = db_get_bool(rows, 0, "is_active");
		out->locked_s = db_get_int(rows, 0, "locked_s");
	}
	db_rows_free(rows);
	return true;
}

static bool count_failure(struct db *db, const struct identity *who, struct err *err)
{
	return db_exec(db, STMT_ACCOUNT_LOGIN_FAILED,
	               DB_PARAMS(db_text(who->person_id), db_int(account_limits.free_tries),
	                         db_int(account_limits.first_wait_ms / 1000),
	                         db_int(account_limits.longest_wait_ms / 1000),
	                         db_int(account_limits.forget_ms / 1000)),
	               NULL, err);
}

/* Compares and counts. The connection is not held while a password is hashed. */
static bool check_password(struct db_pool *pool, const struct identity *who, const char *password, struct err *err)
{
	bool is_somebody = who->person_id[0] != '\0' && who->is_active;
	bool fits = account_password_fits(is_somebody ? who->hash : NULL, password);
	struct db *db = NULL;
	if (!db_take(pool, &db, err))
		return false;
	bool ok = true;
	if (fits)
		ok = db_exec(db, STMT_ACCOUNT_LOGIN_SUCCEEDED, DB_PARAMS(db_text(who->person_id)), NULL, err);
	else if (is_somebody)
		ok = count_failure(db, who, err);
	db_give(db);
	return ok && (fits || refuse(err, HTTP_UNAUTHORIZED, "the account or the password is wrong"));
}

static bool start_session(struct db_pool *pool, const struct identity *who, const char *address,
                          char token[ACCOUNT_TOKEN_SIZE], struct account_session *out, struct err *err)
{
	uint8_t random[2][TOKEN_BYTES], hash[DIGEST_SIZE];
	struct account_session session = {0};
	char fresh[ACCOUNT_TOKEN_SIZE];
	text_random(random, sizeof random);
	text_hex(random[0], TOKEN_BYTES, fresh);
	text_hex(random[1], TOKEN_BYTES, session.csrf_token);
	digest_bytes(fresh, strlen(fresh), hash);
	text_copy(session.person_id, sizeof session.person_id, who->person_id);
	text_copy(session.account, sizeof session.account, who->account);
	text_copy(session.name, sizeof session.name, who->name);

	struct db *db = NULL;
	struct db_rows *rows = NULL;
	if (!db_take(pool, &db, err))
		return false;
	bool ok = db_exec(db, STMT_ACCOUNT_SESSION_START,
	                  DB_PARAMS(db_bytes(hash, sizeof hash), db_text(who->person_id), db_text(session.csrf_token),
	                            db_text(address), db_int(conf_number(CONF_SESSION_IDLE))),
	                  NULL, err) &&
	          db_exec_one(db, STMT_ACCOUNT_ROLES, DB_PARAMS(db_text(who->person_id)), "person", &rows, err);
	if (ok) {
		session.roles = account_roles_read(db_get_text(rows, 0, "roles"));
		memcpy(token, fresh, sizeof fresh);
		*out = session;
	}
	db_rows_free(rows);
	db_give(db);
	return ok;
}

static void account_key(const char *account, char out[ACCOUNT_NAME_SIZE])
{
	text_copy(out, ACCOUNT_NAME_SIZE, account);
	for (char *c = out; *c != '\0'; c++)
		if (*c >= 'A' && *c <= 'Z')
			*c = (char)(*c - 'A' + 'a');
}

/* Both doors: the process's own count, equal for accounts that do not exist, and the ledger's. */
static int64_t wait_left_s(const char *key, const char *address, const struct identity *who, int64_t now_ms)
{
	int64_t left_ms = throttle_left_ms(by_account, key, now_ms);
	int64_t address_ms = address[0] != '\0' ? throttle_left_ms(by_address, address, now_ms) : 0;
	if (address_ms > left_ms)
		left_ms = address_ms;
	int64_t left_s = (left_ms + 999) / 1000;
	return who->locked_s > left_s ? who->locked_s : left_s;
}

bool account_login(struct db_pool *pool, const char *account, const char *password, const char *address,
                   char token[ACCOUNT_TOKEN_SIZE], struct account_session *out, struct err *err)
{
	pthread_once(&once, prepare);
	char key[ACCOUNT_NAME_SIZE];
	account_key(account, key);
	struct db *db = NULL;
	struct identity who;
	if (!db_take(pool, &db, err))
		return false;
	bool found = find_identity(db, STMT_ACCOUNT_FIND, account, &who, err);
	db_give(db);
	if (!found)
		return false;

	int64_t now_ms = clock_wall_us() / 1000;
	int64_t left_s = wait_left_s(key, address, &who, now_ms);
	if (left_s > 0)
		return refuse_for_now(err, left_s);
	if (!check_password(pool, &who, password, err)) {
		if (err->kind == ERR_REFUSED) {
			throttle_failed(by_account, key, now_ms);
			if (address[0] != '\0')
				throttle_failed(by_address, address, now_ms);
		}
		return false;
	}
	throttle_succeeded(by_account, key);
	return start_session(pool, &who, address, token, out, err);
}

static bool hash_token(const char *token, uint8_t out[DIGEST_SIZE])
{
	uint8_t bytes[TOKEN_BYTES];
	if (token == NULL || strlen(token) != ACCOUNT_TOKEN_SIZE - 1 || !text_unhex(token, bytes, sizeof bytes))
		return false;
	digest_bytes(token, strlen(token), out);
	return true;
}

bool account_session_find(struct db *db, const char *token, struct account_session *out, struct err *err)
{
	uint8_t hash[DIGEST_SIZE];
	if (!hash_token(token, hash))
		return refuse(err, HTTP_UNAUTHORIZED, "nobody is logged in");
	struct db_rows *rows = NULL;
	if (!db_exec(db, STMT_ACCOUNT_SESSION_FIND,
	             DB_PARAMS(db_bytes(hash, sizeof hash), db_int(conf_number(CONF_SESSION_IDLE))), &rows, err))
		return false;
	bool found = db_rows_count(rows) == 1;
	if (found) {
		memset(out, 0, sizeof *out);
		text_copy(out->person_id, sizeof out->person_id, db_get_text(rows, 0, "public_id"));
		text_copy(out->account, sizeof out->account, db_get_text(rows, 0, "account"));
		text_copy(out->name, sizeof out->name, db_get_text(rows, 0, "name"));
		text_copy(out->csrf_token, sizeof out->csrf_token, db_get_text(rows, 0, "csrf_token"));
		out->roles = account_roles_read(db_get_text(rows, 0, "roles"));
	}
	db_rows_free(rows);
	return found || refuse(err, HTTP_UNAUTHORIZED, "the login has ended");
}

bool account_logout(struct db *db, const char *token, struct err *err)
{
	uint8_t hash[DIGEST_SIZE];
	if (!hash_token(token, hash))
		return true;
	return db_exec(db, STMT_ACCOUNT_SESSION_END, DB_PARAMS(db_bytes(hash, sizeof hash)), NULL, err);
}

bool account_sweep(struct db *db, int64_t *out_deleted, struct err *err)
{
	struct db_rows *rows;
	if (!db_exec(db, STMT_ACCOUNT_SESSION_SWEEP, DB_NO_PARAMS, &rows, err))
		return false;
	*out_deleted = db_rows_affected(rows);
	db_rows_free(rows);
	return true;
}

static bool confirm(struct db_pool *pool, const char *person_id, const char *password, struct identity *who,
                    struct err *err)
{
	if (!text_is_uuid(person_id))
		return err_set(err, ERR_INVALID, "this is no public id of a person");
	struct db *db = NULL;
	if (!db_take(pool, &db, err))
		return false;
	bool found = find_identity(db, STMT_ACCOUNT_FIND_PERSON, person_id, who, err);
	db_give(db);
	if (!found)
		return false;
	if (who->locked_s > 0)
		return refuse_for_now(err, who->locked_s);
	if (check_password(pool, who, password, err))
		return true;
	/* Who is asked again is logged in: 401 would throw him out. */
	if (err->kind == ERR_REFUSED)
		err_set(err, ERR_REFUSED, "the password is wrong");
	return false;
}

bool account_confirm(struct db_pool *pool, const char *person_id, const char *password, struct err *err)
{
	struct identity who;
	return confirm(pool, person_id, password, &who, err);
}

struct new_password {
	const struct identity *who;
	const char *hash, *token;
};

static bool write_password(struct db *db, void *context, struct err *err)
{
	const struct new_password *change = context;
	uint8_t hash[DIGEST_SIZE];
	bool keeps = hash_token(change->token, hash);
	struct db_rows *rows = NULL;
	if (!db_exec(db, STMT_ACCOUNT_PASSWORD_SET,
	             DB_PARAMS(db_text(change->who->person_id), db_text(change->hash), db_text(change->who->hash)),
	             &rows, err))
		return false;
	bool is_changed = db_rows_count(rows) == 1;
	db_rows_free(rows);
	if (!is_changed)
		return err_set(err, ERR_CONFLICT, "the password was changed elsewhere at the same time");
	return db_exec(db, STMT_ACCOUNT_SESSION_END_OTHERS,
	               DB_PARAMS(db_text(change->who->person_id), keeps ? db_bytes(hash, sizeof hash) : db_null()),
	               NULL, err);
}

bool account_change_password(struct db_pool *pool, const char *person_id, const char *old_password,
                             const char *new_password, const char *token, struct err *err)
{
	struct identity who;
	char hash[ACCOUNT_HASH_SIZE];
	if (!confirm(pool, person_id, old_password, &who, err))
		return false;
	if (strcmp(old_password, new_password) == 0)
		return err_set(err, ERR_INVALID, "the new password is the old one");
	if (!account_password_hash(new_password, hash, err))
		return false;
	struct new_password change = {&who, hash, token};
	return db_transact(pool, NULL, write_password, &change, err);
}
