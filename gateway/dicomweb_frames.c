#include "gateway/dicomweb_frames.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "gateway/caller.h"
#include "gateway/dicomweb_parts.h"
#include "gateway/handlers.h"
#include "lib/base/temporary.h"
#include "lib/base/text.h"
#include "lib/dicom/dicom.h"
#include "lib/store/store.h"

enum { FRAMES_MAX = 1000, PATH_SIZE = 32, HTTP_NOT_ACCEPTABLE = 406 };

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

const char *dicomweb_frames_media(const char *syntax)
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
	bool are_all; /* 1 to count, which are the bulk data */
	/* How they go out. */
	bool is_alone;     /* not as a multipart */
	const char *media; /* static */
	char syntax[65];   /* that is written beside it */
	bool is_stored;    /* the bytes as they lie there */
};

void dicomweb_frames_free(struct frames *frames)
{
	if (frames == NULL)
		return;
	dicom_frames_close(frames->reader);
	if (frames->fd >= 0)
		close(frames->fd);
	db_rows_free(frames->rows);
	free(frames);
}

static void frames_free(void *context)
{
	dicomweb_frames_free(context);
}

struct frames *dicomweb_frames_new(const struct http_request *request, struct db_rows *rows)
{
	struct frames *frames = calloc(1, sizeof *frames);
	if (frames == NULL)
		err_panic("out of memory");
	frames->rows = rows;
	frames->fd = -1;
	frames->are_all = true;
	frames->count = (int)db_get_int(rows, 0, "frames");
	dicomweb_base(request, frames->base);
	return frames;
}

