/*
 * What the rules say about one study: the rules of a version over the facts of the ledger, the duty table, and whether the hospital may
 * read it. Decides, and changes nothing; what is done with it is task_open.h (router), rule_dry_run() and reroute.h (people).
 */
#ifndef YQ_DOMAIN_ROUTING_H
#define YQ_DOMAIN_ROUTING_H

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

#include "lib/base/err.h"
#include "lib/base/text.h"
#include "lib/domain/rule.h"

struct db;

enum { ROUTING_REASON_MAX = 400, ROUTING_CODE_SIZE = 24, ROUTING_SET_IN_FORCE = 0, ROUTING_SET_KEPT = -1 };

struct routing {
	json_t *document, *facts, *moment; /* rule_json.h; document NULL: no rules are in force */
	struct rule_set *set;
	struct rule_case *study;
	struct rule_decision decision;
	bool has_queue; /* it can be routed: */
	char queue_id[TEXT_UUID_SIZE],
	    covered_queue_id[TEXT_UUID_SIZE]; /* the latter is empty unless the duty table made it another */
	json_t *queue;                        /* {"queue", "queue_name", "hospital"}, or NULL */
	const char *reading_mode;
	int priority;
	/* Else why not, in words, as a code and with names and days: no_rules, no_match, no_queue, agreement_missing, _ended, _ahead. */
	char reason[ROUTING_REASON_MAX], code[ROUTING_CODE_SIZE];
	json_t *detail;
};

/* set: internal key of a version, or one of the words above (kept: the version that routed the study, else the one in force). */
bool routing_of_study(struct db *db, const char *study_id, int64_t set, struct routing *out, struct err *err);

/*
 * A study that is only described: facts as in rule_json.h (checked here; "site" is an id and brings its type, grid and community), at: when, as
 * "2026-10-01T20:00" in the zone of the installation, or NULL: now.
 */
bool routing_described(struct db *db, const json_t *facts, const char *at, int64_t set, struct routing *out,
                       struct err *err);

/* Internal key of a version by its number. ERR_NOT_FOUND */
bool routing_version(struct db *db, int version, int64_t *out_set, struct err *err);

/*
 * Everything: {"version", "queue", ..., "reading_mode", "priority", "hold", "forward": [{"destination", "rule"}], "reason", "code",
 * "groups": rule_explain(), "facts", "moment", "names"}. A new object.
 */
bool routing_json(struct db *db, const struct routing *routing, json_t **out, struct err *err);

void routing_fini(struct routing *routing);

/* The document of a version with the names of what it speaks of ("names": {id: name}); ERR_NOT_FOUND: there is none. A new object. */
bool routing_document(struct db *db, int64_t set, json_t **out, struct err *err);

#endif
