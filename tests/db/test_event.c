#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

#include "lib/base/clock.h"
#include "lib/domain/event.h"
#include "tests/db/ledger.h"

TestSuite(event, .init = ledger_setup, .timeout = 60);

enum { SEEN_MAX = 64 };
struct seen {
	const char *kind; /* other tests write events too */
	int count;
	char subject[SEEN_MAX][TEXT_UUID_SIZE];
	char cursor[EVENT_CURSOR_MAX];
};

static bool see(void *context, const struct event *event, struct err *err)
{
	struct seen *seen = context;

	(void)err;
	text_copy(seen->cursor, sizeof(seen->cursor), event->cursor);
	if (strcmp(event->kind, seen->kind) == 0 && seen->count < SEEN_MAX)
		text_copy(seen->subject[seen->count++], TEXT_UUID_SIZE, event->subject);
	return true;
}

/* Reads to the end, in small steps so that steps are tested too. */
static void read_all(struct db *db, struct seen *seen)
{
	struct err err;
	int count;

	do
		cr_assert(event_read(db, seen->cursor, 2, see, seen, &count, &err), "%s", err.text);
	while (count == 2);
}

static const char *subject(int number)
{
	static char text[TEXT_UUID_SIZE];

	snprintf(text, sizeof(text), "00000000-0000-4000-8000-%012d", number);
	return text;
}

static void append(struct db *db, const char *kind, int number)
{
	struct err err;

	cr_assert(event_append(db, kind, subject(number), NULL, &err), "%s", err.text);
}

static struct db *take(struct db_pool *pool)
{
	struct db *db;
	struct err err;

	cr_assert(db_take(pool, &db, &err), "%s", err.text);
	return db;
}

Test(event, one_that_commits_late_is_not_missed_and_none_is_read_twice)
{
	struct db_pool *pool = ledger_pool("yq_router", 4);
	struct db *early = take(pool), *late = take(pool), *quick = take(pool), *reader = take(pool);
	struct seen seen = {0};
	bool is_held_back = false;
	char name[40], kind[60];
	struct err err;

	ledger_name(name);
	snprintf(kind, sizeof(kind), "test.%s", name);
	seen.kind = kind;
	cr_assert(event_head(reader, seen.cursor, &err));
	/* `late` has the smallest numbers and commits last. */
	cr_assert(db_begin(late, &err));
	append(late, kind, 1);
	append(early, kind, 2);
	cr_assert(db_begin(quick, &err));
	append(quick, kind, 3);
	append(quick, kind, 4);
	cr_assert(db_commit(quick, &err));
	read_all(reader, &seen);
	cr_expect_eq(seen.count, 0, "read past an open transaction: %d", seen.count);
	cr_expect(event_is_held_back(reader, &is_held_back, &err) && is_held_back);
	append(late, kind, 5);
	cr_assert(db_commit(late, &err));
	/* Another test's open transaction may hold ours back for a moment. */
	while (seen.count < 5)
		read_all(reader, &seen);
	read_all(reader, &seen);
	cr_assert_eq(seen.count, 5);
	cr_expect_str_eq(seen.subject[0], subject(1));
	cr_expect_str_eq(seen.subject[1], subject(5));
	cr_expect_str_eq(seen.subject[2], subject(2));
	cr_expect_str_eq(seen.subject[3], subject(3));
	cr_expect_str_eq(seen.subject[4], subject(4));
	db_give(early);
	db_give(late);
	db_give(quick);
	db_give(reader);
	db_pool_free(pool);
}

Test(event, what_is_rolled_back_never_appears)
{
	struct db_pool *pool = ledger_pool("yq_router", 2);
	struct db *writer = take(pool), *reader = take(pool);
	struct seen seen = {.kind = "test.rolled_back"};
	struct err err;

	cr_assert(event_head(reader, seen.cursor, &err));
	cr_assert(db_begin(writer, &err));
	append(writer, seen.kind, 1);
	db_rollback(writer);
	append(writer, seen.kind, 2);
	while (seen.count == 0)
		read_all(reader, &seen);
	cr_expect_eq(seen.count, 1);
	cr_expect_str_eq(seen.subject[0], subject(2));
	db_give(writer);
	db_give(reader);
	db_pool_free(pool);
}

Test(event, a_new_one_wakes_a_listener)
{
	const char *channels[] = {"yq_event"};
	struct db_pool *pool = ledger_pool("yq_storescp", 1);
	struct db_listener *listener;
	struct db *db = take(pool);
	struct err err;

	cr_assert(db_listener_new("yq_gateway", channels, 1, &listener, &err));
	db_wait(listener, 600000, -1);
	append(db, "test.wake", 1);
	db_wait(listener, 600000, -1);
	db_listener_free(listener);
	db_give(db);
	db_pool_free(pool);
}

Test(event, cursors_are_checked)
{
	static const struct {
		const char *cursor;
		bool want;
	} cases[] = {
	    {"0-0", true},
	    {"123-456", true},
	    {"", false},
	    {"-", false},
	    {"1-", false},
	    {"-1", false},
	    {"1-2-3", false},
	    {"1 -2", false},
	    {"a-1", false},
	    {"1-2' OR", false},
	    {"99999999999999999999999-1", false},
	    {"1-99999999999999999999999", false},
	};
	struct db_pool *pool = ledger_pool("yq_gateway", 1);
	struct db *db = take(pool);
	struct seen seen = {.kind = ""};
	struct err err;
	size_t i;
	int count;

	for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		cr_expect_eq(event_cursor_is_valid(cases[i].cursor), cases[i].want, "%s", cases[i].cursor);
		cr_expect_eq(event_read(db, cases[i].cursor, 1, see, &seen, &count, &err), cases[i].want, "%s",
		             cases[i].cursor);
	}
	cr_expect_not(event_read(db, "0-0", 0, see, &seen, &count, &err));
	cr_expect_not(event_read(db, "0-0", 1001, see, &seen, &count, &err));
	db_give(db);
	db_pool_free(pool);
}

Test(event, old_ones_are_trimmed_by_age)
{
	struct db_pool *pool = ledger_pool("yq_router", 1);
	PGconn *owner = ledger_connect("yq_owner");
	struct db *db = take(pool);
	int64_t deleted = 0;
	struct err err;

	ledger_run(owner, "INSERT INTO event (kind, subject_id, created_at) VALUES"
	                  " ('test.old', gen_random_uuid(), now() - interval '40 days'),"
	                  " ('test.young', gen_random_uuid(), now() - interval '20 days')");
	cr_assert(event_trim(db, INT64_C(30) * 86400000, &deleted, &err), "%s", err.text);
	cr_expect_geq(deleted, 1);
	cr_expect_str_eq(ledger_value(owner, "SELECT count(*) FROM event WHERE kind = 'test.old'"), "0");
	cr_expect_str_neq(ledger_value(owner, "SELECT count(*) FROM event WHERE kind = 'test.young'"), "0");
	db_give(db);
	db_pool_free(pool);
	PQfinish(owner);
}
