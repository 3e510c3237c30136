/*
 * Bodies that are not kept: the connection thread gathers a piece, a worker takes it, and the connection reads on. Gate and handler run with the
 * first piece, since they may block. libmicrohttpd takes an answer before the body or behind it and not in between; so what is answered early waits until
 * the rest was read and dropped.
 */
#include "lib/http/internal.h"

enum { DROP_MAX = 64 * 1024 * 1024, STATUS_ABANDONED = 499 };

void http_take_body(struct http_request *request, const struct http_upload *upload)
{
	if (!request->is_streamed || request->has_upload)
		err_panic("%s %s takes no body", request->method, request->route->pattern);
	request->upload = *upload;
	request->has_upload = true;
}

static void end_upload(struct http_request *request)
{
	if (request->has_upload)
		request->upload.fini(request->upload.upload);
	request->has_upload = false;
}

/* ---- on a worker ---------------------------------------------------------------------------------------------------- */

static bool begin(struct http_request *request, struct err *err)
{
	const struct http_settings *settings = &request->server->settings;
	request->has_begun = true;
	return (settings->gate == NULL || settings->gate(request, request->route, settings->context, err)) &&
	       request->route->handle(request, settings->context, err);
}

static bool take(struct http_request *request, struct err *err)
{
	const struct http_upload *upload = &request->upload;
	if (!request->has_upload)
		return true;
	if (request->body.length > 0 && !upload->take(upload->upload, request->body.data, request->body.length, err))
		return false;
	return !request->is_whole || upload->finish(upload->upload, request, err);
}

static void take_piece(void *subject)
{
	struct http_request *request = subject;
	struct err err = {0};
	bool ok = (request->has_begun || begin(request, &err)) && take(request, &err);
	request->body.length = 0;
	if (!ok)
		reply_problem(request, &err);
	else if (request->response == NULL && (request->is_whole || !request->has_upload))
		err_panic("the handler of %s %s did not answer", request->method, request->route->pattern);
	if (request->response != NULL) {
		end_upload(request);
		request_tell_done(request);
	}
	request->phase = request->is_whole ? HTTP_ANSWERED : HTTP_READING;
	MHD_resume_connection(request->connection);
}

static void abandon(void *subject)
{
	struct http_request *request = subject;
	end_upload(request);
	request->status = STATUS_ABANDONED;
	request_tell_done(request);
	request_free(request);
}

/* ---- on the connection thread ------------------------------------------------------------------------------------------- */

static void hand_over(struct http_request *request)
{
	struct err err;
	request->phase = HTTP_WORKING;
	MHD_suspend_connection(request->connection);
	if (work_push(&request->server->work, take_piece, request))
		return;
	err_set(&err, ERR_TEMPORARY, "the server is stopping");
	reply_problem(request, &err);
	end_upload(request);
	request_tell_done(request);
	request->phase = request->is_whole ? HTTP_ANSWERED : HTTP_READING;
	MHD_resume_connection(request->connection);
}

enum MHD_Result upload_receive(struct http_request *request, const char *bytes, size_t *length)
{
	guard_credit(&request->server->guard, request->connection, *length);
	if (request->response != NULL) {
		request->dropped += *length;
		*length = 0;
		return request->dropped > DROP_MAX ? MHD_NO : MHD_YES;
	}
	/* One piece has room for whatever the connection has read. */
	if (!text_buf_append(&request->body, bytes, *length))
		return MHD_NO;
	*length = 0;
	if (request->body.length >= HTTP_PIECE)
		hand_over(request);
	return MHD_YES;
}

bool upload_end(struct http_request *request)
{
	if (request->response != NULL) {
		request->phase = HTTP_ANSWERED;
		return true;
	}
	request->is_whole = true;
	hand_over(request);
	return false;
}

/* To give back what was half received may take a while. */
void upload_abandon(struct http_request *request)
{
	if (!work_push(&request->server->work, abandon, request))
		abandon(request);
}
