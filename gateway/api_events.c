/* Server-sent events: ids of what changed, as far as the person may see it. */
#include "gateway/feed.h"
#include "gateway/handlers.h"

bool handle_events(struct http_request *request, void *context, struct err *err)
{
	struct gateway *gateway = context;
	/* Of a stream that goes on; a new one says what its page had seen when it asked who is here. */
	const char *last_id = http_header(request, "Last-Event-ID");
	return feed_open(gateway->feed, request, last_id != NULL ? last_id : http_query(request, "after"), err);
}
