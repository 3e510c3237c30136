/* WADO-RS (PS3.18 section 10.4): objects as stored, frames, values, as parts of a multipart answer that is never whole in memory. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "gateway/caller.h"
#include "gateway/dicomweb.h"
#include "gateway/handlers.h"
#include "lib/base/text.h"
#include "lib/dicom/dicom.h"
#include "lib/store/store.h"

enum { PIECE = 256 * 1024, FRAMES_MAX = 1000, PATH_SIZE = 32 };

#define EXPLICIT_LITTLE_ENDIAN "1.2.840.10008.1.2.1"

/* One part: a stored object, or bytes made for it. */
struct part {
	int fd; /* -1: bytes */
	uint8_t *bytes;
	uint64_t offset, length;
	char type[200];
	char location[DICOMWEB_BASE_SIZE + 300]; /* empty: none */
};

struct multipart {
	struct db_rows *rows;
	struct store *store;
	char boundary[TEXT_UUID_SIZE], base[DICOMWEB_BASE_SIZE];
	/* Makes part `next`; false with ERR_NOT_FOUND behind the last. */
	bool (*open)(struct multipart *multipart, int next, struct part *out, struct err *err);
	int next, count;
	struct part part;
	bool is_open;
	/* of frames */
	int frames[FRAMES_MAX];
	bool is_decoded;
	char media[64];
};

static void close_part(struct multipart *multipart)
{
	if (!multipart->is_open)
		return;
	if (multipart->part.fd >= 0)
		close(multipart->part.fd);
	free(multipart->part.bytes);
	multipart->is_open = false;
}

static void multipart_free(void *stream)
{
	struct multipart *multipart = stream;
	close_part(multipart);
	db_rows_free(multipart->rows);
	free(multipart);
}

/* Takes rows. */
static struct multipart *multipart_new(struct http_request *request, struct gateway *gateway, struct db_rows *rows)
{
	struct multipart *multipart = calloc(1, sizeof *multipart);
	if (multipart == NULL)
		err_panic("out of memory");
	multipart->rows = rows;
	multipart->store = gateway->store;
	text_uuid_new(multipart->boundary);
	dicomweb_base(request, multipart->base);
	return multipart;
}

/* ---- the stream ----------------------------------------------------------------------------------------------------------------- */

static bool open_part(struct multipart *multipart, struct err *err)
{
	memset(&multipart->part, 0, sizeof multipart->part);
	multipart->part.fd = -1;
	multipart->is_open = multipart->open(multipart, multipart->next, &multipart->part, err);
	multipart->next += multipart->is_open;
	return multipart->is_open;
}

static bool put_head(const struct multipart *multipart, struct text_buf *out, struct err *err)
{
	const struct part *part = &multipart->part;
	bool ok = text_buf_printf(out, "--%s\r\nContent-Type: %s\r\nContent-Length: %llu\r\n", multipart->boundary,
	                          part->type, (unsigned long long)part->length) &&
	          (part->location[0] == '\0' || text_buf_printf(out, "Content-Location: %s\r\n", part->location)) &&
	          text_buf_append(out, "\r\n", 2);
	return ok || err_set(err, ERR_INVALID, "cannot write the head of a part");
}

static bool put_piece(struct multipart *multipart, struct text_buf *out, struct err *err)
{
	static _Thread_local char piece[PIECE];
	struct part *part = &multipart->part;
	uint64_t left = part->length - part->offset;
	size_t length = left < PIECE ? (size_t)left : PIECE;
	const void *bytes = part->bytes != NULL ? part->bytes + part->offset : (const uint8_t *)piece;
	if (part->fd >= 0 && pread(part->fd, piece, length, (off_t)part->offset) != (ssize_t)length)
		return err_set(err, ERR_TEMPORARY, "could not read an object");
	part->offset += length;
	return text_buf_append(out, bytes, length) || err_set(err, ERR_INVALID, "cannot send a piece");
}

