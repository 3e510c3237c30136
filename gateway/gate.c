#include "gateway/gate.h"

#include <openssl/crypto.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "gateway/caller.h"
#include "lib/base/log.h"

enum { HTTP_UNAUTHORIZED = 401 };

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

static bool find_session(struct gateway *gateway, const char *token, struct account_session *out, struct err *err)
{
	struct db *db = NULL;
	if (!db_take(gateway->pool, &db, err))
		return false;
	bool ok = account_session_find(db, token, out, err);
	db_give(db);
	return ok;
}

static bool enter_with_session(struct http_request *request, struct gateway *gateway, struct err *err)
{
	const char *token = http_cookie(request, GATE_COOKIE);
	struct account_session session;
	if (token == NULL) {
		err_set(err, ERR_REFUSED, "nobody is logged in");
		return err_code(err, ERR_SOURCE_HTTP, HTTP_UNAUTHORIZED);
	}
	if (!find_session(gateway, token, &session, err))
		return false;
	struct caller *caller = calloc(1, sizeof *caller);
	if (caller == NULL)
		err_panic("out of memory");
	caller->gateway = gateway;
	caller->session = session;
	text_copy(caller->token, sizeof caller->token, token);
	http_set_user(request, caller);
	return true;
}

static bool check_token(const struct http_request *request, struct err *err)
{
	const char *token = http_header(request, "X-CSRF-Token");
	if (token == NULL || !gate_is_equal(token, caller_of(request)->session.csrf_token))
		return err_set(err, ERR_REFUSED, "the X-CSRF-Token of this login is missing or wrong");
	return true;
}

/* Who tries doors is of interest, too. */
static bool refuse_role(const struct http_request *request, const struct http_route *route, struct err *err)
{
	struct caller *caller = caller_of(request);
	struct audit_fact fact = {
	    .action = "api.refuse",
	    .actor_kind = "person",
	    .actor = caller->session.person_id,
	    .subject_kind = "route",
	    .subject = route->pattern,
	    .outcome = "refused",
	};
	if (!audit_record(caller->gateway->audit, &fact, err))
		return false;
	return err_set(err, ERR_REFUSED, "this needs a role that you do not have");
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
	if (!enter_with_session(request, gateway, err))
		return (route->flags & ROUTE_VISITOR) != 0 && err->source == ERR_SOURCE_HTTP &&
		       err->code == HTTP_UNAUTHORIZED;
	if (is_unsafe(request) && !check_token(request, err))
		return false;
	uint32_t wanted = route->flags;
	if ((wanted & ROUTE_WATCHER) != 0)
		wanted = ACCOUNT_ROLE(ACCOUNT_ADMINISTRATOR) | ACCOUNT_ROLE(ACCOUNT_OPERATOR);
	if ((wanted & ROUTE_LOGGED_IN) == 0 && (caller_of(request)->session.roles & wanted) == 0)
		return refuse_role(request, route, err);
	return true;
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
