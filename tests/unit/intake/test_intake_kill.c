/* Killed at every named point of the answer. One process a point: YQ_KILL_AT is read once. */
#include <criterion/criterion.h>
#include <criterion/parameterized.h>
#include <dirent.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "lib/db/db.h"
#include "lib/intake/index_log.h"
#include "lib/intake/names.h"
#include "lib/intake/ring.h"
#include "lib/store/store.h"
#include "tests/support/dataset.h"
#include "tests/support/home.h"

struct kill_case {
	char ring[16]; /* journal_ring */
	char point[40];
	int extra; /* durable, but the answer was not given: may be there */
};

static struct store *store;
static struct db_pool *pool;

static struct intake *open_intake(void)
{
	struct intake *intake;
	struct err err;

	cr_assert(store_open("file:store", &store, &err), "%s", err.text);
	cr_assert(db_pool_new("yq_storescp", "test", 2, &pool, &err), "%s", err.text);
	cr_assert(intake_open(store, pool, &intake, &err), "%s", err.text);
	return intake;
}

static void send_three(const char *point, int answers)
{
	struct intake *intake;
	struct err err;

	setenv("YQ_KILL_AT", point, 1);
	intake = open_intake();
	for (int i = 0; i < 3; i++) {
		char uids[3][TEXT_UID_SIZE];
		struct dataset dataset = dataset_sample(uids);
		struct intake_source source = {.origin = INTAKE_DEVICE,
		                               .site_public_id = "0a9a5f4e-77f2-4a27-8a3b-2f8d3a1c9b10",
		                               .calling_ae = "DR1",
		                               .sop_class_uid = dataset.sop_class,
		                               .sop_instance_uid = dataset.sop_instance,
		                               .transfer_syntax_uid = TEST_EXPLICIT};

		if (dataset_send(intake, &source, &dataset, &err) && write(answers, "a", 1) != 1)
			_exit(1);
	}
	_exit(0);
}

/* What the child acknowledged, told through a pipe. */
static int acknowledged_by_child(const char *point)
{
	int ends[2], count = 0, status;
	char one;
	pid_t child;

	cr_assert_eq(pipe(ends), 0);
	child = fork();
	if (child == 0) {
		close(ends[0]);
		send_three(point, ends[1]);
	}
	close(ends[1]);
	while (read(ends[0], &one, 1) == 1)
		count++;
	close(ends[0]);
	waitpid(child, &status, 0);
	cr_assert(WIFSIGNALED(status), "the child was not killed at %s", point);
	return count;
}

/* Keys that are anywhere in the journal; one that was on its way from one place to the next may stand in both. */
struct keys {
	char list[16][STORE_KEY_SIZE];
	int count;
};

static void note_key(struct keys *keys, const char *key)
{
	for (int i = 0; i < keys->count; i++)
		if (strcmp(keys->list[i], key) == 0)
			return;
	cr_assert_lt(keys->count, 16);
	memcpy(keys->list[keys->count++], key, STORE_KEY_SIZE);
}

static bool note_ringed(void *context, const struct ring_object *object, const struct intake_record *record,
                        struct err *err)
{
	(void)object;
	(void)err;
	note_key(context, record->key);
	return true;
}

static bool note_line(void *context, const struct index_line *line, struct err *err)
{
	(void)err;
	note_key(context, line->key);
	return true;
}

static int count_keys(void)
{
	const char *directory = home_path("journal/slot-0000");
	DIR *dir = opendir(directory);
	struct keys keys = {0};
	struct journal_name name;
	struct dirent *entry;
	struct err err;

	while (dir && (entry = readdir(dir)))
		if (journal_name_parse(entry->d_name, &name) && name.kind == JOURNAL_RECORD)
			note_key(&keys, name.key);
	closedir(dir);
	cr_assert(ring_look(directory, note_ringed, &keys, &err), "%s", err.text);
	cr_assert(index_log_look(directory, note_line, &keys, &err), "%s", err.text);
	return keys.count;
}

ParameterizedTestParameters(intake_kill, nothing_acknowledged_is_lost)
{
	static struct kill_case cases[] = {
	    {"16 MiB", "intake-after-begin:2", 0},      {"16 MiB", "intake-in-append:3", 0},
	    {"16 MiB", "intake-before-data-sync:2", 1}, {"16 MiB", "intake-after-data-sync:2", 1},
	    {"16 MiB", "intake-after-commit:2", 1},     {"0 B", "intake-after-begin:2", 0},
	    {"0 B", "intake-in-append:3", 0},           {"0 B", "intake-before-data-sync:2", 0},
	    {"0 B", "intake-after-data-sync:2", 0},     {"0 B", "intake-after-record-write:2", 1},
	    {"0 B", "intake-after-record-sync:2", 1},   {"0 B", "intake-after-commit:2", 1},
	};

	return cr_make_param_array(struct kill_case, cases, sizeof cases / sizeof cases[0]);
}

ParameterizedTest(struct kill_case *test, intake_kill, nothing_acknowledged_is_lost, .timeout = 60)
{
	int acknowledged, found;

	home_make(NULL);
	home_set("YQ_JOURNAL_RING", test->ring);
	acknowledged = acknowledged_by_child(test->point);
	intake_close(open_intake(), 0);
	db_pool_free(pool);
	store_close(store);
	found = count_keys();
	cr_expect(found >= acknowledged && found <= acknowledged + test->extra,
	          "%s, ring of %s: %d acknowledged, %d found", test->point, test->ring, acknowledged, found);
	cr_expect_eq(home_count("journal/slot-0000", ".part"), home_count("journal/slot-0000", ".rec"),
	             "%s: a half object is left", test->point);
	home_remove();
}
