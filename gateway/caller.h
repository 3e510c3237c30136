/*
 * Who asks. The gate (gate.h) puts a caller on every request of a logged-in person, or of a workstation in a person's name; it ends with the request.
 *
 * The flags of a route are the roles that may use it (ACCOUNT_ROLE bits: one of them, anywhere) or one of the words below. Where
 * a person may look is not decided here: the session of caller_db() only shows the rows of the sites that the rights reach, so that
 * what is foreign is not there (404).
 */
#ifndef YQ_GATEWAY_CALLER_H
#define YQ_GATEWAY_CALLER_H

#include "gateway/gateway.h"
#include "lib/domain/workstation.h"

enum {
	ROUTE_ANYBODY = 1 << 30,   /* nobody need be logged in */
	ROUTE_LOGGED_IN = 1 << 29, /* every role, also none */
	ROUTE_WATCHER = 1 << 28, /* the machine itself (loopback, not through a proxy), or administrator or operator */
	ROUTE_SEARCH = 1 << 26,  /* beside roles: may take the ledger long, so a person has only a few at once */
	ROUTE_LIST =
	    1 << 25, /* beside that: only where something is typed ("q"); else it is the list that work goes by */
	ROUTE_VISITOR = 1 << 27 /* beside roles: who is not logged in comes in as nobody, to be told where to log in */
};

struct caller {
	struct gateway *gateway;
	struct account_session session;
	char token[ACCOUNT_TOKEN_SIZE]; /* of the session; where a workstation asks, the public id of its token */
	char workstation
	    [WORKSTATION_NAME_SIZE]; /* which one asks in the person's name; empty: the person at a browser */
	const char *purpose;         /* of its token: "read", "store", "worklist" */
	struct db *db;               /* taken by the first caller_db() */
};

/* NULL: nobody is logged in (only on ROUTE_ANYBODY, ROUTE_WATCHER and ROUTE_VISITOR). */
struct caller *caller_of(const struct http_request *request);
const char *
caller_id(const struct http_request *request); /* public id of the person; never NULL on routes with a login */

/*
 * A session with the caller's eyes, until caller_rest() or the end of the request. A handler gives it back before it calls a function
 * that takes one of the pool itself: a request that holds two could wait for others that do the same.
 * What a GET reads in it ends with ERR_CANCELLED when its client has gone.
 */
bool caller_db(struct http_request *request, struct db **out, struct err *err);
/* The watch for a session of this request: whether its client has gone. None for who changes something: that is done to its end. */
struct db_watch caller_watch(struct http_request *request);
void caller_rest(const struct http_request *request);
/* Whether a proxy on this machine forwards it; what it says of the client is then believed. */
bool caller_is_forwarded(const struct http_request *request);
/* Where the request comes from: the peer, or what a proxy on this machine says that it forwards for. */
void caller_address(const struct http_request *request, char *out, size_t out_size);

/*
 * Notes a look or an act of the caller in the audit, before it is answered: no note, no look. detail: a JSON object or NULL.
 * site: public id or NULL. Where the subject is a study, an instance or a task, the detail says for what, too: the purpose of the workstation's token,
 * else the nearest ground that the ledger has for this person, and the task where it is one.
 */
bool caller_audit(struct http_request *request, const char *action, const char *subject_kind, const char *subject,
                  const char *site, const char *detail, struct err *err);

/* The same detail with who asks beside the person: the workstation and for what it asks. NULL when there is nothing to say; free(3). */
char *caller_detail(const struct http_request *request, const char *detail);

void caller_free(struct caller *caller);

#endif
