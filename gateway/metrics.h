/* The text format of Prometheus, version 0.0.4. Pure. */
#ifndef YQ_GATEWAY_METRICS_H
#define YQ_GATEWAY_METRICS_H

#include <jansson.h>
#include <stdbool.h>

#include "lib/base/text.h"

/* "# HELP" and "# TYPE ... gauge". */
bool metrics_head(struct text_buf *out, const char *name, const char *help) __attribute__((warn_unused_result));
/* "# HELP" and "# TYPE ... histogram"; its samples end in _bucket, _sum and _count. */
bool metrics_head_histogram(struct text_buf *out, const char *name, const char *help)
    __attribute__((warn_unused_result));
/* One sample; labels: a JSON object of texts, or NULL. */
bool metrics_sample(struct text_buf *out, const char *name, const json_t *labels, double value)
    __attribute__((warn_unused_result));

#endif
