/*
 * Heads that two readers may understand in two ways, so that behind a proxy one request could hide in another: RFC 9112 sections 3.2 and 6.3.
 * libmicrohttpd of Debian 12 takes them.
 */
#include <strings.h>

#include "lib/http/internal.h"

struct heads {
	int hosts, lengths, encodings;
};

static enum MHD_Result count_header(void *context, enum MHD_ValueKind kind, const char *name, const char *value)
{
	struct heads *heads = context;
	(void)kind;
	(void)value;
	heads->hosts += strcasecmp(name, MHD_HTTP_HEADER_HOST) == 0;
	heads->lengths += strcasecmp(name, MHD_HTTP_HEADER_CONTENT_LENGTH) == 0;
	heads->encodings += strcasecmp(name, MHD_HTTP_HEADER_TRANSFER_ENCODING) == 0;
	return MHD_YES;
}

bool head_check(struct http_request *request, struct err *err)
{
	struct heads heads = {0};
	MHD_get_connection_values(request->connection, MHD_HEADER_KIND, count_header, &heads);
	if (heads.hosts <= 1 && heads.lengths + heads.encodings <= 1)
		return true;
	/* What follows on the connection is part of this request for some, and a request for others. */
	return http_add_header(request, MHD_HTTP_HEADER_CONNECTION, "close", err) &&
	       err_set(err, ERR_INVALID,
	               heads.hosts > 1 ? "the request names more than one Host"
	                               : "the request says more than once how long its body is");
}
