/* The door without a ledger: what is acknowledged stays, what is refused leaves nothing. */
#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "lib/db/db.h"
#include "lib/dicom/dicom.h"
#include "lib/store/store.h"
#include "tests/support/dataset.h"
#include "tests/support/home.h"

static struct store *store;
static struct db_pool *pool;
static struct intake *intake;
static struct err err;
static char uids[3][TEXT_UID_SIZE];

static void open_intake(void)
{
	cr_assert(store_open("file:store", &store, &err), "%s", err.text);
	cr_assert(db_pool_new("yq_storescp", "test", 2, &pool, &err), "%s", err.text);
	cr_assert(intake_open(store, pool, &intake, &err), "%s", err.text);
}

static void close_intake(void)
{
	intake_close(intake, 0);
	db_pool_free(pool);
	store_close(store);
}

static void setup(void)
{
	home_make(NULL);
	open_intake();
}

static void teardown(void)
{
	close_intake();
	home_remove();
}

TestSuite(intake, .init = setup, .fini = teardown, .timeout = 60);

static struct intake_source source_of(const struct dataset *dataset)
{
	return (struct intake_source){.origin = INTAKE_DEVICE,
	                              .device_public_id = "5f0c1f7e-3c39-4f0b-9d4e-0a1b2c3d4e5f",
	                              .site_public_id = "0a9a5f4e-77f2-4a27-8a3b-2f8d3a1c9b10",
	                              .calling_ae = "DR1",
	                              .called_ae = "YINGQIAO",
	                              .address = "192.0.2.7",
	                              .sop_class_uid = dataset->sop_class,
	                              .sop_instance_uid = dataset->sop_instance,
	                              .transfer_syntax_uid = TEST_EXPLICIT};
}

static uint64_t backlog(void)
{
	struct intake_backlog found;

	cr_assert(intake_backlog_read(&found, &err), "%s", err.text);
	return found.objects;
}

static int journal_files(void)
{
	return home_count("journal/slot-0000", ".part") + home_count("journal/slot-0000", ".rec");
}

static bool send(const struct dataset *dataset)
{
	struct intake_source source = source_of(dataset);

	return dataset_send(intake, &source, dataset, &err);
}

Test(intake, an_acknowledged_object_waits_for_the_ledger_over_a_restart)
{
	struct dataset dataset = dataset_sample(uids);

	cr_assert(send(&dataset), "%s", err.text);
	cr_expect_eq(backlog(), 1);
	close_intake();
	cr_expect_eq(backlog(), 1);
	open_intake();
	cr_expect_eq(backlog(), 1, "the restart lost it");
	dataset = dataset_sample(uids);
	cr_assert(send(&dataset), "%s", err.text);
	cr_expect_eq(backlog(), 2);
}

Test(intake, an_aborted_object_leaves_nothing)
{
	struct dataset dataset = dataset_sample(uids);
	struct intake_source source = source_of(&dataset);
	struct intake_object *object;

	cr_assert(intake_begin(intake, &source, &object, &err), "%s", err.text);
	cr_assert(intake_append(object, "abc", 3, &err), "%s", err.text);
	intake_abort(object);
	cr_expect_eq(journal_files(), 0);
	cr_expect_eq(backlog(), 0);
}

static struct intake_object *receive(const struct dataset *dataset)
{
	struct intake_source source = source_of(dataset);
	struct intake_object *object;
	struct text_buf bytes;

	text_buf_init(&bytes, 1 << 20);
	dataset_build(dataset, &bytes);
	source.device_public_id = NULL;
	cr_assert(intake_begin(intake, &source, &object, &err), "%s", err.text);
	cr_assert(intake_append(object, bytes.data, bytes.length, &err), "%s", err.text);
	text_buf_fini(&bytes);
	return object;
}

