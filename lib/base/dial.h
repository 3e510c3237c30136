/*
 * Connections to others. The look-up of the name and the attempts to connect share one time, whatever the resolver does, and every address
 * of the name has its turn. Knows nothing of what is said on a connection.
 */
#ifndef YQ_BASE_DIAL_H
#define YQ_BASE_DIAL_H

#include <netinet/in.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/socket.h>

#include "lib/base/err.h"

#ifdef __cplusplus
extern "C" {
#endif

enum { DIAL_ADDRESSES_MAX = 8, DIAL_TEXT_SIZE = 64 };

struct dial_address {
	struct sockaddr_storage name;
	socklen_t length;
};
struct dial_addresses {
	struct dial_address items[DIAL_ADDRESSES_MAX];
	int count; /* 1.. */
};

/*
 * host: a numeric address, or a name. ERR_TEMPORARY: the name service does not answer in time, or does not know the name: that may be mended
 * there. Waits at most timeout_ms; a look-up that is late goes on beside and is forgotten.
 */
bool dial_find(const char *host, uint16_t port, int64_t timeout_ms, struct dial_addresses *out, struct err *err);
/* "192.0.2.7" or "2001:db8::1", without the port. */
void dial_text(const struct dial_address *address, char out[DIAL_TEXT_SIZE]);

/* One after the other until one answers; those that remain share what time remains. *out_fd blocks, is close-on-exec, the caller's. ERR_TEMPORARY. */
bool dial_connect(const struct dial_addresses *addresses, int64_t timeout_ms, int *out_fd, struct err *err);
/* Both. */
bool dial(const char *host, uint16_t port, int64_t timeout_ms, int *out_fd, struct err *err);

#ifdef __cplusplus
}
#endif
#endif
