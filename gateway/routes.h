/* The table of all routes with the roles that each needs. */
#ifndef YQ_GATEWAY_ROUTES_H
#define YQ_GATEWAY_ROUTES_H

#include "lib/http/http.h"

const struct http_route *routes_all(size_t *count);

#endif
