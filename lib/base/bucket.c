#include "lib/base/bucket.h"

static void fill(struct bucket *bucket, int64_t rate, int64_t now_ms)
{
	int64_t elapsed_ms = now_ms - bucket->seen_ms;

	bucket->seen_ms = now_ms;
	/* Longer than a debt can last: and nothing overflows. */
	if (elapsed_ms < 0 || elapsed_ms / 1000 > bucket->spent / rate)
		bucket->spent = elapsed_ms < 0 ? bucket->spent : 0;
	else
		bucket->spent -= elapsed_ms / 1000 * rate + elapsed_ms % 1000 * rate / 1000;
	if (bucket->spent < 0)
		bucket->spent = 0;
}

int64_t bucket_wait_ms(struct bucket *bucket, int64_t rate, int64_t now_ms)
{
	int64_t debt;

	if (rate <= 0)
		return 0;
	fill(bucket, rate, now_ms);
	debt = bucket->spent - rate;
	return debt <= 0 ? 0 : debt / rate * 1000 + (debt % rate * 1000 + rate - 1) / rate;
}

void bucket_take(struct bucket *bucket, int64_t rate, int64_t now_ms, int64_t amount)
{
	if (rate <= 0)
		return;
	fill(bucket, rate, now_ms);
	bucket->spent += amount;
}
