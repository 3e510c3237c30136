/* The test of a destination: how far one comes. Waits for somebody far away, so it holds no session of the ledger meanwhile. */
#include <stdatomic.h>

#include "gateway/answer.h"
#include "gateway/caller.h"
#include "gateway/handlers.h"
#include "gateway/input.h"
#include "lib/domain/destination_settings.h"
#include "lib/transport/probe.h"

enum { AT_ONCE_MAX = 2, HTTP_TOO_MANY = 429 };

/* They hold threads that answer people. */
static atomic_int at_work;

static bool enter(struct err *err)
{
	if (atomic_fetch_add(&at_work, 1) < AT_ONCE_MAX)
		return true;
	atomic_fetch_sub(&at_work, 1);
	err_set(err, ERR_REFUSED, "other destinations are tested just now: try again in a few seconds");
	return err_code(err, ERR_SOURCE_HTTP, HTTP_TOO_MANY);
}

static bool load_settings(struct http_request *request, const char *destination, struct destination_settings **out,
                          struct err *err)
{
	struct db *db;
	struct db_rows *rows = NULL;
	if (!caller_db(request, &db, err) ||
	    !db_exec_one(db, STMT_OPERATIONS_DESTINATION, DB_PARAMS(db_text(destination)), "the destination", &rows,
	                 err))
		return false;
	bool may = db_get_bool(rows, 0, "may");
	db_rows_free(rows);
	if (!may)
		return err_set(err, ERR_REFUSED, "cannot do this: you are no operator at its site");
	bool ok = destination_settings_load(db, destination, out, err);
	caller_rest(request);
	return ok;
}

static json_t *step_json(const struct transport_step *step)
{
	char text[sizeof step->text];
	text_copy(text, sizeof text, step->text);
	text_make_utf8(text); /* a peer's words may be in it */
	return json_pack("{s:s, s:b, s:I, s:s}", "name", step->name, "is_ok", step->is_ok, "elapsed_ms",
	                 (json_int_t)step->elapsed_ms, "text", text);
}

static bool note_test(struct http_request *request, const struct destination_settings *to,
                      const struct transport_step *last, struct err *err)
{
	char detail[100];
	snprintf(detail, sizeof detail, "{\"step\":\"%s\",\"ok\":%s}", last->name, last->is_ok ? "true" : "false");
	return caller_audit(request, "destination.test", "destination", to->id, to->site_id, detail, err);
}

bool handle_destination_test(struct http_request *request, void *context, struct err *err)
{
	(void)context;
	struct transport_step steps[PROBE_STEPS_MAX];
	struct destination_settings *to = NULL;
	const char *destination;
	if (!input_path_id(request, "destination", &destination, err) || !load_settings(request, destination, &to, err))
		return false;
	bool ok = enter(err);
	if (ok) {
		int count = transport_probe(to, steps);
		atomic_fetch_sub(&at_work, 1);
		json_t *list = json_array();
		for (int i = 0; i < count; i++)
			json_array_append_new(list, step_json(&steps[i]));
		ok = note_test(request, to, &steps[count - 1], err);
		if (ok)
			ok = http_reply_json(request, 200, json_pack("{s:o}", "steps", list), err);
		else
			json_decref(list);
	}
	destination_settings_free(to);
	return ok;
}
