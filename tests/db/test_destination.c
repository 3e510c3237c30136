/* Destinations as they are added, changed and removed, against a real ledger: secrets, revisions, who, what is left behind. */
#include <criterion/criterion.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/base/conf.h"
#include "lib/base/file.h"
#include "lib/domain/destination.h"
#include "lib/domain/destination_settings.h"
#include "lib/domain/operate.h"
#include "lib/domain/signer_seal.h"
#include "tests/db/county.h"

static struct county *county;
static char operator_id[TEXT_UUID_SIZE], made[TEXT_UUID_SIZE];

static void make(void)
{
	char keys[PATH_MAX];
	struct err err;

	ledger_setup();
	county = county_new();
	county_add_person(county, "operator", county->community, county->lead, operator_id);
	cr_assert(conf_path(keys, sizeof(keys), &err, "keys") && file_make_dirs(keys, 0700, &err), "%s", err.text);
	cr_assert(signer_master_key_init(&err), "%s", err.text);
}

static void drop(void)
{
	county_free(county);
}

TestSuite(destination, .init = make, .fini = drop, .timeout = 60);

static bool create(const char *text, struct err *err)
{
	json_t *given = json_loads(text, 0, NULL);
	bool ok;

	cr_assert(given, "%s", text);
	ok = operate_destination_create(county->gateway, operator_id, county->site, given, made, err);
	json_decref(given);
	return ok;
}

static bool edit(const char *text, struct err *err)
{
	json_t *given = json_loads(text, 0, NULL);
	bool ok;

	cr_assert(given, "%s", text);
	ok = operate_destination_edit(county->gateway, operator_id, made, given, err);
	json_decref(given);
	return ok;
}

/* A value of the row, with what is asked written as SQL over destination. */
static const char *value(const char *expression)
{
	char sql[800];

	snprintf(sql, sizeof(sql), "SELECT %s FROM destination WHERE public_id = '%s'", expression, made);
	return county_value(county, sql);
}

/* The last audit record about it: "action detail". */
static const char *audited(void)
{
	char sql[400];

	snprintf(sql, sizeof(sql),
	         "SELECT action || ' ' || detail FROM audit WHERE subject = '%s' ORDER BY sequence DESC LIMIT 1", made);
	return county_value(county, sql);
}

static struct destination_settings *settings(void)
{
	struct destination_settings *out;
	struct db *db;
	struct err err;

	cr_assert(db_take(county->router, &db, &err), "%s", err.text);
	cr_assert(destination_settings_load(db, made, &out, &err), "%s", err.text);
	db_give(db);
	return out;
}

static const char stow[] =
    "{\"protocol\":\"stow\",\"name\":\"云 PACS\",\"url\":\"https://pacs.example/dicom-web\",\"wants_images\":true,"
    "\"rate_kbit\":2000,\"secret\":{\"user\":\"yq\",\"password\":\"tell nobody\"}}";

Test(destination, a_secret_is_sealed_and_only_named)
{
	struct destination_settings *got;
	struct err err;

	cr_assert(create(stow, &err), "%s", err.text);
	cr_expect_str_eq(value("concat_ws(' ', protocol, url, tls, rate_kbit, secret_names, updated_by <> '')"),
	                 "stow https://pacs.example/dicom-web server 2000 {user,password} t");
	cr_expect_str_eq(value("position('tell nobody' IN convert_from(decode(replace(encode(secret_sealed, 'hex'), "
	                       "'00', '01'), 'hex'), 'LATIN1'))"),
	                 "0");
	cr_expect_null(strstr(audited(), "tell nobody"), "%s", audited());
	cr_expect_not_null(strstr(audited(), "destination.add"), "%s", audited());
	cr_expect_not_null(strstr(audited(), "\"secret\": [\"user\", \"password\"]"), "%s", audited());
	got = settings();
	cr_expect_str_eq(got->secret.password, "tell nobody");
	cr_expect_eq(got->rate_bytes_per_s, 250000);
	destination_settings_free(got);
}

