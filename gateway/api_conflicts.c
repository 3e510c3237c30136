/* 图像冲突: one of them side by side, its pictures and files, and what a person decides. The rules are those of lib/domain/conflict.h. */
#include <string.h>
#include <unistd.h>

#include "gateway/answer.h"
#include "gateway/caller.h"
#include "gateway/doubt_object.h"
#include "gateway/handlers.h"
#include "gateway/input.h"
#include "lib/domain/conflict.h"
#include "lib/domain/header_json.h"
#include "lib/intake/redrive.h"

/* Every part of a look takes the session; it is given back before bytes are read. */
static bool note_look(struct http_request *request, const char *action, const char *conflict, const char *site,
                      const char *which, struct err *err)
{
	char detail[40];
	snprintf(detail, sizeof detail, "{\"object\":\"%s\"}", which);
	bool ok = caller_audit(request, action, "conflict", conflict, site, detail, err);
	caller_rest(request);
	return ok;
}

static bool add_differences(struct http_request *request, const char *conflict, json_t *json, struct err *err)
{
	char site[TEXT_UUID_SIZE];
	int fd, other;
	uint64_t size;
	if (!doubt_open_conflict(request, conflict, "stored", &fd, &size, site, err))
		return false;
	bool ok = doubt_open_conflict(request, conflict, "other", &other, &size, site, err);
	if (ok) {
		ok = note_look(request, "conflict.view", conflict, site, "both", err);
		json_t *differences = header_differences_json(fd, other);
		json_object_update(json, differences);
		json_decref(differences);
		close(other);
	}
	close(fd);
	return ok;
}

bool handle_conflict(struct http_request *request, void *context, struct err *err)
{
	(void)context;
	const char *conflict;
	struct db *db;
	struct db_rows *rows = NULL;
	if (!input_path_id(request, "conflict", &conflict, err) || !caller_db(request, &db, err) ||
	    !db_exec_one(db, STMT_CONFLICT_SHOW, DB_PARAMS(db_text(conflict)), "the conflict", &rows, err))
		return false;
	json_t *json = answer_row(rows, 0);
	db_rows_free(rows);
	if (!add_differences(request, conflict, json, err)) {
		json_decref(json);
		return false;
	}
	return http_reply_json(request, 200, json, err);
}

static bool open_one(struct http_request *request, const char *action, const char **out_conflict,
                     const char **out_which, int *out_fd, uint64_t *out_size, struct err *err)
{
	char site[TEXT_UUID_SIZE];
	*out_which = http_param(request, "which");
	if (!input_path_id(request, "conflict", out_conflict, err) ||
	    !doubt_open_conflict(request, *out_conflict, *out_which, out_fd, out_size, site, err))
		return false;
	if (note_look(request, action, *out_conflict, site, *out_which, err))
		return true;
	close(*out_fd);
	return false;
}

bool handle_conflict_picture(struct http_request *request, void *context, struct err *err)
{
	(void)context;
	const char *conflict, *which;
	uint64_t size;
	int fd;
	return open_one(request, "conflict.view", &conflict, &which, &fd, &size, err) &&
	       doubt_reply_picture(request, fd, err);
}

bool handle_conflict_file(struct http_request *request, void *context, struct err *err)
{
	(void)context;
	const char *conflict, *which;
	uint64_t size;
	int fd;
	return open_one(request, "conflict.export", &conflict, &which, &fd, &size, err) &&
	       doubt_reply_file(request, fd, size, strcmp(which, "stored") == 0 ? "conflict-stored" : "conflict-other",
	                        conflict, err);
}

bool handle_conflict_decide(struct http_request *request, void *context, struct err *err)
{
	struct gateway *gateway = context;
	const char *conflict, *decision, *reason;
	enum conflict_state state = CONFLICT_SEPARATE;
	json_t *body;
	if (!input_path_id(request, "conflict", &conflict, err) || !http_body_json(request, &body, err) ||
	    !input_word(body, "decision", "keep replace separate undo", true, &decision, err) ||
	    !input_text(body, "reason", DOUBT_REASON_MAX, true, &reason, err))
		return false;
	enum conflict_event event = (enum conflict_event)machine_event_find(conflict_machine(), decision);
	bool ok = event == CONFLICT_EVENT_SEPARATE
	              ? redrive_separate(gateway->pool, gateway->store, caller_id(request), conflict, reason, err)
	              : conflict_decide(gateway->pool, gateway->store, caller_id(request), conflict, event, reason,
	                                &state, err);
	return ok && http_reply_json(request, 200, json_pack("{s:s}", "state", conflict_state_name(state)), err);
}
