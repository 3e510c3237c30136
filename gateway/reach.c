#include "gateway/reach.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netdb.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "lib/base/clock.h"
#include "lib/base/conf.h"
#include "lib/base/text.h"
#include "lib/dicom/dicom.h"

enum { AT_ONCE_MAX = 2, HTTP_TOO_MANY = 429, HOST_SIZE = 254 };

static atomic_int at_work;

/* ---- the address: getaddrinfo(3) has no time limit of its own, so it runs beside and is left behind when it is late ---- */

struct lookup {
	pthread_mutex_t mutex;
	pthread_cond_t is_answered;
	int holders; /* who asks, and the thread */
	bool is_done;
	int status; /* of getaddrinfo */
	char host[HOST_SIZE], address[INET_ADDRSTRLEN];
};

static struct lookup *lookup_new(const char *host)
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
	lookup->holders = 2;
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

/* IPv4, as our upper layer connects. */
static void *look_up(void *context)
{
	struct lookup *lookup = context;
	struct addrinfo hints = {.ai_family = AF_INET, .ai_socktype = SOCK_STREAM}, *found = NULL;
	char address[INET_ADDRSTRLEN] = "";
	int status = getaddrinfo(lookup->host, NULL, &hints, &found);
	if (status == 0) {
		const struct sockaddr_in *in = (const struct sockaddr_in *)(const void *)found->ai_addr;
		inet_ntop(AF_INET, &in->sin_addr, address, sizeof address);
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

/* True with the address; else the reason. */
static bool find_address(const char *host, char address[INET_ADDRSTRLEN], char *why, size_t why_size)
{
	struct lookup *lookup = lookup_new(host);
	int64_t until_ms = clock_monotonic_ms() + REACH_STEP_MS;
	struct timespec until = {until_ms / 1000, until_ms % 1000 * 1000000};
	lookup_start(lookup);
	pthread_mutex_lock(&lookup->mutex);
	while (!lookup->is_done)
		if (pthread_cond_timedwait(&lookup->is_answered, &lookup->mutex, &until) == ETIMEDOUT)
			break;
	bool ok = lookup->is_done && lookup->status == 0;
	if (ok)
		text_copy(address, INET_ADDRSTRLEN, lookup->address);
	else
		text_copy(why, why_size,
		          lookup->is_done ? gai_strerror(lookup->status) : "the name service does not answer");
	pthread_mutex_unlock(&lookup->mutex);
	lookup_drop(lookup);
	return ok;
}

/* ---- the steps ------------------------------------------------------------------------------------------------------- */

static void add_step(json_t *steps, const char *step, bool ok, const char *detail)
{
	json_t *entry = json_pack("{s:s, s:b, s:s}", "step", step, "ok", ok, "detail", detail);
	if (entry == NULL || json_array_append_new(steps, entry) != 0)
		err_panic("could not write JSON");
}

static void echo(const struct reach_peer *peer, const char *address, json_t *steps)
{
	static const char *const names[] = {"tcp", "", "association", "echo"}; /* by what was reached before */
	struct dicom_destination to = {.calling_ae = conf_text(CONF_AE_TITLE),
	                               .called_ae = peer->ae_title,
	                               .host = address,
	                               .port = peer->port,
	                               .timeout_ms = REACH_STEP_MS};
	enum dicom_contact reached = DICOM_CONTACT_NONE;
	struct err err = {0};
	bool ok = dicom_echo(&to, &reached, &err);
	/* What was reached is behind us; the step after it is the one that decided. */
	for (size_t step = 0; step < sizeof names / sizeof names[0] && step < (size_t)reached; step++)
		if (names[step][0] != '\0')
			add_step(steps, names[step], true, "");
	add_step(steps, names[reached > DICOM_CONTACT_ASSOCIATED ? DICOM_CONTACT_ASSOCIATED : reached], ok,
	         ok ? "" : err.text);
}

bool reach_test(const struct reach_peer *peer, json_t **out, struct err *err)
{
	char address[INET_ADDRSTRLEN] = "", why[200] = "";
	if (atomic_fetch_add(&at_work, 1) >= AT_ONCE_MAX) {
		atomic_fetch_sub(&at_work, 1);
		err_set(err, ERR_REFUSED, "other destinations are tested just now: try again in a few seconds");
		return err_code(err, ERR_SOURCE_HTTP, HTTP_TOO_MANY);
	}
	json_t *steps = json_array();
	bool is_found = find_address(peer->host, address, why, sizeof why);
	add_step(steps, "address", is_found, is_found ? address : why);
	if (is_found)
		echo(peer, address, steps);
	atomic_fetch_sub(&at_work, 1);
	*out = steps;
	return true;
}
