/* The histograms of deliveries for /metrics, as the ledger counts them. */
#ifndef YQ_GATEWAY_METRICS_DELIVERIES_H
#define YQ_GATEWAY_METRICS_DELIVERIES_H

#include "lib/base/text.h"
#include "lib/db/db.h"

bool metrics_deliveries(struct text_buf *out, struct db *db, struct err *err);

#endif
