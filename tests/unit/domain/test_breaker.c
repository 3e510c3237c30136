/* A destination that cannot be reached rests, tries the way with one delivery, and comes back by and by. */
#include <criterion/criterion.h>

#include "lib/domain/breaker.h"

TestSuite(breaker, .timeout = 60);

/* No jitter: random 500 is the middle. */
static const struct breaker_limits limits = {.rest_min_ms = 1000, .rest_max_ms = 8000, .places = 8, .random = 500};
enum { SECOND = 1000000 };

static void expect(const struct breaker *breaker, int64_t now_us, enum breaker_state want, const char *what)
{
	enum breaker_state got = breaker_state(breaker, now_us);

	cr_expect_eq(got, want, "%s: got %s, want %s", what, breaker_state_name(got), breaker_state_name(want));
}

Test(breaker, rests_longer_each_time_the_way_is_tried_in_vain)
{
	static const int64_t rests[] = {1, 2, 4, 8, 8, 8};
	struct breaker breaker = {0};
	int64_t now_us = SECOND;
	size_t i;

	expect(&breaker, now_us, BREAKER_CLOSED, "new");
	for (i = 0; i < sizeof(rests) / sizeof(rests[0]); i++) {
		breaker_fail(&breaker, &limits, false, now_us);
		expect(&breaker, now_us, BREAKER_OPEN, "failed");
		cr_expect_eq(breaker.resting_until_us - now_us, rests[i] * SECOND, "rest %zu", i);
		now_us = breaker.resting_until_us;
		expect(&breaker, now_us, BREAKER_HALF_OPEN, "the rest is over");
	}
}

Test(breaker, what_fails_together_counts_once)
{
	struct breaker breaker = {0};

	breaker_fail(&breaker, &limits, false, SECOND);
	breaker_fail(&breaker, &limits, false, SECOND);
	breaker_fail(&breaker, &limits, false, SECOND + 1);
	cr_expect_eq(breaker.failures, 1);
	cr_expect_eq(breaker.resting_until_us, 2 * SECOND);
}

Test(breaker, comes_back_with_twice_as_many_each_time)
{
	struct breaker breaker = {0};
	int i, places[4];

	breaker_fail(&breaker, &limits, false, SECOND);
	for (i = 0; i < 4; i++) {
		breaker_answer(&breaker, &limits);
		places[i] = breaker.slow_start;
		expect(&breaker, 0, places[i] ? BREAKER_SLOW : BREAKER_CLOSED, "answered");
	}
	cr_expect_eq(places[0], 1);
	cr_expect_eq(places[1], 2);
	cr_expect_eq(places[2], 4);
	cr_expect_eq(places[3], 0, "as always");
	breaker_answer(&breaker, &limits);
	expect(&breaker, 0, BREAKER_CLOSED, "an answer of every day changes nothing");
}

Test(breaker, a_link_that_lets_something_through_does_not_rest_longer_and_longer)
{
	struct breaker breaker = {.failures = 7};
	int i;

	for (i = 0; i < 3; i++) {
		breaker_fail(&breaker, &limits, true, breaker.resting_until_us + 1);
		cr_expect_eq(breaker.failures, 1, "%d", breaker.failures);
	}
}

/* Whatever happens in whatever state, the state that follows is one to which the table leads. */
Test(breaker, every_state_and_event_agree_with_the_table)
{
	static const struct {
		struct breaker breaker;
		enum breaker_state state;
	} starts[] = {{{0, 0, 0}, BREAKER_CLOSED},
	              {{1, 9 * SECOND, 0}, BREAKER_OPEN},
	              {{1, SECOND, 0}, BREAKER_HALF_OPEN},
	              {{0, 0, 2}, BREAKER_SLOW},
	              {{0, 0, 4}, BREAKER_SLOW}};
	size_t i;

	for (i = 0; i < sizeof(starts) / sizeof(starts[0]); i++) {
		struct breaker failed = starts[i].breaker, answered = failed, later = failed;
		enum breaker_state from = starts[i].state, to;

		expect(&failed, 5 * SECOND, from, "start");
		breaker_fail(&failed, &limits, false, 5 * SECOND);
		if (!breaker_next(from, BREAKER_EVENT_FAIL, &to))
			to = from;
		expect(&failed, 5 * SECOND, to, "fail");
		breaker_answer(&answered, &limits);
		if (!breaker_next(from, BREAKER_EVENT_ANSWER, &to) &&
		    !(answered.slow_start == 0 && breaker_next(from, BREAKER_EVENT_RECOVER, &to)))
			to = from;
		expect(&answered, 5 * SECOND, to, "answer");
		if (!breaker_next(from, BREAKER_EVENT_REST_OVER, &to))
			to = from;
		expect(&later, 10 * SECOND, to, "the rest is over");
	}
}
