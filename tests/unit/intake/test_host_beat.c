#include <criterion/criterion.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "lib/base/file.h"
#include "lib/intake/host_beat.h"
#include "lib/intake/journal.h"
#include "tests/support/home.h"

enum { AT_ONCE = 8 };

static struct err err;

static void setup(void)
{
	home_make(NULL);
}

TestSuite(host_beat, .init = setup, .fini = home_remove, .timeout = 60);

Test(host_beat, a_home_keeps_its_id)
{
	char id[TEXT_UUID_SIZE], again[TEXT_UUID_SIZE], found[TEXT_UUID_SIZE];

	cr_expect_not(host_id_find(found, &err));
	cr_expect_eq(err.kind, ERR_NOT_FOUND);
	cr_assert(host_id(id, &err), "%s", err.text);
	cr_expect(text_is_uuid(id));
	cr_assert(host_id(again, &err) && host_id_find(found, &err), "%s", err.text);
	cr_expect_str_eq(again, id);
	cr_expect_str_eq(found, id);
	cr_expect_eq(home_count("journal", ""), 3, "more than the id and the two dots: %d", home_count("journal", ""));
}

static void *ask(void *out)
{
	struct err failed;

	cr_expect(host_id(out, &failed), "%s", failed.text);
	return NULL;
}

Test(host_beat, programs_that_start_at_once_agree_on_the_id)
{
	char ids[AT_ONCE][TEXT_UUID_SIZE];
	pthread_t threads[AT_ONCE];

	for (int i = 0; i < AT_ONCE; i++)
		cr_assert_eq(pthread_create(&threads[i], NULL, ask, ids[i]), 0);
	for (int i = 0; i < AT_ONCE; i++)
		pthread_join(threads[i], NULL);
	for (int i = 1; i < AT_ONCE; i++)
		cr_expect_str_eq(ids[i], ids[0]);
	cr_expect_eq(home_count("journal", ""), 3);
}

Test(host_beat, a_damaged_id_is_told_and_not_replaced)
{
	char id[TEXT_UUID_SIZE];

	mkdir(home_path("journal"), 0700);
	cr_assert(file_replace(home_path("journal/host"), "nonsense\n", 9, 0600, &err), "%s", err.text);
	cr_expect_not(host_id(id, &err));
	cr_expect_eq(err.kind, ERR_CORRUPT);
}

static int held(void)
{
	int count;

	cr_assert(host_slots_held(&count, &err), "%s", err.text);
	return count;
}

Test(host_beat, counts_the_slots_that_somebody_holds)
{
	struct slot *one, *other;

	cr_expect_eq(held(), 0);
	cr_assert(slot_claim(&one, &err) && slot_claim(&other, &err), "%s", err.text);
	cr_expect_eq(held(), 2);
	slot_release(one);
	cr_expect_eq(held(), 1);
	cr_assert(slot_claim(&one, &err), "%s", err.text);
	cr_expect_str_eq(slot_name(one), "slot-0000", "counting left a lock behind");
	slot_release(one);
	slot_release(other);
	cr_expect_eq(held(), 0);
}

static void add_record(const char *name)
{
	cr_assert(file_replace(home_path("journal/slot-0000/%s", name), "x", 1, 0600, &err), "%s", err.text);
}

Test(host_beat, remembers_the_most_that_waited_until_nothing_does)
{
	static const char *const records[] = {"0000000000000001-11111111111111111111111111111111.rec",
	                                      "0000000000000002-22222222222222222222222222222222.rec"};
	const struct host_look *look;
	struct host_beat *beat;
	struct store *store;
	struct slot *slot;

	cr_assert(store_open("file:store", &store, &err) && slot_claim(&slot, &err), "%s", err.text);
	beat = host_beat_new(store, NULL, "test");
	cr_assert(host_beat_look(beat, &look, &err), "%s", err.text);
	cr_expect_eq(look->peak_objects, 0);
	cr_expect_eq(look->slots, 1);
	add_record(records[0]);
	add_record(records[1]);
	cr_assert(host_beat_look(beat, &look, &err), "%s", err.text);
	cr_expect_eq(look->peak_objects, 2);
	remove(home_path("journal/slot-0000/%s", records[0]));
	cr_assert(host_beat_look(beat, &look, &err), "%s", err.text);
	cr_expect_eq(look->backlog.objects, 1);
	cr_expect_eq(look->backlog.unplaced_objects, 1);
	cr_expect_eq(look->peak_objects, 2);
	remove(home_path("journal/slot-0000/%s", records[1]));
	cr_assert(host_beat_look(beat, &look, &err), "%s", err.text);
	cr_expect_eq(look->peak_objects, 0);
	host_beat_free(beat);
	slot_release(slot);
	store_close(store);
}
