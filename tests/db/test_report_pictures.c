/* The pictures of key images: how long may go by while they are drawn. */
#include <criterion/criterion.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/inotify.h>
#include <time.h>
#include <unistd.h>

#include "lib/base/clock.h"
#include "lib/base/conf.h"
#include "lib/domain/report_pictures.h"
#include "lib/store/store.h"
#include "tests/db/report_world.h"

enum { IMAGES = 3 };

TestSuite(db_report_pictures, .timeout = 60);

/* Objects that hold no image: each is read, and found to be none. */
static void mark_images(struct world *world, char keys[IMAGES][STORE_KEY_SIZE])
{
	char uid[TEXT_UID_SIZE], sql[2000];
	struct err err;

	for (int i = 0; i < IMAGES; i++) {
		text_uid_new(uid);
		store_key_new(keys[i]);
		cr_assert(store_put_bytes(world->desk.store, keys[i], "no image", 8, &err), "%s", err.text);
		snprintf(sql, sizeof sql,
		         "WITH i AS (INSERT INTO instance (site_id, series_id, origin, sop_class_uid, sop_instance_uid,"
		         " transfer_syntax_uid, object_key, size_bytes, header_bytes, sha256, arrived_at, number)"
		         " SELECT r.site_id, r.series_id, 'device', '1.2.840.10008.5.1.4.1.1.2', '%s',"
		         " '1.2.840.10008.1.2.1', '%s', 8, 0, sha256('%s'), yq_now(), %d FROM series r JOIN study s"
		         " USING (study_id) WHERE s.public_id = $study RETURNING instance_id)"
		         " INSERT INTO key_image (study_id, site_id, instance_id, frame, task_id, person_id)"
		         " SELECT t.study_id, t.site_id, i.instance_id, 1, t.task_id, p.person_id"
		         " FROM i, reading_task t, person p WHERE t.public_id = $task AND p.public_id = $author",
		         uid, keys[i], keys[i], i + 1);
		world_run(world, sql);
	}
}

/* The clock goes on by this much when the first object is opened. */
struct slow_reading {
	int watch;
	int64_t takes_ms, passed_ms;
};

static int64_t now_ms(void *context)
{
	struct slow_reading *slow = context;
	char events[4096];
	struct timespec now;

	if (read(slow->watch, events, sizeof events) > 0)
		slow->passed_ms += slow->takes_ms;
	clock_gettime(CLOCK_MONOTONIC, &now);
	return now.tv_sec * 1000 + now.tv_nsec / 1000000 + slow->passed_ms;
}

static void watch_opening(struct slow_reading *slow, const char *key)
{
	char path[PATH_MAX];
	struct err err;

	slow->watch = inotify_init1(IN_NONBLOCK | IN_CLOEXEC);
	cr_assert_geq(slow->watch, 0);
	cr_assert(conf_path(path, sizeof path, &err, "store/%.2s/%.2s/%s", key, key + 2, key));
	cr_assert_geq(inotify_add_watch(slow->watch, path, IN_OPEN), 0, "there is no %s", path);
}

Test(db_report_pictures, after_eight_seconds_the_others_are_left_out_and_say_so)
{
	static const struct {
		int64_t takes_ms;
		const char *others;
	} cases[] = {{7000, "unshown"}, {9000, "late"}};
	struct world *world = world_new();
	char keys[IMAGES][STORE_KEY_SIZE];

	mark_images(world, keys);
	for (size_t c = 0; c < sizeof cases / sizeof cases[0]; c++) {
		struct slow_reading slow = {.takes_ms = cases[c].takes_ms};
		const struct clock_source clock = {.monotonic_ms = now_ms, .context = &slow};
		struct report_pictures pictures = {NULL, 0};
		struct err err;
		bool ok;

		watch_opening(&slow, keys[0]);
		clock_replace(&clock);
		ok = report_pictures_make(world->pool, world->desk.store, world->author, world->task, &pictures, &err);
		clock_replace(NULL);
		close(slow.watch);
		cr_assert(ok, "%s", err.text);
		cr_assert_eq(slow.passed_ms, cases[c].takes_ms, "the first one was not read");
		cr_assert_eq(pictures.count, IMAGES);
		for (int i = 0; i < IMAGES; i++)
			cr_expect_str_eq(pictures.list[i].why, i == 0 ? "unshown" : cases[c].others,
			                 "%lld ms, image %d: %s", (long long)cases[c].takes_ms, i + 1,
			                 pictures.list[i].why);
		report_pictures_fini(&pictures);
	}
	world_free(world);
}
