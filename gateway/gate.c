#include "gateway/gate.h"

#include <openssl/crypto.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "gateway/caller.h"
#include "gateway/credentials.h"
#include "lib/base/log.h"

enum { HTTP_UNAUTHORIZED = 401, ADDRESS_SIZE = 64 };

bool gate_is_equal(const char *a, const char *b)
{
	size_t length = strlen(a);
	return strlen(b) == length && CRYPTO_memcmp(a, b, length) == 0;
}

/* "https://host:port" against the Host that was asked (RFC 6454 section 7). "null" is nobody. */
static bool is_own_origin(const char *origin, const char *host)
{
	const char *authority = strstr(origin, "://");
	return authority != NULL && host != NULL && strcasecmp(authority + 3, host) == 0;
}

bool gate_is_same_site(const char *fetch_site, const char *origin, const char *host)
{
	if (fetch_site != NULL && strcmp(fetch_site, "same-origin") != 0 && strcmp(fetch_site, "none") != 0)
		return false;
	return origin == NULL || is_own_origin(origin, host);
}

static bool is_unsafe(const struct http_request *request)
{
	return strcmp(http_method(request), "GET") != 0 && strcmp(http_method(request), "HEAD") != 0;
}

static bool find_session(struct http_request *request, struct gateway *gateway, const char *token,
                         struct account_session *out, struct err *err)
{
	struct db *db = NULL;
	if (!db_take_watched(gateway->pool, caller_watch(request), &db, err))
		return false;
	bool ok = account_session_find(db, token, out, err);
	db_give(db);
	return ok;
}

static struct caller *new_caller(struct gateway *gateway, const struct account_session *session)
{
	struct caller *caller = calloc(1, sizeof *caller);
	if (caller == NULL)
		err_panic("out of memory");
	caller->gateway = gateway;
	caller->session = *session;
	return caller;
}

static bool enter_with_session(struct http_request *request, struct gateway *gateway, struct err *err)
{
	const char *token = http_cookie(request, GATE_COOKIE);
	struct account_session session;
	if (token == NULL) {
		err_set(err, ERR_REFUSED, "nobody is logged in");
		return err_code(err, ERR_SOURCE_HTTP, HTTP_UNAUTHORIZED);
	}
	if (!find_session(request, gateway, token, &session, err))
		return false;
	struct caller *caller = new_caller(gateway, &session);
	text_copy(caller->token, sizeof caller->token, token);
	http_set_user(request, caller);
	return true;
}

/* Who tries doors is of interest, too. */
static bool refuse(const struct http_request *request, const struct http_route *route, const char *text,
                   struct err *err)
{
	struct caller *caller = caller_of(request);
	char *detail = caller_detail(request, NULL);
	struct audit_fact fact = {
	    .action = "api.refuse",
	    .actor_kind = "person",
	    .actor = caller->session.person_id,
	    .subject_kind = "route",
	    .subject = route->pattern,
	    .outcome = "refused",
	    .detail = detail,
	};
	bool ok = audit_record(caller->gateway->audit, &fact, err);
	free(detail);
	return ok && err_set(err, ERR_REFUSED, "%s", text);
}

/* What was shown may be a password: only that and from where is noted. */
static bool note_wrong_token(struct http_request *request, struct gateway *gateway, const char *address,
                             struct err *err)
{
	struct err refusal = *err;
	char detail[ERR_TEXT_MAX + ADDRESS_SIZE + 40];
	snprintf(detail, sizeof detail, "{\"address\":\"%s\",\"reason\":\"%s\"}", address, refusal.text);
	struct audit_fact fact = {
	    .action = "workstation.refuse",
	    .actor_kind = "unknown",
	    .actor = address,
	    .outcome = "refused",
	    .detail = detail,
	};
	log_err(LOG_LOGIN_REFUSED, err, "address=%s request=%s", address, http_id(request));
	return audit_record(gateway->audit, &fact, err) && (*err = refusal, false);
}

static bool enter_with_token(struct http_request *request, const struct http_route *route, const char *authorization,
                             struct gateway *gateway, struct err *err)
{
	char address[ADDRESS_SIZE];
	struct credentials said;
	struct workstation_caller found;
	bool is_news = false;
	caller_address(request, address, sizeof address);
	if (!credentials_read(authorization, &said)) {
		err_set(err, ERR_REFUSED, "a token is wanted, as Authorization: Bearer or Basic");
		return err_code(err, ERR_SOURCE_HTTP, HTTP_UNAUTHORIZED);
	}
	bool ok = workstation_enter(gateway->pool, said.has_user ? said.user : NULL, said.token, address, &found,
	                            &is_news, err);
	OPENSSL_cleanse(&said, sizeof said);
	if (!ok)
		return err->kind == ERR_REFUSED && is_news ? note_wrong_token(request, gateway, address, err) : false;
	struct caller *caller = new_caller(gateway, &found.session);
	uint32_t use = credentials_use_of(http_method(request), route->pattern);
	text_copy(caller->token, sizeof caller->token, found.token_id);
	text_copy(caller->workstation, sizeof caller->workstation, found.name);
	caller->purpose = workstation_use_name(use);
	http_set_user(request, caller);
	return (found.uses & use) != 0 ||
	       refuse(request, route, "the token of this workstation is not for this: a new one is wanted", err);
}

