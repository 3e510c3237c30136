/*
 * Events: that something changed, of which kind, at which subject, for which site. Ids only, no content: who wants to know more asks
 * under the own rights.
 *
 * An event is a row written in the transaction of the change; NOTIFY yq_event is a hint to read. Numbers are handed out before
 * transactions commit, so that a reader who remembers a number misses what commits late. The cursor is therefore (transaction, event), and
 * only transactions older than every running one are read: each event is read exactly once, after all before it. A transaction
 * that stays open holds events back, never loses them.
 */
#ifndef YQ_DOMAIN_EVENT_H
#define YQ_DOMAIN_EVENT_H

#include "lib/base/text.h"
#include "lib/db/db.h"

enum { EVENT_CURSOR_MAX = 48, EVENT_KIND_MAX = 64 };

struct event {
	char cursor[EVENT_CURSOR_MAX]; /* of this event: read on from here */
	char kind[EVENT_KIND_MAX];     /* study.complete, task.open, delivery.delivered */
	char subject[TEXT_UUID_SIZE];
	char site[TEXT_UUID_SIZE]; /* empty: not about a patient */
	int64_t created_us;
};

/*
 * In the transaction of the change. kind is [a-z_]+.[a-z_]+; site is the public id of the site whose patient it is about, NULL
 * for none. ERR_NOT_FOUND: there is no such site.
 */
bool event_append(struct db *db, const char *kind, const char *subject, const char *site, struct err *err);

/* The cursor behind everything that can be read now: where a new stream begins. */
bool event_head(struct db *db, char out[EVENT_CURSOR_MAX], struct err *err);

/* Digits-digits; ERR_INVALID otherwise. What a client sends as Last-Event-ID is checked by event_read() itself. */
bool event_cursor_is_valid(const char *cursor);

/*
 * At most limit (1 to 1000) events behind cursor, in order; each is borrowed during the call. Not inside a transaction that wrote
 * something. *out_count of them; fewer than limit: that was all.
 */
typedef bool event_each(void *context, const struct event *event, struct err *err);
bool event_read(struct db *db, const char *cursor, int limit, event_each *each, void *context, int *out_count,
                struct err *err);

/*
 * True when something is committed that event_read() does not show yet. Its NOTIFY came already, so look again soon
 * (EVENT_HELD_BACK_MS) instead of waiting for the next one.
 */
enum { EVENT_HELD_BACK_MS = 50 };
bool event_is_held_back(struct db *db, bool *out, struct err *err);

/* Deletes events that are older than keep_ms. */
bool event_trim(struct db *db, int64_t keep_ms, int64_t *out_deleted, struct err *err);

#endif
