/* Destinations: where things are sent, by which protocol, with which secrets. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "gateway/yqctl/destination_options.h"
#include "gateway/yqctl/handlers.h"
#include "gateway/yqctl/list.h"
#include "gateway/yqctl/operator.h"
#include "lib/base/clock.h"
#include "lib/domain/destination.h"
#include "lib/domain/destination_pem.h"
#include "lib/domain/destination_settings.h"
#include "lib/domain/find_one.h"
#include "lib/transport/probe.h"

static const struct column columns[] = {{"name", "NAME", false},
                                        {"protocol", "PROTOCOL", false},
                                        {"address", "ADDRESS", false},
                                        {"site", "SITE", false},
                                        {"way", "WAY", false},
                                        {"open_deliveries", "OPEN", true},
                                        {"failed_deliveries", "FAILED", true},
                                        {"last_success_at", "LAST SUCCESS", false},
                                        {"last_error", "LAST ERROR", false},
                                        {"id", "ID", false},
                                        {0}};

bool run_destination_list(struct invocation *in, struct err *err)
{
	return list_run(in, STMT_DESTINATION_LIST, DB_NO_PARAMS, columns, err);
}

static bool find(struct invocation *in, char out_id[TEXT_UUID_SIZE], struct err *err)
{
	return find_one(in->db, STMT_DESTINATION_FIND, "destination", in->arguments[0], out_id, err);
}

/* ---- show ------------------------------------------------------------------------------------------------------------------- */

/* In text a certificate is its subject; whoever wants the PEM asks for JSON. */
static void add_certificates(json_t *to, const char *name, const char *pem_name, bool keeps_pem)
{
	const char *pem = json_string_value(json_object_get(to, pem_name));
	struct err unreadable;
	json_t *list = NULL;

	if (destination_pem_read(pem ? pem : "", "certificate", clock_wall_us(), &list, &unreadable))
		json_object_set_new(to, name, list);
	if (!keeps_pem)
		json_object_del(to, pem_name);
}

bool run_destination_show(struct invocation *in, struct err *err)
{
	bool is_json = option_given(in, "json");
	char id[TEXT_UUID_SIZE];
	struct db_rows *rows;
	json_t *one;

	if (!find(in, id, err) ||
	    !db_exec_one(in->db, STMT_DESTINATION_OVERVIEW, DB_PARAMS(db_text(id), db_bool(true), db_bool(true)),
	                 "the destination", &rows, err))
		return false;
	one = json_loads(db_get_text(rows, 0, "json"), 0, NULL);
	db_rows_free(rows);
	add_certificates(one, "certificates", "certificate_pem", is_json);
	add_certificates(one, "trusted", "trust_pem", is_json);
	return output_object(is_json, one, err);
}

/* ---- add, edit, remove ------------------------------------------------------------------------------------------------------ */

struct editing {
	struct destination_actor actor;
	const char *site_id; /* of a new one */
	const json_t *given; /* NULL: it is removed */
	char id[TEXT_UUID_SIZE];
};

static bool edit_work(struct db *db, void *context, struct err *err)
{
	struct editing *editing = context;

	if (editing->site_id)
		return destination_create(db, &editing->actor, editing->site_id, editing->given, editing->id, err);
	return editing->given ? destination_edit(db, &editing->actor, editing->id, editing->given, err)
	                      : destination_remove(db, &editing->actor, editing->id, err);
}

bool run_destination_add(struct invocation *in, struct err *err)
{
	struct editing editing = {.actor = {.operator_name = operator_name()}};
	const char *protocol = option_value(in, "protocol");
	struct site site;
	json_t *given;
	bool ok;

	if (!site_find(in->db, option_value(in, "site"), &site, err) || !destination_options_read(in, &given, err))
		return false;
	json_object_set_new(given, "protocol", json_string(protocol ? protocol : "dicom"));
	editing.site_id = site.public_id;
	editing.given = given;
	ok = db_transact(in->pool, NULL, edit_work, &editing, err);
	destination_options_free(given);
	if (!ok)
		return false;
	if (option_given(in, "json"))
		return output_json(json_pack("{ss ss ss}", "id", editing.id, "site", site.name, "site_code", site.code),
		                   err);
	printf("destination added: %s\n", editing.id);
	return true;
}

