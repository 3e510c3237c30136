#include "lib/base/dial.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netdb.h>
#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "lib/base/clock.h"
#include "lib/base/text.h"

enum {
	HOST_SIZE = 254,
	LOOKUPS_MAX = 64, /* under way, those that were given up included */
	STACK_BYTES = 256 * 1024
};

static atomic_int lookups;

/* ---- names: getaddrinfo(3) has no time limit of its own, so it runs beside and is left behind when it is late ---------------- */

struct lookup {
	pthread_mutex_t mutex;
	pthread_cond_t is_answered;
	int holders; /* who asks, and the thread */
	bool is_done;
	int status; /* of getaddrinfo */
	char host[HOST_SIZE], port[6];
	struct dial_addresses found;
};

/* What one address is listed as for each protocol is one address here. */
static int look(const char *host, const char *port, int flags, struct dial_addresses *out)
{
	struct addrinfo hints = {
	    .ai_family = AF_UNSPEC, .ai_socktype = SOCK_STREAM, .ai_flags = flags | AI_NUMERICSERV};
	struct addrinfo *list = NULL;
	int status = getaddrinfo(host, port, &hints, &list);

	out->count = 0;
	if (status != 0)
		return status;
	for (const struct addrinfo *at = list; at != NULL && out->count < DIAL_ADDRESSES_MAX; at = at->ai_next) {
		struct dial_address *address = &out->items[out->count];

		if (at->ai_addrlen > sizeof address->name)
			continue;
		memcpy(&address->name, at->ai_addr, at->ai_addrlen);
		address->length = at->ai_addrlen;
		out->count++;
	}
	freeaddrinfo(list);
	return out->count > 0 ? 0 : EAI_NONAME;
}

static struct lookup *lookup_new(const char *host, const char *port)
{
	struct lookup *lookup = calloc(1, sizeof *lookup);
	pthread_condattr_t monotonic;

	if (lookup == NULL)
		err_panic("out of memory");
	pthread_mutex_init(&lookup->mutex, NULL);
	pthread_condattr_init(&monotonic);
	pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
	pthread_cond_init(&lookup->is_answered, &monotonic);
	pthread_condattr_destroy(&monotonic);
	lookup->holders = 1;
	text_copy(lookup->host, sizeof lookup->host, host);
	text_copy(lookup->port, sizeof lookup->port, port);
	return lookup;
}

static void lookup_drop(struct lookup *lookup)
{
	bool is_last;

	pthread_mutex_lock(&lookup->mutex);
	is_last = --lookup->holders == 0;
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
	struct dial_addresses found;
	int status = look(lookup->host, lookup->port, 0, &found);

	pthread_mutex_lock(&lookup->mutex);
	lookup->status = status;
	lookup->found = found;
	lookup->is_done = true;
	pthread_cond_signal(&lookup->is_answered);
	pthread_mutex_unlock(&lookup->mutex);
	lookup_drop(lookup);
	atomic_fetch_sub(&lookups, 1);
	return NULL;
}

static bool start_lookup(struct lookup *lookup)
{
	pthread_attr_t attributes;
	pthread_t thread;
	bool ok;

	pthread_attr_init(&attributes);
	pthread_attr_setdetachstate(&attributes, PTHREAD_CREATE_DETACHED);
	pthread_attr_setstacksize(&attributes, STACK_BYTES);
	lookup->holders++;
	ok = pthread_create(&thread, &attributes, look_up, lookup) == 0;
	if (!ok)
		lookup->holders--;
	pthread_attr_destroy(&attributes);
	return ok;
}

/* NULL: answered; else why not. */
static const char *await_lookup(struct lookup *lookup, int64_t timeout_ms, struct dial_addresses *out)
{
	int64_t until_ms = clock_monotonic_ms() + timeout_ms;
	struct timespec until = {.tv_sec = until_ms / 1000, .tv_nsec = until_ms % 1000 * 1000000};
	const char *why = NULL;
	int late = 0;

	pthread_mutex_lock(&lookup->mutex);
	while (!lookup->is_done && late == 0)
		late = pthread_cond_timedwait(&lookup->is_answered, &lookup->mutex, &until);
	if (!lookup->is_done)
		why = "the name service does not answer";
	else if (lookup->status != 0)
		why = gai_strerror(lookup->status);
	else
		*out = lookup->found;
	pthread_mutex_unlock(&lookup->mutex);
	return why;
}

