/* Answers of unknown length: workers produce, the connection thread sends. */
#include <stdlib.h>
#include <string.h>

#include "lib/base/log.h"
#include "lib/http/internal.h"

enum { STREAM_CHUNK_MAX = 1024 * 1024, STREAM_BLOCK = 32 * 1024 };

/* Belongs to a worker between work_push() and MHD_resume_connection(), else to the connection thread. */
struct sender {
	struct http_server *server;
	struct MHD_Connection *connection;
	struct http_stream stream;
	struct text_buf chunk;
	size_t sent;
	bool ended, failed;
	char request_id[TEXT_UUID_SIZE];
};

static void produce(void *subject)
{
	struct sender *sender = subject;
	struct err err = {0};
	text_buf_fini(&sender->chunk);
	text_buf_init(&sender->chunk, STREAM_CHUNK_MAX);
	sender->sent = 0;
	bool end = false;
	if (!sender->stream.produce(sender->stream.stream, &sender->chunk, &end, &err)) {
		sender->failed = true;
		log_err(LOG_HTTP_FAILED, &err, "request=%s", sender->request_id);
	} else if (!end && sender->chunk.length == 0) {
		err_panic("a stream produced nothing and did not end");
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
	text_buf_fini(&sender->chunk);
	free(sender);
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
	reply_finish(
	    request, status, type,
	    MHD_create_response_from_callback(MHD_SIZE_UNKNOWN, STREAM_BLOCK, send_chunk, sender, free_sender));
	return true;
}
