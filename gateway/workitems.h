/* What the files of UPS-RS (PS3.18 chapter 11) share. workitems.c: search, retrieve, change; workitem_subscribers.c: subscriptions, the channel of events. */
#ifndef YQ_GATEWAY_WORKITEMS_H
#define YQ_GATEWAY_WORKITEMS_H

#include "lib/http/http.h"

/* The names of all keys that workitem_filter() reads, by keyword and tag, separated by blanks. */
extern const char WORKITEM_KEYS[];
/* And those that a subscription has beside them. */
extern const char WORKITEM_SUBSCRIPTION_KEYS[];
/* The keys of the query as yq_workitem_fits() reads them: a new JSON object. */
bool workitem_filter(const struct http_request *request, json_t **out, struct err *err);
/*
 * Takes the argument "filter" of a subscription apart (PS3.18 section 11.10.1.2, "key=value,key=value"): its keys are then keys of the query, as the
 * standard had them until 2019a. ERR_INVALID: it is none, or names a key that is there.
 */
bool workitem_open_filter(struct http_request *request, struct err *err);

#endif
