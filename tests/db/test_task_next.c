/* 下一例: which task comes next, and to whom when many ask at once. */
#include <criterion/criterion.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>

#include "lib/domain/task_step.h"
#include "tests/db/county.h"

static struct county *county;

static void qualify(const char *person, const char *kind, const char *modality)
{
	char sql[600];

	snprintf(sql, sizeof(sql),
	         "INSERT INTO qualification (person_id, kind, modality, scope_id, valid)"
	         " SELECT p.person_id, '%s', nullif('%s', ''), s.scope_id, daterange('2020-01-01', '2099-01-01')"
	         " FROM person p, scope s WHERE p.public_id = '%s' AND s.public_id = $community",
	         kind, modality, person);
	county_run(county, sql);
}

static void setup(void)
{
	ledger_setup();
	county = county_new();
	qualify(county->author, "write", "");
	qualify(county->reviewer, "write", "");
	qualify(county->reviewer, "review", "");
}

static void teardown(void)
{
	county_free(county);
}

TestSuite(task_next, .init = setup, .fini = teardown, .timeout = 120);

static void add_task(const char *patient_class, const char *due, char out_id[TEXT_UUID_SIZE])
{
	char sql[300];

	county_add_task(county);
	snprintf(sql, sizeof(sql),
	         "UPDATE reading_task SET patient_class = '%s', due_at = yq_now() + interval '%s' WHERE public_id = "
	         "$task",
	         patient_class, due);
	county_run(county, sql);
	if (out_id)
		text_copy(out_id, TEXT_UUID_SIZE, county->task);
}

static struct task_lease take_next(const char *person, const struct task_wish *wish, const char *want, const char *what)
{
	struct task_lease lease = {0};
	char task[TEXT_UUID_SIZE];
	struct err err;

	cr_assert(task_take_next(county->gateway, person, wish, task, &lease, &err), "%s: %s", what, err.text);
	cr_expect_str_eq(task, want, "%s: got \"%s\", want \"%s\"", what, task, want);
	return lease;
}

static const struct task_wish to_write = {.work = TASK_WORK_WRITE}, to_review = {.work = TASK_WORK_REVIEW};

static void give_back(const char *person, const char *task, const struct task_lease *lease)
{
	struct task_claim claim = {person, task, lease->token};
	struct err err;

	cr_assert(task_release(county->gateway, &claim, &err), "%s", err.text);
}

static bool submit_work(struct db *db, void *context, struct err *err)
{
	struct task_facts facts;

	return task_lock_claim(db, context, &facts, err) &&
	       task_step(db, &facts, TASK_EVENT_SUBMIT, facts.holder_id, NULL, NULL, err);
}

static void submit(const char *person, const char *task, const struct task_lease *lease)
{
	struct task_claim claim = {person, task, lease->token};
	struct err err;

	cr_assert(db_transact(county->gateway, person, submit_work, &claim, &err), "%s", err.text);
}

Test(task_next, class_goes_before_due_time)
{
	char check[TEXT_UUID_SIZE], late[TEXT_UUID_SIZE], soon[TEXT_UUID_SIZE], emergency[TEXT_UUID_SIZE];

	add_task("health_check", "1 minute", check);
	add_task("inpatient", "3 hours", late);
	add_task("outpatient", "1 hour", soon);
	add_task("emergency", "5 hours", emergency);
	take_next(county->author, &to_write, emergency, "first");
	take_next(county->author, &to_write, soon, "second");
	take_next(county->author, &to_write, late, "third");
	take_next(county->author, &to_write, check, "fourth");
	take_next(county->author, &to_write, "", "nothing is left");
}

Test(task_next, what_was_begun_comes_first_inside_its_class)
{
	char begun[TEXT_UUID_SIZE], soon[TEXT_UUID_SIZE], emergency[TEXT_UUID_SIZE];
	struct task_lease lease;

	add_task("outpatient", "9 hours", begun);
	lease = take_next(county->author, &to_write, begun, "the only one");
	give_back(county->author, begun, &lease);
	add_task("outpatient", "1 hour", soon);
	add_task("emergency", "9 hours", emergency);
	take_next(county->author, &to_write, emergency, "an emergency goes before all");
	take_next(county->reviewer, &to_write, soon, "for somebody else the due time counts");
	take_next(county->author, &to_write, begun, "the own draft");
}

