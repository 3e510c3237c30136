/*
 * Slows guessing down. A table of fixed size in this process: what was wrong lately, by key. Knows no accounts and no addresses.
 * Threads: shared.
 */
#ifndef YQ_DOMAIN_THROTTLE_H
#define YQ_DOMAIN_THROTTLE_H

#include <stdbool.h>
#include <stdint.h>

struct throttle;

struct throttle_limits {
	int free_tries;        /* wrong ones without a wait */
	int64_t first_wait_ms; /* after one more; doubles with each further one */
	int64_t longest_wait_ms;
	int64_t forget_ms; /* after this silence a key starts anew */
};

/* The wait after `failures` wrong tries, 0: none. Pure. */
int64_t throttle_wait_ms(const struct throttle_limits *limits, int failures);

/* limits are borrowed for good. */
struct throttle *throttle_new(const struct throttle_limits *limits);
void throttle_free(struct throttle *throttle);
/* How long the key has to wait, 0: it may try. */
int64_t throttle_left_ms(struct throttle *throttle, const char *key, int64_t now_ms);
void throttle_failed(struct throttle *throttle, const char *key, int64_t now_ms);
void throttle_succeeded(struct throttle *throttle, const char *key);

#endif
