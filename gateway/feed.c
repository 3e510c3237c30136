#include "gateway/feed.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "gateway/ahead.h"
#include "gateway/caller.h"
#include "gateway/feed_access.h"
#include "gateway/workitem_feed.h"
#include "lib/base/clock.h"
#include "lib/base/conf.h"
#include "lib/base/log.h"
#include "lib/domain/event.h"

enum {
	BATCH = 500,
	CATCH_UP_MAX = 200,
	STREAM_LIFE_MS = 10 * 60 * 1000,
	SWEEP_MS = 15 * 1000,
	RECHECK_MS = 10 * 1000,
	STREAMS_OF_ONE = 16
};

struct feed {
	struct gateway *gateway;
	struct db_listener *listener;
	pthread_t thread;
	int wake_fd;
	bool stopping; /* atomic */
	/* Held while a batch is read and sent, and while a stream catches up and joins: so its order is whole. */
	pthread_mutex_t lock;
	char cursor[EVENT_CURSOR_MAX]; /* empty: not known yet */
};

/* Who listens on a stream. */
struct listener {
	char access[FEED_ACCESS_SIZE], person[TEXT_UUID_SIZE];
	int64_t until_ms;
	size_t site_count;
	char (*sites)[TEXT_UUID_SIZE]; /* sorted */
};

static void listener_free(void *user)
{
	struct listener *listener = user;
	free(listener->sites);
	free(listener);
}

static int compare_site(const void *key, const void *site)
{
	return strcmp(key, site);
}

static bool may_see(void *user, void *context)
{
	const struct listener *listener = user;
	const struct event *event = context;
	return event->site[0] == '\0' || bsearch(event->site, listener->sites, listener->site_count,
	                                         sizeof *listener->sites, compare_site) != NULL;
}

struct sending {
	struct feed *feed;
	struct db *db;
	const struct listener *only; /* NULL: everybody */
	const struct event *event;
	char last[EVENT_CURSOR_MAX];
};

static bool is_for(void *user, void *context)
{
	struct sending *sending = context;
	if (sending->only != NULL && user != sending->only)
		return false;
	struct event event = *sending->event;
	return may_see(user, &event);
}

static bool send_event(void *context, const struct event *event, struct err *err)
{
	struct sending *sending = context;
	if (workitem_feed_is_mine(event->kind)) {
		text_copy(sending->last, sizeof sending->last, event->cursor);
		return sending->only != NULL ||
		       workitem_feed_tell(sending->feed->gateway->server, sending->db, event, err);
	}
	json_t *json = json_pack("{s:s, s:s, s:s?}", "kind", event->kind, "subject", event->subject, "site",
	                         event->site[0] != '\0' ? event->site : NULL);
	char *text = json_dumps(json, JSON_COMPACT);
	if (text == NULL)
		err_panic("could not write JSON");
	sending->event = event;
	http_events_send(sending->feed->gateway->server, event->cursor, "change", text, is_for, sending);
	text_copy(sending->last, sizeof sending->last, event->cursor);
	if (sending->only == NULL)
		ahead_tell(sending->feed->gateway->ahead, event->kind, event->subject);
	free(text);
	json_decref(json);
	return true;
}

/* ---- the thread ------------------------------------------------------------------------------------------------- */

/* Under the lock. */
static bool pump(struct feed *feed, struct db *db, struct err *err)
{
	if (feed->cursor[0] == '\0')
		return event_head(db, feed->cursor, err);
	int count = BATCH;
	while (count == BATCH) {
		struct sending sending = {.feed = feed, .db = db};
		text_copy(sending.last, sizeof sending.last, feed->cursor);
		if (!event_read(db, feed->cursor, BATCH, send_event, &sending, &count, err))
			return false;
		text_copy(feed->cursor, sizeof feed->cursor, sending.last);
	}
	return true;
}

