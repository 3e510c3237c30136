/* Server-sent events: ids of what changed, as far as the person may see it. */
#include "gateway/feed.h"
#include "gateway/handlers.h"

bool handle_events(struct http_request *request, void *context, struct err *err)
{
	struct gateway *gateway = context;
	return feed_open(gateway->feed, request, http_header(request, "Last-Event-ID"), err);
}
