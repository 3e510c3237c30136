/* Studies that go to destinations of images: once, whole, with what comes later, never back, and with a word about what was corrected. */
#include <criterion/criterion.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>

#include "lib/base/conf.h"
#include "lib/db/db.h"
#include "lib/domain/delivery_forward.h"
#include "lib/domain/delivery_hand.h"
#include "tests/db/county.h"

static struct county *county;
static char destination[TEXT_UUID_SIZE];

static void add_destination(const char *ae_title, const char *host, char out[TEXT_UUID_SIZE])
{
	static int port = 30000;
	char sql[400];

	snprintf(sql, sizeof(sql),
	         "INSERT INTO destination (site_id, ae_title, host, port, wants_images)"
	         " SELECT scope_id, '%s', '%s', %d, true FROM scope WHERE public_id = $site RETURNING public_id",
	         ae_title, host, port++);
	text_copy(out, TEXT_UUID_SIZE, county_value(county, sql));
}

static void setup(void)
{
	ledger_setup();
	county = county_new();
	county_add_study(county, "DR", "1 day");
	add_destination("PACS", "127.0.0.1", destination);
}

static void teardown(void)
{
	county_free(county);
}

TestSuite(delivery_forward, .init = setup, .fini = teardown, .timeout = 120);

struct forward {
	const char *const *destinations;
	size_t count;
	int rank;
};

static bool forward_work(struct db *db, void *context, struct err *err)
{
	const struct forward *forward = context;

	return delivery_forward_study(db, county->study, forward->destinations, forward->count, forward->rank, 7, err);
}

static void forward_to(const char *one)
{
	struct forward forward = {&one, 1, 1};
	struct err err;

	cr_assert(db_transact(county->router, NULL, forward_work, &forward, &err), "%s", err.text);
}

static void expect(const char *select, const char *want, const char *what)
{
	char sql[700];

	snprintf(sql, sizeof(sql), "SELECT %s FROM delivery d JOIN study s USING (study_id) WHERE s.public_id = $study",
	         select);
	county_expect(county, sql, want, what);
}

static const char items[] =
    "string_agg((SELECT count(*)::text FROM delivery_item i WHERE i.delivery_id = d.delivery_id), ',' "
    "ORDER BY d.delivery_id)";

Test(delivery_forward, once_to_each_destination_with_what_was_received)
{
	char second[TEXT_UUID_SIZE];
	const char *both[2] = {destination, second};
	struct forward forward = {both, 2, 1};
	struct err err;

	add_destination("PACS", "127.0.0.1", second);
	county_add_object(county, "own");
	county_add_object(county, "device");
	cr_assert(db_transact(county->router, NULL, forward_work, &forward, &err), "%s", err.text);
	cr_assert(db_transact(county->router, NULL, forward_work, &forward, &err), "%s", err.text);
	expect(items, "2,2", "two received objects each, no report, nothing twice");
	expect("string_agg(concat_ws(' ', d.purpose, d.state, d.rank, d.rule_id, d.study_version, d.deadline_at - "
	       "d.created_at), ',')",
	       "forward pending 1 7 1 30 days,forward pending 1 7 1 30 days", "what they say");
	expect("(SELECT string_agg(a.action || ' ' || (a.detail->>'rule'), ',') FROM audit a WHERE a.subject = "
	       "min(d.public_id::text))",
	       "delivery.create 7", "audited");
}

Test(delivery_forward, with_what_came_later_and_nothing_again)
{
	forward_to(destination);
	county_run(county, "UPDATE delivery_item i SET state = 'confirmed', confirmed_at = yq_now() FROM delivery d "
	                   "JOIN study s USING (study_id)"
	                   " WHERE i.delivery_id = d.delivery_id AND s.public_id = $study");
	county_add_object(county, "device");
	county_run(county, "UPDATE study SET version = version + 1 WHERE public_id = $study");
	forward_to(destination);
	expect(items, "1,1", "the new one alone");
	expect("string_agg(d.study_version::text, ',' ORDER BY d.delivery_id)", "1,2", "versions");
}

Test(delivery_forward, a_study_that_is_complete_again_goes_by_itself_to_where_it_went)
{
	county_settle(county);
	forward_to(destination);
	county_add_object(county, "device");
	county_add_image(county);
	county_run(county, "UPDATE study SET last_arrival_at = yq_now() - interval '1 day' WHERE public_id = $study");
	county_settle(county);
	county_expect(county, "SELECT state || ' ' || version FROM study WHERE public_id = $study", "complete 2",
	              "the study");
	expect(items, "1,1", "the late image");
	expect("string_agg(concat_ws(' ', d.rank, d.rule_id), ',' ORDER BY d.delivery_id)", "1 7,1 7",
	       "as urgent as before");
}

Test(delivery_forward, cancelled_by_hand_it_may_be_asked_for_anew)
{
	forward_to(destination);
	county_add_object(county, "device");
	forward_to(destination);
	county_run(county, "UPDATE delivery_item i SET state = 'confirmed', confirmed_at = yq_now() FROM delivery d "
	                   "JOIN study s USING (study_id)"
	                   " WHERE i.delivery_id = d.delivery_id AND s.public_id = $study"
	                   " AND d.delivery_id = (SELECT max(delivery_id) FROM delivery WHERE study_id = s.study_id)");
	county_run(county, "UPDATE delivery d SET state = 'cancelled' FROM study s WHERE s.study_id = d.study_id AND "
	                   "s.public_id = $study");
	forward_to(destination);
	expect(items, "1,1,1", "what is there does not go again");
}

