/*
 * A rate that several share: a bucket that fills with time. Who takes may leave a debt, and whoever comes next waits until it is paid, so that large things
 * pass in one piece and the rate still holds on average. Pure; the caller brings the time and the lock.
 */
#ifndef YQ_BASE_BUCKET_H
#define YQ_BASE_BUCKET_H

#include <stdint.h>

/* Zeroed: full. */
struct bucket {
	int64_t spent;   /* below what is full */
	int64_t seen_ms; /* when that was so */
};

/* How long to wait before anything may be taken; 0: now. rate in units a second, 0: no limit. Full is what a second brings. */
int64_t bucket_wait_ms(struct bucket *bucket, int64_t rate, int64_t now_ms);
void bucket_take(struct bucket *bucket, int64_t rate, int64_t now_ms, int64_t amount);

#endif
