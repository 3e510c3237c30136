/* The whole way: door, journal, store, ledger; killed at every step behind the answer; and the check of the store. */
#include <criterion/criterion.h>
#include <criterion/parameterized.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "lib/intake/check.h"
#include "tests/db/intake_fixture.h"

TestSuite(intake_place, .init = fixture_setup, .fini = fixture_teardown, .timeout = 120);

struct found {
	int missing, mismatched, orphans;
	char key[3][STORE_KEY_SIZE]; /* the last one, by fault */
};

/* Other tests share this ledger and have stores of their own: to this store their objects are missing, and not its business. */
static bool note(void *context, const struct check_finding *finding, struct err *err)
{
	struct found *found = context;
	char sql[256];

	(void)err;
	snprintf(sql, sizeof sql, "SELECT count(*) FROM instance WHERE object_key = '%s' AND site_id = %%s",
	         finding->object_key);
	if (finding->fault == CHECK_MISSING && fixture_count(sql) == 0)
		return true;
	found->missing += finding->fault == CHECK_MISSING;
	found->mismatched += finding->fault == CHECK_MISMATCHED;
	found->orphans += finding->fault == CHECK_ORPHAN;
	text_copy(found->key[finding->fault], STORE_KEY_SIZE, finding->object_key);
	return true;
}

static struct check_counts check(int64_t grace_ms, struct found *found)
{
	struct check_settings settings = {.orphan_grace_ms = grace_ms, .each = note, .context = found};
	struct db_pool *pool = ledger_pool("yq_operator", 1);
	struct check_counts counts;

	memset(found, 0, sizeof *found);
	cr_assert(check_store(fix.store, pool, &settings, &counts, &fix_err), "%s", fix_err.text);
	db_pool_free(pool);
	return counts;
}

static bool count_one(void *context, const char *key, uint64_t size, int64_t age, struct err *err)
{
	(void)key;
	(void)size;
	(void)age;
	(void)err;
	++*(int *)context;
	return true;
}

static int stored(void)
{
	int count = 0;

	cr_assert(store_walk(fix.store, count_one, &count, &fix_err), "%s", fix_err.text);
	return count;
}

static int instances(void)
{
	return fixture_count("SELECT count(*) FROM instance WHERE site_id = %s");
}

Test(intake_place, an_object_ends_in_store_and_ledger_with_the_bytes_that_came)
{
	struct dataset dataset = fixture_sample();
	struct text_buf bytes;
	char got[4096], key[STORE_KEY_SIZE];
	uint64_t size;
	int fd, header;

	fixture_open();
	fixture_send(&dataset);
	fixture_settle();
	text_copy(key, sizeof key, fixture_value("SELECT object_key FROM instance WHERE site_id = %s"));
	header = fixture_count("SELECT header_bytes FROM instance WHERE site_id = %s");
	cr_assert(store_open_object(fix.store, key, &fd, &size, &fix_err), "%s", fix_err.text);
	cr_assert_eq((uint64_t)read(fd, got, sizeof got), size);
	close(fd);
	text_buf_init(&bytes, 1 << 20);
	dataset_build(&dataset, &bytes);
	cr_assert_eq(size, (uint64_t)header + bytes.length);
	cr_expect_arr_eq(got + header, bytes.data, bytes.length, "the dataset was changed");
	text_buf_fini(&bytes);
	cr_expect_eq(home_count("journal/slot-0000", ".part") + home_count("journal/slot-0000", ".rec"), 0);
}

Test(intake_place, the_second_copy_of_a_duplicate_is_removed_and_a_conflict_is_kept)
{
	struct dataset dataset = fixture_sample(), other = dataset;

	other.seed = 5;
	fixture_open();
	fixture_send(&dataset);
	fixture_send(&dataset);
	fixture_settle();
	cr_expect_eq(stored(), 1, "got %d", stored());
	fixture_send(&other);
	fixture_settle();
	cr_expect_eq(stored(), 2, "got %d", stored());
	cr_expect_eq(instances(), 1);
}

