#include <criterion/criterion.h>
#include <libpq-fe.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>

#include "lib/domain/destination.h"
#include "lib/domain/device.h"
#include "tests/db/ledger.h"

static struct db_pool *pool;
static struct db *db;
static PGconn *owner;
static struct site site;
static char ae[17];

static void setup(void)
{
	char name[40], sql[600];
	struct err err;

	ledger_setup();
	owner = ledger_connect("yq_owner");
	pool = ledger_pool("yq_operator", 1);
	cr_assert(db_take(pool, &db, &err), "%s", err.text);
	ledger_name(name);
	name[20] = '\0';
	snprintf(ae, sizeof(ae), "%.16s", name + 4);
	snprintf(sql, sizeof(sql),
	         "WITH s AS (INSERT INTO scope (kind, name) VALUES ('site', 'site %s') RETURNING scope_id) INSERT INTO "
	         "site (site_id, code, "
	         "licensed_type, counts_as_township_health_centre) SELECT scope_id, '%s', 'hospital', false FROM s",
	         name, name);
	ledger_run(owner, sql);
	cr_assert(site_find(db, name, &site, &err), "%s", err.text);
}

static void teardown(void)
{
	db_give(db);
	db_pool_free(pool);
	PQfinish(owner);
}

TestSuite(device, .init = setup, .fini = teardown, .timeout = 60);

static bool add(const char *called, const char *address, int port, char id[TEXT_UUID_SIZE], struct err *err)
{
	struct device_new device = {
	    .site = &site, .calling_ae = ae, .called_ae = called, .address = address, .local_port = port};

	return device_add(db, &device, id, err);
}

Test(device, ten_of_one_title_are_told_apart)
{
	char id[TEXT_UUID_SIZE];
	struct err err;

	cr_assert(add(NULL, NULL, 0, id, &err), "%s", err.text);
	cr_assert(add("OTHER", NULL, 0, id, &err), "%s", err.text);
	cr_assert(add(NULL, "10.0.0.0/8", 0, id, &err), "%s", err.text);
	cr_assert(add(NULL, "10.0.0.1", 0, id, &err), "%s", err.text);
	cr_assert(add(NULL, "10.0.0.1", 104, id, &err), "%s", err.text);
	cr_expect_not(add(NULL, "10.0.0.1", 104, id, &err));
	cr_expect_eq(err.kind, ERR_CONFLICT);
	cr_expect(strstr(err.text, id) && strstr(err.text, site.code), "the text names device and site; got '%s'",
	          err.text);
}

Test(device, its_site_is_enrolled_once)
{
	char id[TEXT_UUID_SIZE], sql[200];
	struct err err;

	snprintf(sql, sizeof(sql), "SELECT count(*) FROM site_enrolment WHERE site_id = %lld AND valid @> yq_now()",
	         (long long)site.site_id);
	cr_expect_str_eq(ledger_value(owner, sql), "0");
	cr_assert(add(NULL, NULL, 0, id, &err), "%s", err.text);
	cr_assert(add("B", NULL, 0, id, &err), "%s", err.text);
	cr_expect_str_eq(ledger_value(owner, sql), "1");
}

Test(device, receivers_are_told_at_once)
{
	char id[TEXT_UUID_SIZE];
	PGconn *listener = ledger_connect("yq_storescp");
	struct pollfd readable = {.fd = PQsocket(listener), .events = POLLIN};
	PGnotify *hint;
	struct err err;

	ledger_run(listener, "LISTEN yq_device");
	cr_assert(add(NULL, NULL, 0, id, &err), "%s", err.text);
	cr_assert_eq(poll(&readable, 1, 30000), 1);
	cr_assert(PQconsumeInput(listener));
	hint = PQnotifies(listener);
	cr_assert_not_null(hint);
	cr_expect_str_eq(hint->relname, "yq_device");
	PQfreemem(hint);
	PQfinish(listener);
}

Test(device, a_disabled_one_makes_room)
{
	char first[TEXT_UUID_SIZE], second[TEXT_UUID_SIZE], id[TEXT_UUID_SIZE];
	struct err err;

	cr_assert(add(NULL, NULL, 0, first, &err), "%s", err.text);
	cr_assert(device_set_enabled(db, ae, false, id, &err), "%s", err.text);
	cr_expect_str_eq(id, first);
	cr_assert(device_set_enabled(db, first, false, id, &err), "twice is fine: %s", err.text);
	cr_assert(add(NULL, NULL, 0, second, &err), "%s", err.text);
	cr_expect_not(device_set_enabled(db, first, true, id, &err));
	cr_expect_eq(err.kind, ERR_CONFLICT, "%s", err.text);
	cr_expect_not(device_set_enabled(db, ae, false, id, &err));
	cr_expect_eq(err.kind, ERR_INVALID, "two have the title: %s", err.text);
	cr_expect_not(device_set_enabled(db, "nobody", false, id, &err));
	cr_expect_eq(err.kind, ERR_NOT_FOUND);
}

