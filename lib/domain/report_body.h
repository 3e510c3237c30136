/* The body of a report as it is kept: checked, and as JSON. */
#ifndef YQ_DOMAIN_REPORT_BODY_H
#define YQ_DOMAIN_REPORT_BODY_H

#include <jansson.h>
#include <stdbool.h>

#include "lib/base/err.h"
#include "lib/domain/report.h"

/*
 * ERR_INVALID names the member that is too long, no UTF-8, or holds control characters. Carriage returns and blanks at the ends are
 * dropped. *out: json_decref().
 */
bool report_body_to_json(const struct report_body *body, json_t **out, struct err *err);

#endif