/* As a newer release may write it: an older program beside it must not send in the clear. */
Test(destination, a_word_that_is_not_known_is_refused)
{
	struct destination_settings *out;
	bool is_loaded;
	struct db *db;
	struct err err;
	char sql[200];

	cr_assert(create(stow, &err), "%s", err.text);
	county_run(county, "ALTER TABLE destination DROP CONSTRAINT destination_tls_check");
	snprintf(sql, sizeof(sql), "UPDATE destination SET tls = 'quantum' WHERE public_id = '%s'", made);
	county_run(county, sql);
	cr_assert(db_take(county->router, &db, &err), "%s", err.text);
	is_loaded = destination_settings_load(db, made, &out, &err);
	db_give(db);
	snprintf(sql, sizeof(sql), "UPDATE destination SET tls = 'server' WHERE public_id = '%s'", made);
	county_run(county, sql);
	county_run(county,
	           "ALTER TABLE destination ADD CONSTRAINT destination_tls_check CHECK (tls IN ('off', 'server', "
	           "'mutual'))");
	cr_assert(!is_loaded && err.kind == ERR_INVALID, "%s", err.text);
	cr_expect_not_null(strstr(err.text, "'quantum'"), "%s", err.text);
}

Test(destination, a_webhook_is_told_the_events_that_were_chosen)
{
	struct err err;

	cr_assert(
	    create(
	        "{\"protocol\":\"webhook\",\"url\":\"https://his.example/hook\",\"webhook_events\":[\"task.return\"],"
	        "\"secret\":{\"signing_key\":\"sixteen letters!\"}}",
	        &err),
	    "%s", err.text);
	cr_expect_str_eq(value("webhook_events || ARRAY[wants_reports, wants_images]::text[]"),
	                 "{task.return,false,false}");
	cr_assert(edit("{\"webhook_events\":[\"study.arrived\",\"report.issue\"]}", &err), "%s", err.text);
	cr_expect_str_eq(value("webhook_events"), "{study.arrived,report.issue}");
	cr_expect_not_null(strstr(audited(), "\"webhook_events\": [[\"task.return\"]"), "%s", audited());
	cr_expect_not(edit("{\"webhook_events\":[\"patient.born\"]}", &err));
	cr_expect_eq(err.kind, ERR_INVALID, "%s", err.text);
	cr_assert(edit("{\"webhook_events\":null}", &err), "%s", err.text);
	cr_expect_str_eq(value("webhook_events"), "{}");
}

Test(destination, what_is_not_given_stays)
{
	struct destination_settings *got;
	struct err err;

	cr_assert(create(stow, &err), "%s", err.text);
	cr_assert(edit("{\"rate_kbit\":null,\"notes\":\"夜间维护\",\"secret\":{\"password\":\"another one\"}}", &err),
	          "%s", err.text);
	cr_expect_str_eq(value("concat_ws(' ', name, coalesce(rate_kbit, 0), notes, secret_names)"),
	                 "云 PACS 0 夜间维护 {user,password}");
	cr_expect_not_null(strstr(audited(), "\"notes\": [\"\", \"夜间维护\"]"), "%s", audited());
	cr_expect_not_null(strstr(audited(), "\"rate_kbit\": [2000, null]"), "%s", audited());
	cr_expect_null(strstr(audited(), "another one"));
	got = settings();
	cr_expect_str_eq(got->secret.user, "yq");
	cr_expect_str_eq(got->secret.password, "another one");
	destination_settings_free(got);
	cr_assert(edit("{\"secret\":{\"user\":\"\",\"password\":null}}", &err), "%s", err.text);
	cr_expect_str_eq(value("concat(secret_names, secret_sealed IS NULL)"), "{}t");
}