Test(delivery_forward, never_back_to_where_it_came_from)
{
	static const struct {
		const char *address, *host, *want;
	} cases[] = {{"NULL", "10.1.2.3", "0"},
	             {"'10.1.0.0/16'", "10.1.2.3", "0"},
	             {"'10.1.0.0/16'", "10.2.2.3", "1"},
	             {"'10.1.0.0/16'", "pacs.example", "0"},
	             {"'10.1.0.0/16'", "999.1.1.1", "0"}};
	char sql[300], ae_title[40], id[TEXT_UUID_SIZE];
	size_t i;

	text_copy(ae_title, sizeof(ae_title),
	          county_value(county, "SELECT calling_ae FROM device WHERE public_id = $device"));
	for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		snprintf(sql, sizeof(sql), "UPDATE device SET address = %s WHERE public_id = $device",
		         cases[i].address);
		county_run(county, sql);
		add_destination(ae_title, cases[i].host, id);
		forward_to(id);
		snprintf(sql, sizeof(sql),
		         "SELECT count(*) FROM delivery d JOIN destination x USING (destination_id) WHERE x.public_id "
		         "= '%s'",
		         id);
		county_expect(county, sql, cases[i].want, cases[i].host);
	}
}

Test(delivery_forward, not_to_what_takes_no_objects_or_is_off)
{
	county_run(county, "UPDATE destination SET is_enabled = false WHERE ae_title = 'PACS'");
	forward_to(destination);
	expect("count(*)", "0", "off");
}

static void *run_forward(void *context)
{
	(void)context;
	forward_to(destination);
	return NULL;
}

Test(delivery_forward, of_two_at_once_one_makes_it)
{
	pthread_t threads[6];
	int i;

	for (i = 0; i < 6; i++)
		cr_assert_eq(pthread_create(&threads[i], NULL, run_forward, NULL), 0);
	for (i = 0; i < 6; i++)
		pthread_join(threads[i], NULL);
	expect(items, "1", "one delivery");
}

Test(delivery_forward, hostile_values_are_refused)
{
	static const char *const bad[] = {"'; DROP TABLE delivery", "00000000-0000-4000-8000-000000000000"};
	struct forward forward = {bad, 1, 1};
	struct err err;

	cr_expect_not(db_transact(county->router, NULL, forward_work, &forward, &err));
	cr_expect_eq(err.kind, ERR_INVALID, "%s", err.text);
	forward = (struct forward){bad + 1, 1, 4};
	cr_expect_not(db_transact(county->router, NULL, forward_work, &forward, &err));
	cr_expect_eq(err.kind, ERR_INVALID, "%s", err.text);
	forward = (struct forward){bad + 1, 1, 3};
	cr_expect(db_transact(county->router, NULL, forward_work, &forward, &err),
	          "a destination that is gone gets nothing");
	expect("count(*)", "0", "nothing");
}

/* ---- corrected -------------------------------------------------------------------------------------------------------------------- */

static void correct(const char *kind)
{
	char sql[600];

	snprintf(sql, sizeof(sql),
	         "WITH k AS (INSERT INTO correction (site_id, study_id, kind, reason, before, after, operator)"
	         "   SELECT site_id, study_id, '%s', '写错', '{}', '{}', 'test' FROM study WHERE public_id = $study "
	         "RETURNING *)"
	         " INSERT INTO correction_study (correction_id, study_id, site_id, role) SELECT correction_id, "
	         "study_id, site_id, 'from' FROM k"
	         " WHERE kind NOT IN ('match', 'edit_patient')",
	         kind);
	county_run(county, sql);
}

Test(delivery_forward, a_correction_that_the_receiver_does_not_know_of_is_noted)
{
	char second[TEXT_UUID_SIZE];

	forward_to(destination);
	correct("match");
	expect("count(d.corrected_at)", "0", "a match says nothing against the images");
	correct("edit_patient");
	expect("max(d.correction)", "edit_patient", "on its way");
	correct("move_images");
	expect("max(d.correction)", "move_images", "the last one");
	add_destination("PACS", "127.0.0.1", second);
	forward_to(second);
	expect("count(d.corrected_at)", "2", "what goes afterwards says what the device said, as well");
	county_run(
	    county,
	    "WITH k AS (INSERT INTO correction (site_id, study_id, kind, reason, before, after, operator, undoes_id)"
	    "   SELECT site_id, study_id, kind, '又错', '{}', '{}', 'test', correction_id FROM correction"
	    "   WHERE kind IN ('edit_patient', 'move_images') AND study_id = (SELECT study_id FROM study WHERE "
	    "public_id = $study)"
	    "   RETURNING *)"
	    " INSERT INTO correction_study (correction_id, study_id, site_id, role) SELECT correction_id, study_id, "
	    "site_id, 'from'"
	    " FROM k WHERE kind <> 'edit_patient'");
	expect("count(d.corrected_at)", "0", "taken back");
}
