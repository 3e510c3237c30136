/* What is to be known of a URL before anything is sent to it (RFC 3986). Pure. */
#ifndef YQ_HTTP_URL_H
#define YQ_HTTP_URL_H

#include <stdbool.h>

enum { HTTP_HOST_SIZE = 254 };

struct http_url {
	char host[HTTP_HOST_SIZE]; /* without the brackets of an IPv6 address */
	bool is_tls;
	bool has_user; /* user or password stand in it */
	bool has_fragment;
};

/* False: no URL of http or https with a host that fits. */
bool http_url_read(const char *text, struct http_url *out);

#endif
