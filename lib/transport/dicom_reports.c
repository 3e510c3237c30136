#include <pthread.h>
#include <stdlib.h>

#include "lib/base/text.h"
#include "lib/transport/dicom_parts.h"

enum { UNTOLD_MAX = 64, STACK_BYTES = 512 * 1024 };

struct report {
	size_t index;
	enum dicom_sent sent;
	uint16_t status;
	char comment[65];
};

struct dicom_reports {
	const struct transport_call *call;
	pthread_mutex_t lock;
	pthread_cond_t changed;
	struct report ring[UNTOLD_MAX];
	size_t added, told; /* ever */
	bool is_ended, is_stopped, has_thread;
	pthread_t thread;
};

static void tell(struct dicom_reports *reports, const struct report *report)
{
	const struct transport_call *call = reports->call;

	/* What an answer said is told also when nobody wants more to be sent. */
	if (!call->item_done(call->context, report->index, report->sent, report->status, report->comment)) {
		pthread_mutex_lock(&reports->lock);
		reports->is_stopped = true;
		pthread_mutex_unlock(&reports->lock);
	}
}

static void *run(void *context)
{
	struct dicom_reports *reports = context;

	pthread_mutex_lock(&reports->lock);
	for (;;) {
		struct report report;

		while (reports->told == reports->added && !reports->is_ended)
			pthread_cond_wait(&reports->changed, &reports->lock);
		if (reports->told == reports->added)
			break;
		report = reports->ring[reports->told % UNTOLD_MAX];
		pthread_mutex_unlock(&reports->lock);
		tell(reports, &report);
		pthread_mutex_lock(&reports->lock);
		reports->told++;
		pthread_cond_broadcast(&reports->changed);
	}
	pthread_mutex_unlock(&reports->lock);
	return NULL;
}

struct dicom_reports *dicom_reports_new(const struct transport_call *call)
{
	struct dicom_reports *reports = calloc(1, sizeof *reports);
	pthread_attr_t attributes;

	if (!reports)
		err_panic("out of memory");
	reports->call = call;
	pthread_mutex_init(&reports->lock, NULL);
	pthread_cond_init(&reports->changed, NULL);
	pthread_attr_init(&attributes);
	pthread_attr_setstacksize(&attributes, STACK_BYTES);
	reports->has_thread = pthread_create(&reports->thread, &attributes, run, reports) == 0;
	pthread_attr_destroy(&attributes);
	return reports;
}

void dicom_reports_add(struct dicom_reports *reports, size_t index, enum dicom_sent sent, uint16_t status,
                       const char *comment)
{
	struct report report = {.index = index, .sent = sent, .status = status};

	text_copy(report.comment, sizeof report.comment, comment);
	if (!reports->has_thread) {
		tell(reports, &report);
		return;
	}
	pthread_mutex_lock(&reports->lock);
	while (reports->added - reports->told == UNTOLD_MAX)
		pthread_cond_wait(&reports->changed, &reports->lock);
	reports->ring[reports->added++ % UNTOLD_MAX] = report;
	pthread_cond_broadcast(&reports->changed);
	pthread_mutex_unlock(&reports->lock);
}

bool dicom_reports_go_on(struct dicom_reports *reports)
{
	bool ok;

	pthread_mutex_lock(&reports->lock);
	ok = !reports->is_stopped;
	pthread_mutex_unlock(&reports->lock);
	return ok;
}

bool dicom_reports_end(struct dicom_reports *reports)
{
	bool ok;

	pthread_mutex_lock(&reports->lock);
	reports->is_ended = true;
	pthread_cond_broadcast(&reports->changed);
	pthread_mutex_unlock(&reports->lock);
	if (reports->has_thread)
		pthread_join(reports->thread, NULL);
	ok = !reports->is_stopped;
	pthread_cond_destroy(&reports->changed);
	pthread_mutex_destroy(&reports->lock);
	free(reports);
	return ok;
}
