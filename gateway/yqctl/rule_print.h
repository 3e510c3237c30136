/* Rules and what they decide, for people at a terminal. */
#ifndef YQ_YQCTL_RULE_PRINT_H
#define YQ_YQCTL_RULE_PRINT_H

#include <jansson.h>
#include <stdio.h>

/* A version with its names (routing_document()): groups, rules with their numbers, conditions, actions. */
void rule_print_document(FILE *to, const json_t *document);
void rule_print_rule(FILE *to, const json_t *rule, const json_t *names, int number);

/* What the rules would do (routing_json()), and why: each rule with the conditions that do not hold. */
void rule_print_outcome(FILE *to, const json_t *outcome);

#endif
