#include "lib/domain/workstation.h"

#include <pthread.h>
#include <string.h>

#include "lib/base/clock.h"
#include "lib/base/digest.h"
#include "lib/db/db.h"
#include "lib/domain/day.h"
#include "lib/domain/rule_form.h"
#include "lib/domain/throttle.h"

#define PREFIX "yqt_"
enum { HTTP_UNAUTHORIZED = 401, HTTP_TOO_MANY = 429, TOKEN_BYTES = 32, USES = 3 };

/* As of logins. */
static const struct throttle_limits address_limits = {50, 30 * 1000, 15 * 60 * 1000, 60 * 60 * 1000};
static const struct throttle_limits token_limits = {5, 30 * 1000, 15 * 60 * 1000, 60 * 60 * 1000};

static pthread_once_t once = PTHREAD_ONCE_INIT;
static struct throttle *by_address, *by_token;

static void prepare(void)
{
	by_address = throttle_new(&address_limits);
	by_token = throttle_new(&token_limits);
}

const char *workstation_use_name(enum workstation_use use)
{
	return use == WORKSTATION_READ ? "read" : use == WORKSTATION_STORE ? "store" : "worklist";
}

uint32_t workstation_use_bit(const char *name)
{
	for (int i = 0; i < USES; i++)
		if (strcmp(name, workstation_use_name(1 << i)) == 0)
			return 1u << i;
	return 0;
}

/* No name is a part of another. */
static uint32_t read_uses(const char *names)
{
	uint32_t uses = 0;
	for (int i = 0; i < USES; i++)
		if (strstr(names, workstation_use_name(1 << i)) != NULL)
			uses |= 1u << i;
	return uses;
}

/* ---- making ---------------------------------------------------------------------------------------------------------------- */

static bool check_new(const struct workstation_new *workstation, struct err *err)
{
	if (!rule_form_text(workstation->name, "the workstation's name", WORKSTATION_NAME_MAX, err))
		return false;
	if (strchr(workstation->name, ':') != NULL)
		return err_set(err, ERR_INVALID,
		               "the workstation's name cannot have a colon: it is a user of HTTP Basic");
	if (workstation->uses == 0 || workstation->uses >= 1u << USES)
		return err_set(err, ERR_INVALID, "a token is for read, store or worklist, or several of them");
	if (!day_is_valid(workstation->until_day))
		return err_set(err, ERR_INVALID, "the last day is written as 2027-06-30");
	return true;
}

static bool refuse_new(const char *problem, struct err *err)
{
	if (strcmp(problem, "person") == 0)
		return err_set(err, ERR_NOT_FOUND, "there is no such person, or the account is disabled");
	if (strcmp(problem, "many") == 0)
		return err_set(err, ERR_CONFLICT, "%d tokens are in force already: revoke those that nobody needs",
		               WORKSTATION_TOKENS_MAX);
	if (strcmp(problem, "past") == 0)
		return err_set(err, ERR_INVALID, "the last day lies in the past");
	return err_set(err, ERR_INVALID, "the last day lies more than %d days ahead", WORKSTATION_DAYS_MAX);
}

bool workstation_add(struct db *db, const struct workstation_new *workstation, char token[WORKSTATION_TOKEN_SIZE],
                     char out_id[TEXT_UUID_SIZE], struct err *err)
{
	uint8_t random[TOKEN_BYTES], hash[DIGEST_SIZE];
	char fresh[WORKSTATION_TOKEN_SIZE] = PREFIX;
	const char *uses[USES];
	size_t count = 0;
	struct db_rows *rows = NULL;
	if (!check_new(workstation, err))
		return false;
	for (int i = 0; i < USES; i++)
		if ((workstation->uses & 1u << i) != 0)
			uses[count++] = workstation_use_name(1 << i);
	text_random(random, sizeof random);
	text_hex(random, sizeof random, fresh + strlen(PREFIX));
	digest_bytes(fresh, strlen(fresh), hash);
	if (!db_exec_one(db, STMT_WORKSTATION_ADD,
	                 DB_PARAMS(db_text(workstation->person_id), db_text(workstation->name), db_texts(uses, count),
	                           db_text(workstation->until_day), db_bytes(hash, sizeof hash),
	                           db_int(WORKSTATION_DAYS_MAX), db_int(WORKSTATION_TOKENS_MAX),
	                           db_text(workstation->made_by != NULL ? workstation->made_by : "")),
	                 "the token", &rows, err))
		return false;
	bool is_made = !db_is_null(rows, 0, "id") || refuse_new(db_get_text(rows, 0, "problem"), err);
	if (is_made) {
		text_copy(out_id, TEXT_UUID_SIZE, db_get_text(rows, 0, "id"));
		memcpy(token, fresh, sizeof fresh);
	}
	db_rows_free(rows);
	return is_made;
}