Test(intake_place, what_the_ledger_refuses_is_set_apart_and_the_others_go_on)
{
	struct dataset dataset = fixture_sample();
	struct intake_source stranger = fixture_source(&dataset);
	struct intake_backlog backlog;
	char nobody[TEXT_UUID_SIZE], uids[3][TEXT_UID_SIZE];
	struct check_counts counts;
	struct found found;

	text_uuid_new(nobody);
	stranger.site_public_id = nobody;
	/* All three wait in the journal before a ledger is there, so that they meet in one batch. */
	home_set("YQ_POLL_INTERVAL", "10 ms");
	fixture_open();
	fixture_send(&dataset);
	dataset = dataset_sample(uids);
	stranger.sop_instance_uid = dataset.sop_instance;
	cr_assert(dataset_send(fix.intake, &stranger, &dataset, &fix_err), "%s", fix_err.text);
	dataset = dataset_sample(uids);
	fixture_send(&dataset);
	fixture_settle();
	cr_assert(intake_backlog_read(&backlog, &fix_err), "%s", fix_err.text);
	cr_expect_eq(backlog.quarantined, 1, "got %llu", (unsigned long long)backlog.quarantined);
	cr_expect_eq(home_count("journal/quarantine", ".part"), 1, "its bytes are lost");
	cr_expect_eq(instances(), 2, "got %d", instances());
	cr_expect_eq(stored(), 2, "got %d", stored());
	cr_expect_geq(
	    fixture_count("SELECT count(*) FROM quarantine WHERE reason LIKE '%no such site%' AND settled_at IS NULL"),
	    1);
	counts = check(0, &found);
	cr_expect_eq(found.orphans, 0);
	cr_expect_eq(counts.quarantined, 1);
}

Test(intake_place, a_slot_of_a_process_that_is_gone_is_adopted_while_we_run)
{
	struct dataset dataset = fixture_sample();
	pid_t child;
	int status;

	fixture_open();
	child = fork();
	if (child == 0) {
		/* Only claims its slot, receives one object and vanishes; its own indexer has no ledger. */
		struct db_pool *nowhere;
		struct intake *second;
		struct intake_source source = fixture_source(&dataset);
		struct err err;

		setenv("YQ_KILL_AT", "intake-after-commit", 1);
		if (db_pool_new("yq_storescp", "test", 1, &nowhere, &err) &&
		    intake_open(fix.store, nowhere, &second, &err))
			(void)dataset_send(second, &source, &dataset, &err);
		_exit(0);
	}
	waitpid(child, &status, 0);
	cr_assert(WIFSIGNALED(status), "the child was not killed");
	while (instances() != 1)
		usleep(2000);
	fixture_settle();
	cr_expect_eq(home_count("journal/slot-0001", ".part"), 0);
}

/* ---- killed behind the answer ------------------------------------------------------------------------------------------ */

struct kill_case {
	char point[40];
};

ParameterizedTestParameters(intake_killed, behind_the_answer_nothing_is_lost_or_doubled)
{
	static struct kill_case cases[] = {
	    {"intake-before-place"}, {"store-before-link"},     {"store-after-link"},      {"intake-after-place"},
	    {"intake-before-index"}, {"intake-after-index"},    {"intake-before-forget"},  {"intake-after-forget"},
	    {"intake-after-commit"}, {"intake-before-place:3"}, {"intake-before-backlog"}, {"intake-after-backlog"},
	    {"intake-before-free"},  {"intake-after-free"},
	};

	return cr_make_param_array(struct kill_case, cases, sizeof cases / sizeof cases[0]);
}

/* Five objects, one of them twice, one with other bytes. */
static void send_mixture(int answers)
{
	for (int i = 0; i < 7; i++) {
		static char uids[7][3][TEXT_UID_SIZE];
		static struct dataset datasets[7];
		struct dataset dataset;
		struct intake_source source;
		struct err err;

		datasets[i] = dataset_sample(uids[i]);
		dataset = i < 5 ? datasets[i] : datasets[i - 5];
		if (i == 6)
			dataset.seed = 77;
		source = fixture_source(&dataset);
		if (!dataset_send(fix.intake, &source, &dataset, &err) || write(answers, i < 5 ? "n" : "o", 1) != 1)
			_exit(1);
	}
}

ParameterizedTest(struct kill_case *test, intake_killed, behind_the_answer_nothing_is_lost_or_doubled,
                  .init = fixture_setup, .fini = fixture_teardown, .timeout = 120)
{
	int ends[2], fresh = 0, status;
	struct check_counts counts;
	struct found found;
	char one;
	pid_t child;

	cr_assert_eq(pipe(ends), 0);
	child = fork();
	if (child == 0) {
		close(ends[0]);
		setenv("YQ_KILL_AT", test->point, 1);
		fixture_open();
		send_mixture(ends[1]);
		for (;;)
			pause();
	}
	close(ends[1]);
	while (read(ends[0], &one, 1) == 1)
		fresh += one == 'n';
	close(ends[0]);
	waitpid(child, &status, 0);
	cr_assert(WIFSIGNALED(status), "not killed at %s", test->point);

	fixture_open();
	fixture_settle();
	cr_expect(instances() == fresh || instances() == fresh + 1, "%s: %d acknowledged, %d in the ledger",
	          test->point, fresh, instances());
	counts = check(0, &found);
	cr_expect_eq(found.missing, 0, "%s", test->point);
	cr_expect_eq(found.mismatched, 0, "%s", test->point);
	cr_expect_eq(found.orphans, 0, "%s", test->point);
	cr_expect_eq(counts.pending, 0, "%s", test->point);
	cr_expect_eq(counts.quarantined, 0, "%s", test->point);
	cr_expect_eq(stored(), instances() + fixture_count("SELECT count(*) FROM instance_conflict WHERE site_id = %s"),
	             "%s: %d stored, %d instances", test->point, stored(), instances());
	cr_expect_eq(fixture_count("SELECT sum(instance_count) FROM study WHERE site_id = %s"), instances(), "%s",
	             test->point);
	cr_expect_eq(home_count("journal/slot-0000", ".part"), 0, "%s", test->point);
}