bool run_destination_edit(struct invocation *in, struct err *err)
{
	struct editing editing = {.actor = {.operator_name = operator_name()}};
	json_t *given;
	bool ok;

	if (!find(in, editing.id, err) || !destination_options_read(in, &given, err))
		return false;
	editing.given = given;
	ok = json_object_size(given) > 0 || err_set(err, ERR_INVALID, "nothing to change: give at least one option");
	ok = ok && db_transact(in->pool, NULL, edit_work, &editing, err);
	destination_options_free(given);
	if (ok)
		printf("destination changed: %s\n", editing.id);
	return ok;
}

bool run_destination_remove(struct invocation *in, struct err *err)
{
	struct editing editing = {.actor = {.operator_name = operator_name()}};

	if (!find(in, editing.id, err) || !db_transact(in->pool, NULL, edit_work, &editing, err))
		return false;
	printf("destination removed: %s\n", editing.id);
	return true;
}

/* ---- hold ------------------------------------------------------------------------------------------------------------------- */

struct holding {
	const char *argument, *reason;
	struct operator_note note;
	char id[TEXT_UUID_SIZE];
};

static bool hold(struct db *db, void *context, struct err *err)
{
	struct holding *holding = context;

	if (!destination_hold(db, holding->argument, holding->reason, holding->id, err))
		return false;
	snprintf(holding->note.subject, sizeof(holding->note.subject), "%s", holding->id);
	return true;
}

static bool switch_hold(struct invocation *in, const char *action, const char *reason, const char *text,
                        struct err *err)
{
	struct holding holding = {
	    .argument = in->arguments[0], .reason = reason, .note = {.action = action, .subject_kind = "destination"}};

	if (!operator_change(in, &holding.note, hold, &holding, err))
		return false;
	printf("destination %s: %s\n", text, holding.id);
	return true;
}

bool run_destination_hold(struct invocation *in, struct err *err)
{
	return switch_hold(in, "destination.hold", option_value(in, "reason"), "held", err);
}

bool run_destination_release(struct invocation *in, struct err *err)
{
	return switch_hold(in, "destination.release", NULL, "released", err);
}

/* ---- test ------------------------------------------------------------------------------------------------------------------- */

static bool print_steps(struct invocation *in, const struct transport_step *steps, int count, struct err *err)
{
	json_t *list = json_array();

	for (int i = 0; i < count; i++) {
		char text[sizeof(steps[i].text)];

		text_copy(text, sizeof(text), steps[i].text);
		text_make_utf8(text);
		json_array_append_new(list, json_pack("{ss sb sI ss}", "name", steps[i].name, "is_ok", steps[i].is_ok,
		                                      "elapsed_ms", (json_int_t)steps[i].elapsed_ms, "text", text));
		if (option_given(in, "json"))
			continue;
		printf("%-12s %-6s %6lld ms  ", steps[i].name, steps[i].is_ok ? "good" : "FAILED",
		       (long long)steps[i].elapsed_ms);
		output_padded(stdout, text, 0, false);
		putchar('\n');
	}
	if (option_given(in, "json"))
		return output_json(json_pack("{so}", "steps", list), err);
	json_decref(list);
	return true;
}

bool run_destination_test(struct invocation *in, struct err *err)
{
	struct transport_step steps[PROBE_STEPS_MAX];
	struct destination_settings *to;
	char id[TEXT_UUID_SIZE];
	int count;

	if (!find(in, id, err) || !destination_settings_load(in->db, id, &to, err))
		return false;
	count = transport_probe(to, steps);
	destination_settings_free(to);
	if (!print_steps(in, steps, count, err))
		return false;
	return steps[count - 1].is_ok ||
	       err_set(err, ERR_TEMPORARY, "could not reach it: the step \"%s\" failed", steps[count - 1].name);
}