static bool produce(void *stream, struct text_buf *out, bool *end, struct err *err)
{
	struct multipart *multipart = stream;
	if (!multipart->is_open && multipart->next == multipart->count) {
		*end = true;
		return text_buf_printf(out, "--%s--\r\n", multipart->boundary) ||
		       err_set(err, ERR_INVALID, "cannot end the answer");
	}
	if (!multipart->is_open && !open_part(multipart, err))
		return false;
	if (multipart->part.offset == 0 && !put_head(multipart, out, err))
		return false;
	if (!put_piece(multipart, out, err))
		return false;
	if (multipart->part.offset < multipart->part.length)
		return true;
	close_part(multipart);
	return text_buf_append(out, "\r\n", 2) || err_set(err, ERR_INVALID, "cannot end a part");
}

/* Takes multipart. The first part is made before the status goes out, so that what cannot be served at all says so. */
static bool reply_parts(struct http_request *request, struct multipart *multipart, const char *part_type,
                        struct err *err)
{
	char type[200];
	struct http_stream stream = {produce, multipart_free, multipart};
	if (!open_part(multipart, err)) {
		multipart_free(multipart);
		return false;
	}
	snprintf(type, sizeof type, "multipart/related; type=\"%s\"; boundary=%s", part_type, multipart->boundary);
	return http_reply_stream(request, 200, type, &stream, err);
}

/* ---- objects --------------------------------------------------------------------------------------------------------------------- */

static void locate(const struct multipart *multipart, int row, char *out, size_t out_size)
{
	snprintf(out, out_size, "%s/studies/%s/series/%s/instances/%s", multipart->base,
	         db_get_text(multipart->rows, row, "shown_uid"),
	         db_get_text(multipart->rows, row, "series_instance_uid"),
	         db_get_text(multipart->rows, row, "sop_instance_uid"));
}

static bool open_object(struct multipart *multipart, int row, struct part *out, struct err *err)
{
	if (!store_open_object(multipart->store, db_get_text(multipart->rows, row, "object_key"), &out->fd,
	                       &out->length, err))
		return false;
	snprintf(out->type, sizeof out->type, "application/dicom; transfer-syntax=%s",
	         db_get_text(multipart->rows, row, "transfer_syntax_uid"));
	locate(multipart, row, out->location, sizeof out->location);
	return true;
}

enum form { FORM_NONE, FORM_MULTIPART, FORM_SINGLE };

/* Whether what is stored may be given for a syntax that was asked for. None asked for: as stored, with its name on it. */
static bool fits_syntax(const char *wanted, const struct db_rows *rows)
{
	if (wanted[0] == '\0' || strcmp(wanted, "*") == 0)
		return true;
	for (int i = 0; i < db_rows_count(rows); i++)
		if (strcmp(wanted, db_get_text(rows, i, "transfer_syntax_uid")) != 0)
			return false;
	return true;
}

static enum form form_of(const struct dicomweb_media *media, int count, const struct db_rows *rows)
{
	for (int i = 0; i < count; i++) {
		if (!fits_syntax(media[i].transfer_syntax_uid, rows))
			continue;
		if (strcmp(media[i].type, "*/*") == 0 ||
		    (strcmp(media[i].type, "multipart/related") == 0 &&
		     (media[i].part[0] == '\0' || strcmp(media[i].part, "application/dicom") == 0)))
			return FORM_MULTIPART;
		if (strcmp(media[i].type, "application/dicom") == 0 && db_rows_count(rows) == 1)
			return FORM_SINGLE;
	}
	return FORM_NONE;
}

static bool reply_single(struct http_request *request, struct gateway *gateway, const struct db_rows *rows,
                         struct err *err)
{
	char type[120], tag[STORE_KEY_SIZE + 2];
	int fd = -1;
	uint64_t size = 0;
	/* Objects never change: their key is their tag. */
	snprintf(tag, sizeof tag, "\"%s\"", db_get_text(rows, 0, "object_key"));
	if (!http_add_header(request, "ETag", tag, err) ||
	    !http_add_header(request, "Cache-Control", "private, no-cache", err))
		return false;
	if (http_has_tag(request, tag))
		return http_reply_empty(request, 304, err);
	snprintf(type, sizeof type, "application/dicom; transfer-syntax=%s",
	         db_get_text(rows, 0, "transfer_syntax_uid"));
	return store_open_object(gateway->store, db_get_text(rows, 0, "object_key"), &fd, &size, err) &&
	       http_reply_file(request, type, fd, size, err);
}

