/*
 * Studies that the rules left to people: routed anew by the rules in force now, or released from a hold. A person (duty leader or operator at
 * the study's site) or the operator's command says so; the router does it. Refusals: ERR_NOT_FOUND, ERR_REFUSED, ERR_INVALID (the reason: 1 to 500
 * characters), ERR_CONFLICT (its report is being written or was issued; it is not held).
 */
#ifndef YQ_DOMAIN_REROUTE_H
#define YQ_DOMAIN_REROUTE_H

#include <jansson.h>
#include <stdbool.h>

#include "lib/base/err.h"

struct db;

struct reroute {
	const char *person_id;     /* NULL: the operator's command, */
	const char *operator_name; /* by whom */
	const char *study_id, *reason;
};

/*
 * What would change: {"now": {"queue", "queue_name", "reading_mode", "priority", "version", "hold", "reason"}, "then": routing_json(), "changes": bool,
 * "can": bool, "refusal": text, "refusal_code": "merged"|"receiving"|"taken"|"issued"|""}. In the caller's session; changes nothing. A new object.
 */
bool reroute_preview(struct db *db, const struct reroute *reroute, json_t **out, struct err *err);

/* In the caller's transaction, with event and audit record. After the commit the router acts on it. */
bool reroute_ask(struct db *db, const struct reroute *reroute, struct err *err);
bool reroute_release(struct db *db, const struct reroute *reroute, struct err *err);

#endif
