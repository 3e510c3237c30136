/* A shared rate: what is taken at once is waited for afterwards. */
#include <criterion/criterion.h>
#include <stdint.h>

#include "lib/base/bucket.h"

TestSuite(bucket, .timeout = 60);

Test(bucket, a_second_is_there_at_once_and_a_debt_is_waited_for)
{
	struct bucket bucket = {0};

	cr_expect_eq(bucket_wait_ms(&bucket, 1000, 5000), 0, "full from the start");
	bucket_take(&bucket, 1000, 5000, 1000);
	cr_expect_eq(bucket_wait_ms(&bucket, 1000, 5000), 0, "empty, without debt");
	bucket_take(&bucket, 1000, 5000, 2500);
	cr_expect_eq(bucket_wait_ms(&bucket, 1000, 5000), 2500);
	cr_expect_eq(bucket_wait_ms(&bucket, 1000, 6000), 1500, "a second later");
	cr_expect_eq(bucket_wait_ms(&bucket, 1000, 7500), 0);
}

Test(bucket, the_rate_holds_on_average)
{
	struct bucket bucket = {0};
	int64_t now_ms = 0, i;

	/* 200 objects of 525 kB at 125 kB a second: 840 s, less the second that is there at the start. */
	for (i = 0; i < 200; i++) {
		now_ms += bucket_wait_ms(&bucket, 125000, now_ms);
		bucket_take(&bucket, 125000, now_ms, 525000);
	}
	now_ms += bucket_wait_ms(&bucket, 125000, now_ms);
	cr_expect_eq(now_ms, 839000, "%lld ms", (long long)now_ms);
}

Test(bucket, no_rate_never_waits_and_nothing_overflows)
{
	struct bucket bucket = {0};

	bucket_take(&bucket, 0, 1000, INT64_MAX / 2);
	cr_expect_eq(bucket_wait_ms(&bucket, 0, 1000), 0);
	bucket_take(&bucket, 16000, 1000, INT64_MAX / 4);
	cr_expect_gt(bucket_wait_ms(&bucket, 16000, 1000), 0);
	cr_expect_eq(bucket_wait_ms(&bucket, 16000, INT64_MAX / 2), 0, "a very long time later");
	bucket_take(&bucket, 16000, INT64_MAX / 2, 100);
	cr_expect_eq(bucket_wait_ms(&bucket, 16000, 5), 0, "a clock that went back");
}
