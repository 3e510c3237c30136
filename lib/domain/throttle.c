/*
 * A set-associative table: a key has WAYS places, and the one that was quiet longest gives way. Whoever fills it with other keys makes it
 * forget, but has to be wrong under thousands of keys for that, each counted under the own address, too.
 */
#include "lib/domain/throttle.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "lib/base/digest.h"
#include "lib/base/err.h"
#include "lib/base/text.h"

enum { SETS = 1024, WAYS = 8, KEY_SIZE = 16 };

struct entry {
	uint8_t key[KEY_SIZE];
	int failures; /* 0: free */
	int64_t failed_ms;
};

struct throttle {
	const struct throttle_limits *limits;
	pthread_mutex_t lock;
	uint8_t salt[KEY_SIZE];
	struct entry entries[SETS][WAYS];
};

int64_t throttle_wait_ms(const struct throttle_limits *limits, int failures)
{
	if (failures <= limits->free_tries)
		return 0;
	int64_t wait_ms = limits->first_wait_ms;
	for (int i = limits->free_tries + 1; i < failures && wait_ms < limits->longest_wait_ms; i++)
		wait_ms *= 2;
	return wait_ms < limits->longest_wait_ms ? wait_ms : limits->longest_wait_ms;
}

struct throttle *throttle_new(const struct throttle_limits *limits)
{
	struct throttle *throttle = calloc(1, sizeof *throttle);
	if (throttle == NULL)
		err_panic("out of memory");
	throttle->limits = limits;
	text_random(throttle->salt, sizeof throttle->salt);
	pthread_mutex_init(&throttle->lock, NULL);
	return throttle;
}

void throttle_free(struct throttle *throttle)
{
	if (throttle == NULL)
		return;
	pthread_mutex_destroy(&throttle->lock);
	free(throttle);
}

/* Salted, so that nobody can choose keys of one set. */
static struct entry *set_of(struct throttle *throttle, const char *key, uint8_t out[KEY_SIZE])
{
	uint8_t hash[DIGEST_SIZE];
	struct digest *digest = digest_new();
	digest_update(digest, throttle->salt, sizeof throttle->salt);
	digest_update(digest, key, strlen(key));
	digest_final(digest, hash);
	digest_free(digest);
	memcpy(out, hash, KEY_SIZE);
	return throttle->entries[(hash[KEY_SIZE] << 8 | hash[KEY_SIZE + 1]) % SETS];
}

static struct entry *find(struct entry *set, const uint8_t key[KEY_SIZE])
{
	for (int i = 0; i < WAYS; i++)
		if (set[i].failures > 0 && memcmp(set[i].key, key, KEY_SIZE) == 0)
			return &set[i];
	return NULL;
}

static struct entry *give_way(struct entry *set)
{
	struct entry *oldest = set;
	for (int i = 0; i < WAYS; i++) {
		if (set[i].failures == 0)
			return &set[i];
		if (set[i].failed_ms < oldest->failed_ms)
			oldest = &set[i];
	}
	return oldest;
}

int64_t throttle_left_ms(struct throttle *throttle, const char *key, int64_t now_ms)
{
	uint8_t wanted[KEY_SIZE];
	int64_t left_ms = 0;
	pthread_mutex_lock(&throttle->lock);
	const struct entry *entry = find(set_of(throttle, key, wanted), wanted);
	if (entry != NULL)
		left_ms = entry->failed_ms + throttle_wait_ms(throttle->limits, entry->failures) - now_ms;
	pthread_mutex_unlock(&throttle->lock);
	return left_ms > 0 ? left_ms : 0;
}

void throttle_failed(struct throttle *throttle, const char *key, int64_t now_ms)
{
	uint8_t wanted[KEY_SIZE];
	pthread_mutex_lock(&throttle->lock);
	struct entry *set = set_of(throttle, key, wanted);
	struct entry *entry = find(set, wanted);
	if (entry == NULL) {
		entry = give_way(set);
		memcpy(entry->key, wanted, KEY_SIZE);
		entry->failures = 0;
	} else if (now_ms - entry->failed_ms > throttle->limits->forget_ms) {
		entry->failures = 0;
	}
	entry->failures++;
	entry->failed_ms = now_ms;
	pthread_mutex_unlock(&throttle->lock);
}

void throttle_succeeded(struct throttle *throttle, const char *key)
{
	uint8_t wanted[KEY_SIZE];
	pthread_mutex_lock(&throttle->lock);
	struct entry *entry = find(set_of(throttle, key, wanted), wanted);
	if (entry != NULL)
		entry->failures = 0;
	pthread_mutex_unlock(&throttle->lock);
}