Test(intake, an_object_that_was_looked_at_is_taken_or_leaves_nothing)
{
	struct dataset dataset = dataset_sample(uids);
	struct intake_object *object = receive(&dataset);
	struct dicom_fields fields;

	cr_assert(intake_look(object, &fields, &err), "%s", err.text);
	cr_expect_str_eq(fields.study_instance_uid, dataset.study);
	intake_abort(object);
	cr_expect_eq(backlog(), 0);
	object = receive(&dataset);
	cr_assert(intake_look(object, &fields, &err), "%s", err.text);
	cr_assert(intake_look(object, &fields, &err), "%s", err.text);
	cr_assert(intake_commit(object, &err), "%s", err.text);
	cr_expect_eq(backlog(), 1);
	cr_expect_eq(journal_files(), 0);
}

Test(intake, an_object_that_cannot_be_looked_at_cannot_be_taken)
{
	struct dataset dataset = dataset_sample(uids);
	struct intake_source source = source_of(&dataset);
	struct intake_object *object;
	struct dicom_fields fields;

	cr_assert(intake_begin(intake, &source, &object, &err), "%s", err.text);
	cr_assert(intake_append(object, "abc", 3, &err), "%s", err.text);
	cr_expect_not(intake_look(object, &fields, &err));
	cr_expect_eq(err.code, 0xC000, "got %04x", err.code);
	cr_expect_not(intake_commit(object, &err));
	cr_expect_eq(backlog(), 0);
}

struct refusal {
	const char *what;
	uint32_t status;
	const char *announced_class, *announced_instance; /* NULL: as in the dataset */
	void (*spoil)(struct dataset *dataset);
	bool is_kept; /* for a person who corrects it */
};

static void no_instance(struct dataset *d)
{
	d->sop_instance = NULL;
}
static void no_class(struct dataset *d)
{
	d->sop_class = NULL;
}
static void bad_instance(struct dataset *d)
{
	d->sop_instance = "1.2.x";
}
static void no_study(struct dataset *d)
{
	d->study = NULL;
}
static void bad_study(struct dataset *d)
{
	d->study = "../../etc";
}
static void no_series(struct dataset *d)
{
	d->series = NULL;
}
static void long_series(struct dataset *d)
{
	d->series = "1.2.3456789012345678901234567890123456789012345678901234567890123";
}

Test(intake, refusals_carry_their_status_and_keep_what_a_person_can_correct)
{
	static const struct refusal cases[] = {
	    {"no SOP instance UID", 0xC000, TEST_SECONDARY_CAPTURE, "2.25.7", no_instance, true},
	    {"no SOP class UID", 0xC000, TEST_SECONDARY_CAPTURE, "2.25.7", no_class, true},
	    {"malformed SOP instance UID", 0xC000, TEST_SECONDARY_CAPTURE, "2.25.7", bad_instance, true},
	    {"another instance than announced", 0xA900, NULL, "2.25.7", NULL, true},
	    {"another class than announced", 0xA900, "1.2.840.10008.5.1.4.1.1.2", NULL, NULL, true},
	    {"no study UID", 0xC000, NULL, NULL, no_study, true},
	    {"malformed study UID", 0xC000, NULL, NULL, bad_study, true},
	    {"no series UID", 0xC000, NULL, NULL, no_series, true},
	    {"series UID too long", 0xC000, NULL, NULL, long_series, true},
	    {"malformed UID announced", 0xC000, NULL, "1..2", NULL, true},
	    {"hostile UID announced", 0xC000, NULL, "../../../../tmp/x", NULL, true},
	    {"no UID announced", 0xC000, NULL, "", NULL, true},
	};

	uint64_t kept = 0;

	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		struct dataset dataset = dataset_sample(uids);
		struct intake_source source = source_of(&dataset);

		if (cases[i].announced_class)
			source.sop_class_uid = cases[i].announced_class;
		if (cases[i].announced_instance)
			source.sop_instance_uid = cases[i].announced_instance;
		if (cases[i].spoil)
			cases[i].spoil(&dataset);
		cr_expect_not(dataset_send(intake, &source, &dataset, &err), "%s: taken", cases[i].what);
		cr_expect_eq(err.source, ERR_SOURCE_DIMSE, "%s: no status", cases[i].what);
		cr_expect_eq(err.code, cases[i].status, "%s: got %04x, %s", cases[i].what, err.code, err.text);
		cr_expect_eq(journal_files(), 0, "%s: something was left", cases[i].what);
		kept += cases[i].is_kept;
		cr_expect_eq(backlog(), kept, "%s: %s", cases[i].what, cases[i].is_kept ? "not kept" : "kept");
	}
}

