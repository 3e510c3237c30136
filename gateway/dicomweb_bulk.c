/* WADO-RS: the values that metadata names in a BulkDataURI (PS3.18 sections 8.7.3 and 10.4.1.1.5). */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>

#include "gateway/caller.h"
#include "gateway/dicomweb.h"
#include "gateway/dicomweb_frames.h"
#include "gateway/dicomweb_parts.h"
#include "gateway/handlers.h"
#include "gateway/series_metadata.h"
#include "lib/dicom/dicom.h"
#include "lib/store/store.h"

enum { PATH_SIZE = 32 };

/* Goes into every tag: what is given otherwise has another number. */
#define VALUES "values 2"

/* ---- one value ------------------------------------------------------------------------------------------------------------ */

static bool is_pixels(const struct http_request *request, const struct db_rows *rows)
{
	return db_get_bool(rows, 0, "has_pixels") && strcasecmp(http_param(request, "path"), "7FE00010") == 0;
}

/* Whether the value is one of a data set that is not compressed. Video is not parted into frames either. */
static bool is_whole(const struct http_request *request, const struct db_rows *rows)
{
	const char *stored = db_get_text(rows, 0, "transfer_syntax_uid");
	return !is_pixels(request, rows) || dicom_is_uncompressed(stored) || dicomweb_frames_media(stored)[0] == '\0';
}

static bool has_frames(const struct http_request *request, const struct db_rows *rows)
{
	const char *stored = db_get_text(rows, 0, "transfer_syntax_uid");
	return is_pixels(request, rows) && (dicom_is_uncompressed(stored) || dicomweb_frames_media(stored)[0] != '\0');
}

static void describe(const struct http_request *request, const struct db_rows *rows, struct dicomweb_part *out)
{
	const char *stored = db_get_text(rows, 0, "transfer_syntax_uid");
	if (is_pixels(request, rows) && !dicom_is_uncompressed(stored))
		snprintf(out->type, sizeof out->type, DICOMWEB_OCTETS "; transfer-syntax=%s", stored);
	else
		snprintf(out->type, sizeof out->type, DICOMWEB_OCTETS);
}

static bool open_value(const struct http_request *request, struct store *store, const struct db_rows *rows,
                       struct dicomweb_part *out, struct err *err)
{
	const struct dicom_json_options options = series_metadata_options(rows, 0);
	char path[PATH_SIZE];
	uint64_t size = 0;
	size_t length = 0;
	int fd = -1;
	if (!store_open_object(store, db_get_text(rows, 0, "object_key"), &fd, &size, err))
		return false;
	snprintf(path, sizeof path, "/dev/fd/%d", fd);
	bool ok = dicom_value(path, &options, http_param(request, "path"), &out->bytes, &length, err);
	close(fd);
	out->length = length;
	describe(request, rows, out);
	return ok;
}

/* The index of the first range of accept that takes it, and how; -1: none. */
static int choose_value(const struct http_request *request, const struct db_rows *rows, const struct accept *accept,
                        bool *out_is_multipart)
{
	const char *stored = db_get_text(rows, 0, "transfer_syntax_uid");
	if (!is_whole(request, rows))
		return -1;
	for (int i = 0; i < accept->count; i++) {
		const char *syntax = accept->taken[i].transfer_syntax_uid;
		bool is_as_stored = syntax[0] == '\0' || strcmp(syntax, "*") == 0 || strcmp(syntax, stored) == 0;
		if (!is_as_stored && !(strcmp(syntax, DICOM_EXPLICIT) == 0 &&
		                       (!is_pixels(request, rows) || dicom_is_uncompressed(stored))))
			continue;
		const char *named = syntax[0] != '\0' ? syntax : DICOM_EXPLICIT;
		const struct accept_offer offers[] = {{DICOMWEB_OCTETS, NULL, named},
		                                      {"multipart/related", DICOMWEB_OCTETS, named}};
		for (int k = 0; k < 2; k++)
			if (accept_decides(accept, i, &offers[k])) {
				*out_is_multipart = k == 1;
				return i;
			}
	}
	return -1;
}

