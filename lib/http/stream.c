/* Answers that are never whole in memory: workers produce, the connection thread sends. */
#include <stdlib.h>
#include <string.h>
#include <zlib.h>

#include "lib/base/log.h"
#include "lib/http/internal.h"

enum {
	STREAM_CHUNK_MAX = 16 * 1024 * 1024,
	STREAM_BLOCK = 128 * 1024,
	GZIP_WINDOW = 15 + 16,
	GZIP_MEMORY = 8,
	GZIP_LEVEL = 3 /* of level 6 the last tenth costs half of the time */
};

/* Belongs to a worker between work_push() and MHD_resume_connection(), else to the connection thread. */
struct sender {
	struct http_server *server;
	struct MHD_Connection *connection;
	struct http_stream stream;
	struct text_buf chunk;
	size_t sent;
	z_stream packer;
	bool packs, ended, failed;
	char request_id[TEXT_UUID_SIZE];
};

/* Puts the gzip form of raw into the chunk, which may stay empty until the end. */
static bool pack(struct sender *sender, const struct text_buf *raw, bool end, struct err *err)
{
	z_stream *packer = &sender->packer;
	unsigned char piece[STREAM_BLOCK];
	int status;
	packer->next_in = (unsigned char *)raw->data;
	packer->avail_in = (uInt)raw->length;
	do {
		packer->next_out = piece;
		packer->avail_out = sizeof piece;
		status = deflate(packer, end ? Z_FINISH : Z_NO_FLUSH);
		if (!text_buf_append(&sender->chunk, piece, sizeof piece - packer->avail_out))
			return err_set(err, ERR_INVALID, "cannot compress an answer: a piece of it is too large");
	} while (packer->avail_out == 0 || (end && status != Z_STREAM_END));
	return true;
}

static bool produce_packed(struct sender *sender, bool *end, struct err *err)
{
	bool ok = true;
	while (ok && !*end && sender->chunk.length == 0) {
		struct text_buf raw;
		text_buf_init(&raw, STREAM_CHUNK_MAX);
		ok = sender->stream.produce(sender->stream.stream, &raw, end, err);
		if (ok && !*end && raw.length == 0)
			err_panic("a stream produced nothing and did not end");
		ok = ok && pack(sender, &raw, *end, err);
		text_buf_fini(&raw);
	}
	return ok;
}

static bool produce_plain(struct sender *sender, bool *end, struct err *err)
{
	if (!sender->stream.produce(sender->stream.stream, &sender->chunk, end, err))
		return false;
	if (!*end && sender->chunk.length == 0)
		err_panic("a stream produced nothing and did not end");
	return true;
}

static void produce(void *subject)
{
	struct sender *sender = subject;
	struct err err = {0};
	text_buf_fini(&sender->chunk);
	text_buf_init(&sender->chunk, STREAM_CHUNK_MAX);
	sender->sent = 0;
	bool end = false;
	if (!(sender->packs ? produce_packed(sender, &end, &err) : produce_plain(sender, &end, &err))) {
		sender->failed = true;
		log_err(LOG_HTTP_FAILED, &err, "request=%s", sender->request_id);
	}
	sender->ended = end;
	MHD_resume_connection(sender->connection);
}

static ssize_t send_chunk(void *context, uint64_t position, char *out, size_t max)
{
	struct sender *sender = context;
	(void)position;
	if (sender->failed)
		return MHD_CONTENT_READER_END_WITH_ERROR;
	size_t left = sender->chunk.length - sender->sent;
	if (left > 0) {
		size_t count = left < max ? left : max;
		memcpy(out, sender->chunk.data + sender->sent, count);
		sender->sent += count;
		return (ssize_t)count;
	}
	if (sender->ended)
		return MHD_CONTENT_READER_END_OF_STREAM;
	size_t at_hand = sender->stream.at_hand != NULL ? sender->stream.at_hand(sender->stream.stream, out, max) : 0;
	if (at_hand > 0)
		return (ssize_t)at_hand;
	MHD_suspend_connection(sender->connection);
	if (!work_push(&sender->server->work, produce, sender)) {
		sender->failed = true;
		MHD_resume_connection(sender->connection);
	}
	return 0;
}

static void free_sender(void *context)
{
	struct sender *sender = context;
	if (sender->stream.fini != NULL)
		sender->stream.fini(sender->stream.stream);
	if (sender->packs)
		deflateEnd(&sender->packer);
	text_buf_fini(&sender->chunk);
	free(sender);
}

/* JSON is sent as gzip to who takes it, as short JSON is. */
static void choose_packing(struct http_request *request, struct sender *sender, const char *type)
{
	struct err ignored = {0};
	size_t length = strcspn(type, ";");
	bool is_json = length >= 4 && strncmp(type + length - 4, "json", 4) == 0;
	if (!is_json || request->is_plain || sender->stream.length > 0)
		return;
	sender->packs = http_takes_gzip(request);
	if (!http_add_header(request, MHD_HTTP_HEADER_VARY, MHD_HTTP_HEADER_ACCEPT_ENCODING, &ignored) ||
	    (sender->packs && !http_add_header(request, MHD_HTTP_HEADER_CONTENT_ENCODING, "gzip", &ignored)))
		err_panic("too many headers in one answer");
	if (sender->packs &&
	    deflateInit2(&sender->packer, GZIP_LEVEL, Z_DEFLATED, GZIP_WINDOW, GZIP_MEMORY, Z_DEFAULT_STRATEGY) != Z_OK)
		err_panic("out of memory");
}

bool http_reply_stream(struct http_request *request, int status, const char *type, const struct http_stream *stream,
                       struct err *err)
{
	(void)err;
	struct sender *sender = calloc(1, sizeof *sender);
	if (sender == NULL)
		err_panic("out of memory");
	sender->server = request->server;
	sender->connection = request->connection;
	sender->stream = *stream;
	text_buf_init(&sender->chunk, STREAM_CHUNK_MAX);
	memcpy(sender->request_id, request->id, sizeof sender->request_id);
	choose_packing(request, sender, type);
	uint64_t length = stream->length > 0 ? stream->length : MHD_SIZE_UNKNOWN;
	reply_finish(request, status, type,
	             MHD_create_response_from_callback(length, STREAM_BLOCK, send_chunk, sender, free_sender));
	return true;
}
