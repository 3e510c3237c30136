/* The address of a host by the machine's name service, within a time. */
#ifndef YQ_TRANSPORT_LOOKUP_H
#define YQ_TRANSPORT_LOOKUP_H

#include <netinet/in.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { LOOKUP_ADDRESS_SIZE = INET6_ADDRSTRLEN };

/* host: a name or an address, at most 253 characters. True with the address as text; else the reason in words. */
bool lookup_host(const char *host, bool is_ipv4, int64_t timeout_ms, char address[LOOKUP_ADDRESS_SIZE], char *why,
                 size_t why_size);

#endif
