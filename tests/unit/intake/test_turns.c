/* What a dead process left and what is our own are placed in turns: neither waits for the whole of the other. */
#include <criterion/criterion.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "lib/base/checksum.h"
#include "lib/base/conf.h"
#include "lib/db/db.h"
#include "lib/dicom/dicom.h"
#include "lib/intake/index_log.h"
#include "lib/intake/journal.h"
#include "lib/store/store.h"
#include "tests/support/dataset.h"
#include "tests/support/home.h"

enum { EACH = 300 }; /* in each slot: more than one batch of the placer */

static struct err err;

static void setup(void)
{
	home_make(NULL);
}

TestSuite(turns, .init = setup, .fini = home_remove, .timeout = 120);

static void put(int fd, const void *bytes, size_t length)
{
	cr_assert_eq(write(fd, bytes, length), (ssize_t)length);
}

/* One whole object in the second lane, as a process that was killed right behind its answer leaves it. */
static void leave_object(struct slot *slot, struct checksum *sum, char key[STORE_KEY_SIZE])
{
	char uids[3][TEXT_UID_SIZE];
	struct dataset dataset = dataset_sample(uids);
	struct intake_record record = {.site = "0a9a5f4e-77f2-4a27-8a3b-2f8d3a1c9b10",
	                               .calling_ae = "DR1",
	                               .sop_class_uid = TEST_SECONDARY_CAPTURE,
	                               .transfer_syntax_uid = TEST_EXPLICIT,
	                               .arrived_us = 1};
	struct text_buf bytes;
	struct slot_entry entry;
	uint8_t *header;
	size_t length;
	int fd;

	text_buf_init(&bytes, 1 << 20);
	dataset_build(&dataset, &bytes);
	text_copy(record.sop_instance_uid, sizeof record.sop_instance_uid, dataset.sop_instance);
	store_key_new(record.key);
	memcpy(key, record.key, STORE_KEY_SIZE);
	checksum_update(sum, bytes.data, bytes.length);
	checksum_final(sum, record.checksum);
	cr_assert(dicom_meta_header(record.sop_class_uid, record.sop_instance_uid, record.transfer_syntax_uid, "DR1",
	                            &header, &length, &err),
	          "%s", err.text);
	record.header_bytes = (uint32_t)length;
	record.size_bytes = bytes.length;
	cr_assert(slot_part_new(slot, record.key, &fd, &err), "%s", err.text);
	put(fd, header, length);
	put(fd, bytes.data, bytes.length);
	cr_assert(slot_record(slot, fd, &record, &entry, &err), "%s", err.text);
	close(fd);
	free(header);
	text_buf_fini(&bytes);
}

struct order {
	char (*keys)[STORE_KEY_SIZE]; /* of one of the slots */
	size_t lines, of_slot, of_slot_in_first;
};

static bool note(void *context, const struct index_line *line, struct err *ignored)
{
	struct order *order = context;
	bool is_of_slot = false;

	(void)ignored;
	for (size_t i = 0; i < EACH && !is_of_slot; i++)
		is_of_slot = strcmp(order->keys[i], line->key) == 0;
	order->of_slot += is_of_slot;
	order->of_slot_in_first += is_of_slot && order->lines < EACH;
	order->lines++;
	return true;
}

static struct order look(char (*keys)[STORE_KEY_SIZE])
{
	struct order order = {.keys = keys};
	char path[PATH_MAX];

	cr_assert(conf_path(path, sizeof path, &err, "journal/slot-0000"), "%s", err.text);
	cr_assert(index_log_look(path, note, &order, &err), "%s", err.text);
	return order;
}

Test(turns, what_a_dead_process_left_and_what_is_ours_are_placed_in_turns)
{
	static char keys[2][EACH][STORE_KEY_SIZE];
	struct checksum *sum = checksum_new();
	struct slot *slots[2];
	struct store *store;
	struct db_pool *pool;
	struct intake *intake;
	struct order order;

	for (int slot = 0; slot < 2; slot++)
		cr_assert(slot_claim(&slots[slot], &err), "%s", err.text);
	for (int slot = 0; slot < 2; slot++)
		for (int i = 0; i < EACH; i++)
			leave_object(slots[slot], sum, keys[slot][i]);
	for (int slot = 0; slot < 2; slot++)
		slot_release(slots[slot]);
	checksum_free(sum);

	cr_assert(store_open("file:store", &store, &err), "%s", err.text);
	cr_assert(db_pool_new("yq_storescp", "test", 2, &pool, &err), "%s", err.text);
	cr_assert(intake_open(store, pool, &intake, &err), "%s", err.text);
	do { /* the suite's time-out ends it */
		usleep(10000);
		order = look(keys[0]);
	} while (order.lines < 2 * EACH);
	intake_close(intake, 0);

	cr_expect_eq(order.lines, 2 * EACH, "%zu lines", order.lines);
	cr_expect_eq(order.of_slot, EACH, "%zu of the first slot", order.of_slot);
	cr_expect_gt(order.of_slot_in_first, 0, "the one waited for all of the other");
	cr_expect_lt(order.of_slot_in_first, EACH, "the other waited for all of the one");
	db_pool_free(pool);
	store_close(store);
}
