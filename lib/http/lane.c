/*
 * Lanes: of the requests of one lane (of one person, say) so many run at once; the others wait in order, without a thread, so that they stop nobody
 * else. A lane is there while something of it runs.
 */
#include <stdlib.h>
#include <string.h>

#include "lib/http/internal.h"

/* What a browser asks for at once over HTTP/2 has room; who asks for more does not read the answers. */
enum { WAITING_MAX = 100 };

struct lane {
	char name[HTTP_LANE_SIZE];
	int running, waiting;
	struct http_request *first, **last; /* that wait */
	struct lane *next;
};

static struct lane *find_lane(struct lanes *lanes, const char *name)
{
	for (struct lane *lane = lanes->first; lane != NULL; lane = lane->next)
		if (strcmp(lane->name, name) == 0)
			return lane;
	return NULL;
}

static struct lane *add_lane(struct lanes *lanes, const char *name)
{
	struct lane *lane = calloc(1, sizeof *lane);
	if (lane == NULL)
		err_panic("out of memory");
	text_copy(lane->name, sizeof lane->name, name);
	lane->last = &lane->first;
	lane->next = lanes->first;
	lanes->first = lane;
	return lane;
}

static void drop_lane(struct lanes *lanes, struct lane *lane)
{
	struct lane **at = &lanes->first;
	while (*at != lane)
		at = &(*at)->next;
	*at = lane->next;
	free(lane);
}

/* With the lock held. */
static enum lane_place take_place(struct lane *lane, int width, struct http_request *request)
{
	if (lane->running < width) {
		lane->running++;
		request->lane = lane;
		return LANE_RUNS;
	}
	if (lane->waiting == WAITING_MAX)
		return LANE_FULL;
	lane->waiting++;
	request->lane = lane;
	request->lane_next = NULL;
	*lane->last = request;
	lane->last = &request->lane_next;
	return LANE_WAITS;
}

enum lane_place lane_enter(struct lanes *lanes, const char *name, int width, struct http_request *request)
{
	pthread_mutex_lock(&lanes->lock);
	struct lane *lane = find_lane(lanes, name);
	if (lane == NULL)
		lane = add_lane(lanes, name);
	enum lane_place place = take_place(lane, width, request);
	pthread_mutex_unlock(&lanes->lock);
	return place;
}

struct http_request *lane_leave(struct lanes *lanes, struct http_request *request)
{
	struct lane *lane = request->lane;
	if (lane == NULL)
		return NULL;
	request->lane = NULL;
	pthread_mutex_lock(&lanes->lock);
	struct http_request *next = lane->first;
	if (next != NULL) {
		lane->first = next->lane_next;
		if (lane->first == NULL)
			lane->last = &lane->first;
		lane->waiting--;
	} else if (--lane->running == 0) {
		drop_lane(lanes, lane);
	}
	pthread_mutex_unlock(&lanes->lock);
	return next;
}