bool handle_dicomweb_retrieve(struct http_request *request, void *context, struct err *err)
{
	struct gateway *gateway = context;
	struct dicomweb_media media[DICOMWEB_MEDIA_MAX];
	struct db_rows *rows = NULL;
	int count;
	if (!dicomweb_accept(request, media, &count, err) || !dicomweb_objects(request, "study.retrieve", &rows, err))
		return false;
	enum form form = form_of(media, count, rows);
	if (form == FORM_MULTIPART) {
		struct multipart *multipart = multipart_new(request, gateway, rows);
		multipart->open = open_object;
		multipart->count = db_rows_count(rows);
		return reply_parts(request, multipart, "application/dicom", err);
	}
	bool ok = form == FORM_SINGLE
	              ? reply_single(request, gateway, rows, err)
	              : dicomweb_not_acceptable(err, "multipart/related; type=\"application/dicom\" in the transfer "
	                                             "syntax that is stored, one instance also as application/dicom");
	db_rows_free(rows);
	return ok;
}

/* ---- frames ------------------------------------------------------------------------------------------------------------------------ */

/* PS3.18 table 8.7.3-5: the media type of a frame by its transfer syntax; NULL: pixels without a code. */
static const char *frame_media(const char *syntax)
{
	static const struct {
		const char *syntax, *media;
	} known[] = {{"1.2.840.10008.1.2.4.50", "image/jpeg"},  {"1.2.840.10008.1.2.4.51", "image/jpeg"},
	             {"1.2.840.10008.1.2.4.57", "image/jpeg"},  {"1.2.840.10008.1.2.4.70", "image/jpeg"},
	             {"1.2.840.10008.1.2.4.80", "image/jls"},   {"1.2.840.10008.1.2.4.81", "image/jls"},
	             {"1.2.840.10008.1.2.4.90", "image/jp2"},   {"1.2.840.10008.1.2.4.91", "image/jp2"},
	             {"1.2.840.10008.1.2.4.92", "image/jpx"},   {"1.2.840.10008.1.2.4.93", "image/jpx"},
	             {"1.2.840.10008.1.2.4.201", "image/jphc"}, {"1.2.840.10008.1.2.4.202", "image/jphc"},
	             {"1.2.840.10008.1.2.4.203", "image/jphc"}, {"1.2.840.10008.1.2.5", "image/dicom-rle"}};
	for (size_t i = 0; i < sizeof known / sizeof known[0]; i++)
		if (strcmp(known[i].syntax, syntax) == 0)
			return known[i].media;
	return NULL;
}

static bool open_frame(struct multipart *multipart, int next, struct part *out, struct err *err)
{
	char path[PATH_SIZE], instance[DICOMWEB_BASE_SIZE + 240];
	const char *stored = db_get_text(multipart->rows, 0, "transfer_syntax_uid");
	uint64_t size = 0;
	size_t length = 0;
	int fd = -1;
	if (!store_open_object(multipart->store, db_get_text(multipart->rows, 0, "object_key"), &fd, &size, err))
		return false;
	snprintf(path, sizeof path, "/dev/fd/%d", fd);
	bool ok = dicom_frame(path, multipart->frames[next], multipart->is_decoded, &out->bytes, &length, err);
	close(fd);
	if (!ok)
		return false;
	out->length = length;
	snprintf(out->type, sizeof out->type, "%s; transfer-syntax=%s", multipart->media,
	         frame_media(stored) == NULL || multipart->is_decoded ? EXPLICIT_LITTLE_ENDIAN : stored);
	locate(multipart, 0, instance, sizeof instance);
	snprintf(out->location, sizeof out->location, "%s/frames/%d", instance, multipart->frames[next]);
	return true;
}

