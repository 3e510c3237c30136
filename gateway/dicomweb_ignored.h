/* What a search was asked for and does not do: said in warnings (PS3.18 section 8.3.4), never passed over. */
#ifndef YQ_GATEWAY_DICOMWEB_IGNORED_H
#define YQ_GATEWAY_DICOMWEB_IGNORED_H

#include "lib/http/http.h"

/* includefield: "all", and attributes by keyword or tag, in sequences with dots between; separated by commas, more than once. ERR_INVALID */
bool dicomweb_check_fields(const struct http_request *request, struct err *err);
/*
 * Warnings that name the keys that are none of known (keywords and tags, separated by blanks), and the fields asked for that no row of the list has.
 * list may be NULL: nothing was found.
 */
bool dicomweb_warn_of_ignored(struct http_request *request, const char *known, const json_t *list, struct err *err);

#endif
