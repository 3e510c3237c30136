#include <criterion/criterion.h>
#include <stdint.h>
#include <sys/stat.h>

#include "lib/intake/intake.h"
#include "lib/intake/room.h"
#include "lib/store/store.h"
#include "tests/support/home.h"

#define GIB ((uint64_t)1 << 30)
#define COUNT(a) (sizeof(a) / sizeof((a)[0]))

static struct err err;

static void setup(void)
{
	home_make(NULL);
}

TestSuite(room, .init = setup, .fini = home_remove, .timeout = 60);

static void set_marks(const char *warn, const char *warn_percent, const char *reserve, const char *reserve_percent)
{
	home_set("YQ_STORE_WARN", warn);
	home_set("YQ_STORE_WARN_PERCENT", warn_percent);
	home_set("YQ_STORE_RESERVE", reserve);
	home_set("YQ_STORE_RESERVE_PERCENT", reserve_percent);
}

Test(room, the_larger_of_bytes_and_percent_counts)
{
	static const struct {
		const char *warn, *warn_percent, *reserve, *reserve_percent;
		uint64_t total, warn_bytes, reserve_bytes;
	} cases[] = {
	    {"10 GiB", "5", "1 GiB", "1", 100 * GIB, 10 * GIB, GIB},
	    {"10 GiB", "5", "1 GiB", "1", 1000 * GIB, 50 * GIB, 10 * GIB},
	    {"10 GiB", "5", "1 GiB", "1", 20 * GIB, 10 * GIB, GIB},
	    {"0 B", "0", "0 B", "0", 100 * GIB, 0, 0},
	    {"0 B", "99", "0 B", "50", 250, 247, 125},
	    {"0 B", "99", "3 B", "1", 100 * (uint64_t)1 << 50, 99 * (uint64_t)1 << 50, (uint64_t)1 << 50},
	    {"0 B", "10", "0 B", "10", UINT64_MAX / 2, UINT64_MAX / 20, UINT64_MAX / 20},
	};

	for (size_t i = 0; i < COUNT(cases); i++) {
		struct room_area area = {.total_bytes = cases[i].total};

		set_marks(cases[i].warn, cases[i].warn_percent, cases[i].reserve, cases[i].reserve_percent);
		room_judge(&area);
		cr_expect_eq(area.warn_bytes, cases[i].warn_bytes, "case %zu: warns at %llu", i,
		             (unsigned long long)area.warn_bytes);
		cr_expect_eq(area.reserve_bytes, cases[i].reserve_bytes, "case %zu: refuses at %llu", i,
		             (unsigned long long)area.reserve_bytes);
	}
}

Test(room, the_next_step_of_an_object_stays_above_the_reserve)
{
	static const struct {
		uint64_t free_bytes;
		enum room_state state;
	} cases[] = {
	    {0, ROOM_FULL},
	    {GIB, ROOM_FULL},
	    {GIB + ROOM_STEP, ROOM_FULL},
	    {GIB + ROOM_STEP + 1, ROOM_LOW},
	    {10 * GIB, ROOM_LOW},
	    {10 * GIB + 1, ROOM_FINE},
	};

	set_marks("10 GiB", "0", "1 GiB", "0");
	for (size_t i = 0; i < COUNT(cases); i++) {
		struct room_area area = {.total_bytes = 100 * GIB, .free_bytes = cases[i].free_bytes};

		room_judge(&area);
		cr_expect_eq(area.state, cases[i].state, "%llu free: %s", (unsigned long long)cases[i].free_bytes,
		             room_state_name(area.state));
	}
}

Test(room, what_is_told_gets_worse_at_once_and_better_with_a_distance)
{
	static const struct {
		enum room_state told;
		uint64_t free_bytes;
		enum room_state now;
	} cases[] = {
	    {ROOM_FINE, 20 * GIB, ROOM_FINE},
	    {ROOM_FINE, 16 * GIB, ROOM_LOW},
	    {ROOM_FINE, GIB, ROOM_FULL},
	    {ROOM_LOW, GIB, ROOM_FULL},
	    {ROOM_LOW, 16 * GIB + 1, ROOM_LOW},
	    {ROOM_LOW, 17 * GIB, ROOM_LOW},
	    {ROOM_LOW, 17 * GIB + 1, ROOM_FINE},
	    {ROOM_FULL, GIB + ROOM_STEP + 1, ROOM_FULL},
	    {ROOM_FULL, GIB + GIB / 16 + ROOM_STEP + 1, ROOM_LOW},
	    {ROOM_FULL, 16 * GIB + 1, ROOM_LOW},
	    {ROOM_FULL, 18 * GIB, ROOM_FINE},
	};

	set_marks("16 GiB", "0", "1 GiB", "0");
	for (size_t i = 0; i < COUNT(cases); i++) {
		struct room_area area = {.total_bytes = 100 * GIB, .free_bytes = cases[i].free_bytes};
		enum room_state now;

		room_judge(&area);
		now = room_settle(cases[i].told, &area);
		cr_expect_eq(now, cases[i].now, "case %zu: %s", i, room_state_name(now));
	}
}

Test(room, a_process_knows_what_it_told)
{
	struct room room = {.store = {.free_bytes = 100 * GIB}, .journal = {.free_bytes = 100 * GIB}};

	set_marks("16 GiB", "0", "1 GiB", "0");
	room_judge(&room.store);
	room_judge(&room.journal);
	room_note(&room);
	cr_expect_eq(room_told(), ROOM_FINE);
	room.journal.free_bytes = 0;
	room_judge(&room.journal);
	room_note(&room);
	cr_expect_eq(room_told(), ROOM_FULL, "the journal's room counts, too");
	room.journal.free_bytes = 100 * GIB;
	room.store.free_bytes = 8 * GIB;
	room_judge(&room.store);
	room_judge(&room.journal);
	room_note(&room);
	cr_expect_eq(room_told(), ROOM_LOW);
}

Test(room, is_asked_of_store_and_journal)
{
	struct store *store;
	struct room room;

	cr_assert(store_open("file:store", &store, &err), "%s", err.text);
	cr_expect_not(room_read(store, &room, &err), "there is no journal yet");
	mkdir(home_path("journal"), 0700);
	cr_assert(room_read(store, &room, &err), "%s", err.text);
	cr_expect(room.is_shared);
	cr_expect_str_eq(room.store_place, home_path("store"));
	cr_expect_gt(room.journal.total_bytes, room.journal.free_bytes);
	cr_expect_eq(room.state, ROOM_FINE);
	cr_expect(intake_check_room(store, &err), "%s", err.text);
	home_set("YQ_STORE_RESERVE_PERCENT", "99");
	home_set("YQ_STORE_RESERVE", "1000000 TiB");
	cr_expect_not(intake_check_room(store, &err));
	cr_expect_eq(err.kind, ERR_NO_SPACE);
	home_set("YQ_STORE_RESERVE_PERCENT", "0");
	home_set("YQ_STORE_RESERVE", "0 B");
	cr_expect(intake_check_room(store, &err), "it does not recover by itself: %s", err.text);
	store_close(store);
}