Test(device, wrong_values_are_refused_with_the_rule)
{
	static const struct {
		struct device_new device;
		const char *want;
	} cases[] = {
	    {{.calling_ae = ""}, "1 to 16 characters"},
	    {{.calling_ae = "                "}, "1 to 16 characters"},
	    {{.calling_ae = "SEVENTEENLETTERSX"}, "1 to 16 characters"},
	    {{.calling_ae = "A\\B"}, "calling AE title"},
	    {{.calling_ae = "设备"}, "calling AE title"},
	    {{.calling_ae = "A\nB"}, "calling AE title"},
	    {{.calling_ae = "A", .called_ae = "A\tB"}, "called AE title"},
	    {{.calling_ae = "A", .address = "10.0.0.1/8"}, "10.0.0.0/8"},
	    {{.calling_ae = "A", .local_port = 70000}, "port"},
	    {{.calling_ae = "A", .modality = "ct"}, "modality"},
	    {{.calling_ae = "A", .default_charset = "EBCDIC"}, "GB18030"},
	    {{.calling_ae = "A", .name = "a\x1b"}, "control"},
	    {{.calling_ae = "A", .name = "\xff"}, "UTF-8"},
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct device_new device = cases[i].device;
		char id[TEXT_UUID_SIZE];
		struct err err = {0};

		device.site = &site;
		cr_expect_not(device_add(db, &device, id, &err), "case %zu was taken", i);
		cr_expect_eq(err.kind, ERR_INVALID, "case %zu: %s", i, err.text);
		cr_expect_not_null(strstr(err.text, cases[i].want), "case %zu: got '%s'", i, err.text);
	}
}

Test(device, blanks_around_a_title_do_not_count)
{
	char got[DEVICE_AE_SIZE];
	struct err err;

	cr_assert(device_check_ae("  DR 1  ", "AE title", got, &err), "%s", err.text);
	cr_expect_str_eq(got, "DR 1");
}

/* ---- destinations --------------------------------------------------------------------------------------------------- */

Test(device, destinations_are_added_held_and_released)
{
	struct destination_new destination = {.site = &site, .ae_title = ae, .host = "127.0.0.1", .port = 11112};
	char id[TEXT_UUID_SIZE], again[TEXT_UUID_SIZE], sql[300];
	struct err err;

	cr_assert(destination_add(db, &destination, id, &err), "%s", err.text);
	cr_expect_not(destination_add(db, &destination, again, &err));
	cr_expect_eq(err.kind, ERR_CONFLICT);
	snprintf(sql, sizeof(sql),
	         "SELECT held_at IS NOT NULL AND held_reason = '检修' FROM destination WHERE public_id = '%s'", id);
	cr_assert(destination_hold(db, ae, "检修", again, &err), "%s", err.text);
	cr_expect_str_eq(again, id);
	cr_expect_str_eq(ledger_value(owner, sql), "t");
	cr_assert(destination_hold(db, id, NULL, again, &err), "%s", err.text);
	cr_expect_str_eq(ledger_value(owner, sql), "f");
	cr_expect_not(destination_hold(db, id, "", again, &err));
	cr_expect_eq(err.kind, ERR_INVALID);
}

Test(device, wrong_destinations_are_refused)
{
	static const struct {
		const char *ae_title, *host;
		int port;
	} cases[] = {{"", "h", 104},      {"A", "", 104}, {"A", "a b", 104},
	             {"A", "1.2.3", 104}, {"A", "h", 0},  {"A", "h", 65536}};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct destination_new destination = {
		    .site = &site, .ae_title = cases[i].ae_title, .host = cases[i].host, .port = cases[i].port};
		char id[TEXT_UUID_SIZE];
		struct err err = {0};

		cr_expect_not(destination_add(db, &destination, id, &err), "case %zu was taken", i);
		cr_expect_eq(err.kind, ERR_INVALID, "case %zu: %s", i, err.text);
	}
}
