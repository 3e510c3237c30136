/*
 * Answers of WADO-RS that are one or more parts, each a file or bytes: multipart/related (PS3.18 section 8.6.1.2) that is never whole in memory, or one
 * part alone, with ranges.
 */
#ifndef YQ_GATEWAY_DICOMWEB_PARTS_H
#define YQ_GATEWAY_DICOMWEB_PARTS_H

#include "gateway/dicomweb.h"

struct dicomweb_part {
	int fd;         /* -1: bytes */
	uint8_t *bytes; /* heap */
	uint64_t length;
	char type[200];
	char location[DICOMWEB_BASE_SIZE + 300]; /* empty: none */
};
void dicomweb_part_init(struct dicomweb_part *part);
void dicomweb_part_fini(struct dicomweb_part *part);
/* Takes the part. */
bool dicomweb_reply_part(struct http_request *request, struct dicomweb_part *part, struct err *err);

struct dicomweb_parts {
	int count;
	/* Makes part `index`, 0.. in their order; on the thread of whoever answers, and may block. */
	bool (*open)(void *context, int index, struct dicomweb_part *out, struct err *err);
	void (*fini)(void *context); /* once, always */
	void *context;
	/*
	 * Says what open() will make of the part, type, location and length, without making it; false: not known before. NULL: of none. When it
	 * is known of all, the client is told the length of the answer.
	 */
	bool (*describe)(void *context, int index, struct dicomweb_part *out);
};
/*
 * The first part is made before the status goes out, so that what cannot be served at all says so. part_type: of the parts together. boundary: NULL for
 * a random one; the same one makes the same answer of the same parts, and must be what no part can hold.
 */
bool dicomweb_reply_parts(struct http_request *request, const struct dicomweb_parts *parts, const char *part_type,
                          const char *boundary, struct err *err);

/* A strong entity tag, and a boundary, of the words together: they name the bytes of an answer for ever. */
enum { DICOMWEB_TAG_SIZE = 48 };
void dicomweb_tag(const char *const *words, size_t count, char out_tag[DICOMWEB_TAG_SIZE],
                  char out_boundary[DICOMWEB_TAG_SIZE]);
/* The same with all that rows of dicomweb_objects say of their objects: which they are, where they belong, and what people decided. */
void dicomweb_tag_rows(const struct db_rows *rows, const char *const *words, size_t count,
                       char out_tag[DICOMWEB_TAG_SIZE], char out_boundary[DICOMWEB_TAG_SIZE]);
/* http_weigh_tag() with the rules for caches: the client's own only, asked every time since rights end. */
bool dicomweb_weigh_tag(struct http_request *request, const char *tag, bool *out_is_settled, struct err *err);

#endif
