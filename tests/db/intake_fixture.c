#include "tests/db/intake_fixture.h"

#include <criterion/criterion.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "lib/base/clock.h"
#include "lib/base/conf.h"
#include "lib/base/digest.h"
#include "lib/base/file.h"

struct fixture fix;
struct err fix_err;

static void copy_ledger_string(char *out, size_t out_size)
{
	char path[1024], *text;
	size_t length;

	cr_assert(conf_path(path, sizeof path, &fix_err, "run/ledger"));
	cr_assert(file_read_all(path, out_size - 1, &text, &length, &fix_err), "%s", fix_err.text);
	text[strcspn(text, "\n")] = '\0';
	text_copy(out, out_size, text);
	free(text);
}

static void make_site(void)
{
	char sql[1024], code[40];

	ledger_name(code);
	snprintf(sql, sizeof sql,
	         "WITH s AS (INSERT INTO scope (kind, name) VALUES ('site', '%s') RETURNING scope_id) "
	         "INSERT INTO site (site_id, code, licensed_type, counts_as_township_health_centre) "
	         "SELECT scope_id, '%s', 'township_health_centre', true FROM s",
	         code, code);
	ledger_run(fix.connection, sql);
	snprintf(sql, sizeof sql, "SELECT public_id FROM scope WHERE name = '%s'", code);
	text_copy(fix.site, sizeof fix.site, ledger_value(fix.connection, sql));
	snprintf(sql, sizeof sql,
	         "INSERT INTO device (site_id, calling_ae) SELECT scope_id, left('%s', 16) FROM scope WHERE name = "
	         "'%s' RETURNING public_id",
	         code, code);
	text_copy(fix.device, sizeof fix.device, ledger_value(fix.connection, sql));
}

void fixture_setup(void)
{
	char ledger[2048];

	ledger_setup();
	copy_ledger_string(ledger, sizeof ledger);
	home_make(ledger);
	fix.connection = ledger_connect("yq_owner");
	make_site();
	fix.pool = ledger_pool("yq_storescp", 4);
	cr_assert(store_open("file:store", &fix.store, &fix_err), "%s", fix_err.text);
}

void fixture_open(void)
{
	cr_assert(intake_open(fix.store, fix.pool, &fix.intake, &fix_err), "%s", fix_err.text);
}

void fixture_close(int64_t drain_ms)
{
	intake_close(fix.intake, drain_ms);
	fix.intake = NULL;
}

void fixture_teardown(void)
{
	fixture_close(0);
	store_close(fix.store);
	db_pool_free(fix.pool);
	PQfinish(fix.connection);
	home_remove();
}

struct dataset fixture_sample(void)
{
	return dataset_sample(fix.uids);
}

struct intake_source fixture_source(const struct dataset *dataset)
{
	return (struct intake_source){.origin = INTAKE_DEVICE,
	                              .device_public_id = fix.device,
	                              .site_public_id = fix.site,
	                              .calling_ae = "DR1",
	                              .called_ae = "YINGQIAO",
	                              .address = "192.0.2.7",
	                              .sop_class_uid = dataset->sop_class,
	                              .sop_instance_uid = dataset->sop_instance,
	                              .transfer_syntax_uid = TEST_EXPLICIT};
}

void fixture_send(const struct dataset *dataset)
{
	struct intake_source source = fixture_source(dataset);

	cr_assert(dataset_send(fix.intake, &source, dataset, &fix_err), "%s", fix_err.text);
}

void fixture_settle(void)
{
	struct intake_backlog backlog;

	do {
		cr_assert(intake_backlog_read(&backlog, &fix_err), "%s", fix_err.text);
		usleep(
		    2000); /* not a wait for an event: only leaves the processor to the indexer. The suite's time-out ends it. */
		           /* Records go first, then their parts. */
	} while (backlog.objects || home_count("journal/slot-0000", ".part") ||
	         home_count("journal/slot-0001", ".part"));
}

static void write_object(const struct dataset *dataset, const char *path, struct intake_record *record)
{
	struct text_buf bytes;
	uint8_t *header;
	size_t length;
	int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0600);

	text_buf_init(&bytes, 64 << 20);
	dataset_build(dataset, &bytes);
	cr_assert(dicom_meta_header(dataset->sop_class, dataset->sop_instance, TEST_EXPLICIT, "DR1", &header, &length,
	                            &fix_err));
	cr_assert(file_write_all(fd, header, length, &fix_err) &&
	          file_write_all(fd, bytes.data, bytes.length, &fix_err));
	close(fd);
	free(header);
	record->header_bytes = (uint32_t)length;
	record->size_bytes = bytes.length;
	digest_bytes(bytes.data, bytes.length, record->sha256);
	text_buf_fini(&bytes);
}

int fixture_index(const struct dataset *dataset, enum intake_origin origin, const char *key)
{
	struct intake_record record = {.origin = origin, .calling_ae = "DR1", .arrived_us = clock_wall_us()};
	struct dicom_fields fields;
	enum index_outcome outcome;
	char path[64], *json;
	bool ok;

	store_key_new(record.key);
	if (key)
		text_copy(record.key, sizeof record.key, key);
	text_copy(record.site, sizeof record.site, fix.site);
	text_copy(record.device, sizeof record.device, origin == INTAKE_OWN ? "" : fix.device);
	text_copy(record.sop_class_uid, sizeof record.sop_class_uid, dataset->sop_class);
	text_copy(record.sop_instance_uid, sizeof record.sop_instance_uid, dataset->sop_instance);
	text_copy(record.transfer_syntax_uid, sizeof record.transfer_syntax_uid, TEST_EXPLICIT);
	snprintf(path, sizeof path, "/tmp/yq-index.%s", record.key);
	write_object(dataset, path, &record);
	cr_assert(dicom_read_fields(path, &fields, &fix_err), "%s", fix_err.text);
	unlink(path);
	json = index_encode(&record, &fields);
	ok = index_objects(fix.pool, (const char *const[]){json}, 1, &outcome, &fix_err);
	free(json);
	return ok ? (int)outcome : -1;
}

const char *fixture_value(const char *format)
{
	char sql[2048], site[128];
	const char *mark = strstr(format, "%s");

	snprintf(site, sizeof site, "(SELECT scope_id FROM scope WHERE public_id = '%s')", fix.site);
	snprintf(sql, sizeof sql, "%.*s%s%s", mark ? (int)(mark - format) : (int)strlen(format), format,
	         mark ? site : "", mark ? mark + 2 : "");
	return ledger_value(fix.connection, sql);
}

int fixture_count(const char *format)
{
	return (int)strtol(fixture_value(format), NULL, 10);
}
