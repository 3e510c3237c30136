/* Pictures: the thumbnail of a study, and DICOMweb's rendered instance and frame (PS3.18 section 10.4.1.1.3). */
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "gateway/caller.h"
#include "gateway/handlers.h"
#include "gateway/input.h"
#include "gateway/rendering.h"

enum { THUMBNAIL_SIDE = 160, THUMBNAIL_QUALITY = 75 };

static bool reply_picture(struct http_request *request, struct gateway *gateway, const char *key,
                          const struct dicom_render *how, struct err *err)
{
	int fd = -1;
	uint64_t size = 0;
	char path[32];
	uint8_t *bytes = NULL;
	size_t length = 0;
	if (!store_open_object(gateway->store, key, &fd, &size, err))
		return false;
	snprintf(path, sizeof path, "/dev/fd/%d", fd);
	bool ok = dicom_render(path, how, &bytes, &length, err);
	close(fd);
	if (!ok)
		return false;
	/* What is drawn depends on Accept. */
	ok = http_add_header(request, "Vary", "Accept", err) &&
	     http_reply_bytes(request, 200, rendering_type(how->media), bytes, length, err);
	free(bytes);
	return ok;
}

bool handle_thumbnail(struct http_request *request, void *context, struct err *err)
{
	struct gateway *gateway = context;
	const char *study;
	struct db *db;
	struct db_rows *rows = NULL;
	if (!input_path_id(request, "study", &study, err) || !caller_db(request, &db, err) ||
	    !db_exec_one(db, STMT_GATEWAY_STUDY_PICTURE, DB_PARAMS(db_text(study)), "the picture of this study", &rows,
	                 err))
		return false;
	struct dicom_render how = {
	    .frame = (int)(db_get_int(rows, 0, "frames") + 1) / 2,
	    .width_max = THUMBNAIL_SIDE,
	    .height_max = THUMBNAIL_SIDE,
	    .media = DICOM_MEDIA_JPEG,
	    .quality = THUMBNAIL_QUALITY,
	};
	bool ok =
	    caller_audit(request, "study.thumbnail", "study", study, db_get_text(rows, 0, "site_id"), NULL, err) &&
	    reply_picture(request, gateway, db_get_text(rows, 0, "object_key"), &how, err);
	db_rows_free(rows);
	return ok;
}

/* PS3.18 section 8.3.5: frame numbers begin with 1. */
static bool read_frame(const struct http_request *request, int *out, struct err *err)
{
	const char *text = http_param(request, "frame");
	*out = 1;
	if (text == NULL)
		return true;
	char *rest;
	long frame = strtol(text, &rest, 10);
	if (rest == text || *rest != '\0' || frame < 1 || frame > 1000000)
		return err_set(err, ERR_NOT_FOUND, "there is no such frame");
	*out = (int)frame;
	return true;
}

static bool check_frame(const struct db_rows *rows, int frame, struct err *err)
{
	if (!db_get_bool(rows, 0, "has_pixels"))
		return err_set(err, ERR_NOT_FOUND, "this instance has no picture");
	if (frame > db_get_int(rows, 0, "frames"))
		return err_set(err, ERR_NOT_FOUND, "there is no such frame");
	return true;
}

bool handle_rendered(struct http_request *request, void *context, struct err *err)
{
	struct gateway *gateway = context;
	const char *study, *series, *instance;
	struct dicom_render how;
	struct db *db;
	struct db_rows *rows = NULL;
	if (!input_path_uid(request, "study", &study, err) || !input_path_uid(request, "series", &series, err) ||
	    !input_path_uid(request, "instance", &instance, err) ||
	    !rendering_parse(http_header(request, "Accept"), http_query(request, "viewport"),
	                     http_query(request, "window"), &how, err) ||
	    !read_frame(request, &how.frame, err) || !caller_db(request, &db, err) ||
	    !db_exec_one(db, STMT_GATEWAY_INSTANCE, DB_PARAMS(db_text(study), db_text(series), db_text(instance)),
	                 "the instance", &rows, err))
		return false;
	bool ok = check_frame(rows, how.frame, err) &&
	          caller_audit(request, "instance.view", "instance", db_get_text(rows, 0, "id"),
	                       db_get_text(rows, 0, "site_id"), NULL, err) &&
	          reply_picture(request, gateway, db_get_text(rows, 0, "object_key"), &how, err);
	db_rows_free(rows);
	return ok;
}
