#include "gateway/workitem_feed.h"

#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include "gateway/caller.h"
#include "gateway/feed.h"
#include "lib/base/clock.h"
#include "lib/base/log.h"

enum { CHANNEL_LIFE_MS = 60 * 60 * 1000, CHANNELS_OF_ONE = 16, AE_TITLE_SIZE = 17, REPORT_MAX = 64 * 1024 };

static const char prefix[] = "workitem.";

struct channel {
	char access[FEED_ACCESS_SIZE], person[TEXT_UUID_SIZE], ae_title[AE_TITLE_SIZE];
	int64_t until_ms;
};

/* Whom one report is for. */
struct address {
	const char *person, *ae_title;
	const struct channel *only; /* NULL: every channel of the workstation */
};

static bool is_for(void *user, void *context)
{
	const struct channel *channel = user;
	const struct address *address = context;
	return (address->only == NULL || channel == address->only) && strcmp(channel->person, address->person) == 0 &&
	       strcmp(channel->ae_title, address->ae_title) == 0;
}

/* Message ID (0000,0110) goes before what the ledger wrote. */
static void send_report(struct http_server *server, const char *report, struct address *address)
{
	static atomic_uint messages;
	struct text_buf text;
	text_buf_init(&text, REPORT_MAX);
	if (!text_buf_printf(&text, "{\"00000110\": {\"vr\": \"US\", \"Value\": [%u]}, %s",
	                     atomic_fetch_add(&messages, 1) & 0xFFFF, report + 1))
		err_panic("an event report is longer than %d bytes", REPORT_MAX);
	http_sockets_send(server, text.data, is_for, address);
	text_buf_fini(&text);
}

/* Takes rows. */
static void send_rows(struct http_server *server, struct db_rows *rows, const struct channel *only)
{
	for (int row = 0; row < db_rows_count(rows); row++) {
		struct address address = {db_get_text(rows, row, "person"), db_get_text(rows, row, "ae_title"), only};
		send_report(server, db_get_text(rows, row, "report"), &address);
	}
	db_rows_free(rows);
}

bool workitem_feed_is_mine(const char *kind)
{
	return strncmp(kind, prefix, sizeof prefix - 1) == 0;
}

bool workitem_feed_tell(struct http_server *server, struct db *db, const struct event *event, struct err *err)
{
	const char *what = event->kind + sizeof prefix - 1;
	struct db_rows *rows = NULL;
	struct err fault = {0};
	if (http_sockets_open(server) == 0)
		return true;
	bool ok =
	    strcmp(what, "subscribed") == 0
	        ? db_exec(db, STMT_WORKITEM_STANDING, DB_PARAMS(db_null(), db_null(), db_text(event->subject)), &rows,
	                  &fault)
	        : db_exec(db, STMT_WORKITEM_TOLD, DB_PARAMS(db_text(event->subject), db_text(what)), &rows, &fault);
	if (!ok && fault.kind == ERR_TEMPORARY) {
		*err = fault;
		return false;
	}
	/* One event that cannot be told must not hold up all that come behind it. */
	if (!ok) {
		log_err(LOG_LEDGER_FAILED, &fault, "what=%s", "event of a workitem");
		return true;
	}
	send_rows(server, rows, NULL);
	return true;
}

/* ---- a channel -------------------------------------------------------------------------------------------------------------- */

struct surplus {
	const char *person;
	int left; /* channels that may stay */
};

static bool is_surplus(void *user, void *context)
{
	const struct channel *channel = user;
	struct surplus *surplus = context;
	return strcmp(channel->person, surplus->person) == 0 && surplus->left-- <= 0;
}

struct opening {
	struct http_request *request;
	struct gateway *gateway;
	struct db *db;
	struct channel *channel; /* NULL: it is the server's */
};

static bool open_channel(void *context, struct err *err)
{
	struct opening *opening = context;
	struct channel *channel = opening->channel;
	struct http_server *server = opening->gateway->server;
	struct surplus surplus = {channel->person, CHANNELS_OF_ONE - 1};
	struct db_rows *rows = NULL;
	if (!db_exec(opening->db, STMT_WORKITEM_STANDING,
	             DB_PARAMS(db_text(channel->person), db_text(channel->ae_title), db_null()), &rows, err))
		return false;
	http_sockets_end(server, HTTP_SOCKET_REFUSED, "too many channels", is_surplus, &surplus);
	opening->channel = NULL;
	if (!http_reply_socket(opening->request, channel, free, err)) {
		db_rows_free(rows);
		return false;
	}
	send_rows(server, rows, channel);
	return true;
}

bool workitem_feed_open(struct http_request *request, struct gateway *gateway, const char *ae_title, struct err *err)
{
	const struct caller *caller = caller_of(request);
	struct opening opening = {.request = request, .gateway = gateway};
	if (!caller_db(request, &opening.db, err))
		return false;
	opening.channel = calloc(1, sizeof *opening.channel);
	if (opening.channel == NULL)
		err_panic("out of memory");
	feed_access_name(caller->token, opening.channel->access);
	text_copy(opening.channel->person, sizeof opening.channel->person, caller->session.person_id);
	text_copy(opening.channel->ae_title, sizeof opening.channel->ae_title, ae_title);
	opening.channel->until_ms = clock_monotonic_ms() + CHANNEL_LIFE_MS;
	bool ok = feed_between(gateway->feed, opening.db, open_channel, &opening, err);
	free(opening.channel);
	return ok;
}

/* ---- ends --------------------------------------------------------------------------------------------------------------------- */

static bool is_old(void *user, void *context)
{
	const struct channel *channel = user;
	return channel->until_ms <= *(const int64_t *)context;
}

void workitem_feed_sweep(struct http_server *server, int64_t now_ms)
{
	http_sockets_end(server, HTTP_SOCKET_LEAVING, "open it again", is_old, &now_ms);
}

static void note_access(void *user, void *context)
{
	const struct channel *channel = user;
	feed_accesses_add(context, channel->access);
}

void workitem_feed_accesses(struct http_server *server, struct feed_accesses *out)
{
	http_sockets_each(server, note_access, out);
}

static bool has_ended(void *user, void *context)
{
	const struct channel *channel = user;
	return feed_accesses_have(context, channel->access);
}

void workitem_feed_end(struct http_server *server, struct feed_accesses *ended)
{
	http_sockets_end(server, HTTP_SOCKET_REFUSED, "logged out", has_ended, ended);
}
