/*
 * A small world for reports: a lead hospital, a township site, doctors with passwords and keys, one study in the queue. Each call makes
 * new rows under names of its own. SQL stands here since it is made behind the back of the library.
 */
#ifndef TESTS_DB_REPORT_WORLD_H
#define TESTS_DB_REPORT_WORLD_H

#include "lib/domain/report.h"
#include "lib/domain/task.h"
#include "tests/db/ledger.h"

#define WORLD_PASSWORD "correct horse battery 电池"

struct world_object {
	char sop_instance_uid[TEXT_UID_SIZE], sop_class_uid[TEXT_UID_SIZE], patient_name[400];
};

struct world {
	PGconn *owner;
	struct db_pool *pool; /* yq_gateway */
	struct report_desk desk;
	char lead[TEXT_UUID_SIZE], site[TEXT_UUID_SIZE], study[TEXT_UUID_SIZE], task[TEXT_UUID_SIZE],
	    queue[TEXT_UUID_SIZE];
	char author[TEXT_UUID_SIZE], reviewer[TEXT_UUID_SIZE],
	    stranger[TEXT_UUID_SIZE]; /* the last one has rights, but no qualification */
	/* The sink: what came in, and how many calls still fail. */
	struct world_object objects[8];
	int object_count, sink_failures;
};

struct world *world_new(void);
void world_free(struct world *world);

/* Runs SQL with the world's ids: $lead $site $study $task $author $reviewer $stranger are replaced by quoted public ids. */
void world_run(struct world *world, const char *sql);
const char *world_value(struct world *world, const char *sql);
/* As world_run(), and the database must refuse with a message that holds `why`. */
void world_refused(struct world *world, const char *sql, const char *why);

/* The steps, as a person would do them; each fails the test when it is refused. */
struct task_lease world_take(struct world *world, const char *person);
struct task_lease world_take_review(struct world *world, const char *person);
int world_draft(struct world *world, const char *person, const char *token, int seen, const char *impression);
void world_submit(struct world *world, const char *impression); /* take, write and submit by the author */

#endif
