/* Rendered pictures and thumbnails (PS3.18 sections 8.3.5, 10.4.1.1.3 and 10.4.1.1.4) of studies, series, instances and frames. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "gateway/caller.h"
#include "gateway/dicomweb.h"
#include "gateway/dicomweb_film.h"
#include "gateway/dicomweb_parts.h"
#include "gateway/handlers.h"
#include "gateway/input.h"
#include "gateway/placeholder.h"
#include "gateway/rendering.h"
#include "lib/base/log.h"
#include "lib/store/store.h"

enum { THUMBNAIL_SIDE = 160, THUMBNAIL_QUALITY = 75, FRAME_MAX = 1000000, PATH_SIZE = 32 };

/* Goes into every tag: what is drawn otherwise has another number. */
#define DRAWING "1"

/* ---- what is asked for -------------------------------------------------------------------------------------------------------- */

/* Section 8.3.5.1: what is asked for and not done is said. */
static bool warn(struct http_request *request, struct err *err)
{
	const char *annotation = http_query(request, "annotation"), *profile = http_query(request, "iccprofile");
	char text[120];
	if (!rendering_check_annotation(annotation, err))
		return false;
	if (annotation == NULL && profile == NULL)
		return true;
	snprintf(text, sizeof text, "299 yingqiao \"The following query parameters are not supported: %s%s%s\"",
	         annotation != NULL ? "annotation" : "", annotation != NULL && profile != NULL ? ", " : "",
	         profile != NULL ? "iccprofile" : "");
	return http_add_header(request, "Warning", text, err);
}

/* accept: see rendering_parse(). */
static bool read_how_as(struct http_request *request, const char *accept, struct dicom_render *out, struct err *err)
{
	return rendering_parse(accept, http_query(request, "viewport"), http_query(request, "window"), out, err) &&
	       rendering_parse_quality(http_query(request, "quality"), out, err) && warn(request, err);
}

static bool read_how(struct http_request *request, struct dicom_render *out, struct err *err)
{
	struct text_buf accept;
	if (!dicomweb_accept_text(request, &accept, err))
		return false;
	bool ok = read_how_as(request, accept.data, out, err);
	text_buf_fini(&accept);
	return ok;
}

/* Section 8.3.5: frame numbers begin with 1; 0: none is named. */
static bool read_frame(const struct http_request *request, int *out, struct err *err)
{
	const char *text = http_param(request, "frame");
	char *rest;
	*out = 0;
	if (text == NULL)
		return true;
	long frame = strtol(text, &rest, 10);
	if (*text < '0' || *text > '9' || *rest != '\0' || frame < 1 || frame > FRAME_MAX)
		return err_set(err, ERR_NOT_FOUND, "there is no such frame");
	*out = (int)frame;
	return true;
}

/* The named one, else the first, or the middle one. What has no pixels has one frame, its placeholder. */
static bool choose_frame(const struct db_rows *rows, int row, int named, bool is_middle, struct dicom_render *how,
                         struct err *err)
{
	int64_t frames = db_get_bool(rows, row, "has_pixels") ? db_get_int(rows, row, "frames") : 1;
	if (named > frames)
		return err_set(err, ERR_NOT_FOUND, "there is no such frame");
	how->frame = named > 0 ? named : is_middle ? (int)(frames + 1) / 2 : 1;
	return true;
}

/* ---- pictures ------------------------------------------------------------------------------------------------------------------- */

static bool render(struct store *store, const char *key, const struct dicom_render *how, struct dicomweb_part *out,
                   struct err *err)
{
	char path[PATH_SIZE];
	uint64_t size;
	size_t length;
	int fd;
	if (!store_open_object(store, key, &fd, &size, err))
		return false;
	snprintf(path, sizeof path, "/dev/fd/%d", fd);
	bool ok = dicom_render(path, how, &out->bytes, &length, err);
	close(fd);
	if (ok)
		out->length = length;
	return ok;
}

static bool draw_placeholder(const struct db_rows *rows, int row, const struct dicom_render *how,
                             struct dicomweb_part *out, struct err *err)
{
	size_t length;
	if (!placeholder_draw(db_get_text(rows, row, "sop_class_uid"), db_get_bool(rows, row, "has_pixels"), how,
	                      &out->bytes, &length, err))
		return false;
	out->length = length;
	return true;
}

