#include <criterion/criterion.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "lib/base/clock.h"
#include "lib/base/text.h"
#include "tests/db/ledger.h"

/* Every db_wait() below has ten minutes: it returns for its reason, or the suite's time-out ends it. */
enum { LONG_MS = 600000 };

TestSuite(db_listener, .init = ledger_setup, .timeout = 60);

static struct db_listener *listener_on(const char *channel)
{
	const char *channels[] = {"yq_other", channel};
	struct db_listener *listener;
	struct err err;

	cr_assert(db_listener_new("yq_owner", channels, 2, &listener, &err), "%s", err.text);
	/* The new connection is a reason to scan. */
	db_wait(listener, LONG_MS, -1);
	return listener;
}

static void notify(PGconn *owner, const char *channel)
{
	char sql[100];

	snprintf(sql, sizeof(sql), "NOTIFY \"%s\"", channel);
	ledger_run(owner, sql);
}

Test(db_listener, wakes_when_told)
{
	PGconn *owner = ledger_connect("yq_owner");
	struct db_listener *listener;
	char channel[40];

	ledger_name(channel);
	listener = listener_on(channel);
	notify(owner, channel);
	db_wait(listener, LONG_MS, -1);
	notify(owner, channel);
	notify(owner, channel);
	db_wait(listener, LONG_MS, -1);
	db_listener_free(listener);
	PQfinish(owner);
}

struct waiter {
	struct db_listener *listener;
	int wake_fd;
};

static void *wait_long(void *context)
{
	struct waiter *waiter = context;

	db_wait(waiter->listener, LONG_MS, waiter->wake_fd);
	return NULL;
}

Test(db_listener, wakes_by_its_wake_descriptor_and_by_time)
{
	struct waiter waiter = {.wake_fd = eventfd(0, EFD_CLOEXEC)};
	pthread_t thread;
	char channel[40];

	ledger_name(channel);
	waiter.listener = listener_on(channel);
	db_wait(waiter.listener, 0, waiter.wake_fd);
	db_wait(waiter.listener, 5, -1);
	pthread_create(&thread, NULL, wait_long, &waiter);
	cr_assert_eq(eventfd_write(waiter.wake_fd, 1), 0);
	pthread_join(thread, NULL);
	db_listener_free(waiter.listener);
	close(waiter.wake_fd);
}

Test(db_listener, a_lost_connection_is_a_reason_to_scan_and_is_made_anew)
{
	PGconn *owner = ledger_connect("yq_owner");
	struct waiter waiter = {.wake_fd = -1};
	char channel[40], sql[400];
	pthread_t thread;

	ledger_name(channel);
	waiter.listener = listener_on(channel);
	pthread_create(&thread, NULL, wait_long, &waiter);
	snprintf(sql, sizeof(sql),
	         "SELECT pg_terminate_backend(pid, 30000) FROM pg_stat_activity WHERE query = 'LISTEN \"%s\"' AND pid "
	         "<> pg_backend_pid()",
	         channel);
	cr_expect_str_eq(ledger_value(owner, sql), "t");
	pthread_join(thread, NULL);
	/* It hears again. */
	notify(owner, channel);
	db_wait(waiter.listener, LONG_MS, -1);
	db_listener_free(waiter.listener);
	PQfinish(owner);
}

Test(db_listener, an_absent_ledger_only_means_waiting)
{
	const char *channels[] = {"yq_event"};
	struct db_listener *listener;
	int wake_fd = eventfd(1, EFD_CLOEXEC);
	int64_t before_ms;
	struct err err;

	ledger_hide();
	cr_assert(db_listener_new("yq_owner", channels, 1, &listener, &err));
	before_ms = clock_monotonic_ms();
	db_wait(listener, 50, -1);
	cr_expect_geq(clock_monotonic_ms() - before_ms, 50);
	/* A wake-up is heard at once. */
	db_wait(listener, LONG_MS, wake_fd);
	ledger_redirect(NULL);
	db_wait(listener, LONG_MS, -1);
	db_listener_free(listener);
	close(wake_fd);
}

Test(db_listener, names_and_numbers_are_bounded)
{
	const char *one[] = {"a_name_that_is_longer_than_what_postgresql_takes_as_an_identifier_of_a_channel"};
	struct db_listener *listener;
	struct err err;

	cr_expect_not(db_listener_new("yq_owner", one, 1, &listener, &err));
	cr_expect_eq(err.kind, ERR_INVALID);
	cr_expect_not(db_listener_new("yq_owner", one, 0, &listener, &err));
	cr_expect_eq(err.kind, ERR_INVALID);
}

/* Each channel that our own connection was told on before the mark, in words. */
static void expect_silence(PGconn *owner, const char *what)
{
	int pid = PQbackendPID(owner);
	PGnotify *told;

	ledger_run(owner, "NOTIFY yq_mark");
	while ((told = PQnotifies(owner)) != NULL) {
		bool is_mark = strcmp(told->relname, "yq_mark") == 0;

		cr_expect(is_mark || told->be_pid != pid, "%s tells %s", what, told->relname);
		PQfreemem(told);
	}
}

/* A statement that looks for work and finds none must wake nobody: who wakes looks again, and so on for ever. */
Test(db_listener, a_look_that_changes_nothing_wakes_nobody)
{
	static const char *const tables[] = {"commitment", "mpps", "delivery", "instance_conflict", "host", "device"};
	PGconn *owner = ledger_connect("yq_owner");
	char sql[200];

	ledger_run(owner,
	           "LISTEN yq_study; LISTEN yq_delivery; LISTEN yq_commitment; LISTEN yq_intake; LISTEN yq_mark");
	for (size_t i = 0; i < sizeof tables / sizeof tables[0]; i++) {
		/* Every column, since a trigger may look at some alone. */
		snprintf(sql, sizeof sql,
		         "SELECT string_agg(format('%%1$I = %%1$I', attname), ', ') FROM pg_attribute WHERE attrelid = "
		         "'%s'::regclass "
		         "AND attnum > 0 AND NOT attisdropped AND attidentity = '' AND attgenerated = ''",
		         tables[i]);
		char *columns = strdup(ledger_value(owner, sql));
		struct text_buf update;

		text_buf_init(&update, 1 << 16);
		cr_assert(text_buf_printf(&update, "UPDATE %s SET %s WHERE false", tables[i], columns));
		ledger_run(owner, update.data);
		expect_silence(owner, tables[i]);
		text_buf_fini(&update);
		free(columns);
	}
	PQfinish(owner);
}
