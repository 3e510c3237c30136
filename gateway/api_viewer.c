/* What the viewer asks besides images: what the caller may do with the study, and which images are key images of the report that is written. */
#include <string.h>

#include "gateway/answer.h"
#include "gateway/caller.h"
#include "gateway/evidence.h"
#include "gateway/handlers.h"
#include "gateway/input.h"

enum { KEY_IMAGES_MAX = 20 };

bool handle_viewer_study(struct http_request *request, void *context, struct err *err)
{
	const char *study_uid;
	struct evidence_place place;
	json_t *answer = NULL;
	(void)context;
	return input_path_uid(request, "study", &study_uid, err) &&
	       evidence_tell(request, study_uid, &place, &answer, err) && http_reply_json(request, 200, answer, err);
}

struct mark {
	const char *instance;
	int frame;
	bool is_key;
};

static bool read_mark(struct http_request *request, struct mark *out, struct err *err)
{
	json_t *body;
	if (!http_body_json(request, &body, err) ||
	    !input_text(body, "instance", DICOM_UID_SIZE - 1, true, &out->instance, err) ||
	    !input_int(body, "frame", 1, INT32_MAX, &out->frame, err))
		return false;
	const json_t *is_key = json_object_get(body, "is_key");
	if (!text_is_uid(out->instance))
		return err_set(err, ERR_INVALID, "instance is no SOP Instance UID");
	if (!json_is_boolean(is_key))
		return err_set(err, ERR_INVALID, "is_key is true or false");
	out->is_key = json_is_true(is_key);
	return true;
}

/* What key_image_mark of the ledger answers. */
static bool judge(const char *refused, struct err *err)
{
	if (refused[0] == '\0')
		return true;
	if (strcmp(refused, "full") == 0)
		return err_set(err, ERR_CONFLICT, "cannot mark a key image: there are %d already", KEY_IMAGES_MAX);
	if (strcmp(refused, "image") == 0)
		return err_set(err, ERR_CONFLICT, "cannot mark a key image: the study has no such image");
	return err_set(err, ERR_CONFLICT, "cannot mark a key image: you are not writing the report of this study");
}

static bool mark(struct http_request *request, const struct evidence_place *place, const struct mark *mark,
                 struct err *err)
{
	struct db *db;
	struct db_rows *rows = NULL;
	if (!caller_db(request, &db, err) ||
	    !db_exec(db, STMT_KEY_IMAGE_MARK,
	             DB_PARAMS(db_text(caller_id(request)), db_text(place->study), db_text(mark->instance),
	                       db_int(mark->frame), db_bool(mark->is_key), db_int(KEY_IMAGES_MAX)),
	             &rows, err))
		return false;
	bool ok = judge(db_get_text(rows, 0, "refused"), err);
	db_rows_free(rows);
	return ok && caller_audit(request, mark->is_key ? "report.key_image" : "report.key_image_remove", "study",
	                          place->study, place->site, NULL, err);
}

bool handle_viewer_key_image(struct http_request *request, void *context, struct err *err)
{
	const char *study_uid;
	bool is_there = false;
	struct evidence_place place;
	struct mark wanted;
	json_t *answer = NULL;
	(void)context;
	if (!input_path_uid(request, "study", &study_uid, err) ||
	    !evidence_find(request, study_uid, &is_there, &place, err))
		return false;
	if (!is_there)
		return err_set(err, ERR_NOT_FOUND, "there is no such study");
	return read_mark(request, &wanted, err) && mark(request, &place, &wanted, err) &&
	       evidence_tell(request, study_uid, &place, &answer, err) && http_reply_json(request, 200, answer, err);
}
