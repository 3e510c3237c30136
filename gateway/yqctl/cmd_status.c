/* What runs, what waits; and waiting until nothing is on its way. */
#include <stdio.h>
#include <string.h>

#include "gateway/yqctl/handlers.h"
#include "gateway/yqctl/output.h"
#include "gateway/yqctl/settled.h"
#include "gateway/yqctl/status_host.h"
#include "lib/base/clock.h"
#include "lib/base/conf.h"
#include "lib/db/db.h"
#include "lib/domain/presence.h"
#include "lib/domain/row_json.h"
#include "lib/intake/intake.h"

enum { SCAN_MS = 500 };

/* The programs that a working installation has; each has its member, also when none runs. */
static const char *const programs[] = {"storescp", "router", "gateway"};

/* Adds one process below the member of its program: "yq-router" is "router". */
static void add_process(json_t *status, const struct db_rows *rows, int row)
{
	const char *name = db_get_text(rows, row, "program");
	json_t *program;

	name = strncmp(name, "yq-", 3) == 0 ? name + 3 : name;
	program = json_object_get(status, name);
	if (!program) {
		program = json_pack("{ss s[]}", "state", "stopped", "processes");
		json_object_set_new(status, name, program);
	}
	if (db_get_bool(rows, row, "is_running"))
		json_object_set_new(program, "state", json_string("running"));
	json_array_append_new(json_object_get(program, "processes"), row_json(rows, row));
}

static bool read_programs(struct db *db, json_t *status, struct err *err)
{
	struct db_rows *rows;

	for (size_t i = 0; i < sizeof(programs) / sizeof(programs[0]); i++)
		json_object_set_new(status, programs[i], json_pack("{ss s[]}", "state", "stopped", "processes"));
	if (!db_exec(db, STMT_STATUS_PROGRAMS, DB_PARAMS(db_int(3 * PRESENCE_BEAT_MS)), &rows, err))
		return false;
	for (int row = 0; row < db_rows_count(rows); row++)
		add_process(status, rows, row);
	db_rows_free(rows);
	return true;
}

/* {"awaiting": 3, ...} */
static bool read_states(struct db *db, const char *machine, json_t *status, const char *member, struct err *err)
{
	json_t *states;
	struct db_rows *rows;

	if (!db_exec(db, STMT_STATUS_STATES, DB_PARAMS(db_text(machine)), &rows, err))
		return false;
	states = json_object();
	for (int row = 0; row < db_rows_count(rows); row++)
		json_object_set_new(states, db_get_text(rows, row, "state"),
		                    json_integer(db_get_int(rows, row, "number")));
	db_rows_free(rows);
	json_object_set_new(status, member, states);
	return true;
}

static bool read_row(struct db *db, enum db_statement statement, json_t **out, struct err *err)
{
	struct db_rows *rows;

	if (!db_exec_one(db, statement, DB_NO_PARAMS, "the status", &rows, err))
		return false;
	*out = row_json(rows, 0);
	db_rows_free(rows);
	return true;
}

/* Moves a member out of the flat row of the ledger, under a name that says less twice. */
static void regroup(json_t *from, const char *name, json_t *to, const char *new_name)
{
	json_object_set(to, new_name, json_object_get(from, name));
	json_object_del(from, name);
}

static void add_queues(json_t *status, json_t *queues)
{
	json_t *signals = json_object(), *studies = json_object();

	regroup(queues, "signals", signals, "open");
	regroup(queues, "studies_receiving", studies, "receiving");
	regroup(queues, "studies_complete", studies, "complete");
	regroup(queues, "studies_incomplete", studies, "incomplete");
	regroup(queues, "studies_unrouted", studies, "unrouted");
	json_object_set_new(status, "signals", signals);
	json_object_set_new(status, "studies", studies);
	json_object_set_new(status, "attention", queues); /* what waits for a person */
}

static bool read_ledger(struct db *db, json_t *status, struct err *err)
{
	json_t *ledger, *queues;

	if (!read_programs(db, status, err) || !status_add_hosts(db, status, err) ||
	    !read_row(db, STMT_STATUS_LEDGER, &ledger, err))
		return false;
	json_object_set_new(ledger, "state", json_string("running"));
	json_object_set_new(status, "ledger", ledger);
	if (!read_row(db, STMT_STATUS_QUEUES, &queues, err))
		return false;
	add_queues(status, queues);
	return read_states(db, "task", status, "tasks", err) && read_states(db, "delivery", status, "deliveries", err);
}

static bool is_program(const char *name)
{
	for (size_t i = 0; i < sizeof(programs) / sizeof(programs[0]); i++)
		if (strcmp(name, programs[i]) == 0)
			return true;
	return strcmp(name, "ledger") == 0;
}

