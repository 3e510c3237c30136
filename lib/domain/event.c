#include "lib/domain/event.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/base/clock.h"

enum { LIMIT_MAX = 1000, DIGITS_MAX = 20 };

bool event_append(struct db *db, const char *kind, const char *subject, const char *site, struct err *err)
{
	return db_exec_one(db, STMT_EVENT_APPEND, DB_PARAMS(db_text(kind), db_text(subject), db_text(site)),
	                   "the site of an event", NULL, err);
}

bool event_head(struct db *db, char out[EVENT_CURSOR_MAX], struct err *err)
{
	struct db_rows *rows;

	if (!db_exec_one(db, STMT_EVENT_HEAD, DB_NO_PARAMS, "the head of the events", &rows, err))
		return false;
	/* Event ids start at 1: all of the transaction at xmin lies behind. */
	snprintf(out, EVENT_CURSOR_MAX, "%.20s-0", db_get_text(rows, 0, "xid"));
	db_rows_free(rows);
	return true;
}

/* xid8 takes 64 bits without sign, bigint 63: the digits are bounded here, the values by the number's own reader. */
static bool split_cursor(const char *cursor, char xid[DIGITS_MAX + 1], int64_t *out_id)
{
	size_t xid_length = strspn(cursor, "0123456789");
	const char *id = cursor + xid_length + 1;
	size_t id_length;

	if (xid_length < 1 || xid_length >= DIGITS_MAX || cursor[xid_length] != '-')
		return false;
	id_length = strspn(id, "0123456789");
	if (id_length < 1 || id_length >= DIGITS_MAX - 1 || id[id_length])
		return false;
	memcpy(xid, cursor, xid_length);
	xid[xid_length] = '\0';
	*out_id = strtoll(id, NULL, 10);
	return true;
}

bool event_cursor_is_valid(const char *cursor)
{
	char xid[DIGITS_MAX + 1];
	int64_t id;

	return split_cursor(cursor, xid, &id);
}

static void fill_event(struct event *event, const struct db_rows *rows, int row)
{
	const char *site = db_get_text(rows, row, "site");

	snprintf(event->cursor, sizeof(event->cursor), "%.20s-%lld", db_get_text(rows, row, "xid"),
	         (long long)db_get_int(rows, row, "event_id"));
	text_copy(event->kind, sizeof(event->kind), db_get_text(rows, row, "kind"));
	text_copy(event->subject, sizeof(event->subject), db_get_text(rows, row, "subject_id"));
	text_copy(event->site, sizeof(event->site), site ? site : "");
	event->created_us = db_get_time(rows, row, "created_at");
}

bool event_read(struct db *db, const char *cursor, int limit, event_each *each, void *context, int *out_count,
                struct err *err)
{
	char xid[DIGITS_MAX + 1];
	struct db_rows *rows;
	struct event event;
	bool ok = true;
	int64_t id;
	int i;

	if (!split_cursor(cursor, xid, &id))
		return err_set(err, ERR_INVALID, "cannot read events from \"%.40s\": that is no cursor", cursor);
	if (limit < 1 || limit > LIMIT_MAX)
		return err_set(err, ERR_INVALID, "cannot read %d events at once", limit);
	if (!db_exec(db, STMT_EVENT_READ, DB_PARAMS(db_text(xid), db_int(id), db_int(limit)), &rows, err))
		return false;
	for (i = 0; ok && i < db_rows_count(rows); i++) {
		fill_event(&event, rows, i);
		ok = each(context, &event, err);
	}
	if (ok)
		*out_count = db_rows_count(rows);
	db_rows_free(rows);
	return ok;
}

bool event_is_held_back(struct db *db, bool *out, struct err *err)
{
	struct db_rows *rows;

	if (!db_exec_one(db, STMT_EVENT_HELD_BACK, DB_NO_PARAMS, "the events", &rows, err))
		return false;
	*out = db_get_bool(rows, 0, "held_back");
	db_rows_free(rows);
	return true;
}

bool event_trim(struct db *db, int64_t keep_ms, int64_t *out_deleted, struct err *err)
{
	struct db_rows *rows;

	if (!db_exec(db, STMT_EVENT_TRIM, DB_PARAMS(db_time(clock_wall_us() - keep_ms * 1000)), &rows, err))
		return false;
	*out_deleted = db_rows_affected(rows);
	db_rows_free(rows);
	return true;
}
