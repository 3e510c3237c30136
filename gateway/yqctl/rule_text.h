/*
 * Conditions as an operator types and reads them: "modality = CT, MR; hour = 18:00-08:00; body_part != *胸*; age missing". Conditions are
 * separated by semicolons, values by commas; a value with either of them, or with quotes, stands in double quotes, where "" is one quote.
 */
#ifndef YQ_YQCTL_RULE_TEXT_H
#define YQ_YQCTL_RULE_TEXT_H

#include <jansson.h>
#include <stdbool.h>

#include "lib/base/err.h"
#include "lib/base/text.h"

struct db;

enum { RULE_TEXT_BYTES_MAX = 64 * 1024 };

/* Pure: names of fields and their values are as typed. [{"field", "op", "values"}]; a new array. ERR_INVALID with the place. */
bool rule_text_parse(const char *text, json_t **out, struct err *err);

/* Names and codes of sites, grids, communities and devices become ids, in place. */
bool rule_text_resolve(struct db *db, json_t *conditions, struct err *err);

/* One condition as text; names: {id: name}. Appends. */
void rule_text_print(struct text_buf *out, const json_t *condition, const json_t *names);

/* Conditions with = alone as facts of a described study: {"modality": ["CT"]}. Their ids are resolved already. A new object. */
bool rule_text_facts(const json_t *conditions, json_t **out, struct err *err);

#endif
