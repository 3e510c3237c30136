/* The thumbnail of a study for our own pages; those of DICOMweb are in dicomweb_rendered.c. */
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
	ok = http_reply_bytes(request, 200, rendering_type(how->media), bytes, length, err);
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