Test(task_next, takes_what_was_wished)
{
	char other[TEXT_UUID_SIZE], check[TEXT_UUID_SIZE];
	struct task_wish wish = {.work = TASK_WORK_WRITE, .patient_class = "health_check"};

	add_task("outpatient", "1 hour", other);
	add_task("health_check", "1 hour", check);
	take_next(county->author, &wish, check, "by class");
	take_next(county->author, &wish, "", "no other of this class");
	wish = (struct task_wish){.work = TASK_WORK_WRITE, .modality = "MR"};
	take_next(county->author, &wish, "", "no such modality");
	wish = (struct task_wish){.work = TASK_WORK_WRITE, .queue_id = county->site};
	take_next(county->author, &wish, "", "no such queue");
	wish = (struct task_wish){.work = TASK_WORK_WRITE, .modality = "DR", .queue_id = county->queue};
	take_next(county->author, &wish, other, "by modality and queue");
}

Test(task_next, nobody_reviews_an_own_report_where_two_persons_are_wanted)
{
	char task[TEXT_UUID_SIZE];
	struct task_lease lease;

	add_task("outpatient", "1 hour", task);
	lease = take_next(county->reviewer, &to_write, task, "a reviewer writes, too");
	submit(county->reviewer, task, &lease);
	take_next(county->reviewer, &to_review, "", "the own report");
	take_next(county->author, &to_review, "", "a reporter reviews nothing");
	county_add_person(county, "reviewer", county->community, county->lead, county->radiographer);
	take_next(county->radiographer, &to_review, "", "a reviewer without qualification");
	qualify(county->radiographer, "review", "CT");
	take_next(county->radiographer, &to_review, "", "a reviewer of another modality");
	qualify(county->radiographer, "review", "DR");
	take_next(county->radiographer, &to_review, task, "another reviewer");
}

Test(task_next, what_cannot_be_taken_is_not_offered)
{
	char other[TEXT_UUID_SIZE];

	add_task("outpatient", "1 hour", NULL);
	county_run(county, "ALTER TABLE study DISABLE TRIGGER USER");
	county_run(county, "UPDATE study SET state = 'receiving' WHERE public_id = $study");
	county_run(county, "ALTER TABLE study ENABLE TRIGGER USER");
	take_next(county->author, &to_write, "", "images are still arriving");
	add_task("outpatient", "2 hours", other);
	take_next(county->author, &to_write, other, "the one behind it");
	take_next(county->duty, &to_write, "", "a duty leader does not write");
}

/* ---- many at once ------------------------------------------------------------------------------------------------------------- */

enum { TASKS = 30, ASKERS = 50 };

struct asker {
	pthread_barrier_t *start;
	const char *person;
	bool ok;
	char task[TEXT_UUID_SIZE];
	struct err err;
};

static void *run_asker(void *context)
{
	struct asker *asker = context;
	struct task_lease lease;

	pthread_barrier_wait(asker->start);
	asker->ok = task_take_next(county->gateway, asker->person, &to_write, asker->task, &lease, &asker->err);
	return NULL;
}

static int count_same(const struct asker *askers, int of)
{
	int same = 0;

	for (int i = 0; i < ASKERS; i++)
		same += strcmp(askers[i].task, askers[of].task) == 0;
	return same;
}

Test(task_next, fifty_who_ask_at_once_get_thirty_different_ones)
{
	static struct asker askers[ASKERS];
	pthread_t threads[ASKERS];
	pthread_barrier_t start;
	int given = 0;

	for (int i = 0; i < TASKS; i++)
		add_task("outpatient", "1 hour", NULL);
	pthread_barrier_init(&start, NULL, ASKERS);
	for (int i = 0; i < ASKERS; i++) {
		askers[i].start = &start;
		askers[i].person = i % 2 ? county->author : county->reviewer;
		cr_assert_eq(pthread_create(&threads[i], NULL, run_asker, &askers[i]), 0);
	}
	for (int i = 0; i < ASKERS; i++)
		pthread_join(threads[i], NULL);
	for (int i = 0; i < ASKERS; i++) {
		cr_expect(askers[i].ok, "an error: %s", askers[i].err.text);
		if (!askers[i].task[0])
			continue;
		given++;
		cr_expect_eq(count_same(askers, i), 1, "two got the same");
	}
	cr_expect_eq(given, TASKS, "got %d of %d", given, TASKS);
	county_expect(county,
	              "SELECT count(*) FROM reading_task t JOIN reading_queue q USING (queue_id)"
	              " WHERE q.public_id = $queue AND t.state = 'writing'",
	              "30", "every task is held");
	pthread_barrier_destroy(&start);
}
