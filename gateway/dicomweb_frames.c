/* WADO-RS: frames (PS3.18 section 10.4.1.1.6), as stored, decoded or coded anew; and single values (bulk data, section 10.4.1.1.5). */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "gateway/caller.h"
#include "gateway/dicomweb.h"
#include "gateway/dicomweb_parts.h"
#include "gateway/handlers.h"
#include "gateway/series_metadata.h"
#include "lib/base/text.h"
#include "lib/dicom/dicom.h"
#include "lib/store/store.h"

enum { FRAMES_MAX = 1000, PATH_SIZE = 32, MEDIA_SIZE = 64, HTTP_NOT_ACCEPTABLE = 406 };

#define OCTETS "application/octet-stream"

/* PS3.18 table 8.7.3-5: the media type of a frame by its transfer syntax; the first of a type is its default. */
static const struct {
	const char *media, *syntax;
} known[] = {{"image/jpeg", "1.2.840.10008.1.2.4.70"},  {"image/jpeg", "1.2.840.10008.1.2.4.50"},
             {"image/jpeg", "1.2.840.10008.1.2.4.51"},  {"image/jpeg", "1.2.840.10008.1.2.4.57"},
             {"image/jls", "1.2.840.10008.1.2.4.80"},   {"image/jls", "1.2.840.10008.1.2.4.81"},
             {"image/jp2", "1.2.840.10008.1.2.4.90"},   {"image/jp2", "1.2.840.10008.1.2.4.91"},
             {"image/jpx", "1.2.840.10008.1.2.4.92"},   {"image/jpx", "1.2.840.10008.1.2.4.93"},
             {"image/jphc", "1.2.840.10008.1.2.4.201"}, {"image/jphc", "1.2.840.10008.1.2.4.202"},
             {"image/jphc", "1.2.840.10008.1.2.4.203"}, {"image/dicom-rle", "1.2.840.10008.1.2.5"}};
enum { KNOWN = sizeof known / sizeof known[0] };

/* Empty: none. */
static const char *media_of(const char *syntax)
{
	for (size_t i = 0; i < KNOWN; i++)
		if (strcmp(known[i].syntax, syntax) == 0)
			return known[i].media;
	return "";
}

static const char *default_syntax(const char *media)
{
	for (size_t i = 0; i < KNOWN; i++)
		if (strcmp(known[i].media, media) == 0)
			return known[i].syntax;
	return "";
}

struct frames {
	struct db_rows *rows;
	int fd;
	struct dicom_frames *reader; /* of fd */
	char base[DICOMWEB_BASE_SIZE];
	int numbers[FRAMES_MAX], count;
	/* How they go out. */
	bool is_alone;     /* not as a multipart */
	const char *media; /* static */
	char syntax[65];   /* that is written beside it */
	bool is_stored;    /* the bytes as they lie there */
};

static void frames_free(void *context)
{
	struct frames *frames = context;
	dicom_frames_close(frames->reader);
	if (frames->fd >= 0)
		close(frames->fd);
	db_rows_free(frames->rows);
	free(frames);
}

/* Takes rows. */
static struct frames *frames_new(struct http_request *request, struct db_rows *rows)
{
	struct frames *frames = calloc(1, sizeof *frames);
	if (frames == NULL)
		err_panic("out of memory");
	frames->rows = rows;
	frames->fd = -1;
	dicomweb_base(request, frames->base);
	return frames;
}

/* "1", "1,2,3": frame numbers begin with 1. */
static bool read_frames(const struct http_request *request, struct frames *out, struct err *err)
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
		out->numbers[out->count++] = (int)frame;
	}
	return true;
}

/* ---- what is asked for -------------------------------------------------------------------------------------------------------- */

static bool choose(struct frames *frames, const char *media, const char *syntax, bool is_stored)
{
	frames->media = media;
	frames->is_stored = is_stored;
	text_copy(frames->syntax, sizeof frames->syntax, syntax);
	return true;
}

/* part: the media type of a frame, empty: any. */
static bool choose_coding(struct frames *frames, const char *part, const char *wanted)
{
	const char *stored = db_get_text(frames->rows, 0, "transfer_syntax_uid"), *media = media_of(stored);
	bool is_coded = !dicom_is_uncompressed(stored);
	bool is_octets = part[0] == '\0' || strcmp(part, OCTETS) == 0;
	bool is_its_media = media[0] != '\0' && strcmp(part, media) == 0;
	if (is_coded && (is_octets || is_its_media) &&
	    (strcmp(wanted, "*") == 0 || strcmp(wanted, stored) == 0 || (wanted[0] == '\0' && is_its_media)))
		return choose(frames, media[0] != '\0' ? media : OCTETS, stored, true);
	if (is_octets && (wanted[0] == '\0' || strcmp(wanted, "*") == 0 || strcmp(wanted, DICOM_EXPLICIT) == 0) &&
	    (!is_coded || dicom_can_transcode(stored, DICOM_EXPLICIT)))
		return choose(frames, OCTETS, DICOM_EXPLICIT, false);
	for (size_t i = 0; i < KNOWN; i++)
		if (strcmp(part, known[i].media) == 0 && dicom_can_transcode(stored, known[i].syntax) &&
		    strcmp(wanted[0] != '\0' ? wanted : default_syntax(part), known[i].syntax) == 0)
			return choose(frames, known[i].media, known[i].syntax, false);
	return false;
}

