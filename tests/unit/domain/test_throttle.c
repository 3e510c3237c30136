#include <criterion/criterion.h>
#include <stdio.h>

#include "lib/domain/throttle.h"

static const struct throttle_limits limits = {3, 1000, 10000, 60000};

Test(throttle, waits_double_up_to_the_longest)
{
	static const struct {
		int failures;
		int64_t want;
	} cases[] = {{0, 0},    {3, 0},     {4, 1000},  {5, 2000},          {6, 4000},
	             {7, 8000}, {8, 10000}, {9, 10000}, {2000000000, 10000}};
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		int64_t got = throttle_wait_ms(&limits, cases[i].failures);
		cr_expect(got == cases[i].want, "%d: got %lld, want %lld", cases[i].failures, (long long)got,
		          (long long)cases[i].want);
	}
}

Test(throttle, counts_each_key_and_forgets)
{
	struct throttle *throttle = throttle_new(&limits);
	for (int i = 0; i < 4; i++) {
		cr_expect(throttle_left_ms(throttle, "a", 100) == 0, "try %d has to wait", i);
		throttle_failed(throttle, "a", 100);
	}
	cr_expect(throttle_left_ms(throttle, "a", 100) == 1000);
	cr_expect(throttle_left_ms(throttle, "a", 1099) == 1);
	cr_expect(throttle_left_ms(throttle, "a", 1100) == 0);
	cr_expect(throttle_left_ms(throttle, "b", 100) == 0);

	throttle_failed(throttle, "a", 1100);
	cr_expect(throttle_left_ms(throttle, "a", 1100) == 2000);
	throttle_failed(throttle, "a", 1100 + 60001);
	cr_expect(throttle_left_ms(throttle, "a", 1100 + 60001) == 0, "a long silence starts anew");

	for (int i = 0; i < 5; i++)
		throttle_failed(throttle, "a", 200000);
	throttle_succeeded(throttle, "a");
	cr_expect(throttle_left_ms(throttle, "a", 200000) == 0);
	throttle_free(throttle);
}

Test(throttle, other_keys_do_not_wash_one_out_soon)
{
	struct throttle *throttle = throttle_new(&limits);
	char key[32];
	for (int i = 0; i < 4; i++)
		throttle_failed(throttle, "wanted", 5000);
	for (int i = 0; i < 500; i++) {
		snprintf(key, sizeof key, "other %d", i);
		throttle_failed(throttle, key, 4000);
	}
	cr_expect(throttle_left_ms(throttle, "wanted", 5000) == 1000);
	throttle_free(throttle);
}

Test(throttle, full_table_takes_more)
{
	struct throttle *throttle = throttle_new(&limits);
	char key[32];
	for (int i = 0; i < 50000; i++) {
		snprintf(key, sizeof key, "key %d", i);
		throttle_failed(throttle, key, i);
	}
	for (int i = 0; i < 4; i++)
		throttle_failed(throttle, "last", 50000);
	cr_expect(throttle_left_ms(throttle, "last", 50000) == 1000);
	throttle_free(throttle);
}
