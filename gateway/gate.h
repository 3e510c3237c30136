/*
 * The gate before every handler: where an unsafe request comes from, who asks, the CSRF token, the role.
 *
 * Unsafe methods (all but GET and HEAD) are refused when the browser says that another site made them: by Sec-Fetch-Site (W3C Fetch
 * Metadata), else by Origin against Host. A session's cookie is SameSite=Strict; besides, X-CSRF-Token must repeat the token that
 * only a page of ours could read. Order: 403 foreign site, 401 nobody, 403 token, 403 role.
 *
 * The routes of DICOMweb also take a workstation's token (credentials.h) where there is no cookie: then no CSRF token is wanted, since no
 * browser sends it by itself, and what the token is for is asked before the role. No other route takes it.
 */
#ifndef YQ_GATEWAY_GATE_H
#define YQ_GATEWAY_GATE_H

#include "gateway/gateway.h"

#define GATE_COOKIE "yq_session"

bool gate_enter(struct http_request *request, const struct http_route *route, void *gateway, struct err *err);
/* The lane (http.h) of what searches: the person's, so that nobody's searches take every thread and session of the ledger from others. */
const char *gate_lane(const struct http_request *request, const struct http_route *route, void *gateway);
void gate_leave(struct http_request *request, int status, int64_t elapsed_ms, void *gateway);

/* Pure: may a request with these headers (NULL: absent) change something? */
bool gate_is_same_site(const char *fetch_site, const char *origin, const char *host);
/* Compares in a time that depends on the lengths alone. */
bool gate_is_equal(const char *a, const char *b);

#endif
