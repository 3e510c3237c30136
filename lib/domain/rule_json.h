/*
 * Rules as JSON, the form in which the ledger gives a version of them, the API and yqctl show them, and a dry run explains itself.
 *
 * document: {"rule_set_id", "version", "groups": [{"name", "mode": "first"|"all", "rules": [RULE...]}]}; RULE: {"id", "rule_id", "name", "is_enabled",
 * "conditions": [{"field", "op", "values"}], "queue", "reading_mode", "priority", "hold", "forward": [ids], "ai": [ids]}.
 * facts: {"modality": ["CT"], ..., "age": {"text", "birth", "on"}}; moment: what yq_rule_moment() gives.
 */
#ifndef YQ_DOMAIN_RULE_JSON_H
#define YQ_DOMAIN_RULE_JSON_H

#include <jansson.h>

#include "lib/domain/rule.h"
#include "lib/domain/rule_cover.h"

/* Borrows the texts of document, which has to outlive it. What is no rule (never written by us) panics. */
struct rule_set *rule_set_new(const json_t *document);
void rule_set_free(struct rule_set *set); /* NULL is fine */

/* The same with facts and moment. */
struct rule_case *rule_case_new(const json_t *facts, const json_t *moment);
void rule_case_free(struct rule_case *study);

void rule_cover_moment_init(struct rule_cover_moment *out, const json_t *moment);
void rule_cover_moment_fini(struct rule_cover_moment *moment);

/*
 * Why: [{"name", "mode", "rules": [{"id", "name", "is_enabled", "fits", "counts", "conditions": [{"field", "op", "values", "fits"}]}]}]. fits: every
 * condition holds; counts: no earlier rule of a first-match group did. A new array.
 */
json_t *rule_explain(const struct rule_set *set, const struct rule_case *study);

/* Every text of values in a document or explanation that is an id, once, as JSON texts: for their names. A new array. */
json_t *rule_ids(const json_t *json);

#endif