/* "1", "1,2,3": frame numbers begin with 1. */
static bool read_frames(const struct http_request *request, struct frames *out, struct err *err)
{
	const char *at = http_param(request, "frames");
	char *rest;
	out->are_all = false;
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

/* One element of Accept, and what it says of a frame. */
struct wish {
	const struct accept *accept;
	int index;        /* in it */
	const char *part; /* the media type of a frame, perhaps with a star; empty: any */
	const char *syntax;
	bool is_alone; /* without multipart */
	bool is_any;
};

/* named: what the frames are called where they are asked for. */
static bool choose(struct frames *frames, const struct wish *wish, const char *named, const char *media,
                   const char *syntax, bool is_stored)
{
	struct accept_offer offer = {"multipart/related", named, syntax};
	if (wish->is_alone)
		offer = (struct accept_offer){named, NULL, syntax};
	/* Many in one: the pixels one behind the other, which coded ones cannot be. */
	if (wish->is_alone && frames->count > 1 && strcmp(media, DICOMWEB_OCTETS) != 0)
		return false;
	if (wish->is_alone && frames->count > 1 && is_stored)
		return false;
	if (!accept_decides(wish->accept, wish->index, &offer))
		return false;
	frames->is_alone = wish->is_alone;
	frames->media = media;
	frames->is_stored = is_stored;
	text_copy(frames->syntax, sizeof frames->syntax, syntax);
	return true;
}

static bool takes(const struct wish *wish, const char *media)
{
	return wish->part[0] == '\0' || accept_names(wish->part, media);
}

static bool choose_stored(struct frames *frames, const struct wish *wish)
{
	const char *stored = db_get_text(frames->rows, 0, "transfer_syntax_uid"),
	           *media = dicomweb_frames_media(stored);
	bool is_its_media =
	    media[0] != '\0' && (wish->is_any || (wish->part[0] != '\0' && accept_names(wish->part, media)));
	if (dicom_is_uncompressed(stored) || !(is_its_media || takes(wish, DICOMWEB_OCTETS)))
		return false;
	return (strcmp(wish->syntax, "*") == 0 || strcmp(wish->syntax, stored) == 0 ||
	        (wish->syntax[0] == '\0' && is_its_media)) &&
	       choose(frames, wish, is_its_media ? media : DICOMWEB_OCTETS, media[0] != '\0' ? media : DICOMWEB_OCTETS,
	              stored, true);
}

static bool choose_pixels(struct frames *frames, const struct wish *wish)
{
	const char *stored = db_get_text(frames->rows, 0, "transfer_syntax_uid");
	return takes(wish, DICOMWEB_OCTETS) &&
	       (wish->syntax[0] == '\0' || strcmp(wish->syntax, "*") == 0 ||
	        strcmp(wish->syntax, DICOM_EXPLICIT) == 0) &&
	       (dicom_is_uncompressed(stored) || dicom_can_transcode(stored, DICOM_EXPLICIT)) &&
	       choose(frames, wish, DICOMWEB_OCTETS, DICOMWEB_OCTETS, DICOM_EXPLICIT, false);
}

static bool choose_coded(struct frames *frames, const struct wish *wish)
{
	const char *stored = db_get_text(frames->rows, 0, "transfer_syntax_uid");
	for (size_t i = 0; i < KNOWN; i++) {
		const char *wanted = wish->syntax[0] != '\0' && strcmp(wish->syntax, "*") != 0 ? wish->syntax : NULL;
		if (wanted == NULL)
			wanted = default_syntax(known[i].media);
		if (takes(wish, known[i].media) && dicom_can_transcode(stored, known[i].syntax) &&
		    strcmp(wanted, known[i].syntax) == 0 &&
		    choose(frames, wish, known[i].media, known[i].media, known[i].syntax, false))
			return true;
	}
	return false;
}

/* A group of types alone is taken for one frame; of several it names the parts. */
static struct wish read_wish(const struct frames *frames, const struct accept *accept, int index)
{
	const struct accept_range *range = &accept->taken[index];
	const char *stored = db_get_text(frames->rows, 0, "transfer_syntax_uid");
	bool is_any = strcmp(range->type, "*/*") == 0,
	     is_group = strcmp(range->type, "image/*") == 0 || strcmp(range->type, "application/*") == 0;
	bool is_multipart = accept_names(range->type, "multipart/related");
	struct wish wish = {accept,
	                    index,
	                    is_any         ? ""
	                    : is_multipart ? range->part
	                                   : range->type,
	                    range->transfer_syntax_uid,
	                    !is_multipart && (!is_group || frames->count == 1),
	                    is_any};
	/* Whoever takes anything gets what is there, without work. */
	if (is_any && wish.syntax[0] == '\0' && dicomweb_frames_media(stored)[0] != '\0')
		wish.syntax = "*";
	return wish;
}

int dicomweb_frames_choose(struct frames *frames, const struct accept *accept)
{
	for (int i = 0; i < accept->count; i++) {
		struct wish wish = read_wish(frames, accept, i);
		if (wish.is_alone && frames->count > 1 && !frames->are_all)
			continue;
		if (choose_stored(frames, &wish) || choose_pixels(frames, &wish) || choose_coded(frames, &wish))
			return i;
	}
	return -1;
}

bool dicomweb_frames_refuse(const struct frames *frames, struct err *err)
{
	static const char *const coded[] = {"image/jpeg", "image/jls", "image/jp2"};
	const char *stored = db_get_text(frames->rows, 0, "transfer_syntax_uid"),
	           *media = dicomweb_frames_media(stored);
	char text[ERR_TEXT_MAX];
	int length = 0;
	if (!dicom_is_uncompressed(stored))
		length = snprintf(text, sizeof text, "%s; transfer-syntax=%s (as stored), ",
		                  media[0] != '\0' ? media : DICOMWEB_OCTETS, stored);
	if (dicom_can_transcode(stored, DICOM_EXPLICIT))
		length += snprintf(text + length, sizeof text - (size_t)length,
		                   DICOMWEB_OCTETS "; transfer-syntax=" DICOM_EXPLICIT ", ");
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

static int number_of(const struct frames *frames, int index)
{
	return frames->are_all ? index + 1 : frames->numbers[index];
}

static bool open_frame(void *context, int index, struct dicomweb_part *out, struct err *err)
{
	const struct frames *frames = context;
	char instance[DICOMWEB_BASE_SIZE + 240];
	int number = number_of(frames, index);
	size_t length;
	if (!dicom_frames_read(frames->reader, number, frames->is_stored ? NULL : frames->syntax, &out->bytes, &length,
	                       err))
		return cannot(frames, err);
	out->length = length;
	snprintf(out->type, sizeof out->type, "%s; transfer-syntax=%s", frames->media, frames->syntax);
	dicomweb_locate(frames->base, frames->rows, 0, instance, sizeof instance);
	snprintf(out->location, sizeof out->location, "%s/frames/%d", instance, number);
	return true;
}

static bool write_frame(struct frames *frames, int index, int fd, uint64_t most, uint64_t *length, struct err *err)
{
	struct dicomweb_part frame;
	dicomweb_part_init(&frame);
	bool ok = open_frame(frames, index, &frame, err);
	if (ok && *length + frame.length > most)
		ok = err_set(err, ERR_NO_SPACE, "could not decode all frames: there is no room");
	for (uint64_t at = 0; ok && at < frame.length;) {
		ssize_t wrote = pwrite(fd, frame.bytes + at, (size_t)(frame.length - at), (off_t)*length);
		ok = wrote > 0 || err_set(err, ERR_TEMPORARY, "could not write a frame");
		at += wrote > 0 ? (uint64_t)wrote : 0;
		*length += wrote > 0 ? (uint64_t)wrote : 0;
	}
	dicomweb_part_fini(&frame);
	return ok;
}

/* The frames one behind the other, as the pixels of a data set that is not compressed. */
static bool open_joined(struct frames *frames, struct dicomweb_part *out, struct err *err)
{
	uint64_t most;
	snprintf(out->type, sizeof out->type, "%s; transfer-syntax=%s", frames->media, frames->syntax);
	bool ok = temporary_open(&out->fd, &most, err);
	for (int i = 0; ok && i < frames->count; i++)
		ok = write_frame(frames, i, out->fd, most, &out->length, err);
	if (!ok)
		dicomweb_part_fini(out);
	return ok;
}

static bool reply_alone(struct http_request *request, struct frames *frames, struct err *err)
{
	struct dicomweb_part part;
	dicomweb_part_init(&part);
	bool ok = (frames->count == 1 ? open_frame(frames, 0, &part, err) : open_joined(frames, &part, err)) &&
	          dicomweb_reply_part(request, &part, err);
	frames_free(frames);
	return ok;
}

bool dicomweb_frames_reply(struct http_request *request, struct gateway *gateway, struct frames *frames,
                           struct err *err)
{
	const char *words[] = {db_get_text(frames->rows, 0, "object_key"),
	                       frames->are_all ? "all" : http_param(request, "frames"), frames->syntax,
	                       frames->is_alone ? "alone" : frames->base};
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
	struct accept accept;
	struct db_rows *rows = NULL;
	if (!dicomweb_accept(request, &accept, err) || !dicomweb_objects(request, "instance.view", &rows, err))
		return false;
	struct frames *frames = dicomweb_frames_new(request, rows);
	bool ok = (db_get_bool(rows, 0, "has_pixels") || err_set(err, ERR_NOT_FOUND, "this instance has no picture")) &&
	          read_frames(request, frames, err) &&
	          (dicomweb_frames_choose(frames, &accept) >= 0 || dicomweb_frames_refuse(frames, err));
	if (!ok) {
		dicomweb_frames_free(frames);
		return false;
	}
	return dicomweb_frames_reply(request, context, frames, err);
}
