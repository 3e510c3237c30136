#include "gateway/dicomweb_parts.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/uio.h>
#include <unistd.h>

#include "lib/base/digest.h"
#include "lib/base/text.h"

enum {
	PIECE = 256 * 1024,
	FIRST_PIECE = 4096, /* of a file, with its head: the rest is mostly at hand */
	WORDS_MAX = 4096,   /* about a part */
	TAG_BYTES = 16
};

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
	bool is_measured;
};

static void multipart_free(void *stream)
{
	struct multipart *multipart = stream;
	dicomweb_part_fini(&multipart->part);
	multipart->parts.fini(multipart->parts.context);
	free(multipart);
}

static bool put_head(const char *boundary, const struct dicomweb_part *part, struct text_buf *out, struct err *err)
{
	bool ok = text_buf_printf(out, "--%s\r\nContent-Type: %s\r\nContent-Length: %llu\r\n", boundary, part->type,
	                          (unsigned long long)part->length) &&
	          (part->location[0] == '\0' || text_buf_printf(out, "Content-Location: %s\r\n", part->location)) &&
	          text_buf_append(out, "\r\n", 2);
	return ok || err_set(err, ERR_INVALID, "cannot write the head of a part");
}

static bool put_end(const char *boundary, struct text_buf *out, struct err *err)
{
	return text_buf_printf(out, "--%s--\r\n", boundary) || err_set(err, ERR_INVALID, "cannot end the answer");
}

/* What was promised in the length of the answer must be what is there. */
static bool is_as_described(struct multipart *multipart, struct err *err)
{
	struct dicomweb_part promised;
	dicomweb_part_init(&promised);
	if (!multipart->is_measured || !multipart->parts.describe(multipart->parts.context, multipart->next, &promised))
		return true;
	return (promised.length == multipart->part.length && strcmp(promised.type, multipart->part.type) == 0) ||
	       err_set(err, ERR_CORRUPT, "an object has %llu bytes where %llu are known",
	               (unsigned long long)multipart->part.length, (unsigned long long)promised.length);
}

static bool open_part(struct multipart *multipart, struct err *err)
{
	dicomweb_part_fini(&multipart->part);
	multipart->offset = 0;
	multipart->is_open = multipart->parts.open(multipart->parts.context, multipart->next, &multipart->part, err) &&
	                     is_as_described(multipart, err);
	multipart->next += multipart->is_open;
	return multipart->is_open;
}

/* What the kernel has of the file in memory; the rest it begins to read, for put_piece() to wait for. */
static size_t piece_at_hand(void *stream, char *out, size_t size)
{
	struct multipart *multipart = stream;
	const struct dicomweb_part *part = &multipart->part;
	uint64_t left = part->length - multipart->offset;
	struct iovec room = {out, left < size ? (size_t)left : size};
	if (!multipart->is_open || part->fd < 0 || multipart->offset == 0 || left == 0)
		return 0;
	ssize_t got = preadv2(part->fd, &room, 1, (off_t)multipart->offset, RWF_NOWAIT);
	if (got <= 0)
		return 0;
	multipart->offset += (uint64_t)got;
	return (size_t)got;
}

static bool put_piece(struct multipart *multipart, struct text_buf *out, struct err *err)
{
	static _Thread_local char piece[PIECE];
	struct dicomweb_part *part = &multipart->part;
	uint64_t left = part->length - multipart->offset;
	size_t most = multipart->offset == 0 && part->fd >= 0 ? FIRST_PIECE : PIECE;
	size_t length = left < most ? (size_t)left : most;
	const void *bytes = part->bytes != NULL ? part->bytes + multipart->offset : (const uint8_t *)piece;
	if (part->fd >= 0 && pread(part->fd, piece, length, (off_t)multipart->offset) != (ssize_t)length)
		return err_set(err, ERR_TEMPORARY, "could not read an object");
	multipart->offset += length;
	return text_buf_append(out, bytes, length) || err_set(err, ERR_INVALID, "cannot send a piece");
}

static bool begin_part(struct multipart *multipart, struct text_buf *out, struct err *err)
{
	if (!multipart->is_open && !open_part(multipart, err))
		return false;
	return put_head(multipart->boundary, &multipart->part, out, err);
}

/* Ends the part whose bytes are all out. */
static bool end_part(struct multipart *multipart, struct text_buf *out, struct err *err)
{
	dicomweb_part_fini(&multipart->part);
	multipart->is_open = false;
	multipart->offset = 0;
	return text_buf_append(out, "\r\n", 2) || err_set(err, ERR_INVALID, "cannot end a part");
}

static bool produce(void *stream, struct text_buf *out, bool *end, struct err *err)
{
	struct multipart *multipart = stream;
	bool is_begun = multipart->is_open && multipart->offset > 0;
	if (is_begun && multipart->offset == multipart->part.length) {
		if (!end_part(multipart, out, err))
			return false;
		is_begun = false;
	}
	if (!multipart->is_open && multipart->next == multipart->parts.count) {
		*end = true;
		return put_end(multipart->boundary, out, err);
	}
	if (!is_begun && !begin_part(multipart, out, err))
		return false;
	if (!put_piece(multipart, out, err))
		return false;
	return multipart->part.length > 0 || end_part(multipart, out, err);
}

