#include "gateway/doubt_object.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "gateway/caller.h"
#include "gateway/dicomweb.h"
#include "gateway/input.h"
#include "gateway/rendering.h"
#include "lib/intake/apart.h"

enum { FRAMES_MAX = 1000000 };

bool doubt_open_conflict(struct http_request *request, const char *conflict, const char *which, int *out_fd,
                         uint64_t *out_size, char out_site[TEXT_UUID_SIZE], struct err *err)
{
	struct gateway *gateway = caller_of(request)->gateway;
	struct db *db;
	struct db_rows *rows = NULL;
	if (!caller_db(request, &db, err) ||
	    !db_exec_one(db, STMT_CONFLICT_OBJECTS, DB_PARAMS(db_text(conflict)), "the conflict", &rows, err))
		return false;
	bool is_stored = strcmp(which, "stored") == 0, is_known = is_stored || strcmp(which, "other") == 0;
	bool ok = is_known || err_set(err, ERR_NOT_FOUND, "there is no such object of a conflict");
	text_copy(out_site, TEXT_UUID_SIZE, db_get_text(rows, 0, "site"));
	for (int i = 0; ok && i < db_rows_count(rows); i++)
		if (strcmp(db_get_text(rows, i, "which"), which) == 0)
			ok = store_open_object(gateway->store, db_get_text(rows, i, "object_key"), out_fd, out_size,
			                       err);
	db_rows_free(rows);
	return ok;
}

bool doubt_open_apart(struct http_request *request, const char *object, int *out_fd, uint64_t *out_size,
                      char out_site[TEXT_UUID_SIZE], bool *out_may, struct err *err)
{
	struct gateway *gateway = caller_of(request)->gateway;
	struct db *db;
	struct db_rows *rows = NULL;
	if (!caller_db(request, &db, err) ||
	    !db_exec_one(db, STMT_QUARANTINE_OBJECT, DB_PARAMS(db_text(object)), "the object", &rows, err))
		return false;
	const char *key = db_get_text(rows, 0, "object_key");
	text_copy(out_site, TEXT_UUID_SIZE, db_is_null(rows, 0, "site") ? "" : db_get_text(rows, 0, "site"));
	*out_may = db_get_bool(rows, 0, "may");
	/* What came in after all lies in the store. */
	bool ok = apart_open(key, out_fd, out_size, err) ||
	          (err->kind == ERR_NOT_FOUND && strcmp(db_get_text(rows, 0, "state"), "indexed") == 0 &&
	           store_open_object(gateway->store, key, out_fd, out_size, err));
	db_rows_free(rows);
	return ok;
}

bool doubt_reply_picture(struct http_request *request, int fd, struct err *err)
{
	struct dicom_render how;
	struct text_buf accept;
	char path[32];
	uint8_t *bytes = NULL;
	size_t length = 0;
	snprintf(path, sizeof path, "/dev/fd/%d", fd);
	bool ok =
	    dicomweb_accept_text(request, &accept, err) &&
	    rendering_parse(accept.data, http_query(request, "viewport"), http_query(request, "window"), &how, err) &&
	    input_query_int(request, "frame", 1, FRAMES_MAX, 1, &how.frame, err) &&
	    dicom_render(path, &how, &bytes, &length, err);
	close(fd);
	text_buf_fini(&accept);
	ok = ok && http_add_header(request, "Vary", "Accept", err) &&
	     http_reply_bytes(request, 200, rendering_type(how.media), bytes, length, err);
	free(bytes);
	return ok;
}

bool doubt_reply_file(struct http_request *request, int fd, uint64_t size, const char *kind, const char *id,
                      struct err *err)
{
	char disposition[120];
	snprintf(disposition, sizeof disposition, "attachment; filename=\"%s-%s.dcm\"", kind, id);
	if (!http_add_header(request, "Content-Disposition", disposition, err)) {
		close(fd);
		return false;
	}
	return http_reply_file(request, "application/dicom", fd, size, err);
}
