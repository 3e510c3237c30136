/* 异常数据: one object with its header, picture and file; corrected, driven again, closed. The rules are those of lib/intake/redrive.h. */
#include <string.h>
#include <unistd.h>

#include "gateway/answer.h"
#include "gateway/caller.h"
#include "gateway/doubt_object.h"
#include "gateway/handlers.h"
#include "gateway/input.h"
#include "lib/domain/change.h"
#include "lib/domain/header_json.h"
#include "lib/intake/redrive.h"

enum { REVISION_MAX = 1000000 };

static bool open_one(struct http_request *request, const char *action, const char *object, bool must_act, int *out_fd,
                     uint64_t *out_size, struct err *err)
{
	char site[TEXT_UUID_SIZE];
	bool may;
	if (!doubt_open_apart(request, object, out_fd, out_size, site, &may, err))
		return false;
	bool ok = may || !must_act ||
	          err_set(err, ERR_REFUSED, "cannot do this: you are neither operator nor duty leader at its site");
	ok = ok && caller_audit(request, action, "quarantine", object, site[0] != '\0' ? site : NULL, NULL, err);
	caller_rest(request);
	if (!ok)
		close(*out_fd);
	return ok;
}

/* Where it may be put, and UIDs that nobody has, for whoever corrects. */
static bool add_choices(struct db *db, json_t *json, struct err *err)
{
	char study[TEXT_UID_SIZE], series[TEXT_UID_SIZE], instance[TEXT_UID_SIZE];
	struct db_rows *rows = NULL;
	if (!json_is_true(json_object_get(json, "may")))
		return true;
	if (!db_exec(db, STMT_QUARANTINE_SITES, DB_NO_PARAMS, &rows, err))
		return false;
	json_t *sites = answer_list(rows, "sites");
	db_rows_free(rows);
	json_object_update(json, sites);
	json_decref(sites);
	text_uid_new(study);
	text_uid_new(series);
	text_uid_new(instance);
	json_object_set_new(json, "new_uids",
	                    json_pack("{s:s, s:s, s:s}", "study_instance_uid", study, "series_instance_uid", series,
	                              "sop_instance_uid", instance));
	return true;
}

/* Bytes on another host are said to be there; the rest is shown. */
static bool add_header(struct http_request *request, const char *object, json_t *json, struct err *err)
{
	uint64_t size;
	int fd;
	if (!open_one(request, "quarantine.view", object, false, &fd, &size, err)) {
		if (err->kind != ERR_NOT_FOUND)
			return false;
		json_object_set_new(json, "fields", json_array());
		json_object_set_new(json, "unreadable", json_string(err->text));
		return true;
	}
	json_t *header = header_json(fd);
	close(fd);
	json_object_update(json, header);
	json_decref(header);
	return true;
}

bool handle_quarantined(struct http_request *request, void *context, struct err *err)
{
	(void)context;
	const char *object;
	struct db *db;
	struct db_rows *rows = NULL;
	if (!input_path_id(request, "object", &object, err) || !caller_db(request, &db, err) ||
	    !db_exec_one(db, STMT_QUARANTINE_SHOW, DB_PARAMS(db_text(object)), "the object", &rows, err))
		return false;
	json_t *json = answer_row(rows, 0);
	db_rows_free(rows);
	if (!add_choices(db, json, err) || !add_header(request, object, json, err)) {
		json_decref(json);
		return false;
	}
	return http_reply_json(request, 200, json, err);
}

bool handle_quarantined_picture(struct http_request *request, void *context, struct err *err)
{
	(void)context;
	const char *object;
	uint64_t size;
	int fd;
	return input_path_id(request, "object", &object, err) &&
	       open_one(request, "quarantine.view", object, false, &fd, &size, err) &&
	       doubt_reply_picture(request, fd, err);
}

bool handle_quarantined_file(struct http_request *request, void *context, struct err *err)
{
	(void)context;
	const char *object;
	uint64_t size;
	int fd;
	return input_path_id(request, "object", &object, err) &&
	       open_one(request, "quarantine.export", object, true, &fd, &size, err) &&
	       doubt_reply_file(request, fd, size, "quarantine", object, err);
}

bool handle_quarantined_correct(struct http_request *request, void *context, struct err *err)
{
	struct gateway *gateway = context;
	const char *object, *reason;
	int revision;
	json_t *body;
	if (!input_path_id(request, "object", &object, err) || !http_body_json(request, &body, err) ||
	    !input_int(body, "revision", 0, REVISION_MAX, &revision, err) ||
	    !input_text(body, "reason", DOUBT_REASON_MAX, true, &reason, err) ||
	    !quarantine_correct(gateway->pool, caller_id(request), object, revision, json_object_get(body, "fields"),
	                        reason, &revision, err))
		return false;
	return http_reply_json(request, 200, json_pack("{s:i}", "revision", revision), err);
}

bool handle_quarantined_retry(struct http_request *request, void *context, struct err *err)
{
	struct gateway *gateway = context;
	const char *object;
	struct redrive_result result;
	if (!input_path_id(request, "object", &object, err) ||
	    !redrive_quarantined(gateway->pool, gateway->store, caller_id(request), object, &result, err))
		return false;
	return http_reply_json(request, 200, redrive_json(&result), err);
}

static bool close_one(struct http_request *request, struct gateway *gateway, bool is_closed, struct err *err)
{
	const char *object, *reason;
	json_t *body;
	return input_path_id(request, "object", &object, err) && http_body_json(request, &body, err) &&
	       input_text(body, "reason", DOUBT_REASON_MAX, true, &reason, err) &&
	       quarantine_close(gateway->pool, caller_id(request), object, is_closed, reason, err) &&
	       answer_done(request, err);
}

bool handle_quarantined_close(struct http_request *request, void *context, struct err *err)
{
	return close_one(request, context, true, err);
}

bool handle_quarantined_reopen(struct http_request *request, void *context, struct err *err)
{
	return close_one(request, context, false, err);
}