/* "2026-11-22T08:42:07.123+08:00" without milliseconds and offset, as in tables */
static void print_time(const char *label, const json_t *time)
{
	const char *text = json_string_value(time);

	if (text && strlen(text) > 19)
		printf("  %s %.10s %.8s", label, text, text + 11);
}

/* Of a receiver whose ports for TLS cannot show a certificate, or show an old one. */
static void print_tls(const json_t *tls, bool is_running)
{
	const char *fault = json_string_value(json_object_get(tls, "fault"));

	if (is_running && fault && *fault)
		printf("%-11s TLS       %s\n", "", fault);
}

/* "            running  vm process 4711  since 2026-11-22 08:42:07  seen 2026-11-22 08:45:01" */
static void print_process(const json_t *process)
{
	bool is_running = json_is_true(json_object_get(process, "is_running"));
	bool has_ended = !json_is_null(json_object_get(process, "ended_at"));

	printf("%-11s %-9s ", "", is_running ? "running" : has_ended ? "ended" : "silent");
	output_padded(stdout, json_string_value(json_object_get(process, "host")), 0, false);
	printf(" process %lld", (long long)json_integer_value(json_object_get(process, "pid")));
	print_time("since", json_object_get(process, "started_at"));
	print_time("seen", json_object_get(process, "seen_at"));
	putchar('\n');
	print_tls(json_object_get(json_object_get(process, "detail"), "tls"), is_running);
}

/* "router     running    1 process", and a line for each */
static void print_program(const char *name, const json_t *program)
{
	const char *reason = json_string_value(json_object_get(program, "reason"));
	size_t i, processes = json_array_size(json_object_get(program, "processes"));
	json_t *process;

	printf("%-11s %-9s", name, json_string_value(json_object_get(program, "state")));
	if (strcmp(name, "ledger") != 0)
		printf(" %zu process%s", processes, processes == 1 ? "" : "es");
	if (reason)
		printf(" %s", reason);
	putchar('\n');
	json_array_foreach(json_object_get(program, "processes"), i, process)
	{
		print_process(process);
	}
}

/* "deliveries  waiting 2, delivered 40": what is zero is left out. */
static void print_queue(const char *name, const json_t *queue)
{
	const char *member, *comma = "";
	json_t *value;

	printf("%-11s ", name);
	json_object_foreach((json_t *)queue, member, value)
	{
		if (json_integer_value(value) == 0)
			continue;
		printf("%s%s %lld", comma, member, (long long)json_integer_value(value));
		comma = ", ";
	}
	printf("%s\n", *comma ? "" : "-");
}

/* Those of status_host.h, which are no queues. */
static bool is_of_host(const char *name)
{
	return strcmp(name, "journal") == 0 || strcmp(name, "room") == 0 || strcmp(name, "hosts") == 0;
}

static bool print_status(struct invocation *in, json_t *status, struct err *err)
{
	const char *name;
	json_t *member;

	if (option_given(in, "json"))
		return output_json(status, err);
	json_object_foreach(status, name, member)
	{
		if (is_program(name))
			print_program(name, member);
	}
	status_print_hosts(json_object_get(status, "hosts"));
	status_print_room(json_object_get(status, "room"));
	status_print_journal(status);
	json_object_foreach(status, name, member)
	{
		if (!is_program(name) && !is_of_host(name) && !json_object_get(member, "processes"))
			print_queue(name, member);
	}
	json_decref(status);
	return true;
}

/* Journal and room can be read without the ledger, so that an operator sees what is safe while PostgreSQL is away. */
bool run_status(struct invocation *in, struct err *err)
{
	json_t *status = json_object();
	struct err away, output;

	if (!status_add_journal(status, err)) {
		json_decref(status);
		return false;
	}
	status_add_room(status);
	if (db_pool_new("yq_operator", "yqctl", 2, &in->pool, &away) && db_take(in->pool, &in->db, &away) &&
	    read_ledger(in->db, status, &away))
		return print_status(in, status, err);
	json_object_set_new(
	    status, "ledger",
	    json_pack("{ss ss}", "state", away.kind == ERR_TEMPORARY ? "away" : "failed", "reason", away.text));
	if (!print_status(in, status, &output)) {
		*err = output;
		return false;
	}
	*err = away;
	return false;
}

/* ---- wait ----------------------------------------------------------------------------------------------------------- */

static bool backlog_objects(json_int_t *out, struct err *err)
{
	struct intake_backlog backlog;

	if (!intake_backlog_read(&backlog, err))
		return false;
	*out = (json_int_t)backlog.objects;
	return true;
}

