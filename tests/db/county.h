/*
 * A small county for tests of the reading room: a community with one grid, a lead hospital and a township site, people with rights, a
 * queue with a two-signature policy and a routing rule for this community alone. Each call makes new rows under names of its own, so that
 * tests do not see one another. SQL stands here since it is made behind the back of the library.
 */
#ifndef TESTS_DB_COUNTY_H
#define TESTS_DB_COUNTY_H

#include "lib/base/text.h"
#include "tests/db/ledger.h"

struct county {
	PGconn *owner;
	struct db_pool *gateway, *router;
	char community[TEXT_UUID_SIZE], grid[TEXT_UUID_SIZE], lead[TEXT_UUID_SIZE], site[TEXT_UUID_SIZE],
	    queue[TEXT_UUID_SIZE];
	char author[TEXT_UUID_SIZE], reviewer[TEXT_UUID_SIZE],
	    duty[TEXT_UUID_SIZE];          /* of the lead hospital, rights in the community */
	char radiographer[TEXT_UUID_SIZE]; /* of the site, rights there */
	char device[TEXT_UUID_SIZE];
	char study[TEXT_UUID_SIZE], task[TEXT_UUID_SIZE]; /* for $study and $task; the test sets them */
};

struct county *county_new(void);
void county_free(struct county *county);

/* Runs SQL with $community $grid $lead $site $queue $author $reviewer $duty $radiographer $device $study $task replaced by quoted ids. */
void county_run(struct county *county, const char *sql);
/* The first value; static storage. */
const char *county_value(struct county *county, const char *sql);
void county_expect(struct county *county, const char *sql, const char *want, const char *what);

/* A site of the grid that counts as a township health centre; its public id. */
void county_add_site(struct county *county, const char *name, bool has_equipment, char out_id[TEXT_UUID_SIZE]);
/* A person with one role at a scope, seated at a site. */
void county_add_person(struct county *county, const char *role, const char *scope_id, const char *seat_id,
                       char out_id[TEXT_UUID_SIZE]);
/* A study with one image and its signal, as intake leaves it; sets county->study. age: how long ago the image came, e.g. "1 min". */
void county_add_study(struct county *county, const char *modality, const char *age);
/* Another image of the study, just now, with its signal. */
void county_add_image(struct county *county);
/* An object of the study in the ledger, without bytes; origin: "device" or "own". */
void county_add_object(struct county *county, const char *origin);
/* Lets the router's part work until it finds nothing more. */
void county_settle(struct county *county);
/* A complete study with a task awaiting; sets county->study and county->task. */
void county_add_task(struct county *county);
/*
 * A report of county->task, issued some time ago (e.g. "1 hour"), with its two objects in the study where has_objects; its public id. How it
 * came to be issued is not the matter of who uses this.
 */
void county_add_report(struct county *county, const char *age, bool has_objects, char out_id[TEXT_UUID_SIZE]);

#endif