/* must_show: a picture that cannot be shown is an error and no placeholder. */
static bool make_picture(struct store *store, const struct db_rows *rows, int row, const struct dicom_render *how,
                         bool must_show, struct dicomweb_part *out, struct err *err)
{
	struct err why = {0};
	snprintf(out->type, sizeof out->type, "%s", rendering_type(how->media));
	if (!db_get_bool(rows, row, "has_pixels"))
		return draw_placeholder(rows, row, how, out, err);
	if (render(store, db_get_text(rows, row, "object_key"), how, out, &why))
		return true;
	if (must_show || why.kind != ERR_INVALID) {
		*err = why;
		return false;
	}
	log_err(LOG_HTTP_FAILED, &why, "step=render instance=%s", db_get_text(rows, row, "id"));
	return draw_placeholder(rows, row, how, out, err);
}

static const char *word(const struct http_request *request, const char *name)
{
	const char *text = http_query(request, name);
	return text != NULL ? text : "";
}

static bool reply_picture(struct http_request *request, struct gateway *gateway, const struct db_rows *rows, int row,
                          const struct dicom_render *how, bool must_show, struct err *err)
{
	char tag[DICOMWEB_TAG_SIZE], numbers[80];
	struct dicomweb_part part;
	bool is_settled;
	snprintf(numbers, sizeof numbers, "%d %d %d %d", how->frame, how->quality, how->width_max, how->height_max);
	const char *words[] = {DRAWING,
	                       db_get_text(rows, row, "object_key"),
	                       rendering_type(how->media),
	                       numbers,
	                       word(request, "viewport"),
	                       word(request, "window")};
	dicomweb_tag(words, sizeof words / sizeof words[0], tag, NULL);
	if (!dicomweb_weigh_tag(request, tag, &is_settled, err))
		return false;
	dicomweb_part_init(&part);
	return is_settled || (make_picture(gateway->store, rows, row, how, must_show, &part, err) &&
	                      dicomweb_reply_part(request, &part, err));
}

/* The one that stands for all: the middle one of the first series with pixels, else the first of all. */
static int find_middle(const struct db_rows *rows)
{
	int count = db_rows_count(rows), first = 0, last;
	while (first < count && !db_get_bool(rows, first, "has_pixels"))
		first++;
	if (first == count)
		return 0;
	for (last = first; last + 1 < count && db_get_bool(rows, last + 1, "has_pixels") &&
	                   strcmp(db_get_text(rows, last + 1, "series"), db_get_text(rows, first, "series")) == 0;)
		last++;
	return first + (last - first) / 2;
}

/* ---- many ------------------------------------------------------------------------------------------------------------------------- */

struct pictures {
	struct db_rows *rows;
	struct store *store;
	char base[DICOMWEB_BASE_SIZE];
	struct dicom_render how;
};

static void pictures_free(void *context)
{
	struct pictures *pictures = context;
	db_rows_free(pictures->rows);
	free(pictures);
}

static bool open_picture(void *context, int index, struct dicomweb_part *out, struct err *err)
{
	const struct pictures *pictures = context;
	char instance[DICOMWEB_BASE_SIZE + 240];
	dicomweb_locate(pictures->base, pictures->rows, index, instance, sizeof instance);
	snprintf(out->location, sizeof out->location, "%s/rendered", instance);
	return make_picture(pictures->store, pictures->rows, index, &pictures->how, false, out, err);
}

/* Takes rows. */
static struct pictures *pictures_new(struct db_rows *rows, struct store *store, const struct dicom_render *how)
{
	struct pictures *pictures = calloc(1, sizeof *pictures);
	if (pictures == NULL)
		err_panic("out of memory");
	pictures->rows = rows;
	pictures->store = store;
	pictures->how = *how;
	return pictures;
}

static bool reply_pictures(struct http_request *request, struct gateway *gateway, struct db_rows *rows,
                           const struct dicom_render *how, struct err *err)
{
	struct dicomweb_parts parts = {.count = db_rows_count(rows), .open = open_picture, .fini = pictures_free};
	struct pictures *pictures = pictures_new(rows, gateway->store, how);
	const char *words[] = {DRAWING,
	                       rendering_type(how->media),
	                       word(request, "viewport"),
	                       word(request, "window"),
	                       word(request, "quality"),
	                       pictures->base};
	char tag[DICOMWEB_TAG_SIZE], boundary[DICOMWEB_TAG_SIZE];
	bool is_settled;
	dicomweb_base(request, pictures->base);
	parts.context = pictures;
	dicomweb_tag_rows(rows, words, sizeof words / sizeof words[0], tag, boundary);
	bool ok = dicomweb_weigh_tag(request, tag, &is_settled, err);
	if (!ok || is_settled) {
		pictures_free(pictures);
		return ok;
	}
	return dicomweb_reply_parts(request, &parts, rendering_type(how->media), boundary, err);
}

