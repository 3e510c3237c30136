#include "gateway/yqctl/status_host.h"

#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "gateway/yqctl/output.h"
#include "lib/base/conf.h"
#include "lib/db/db.h"
#include "lib/domain/host.h"
#include "lib/domain/row_json.h"
#include "lib/intake/host_beat.h"
#include "lib/intake/room_json.h"
#include "lib/store/store.h"

/* ---- reading ---------------------------------------------------------------------------------------------------------- */

bool status_add_journal(json_t *status, struct err *err)
{
	struct intake_backlog backlog;

	if (!intake_backlog_read(&backlog, err))
		return false;
	json_object_set_new(status, "journal",
	                    json_pack("{sI sI sI sI sI sI sn}", "objects", (json_int_t)backlog.objects, "bytes",
	                              (json_int_t)backlog.bytes, "oldest_ms", (json_int_t)backlog.oldest_ms,
	                              "unplaced_objects", (json_int_t)backlog.unplaced_objects, "unplaced_bytes",
	                              (json_int_t)backlog.unplaced_bytes, "quarantined",
	                              (json_int_t)backlog.quarantined, "peak_objects"));
	return true;
}

/* Before anything was received here there is nothing to look at, and a look makes no directories. */
static bool read_room(json_t **out, struct err *err)
{
	char path[PATH_MAX];
	struct store *store;
	struct room room;
	bool ok;

	if (!conf_path(path, sizeof path, err, "journal"))
		return false;
	if (access(path, F_OK) != 0)
		return err_set(err, ERR_NOT_FOUND, "nothing was received here yet");
	if (!store_open(conf_text(CONF_STORE), &store, err))
		return false;
	ok = room_read(store, &room, err);
	if (ok)
		*out = room_json(&room);
	store_close(store);
	return ok;
}

void status_add_room(json_t *status)
{
	json_t *room = NULL;
	struct err err;

	if (!read_room(&room, &err))
		room = json_pack("{ss ss}", "state", "unknown", "reason", err.text);
	json_object_set_new(status, "room", room);
}

/* More may have come in since the host reported. */
static void add_peak(json_t *journal, json_int_t reported)
{
	json_int_t objects = json_integer_value(json_object_get(journal, "objects"));

	json_object_set_new(journal, "peak_objects", json_integer(reported > objects ? reported : objects));
}

bool status_add_hosts(struct db *db, json_t *status, struct err *err)
{
	char own_id[TEXT_UUID_SIZE] = "";
	json_t *hosts = json_array();
	struct err no_id;
	struct db_rows *rows;

	if (!db_exec(db, STMT_HOST_LIST, DB_PARAMS(db_int(HOST_SILENT_MS)), &rows, err)) {
		json_decref(hosts);
		return false;
	}
	if (!host_id_find(own_id, &no_id))
		own_id[0] = '\0';
	for (int row = 0; row < db_rows_count(rows); row++) {
		json_array_append_new(hosts, row_json(rows, row));
		if (strcmp(db_get_text(rows, row, "id"), own_id) == 0)
			add_peak(json_object_get(status, "journal"), db_get_int(rows, row, "waiting_peak"));
	}
	db_rows_free(rows);
	json_object_set_new(status, "hosts", hosts);
	return true;
}

/* ---- printing --------------------------------------------------------------------------------------------------------- */

static long long number(const json_t *object, const char *member)
{
	return (long long)json_integer_value(json_object_get(object, member));
}

static const char *text(const json_t *object, const char *member)
{
	const char *value = json_string_value(json_object_get(object, member));

	return value ? value : "";
}

/* "1.5 GiB" */
static void print_size(long long bytes)
{
	static const char *const units[] = {"B", "KiB", "MiB", "GiB", "TiB"};
	double value = (double)bytes;
	size_t unit = 0;

	for (; value >= 1000 && unit + 1 < sizeof units / sizeof units[0]; unit++)
		value /= 1024;
	printf(unit ? "%.1f %s" : "%.0f %s", value, units[unit]);
}