/* The first of what is taken that there is. */
static bool choose_media(const struct dicomweb_media *media, int count, struct frames *frames)
{
	const char *stored = db_get_text(frames->rows, 0, "transfer_syntax_uid");
	for (int i = 0; i < count; i++) {
		bool is_any = strcmp(media[i].type, "*/*") == 0;
		bool is_multipart = strcmp(media[i].type, "multipart/related") == 0;
		const char *wanted = media[i].transfer_syntax_uid;
		if (!is_any && !is_multipart && frames->count > 1)
			continue;
		/* Whoever takes anything gets what is there, without work. */
		if (is_any && wanted[0] == '\0' && media_of(stored)[0] != '\0')
			wanted = "*";
		frames->is_alone = !is_any && !is_multipart;
		if (choose_coding(frames, is_any ? "" : is_multipart ? media[i].part : media[i].type, wanted))
			return true;
	}
	return false;
}

static bool not_acceptable(const struct frames *frames, struct err *err)
{
	static const char *const coded[] = {"image/jpeg", "image/jls", "image/jp2"};
	const char *stored = db_get_text(frames->rows, 0, "transfer_syntax_uid"), *media = media_of(stored);
	char text[ERR_TEXT_MAX];
	int length = 0;
	if (!dicom_is_uncompressed(stored))
		length = snprintf(text, sizeof text, "%s; transfer-syntax=%s (as stored), ",
		                  media[0] != '\0' ? media : OCTETS, stored);
	if (dicom_can_transcode(stored, DICOM_EXPLICIT))
		length += snprintf(text + length, sizeof text - (size_t)length,
		                   OCTETS "; transfer-syntax=" DICOM_EXPLICIT ", ");
	for (size_t i = 0; i < sizeof coded / sizeof coded[0]; i++)
		if (dicom_can_transcode(stored, default_syntax(coded[i])))
			length += snprintf(text + length, sizeof text - (size_t)length, "%s; transfer-syntax=%s, ",
			                   coded[i], default_syntax(coded[i]));
	snprintf(text + length, sizeof text - (size_t)length, "in multipart/related, one frame also alone");
	return dicomweb_not_acceptable(err, text);
}

/* ---- answers -------------------------------------------------------------------------------------------------------------------- */

static bool open_reader(struct frames *frames, struct store *store, struct err *err)
{
	char path[PATH_SIZE];
	uint64_t size;
	if (!store_open_object(store, db_get_text(frames->rows, 0, "object_key"), &frames->fd, &size, err))
		return false;
	snprintf(path, sizeof path, "/dev/fd/%d", frames->fd);
	return dicom_frames_open(path, &frames->reader, err);
}

/* What the ledger thought possible and the pixels do not allow. */
static bool cannot(const struct frames *frames, struct err *err)
{
	if (!frames->is_stored && (err->kind == ERR_INVALID || err->kind == ERR_REFUSED))
		err_code(err, ERR_SOURCE_HTTP, HTTP_NOT_ACCEPTABLE);
	return false;
}

static bool open_frame(void *context, int index, struct dicomweb_part *out, struct err *err)
{
	const struct frames *frames = context;
	char instance[DICOMWEB_BASE_SIZE + 240];
	size_t length;
	if (!dicom_frames_read(frames->reader, frames->numbers[index], frames->is_stored ? NULL : frames->syntax,
	                       &out->bytes, &length, err))
		return cannot(frames, err);
	out->length = length;
	snprintf(out->type, sizeof out->type, "%s; transfer-syntax=%s", frames->media, frames->syntax);
	dicomweb_locate(frames->base, frames->rows, 0, instance, sizeof instance);
	snprintf(out->location, sizeof out->location, "%s/frames/%d", instance, frames->numbers[index]);
	return true;
}

static bool reply_alone(struct http_request *request, struct frames *frames, struct err *err)
{
	struct dicomweb_part part;
	dicomweb_part_init(&part);
	bool ok = open_frame(frames, 0, &part, err) && dicomweb_reply_part(request, &part, err);
	frames_free(frames);
	return ok;
}