/* ---- answers --------------------------------------------------------------------------------------------------------------- */

struct value {
	struct dicomweb_part part; /* which is already open */
};

static void value_free(void *context)
{
	struct value *value = context;
	dicomweb_part_fini(&value->part);
	free(value);
}

static bool take_value(void *context, int index, struct dicomweb_part *out, struct err *err)
{
	struct value *value = context;
	(void)index;
	(void)err;
	*out = value->part;
	dicomweb_part_init(&value->part);
	return true;
}

/* Takes the part. */
static bool reply_multipart(struct http_request *request, struct dicomweb_part *part, const char *boundary,
                            struct err *err)
{
	struct value *value = calloc(1, sizeof *value);
	struct dicomweb_parts parts = {.count = 1, .open = take_value, .fini = value_free, .context = value};
	if (value == NULL)
		err_panic("out of memory");
	value->part = *part;
	return dicomweb_reply_parts(request, &parts, DICOMWEB_OCTETS, boundary, err);
}

/* It is looked at first: a condition holds only of what is there (RFC 9110 section 13.1.2). */
static bool reply_value(struct http_request *request, struct gateway *gateway, const struct db_rows *rows,
                        bool is_multipart, struct err *err)
{
	const char *words[] = {VALUES, db_get_text(rows, 0, "object_key"), db_get_text(rows, 0, "charset_used"),
	                       http_param(request, "path"), is_multipart ? "multipart" : "alone"};
	char tag[DICOMWEB_TAG_SIZE], boundary[DICOMWEB_TAG_SIZE];
	struct dicomweb_part part;
	bool is_settled = false;
	dicomweb_part_init(&part);
	dicomweb_tag(words, sizeof words / sizeof words[0], tag, boundary);
	bool ok =
	    open_value(request, gateway->store, rows, &part, err) && dicomweb_weigh_tag(request, tag, &is_settled, err);
	if (!ok || is_settled) {
		dicomweb_part_fini(&part);
		return ok;
	}
	return is_multipart ? reply_multipart(request, &part, boundary, err) : dicomweb_reply_part(request, &part, err);
}

/* What is not there at all is not found, however it is wanted. */
static bool refuse(struct http_request *request, struct gateway *gateway, const struct db_rows *rows, struct err *err)
{
	struct dicomweb_part part;
	dicomweb_part_init(&part);
	bool ok = open_value(request, gateway->store, rows, &part, err);
	dicomweb_part_fini(&part);
	return ok && dicomweb_not_acceptable(err, DICOMWEB_OCTETS ", also in multipart/related");
}

bool handle_dicomweb_bulk(struct http_request *request, void *context, struct err *err)
{
	struct accept accept;
	struct db_rows *rows = NULL;
	bool is_multipart = false;
	if (!dicomweb_accept(request, &accept, err) || !dicomweb_objects(request, "instance.view", &rows, err))
		return false;
	/* Pixels are given frame by frame where they are coded, or wanted so. It takes the rows. */
	struct frames *frames = has_frames(request, rows) ? dicomweb_frames_new(request, rows) : NULL;
	int value = choose_value(request, rows, &accept, &is_multipart);
	int of_frames = frames != NULL ? dicomweb_frames_choose(frames, &accept) : -1;
	if (of_frames >= 0 && (value < 0 || of_frames < value))
		return dicomweb_frames_reply(request, context, frames, err);
	bool ok = value >= 0       ? reply_value(request, context, rows, is_multipart, err)
	          : frames != NULL ? dicomweb_frames_refuse(frames, err)
	                           : refuse(request, context, rows, err);
	dicomweb_frames_free(frames);
	if (frames == NULL)
		db_rows_free(rows);
	return ok;
}
