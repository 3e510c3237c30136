/*
 * Lanes: of the requests of one lane (of one person, say) so many run at once, and so many of all lanes together; the others wait, without a thread, so
 * that they stop nobody else. Those of one lane run in their order. Where lanes wait for each other the one whose turn was longest ago is next, so
 * that who has many waits behind who has one. A lane is there while something of it runs or waits.
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

void lanes_init(struct lanes *lanes, int width, int most)
{
	*lanes = (struct lanes){.width = width, .most = most};
	lanes->last = &lanes->first;
	pthread_mutex_init(&lanes->lock, NULL);
}

void lanes_fini(struct lanes *lanes)
{
	pthread_mutex_destroy(&lanes->lock);
}

/* ---- the order of turns. All of it with the lock held ----------------------------------------------------------------------------- */

static void put_last(struct lanes *lanes, struct lane *lane)
{
	lane->next = NULL;
	*lanes->last = lane;
	lanes->last = &lane->next;
}

static void take_out(struct lanes *lanes, const struct lane *lane)
{
	struct lane **at = &lanes->first;
	while (*at != NULL && *at != lane)
		at = &(*at)->next;
	if (*at == NULL)
		err_panic("a lane is not among the lanes");
	*at = lane->next;
	if (lane->next == NULL)
		lanes->last = at;
}

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
	put_last(lanes, lane);
	return lane;
}

/* ---- requests ------------------------------------------------------------------------------------------------------------------------ */

static void run_one(struct lanes *lanes, struct lane *lane)
{
	lane->running++;
	lanes->running++;
	take_out(lanes, lane);
	put_last(lanes, lane);
}

static bool has_room(const struct lanes *lanes, const struct lane *lane)
{
	return lanes->running < lanes->most && lane->running < lanes->width;
}

static enum lane_place take_place(struct lanes *lanes, struct lane *lane, struct http_request *request)
{
	request->lane = lane;
	if (has_room(lanes, lane)) {
		run_one(lanes, lane);
		return LANE_RUNS;
	}
	if (lane->waiting == WAITING_MAX) {
		request->lane = NULL;
		return LANE_FULL;
	}
	lane->waiting++;
	request->lane_next = NULL;
	*lane->last = request;
	lane->last = &request->lane_next;
	return LANE_WAITS;
}

enum lane_place lane_enter(struct lanes *lanes, const char *name, struct http_request *request)
{
	pthread_mutex_lock(&lanes->lock);
	struct lane *lane = find_lane(lanes, name);
	if (lane == NULL)
		lane = add_lane(lanes, name);
	enum lane_place place = take_place(lanes, lane, request);
	pthread_mutex_unlock(&lanes->lock);
	return place;
}

/* The first that waits of the first lane that may run one more; there is at most one such lane, or all waited for the same place. */
static struct http_request *next_request(struct lanes *lanes)
{
	struct lane *lane = lanes->first;
	while (lane != NULL && (lane->waiting == 0 || !has_room(lanes, lane)))
		lane = lane->next;
	if (lane == NULL)
		return NULL;
	struct http_request *next = lane->first;
	lane->first = next->lane_next;
	if (lane->first == NULL)
		lane->last = &lane->first;
	lane->waiting--;
	run_one(lanes, lane);
	return next;
}

struct http_request *lane_leave(struct lanes *lanes, struct http_request *request)
{
	struct lane *lane = request->lane;
	if (lane == NULL)
		return NULL;
	request->lane = NULL;
	pthread_mutex_lock(&lanes->lock);
	lane->running--;
	lanes->running--;
	struct http_request *next = next_request(lanes);
	if (lane->running + lane->waiting == 0) {
		take_out(lanes, lane);
		free(lane);
	}
	pthread_mutex_unlock(&lanes->lock);
	return next;
}