/* ---- the check of the store ---------------------------------------------------------------------------------------------- */

Test(intake_place, the_check_finds_what_is_missing_changed_and_left_over)
{
	static const char *const newest[] = {
	    "SELECT object_key FROM instance WHERE site_id = %s ORDER BY instance_id LIMIT 1",
	    "SELECT object_key FROM instance WHERE site_id = %s ORDER BY instance_id OFFSET 1 LIMIT 1"};
	struct found found;
	struct check_counts counts;
	char missing[STORE_KEY_SIZE], changed[STORE_KEY_SIZE], orphan[STORE_KEY_SIZE], path[256];
	int fd;

	fixture_open();
	for (int i = 0; i < 3; i++) {
		struct dataset dataset = fixture_sample();

		fixture_send(&dataset);
	}
	fixture_settle();
	text_copy(missing, sizeof missing, fixture_value(newest[0]));
	text_copy(changed, sizeof changed, fixture_value(newest[1]));
	cr_assert(store_remove(fix.store, missing, &fix_err), "%s", fix_err.text);
	snprintf(path, sizeof path, "%s", home_path("store/%.2s/%.2s/%s", changed, changed + 2, changed));
	fd = open(path, O_WRONLY);
	cr_assert_geq(fd, 0);
	cr_assert_eq(pwrite(fd, "X", 1, lseek(fd, 0, SEEK_END) - 3), 1);
	close(fd);
	store_key_new(orphan);
	cr_assert(store_put_bytes(fix.store, orphan, "left over", 9, &fix_err), "%s", fix_err.text);

	counts = check(0, &found);
	cr_expect_eq(found.missing, 1, "got %d", found.missing);
	cr_expect_str_eq(found.key[CHECK_MISSING], missing);
	cr_expect_eq(found.mismatched, 1, "got %d", found.mismatched);
	cr_expect_str_eq(found.key[CHECK_MISMATCHED], changed);
	cr_expect_eq(found.orphans, 1, "got %d", found.orphans);
	cr_expect_str_eq(found.key[CHECK_ORPHAN], orphan);
	cr_expect_eq(counts.pending, 0);
	cr_expect_geq(counts.instances, 3);
	/* Too young to be called an orphan: it may be on its way. */
	check(3600000, &found);
	cr_expect_eq(found.orphans, 0);
}

/* ---- what is kept although it was refused ------------------------------------------------------------------------------------- */

static void send_refused(const struct dataset *dataset)
{
	struct intake_source source = fixture_source(dataset);

	cr_assert_not(dataset_send(fix.intake, &source, dataset, &fix_err));
	cr_expect_eq(fix_err.code, 0xC000, "got %04x", fix_err.code);
}

Test(intake_place, what_a_person_can_correct_is_kept_once_however_often_it_comes)
{
	struct dataset dataset = fixture_sample();
	struct check_counts counts;
	struct found found;

	home_set("YQ_POLL_INTERVAL", "10 ms");
	fixture_open();
	dataset.study = NULL;
	for (int i = 0; i < 3; i++)
		send_refused(&dataset);
	dataset.seed = 7;
	send_refused(&dataset);
	fixture_settle();
	cr_expect_eq(home_count("journal/quarantine", ".part"), 2);
	cr_expect_str_eq(
	    fixture_value("SELECT string_agg(code || ' ' || arrivals, ', ' ORDER BY quarantine_id) FROM quarantine "
	                  "WHERE site_id = %s"),
	    "study_uid 3, study_uid 1");
	cr_expect_eq(instances(), 0);
	cr_expect_eq(stored(), 0, "it has no business in the store yet");
	counts = check(0, &found);
	cr_expect_eq(counts.quarantined, 2);
	cr_expect_eq(found.orphans, 0);
}
