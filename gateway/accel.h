/*
 * Stored objects that the proxy in front of us sends by itself (nginx, X-Accel-Redirect; deploy/nginx): we decide who may see one, weigh the
 * conditions and note the look; it opens the file and sees to ranges. Only what it forwards, from this machine, is answered so: nobody else is told a place.
 */
#ifndef YQ_GATEWAY_ACCEL_H
#define YQ_GATEWAY_ACCEL_H

#include "lib/http/http.h"
#include "lib/store/store.h"

enum { ACCEL_PREFIX_MAX = 100, ACCEL_PLACE_SIZE = ACCEL_PREFIX_MAX + STORE_FILE_SIZE };

/* Of the option store_accel: empty, or an absolute path that ends with a slash. ERR_INVALID: what is wrong with it. */
bool accel_check(const char *prefix, struct err *err);
/* The internal address of a stored object; false: the answer is ours to send. */
bool accel_locate(const struct http_request *request, struct store *store, const char *key, char out[ACCEL_PLACE_SIZE]);

#endif