static const char *find_name(const char *host, const char *port, int64_t timeout_ms, struct dial_addresses *out)
{
	struct lookup *lookup;
	const char *why;

	if (atomic_fetch_add(&lookups, 1) >= LOOKUPS_MAX) {
		atomic_fetch_sub(&lookups, 1);
		return "too many names are being looked up";
	}
	lookup = lookup_new(host, port);
	if (!start_lookup(lookup)) {
		atomic_fetch_sub(&lookups, 1);
		lookup_drop(lookup);
		return "no thread could be started";
	}
	why = await_lookup(lookup, timeout_ms, out);
	lookup_drop(lookup);
	return why;
}

bool dial_find(const char *host, uint16_t port, int64_t timeout_ms, struct dial_addresses *out, struct err *err)
{
	struct dial_addresses found;
	const char *why = NULL;
	char number[6];

	snprintf(number, sizeof number, "%u", port);
	if (strlen(host) >= HOST_SIZE)
		return err_set(err, ERR_INVALID, "cannot look up a name of more than %d characters", HOST_SIZE - 1);
	if (look(host, number, AI_NUMERICHOST, &found) != 0)
		why = find_name(host, number, timeout_ms, &found);
	if (why != NULL)
		return err_set(err, ERR_TEMPORARY, "could not find %s: %s", host, why);
	*out = found;
	return true;
}

void dial_text(const struct dial_address *address, char out[DIAL_TEXT_SIZE])
{
	if (getnameinfo((const struct sockaddr *)&address->name, address->length, out, DIAL_TEXT_SIZE, NULL, 0,
	                NI_NUMERICHOST) != 0)
		out[0] = '\0';
}

/* ---- connections ------------------------------------------------------------------------------------------------------------- */

/* 0, or errno. */
static int await_connected(int fd, int64_t until_ms)
{
	struct pollfd waiting = {.fd = fd, .events = POLLOUT};
	socklen_t size = sizeof(int);
	int error = 0;

	for (;;) {
		int64_t left_ms = until_ms - clock_monotonic_ms();
		int n = poll(&waiting, 1, left_ms > 0 ? (int)left_ms : 0);

		if (n > 0)
			break;
		if (n == 0)
			return ETIMEDOUT;
		if (errno != EINTR)
			return errno;
	}
	return getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &size) != 0 ? errno : error;
}

/* 0 with *out_fd, or errno. */
static int connect_one(const struct dial_address *address, int64_t until_ms, int *out_fd)
{
	int fd = socket(address->name.ss_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	int error = fd < 0 ? errno : 0;

	if (error == 0 && connect(fd, (const struct sockaddr *)&address->name, address->length) != 0)
		error = errno == EINPROGRESS ? await_connected(fd, until_ms) : errno;
	if (error == 0 && fcntl(fd, F_SETFL, fcntl(fd, F_GETFL) & ~O_NONBLOCK) != 0)
		error = errno;
	if (error == 0)
		*out_fd = fd;
	else if (fd >= 0)
		close(fd);
	return error;
}

bool dial_connect(const struct dial_addresses *addresses, int64_t timeout_ms, int *out_fd, struct err *err)
{
	int64_t end_ms = clock_monotonic_ms() + timeout_ms;
	int error = ETIMEDOUT;

	for (int i = 0; i < addresses->count; i++) {
		int64_t now_ms = clock_monotonic_ms();

		if (i > 0 && now_ms >= end_ms)
			break;
		error = connect_one(&addresses->items[i], now_ms + (end_ms - now_ms) / (addresses->count - i), out_fd);
		if (error == 0)
			return true;
	}
	return err_set_errno(err, ERR_TEMPORARY, error, "could not connect");
}

bool dial(const char *host, uint16_t port, int64_t timeout_ms, int *out_fd, struct err *err)
{
	int64_t end_ms = clock_monotonic_ms() + timeout_ms;
	struct dial_addresses addresses;

	return dial_find(host, port, timeout_ms, &addresses, err) &&
	       dial_connect(&addresses, end_ms - clock_monotonic_ms(), out_fd, err);
}
