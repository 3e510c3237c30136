#include "lib/transport/lookup.h"

#include <errno.h>
#include <netdb.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>

#include "lib/base/clock.h"
#include "lib/base/err.h"
#include "lib/base/text.h"

enum { HOST_SIZE = 254 };

/* getaddrinfo(3) has no time limit of its own, so it runs beside and is left behind when it is late. */
struct lookup {
	pthread_mutex_t mutex;
	pthread_cond_t is_answered;
	int holders; /* who asks, and the thread */
	bool is_done;
	bool is_ipv4;
	int status; /* of getaddrinfo */
	char host[HOST_SIZE], address[LOOKUP_ADDRESS_SIZE];
};

static struct lookup *lookup_new(const char *host, bool is_ipv4)
{
	struct lookup *lookup = calloc(1, sizeof(*lookup));
	pthread_condattr_t monotonic;
	if (lookup == NULL)
		err_panic("out of memory");
	pthread_mutex_init(&lookup->mutex, NULL);
	pthread_condattr_init(&monotonic);
	pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
	pthread_cond_init(&lookup->is_answered, &monotonic);
	pthread_condattr_destroy(&monotonic);
	lookup->holders = 2;
	lookup->is_ipv4 = is_ipv4;
	text_copy(lookup->host, sizeof lookup->host, host);
	return lookup;
}

static void lookup_drop(struct lookup *lookup)
{
	pthread_mutex_lock(&lookup->mutex);
	bool is_last = --lookup->holders == 0;
	pthread_mutex_unlock(&lookup->mutex);
	if (!is_last)
		return;
	pthread_cond_destroy(&lookup->is_answered);
	pthread_mutex_destroy(&lookup->mutex);
	free(lookup);
}

static void *look_up(void *context)
{
	struct lookup *lookup = context;
	struct addrinfo hints = {.ai_family = lookup->is_ipv4 ? AF_INET : AF_UNSPEC, .ai_socktype = SOCK_STREAM},
	                *found = NULL;
	char address[LOOKUP_ADDRESS_SIZE] = "";
	int status = getaddrinfo(lookup->host, NULL, &hints, &found);
	if (status == 0) {
		status =
		    getnameinfo(found->ai_addr, found->ai_addrlen, address, sizeof address, NULL, 0, NI_NUMERICHOST);
		freeaddrinfo(found);
	}
	pthread_mutex_lock(&lookup->mutex);
	lookup->status = status;
	text_copy(lookup->address, sizeof lookup->address, address);
	lookup->is_done = true;
	pthread_cond_signal(&lookup->is_answered);
	pthread_mutex_unlock(&lookup->mutex);
	lookup_drop(lookup);
	return NULL;
}

static void lookup_start(struct lookup *lookup)
{
	pthread_attr_t detached;
	pthread_t thread;
	pthread_attr_init(&detached);
	pthread_attr_setdetachstate(&detached, PTHREAD_CREATE_DETACHED);
	if (pthread_create(&thread, &detached, look_up, lookup) != 0)
		err_panic("could not start a thread");
	pthread_attr_destroy(&detached);
}

bool lookup_host(const char *host, bool is_ipv4, int64_t timeout_ms, char address[LOOKUP_ADDRESS_SIZE], char *why,
                 size_t why_size)
{
	struct lookup *lookup = lookup_new(host, is_ipv4);
	int64_t until_ms = clock_monotonic_ms() + timeout_ms;
	struct timespec until = {until_ms / 1000, until_ms % 1000 * 1000000};
	lookup_start(lookup);
	pthread_mutex_lock(&lookup->mutex);
	while (!lookup->is_done)
		if (pthread_cond_timedwait(&lookup->is_answered, &lookup->mutex, &until) == ETIMEDOUT)
			break;
	bool ok = lookup->is_done && lookup->status == 0;
	if (ok)
		text_copy(address, LOOKUP_ADDRESS_SIZE, lookup->address);
	else
		text_copy(why, why_size,
		          lookup->is_done ? gai_strerror(lookup->status) : "the name service does not answer");
	pthread_mutex_unlock(&lookup->mutex);
	lookup_drop(lookup);
	return ok;
}
