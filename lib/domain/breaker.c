#include "lib/domain/breaker.h"

#include "lib/domain/delivery_rule.h"

enum { FAILURES_MAX = 1000 }; /* the rest has long been the longest */

enum breaker_state breaker_state(const struct breaker *breaker, int64_t now_us)
{
	if (breaker->failures > 0)
		return breaker->resting_until_us > now_us ? BREAKER_OPEN : BREAKER_HALF_OPEN;
	return breaker->slow_start > 0 ? BREAKER_SLOW : BREAKER_CLOSED;
}

void breaker_fail(struct breaker *breaker, const struct breaker_limits *limits, bool is_progress, int64_t now_us)
{
	if (breaker_state(breaker, now_us) == BREAKER_OPEN)
		return;
	if (is_progress)
		breaker->failures = 0;
	if (breaker->failures < FAILURES_MAX)
		breaker->failures++;
	breaker->slow_start = 0;
	breaker->resting_until_us = now_us + 1000 * delivery_backoff_ms(breaker->failures, limits->rest_min_ms,
	                                                                limits->rest_max_ms, limits->random);
}

void breaker_answer(struct breaker *breaker, const struct breaker_limits *limits)
{
	int64_t places;

	if (breaker->failures > 0)
		places = 1;
	else if (breaker->slow_start > 0)
		places = (int64_t)breaker->slow_start * 2;
	else
		return;
	breaker->failures = 0;
	breaker->resting_until_us = 0;
	breaker->slow_start = places < limits->places ? (int)places : 0;
}