static void print_span(long long ms)
{
	static const struct {
		const char *name;
		long long ms;
	} units[] = {{"days", 24 * 3600 * 1000}, {"h", 3600 * 1000}, {"min", 60 * 1000}, {"s", 1000}, {"ms", 1}};
	size_t i = 0;

	while (units[i].ms > 1 && ms < 2 * units[i].ms)
		i++;
	printf("%lld %s", ms / units[i].ms, units[i].name);
}

static void print_progress(const json_t *journal, bool is_there)
{
	long long objects = number(journal, "objects"), peak = number(journal, "peak_objects");

	if (!is_there)
		printf("%-21s waits until the ledger is back\n", "");
	else if (peak > objects)
		printf("%-21s catching up: %lld of %lld done (%lld %%)\n", "", peak - objects, peak,
		       100 * (peak - objects) / peak);
}

void status_print_journal(const json_t *status)
{
	const json_t *journal = json_object_get(status, "journal");
	bool is_there = strcmp(text(json_object_get(status, "ledger"), "state"), "running") == 0;

	if (number(journal, "objects") == 0)
		printf("%-11s -\n", "journal");
	else {
		printf("%-11s %lld objects (", "journal", number(journal, "objects"));
		print_size(number(journal, "bytes"));
		printf(") acknowledged and not in the ledger, the oldest for ");
		print_span(number(journal, "oldest_ms"));
		putchar('\n');
		print_progress(journal, is_there);
		if (number(journal, "unplaced_objects"))
			printf("%-21s %lld of them only in the journal\n", "", number(journal, "unplaced_objects"));
	}
	if (number(journal, "quarantined"))
		printf("%-21s %lld set apart in journal/quarantine\n", "", number(journal, "quarantined"));
}

static void print_area(const char *what, const json_t *area)
{
	printf("%-21s %s %s: ", "", what, text(area, "state"));
	print_size(number(area, "free_bytes"));
	printf(" of ");
	print_size(number(area, "total_bytes"));
	printf(" free, warns at ");
	print_size(number(area, "warn_bytes"));
	printf(", refuses at ");
	print_size(number(area, "reserve_bytes"));
	putchar('\n');
}

void status_print_room(const json_t *room)
{
	bool is_full = strcmp(text(room, "state"), "full") == 0;

	printf("%-11s %-9s %s\n", "room", text(room, "state"), is_full ? "objects are refused" : text(room, "reason"));
	if (!json_object_get(room, "store"))
		return;
	print_area(json_is_true(json_object_get(room, "is_shared")) ? "store and journal" : "store",
	           json_object_get(room, "store"));
	if (!json_is_true(json_object_get(room, "is_shared")))
		print_area("journal", json_object_get(room, "journal"));
}

/* What somebody has to see at once stands in capitals. */
static const char *state_word(const char *state)
{
	if (strcmp(state, "stranded") == 0)
		return "STRANDED";
	return strcmp(state, "silent") == 0 ? "SILENT" : state;
}

static void print_host(const json_t *host)
{
	const char *state = text(host, "state"), *seen = text(host, "reported_at");

	printf("%-11s %-9s ", "host", state_word(state));
	output_padded(stdout, text(host, "name"), 0, false);
	putchar(' ');
	output_padded(stdout, text(host, "home"), 0, false);
	printf("  waiting %lld, only there %lld", number(host, "waiting_objects"), number(host, "unplaced_objects"));
	if (number(host, "quarantined_objects"))
		printf(", set apart %lld", number(host, "quarantined_objects"));
	printf("  store %s, journal %s", text(host, "store_state"), text(host, "journal_state"));
	if (strlen(seen) > 19)
		printf("  seen %.10s %.8s", seen, seen + 11);
	putchar('\n');
	if (strcmp(state, "stranded") == 0)
		printf("%-21s acknowledged images are only there: start its programs, or mount its journal elsewhere\n",
		       "");
	else if (strcmp(state, "silent") == 0)
		printf("%-21s what it acknowledged since then is not known\n", "");
}

void status_print_hosts(const json_t *hosts)
{
	size_t i;
	json_t *host;

	json_array_foreach(hosts, i, host)
	{
		print_host(host);
	}
}
