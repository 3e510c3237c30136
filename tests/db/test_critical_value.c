/* Critical values, against a ledger. */
#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

#include "lib/db/db.h"
#include "lib/domain/critical_value.h"
#include "tests/db/county.h"

static struct county *county;
static char id[TEXT_UUID_SIZE], clinician[TEXT_UUID_SIZE];

static void setup(void)
{
	struct err err;

	ledger_setup();
	county = county_new();
	county_add_person(county, "clinician", county->site, county->site, clinician);
	county_add_study(county, "CT", "1 min");
	cr_assert(critical_value_raise(county->gateway, county->author, county->study, "颅内出血", id, &err), "%s",
	          err.text);
}

static void teardown(void)
{
	county_free(county);
}

TestSuite(critical_value, .init = setup, .fini = teardown, .timeout = 120);

static void expect_kind(bool ok, const struct err *err, enum err_kind want, const char *what)
{
	cr_expect_not(ok, "%s: it worked", what);
	if (!ok)
		cr_expect_eq(err->kind, want, "%s: got %s (%s)", what, err_kind_info(err->kind)->name, err->text);
}

static void expect_events(const char *want, const char *what)
{
	char sql[300];

	snprintf(sql, sizeof sql,
	         "SELECT string_agg(replace(kind, 'critical_value.', ''), ' ' ORDER BY event_id) FROM event"
	         " WHERE subject_id = '%s'",
	         id);
	county_expect(county, sql, want, what);
}

static bool expire_work(struct db *db, void *context, struct err *err)
{
	return critical_value_expire(db, 100, context, err);
}

static void expire(void)
{
	struct err err;
	int count;

	cr_assert(db_transact(county->router, NULL, expire_work, &count, &err), "%s", err.text);
}

static void set(const char *columns)
{
	char sql[400];

	snprintf(sql, sizeof sql, "UPDATE critical_value SET %s WHERE public_id = '%s'", columns, id);
	county_run(county, sql);
}

Test(critical_value, every_step_from_raised_to_closed)
{
	struct err err;

	cr_assert(critical_value_notify(county->gateway, county->author, id, "李技师", false, &err), "%s", err.text);
	cr_assert(critical_value_read_back(county->gateway, county->radiographer, id, "颅内出血", "陈医生", &err), "%s",
	          err.text);
	cr_assert(critical_value_handle(county->gateway, clinician, id, "转院", &err), "%s", err.text);
	cr_assert(critical_value_close(county->gateway, clinician, id, &err), "%s", err.text);
	expect_events("raise notify read_back handle close", "events");
	county_expect(
	    county,
	    "SELECT concat_ws(' ', v.state, physician_name, physician_id IS NULL, closed_at IS NOT NULL) FROM "
	    "critical_value v"
	    " JOIN study s USING (study_id) WHERE s.public_id = $study",
	    "closed 陈医生 t t", "a radiographer noted the physician");
}

Test(critical_value, no_step_is_left_out)
{
	struct err err;

	expect_kind(critical_value_handle(county->gateway, clinician, id, "转院", &err), &err, ERR_CONFLICT,
	            "handled first");
	expect_kind(critical_value_close(county->gateway, clinician, id, &err), &err, ERR_CONFLICT, "closed first");
	cr_assert(critical_value_read_back(county->gateway, clinician, id, "颅内出血", "陈医生", &err), "%s", err.text);
	expect_kind(critical_value_close(county->gateway, clinician, id, &err), &err, ERR_CONFLICT, "closed unhandled");
	expect_kind(critical_value_notify(county->gateway, county->author, id, "x", true, &err), &err, ERR_CONFLICT,
	            "told afterwards");
	county_expect(
	    county,
	    "SELECT concat_ws(' ', v.state, v.physician_id IS NOT NULL, k.contact, k.is_physician, k.confirmed_at IS "
	    "NOT NULL)"
	    " FROM critical_value v JOIN critical_contact k USING (critical_value_id) JOIN study s USING (study_id)"
	    " WHERE s.public_id = $study",
	    "read_back t 陈医生 t t", "who reads it back was told by that");
}

Test(critical_value, who_may)
{
	char other[TEXT_UUID_SIZE];
	struct err err;

	expect_kind(critical_value_raise(county->gateway, clinician, county->study, "x", other, &err), &err,
	            ERR_REFUSED, "a clinician raises");
	expect_kind(critical_value_raise(county->gateway, county->author, county->study, "  ", other, &err), &err,
	            ERR_INVALID, "of nothing");
	expect_kind(critical_value_read_back(county->gateway, county->radiographer, id, "x", NULL, &err), &err,
	            ERR_INVALID, "without physician");
	cr_assert(critical_value_read_back(county->gateway, county->radiographer, id, "x", "陈医生", &err), "%s",
	          err.text);
	expect_kind(critical_value_handle(county->gateway, county->author, id, "x", &err), &err, ERR_REFUSED,
	            "the lead hospital handles");
	expect_kind(critical_value_close(county->gateway, county->author, "x", &err), &err, ERR_NOT_FOUND, "nonsense");
}

Test(critical_value, what_nobody_confirms_is_said_once_and_again_for_the_next_contact)
{
	struct err err;

	expire();
	expect_events("raise", "there is time");
	set("confirm_by = yq_now() - interval '1 minute'");
	expire();
	expire();
	expect_events("raise overdue", "once");
	cr_assert(critical_value_notify(county->gateway, county->author, id, "李技师", false, &err), "%s", err.text);
	cr_assert(critical_value_notify(county->gateway, county->author, id, "总值班", false, &err), "%s", err.text);
	expire();
	expect_events("raise overdue notify escalate", "the next contact has time");
	set("overdue_at = yq_now() - interval '30 minutes'");
	county_run(county,
	           "UPDATE critical_contact k SET told_at = yq_now() - interval '20 minutes' FROM critical_value v"
	           " JOIN study s USING (study_id) WHERE s.public_id = $study"
	           " AND k.critical_value_id = v.critical_value_id");
	expire();
	expire();
	expect_events("raise overdue notify escalate overdue", "he was silent, too");
	cr_assert(critical_value_read_back(county->gateway, clinician, id, "颅内出血", "陈医生", &err), "%s", err.text);
	set("overdue_at = NULL");
	expire();
	expect_events("raise overdue notify escalate overdue read_back", "the clock has stopped");
}