/* True: look again soon. */
static bool pump_once(struct feed *feed)
{
	struct db *db = NULL;
	struct err err = {0};
	/* lib/db tells the log when the ledger goes and comes back. */
	if (!db_take(feed->gateway->pool, &db, &err))
		return false;
	bool is_held_back = false;
	pthread_mutex_lock(&feed->lock);
	bool ok = pump(feed, db, &err) && event_is_held_back(db, &is_held_back, &err);
	pthread_mutex_unlock(&feed->lock);
	db_give(db);
	if (!ok)
		log_err(LOG_LEDGER_FAILED, &err, "what=%s", "events");
	return is_held_back;
}

static bool is_over(void *user, void *context)
{
	const struct listener *listener = user;
	return listener->until_ms <= *(const int64_t *)context;
}

/* ---- ends ---------------------------------------------------------------------------------------------------------- */

static void note_access(void *user, void *context)
{
	const struct listener *listener = user;
	feed_accesses_add(context, listener->access);
}

static bool has_ended(void *user, void *context)
{
	const struct listener *listener = user;
	return feed_accesses_have(context, listener->access);
}

static void end_accesses(struct feed *feed, struct feed_accesses *ended)
{
	http_events_end(feed->gateway->server, has_ended, ended);
	workitem_feed_end(feed->gateway->server, ended);
}

/* A session may have ended at another gateway, or by itself, and a token of a workstation been revoked by yqctl. */
static void recheck(struct feed *feed)
{
	struct feed_accesses open = {0}, ended = {0};
	struct db *db = NULL;
	struct err err = {0};
	http_events_each(feed->gateway->server, note_access, &open);
	workitem_feed_accesses(feed->gateway->server, &open);
	if (open.count > 0 && db_take(feed->gateway->pool, &db, &err)) {
		if (!feed_accesses_ended(db, &open, &ended, &err))
			log_err(LOG_LEDGER_FAILED, &err, "what=%s", "sessions of streams");
		db_give(db);
	}
	if (ended.count > 0)
		end_accesses(feed, &ended);
	feed_accesses_fini(&ended);
	feed_accesses_fini(&open);
}

static bool is_stopping(struct feed *feed)
{
	return __atomic_load_n(&feed->stopping, __ATOMIC_ACQUIRE);
}

static void *run(void *context)
{
	struct feed *feed = context;
	int64_t poll_ms = conf_number(CONF_POLL_INTERVAL) < SWEEP_MS ? conf_number(CONF_POLL_INTERVAL) : SWEEP_MS;
	int64_t rechecked_ms = clock_monotonic_ms();
	while (!is_stopping(feed)) {
		bool is_held_back = pump_once(feed);
		int64_t now_ms = clock_monotonic_ms();
		http_events_end(feed->gateway->server, is_over, &now_ms);
		workitem_feed_sweep(feed->gateway->server, now_ms);
		if (now_ms - rechecked_ms >= RECHECK_MS) {
			recheck(feed);
			rechecked_ms = now_ms;
		}
		db_wait(feed->listener, is_held_back ? EVENT_HELD_BACK_MS : poll_ms, feed->wake_fd);
	}
	return NULL;
}

bool feed_start(struct gateway *gateway, struct feed **out, struct err *err)
{
	static const char *const channels[] = {"yq_event"};
	struct feed *feed = calloc(1, sizeof *feed);
	if (feed == NULL)
		err_panic("out of memory");
	feed->gateway = gateway;
	feed->wake_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	pthread_mutex_init(&feed->lock, NULL);
	bool ok = db_listener_new("yq_gateway", channels, 1, &feed->listener, err);
	int failed = ok ? pthread_create(&feed->thread, NULL, run, feed) : 0;
	if (failed != 0)
		ok = err_set_errno(err, ERR_TEMPORARY, failed, "could not start a thread");
	if (!ok) {
		db_listener_free(feed->listener);
		close(feed->wake_fd);
		free(feed);
		return false;
	}
	*out = feed;
	return true;
}

void feed_stop(struct feed *feed)
{
	if (feed == NULL)
		return;
	uint64_t one = 1;
	__atomic_store_n(&feed->stopping, true, __ATOMIC_RELEASE);
	if (write(feed->wake_fd, &one, sizeof one) < 0)
		err_panic("could not wake the feed");
	pthread_join(feed->thread, NULL);
	db_listener_free(feed->listener);
	close(feed->wake_fd);
	pthread_mutex_destroy(&feed->lock);
	free(feed);
}

