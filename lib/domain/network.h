/*
 * Network addresses as an operator types them. No look-up of names: what is registered must not change behind our back.
 */
#ifndef YQ_DOMAIN_NETWORK_H
#define YQ_DOMAIN_NETWORK_H

#include <stdbool.h>

#include "lib/base/err.h"

enum { NETWORK_TEXT_MAX = 64 };

/*
 * "192.0.2.7", "192.0.2.0/24", "2001:db8::/32" into the form that the ledger's cidr takes. ERR_INVALID: no address, a prefix out of range,
 * or host bits set behind the prefix (the text names the network that may have been meant).
 */
bool network_parse(const char *text, char out[NETWORK_TEXT_MAX], struct err *err);

/* A host to connect to: an address, or a DNS name (RFC 1123) of at most 253 characters. */
bool network_host_is_valid(const char *host);
/* Of the two, it is an address. */
bool network_host_is_address(const char *host);

#endif
