/* A few threads that tell devices what became of their commitment requests, when the association of the request is gone. */
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "lib/base/clock.h"
#include "lib/base/conf.h"
#include "lib/base/daemon.h"
#include "lib/base/log.h"
#include "lib/base/text.h"
#include "lib/dicom/dicom.h"
#include "lib/domain/commitment.h"
#include "lib/domain/delivery_rule.h"
#include "lib/domain/tls_own.h"
#include "router/router.h"

enum { REPORTERS = 4, STACK_BYTES = 1024 * 1024 };
/* An association is opened, sent on and answered: each may take the time-out. */
enum { LEASE_TIMEOUTS = 4 };

struct reporters {
	struct router *router;
	pthread_mutex_t lock;
	pthread_cond_t changed;
	uint64_t wakes; /* rises with every word that something may be due */
	int running;
};

/* ---- one report ------------------------------------------------------------------------------------------------------------- */

static int64_t backoff_ms(const struct commitment_report *report)
{
	uint32_t random;

	text_random(&random, sizeof(random));
	return delivery_backoff_ms(report->tries + 1, conf_number(CONF_DELIVERY_BACKOFF_MIN),
	                           conf_number(CONF_DELIVERY_BACKOFF_MAX), random);
}

/* The device heard it, whatever it remarks (PS3.7 section C.3: attribute list error, attribute value out of range). */
static bool is_heard(uint16_t status)
{
	return status == 0 || status == 0x0107 || status == 0x0116;
}

/* Over TLS the device is who it is registered as, else of somebody whom we trust; we show what our own door shows. */
static bool send(const struct commitment_report *report, uint16_t *status, struct err *err)
{
	struct dicom_destination to = {.calling_ae = report->called_ae,
	                               .called_ae = report->calling_ae,
	                               .host = report->host,
	                               .port = (uint16_t)report->port,
	                               .timeout_ms = conf_number(CONF_DIMSE_TIMEOUT),
	                               .is_tls = report->is_tls};
	struct tls_own own = {NULL};
	bool ok = !report->is_tls || tls_own_read(&own, err);

	to.trust_pem = report->trust_pem[0] ? report->trust_pem : own.trust;
	to.certificate_pem = own.certificate;
	to.private_key_pem = own.key;
	if (ok && report->is_tls && (!to.trust_pem || !to.trust_pem[0]))
		ok = err_set(err, ERR_TEMPORARY,
		             "could not report over TLS: the device has no certificate registered, and dicom_tls_trust "
		             "is empty");
	ok = ok && dicom_report_commitment(&to, &report->result, status, err);
	tls_own_fini(&own);
	return ok;
}

static bool deliver(const struct commitment_report *report, struct err *err)
{
	uint16_t status;

	if (report->port == 0)
		return err_set(
		    err, ERR_REFUSED,
		    "cannot report: nobody knows on which port the device takes it (yqctl device commitment)");
	if (!send(report, &status, err))
		return false;
	return is_heard(status) ||
	       err_set(err, ERR_TEMPORARY, "could not report: the device answered with status %04x", status);
}

static void report_one(struct router *router, const struct commitment_report *report)
{
	struct err why, err;
	bool is_done = deliver(report, &why), ok;

	if (is_done)
		log_info(LOG_COMMITMENT, "commitment=%s event=answered association=new", report->id);
	else
		log_err(LOG_COMMITMENT, &why, "commitment=%s event=unanswered tries=%d", report->id, report->tries + 1);
	ok = is_done ? commitment_answered(router->pool, report, "new", &err)
	             : commitment_failed(router->pool, report, why.text, backoff_ms(report), &err);
	/* Its lease brings it back. */
	if (!ok)
		log_err(LOG_LEDGER_FAILED, &err, "step=%s", "settle_commitment");
}

/* ---- threads ---------------------------------------------------------------------------------------------------------------- */

static void report_due(struct reporters *reporters, const char *worker)
{
	int64_t lease_ms = LEASE_TIMEOUTS * conf_number(CONF_DIMSE_TIMEOUT);
	struct commitment_report *report;
	struct err err;

	while (!daemon_stopping()) {
		if (!commitment_claim(reporters->router->pool, worker, lease_ms, &report, &err)) {
			if (err.kind != ERR_TEMPORARY)
				log_err(LOG_LEDGER_FAILED, &err, "step=%s", "claim_commitment");
			return;
		}
		if (!report)
			return;
		report_one(reporters->router, report);
		commitment_report_free(report);
	}
}

static void *run(void *context)
{
	struct reporters *reporters = context;
	char worker[TEXT_UUID_SIZE];
	uint64_t seen = 0;

	text_uuid_new(worker);
	pthread_mutex_lock(&reporters->lock);
	while (!daemon_stopping()) {
		if (seen == reporters->wakes) {
			pthread_cond_wait(&reporters->changed, &reporters->lock);
			continue;
		}
		seen = reporters->wakes;
		pthread_mutex_unlock(&reporters->lock);
		report_due(reporters, worker);
		pthread_mutex_lock(&reporters->lock);
	}
	reporters->running--;
	pthread_cond_broadcast(&reporters->changed);
	pthread_mutex_unlock(&reporters->lock);
	return NULL;
}

struct reporters *reporters_new(struct router *router)
{
	struct reporters *reporters = calloc(1, sizeof(*reporters));
	pthread_condattr_t clock;
	pthread_attr_t attributes;
	pthread_t thread;

	if (!reporters)
		err_panic("out of memory");
	reporters->router = router;
	pthread_mutex_init(&reporters->lock, NULL);
	pthread_condattr_init(&clock);
	pthread_condattr_setclock(&clock, CLOCK_MONOTONIC);
	pthread_cond_init(&reporters->changed, &clock);
	pthread_condattr_destroy(&clock);
	pthread_attr_init(&attributes);
	pthread_attr_setdetachstate(&attributes, PTHREAD_CREATE_DETACHED);
	pthread_attr_setstacksize(&attributes, STACK_BYTES);
	pthread_mutex_lock(&reporters->lock);
	for (int i = 0; i < REPORTERS; i++)
		if (pthread_create(&thread, &attributes, run, reporters) == 0)
			reporters->running++;
	pthread_mutex_unlock(&reporters->lock);
	pthread_attr_destroy(&attributes);
	return reporters;
}

void reporters_wake(struct reporters *reporters)
{
	pthread_mutex_lock(&reporters->lock);
	reporters->wakes++;
	pthread_cond_broadcast(&reporters->changed);
	pthread_mutex_unlock(&reporters->lock);
}

bool reporters_stop(struct reporters *reporters, int64_t wait_ms)
{
	int64_t until_ms = clock_monotonic_ms() + wait_ms;
	struct timespec until = {.tv_sec = until_ms / 1000, .tv_nsec = until_ms % 1000 * 1000000};
	bool all_ended;
	int status = 0;

	pthread_mutex_lock(&reporters->lock);
	pthread_cond_broadcast(&reporters->changed);
	while (reporters->running > 0 && status == 0)
		status = pthread_cond_timedwait(&reporters->changed, &reporters->lock, &until);
	all_ended = reporters->running == 0;
	pthread_mutex_unlock(&reporters->lock);
	if (!all_ended)
		return false;
	pthread_cond_destroy(&reporters->changed);
	pthread_mutex_destroy(&reporters->lock);
	free(reporters);
	return true;
}
