#include <criterion/criterion.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lib/base/file.h"
#include "lib/intake/index_log.h"
#include "lib/intake/journal.h"
#include "tests/support/home.h"

static struct err err;

static void setup(void)
{
	home_make(NULL);
}

TestSuite(journal, .init = setup, .fini = home_remove, .timeout = 60);

static struct slot *claim(void)
{
	struct slot *slot;

	cr_assert(slot_claim(&slot, &err), "%s", err.text);
	return slot;
}

static struct slot *adopt(void)
{
	struct slot *slot;

	cr_assert(slot_adopt(&slot, &err), "%s", err.text);
	return slot;
}

static struct intake_record sample(void)
{
	struct intake_record record = {.site = "0a9a5f4e-77f2-4a27-8a3b-2f8d3a1c9b10",
	                               .sop_class_uid = "1.2.840.10008.5.1.4.1.1.7",
	                               .sop_instance_uid = "2.25.1",
	                               .transfer_syntax_uid = "1.2.840.10008.1.2.1",
	                               .size_bytes = 4,
	                               .arrived_us = 1};

	store_key_new(record.key);
	return record;
}

/* One whole object of the bytes "data". */
static struct slot_entry add(struct slot *slot)
{
	struct intake_record record = sample();
	struct slot_entry entry;
	int fd;

	cr_assert(slot_part_new(slot, record.key, &fd, &err), "%s", err.text);
	cr_assert_eq(write(fd, "data", 4), 4);
	cr_assert(slot_record(slot, fd, &record, &entry, &err), "%s", err.text);
	close(fd);
	return entry;
}

static size_t scan(struct slot *slot, struct slot_entry **out)
{
	size_t count;

	cr_assert(slot_scan(slot, out, &count, &err), "%s", err.text);
	return count;
}

static size_t scan_count(struct slot *slot)
{
	struct slot_entry *entries;
	size_t count = scan(slot, &entries);

	free(entries);
	return count;
}

Test(journal, every_process_has_a_slot_of_its_own_and_takes_freed_ones_first)
{
	struct slot *one = claim(), *other = claim(), *third;

	cr_expect_str_eq(slot_name(one), "slot-0000");
	cr_expect_str_eq(slot_name(other), "slot-0001");
	slot_release(one);
	third = claim();
	cr_expect_str_eq(slot_name(third), "slot-0000");
	slot_release(other);
	slot_release(third);
}

Test(journal, keeps_the_order_of_arrival)
{
	struct slot_entry entries[50], *found;
	struct slot *slot = claim();
	size_t count;

	for (int i = 0; i < 50; i++)
		entries[i] = add(slot);
	count = scan(slot, &found);
	cr_assert_eq(count, 50, "got %zu", count);
	for (int i = 0; i < 50; i++)
		cr_expect_str_eq(found[i].key, entries[i].key, "place %d", i);
	free(found);
	slot_release(slot);
}

Test(journal, a_slot_that_is_held_is_not_adopted_and_an_abandoned_one_is_whole)
{
	struct slot *dead = claim(), *mine = claim(), *adopted;
	struct intake_record record;
	struct slot_entry entry = add(dead), *found;
	enum record_shape shape;

	cr_expect_null(adopt(), "took a slot that is held");
	slot_release(dead);
	adopted = adopt();
	cr_assert_not_null(adopted);
	cr_expect_str_eq(slot_name(adopted), "slot-0000");
	cr_assert_eq(scan(adopted, &found), 1);
	cr_expect_str_eq(found[0].key, entry.key);
	cr_assert(slot_read(adopted, found, &shape, &record, &err), "%s", err.text);
	cr_expect_eq(shape, RECORD_WHOLE);
	cr_assert(slot_finish(adopted, found, 1, &err), "%s", err.text);
	free(found);
	slot_release(adopted);
	cr_expect_null(adopt(), "adopted an empty slot");
	slot_release(mine);
}

static void write_file(const char *path, const char *content, size_t length)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0600);

	cr_assert_geq(fd, 0);
	cr_assert_eq(write(fd, content, length), (ssize_t)length);
	close(fd);
}

/* What a crash can leave at each step, and what must remain of it. */
Test(journal, recovery_keeps_what_was_acknowledged_and_nothing_else)
{
	struct slot *slot = claim();
	struct slot_entry whole = add(slot), torn = add(slot), empty = add(slot);
	char *text;
	size_t length;
	int fd;

	/* Half received: a part and no record. */
	cr_assert(slot_part_new(slot, "ffffffffffffffffffffffffffffffff", &fd, &err), "%s", err.text);
	close(fd);
	/* A record that was being written: cut, or still without any byte. */
	cr_assert(
	    file_read_all(home_path("journal/slot-0000/%016llx-%s.rec", (unsigned long long)torn.sequence, torn.key),
	                  10000, &text, &length, &err));
	write_file(home_path("journal/slot-0000/%016llx-%s.rec", (unsigned long long)torn.sequence, torn.key), text,
	           length / 2);
	free(text);
	write_file(home_path("journal/slot-0000/%016llx-%s.rec", (unsigned long long)empty.sequence, empty.key), "", 0);
	slot_release(slot);

	slot = claim();
	cr_expect_eq(scan_count(slot), 1, "got %zu", scan_count(slot));
	cr_expect_eq(home_count("journal/slot-0000", ".part"), 1, "got %d", home_count("journal/slot-0000", ".part"));
	cr_expect_eq(home_count("journal/slot-0000", whole.key) + home_count("journal/slot-0000", ".rec"), 1);
	slot_release(slot);
}

