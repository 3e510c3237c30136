/*
 * What may be written into a rule, pure. Whoever writes it is trusted with the rules, not with their form: every text is bounded, and there
 * are no regular expressions (patterns have * alone).
 */
#ifndef YQ_DOMAIN_RULE_FORM_H
#define YQ_DOMAIN_RULE_FORM_H

#include <jansson.h>
#include <stddef.h>

#include "lib/base/err.h"

enum { RULE_NAME_MAX = 100, RULE_TEXT_MAX = 200, RULE_HOLD_MAX = 500, RULE_PRIORITY_MAX = 10 };

/*
 * A rule as somebody sends it (rule_json.h, without "id" and "rule_id"; what is absent is as null) in its whole form: every member is there.
 * ERR_INVALID with what is wrong and where. *out: json_decref().
 */
bool rule_form_read(const json_t *input, json_t **out, struct err *err);

/* A text of 1 to max characters that can be read on one line: UTF-8, no control. what: its name in the error. */
bool rule_form_text(const char *text, const char *what, size_t max, struct err *err);

/* Facts of a study that is only described, e.g. {"modality": ["CT"]}; names of fields are checked, texts bounded. */
bool rule_form_facts(const json_t *facts, struct err *err);

#endif