/* "1", "1,2,3": frame numbers begin with 1. */
static bool read_frames(const struct http_request *request, struct multipart *out, struct err *err)
{
	const char *at = http_param(request, "frames");
	char *rest;
	for (out->count = 0; at != NULL; at = *rest == ',' ? rest + 1 : NULL) {
		long frame = strtol(at, &rest, 10);
		if (*at < '0' || *at > '9' || frame < 1 || frame > 1000000 || (*rest != '\0' && *rest != ','))
			return err_set(err, ERR_NOT_FOUND, "there is no such frame");
		if (out->count == FRAMES_MAX)
			return err_set(err, ERR_INVALID, "more than %d frames are asked for at once", FRAMES_MAX);
		if (frame > db_get_int(out->rows, 0, "frames"))
			return err_set(err, ERR_NOT_FOUND, "there is no frame %ld", frame);
		out->frames[out->count++] = (int)frame;
	}
	return true;
}

/* Stored or decoded, as the first of what is taken wants it. */
static bool choose_frames(const struct dicomweb_media *media, int count, struct multipart *out)
{
	const char *syntax = db_get_text(out->rows, 0, "transfer_syntax_uid"), *stored = frame_media(syntax);
	for (int i = 0; i < count; i++) {
		const char *part = media[i].part, *wanted = media[i].transfer_syntax_uid;
		bool is_any = strcmp(media[i].type, "*/*") == 0;
		bool is_octets = is_any || part[0] == '\0' || strcmp(part, "application/octet-stream") == 0;
		bool is_stored = strcmp(wanted, "*") == 0 || strcmp(wanted, syntax) == 0 ||
		                 (is_any && stored != NULL) ||
		                 (stored != NULL && wanted[0] == '\0' && strcmp(part, stored) == 0);
		if (!is_any && strcmp(media[i].type, "multipart/related") != 0)
			continue;
		if (stored != NULL && is_stored && (is_octets || strcmp(part, stored) == 0)) {
			text_copy(out->media, sizeof out->media, stored);
			return true;
		}
		if (is_octets &&
		    (wanted[0] == '\0' || strcmp(wanted, "*") == 0 || strcmp(wanted, EXPLICIT_LITTLE_ENDIAN) == 0)) {
			text_copy(out->media, sizeof out->media, "application/octet-stream");
			out->is_decoded = stored != NULL;
			return true;
		}
	}
	return false;
}

bool handle_dicomweb_frames(struct http_request *request, void *context, struct err *err)
{
	struct gateway *gateway = context;
	struct dicomweb_media media[DICOMWEB_MEDIA_MAX];
	struct db_rows *rows = NULL;
	int count;
	if (!dicomweb_accept(request, media, &count, err) || !dicomweb_objects(request, "instance.view", &rows, err))
		return false;
	struct multipart *multipart = multipart_new(request, gateway, rows);
	multipart->open = open_frame;
	bool ok = (db_get_bool(rows, 0, "has_pixels") || err_set(err, ERR_NOT_FOUND, "this instance has no picture")) &&
	          read_frames(request, multipart, err) &&
	          (choose_frames(media, count, multipart) ||
	           dicomweb_not_acceptable(err, "multipart/related; type=\"application/octet-stream\", and as stored"));
	if (!ok) {
		multipart_free(multipart);
		return false;
	}
	return reply_parts(request, multipart, multipart->media, err);
}

/* ---- values ------------------------------------------------------------------------------------------------------------------------- */

static bool reply_value(struct http_request *request, struct gateway *gateway, const struct db_rows *rows,
                        struct err *err)
{
	char path[PATH_SIZE];
	uint8_t *bytes = NULL;
	uint64_t size = 0;
	size_t length = 0;
	int fd = -1;
	if (!store_open_object(gateway->store, db_get_text(rows, 0, "object_key"), &fd, &size, err))
		return false;
	snprintf(path, sizeof path, "/dev/fd/%d", fd);
	bool ok = dicom_value(path, http_param(request, "path"), &bytes, &length, err);
	close(fd);
	ok = ok && http_reply_bytes(request, 200, "application/octet-stream", bytes, length, err);
	free(bytes);
	return ok;
}

bool handle_dicomweb_bulk(struct http_request *request, void *context, struct err *err)
{
	struct gateway *gateway = context;
	struct db_rows *rows = NULL;
	if (!dicomweb_objects(request, "instance.view", &rows, err))
		return false;
	bool ok = reply_value(request, gateway, rows, err);
	db_rows_free(rows);
	return ok;
}