/* A cookie decides where there is one: a proxy in front may ask browsers for Basic credentials of its own. */
static bool enter(struct http_request *request, const struct http_route *route, struct gateway *gateway,
                  struct err *err)
{
	const char *authorization = http_header(request, "Authorization");
	bool takes_tokens = credentials_use_of(http_method(request), route->pattern) != 0,
	     has_token = takes_tokens && authorization != NULL && http_cookie(request, GATE_COOKIE) == NULL;
	bool ok = has_token ? enter_with_token(request, route, authorization, gateway, err)
	                    : enter_with_session(request, gateway, err);
	if (!ok && takes_tokens && err->source == ERR_SOURCE_HTTP && err->code == HTTP_UNAUTHORIZED)
		credentials_challenge(request, has_token);
	return ok;
}

static bool check_token(const struct http_request *request, struct err *err)
{
	const char *token = http_header(request, "X-CSRF-Token");
	if (token == NULL || !gate_is_equal(token, caller_of(request)->session.csrf_token))
		return err_set(err, ERR_REFUSED, "the X-CSRF-Token of this login is missing or wrong");
	return true;
}

static bool is_from_this_machine(const struct http_request *request)
{
	const char *peer = http_peer(request);
	return http_header(request, "X-Forwarded-For") == NULL &&
	       (strncmp(peer, "127.", 4) == 0 || strcmp(peer, "::1") == 0);
}

bool gate_enter(struct http_request *request, const struct http_route *route, void *gateway, struct err *err)
{
	if (is_unsafe(request) && !gate_is_same_site(http_header(request, "Sec-Fetch-Site"),
	                                             http_header(request, "Origin"), http_header(request, "Host")))
		return err_set(err, ERR_REFUSED, "this request was made by another site");
	if ((route->flags & ROUTE_ANYBODY) != 0)
		return true;
	if ((route->flags & ROUTE_WATCHER) != 0 && is_from_this_machine(request))
		return true;
	if (!enter(request, route, gateway, err))
		return (route->flags & ROUTE_VISITOR) != 0 && err->source == ERR_SOURCE_HTTP &&
		       err->code == HTTP_UNAUTHORIZED;
	if (is_unsafe(request) && caller_of(request)->workstation[0] == '\0' && !check_token(request, err))
		return false;
	uint32_t wanted = route->flags;
	if ((wanted & ROUTE_WATCHER) != 0)
		wanted = ACCOUNT_ROLE(ACCOUNT_ADMINISTRATOR) | ACCOUNT_ROLE(ACCOUNT_OPERATOR);
	if ((wanted & ROUTE_LOGGED_IN) == 0 && (caller_of(request)->session.roles & wanted) == 0)
		return refuse(request, route, "this needs a role that you do not have", err);
	return true;
}

/* Within one study a search finds it by its index, and a viewer waits for that; but a name is looked up among those of everybody. */
static bool is_within_study(const struct http_request *request)
{
	return http_param(request, "study") != NULL && http_query(request, "PatientName") == NULL &&
	       http_query(request, "00100010") == NULL;
}

const char *gate_lane(const struct http_request *request, const struct http_route *route, void *gateway)
{
	(void)gateway;
	bool is_list = (route->flags & ROUTE_LIST) != 0 && http_query(request, "q") == NULL;
	bool is_search = (route->flags & ROUTE_SEARCH) != 0 && !is_list && !is_within_study(request);
	return is_search ? caller_id(request) : NULL;
}

void gate_leave(struct http_request *request, int status, int64_t elapsed_ms, void *gateway)
{
	(void)gateway;
	struct caller *caller = caller_of(request);
	/* Path and query may have what somebody typed, a name among it: the log gets the route, the audit the ids. */
	log_info(LOG_HTTP_REQUEST, "method=%s route=%s status=%d elapsed_ms=%lld person=%s request=%s",
	         http_method(request), http_pattern(request), status, (long long)elapsed_ms,
	         caller != NULL ? caller->session.person_id : "", http_id(request));
	caller_free(caller);
	http_set_user(request, NULL);
}