/* The length of the whole answer; 0 when it is not known before. */
static uint64_t measure(struct multipart *multipart)
{
	struct err ignored = {0};
	struct text_buf words;
	uint64_t length = 0;
	bool ok = multipart->parts.describe != NULL;
	text_buf_init(&words, WORDS_MAX);
	for (int i = 0; ok && i < multipart->parts.count; i++) {
		struct dicomweb_part part;
		dicomweb_part_init(&part);
		words.length = 0;
		ok = multipart->parts.describe(multipart->parts.context, i, &part) &&
		     put_head(multipart->boundary, &part, &words, &ignored);
		length += words.length + part.length + strlen("\r\n");
	}
	words.length = 0;
	ok = ok && put_end(multipart->boundary, &words, &ignored);
	length += words.length;
	text_buf_fini(&words);
	multipart->is_measured = ok;
	return ok ? length : 0;
}

bool dicomweb_reply_parts(struct http_request *request, const struct dicomweb_parts *parts, const char *part_type,
                          const char *boundary, struct err *err)
{
	struct multipart *multipart = calloc(1, sizeof *multipart);
	struct http_stream stream = {produce, multipart_free, multipart, piece_at_hand, 0};
	char type[200];
	if (multipart == NULL)
		err_panic("out of memory");
	multipart->parts = *parts;
	dicomweb_part_init(&multipart->part);
	if (boundary != NULL)
		text_copy(multipart->boundary, sizeof multipart->boundary, boundary);
	else
		text_uuid_new(multipart->boundary);
	stream.length = measure(multipart);
	if (!open_part(multipart, err)) {
		multipart_free(multipart);
		return false;
	}
	snprintf(type, sizeof type, "multipart/related; type=\"%s\"; boundary=%s", part_type, multipart->boundary);
	return http_reply_stream(request, 200, type, &stream, err);
}

/* ---- tags ------------------------------------------------------------------------------------------------------------------- */

static struct digest *begin_tag(const char *const *words, size_t count)
{
	struct digest *digest = digest_new();
	for (size_t i = 0; i < count; i++)
		digest_update(digest, words[i], strlen(words[i]) + 1);
	return digest;
}

/* Frees the digest. */
static void end_tag(struct digest *digest, char out_tag[DICOMWEB_TAG_SIZE], char out_boundary[DICOMWEB_TAG_SIZE])
{
	uint8_t sum[DIGEST_SIZE];
	char hex[2 * TAG_BYTES + 1];
	digest_final(digest, sum);
	digest_free(digest);
	text_hex(sum, TAG_BYTES, hex);
	snprintf(out_tag, DICOMWEB_TAG_SIZE, "\"%s\"", hex);
	if (out_boundary != NULL)
		snprintf(out_boundary, DICOMWEB_TAG_SIZE, "yq-%s", hex);
}

void dicomweb_tag(const char *const *words, size_t count, char out_tag[DICOMWEB_TAG_SIZE],
                  char out_boundary[DICOMWEB_TAG_SIZE])
{
	end_tag(begin_tag(words, count), out_tag, out_boundary);
}

static bool is_of_same_series(const struct db_rows *rows, int row)
{
	return row > 0 && strcmp(db_get_text(rows, row, "series"), db_get_text(rows, row - 1, "series")) == 0;
}

void dicomweb_tag_rows(const struct db_rows *rows, const char *const *words, size_t count,
                       char out_tag[DICOMWEB_TAG_SIZE], char out_boundary[DICOMWEB_TAG_SIZE])
{
	static const char *const of_series[] = {"shown_uid", "series_instance_uid", "overlay"};
	static const char *const of_object[] = {"sop_instance_uid", "object_key", "charset_used", "is_corrected"};
	struct digest *digest = begin_tag(words, count);
	for (int i = 0; i < db_rows_count(rows); i++) {
		for (size_t k = is_of_same_series(rows, i) ? 3 : 0; k < sizeof of_series / sizeof of_series[0]; k++) {
			const char *value = db_get_text(rows, i, of_series[k]);
			digest_update(digest, value, strlen(value) + 1);
		}
		for (size_t k = 0; k < sizeof of_object / sizeof of_object[0]; k++) {
			const char *value = db_get_text(rows, i, of_object[k]);
			digest_update(digest, value, strlen(value) + 1);
		}
	}
	end_tag(digest, out_tag, out_boundary);
}

bool dicomweb_weigh_tag(struct http_request *request, const char *tag, bool *out_is_settled, struct err *err)
{
	return http_add_header(request, "Cache-Control", "private, no-cache", err) &&
	       http_add_header(request, "Vary", "Accept", err) && http_weigh_tag(request, tag, out_is_settled, err);
}
