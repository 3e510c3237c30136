/* The wait between two tries: doubled, capped, spread. */
#include <criterion/criterion.h>

#include "lib/domain/delivery_rule.h"

TestSuite(backoff, .timeout = 60);

enum { MIDDLE = 500 }; /* of 0..1000: no jitter */

Test(backoff, doubles_up_to_the_cap)
{
	static const struct {
		int failures;
		int64_t want_ms;
	} cases[] = {{1, 5000},   {2, 10000},  {3, 20000},        {7, 320000},
	             {8, 600000}, {9, 600000}, {1000000, 600000}, {0, 5000}};
	size_t i;

	for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		int64_t got = delivery_backoff_ms(cases[i].failures, 5000, 600000, MIDDLE);

		cr_expect_eq(got, cases[i].want_ms, "after %d failures: got %lld ms, want %lld", cases[i].failures,
		             (long long)got, (long long)cases[i].want_ms);
	}
}

Test(backoff, spreads_by_a_fifth_and_no_more)
{
	uint32_t random;
	int64_t lowest = INT64_MAX, highest = 0;

	for (random = 0; random <= 2000; random++) {
		int64_t got = delivery_backoff_ms(1, 10000, 600000, random);

		lowest = got < lowest ? got : lowest;
		highest = got > highest ? got : highest;
	}
	cr_expect_eq(lowest, 8000);
	cr_expect_eq(highest, 12000);
	cr_expect_leq(delivery_backoff_ms(1, 10000, 600000, UINT32_MAX), 12000);
}

Test(backoff, strange_settings_do_no_harm)
{
	cr_expect_eq(delivery_backoff_ms(1, 9000, 3000, MIDDLE), 3000, "a minimum above the cap");
	cr_expect_eq(delivery_backoff_ms(80, 1, INT64_MAX / 4, MIDDLE) > 0, 1, "no overflow");
}