bool workstation_end(struct db *db, const char *id, const char *person_id, const char *by,
                     struct workstation_ended *out, struct err *err)
{
	struct db_rows *rows = NULL;
	if (!text_is_uuid(id))
		return err_set(err, ERR_NOT_FOUND, "the token was not found");
	if (!db_exec_one(db, STMT_WORKSTATION_END, DB_PARAMS(db_text(id), db_text(person_id), db_text(by)), "the token",
	                 &rows, err))
		return false;
	text_copy(out->name, sizeof out->name, db_get_text(rows, 0, "workstation"));
	text_copy(out->person_id, sizeof out->person_id, db_get_text(rows, 0, "person"));
	db_rows_free(rows);
	return true;
}

/* ---- using ----------------------------------------------------------------------------------------------------------------- */

static bool refuse(struct err *err, uint32_t http_status, const char *text)
{
	err_set(err, ERR_REFUSED, "%s", text);
	return err_code(err, ERR_SOURCE_HTTP, http_status);
}

static bool refuse_for_now(struct err *err, int64_t left_ms)
{
	err_set(err, ERR_REFUSED, "too many wrong tokens: try again in %lld s", (long long)(left_ms + 999) / 1000);
	return err_code(err, ERR_SOURCE_HTTP, HTTP_TOO_MANY);
}

static bool is_well_formed(const char *token)
{
	uint8_t bytes[TOKEN_BYTES];
	return strlen(token) == WORKSTATION_TOKEN_SIZE - 1 && strncmp(token, PREFIX, strlen(PREFIX)) == 0 &&
	       text_unhex(token + strlen(PREFIX), bytes, sizeof bytes);
}

enum verdict { UNKNOWN, ENDED, ALIVE };

static bool find(struct db *db, const uint8_t hash[DIGEST_SIZE], const char *user, const char *address,
                 struct workstation_caller *out, enum verdict *verdict, struct err *err)
{
	struct db_rows *rows = NULL;
	if (!db_exec(db, STMT_WORKSTATION_FIND, DB_PARAMS(db_bytes(hash, DIGEST_SIZE), db_text(address), db_text(user)),
	             &rows, err))
		return false;
	*verdict = db_rows_count(rows) == 0 ? UNKNOWN : db_get_bool(rows, 0, "lives") ? ALIVE : ENDED;
	if (*verdict == ALIVE) {
		memset(out, 0, sizeof *out);
		text_copy(out->session.person_id, sizeof out->session.person_id, db_get_text(rows, 0, "person"));
		text_copy(out->session.account, sizeof out->session.account, db_get_text(rows, 0, "account"));
		text_copy(out->session.name, sizeof out->session.name, db_get_text(rows, 0, "name"));
		out->session.roles = account_roles_read(db_get_text(rows, 0, "roles"));
		text_copy(out->token_id, sizeof out->token_id, db_get_text(rows, 0, "public_id"));
		text_copy(out->name, sizeof out->name, db_get_text(rows, 0, "workstation"));
		out->uses = read_uses(db_get_text(rows, 0, "uses"));
	}
	db_rows_free(rows);
	return true;
}

static bool look_up(struct db_pool *pool, const uint8_t hash[DIGEST_SIZE], const char *user, const char *address,
                    struct workstation_caller *out, enum verdict *verdict, struct err *err)
{
	struct db *db = NULL;
	if (!db_take(pool, &db, err))
		return false;
	bool ok = find(db, hash, user, address, out, verdict, err);
	db_give(db);
	return ok;
}

/* What is wrong is remembered by its hash: it may be a password. */
bool workstation_enter(struct db_pool *pool, const char *user, const char *token, const char *address,
                       struct workstation_caller *out, bool *out_is_news, struct err *err)
{
	pthread_once(&once, prepare);
	uint8_t hash[DIGEST_SIZE];
	char key[DIGEST_HEX_SIZE];
	digest_bytes(token, strlen(token), hash);
	text_hex(hash, sizeof hash, key);
	int64_t now_ms = clock_wall_us() / 1000;
	int64_t left_ms = address[0] != '\0' ? throttle_left_ms(by_address, address, now_ms) : 0;
	int64_t again_ms = throttle_left_ms(by_token, key, now_ms);
	*out_is_news = left_ms == 0 && again_ms == 0;
	if (left_ms > 0)
		return refuse_for_now(err, left_ms);

	enum verdict verdict = UNKNOWN;
	if (is_well_formed(token) && !look_up(pool, hash, user, address, out, &verdict, err))
		return false;
	if (verdict == ALIVE) {
		throttle_succeeded(by_token, key);
		throttle_succeeded(by_address, address);
		return true;
	}
	if (verdict == UNKNOWN && again_ms > 0)
		return refuse_for_now(err, again_ms);
	if (again_ms == 0)
		throttle_failed(by_token, key, now_ms);
	if (verdict == UNKNOWN && address[0] != '\0')
		throttle_failed(by_address, address, now_ms);
	return refuse(err, HTTP_UNAUTHORIZED,
	              verdict == ENDED ? "this token has ended, or is of another user" : "there is no such token");
}
