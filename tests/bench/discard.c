/*
 * The floor of receiving: the provider of lib/dicom with its socket settings, behind it nothing. Every object is accepted, nothing is
 * kept, written or hashed. What a client reaches against it is all that reception itself can give.
 *
 * usage: discard        prints its port on 127.0.0.1; ends at SIGTERM or SIGINT and prints how many objects came
 */
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/signalfd.h>

#include "lib/base/clock.h"
#include "lib/dicom/dicom.h"

enum { ASSOCIATION_MAX = 2000, PATIENCE_MS = 60 * 1000, DRAIN_MS = 1000 };

static atomic_ullong objects;

static enum dicom_reject admit(void *context, const struct dicom_peer *peer, void **association)
{
	(void)context;
	(void)peer;
	*association = NULL;
	return DICOM_ADMIT;
}

static void end(void *context, void *association, const struct dicom_peer *peer, enum dicom_end how,
                enum dicom_reject reject)
{
	(void)context;
	(void)association;
	(void)peer;
	(void)how;
	(void)reject;
}

static void echo(void *context, void *association, const struct dicom_peer *peer)
{
	(void)context;
	(void)association;
	(void)peer;
}

static bool store_begin(void *context, const struct dicom_store_request *request, void **object, struct err *err)
{
	(void)context;
	(void)request;
	(void)err;
	*object = NULL;
	return true;
}

static bool store_data(void *context, void *object, const void *bytes, size_t length, struct err *err)
{
	(void)context;
	(void)object;
	(void)bytes;
	(void)length;
	(void)err;
	return true;
}

static bool store_end(void *context, void *object, struct err *err)
{
	(void)context;
	(void)object;
	(void)err;
	atomic_fetch_add(&objects, 1);
	return true;
}

static void store_abort(void *context, void *object)
{
	(void)context;
	(void)object;
}

/* Blocked before any thread starts, so that only the descriptor hears them. */
static int open_stop_fd(void)
{
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, SIGTERM);
	sigaddset(&set, SIGINT);
	if (sigprocmask(SIG_BLOCK, &set, NULL) != 0)
		return -1;
	return signalfd(-1, &set, SFD_CLOEXEC);
}

static bool serve(int stop_fd, struct err *err)
{
	struct dicom_scp_settings settings = {
	    .address = "127.0.0.1",
	    .association_max = ASSOCIATION_MAX,
	    .association_timeout_ms = PATIENCE_MS,
	    .dimse_timeout_ms = PATIENCE_MS,
	    .idle_timeout_ms = PATIENCE_MS,
	    .handlers = {admit, end, echo, store_begin, store_data, store_end, store_abort},
	};
	struct dicom_scp *scp = NULL;
	bool ok;

	if (!clock_init(err) || !dicom_init(err) || !dicom_scp_new(&settings, &scp, err))
		return false;
	printf("%u\n", dicom_scp_port(scp));
	(void)fflush(stdout);
	ok = dicom_scp_run(scp, stop_fd, DRAIN_MS, err);
	dicom_scp_free(scp);
	printf("%llu\n", atomic_load(&objects));
	return ok;
}

int main(void)
{
	int stop_fd = open_stop_fd();
	struct err err;

	if (stop_fd < 0) {
		perror("discard");
		return EXIT_FAILURE;
	}
	if (!serve(stop_fd, &err)) {
		(void)fprintf(stderr, "discard: %s\n", err.text);
		return EXIT_FAILURE;
	}
	return EXIT_SUCCESS;
}