Test(destination, two_who_edit_do_not_overwrite_each_other)
{
	char text[200], seen[64];
	struct err err;

	cr_assert(create(stow, &err), "%s", err.text);
	text_copy(seen, sizeof(seen), value("to_jsonb(updated_at) #>> '{}'"));
	snprintf(text, sizeof(text), "{\"updated_at\":\"%s\",\"notes\":\"first\"}", seen);
	cr_assert(edit(text, &err), "%s", err.text);
	snprintf(text, sizeof(text), "{\"updated_at\":\"%s\",\"notes\":\"second\"}", seen);
	cr_expect_not(edit(text, &err));
	cr_expect_eq(err.kind, ERR_CONFLICT);
	cr_expect_not_null(strstr(err.text, value("updated_by")), "%s names nobody", err.text);
	cr_expect_str_eq(value("notes"), "first");
}

Test(destination, a_change_of_nothing_is_none)
{
	char seen[64];
	struct err err;

	cr_assert(create(stow, &err), "%s", err.text);
	text_copy(seen, sizeof(seen), value("to_jsonb(updated_at) #>> '{}'"));
	cr_assert(edit("{\"rate_kbit\":2000,\"secret\":{\"user\":\"yq\"}}", &err), "%s", err.text);
	cr_expect_str_eq(value("to_jsonb(updated_at) #>> '{}'"), seen);
	cr_expect_not_null(strstr(audited(), "destination.add"), "%s", audited());
}

Test(destination, a_way_that_changed_is_tried_at_once)
{
	char sql[200];
	struct err err;

	cr_assert(create(stow, &err), "%s", err.text);
	snprintf(
	    sql, sizeof(sql),
	    "UPDATE destination SET failures = 7, resting_until = yq_now() + interval '1 hour' WHERE public_id = '%s'",
	    made);
	county_run(county, sql);
	cr_assert(edit("{\"notes\":\"x\"}", &err), "%s", err.text);
	cr_expect_str_eq(value("failures"), "7", "notes lead nowhere");
	cr_assert(edit("{\"url\":\"https://pacs.example:8443/dicom-web\"}", &err), "%s", err.text);
	cr_expect_str_eq(value("concat(failures, resting_until IS NULL)"), "0t");
}

Test(destination, one_address_is_enabled_once)
{
	char first[TEXT_UUID_SIZE];
	struct err err;

	cr_assert(create(stow, &err), "%s", err.text);
	text_copy(first, sizeof(first), made);
	cr_expect_not(create(stow, &err));
	cr_expect_eq(err.kind, ERR_CONFLICT);
	cr_expect_not_null(strstr(err.text, "云 PACS"), "%s", err.text);
	cr_assert(edit("{\"is_enabled\":false}", &err), "%s", err.text);
	cr_assert(create(stow, &err), "%s", err.text);
	text_copy(made, sizeof(made), first);
	cr_expect_not(edit("{\"is_enabled\":true}", &err));
	cr_expect_eq(err.kind, ERR_CONFLICT, "%s", err.text);
}

Test(destination, only_what_was_never_used_is_removed)
{
	char sql[300], first[TEXT_UUID_SIZE];
	struct err err;

	cr_assert(create(stow, &err), "%s", err.text);
	snprintf(sql, sizeof(sql),
	         "INSERT INTO delivery (site_id, destination_id, purpose, message, deadline_at) SELECT site_id, "
	         "destination_id, 'notify', '{}', "
	         "yq_now() FROM destination WHERE public_id = '%s'",
	         made);
	county_run(county, sql);
	cr_expect_not(operate_destination_remove(county->gateway, operator_id, made, &err));
	cr_expect_eq(err.kind, ERR_CONFLICT);
	cr_expect_not_null(strstr(err.text, "disable it"), "%s", err.text);
	text_copy(first, sizeof(first), made);
	cr_assert(create("{\"protocol\":\"hl7\",\"host\":\"his.example\",\"port\":2575}", &err), "%s", err.text);
	cr_assert(operate_destination_remove(county->gateway, operator_id, made, &err), "%s", err.text);
	cr_expect_str_eq(value("count(*)"), "0");
	cr_expect_not_null(strstr(audited(), "destination.remove"), "%s", audited());
	cr_expect_not(operate_destination_remove(county->gateway, operator_id, made, &err));
	cr_expect_eq(err.kind, ERR_NOT_FOUND, "%s", err.text);
}

