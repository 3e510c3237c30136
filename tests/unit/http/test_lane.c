#include <criterion/criterion.h>
#include <string.h>

#include "lib/http/internal.h"

enum { WIDTH = 4, MOST = 6, REQUESTS = 300 };

static struct lanes lanes;
static struct http_request requests[REQUESTS];

static void make(void)
{
	memset(requests, 0, sizeof requests);
	lanes_init(&lanes, WIDTH, MOST);
}
TestSuite(lane, .init = make);

static enum lane_place enter(const char *name, int number)
{
	return lane_enter(&lanes, name, &requests[number]);
}

/* The number of what runs next instead, or -1. */
static int leave(int number)
{
	struct http_request *next = lane_leave(&lanes, &requests[number]);
	return next == NULL ? -1 : (int)(next - requests);
}

static void expect_next(int left, int want)
{
	int got = leave(left);
	cr_expect(got == want, "behind %d: got %d, want %d", left, got, want);
}

Test(lane, of_one_lane_so_many_run_and_the_others_follow_in_their_order)
{
	for (int i = 0; i < WIDTH; i++)
		cr_expect(enter("a", i) == LANE_RUNS);
	for (int i = WIDTH; i < WIDTH + 3; i++)
		cr_expect(enter("a", i) == LANE_WAITS);
	cr_expect(enter("b", 20) == LANE_RUNS);
	expect_next(2, 4);
	expect_next(20, -1);
	expect_next(4, 5);
	expect_next(0, 6);
	for (int i = 0; i < 7; i++)
		if (requests[i].lane != NULL)
			expect_next(i, -1);
	cr_expect(lanes.first == NULL && lanes.running == 0);
}

Test(lane, all_lanes_together_leave_room)
{
	int running = 0;
	for (int i = 0; i < 30; i++) {
		char name[2] = {(char)('a' + i % 3), '\0'};
		running += enter(name, i) == LANE_RUNS;
	}
	cr_expect(running == MOST, "got %d", running);
	cr_expect(enter("d", 40) == LANE_WAITS);
	/* Whatever ends, one begins, until nobody waits. */
	int done = 0;
	int ready[64], first = 0, last = 0;
	for (int i = 0; i < MOST; i++)
		ready[last++] = i;
	while (first < last) {
		int next = leave(ready[first++]);
		done++;
		if (next >= 0)
			ready[last++] = next;
		cr_expect(lanes.running <= MOST);
	}
	cr_expect(done == 31, "got %d", done);
	cr_expect(lanes.first == NULL && lanes.running == 0);
}

Test(lane, who_waits_longest_for_a_turn_is_next)
{
	for (int i = 0; i < 4; i++)
		cr_expect(enter("a", i) == LANE_RUNS);
	for (int i = 4; i < 8; i++)
		cr_expect(enter("a", i) == LANE_WAITS);
	cr_expect(enter("b", 10) == LANE_RUNS);
	cr_expect(enter("b", 11) == LANE_RUNS);
	cr_expect(enter("b", 12) == LANE_WAITS);
	cr_expect(enter("c", 20) == LANE_WAITS);
	cr_expect(enter("c", 21) == LANE_WAITS);
	expect_next(0, 4);   /* a was there first, and ran one less */
	expect_next(1, 12);  /* then b */
	expect_next(2, 20);  /* then c, for all that a and b had before */
	expect_next(10, 5);  /* a */
	expect_next(11, 21); /* b has none that waits */
	expect_next(12, 6);
	expect_next(3, 7);
	expect_next(4, -1);
}

Test(lane, a_lane_that_may_not_run_more_is_passed_over)
{
	for (int i = 0; i < 4; i++)
		cr_expect(enter("a", i) == LANE_RUNS);
	cr_expect(enter("a", 4) == LANE_WAITS);
	cr_expect(enter("b", 10) == LANE_RUNS);
	cr_expect(enter("b", 11) == LANE_RUNS);
	cr_expect(enter("c", 20) == LANE_WAITS);
	expect_next(10, 20); /* a runs four already */
	expect_next(11, -1);
	expect_next(20, -1);
	expect_next(3, 4);
}

Test(lane, who_asks_for_too_much_is_told_and_others_are_not)
{
	for (int i = 0; i < 4 + 100; i++)
		cr_expect((enter("a", i) == LANE_RUNS) == (i < 4));
	cr_expect(enter("a", 110) == LANE_FULL);
	cr_expect(requests[110].lane == NULL);
	cr_expect(enter("b", 111) == LANE_RUNS);
	expect_next(110, -1); /* without a lane */
	expect_next(0, 4);
	cr_expect(enter("a", 112) == LANE_WAITS);
}