static bool reply_frames(struct http_request *request, struct gateway *gateway, struct frames *frames, struct err *err)
{
	const char *words[] = {db_get_text(frames->rows, 0, "object_key"), http_param(request, "frames"),
	                       frames->syntax, frames->is_alone ? "alone" : frames->base};
	struct dicomweb_parts parts = {
	    .count = frames->count, .open = open_frame, .fini = frames_free, .context = frames};
	char tag[DICOMWEB_TAG_SIZE], boundary[DICOMWEB_TAG_SIZE];
	bool is_settled;
	dicomweb_tag(words, 4, tag, boundary);
	bool ok = dicomweb_weigh_tag(request, tag, &is_settled, err);
	if (!ok || is_settled || !open_reader(frames, gateway->store, err)) {
		frames_free(frames);
		return ok && is_settled;
	}
	return frames->is_alone ? reply_alone(request, frames, err)
	                        : dicomweb_reply_parts(request, &parts, frames->media, boundary, err);
}

bool handle_dicomweb_frames(struct http_request *request, void *context, struct err *err)
{
	struct gateway *gateway = context;
	struct dicomweb_media media[DICOMWEB_MEDIA_MAX];
	struct db_rows *rows = NULL;
	int count;
	if (!dicomweb_accept(request, media, &count, err) || !dicomweb_objects(request, "instance.view", &rows, err))
		return false;
	struct frames *frames = frames_new(request, rows);
	bool ok = (db_get_bool(rows, 0, "has_pixels") || err_set(err, ERR_NOT_FOUND, "this instance has no picture")) &&
	          read_frames(request, frames, err) &&
	          (choose_media(media, count, frames) || not_acceptable(frames, err));
	if (!ok) {
		frames_free(frames);
		return false;
	}
	return reply_frames(request, gateway, frames, err);
}

/* Goes into every tag: what is given otherwise has another number. */
#define VALUES "values 2"

/* ---- values ------------------------------------------------------------------------------------------------------------------------- */

struct value {
	struct db_rows *rows;
	struct store *store;
	const char *path; /* of the request, which ends before the answer is out */
};

static void value_free(void *context)
{
	struct value *value = context;
	db_rows_free(value->rows);
	free(value);
}

/* Takes rows. */
static struct value *value_new(const struct http_request *request, struct db_rows *rows, struct store *store)
{
	struct value *value = calloc(1, sizeof *value);
	if (value == NULL)
		err_panic("out of memory");
	value->rows = rows;
	value->store = store;
	value->path = http_param(request, "path");
	return value;
}

/* The only part is opened while the request is there. */
static bool open_value(void *context, int index, struct dicomweb_part *out, struct err *err)
{
	const struct value *value = context;
	const struct dicom_json_options options = series_metadata_options(value->rows, 0);
	char path[PATH_SIZE];
	uint64_t size = 0;
	size_t length = 0;
	int fd = -1;
	(void)index;
	if (!store_open_object(value->store, db_get_text(value->rows, 0, "object_key"), &fd, &size, err))
		return false;
	snprintf(path, sizeof path, "/dev/fd/%d", fd);
	bool ok = dicom_value(path, &options, value->path, &out->bytes, &length, err);
	close(fd);
	out->length = length;
	snprintf(out->type, sizeof out->type, OCTETS);
	return ok;
}

static bool reply_value(struct http_request *request, struct value *value, struct err *err)
{
	struct dicomweb_part part;
	dicomweb_part_init(&part);
	bool ok = open_value(value, 0, &part, err) && dicomweb_reply_part(request, &part, err);
	value_free(value);
	return ok;
}

/* Whoever takes no multipart first gets the value alone, whatever else he takes. */
static bool wants_multipart(const struct dicomweb_media *media, int count)
{
	return count > 0 && strcmp(media[0].type, "multipart/related") == 0;
}

bool handle_dicomweb_bulk(struct http_request *request, void *context, struct err *err)
{
	struct gateway *gateway = context;
	struct dicomweb_media media[DICOMWEB_MEDIA_MAX];
	struct db_rows *rows = NULL;
	char tag[DICOMWEB_TAG_SIZE], boundary[DICOMWEB_TAG_SIZE];
	bool is_settled;
	int count;
	if (!dicomweb_accept(request, media, &count, err) || !dicomweb_objects(request, "instance.view", &rows, err))
		return false;
	bool is_multipart = wants_multipart(media, count);
	const char *words[] = {VALUES, db_get_text(rows, 0, "object_key"), db_get_text(rows, 0, "charset_used"),
	                       http_param(request, "path"), is_multipart ? "multipart" : "alone"};
	dicomweb_tag(words, sizeof words / sizeof words[0], tag, boundary);
	bool ok = dicomweb_weigh_tag(request, tag, &is_settled, err);
	if (!ok || is_settled) {
		db_rows_free(rows);
		return ok;
	}
	struct value *value = value_new(request, rows, gateway->store);
	struct dicomweb_parts parts = {.count = 1, .open = open_value, .fini = value_free, .context = value};
	return is_multipart ? dicomweb_reply_parts(request, &parts, OCTETS, boundary, err)
	                    : reply_value(request, value, err);
}