Test(destination, a_secret_that_does_not_open_can_be_given_anew_and_removed)
{
	char sql[200];
	struct destination_settings *got;
	struct err err;

	cr_assert(create(stow, &err), "%s", err.text);
	snprintf(sql, sizeof(sql), "UPDATE destination SET secret_sealed = '\\x0102' WHERE public_id = '%s'", made);
	county_run(county, sql);
	cr_expect_not(edit("{\"notes\":\"x\"}", &err));
	cr_expect_eq(err.kind, ERR_CORRUPT, "%s", err.text);
	cr_assert(edit("{\"secret\":{\"user\":\"yq\",\"password\":\"anew\"}}", &err), "%s", err.text);
	got = settings();
	cr_expect_str_eq(got->secret.password, "anew");
	destination_settings_free(got);
	county_run(county, sql);
	cr_expect(operate_destination_remove(county->gateway, operator_id, made, &err), "%s", err.text);
}

Test(destination, only_an_operator_of_the_site)
{
	json_t *given = json_loads(stow, 0, NULL);
	char id[TEXT_UUID_SIZE];
	struct err err;

	cr_assert(create(stow, &err), "%s", err.text);
	cr_expect_not(operate_destination_create(county->gateway, county->radiographer, county->site, given, id, &err));
	cr_expect_eq(err.kind, ERR_REFUSED, "%s", err.text);
	cr_expect_not(operate_destination_edit(county->gateway, county->radiographer, made, given, &err));
	cr_expect_eq(err.kind, ERR_REFUSED, "%s", err.text);
	cr_expect_not(operate_destination_remove(county->gateway, county->radiographer, made, &err));
	cr_expect_eq(err.kind, ERR_REFUSED, "%s", err.text);
	json_decref(given);
}

Test(destination, many_deliveries_are_moved_and_the_others_are_named)
{
	char dead[TEXT_UUID_SIZE], done[TEXT_UUID_SIZE], sql[600];
	const char *ids[] = {dead, done, "00000000-0000-4000-8000-000000000000"};
	static const char insert[] = "INSERT INTO delivery (site_id, destination_id, purpose, message, deadline_at) "
	                             "SELECT site_id, destination_id, "
	                             "'notify', jsonb_build_object('n', random()), yq_now() FROM destination WHERE "
	                             "public_id = '%s' RETURNING public_id";
	json_t *got;
	struct err err;

	cr_assert(create(stow, &err), "%s", err.text);
	snprintf(sql, sizeof(sql), insert, made);
	text_copy(dead, sizeof(dead), county_value(county, sql));
	text_copy(done, sizeof(done), county_value(county, sql));
	snprintf(sql, sizeof(sql), "UPDATE delivery SET state = 'cancelled' WHERE public_id = '%s'", done);
	county_run(county, sql);
	for (size_t i = 0; i < 3; i++) {
		static const char *const way[] = {"sending", "waiting", "dead"};

		snprintf(sql, sizeof(sql), "UPDATE delivery SET state = '%s' WHERE public_id = '%s'", way[i], dead);
		county_run(county, sql);
	}
	cr_assert(operate_retry_many(county->gateway, operator_id, ids, 3, 1000, &got, &err), "%s", err.text);
	cr_expect_eq(json_integer_value(json_object_get(got, "done")), 1);
	cr_expect_eq(json_array_size(json_object_get(got, "left")), 2);
	json_decref(got);
	cr_assert(operate_cancel_many(county->gateway, operator_id, ids, 2, &got, &err), "%s", err.text);
	cr_expect_eq(json_integer_value(json_object_get(got, "done")), 1);
	json_decref(got);
	snprintf(sql, sizeof(sql), "SELECT string_agg(state, ' ') FROM delivery WHERE public_id IN ('%s', '%s')", dead,
	         done);
	county_expect(county, sql, "cancelled cancelled", "both");
}
