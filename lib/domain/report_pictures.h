/*
 * The pictures of key images that stand on the paper: drawn once, from the stored objects, before the report is submitted. The content names each by its
 * digest, or says why there is none, so what both doctors sign is what is printed; a paper is never drawn again.
 */
#ifndef YQ_DOMAIN_REPORT_PICTURES_H
#define YQ_DOMAIN_REPORT_PICTURES_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/base/err.h"

struct db_pool;
struct store;

enum { REPORT_PICTURES_MAX = 20, REPORT_PICTURE_SIDE = 512, REPORT_PICTURE_MAX = 320 * 1024 };

struct report_picture {
	char instance[65];
	int frame;
	uint8_t *jpeg; /* NULL: there is none */
	size_t length;
	const char *why; /* gone, unshown, late: there is none because... Static. */
};
struct report_pictures {
	struct report_picture *list;
	size_t count;
};
void report_pictures_fini(struct report_pictures *pictures); /* also of a zeroed one */

/*
 * Those of the task's key images, at most REPORT_PICTURES_MAX, one in memory of the decoder at a time. What cannot be drawn (its object is not there, its
 * pixels cannot be decoded, too much time went by) is in the list with its reason, and never an error. Reads the store outside of any transaction.
 */
bool report_pictures_make(struct db_pool *pool, struct store *store, const char *person_id, const char *task_id,
                          struct report_pictures *out, struct err *err);

/* Names them in the content. ERR_CONFLICT: the content has a key image that was marked since. */
bool report_pictures_name(json_t *content, const struct report_pictures *pictures, struct err *err);

/* The picture that an element of the content's key_images names, or NULL. Borrowed. */
const struct report_picture *report_pictures_find(const struct report_pictures *pictures, const json_t *image);

#endif