/* Whether a multipart comes before a picture alone in what is taken, and of which pictures; NULL: neither is. */
static bool wants_many(const struct accept *accept, const char **out_type)
{
	static const char *const types[] = {"image/jpeg", "image/png"};
	for (int i = 0; i < accept->count; i++) {
		bool is_any = strcmp(accept->taken[i].type, "*/*") == 0;
		bool is_multipart = !is_any && accept_names(accept->taken[i].type, "multipart/related");
		for (int k = 0; k < 2; k++) {
			struct accept_offer one = {types[k], NULL, NULL}, many = {"multipart/related", types[k], NULL};
			*out_type = types[k];
			if (accept_decides(accept, i, is_multipart ? &many : &one))
				return is_multipart;
		}
	}
	*out_type = NULL;
	return false;
}

/* ---- handlers --------------------------------------------------------------------------------------------------------------------- */

/* refusal: why no picture can be given, or NULL. */
static bool reply_rendered(struct http_request *request, struct gateway *gateway, const struct db_rows *rows,
                           struct dicom_render *how, int frame, const struct err *refusal, struct err *err)
{
	bool is_film = dicomweb_film_is_stored(rows, 0) && dicomweb_film_is_taken(request);
	if (!is_film && refusal != NULL) {
		*err = *refusal;
		return false;
	}
	if (!is_film && !choose_frame(rows, 0, frame, false, how, err))
		return false;
	if (!caller_audit(request, "instance.view", "instance", db_get_text(rows, 0, "id"),
	                  db_get_text(rows, 0, "site_id"), NULL, err))
		return false;
	return is_film ? dicomweb_film_reply(request, gateway, rows, 0, err)
	               : reply_picture(request, gateway, rows, 0, how, true, err);
}

bool handle_rendered(struct http_request *request, void *context, struct err *err)
{
	const char *study, *series, *instance;
	struct dicom_render how;
	struct db *db;
	struct db_rows *rows = NULL;
	struct err refusal = {0};
	int frame;
	if (!input_path_uid(request, "study", &study, err) || !input_path_uid(request, "series", &series, err) ||
	    !input_path_uid(request, "instance", &instance, err))
		return false;
	bool takes_picture = read_how(request, &how, &refusal);
	if (!takes_picture && !dicomweb_film_is_taken(request)) {
		*err = refusal;
		return false;
	}
	if (!read_frame(request, &frame, err) || !caller_db(request, &db, err) ||
	    !db_exec_one(db, STMT_GATEWAY_INSTANCE, DB_PARAMS(db_text(study), db_text(series), db_text(instance)),
	                 "the instance", &rows, err))
		return false;
	bool ok = reply_rendered(request, context, rows, &how, frame, takes_picture ? NULL : &refusal, err);
	db_rows_free(rows);
	return ok;
}

bool handle_rendered_many(struct http_request *request, void *context, struct err *err)
{
	struct gateway *gateway = context;
	struct accept accept;
	struct dicom_render how;
	struct db_rows *rows = NULL;
	const char *type;
	if (!dicomweb_accept(request, &accept, err))
		return false;
	bool is_many = wants_many(&accept, &type);
	if (type == NULL)
		return dicomweb_not_acceptable(err, "image/jpeg or image/png, or multipart/related of these for all");
	if (!read_how_as(request, type, &how, err) || !dicomweb_objects(request, "study.retrieve", &rows, err))
		return false;
	if (is_many)
		return reply_pictures(request, gateway, rows, &how, err);
	int row = find_middle(rows);
	bool ok =
	    choose_frame(rows, row, 0, true, &how, err) && reply_picture(request, gateway, rows, row, &how, false, err);
	db_rows_free(rows);
	return ok;
}

bool handle_dicomweb_thumbnail(struct http_request *request, void *context, struct err *err)
{
	struct gateway *gateway = context;
	struct dicom_render how;
	struct db_rows *rows = NULL;
	int frame;
	if (!read_how(request, &how, err) || !read_frame(request, &frame, err) ||
	    !dicomweb_objects(request, "study.thumbnail", &rows, err))
		return false;
	if (how.width_max == 0)
		how.width_max = how.height_max = THUMBNAIL_SIDE;
	if (http_query(request, "quality") == NULL)
		how.quality = THUMBNAIL_QUALITY;
	int row = find_middle(rows);
	bool ok = choose_frame(rows, row, frame, true, &how, err) &&
	          reply_picture(request, gateway, rows, row, &how, false, err);
	db_rows_free(rows);
	return ok;
}