Test(journal, a_record_that_was_whole_once_is_not_thrown_away)
{
	struct slot *slot = claim();
	struct slot_entry entry = add(slot), *found;
	struct intake_record record;
	enum record_shape shape;
	const char *path = home_path("journal/slot-0000/%016llx-%s.rec", (unsigned long long)entry.sequence, entry.key);
	char *text;
	size_t length;

	cr_assert(file_read_all(path, 10000, &text, &length, &err));
	text[length / 2] ^= 1;
	write_file(path, text, length);
	free(text);
	slot_release(slot);
	slot = claim();
	cr_assert_eq(scan(slot, &found), 1);
	cr_assert(slot_read(slot, found, &shape, &record, &err), "%s", err.text);
	cr_expect_eq(shape, RECORD_DAMAGED);
	cr_assert(slot_set_apart(slot, found, "the record is damaged", &err), "%s", err.text);
	cr_assert(slot_set_apart(slot, found, "the record is damaged", &err), "again: %s", err.text);
	cr_expect_eq(home_count("journal/quarantine", ".part"), 1);
	cr_expect_eq(home_count("journal/quarantine", ".rec"), 1);
	cr_expect_eq(home_count("journal/quarantine", ".why"), 1);
	cr_expect_eq(scan_count(slot), 0);
	cr_expect_eq(home_count("journal/slot-0000", ".part"), 0);
	free(found);
	slot_release(slot);
}

Test(journal, a_record_that_cannot_be_read_stays_and_stops_nobody)
{
	static char large[8192];
	struct slot *slot = claim();
	struct slot_entry entry = add(slot);

	add(slot);
	memset(large, 'x', sizeof large);
	write_file(home_path("journal/slot-0000/%016llx-%s.rec", (unsigned long long)entry.sequence, entry.key), large,
	           sizeof large);
	slot_release(slot);

	slot = claim();
	cr_expect_eq(scan_count(slot), 2, "got %zu", scan_count(slot));
	cr_expect_eq(home_count("journal/slot-0000", ".rec"), 2);
	cr_expect_eq(home_count("journal/slot-0000", ".part"), 2);
	slot_release(slot);
}

Test(journal, sequences_rise_over_a_restart_even_when_the_clock_goes_back)
{
	struct slot *slot = claim();
	struct slot_entry before = add(slot), after;
	char late[PATH_MAX];

	/* As if written by a clock a century ahead. */
	snprintf(late, sizeof late, "%s", home_path("journal/slot-0000/00ffffffffffffff-%s.rec", before.key));
	cr_assert_eq(
	    rename(home_path("journal/slot-0000/%016llx-%s.rec", (unsigned long long)before.sequence, before.key),
	           late),
	    0);
	slot_release(slot);
	slot = claim();
	after = add(slot);
	cr_expect_eq(after.sequence, 0x100000000000000, "got %llx", (unsigned long long)after.sequence);
	slot_release(slot);
}

Test(journal, keys_are_found_in_every_slot_and_in_quarantine)
{
	struct slot *one = claim(), *other = claim();
	struct slot_entry here = add(one), there = add(other);
	struct intake_backlog backlog;
	char keys[3][STORE_KEY_SIZE];
	bool found[3];

	memcpy(keys[0], here.key, STORE_KEY_SIZE);
	memcpy(keys[1], there.key, STORE_KEY_SIZE);
	memcpy(keys[2], "ffffffffffffffffffffffffffffffff", STORE_KEY_SIZE);
	cr_assert(slot_set_apart(other, &there, "no", &err), "%s", err.text);
	cr_assert(journal_find_keys((const char(*)[STORE_KEY_SIZE])keys, 3, found, &err), "%s", err.text);
	cr_expect(found[0]);
	cr_expect(found[1]);
	cr_expect_not(found[2]);
	cr_assert(intake_backlog_read(&backlog, &err), "%s", err.text);
	cr_expect_eq(backlog.objects, 1, "got %llu", (unsigned long long)backlog.objects);
	cr_expect_eq(backlog.bytes, 4);
	cr_expect_eq(backlog.quarantined, 1);
	cr_expect_geq(backlog.oldest_ms, 1);
	slot_release(one);
	slot_release(other);
}

Test(journal, an_object_on_its_way_to_the_backlog_counts_once)
{
	struct slot *slot = claim();
	struct slot_entry entry = add(slot);
	char json[] = "{}";
	struct index_line lines[2] = {{.size_bytes = 4, .arrived_us = 1, .json = json},
	                              {.size_bytes = 7, .arrived_us = 1, .json = json}};
	struct intake_backlog backlog;
	struct index_log *log;

	memcpy(lines[0].key, entry.key, STORE_KEY_SIZE);
	store_key_new(lines[1].key);
	cr_assert(index_log_open(slot_path(slot), &log, &err), "%s", err.text);
	cr_assert(index_log_append(log, lines, 2, &err), "%s", err.text);
	cr_assert(intake_backlog_read(&backlog, &err), "%s", err.text);
	cr_expect_eq(backlog.objects, 2, "got %llu", (unsigned long long)backlog.objects);
	cr_expect_eq(backlog.unplaced_objects, 1, "got %llu", (unsigned long long)backlog.unplaced_objects);
	cr_expect_eq(backlog.bytes, 4 + 7, "got %llu", (unsigned long long)backlog.bytes);
	index_log_close(log);
	slot_release(slot);
}