/* ---- streams ---------------------------------------------------------------------------------------------------- */

static bool read_sites(struct db *db, struct listener *listener, struct err *err)
{
	struct db_rows *rows = NULL;
	if (!db_exec(db, STMT_GATEWAY_SITES, DB_NO_PARAMS, &rows, err))
		return false;
	listener->site_count = (size_t)db_rows_count(rows);
	listener->sites = calloc(listener->site_count + 1, sizeof *listener->sites);
	if (listener->sites == NULL)
		err_panic("out of memory");
	for (size_t i = 0; i < listener->site_count; i++)
		text_copy(listener->sites[i], TEXT_UUID_SIZE, db_get_text(rows, (int)i, "site_id"));
	db_rows_free(rows);
	return true;
}

/* What the stream missed; too much of it becomes one "reset": look at everything anew. */
static bool catch_up(struct feed *feed, struct db *db, const struct listener *listener, const char *last_id,
                     struct err *err)
{
	struct sending sending = {.feed = feed, .only = listener};
	int count = 0;
	text_copy(sending.last, sizeof sending.last, last_id);
	if (!event_read(db, last_id, CATCH_UP_MAX, send_event, &sending, &count, err))
		return false;
	if (count == CATCH_UP_MAX) {
		struct event nothing = {.site = ""};
		sending.event = &nothing;
		http_events_send(feed->gateway->server, feed->cursor, "reset", "{}", is_for, &sending);
	}
	return true;
}

struct surplus {
	const char *person;
	int left; /* streams that may stay */
};

/* Asked from the newest stream to the oldest. */
static bool is_surplus(void *user, void *context)
{
	const struct listener *listener = user;
	struct surplus *surplus = context;
	return strcmp(listener->person, surplus->person) == 0 && surplus->left-- <= 0;
}

/* Makes room for one more. Each stream holds a connection: without a limit one person could hold all that the server has. */
static void end_surplus(struct feed *feed, const struct listener *joining)
{
	struct surplus surplus = {joining->person, STREAMS_OF_ONE - 1};
	http_events_end(feed->gateway->server, is_surplus, &surplus);
}

/* Under the lock: nothing is sent to others between what is caught up and what comes next. */
static bool join(struct feed *feed, struct http_request *request, struct db *db, struct listener *listener,
                 const char *last_id, struct err *err)
{
	if (!pump(feed, db, err)) {
		listener_free(listener);
		return false;
	}
	end_surplus(feed, listener);
	if (!http_reply_events(request, listener, listener_free, err))
		return false;
	return last_id == NULL || !event_cursor_is_valid(last_id) || catch_up(feed, db, listener, last_id, err);
}

bool feed_open(struct feed *feed, struct http_request *request, const char *last_id, struct err *err)
{
	const struct caller *caller = caller_of(request);
	struct db *db;
	struct listener *listener = calloc(1, sizeof *listener);
	if (listener == NULL)
		err_panic("out of memory");
	feed_access_name(caller->token, listener->access);
	text_copy(listener->person, sizeof listener->person, caller->session.person_id);
	listener->until_ms = clock_monotonic_ms() + STREAM_LIFE_MS;
	if (!caller_db(request, &db, err) || !read_sites(db, listener, err)) {
		listener_free(listener);
		return false;
	}
	pthread_mutex_lock(&feed->lock);
	bool ok = join(feed, request, db, listener, last_id, err);
	pthread_mutex_unlock(&feed->lock);
	return ok;
}

bool feed_between(struct feed *feed, struct db *db, bool (*act)(void *context, struct err *err), void *context,
                  struct err *err)
{
	pthread_mutex_lock(&feed->lock);
	bool ok = pump(feed, db, err) && act(context, err);
	pthread_mutex_unlock(&feed->lock);
	return ok;
}

void feed_end_session(struct feed *feed, const char *token)
{
	struct feed_accesses ended = {0};
	char name[FEED_ACCESS_SIZE];
	feed_access_name(token, name);
	feed_accesses_add(&ended, name);
	end_accesses(feed, &ended);
	feed_accesses_fini(&ended);
}