/* What waits for a person's word: told, and not waited for. */
static bool is_told_only(const char *name)
{
	return strcmp(name, "deliveries_held_back") == 0;
}

bool settled_read(struct db *db, bool count_waiting, json_t **out, bool *is_settled, struct err *err)
{
	json_int_t before, behind;
	struct db_rows *rows;
	const char *name;
	json_t *open, *value;

	if (!backlog_objects(&before, err) ||
	    !db_exec_one(db, STMT_WAIT_OPEN, DB_PARAMS(db_bool(count_waiting)), "the counts", &rows, err))
		return false;
	open = row_json(rows, 0);
	db_rows_free(rows);
	if (!backlog_objects(&behind, err)) {
		json_decref(open);
		return false;
	}
	json_object_set_new(open, "journal", json_integer(before > behind ? before : behind));
	*is_settled = true;
	json_object_foreach(open, name, value)
	{
		if (json_integer_value(value) != 0 && !is_told_only(name))
			*is_settled = false;
	}
	*out = open;
	return true;
}

/* "2 signals, 1 studies_receiving" */
static void describe_open(const json_t *open, char *out, size_t out_size)
{
	const char *name;
	json_t *value;
	size_t used = 0;

	out[0] = '\0';
	json_object_foreach((json_t *)open, name, value)
	{
		if (json_integer_value(value) == 0 || used >= out_size)
			continue;
		used += (size_t)snprintf(out + used, out_size - used, "%s%s %lld", used ? ", " : "", name,
		                         (long long)json_integer_value(value));
	}
}

struct waiting {
	bool count_waiting, is_settled;
	json_t *open;
	struct err away; /* kind ERR_NONE: the ledger answered the last time */
};

/* One look. False only when waiting any longer makes no sense. */
static bool look(struct invocation *in, struct waiting *waiting, struct err *err)
{
	json_t *open;

	if (!in->db && !db_take(in->pool, &in->db, err))
		return err->kind == ERR_TEMPORARY && ((waiting->away = *err), true);
	if (!settled_read(in->db, waiting->count_waiting, &open, &waiting->is_settled, err)) {
		db_give(in->db);
		in->db = NULL;
		waiting->away = *err;
		return err->kind == ERR_TEMPORARY;
	}
	waiting->away.kind = ERR_NONE;
	json_decref(waiting->open);
	waiting->open = open;
	return true;
}

static bool not_settled(const struct waiting *waiting, const char *timeout, struct err *err)
{
	char text[300];

	if (waiting->away.kind != ERR_NONE) {
		*err = waiting->away;
		return err_context(err, "not settled after %s", timeout);
	}
	describe_open(waiting->open, text, sizeof(text));
	return err_set(err, ERR_TEMPORARY, "not settled after %s: %s", timeout, text);
}

static bool wait_until(struct invocation *in, struct waiting *waiting, struct db_listener *listener, int64_t timeout_ms,
                       struct err *err)
{
	int64_t until_ms = clock_monotonic_ms() + timeout_ms, left_ms;

	for (;;) {
		if (!look(in, waiting, err))
			return false;
		left_ms = until_ms - clock_monotonic_ms();
		if (waiting->is_settled || left_ms <= 0)
			return true;
		/* The journal gives no notifications, so the scan is short. */
		db_wait(listener, left_ms < SCAN_MS ? left_ms : SCAN_MS, -1);
	}
}

static void print_settled(const json_t *open)
{
	long long held_back = json_integer_value(json_object_get(open, "deliveries_held_back"));

	printf("settled\n");
	if (held_back > 0)
		printf("not counted: deliveries_held_back %lld (the destination is held or disabled)\n", held_back);
}

bool run_wait(struct invocation *in, struct err *err)
{
	static const char *const channels[] = {"yq_study", "yq_delivery", "yq_event"};
	const char *timeout = option_value(in, "timeout") ? option_value(in, "timeout") : "60 s";
	struct waiting waiting = {.count_waiting = !option_given(in, "allow-waiting")};
	struct db_listener *listener;
	int64_t timeout_ms;
	bool ok;

	if (!option_given(in, "settled"))
		return err_set(err, ERR_INVALID, "say what to wait for: --settled");
	if (!clock_parse_duration(timeout, &timeout_ms, err))
		return err_context(err, "--timeout");
	if (!db_listener_new("yq_operator", channels, sizeof(channels) / sizeof(channels[0]), &listener, err))
		return false;
	ok = wait_until(in, &waiting, listener, timeout_ms, err);
	db_listener_free(listener);
	if (ok && !waiting.is_settled)
		ok = not_settled(&waiting, timeout, err);
	if (ok)
		print_settled(waiting.open);
	json_decref(waiting.open);
	return ok;
}
