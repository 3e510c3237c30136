/* Who goes next at a destination while somebody sends. */
#include <criterion/criterion.h>

#include "lib/domain/delivery_lane.h"

TestSuite(delivery_lane, .timeout = 60);

Test(delivery_lane, the_more_urgent_overtake_and_equals_take_turns)
{
	static const struct {
		const char *what;
		struct delivery_lane lane;
		struct delivery_stay stay;
		enum delivery_turn want;
	} cases[] = {
	    {"alone", {true, true, 2, false, {0}, {[2] = 1}, 1}, {2, false, 0, 30, 0, 10}, DELIVERY_TURN_GO},
	    {"held", {false, true, 2, false, {0}, {[2] = 1}, 1}, {2, false, 0, 30, 0, 10}, DELIVERY_TURN_YIELD},
	    {"held: an emergency, too",
	     {false, true, 2, false, {0}, {[0] = 1}, 1},
	     {0, false, 0, 30, 0, 10},
	     DELIVERY_TURN_YIELD},
	    {"outside its hours",
	     {true, false, 2, false, {0}, {[2] = 1}, 1},
	     {2, false, 0, 30, 0, 10},
	     DELIVERY_TURN_YIELD},
	    {"outside its hours: an emergency goes",
	     {true, false, 2, false, {0}, {[0] = 1}, 1},
	     {0, false, 0, 30, 0, 10},
	     DELIVERY_TURN_GO},
	    {"a more urgent one is due and finds a place",
	     {true, true, 2, false, {[0] = 1}, {[2] = 1}, 1},
	     {2, false, 0, 30, 0, 10},
	     DELIVERY_TURN_PAUSE},
	    {"a more urgent one is due and finds none",
	     {true, true, 2, false, {[1] = 1}, {[2] = 2}, 1},
	     {2, false, 0, 30, 0, 10},
	     DELIVERY_TURN_YIELD},
	    {"a more urgent one sends",
	     {true, true, 2, false, {0}, {[0] = 1, [2] = 1}, 1},
	     {2, false, 0, 30, 9, 10},
	     DELIVERY_TURN_PAUSE},
	    {"a more urgent one sends for long",
	     {true, true, 2, false, {0}, {[0] = 1, [2] = 1}, 1},
	     {2, false, 0, 30, 10, 10},
	     DELIVERY_TURN_YIELD},
	    {"a more urgent one is due, but the way is being tried",
	     {true, true, 1, true, {[0] = 1}, {[2] = 1}, 1},
	     {2, false, 0, 30, 0, 10},
	     DELIVERY_TURN_GO},
	    {"the way was tried, and is there",
	     {true, true, 1, true, {[0] = 1}, {[2] = 1}, 1},
	     {2, true, 0, 30, 0, 10},
	     DELIVERY_TURN_YIELD},
	    {"a less urgent one is due",
	     {true, true, 1, false, {[3] = 2}, {[2] = 1}, 1},
	     {2, false, 99, 30, 0, 10},
	     DELIVERY_TURN_GO},
	    {"a less urgent one sends",
	     {true, true, 2, false, {0}, {[2] = 1, [3] = 1}, 1},
	     {2, false, 99, 30, 0, 10},
	     DELIVERY_TURN_GO},
	    {"an equal waits for a place",
	     {true, true, 1, false, {[2] = 1}, {[2] = 1}, 1},
	     {2, false, 29, 30, 0, 10},
	     DELIVERY_TURN_GO},
	    {"an equal has waited for a turn",
	     {true, true, 1, false, {[2] = 1}, {[2] = 1}, 1},
	     {2, false, 30, 30, 0, 10},
	     DELIVERY_TURN_OVER},
	    {"an equal has a place",
	     {true, true, 2, false, {[2] = 1}, {[2] = 1}, 1},
	     {2, false, 99, 30, 0, 10},
	     DELIVERY_TURN_GO},
	    {"emergencies take turns as well",
	     {true, true, 1, false, {[0] = 1}, {[0] = 1}, 1},
	     {0, false, 30, 30, 0, 10},
	     DELIVERY_TURN_OVER},
	};
	size_t i;

	for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		enum delivery_turn got = delivery_turn(&cases[i].lane, &cases[i].stay);

		cr_expect_eq(got, cases[i].want, "%s: got %d, want %d", cases[i].what, (int)got, (int)cases[i].want);
	}
}
