#include "lib/domain/report_pictures.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "lib/base/clock.h"
#include "lib/base/digest.h"
#include "lib/base/log.h"
#include "lib/base/text.h"
#include "lib/db/db.h"
#include "lib/dicom/dicom.h"
#include "lib/store/store.h"

enum { BUDGET_MS = 8000, QUALITY = 85, QUALITY_LOW = 50, PATH_SIZE = 32 };

void report_pictures_fini(struct report_pictures *pictures)
{
	for (size_t i = 0; i < pictures->count; i++)
		free(pictures->list[i].jpeg);
	free(pictures->list);
	*pictures = (struct report_pictures){NULL, 0};
}

/* ---- drawing -------------------------------------------------------------------------------------------------------------- */

/* What is noise alone gets large: it is drawn once more, coarser. */
static bool draw(const char *path, struct report_picture *picture, struct err *err)
{
	struct dicom_render how = {.frame = picture->frame,
	                           .width_max = REPORT_PICTURE_SIDE,
	                           .height_max = REPORT_PICTURE_SIDE,
	                           .media = DICOM_MEDIA_JPEG,
	                           .quality = QUALITY};

	for (;;) {
		if (!dicom_render(path, &how, &picture->jpeg, &picture->length, err))
			return false;
		if (picture->length <= REPORT_PICTURE_MAX)
			return true;
		free(picture->jpeg);
		picture->jpeg = NULL;
		if (how.quality == QUALITY_LOW)
			return err_set(err, ERR_INVALID, "the picture takes too much room");
		how.quality = QUALITY_LOW;
	}
}

static void make(struct store *store, const char *object_key, struct report_picture *picture)
{
	char path[PATH_SIZE];
	uint64_t size;
	struct err err;
	int fd;

	if (!store_open_object(store, object_key, &fd, &size, &err)) {
		picture->why = err.kind == ERR_NOT_FOUND ? "gone" : "unshown";
	} else {
		snprintf(path, sizeof path, "/dev/fd/%d", fd);
		if (!draw(path, picture, &err))
			picture->why = "unshown";
		close(fd);
	}
	if (picture->why != NULL)
		log_err(LOG_REPORT_STATE, &err, "step=key_image object=%s", object_key);
}

struct search {
	const char *task_id;
	struct db_rows *rows;
};

static bool search_work(struct db *db, void *context, struct err *err)
{
	struct search *search = context;

	db_rows_free(search->rows);
	search->rows = NULL;
	return db_exec(db, STMT_REPORT_KEY_IMAGES, DB_PARAMS(db_text(search->task_id), db_int(REPORT_PICTURES_MAX)),
	               &search->rows, err);
}

bool report_pictures_make(struct db_pool *pool, struct store *store, const char *person_id, const char *task_id,
                          struct report_pictures *out, struct err *err)
{
	struct search search = {task_id, NULL};
	int64_t end_ms = clock_monotonic_ms() + BUDGET_MS;
	int count;

	if (!db_transact(pool, person_id, search_work, &search, err)) {
		db_rows_free(search.rows);
		return false;
	}
	count = db_rows_count(search.rows);
	*out = (struct report_pictures){calloc((size_t)count + 1, sizeof *out->list), (size_t)count};
	if (!out->list)
		err_panic("out of memory for pictures");
	for (int i = 0; i < count; i++) {
		struct report_picture *picture = &out->list[i];

		(void)text_copy(picture->instance, sizeof picture->instance, db_get_text(search.rows, i, "instance"));
		picture->frame = (int)db_get_int(search.rows, i, "frame");
		if (clock_monotonic_ms() < end_ms)
			make(store, db_get_text(search.rows, i, "object_key"), picture);
		else
			picture->why = "late";
	}
	db_rows_free(search.rows);
	return true;
}

/* ---- naming --------------------------------------------------------------------------------------------------------------- */

const struct report_picture *report_pictures_find(const struct report_pictures *pictures, const json_t *image)
{
	const char *instance = json_string_value(json_object_get(image, "instance"));
	json_int_t frame = json_integer_value(json_object_get(image, "frame"));

	for (size_t i = 0; pictures && instance && i < pictures->count; i++)
		if (strcmp(pictures->list[i].instance, instance) == 0 && pictures->list[i].frame == frame)
			return &pictures->list[i];
	return NULL;
}

static void name_picture(json_t *image, const struct report_picture *picture)
{
	uint8_t sha256[DIGEST_SIZE];
	char hex[2 * DIGEST_SIZE + 1];

	if (!picture->jpeg) {
		json_object_set_new(image, "no_picture", json_string(picture->why));
		return;
	}
	digest_bytes(picture->jpeg, picture->length, sha256);
	text_hex(sha256, DIGEST_SIZE, hex);
	json_object_set_new(image, "picture", json_string(hex));
}

bool report_pictures_name(json_t *content, const struct report_pictures *pictures, struct err *err)
{
	json_t *image;
	size_t i;

	json_array_foreach(json_object_get(content, "key_images"), i, image)
	{
		const struct report_picture *picture = report_pictures_find(pictures, image);

		if (!picture)
			return err_set(
			    err, ERR_CONFLICT,
			    "cannot submit the report: a key image was marked just now, look at the key images first");
		name_picture(image, picture);
	}
	return true;
}
