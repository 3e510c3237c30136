/* Login, logout, who am I, password. */
#include <stdlib.h>
#include <string.h>

#include "gateway/answer.h"
#include "gateway/caller.h"
#include "gateway/feed.h"
#include "gateway/gate.h"
#include "gateway/handlers.h"
#include "gateway/input.h"
#include "lib/base/conf.h"
#include "lib/base/log.h"
#include "lib/domain/event.h"

enum { PASSWORD_BYTES = 1024, ACCOUNT_BYTES = 256, ADDRESS_SIZE = 64 };

static json_t *roles_json(uint32_t roles)
{
	json_t *list = json_array();
	for (int i = 0; i < ACCOUNT_ROLE_COUNT; i++)
		if ((roles & ACCOUNT_ROLE(i)) != 0)
			json_array_append_new(list, json_string(account_role_name(i)));
	return list;
}

/* RFC 6265 section 4.1. Without Max-Age it ends with the browser, and on our side by silence. */
static bool set_cookie(struct http_request *request, const char *token, struct err *err)
{
	struct text_buf cookie;
	text_buf_init(&cookie, 256);
	bool ok =
	    text_buf_printf(&cookie, GATE_COOKIE "=%s; Path=/; HttpOnly; SameSite=Strict%s%s", token,
	                    token[0] == '\0' ? "; Max-Age=0" : "", conf_bool(CONF_COOKIE_SECURE) ? "; Secure" : "");
	if (!ok)
		err_panic("the session cookie is too long");
	ok = http_add_header(request, "Set-Cookie", cookie.data, err);
	text_buf_fini(&cookie);
	return ok;
}

/* Who was refused is noted by the account only as far as there is one; what was typed may be a password. */
static bool audit_login(struct gateway *gateway, const struct account_session *session, const char *address,
                        const struct err *refusal, struct err *err)
{
	json_t *detail = json_pack("{s:s}", "address", address);
	if (refusal != NULL)
		json_object_set_new(detail, "reason", json_string(refusal->text));
	char *text = json_dumps(detail, JSON_COMPACT);
	struct audit_fact fact = {
	    .action = "session.login",
	    .actor_kind = session != NULL ? "person" : "unknown",
	    .actor = session != NULL ? session->person_id : address,
	    .outcome = refusal == NULL ? "success" : "refused",
	    .detail = text,
	};
	bool ok = audit_record(gateway->audit, &fact, err);
	free(text);
	json_decref(detail);
	return ok;
}

bool handle_login(struct http_request *request, void *context, struct err *err)
{
	struct gateway *gateway = context;
	json_t *body;
	const char *account, *password;
	if (!http_body_json(request, &body, err) || !input_text(body, "account", ACCOUNT_BYTES, true, &account, err) ||
	    !input_text(body, "password", PASSWORD_BYTES, true, &password, err))
		return false;

	char address[ADDRESS_SIZE], token[ACCOUNT_TOKEN_SIZE];
	struct account_session session;
	caller_address(request, address, sizeof address);
	if (!account_login(gateway->pool, account, password, address, token, &session, err)) {
		if (err->kind != ERR_REFUSED)
			return false;
		struct err refusal = *err;
		log_err(LOG_LOGIN_REFUSED, err, "address=%s request=%s", address, http_id(request));
		return audit_login(gateway, NULL, address, &refusal, err) && (*err = refusal, false);
	}
	if (!audit_login(gateway, &session, address, NULL, err) || !set_cookie(request, token, err))
		return false;
	http_keep_plain(request);
	return http_reply_json(request, 200,
	                       json_pack("{s:{s:s, s:s, s:s, s:o}, s:s}", "person", "id", session.person_id, "account",
	                                 session.account, "name", session.name, "roles", roles_json(session.roles),
	                                 "csrf_token", session.csrf_token),
	                       err);
}

bool handle_logout(struct http_request *request, void *context, struct err *err)
{
	struct gateway *gateway = context;
	struct db *db;
	if (!caller_db(request, &db, err) || !account_logout(db, caller_of(request)->token, err) ||
	    !caller_audit(request, "session.logout", NULL, NULL, NULL, NULL, err) || !set_cookie(request, "", err))
		return false;
	feed_end_session(gateway->feed, caller_of(request)->token);
	return answer_done(request, err);
}

bool handle_me(struct http_request *request, void *context, struct err *err)
{
	(void)context;
	const struct caller *caller = caller_of(request);
	struct db *db;
	struct db_rows *rows = NULL;
	char cursor[EVENT_CURSOR_MAX];
	if (!caller_db(request, &db, err) || !event_head(db, cursor, err) ||
	    !db_exec_one(db, STMT_GATEWAY_ME, DB_PARAMS(db_text(caller_id(request))), "the person", &rows, err))
		return false;
	json_t *me = answer_row(rows, 0);
	db_rows_free(rows);
	json_object_set_new(me, "roles", roles_json(caller->session.roles));
	json_object_set_new(me, "csrf_token", json_string(caller->session.csrf_token));
	json_object_set_new(me, "is_demo", json_boolean(conf_bool(CONF_DEMO)));
	json_object_set_new(me, "events", json_string(cursor));
	json_object_set_new(me, "time_zone", json_string(conf_text(CONF_TIME_ZONE)));
	http_keep_plain(request);
	return http_reply_json(request, 200, me, err);
}

bool handle_password(struct http_request *request, void *context, struct err *err)
{
	struct gateway *gateway = context;
	json_t *body;
	const char *old_password, *new_password;
	if (!http_body_json(request, &body, err) ||
	    !input_text(body, "old_password", PASSWORD_BYTES, true, &old_password, err) ||
	    !input_text(body, "new_password", PASSWORD_BYTES, true, &new_password, err))
		return false;
	if (!account_change_password(gateway->pool, caller_id(request), old_password, new_password,
	                             caller_of(request)->token, err))
		return false;
	return caller_audit(request, "account.password", "person", caller_id(request), NULL, NULL, err) &&
	       answer_done(request, err);
}
