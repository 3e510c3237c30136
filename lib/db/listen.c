#include <errno.h>
#include <limits.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>

#include "lib/base/clock.h"
#include "lib/db/internal.h"

enum { RECONNECT_MS = 1000, CHANNELS_MAX = 16, CHANNEL_NAME_MAX = 64 };

struct db_listener {
	struct db db;
	char role[64], application[64];
	char channels[CHANNELS_MAX][CHANNEL_NAME_MAX];
	size_t count;
};

bool db_listener_new(const char *role, const char *const *channels, size_t count, struct db_listener **out,
                     struct err *err)
{
	struct db_listener *listener;
	size_t i;

	if (count < 1 || count > CHANNELS_MAX)
		return err_set(err, ERR_INVALID, "cannot listen on %zu channels", count);
	for (i = 0; i < count; i++)
		if (strlen(channels[i]) >= CHANNEL_NAME_MAX)
			return err_set(err, ERR_INVALID, "cannot listen on channel %.80s: its name is too long",
			               channels[i]);
	listener = calloc(1, sizeof(*listener));
	if (!listener)
		err_panic("out of memory");
	text_copy(listener->role, sizeof(listener->role), role);
	text_copy(listener->application, sizeof(listener->application), role);
	listener->db.role = listener->role;
	listener->db.application = listener->application;
	for (i = 0; i < count; i++)
		text_copy(listener->channels[i], CHANNEL_NAME_MAX, channels[i]);
	listener->count = count;
	*out = listener;
	return true;
}

void db_listener_free(struct db_listener *listener)
{
	if (!listener)
		return;
	db_session_close(&listener->db);
	free(listener);
}

static bool listen_on(struct db *db, const char *channel, struct err *err)
{
	char *quoted = PQescapeIdentifier(db->connection, channel, strlen(channel));
	struct text_buf command;
	bool ok;

	if (!quoted)
		return err_set(err, ERR_INVALID, "cannot listen on channel %s", channel);
	text_buf_init(&command, 256);
	ok = text_buf_printf(&command, "LISTEN %s", quoted)
	         ? db_session_command(db, command.data, "LISTEN", NULL, err)
	         : err_set(err, ERR_INVALID, "cannot listen on channel %s", channel);
	text_buf_fini(&command);
	PQfreemem(quoted);
	return ok;
}

static bool connect_listener(struct db_listener *listener, int wake_fd)
{
	struct err ignored; /* db_session_open() logs that the ledger is away, once */
	size_t i;

	if (!db_session_open(&listener->db, wake_fd, &ignored))
		return false;
	for (i = 0; i < listener->count; i++) {
		if (!listen_on(&listener->db, listener->channels[i], &ignored)) {
			db_session_close(&listener->db);
			return false;
		}
	}
	return true;
}

/* Throws all waiting notifications away: one scan serves them all. */
static bool drain(struct db *db)
{
	PGnotify *notify;
	bool any = false;

	while ((notify = PQnotifies(db->connection)) != NULL) {
		PQfreemem(notify);
		any = true;
	}
	return any;
}

/* The first of: time is up, wake_fd, something on the connection (socket -1: none). True when time is left and wake_fd is silent. */
static bool wait_any(int socket, int64_t until_ms, int wake_fd)
{
	struct pollfd fds[2] = {{.fd = socket, .events = POLLIN}, {.fd = wake_fd, .events = POLLIN}};
	int64_t left = until_ms - clock_monotonic_ms();
	int ready;

	if (left <= 0)
		return false;
	ready = poll(fds, 2, left > INT_MAX ? INT_MAX : (int)left);
	if (ready < 0 && errno != EINTR)
		err_panic("could not poll: %d", errno);
	return ready < 0 || (ready > 0 && !fds[1].revents);
}

static bool is_readable(int fd)
{
	struct pollfd wake = {.fd = fd, .events = POLLIN};

	return fd >= 0 && poll(&wake, 1, 0) > 0;
}

/* Until the connection is new (what was told before it is unknown, so the caller scans), time is up, or wake_fd. */
static void reconnect(struct db_listener *listener, int64_t until_ms, int wake_fd)
{
	for (;;) {
		int64_t retry_ms = clock_monotonic_ms() + RECONNECT_MS;

		if (connect_listener(listener, wake_fd) || is_readable(wake_fd))
			return;
		wait_any(-1, retry_ms < until_ms ? retry_ms : until_ms, wake_fd);
		if (is_readable(wake_fd) || clock_monotonic_ms() >= until_ms)
			return;
	}
}

void db_wait(struct db_listener *listener, int64_t timeout_ms, int wake_fd)
{
	int64_t until_ms = clock_monotonic_ms() + timeout_ms;
	struct db *db = &listener->db;

	if (!db_session_is_alive(db)) {
		reconnect(listener, until_ms, wake_fd);
		return;
	}
	for (;;) {
		if (drain(db))
			return;
		if (!wait_any(PQsocket(db->connection), until_ms, wake_fd))
			return;
		if (!PQconsumeInput(db->connection) || !db_session_is_alive(db)) {
			reconnect(listener, until_ms, wake_fd);
			return;
		}
	}
}