/* Bytes that end between two elements are a dataset of their own: nobody can know that more was meant. */
static bool ends_between_elements(const char *bytes, size_t length)
{
	size_t at = 0;

	while (at + 8 <= length) {
		const unsigned char *p = (const unsigned char *)bytes + at;
		bool is_long = p[4] == 'O';

		if (is_long && at + 12 > length)
			return false;
		at += is_long ? 12u + (p[8] | p[9] << 8 | p[10] << 16) : 8u + (p[6] | p[7] << 8);
	}
	return at == length;
}

Test(intake, truncated_and_senseless_bytes_are_refused)
{
	struct dataset dataset = dataset_sample(uids);
	struct intake_source source = source_of(&dataset);
	struct intake_object *object;
	struct text_buf bytes;

	text_buf_init(&bytes, 1 << 20);
	dataset_build(&dataset, &bytes);
	for (size_t length = 0; length < bytes.length; length += length < 400 ? 7 : 101) {
		cr_assert(intake_begin(intake, &source, &object, &err), "%s", err.text);
		cr_assert(intake_append(object, bytes.data, length, &err), "%s", err.text);
		if (intake_commit(object, &err))
			cr_expect(ends_between_elements(bytes.data, length), "%zu of %zu bytes were taken", length,
			          bytes.length);
		else
			cr_expect_eq(err.code, 0xC000, "%zu bytes: got %04x", length, err.code);
	}
	text_buf_fini(&bytes);
}

Test(intake, objects_without_a_study_are_taken)
{
	struct dataset dataset = dataset_sample(uids);

	dataset.sop_class = TEST_COLOR_PALETTE;
	dataset.study = dataset.series = dataset.name = dataset.id = dataset.birth = dataset.sex = NULL;
	cr_expect(send(&dataset), "%s", err.text);
}

Test(intake, a_full_disk_is_refused_before_it_is_full)
{
	struct dataset dataset = dataset_sample(uids);
	struct intake_source source = source_of(&dataset);
	struct intake_object *object;
	static char block[1 << 20];

	cr_assert(intake_begin(intake, &source, &object, &err), "%s", err.text);
	home_set("YQ_STORE_RESERVE", "1000000 TiB");
	/* While an object arrives, too, at the latest after the next MiB or two. */
	cr_expect_not(intake_append(object, block, sizeof block, &err) &&
	              intake_append(object, block, sizeof block, &err));
	cr_expect_eq(err.code, 0xA700, "got %04x", err.code);
	cr_expect_not(intake_commit(object, &err), "an object with a hole was taken");
	cr_expect_not(intake_begin(intake, &source, &object, &err));
	cr_expect_eq(err.code, 0xA700, "got %04x", err.code);
	cr_expect_eq(err.kind, ERR_NO_SPACE);
	cr_expect_eq(journal_files(), 0);
}

Test(intake, an_object_larger_than_the_limit_is_refused)
{
	struct dataset dataset = dataset_sample(uids);

	home_set("YQ_OBJECT_MAX", "1 MiB");
	dataset.pixels = 900000;
	cr_expect(send(&dataset), "%s", err.text);
	dataset = dataset_sample(uids);
	dataset.pixels = 1100000;
	cr_expect_not(send(&dataset));
	cr_expect_eq(err.code, 0xA700, "got %04x: %s", err.code, err.text);
}

Test(intake, says_that_it_is_behind_while_the_ledger_is_away)
{
	struct dataset dataset = dataset_sample(uids);

	cr_assert(send(&dataset), "%s", err.text);
	while (!intake_is_behind(intake)) /* the suite's time-out ends it */
		usleep(1000);
	cr_expect_eq(backlog(), 1);
}
