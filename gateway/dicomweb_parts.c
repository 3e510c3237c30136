#include "gateway/dicomweb_parts.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "lib/base/digest.h"
#include "lib/base/text.h"

enum { PIECE = 256 * 1024, TAG_BYTES = 16 };

void dicomweb_part_init(struct dicomweb_part *part)
{
	memset(part, 0, sizeof *part);
	part->fd = -1;
}

void dicomweb_part_fini(struct dicomweb_part *part)
{
	if (part->fd >= 0)
		close(part->fd);
	free(part->bytes);
	dicomweb_part_init(part);
}

bool dicomweb_reply_part(struct http_request *request, struct dicomweb_part *part, struct err *err)
{
	bool ok = part->fd >= 0 ? http_reply_file(request, part->type, part->fd, part->length, err)
	                        : http_reply_taken(request, part->type, part->bytes, (size_t)part->length, err);
	dicomweb_part_init(part);
	return ok;
}

/* ---- multipart ------------------------------------------------------------------------------------------------------------ */

struct multipart {
	struct dicomweb_parts parts;
	char boundary[DICOMWEB_TAG_SIZE];
	int next;
	bool is_open;
	struct dicomweb_part part;
	uint64_t offset; /* in it */
};

static void multipart_free(void *stream)
{
	struct multipart *multipart = stream;
	dicomweb_part_fini(&multipart->part);
	multipart->parts.fini(multipart->parts.context);
	free(multipart);
}

static bool open_part(struct multipart *multipart, struct err *err)
{
	dicomweb_part_fini(&multipart->part);
	multipart->offset = 0;
	multipart->is_open = multipart->parts.open(multipart->parts.context, multipart->next, &multipart->part, err);
	multipart->next += multipart->is_open;
	return multipart->is_open;
}

static bool put_head(const struct multipart *multipart, struct text_buf *out, struct err *err)
{
	const struct dicomweb_part *part = &multipart->part;
	bool ok = text_buf_printf(out, "--%s\r\nContent-Type: %s\r\nContent-Length: %llu\r\n", multipart->boundary,
	                          part->type, (unsigned long long)part->length) &&
	          (part->location[0] == '\0' || text_buf_printf(out, "Content-Location: %s\r\n", part->location)) &&
	          text_buf_append(out, "\r\n", 2);
	return ok || err_set(err, ERR_INVALID, "cannot write the head of a part");
}

static bool put_piece(struct multipart *multipart, struct text_buf *out, struct err *err)
{
	static _Thread_local char piece[PIECE];
	struct dicomweb_part *part = &multipart->part;
	uint64_t left = part->length - multipart->offset;
	size_t length = left < PIECE ? (size_t)left : PIECE;
	const void *bytes = part->bytes != NULL ? part->bytes + multipart->offset : (const uint8_t *)piece;
	if (part->fd >= 0 && pread(part->fd, piece, length, (off_t)multipart->offset) != (ssize_t)length)
		return err_set(err, ERR_TEMPORARY, "could not read an object");
	multipart->offset += length;
	return text_buf_append(out, bytes, length) || err_set(err, ERR_INVALID, "cannot send a piece");
}

static bool produce(void *stream, struct text_buf *out, bool *end, struct err *err)
{
	struct multipart *multipart = stream;
	if (!multipart->is_open && multipart->next == multipart->parts.count) {
		*end = true;
		return text_buf_printf(out, "--%s--\r\n", multipart->boundary) ||
		       err_set(err, ERR_INVALID, "cannot end the answer");
	}
	if (!multipart->is_open && !open_part(multipart, err))
		return false;
	if (multipart->offset == 0 && !put_head(multipart, out, err))
		return false;
	if (!put_piece(multipart, out, err))
		return false;
	if (multipart->offset < multipart->part.length)
		return true;
	dicomweb_part_fini(&multipart->part);
	multipart->is_open = false;
	return text_buf_append(out, "\r\n", 2) || err_set(err, ERR_INVALID, "cannot end a part");
}

bool dicomweb_reply_parts(struct http_request *request, const struct dicomweb_parts *parts, const char *part_type,
                          const char *boundary, struct err *err)
{
	struct multipart *multipart = calloc(1, sizeof *multipart);
	struct http_stream stream = {produce, multipart_free, multipart};
	char type[200];
	if (multipart == NULL)
		err_panic("out of memory");
	multipart->parts = *parts;
	dicomweb_part_init(&multipart->part);
	if (boundary != NULL)
		text_copy(multipart->boundary, sizeof multipart->boundary, boundary);
	else
		text_uuid_new(multipart->boundary);
	if (!open_part(multipart, err)) {
		multipart_free(multipart);
		return false;
	}
	snprintf(type, sizeof type, "multipart/related; type=\"%s\"; boundary=%s", part_type, multipart->boundary);
	return http_reply_stream(request, 200, type, &stream, err);
}

/* ---- tags ------------------------------------------------------------------------------------------------------------------- */

void dicomweb_tag(const char *const *words, size_t count, char out_tag[DICOMWEB_TAG_SIZE],
                  char out_boundary[DICOMWEB_TAG_SIZE])
{
	struct digest *digest = digest_new();
	uint8_t sum[DIGEST_SIZE];
	char hex[2 * TAG_BYTES + 1];
	for (size_t i = 0; i < count; i++)
		digest_update(digest, words[i], strlen(words[i]) + 1);
	digest_final(digest, sum);
	digest_free(digest);
	text_hex(sum, TAG_BYTES, hex);
	snprintf(out_tag, DICOMWEB_TAG_SIZE, "\"%s\"", hex);
	if (out_boundary != NULL)
		snprintf(out_boundary, DICOMWEB_TAG_SIZE, "yq-%s", hex);
}

bool dicomweb_weigh_tag(struct http_request *request, const char *tag, bool *out_is_settled, struct err *err)
{
	return http_add_header(request, "Cache-Control", "private, no-cache", err) &&
	       http_add_header(request, "Vary", "Accept", err) && http_weigh_tag(request, tag, out_is_settled, err);
}
